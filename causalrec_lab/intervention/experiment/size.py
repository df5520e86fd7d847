"""How many units an experiment needs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

__all__ = ["Design", "design"]


@dataclass(frozen=True)
class Design:
    """A planned two-arm comparison.

    Parameters
    ----------
    n_per_arm
        Units in each arm.
    baseline, effect
        Control mean, and the difference to be found.
    power, level
        Chance of finding it; confidence level of the interval.
    """

    n_per_arm: int
    baseline: float
    effect: float
    power: float
    level: float

    @property
    def n(self) -> int:
        """Units in both arms."""
        return 2 * self.n_per_arm

    def __str__(self) -> str:
        """One sentence."""
        return (
            f"{self.n_per_arm:,} units an arm find a change of {self.effect:+.4g} on {self.baseline:.4g} "
            f"with power {self.power:.0%} at level {self.level:.0%}"
        )


def design(
    baseline: float,
    effect: float,
    power: float = 0.8,
    *,
    level: float = 0.95,
    std: float | None = None,
    correlation: float = 0.0,
) -> Design:
    r"""Units an arm: :math:`n = (z_{(1+level)/2} + z_{power})^2 (\sigma_0^2 + \sigma_1^2)(1 - \rho^2) / \delta^2`.

    For a rate :math:`\sigma^2 = p (1 - p)` of each arm (Fleiss, Levin and Paik 2003, chapter 4).

    Parameters
    ----------
    baseline
        Mean of the control arm: a rate in (0, 1), or any number when `std` is given.
    effect
        Absolute difference to be found; not 0.
    power, level
        In (0, 1).
    std
        Standard deviation of a metric that is not a rate.
    correlation
        Of the metric with its pre-period covariate: CUPED leaves 1 - rho^2 of the variance (Deng, Xu, Kohavi and
        Walker 2013).

    Raises
    ------
    ValueError
        If a rate leaves (0, 1), the effect is 0, or power, level or correlation lie outside their range.
    """
    if effect == 0:
        raise ValueError("design(effect=0): no experiment finds nothing; give the smallest effect worth acting on")
    if not (0 < power < 1 and 0 < level < 1 and -1 < correlation < 1):
        raise ValueError(f"design: power={power} and level={level} lie in (0, 1), correlation={correlation} in (-1, 1)")
    if std is None and not (0 < baseline < 1 and 0 < baseline + effect < 1):
        raise ValueError(
            f"design: rates {baseline} and {baseline + effect} are not both in (0, 1); give std= for another metric"
        )
    if std is not None and not std > 0:
        raise ValueError(f"design(std={std}): a standard deviation is positive")
    rates = (baseline, baseline + effect)
    variance = 2 * std**2 if std is not None else sum(p * (1 - p) for p in rates)
    z = NormalDist().inv_cdf((1 + level) / 2) + NormalDist().inv_cdf(power)
    n = math.ceil(z**2 * variance * (1 - correlation**2) / effect**2)
    return Design(max(n, 2), float(baseline), float(effect), power, level)
