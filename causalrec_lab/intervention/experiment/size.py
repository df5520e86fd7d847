"""How many units an experiment needs, how long that takes, and what it would see."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from causalrec_lab.estimate import z_value
from causalrec_lab.intervention.experiment.looks import group_sequential
from causalrec_lab.intervention.experiment.many_arms import dunnett
from causalrec_lab.intervention.experiment.pilot import Pilot
from causalrec_lab.intervention.experiment.plan import Design

__all__ = ["design"]


def design(
    baseline: float | Pilot,
    effect: float | None = None,
    power: float = 0.8,
    *,
    n: int | None = None,
    relative: bool = False,
    level: float = 0.95,
    std: float | None = None,
    correlation: float = 0.0,
    shares: Sequence[float] = (1.0, 1.0),
    comparisons: str = "dunnett",
    cluster_size: float = 1.0,
    icc: float = 0.0,
    looks: int = 1,
    spending: str = "obrien-fleming",
) -> Design:
    r"""Units that find an effect with given power; or, from `n` units, the least effect found, or the power.

    .. math:: N = (c + z_{power})^2 \left(\frac{\sigma_0^2}{s_0} + \frac{\sigma_1^2}{s_1}\right)
        \frac{(1 - \rho^2)\, D\, I}{\delta^2}

    with arm shares s, :math:`c = z_{(1+level)/2}` or the value for several arms, the design effect of clusters
    :math:`D = 1 + (m - 1) ICC` (Donner and Klar 2000) and the inflation I of a group-sequential plan. For a rate
    :math:`\sigma^2 = p (1 - p)` of each arm (Fleiss, Levin and Paik 2003, chapter 4).

    Parameters
    ----------
    baseline
        Mean of the control arm: a rate in (0, 1), or any number when `std` is given; or what `measure` found in data
        from before, which also brings std, correlation and clusters, and knows ratio metrics.
    effect
        Absolute difference to be found, not 0; with None it is solved from `n` and `power`.
    power, level
        In (0, 1). With both `effect` and `n`, power is the result.
    n
        Units in all arms together.
    relative
        Whether `effect` is a share of the baseline.
    std
        Standard deviation of a metric that is not a rate.
    correlation
        Of the metric with its pre-period covariate: CUPED leaves 1 - rho^2 of the variance (Deng, Xu, Kohavi and
        Walker 2013).
    shares
        Of the arms, the control first, any scale; the smallest arm sets the size.
    comparisons
        Critical value where there are several arms: "dunnett", "bonferroni", or "each" (no correction).
    cluster_size, icc
        Units a cluster where clusters are randomised, and their intracluster correlation.
    looks, spending
        Planned looks and how the error is spent on them (`group_sequential`); of several arms each then has its share
        of the error (Bonferroni), unless comparisons="each".

    Raises
    ------
    ValueError
        If a rate leaves (0, 1), the effect is 0, nothing is left to solve, or another argument lies outside its range.
    """
    uneven = 1.0
    if isinstance(baseline, Pilot):
        pilot, baseline = baseline, baseline.mean
        std, correlation, icc = std or pilot.std, correlation or pilot.correlation, icc or pilot.icc
        uneven = 1 + pilot.cluster_variation**2 if cluster_size == 1.0 else 1.0
        cluster_size = pilot.cluster_size if cluster_size == 1.0 else cluster_size
    if effect is not None and relative:
        effect = effect * baseline
    _check(baseline, effect, power, n, level, std, correlation, shares, cluster_size, icc, looks)
    critical = _critical(shares, comparisons, level)
    each = level if comparisons == "each" else 1 - (1 - level) / (len(shares) - 1)
    boundary = group_sequential(looks, spending, level=each) if looks > 1 else None
    plan = Design(
        (2,) * len(shares), float(baseline), float(effect or math.nan), power, level,
        std=std, shares=tuple(float(s) / sum(shares) for s in shares), critical=critical,
        variance_left=(1 - correlation**2) * (1 + (cluster_size * uneven - 1) * icc), cluster_size=cluster_size,
        boundary=boundary,
    )  # fmt: skip
    if n is None:
        assert effect is not None  # _check saw to it
        return plan.of_size(plan.needed(float(effect), power))
    if effect is None:
        return plan.of_size(n).finding(plan.of_size(n).detectable())
    return plan.of_size(n).reached()


def _critical(shares: Sequence[float], comparisons: str, level: float) -> float:
    arms = len(shares) - 1
    values = {"dunnett": dunnett, "bonferroni": lambda _, level: z_value(1 - (1 - level) / arms)}
    if comparisons == "each" or arms == 1:
        return z_value(level)
    if comparisons not in values:
        raise ValueError(f"unknown comparisons={comparisons!r}; known are 'dunnett', 'bonferroni', 'each'")
    return float(values[comparisons](shares, level))


def _check(
    baseline: float, effect: float | None, power: float, n: int | None, level: float, std: float | None,
    correlation: float, shares: Sequence[float], cluster_size: float, icc: float, looks: int,
) -> None:  # fmt: skip
    if effect == 0:
        raise ValueError("design(effect=0): no experiment finds nothing; give the smallest effect worth acting on")
    if effect is None and n is None:
        raise ValueError("design: give effect= (to find the units), n= (to find the least effect), or both (the power)")
    if effect is not None and not math.isfinite(effect):
        raise ValueError(f"design(effect={effect}): give a finite difference")
    if looks < 1:
        raise ValueError(f"design(looks={looks}): at least one look")
    if n is not None and n < 2 * len(shares):
        raise ValueError(f"design(n={n}): at least two units an arm, {2 * len(shares)} here")
    if not (0 < power < 1 and 0 < level < 1 and -1 < correlation < 1):
        raise ValueError(f"design: power={power} and level={level} lie in (0, 1), correlation={correlation} in (-1, 1)")
    rates = [baseline, baseline + (effect or 0.0)]
    if std is None and not all(0 < rate < 1 for rate in rates):
        raise ValueError(
            f"design: rates {rates[0]} and {rates[1]} are not both in (0, 1); give std= for another metric"
        )
    if std is not None and not std > 0:
        raise ValueError(f"design(std={std}): a standard deviation is positive")
    if len(shares) < 2 or not np.all(np.asarray(shares, dtype=np.float64) > 0):
        raise ValueError(f"design(shares={list(shares)}): a positive share of the control and of each other arm")
    if not (cluster_size >= 1 and 0 <= icc < 1):
        raise ValueError(f"design: cluster_size={cluster_size} is at least 1, icc={icc} lies in [0, 1)")
