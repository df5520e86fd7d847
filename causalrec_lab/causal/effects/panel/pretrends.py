"""Trends before treatment: a joint test, what it could have missed, and what a violation would do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import optimize, stats

from causalrec_lab.causal.effects.panel.aggregation import aggregate, covariance, sup_t
from causalrec_lab.causal.effects.sample import Floats, Integers

if TYPE_CHECKING:
    from causalrec_lab.causal.effects.panel.result import PanelEffects

__all__ = ["PreTrend", "breakdown_ratio", "freedom_of", "pretrend_test", "relative_magnitudes"]

_POWER = 0.8


@dataclass(frozen=True)
class PreTrend:
    r"""Joint test that nothing moved before treatment, and what it cannot see.

    Parameters
    ----------
    statistic, freedom
        Wald statistic of the effects before treatment and its degrees of freedom.
    p_value
        From Hotelling's law with Krishnamoorthy and Yu's (2004) degrees of freedom: each cohort's part of the
        covariance comes from a finite number of clusters.
    detectable_slope
        A difference in trends, in outcome units a period of time, that this test at 5 % would find in 80 of 100 samples
        (Roth 2022 judges tests so).
    bias
        What such a trend, going on, would add to the simple average effect.
    notes
        The same in words.
    """

    statistic: float
    freedom: int
    p_value: float
    detectable_slope: float
    bias: float
    notes: tuple[str, ...]

    def __str__(self) -> str:
        """Test and its limits in two sentences."""
        return " ".join(self.notes)


def pretrend_test(found: PanelEffects) -> PreTrend:
    """Test the mean effects at every time before treatment jointly."""
    values, influence, offset = _before(found)
    spread = covariance(influence, found.units) if len(values) else np.empty((0, 0))
    q, clusters = len(values), found.cells.influence.shape[0]
    freedom = int(np.linalg.matrix_rank(spread, hermitian=True)) if q else 0
    if freedom == 0 or clusters <= q:
        why = f"{clusters} clusters do not carry {q} effects" if freedom else "nothing is seen to move before the base"
        return PreTrend(math.nan, q, math.nan, math.nan, math.nan, (f"pre-trends cannot be tested: {why}",))
    inverse = np.asarray(np.linalg.pinv(spread, hermitian=True), dtype=np.float64)
    wald = float(values @ inverse @ values)
    rest = max(freedom_of(influence, found.shares.influence.argmax(axis=1), inverse, freedom) - freedom + 1, 1.0)
    p = float(stats.f.sf(wald * rest / (freedom * (rest + freedom - 1)), freedom, rest))
    slope = math.sqrt(_needed(freedom, rest) / float(offset @ inverse @ offset))
    bias = slope * _drift(found)
    return PreTrend(wald, freedom, p, slope, bias, _words(p, freedom, slope, bias))


def _before(found: PanelEffects) -> tuple[Floats, Floats, Floats]:
    """Mean effects by time before treatment, their covariance, and how far each is from its base in time."""
    cells, rows = found.cells, found.before
    if not rows.any():
        return np.empty(0), np.empty((0, 0)), np.empty(0)
    study = aggregate(cells, found.shares, found.since, "dynamic")
    away = replace(cells, att=found.clock[cells.period] - found.clock[cells.base])
    offsets = aggregate(away, found.shares, found.since, "dynamic").effects
    kept = np.isin(study.keys, np.unique(found.since[rows]))
    return study.effects[kept], study.influence[:, kept], offsets[kept]


def freedom_of(influence: Floats, cohort: Integers, inverse: Floats, rank: int) -> float:
    r"""Degrees of freedom of a covariance that is the sum of the cohorts' own (Krishnamoorthy and Yu 2004).

    :math:`\nu = (q + q^2) / \sum_g \{tr[(S_g S^{-1})^2] + tr[S_g S^{-1}]^2\} / (n_g - 1)` with q effects, and n_g
    clusters and the part S_g of the covariance S from cohort g; a cluster counts to the cohort of most of its units.
    """
    parts = [influence[cohort == g] for g in np.unique(cohort)]
    centred = [part - part.mean(axis=0) for part in parts]
    spreads = [len(part) / max(len(part) - 1, 1) * part.T @ part for part in centred]
    scale = rank / float(np.trace(inverse @ np.sum(spreads, axis=0)))
    taken = 0.0
    for part, spread in zip(parts, spreads, strict=True):
        share = scale * inverse @ spread
        taken += (float(np.trace(share @ share)) + float(np.trace(share)) ** 2) / max(len(part) - 1, 1)
    return min((rank + rank**2) / taken, len(influence) - 1.0)


def _drift(found: PanelEffects) -> float:
    """Simple average of the time between base and treated periods: a slope times this is its bias."""
    away = replace(found.cells, att=found.clock[found.cells.period] - found.clock[found.cells.base])
    return aggregate(away, found.shares, found.since, "simple").average


def _needed(freedom: int, rest: float) -> float:
    critical = stats.f.ppf(0.95, freedom, rest)
    return float(optimize.brentq(lambda x: stats.ncf.sf(critical, freedom, rest, x) - _POWER, 1e-6, 1e4))


def _words(p: float, freedom: int, slope: float, bias: float) -> tuple[str, ...]:
    verdict = (
        f"warning: cohorts moved apart before treatment (joint test of {freedom} effects, p = {p:.2g}): parallel "
        "trends are in doubt"
        if p < 0.05
        else f"no difference before treatment was found (joint test of {freedom} effects, p = {p:.2g})"
    )
    limits = (
        f"passing proves nothing: a difference in trends of {slope:.3g} a period would be missed one time in five and "
        f"would add {bias:.3g} to the average effect; keeping only results that pass makes bias worse (Roth 2022)"
    )
    return verdict, limits


def relative_magnitudes(found: PanelEffects, ratios: Sequence[float]) -> pd.DataFrame:
    r"""Intervals of the simple average if trends after treatment break by at most a multiple of those before.

    If from one period to the next the untreated trends of cohort and comparison part by at most :math:`M` times the
    largest such step before treatment, :math:`B`, the bias is at most :math:`M B` a period:

    .. math:: \hat\theta \pm (z_{1-\alpha/4}\, \widehat{se} + M \bar B\, \overline{t - b})

    The restriction is Rambachan and Roth's (2023, relative magnitudes); the interval is a simple,
    conservative one: :math:`\bar B` is an upper bound that holds with :math:`1 - \alpha/2`, and Bonferroni adds the
    rest. M = 0 is parallel trends and the usual interval.

    Raises
    ------
    ValueError
        If there is no step before treatment, or a ratio is negative.
    """
    if any(not ratio >= 0 for ratio in ratios):
        raise ValueError(f"ratios={tuple(ratios)}: a multiple of the largest step before treatment is >= 0")
    value, error, reach = _parts(found)
    rows = []
    for ratio in ratios:
        share = (1 - found.level) / (1 if ratio == 0 else 2)
        half = NormalDist().inv_cdf(1 - share / 2) * error + ratio * reach
        rows.append({"low": value - half, "high": value + half, "excludes_zero": abs(value) > half})
    return pd.DataFrame(rows, index=pd.Index(ratios, name="ratio"))


def breakdown_ratio(found: PanelEffects) -> float:
    """The ratio M at which the interval of `relative_magnitudes` reaches zero; 0 where it never excludes it."""
    value, error, reach = _parts(found)
    margin = abs(value) - NormalDist().inv_cdf(1 - (1 - found.level) / 4) * error
    if margin <= 0:
        return 0.0
    return margin / reach if reach > 0 else math.inf


def _parts(found: PanelEffects) -> tuple[float, float, float]:
    """Average effect, its error, and the bias at a ratio of one."""
    values, influence, _ = _before(found)
    if len(values) == 0:
        raise ValueError(
            "there is no step before treatment to compare with; bounds need at least two untreated periods"
        )
    steps = (
        np.eye(len(values))
        if found.base == "varying"
        else np.diff(np.vstack([np.eye(len(values)), np.zeros(len(values))]), axis=0)
    )
    moves, spread = steps @ values, steps @ covariance(influence, found.units) @ steps.T
    critical = sup_t(spread, 1 - (1 - found.level) / 2, found.seed)
    largest = float((np.abs(moves) + critical * np.sqrt(np.diag(spread))).max())
    simple = aggregate(found.cells, found.shares, found.since, "simple")
    error = math.sqrt(covariance(simple.influence, found.units)[0, 0])
    counted = replace(found.cells, att=(found.cells.period - found.cells.base).astype(np.float64))
    return simple.average, error, largest * aggregate(counted, found.shares, found.since, "simple").average
