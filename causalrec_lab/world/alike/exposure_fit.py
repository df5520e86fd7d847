"""Moving a scenario's exposure rule until its log has a real log's share of treated and predictability of exposure.

The intercept and one factor on all slopes are moved; both statistics are computed in closed form on sampled pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from causalrec_lab.world.alike.statistics import auc
from causalrec_lab.world.law.exposure import nominal_propensity, propensity
from causalrec_lab.world.lists.examination import mean_examination
from causalrec_lab.world.people.population import Floats, Pairs, stream
from causalrec_lab.world.platform import Platform
from causalrec_lab.world.scenarios.scenario import Effect, Exposure, Stage

__all__ = ["Trial", "fit_exposure", "root"]

PAIRS = 20_000
_SLOPES = ("affinity_hat", "log_popularity", "activity", "log_exposures")
_STEEPEST = 30.0  # times the base scenario's exposure slopes
_CLOSE = 0.003


@dataclass(frozen=True, eq=False)
class Trial:
    """A platform, and pairs drawn from its law on which candidates are tried.

    Parameters
    ----------
    platform
        With the dials the likeness is made under (its `confounding` above all).
    pairs
        Users and items, each with equal chance.
    """

    platform: Platform
    pairs: Pairs

    @classmethod
    def of(cls, platform: Platform, seed: int, n: int = PAIRS) -> Trial:
        """Draw n pairs."""
        rng, population = stream("likeness pairs", seed), platform.population
        users = rng.integers(population.n_users, size=n)
        return cls(platform, population.at(users, rng.integers(population.n_items, size=n)))

    def part(self, n: int) -> Trial:
        """The first n pairs."""
        return Trial(self.platform, self.platform.population.at(self.pairs.users[:n], self.pairs.items[:n]))

    def rule(self, exposure: Exposure) -> Exposure:
        """Exposure as the platform would use it: the hidden trait's coefficient times the dial."""
        dials = self.platform.dials
        return replace(
            exposure,
            hidden=exposure.hidden * dials.confounding,
            lottery=exposure.lottery * dials.instrument,
        )

    def chances(self, exposure: Exposure) -> Floats:
        """P(T = 1) of each pair, averaged over the lottery."""
        rule = self.rule(exposure)
        with np.errstate(over="ignore"):  # exp(-logit) of a candidate far off: its chance is 0, as it should be
            return 0.5 * (propensity(rule, self.pairs, 0) + propensity(rule, self.pairs, 1))

    def auc(self, exposure: Exposure, stored: bool) -> float:
        """AUC of the best score: of stored propensities (which know the lottery), or of the logged covariates."""
        rule = self.rule(exposure)
        with np.errstate(over="ignore"):
            true = [propensity(rule, self.pairs, z) for z in (0, 1)]
            known = [nominal_propensity(rule, self.pairs, z, 15) for z in (0, 1)] if rule.hidden else true
        if stored:
            score, e = np.concatenate(known), np.concatenate(true)
        else:
            score, e = known[0] + known[1], 0.5 * (true[0] + true[1])
        return auc(score, e, 1 - e)

    def reached(self, stages: tuple[Stage, ...], effect: Effect, last: str) -> tuple[Floats, Floats]:
        """P(last stage reached) of each pair, untreated and treated."""
        funnel = replace(self.platform.funnel, stages=stages, effect=effect)
        examined = mean_examination(self.platform.scenario)
        with np.errstate(over="ignore"):
            y0, y1 = funnel.reached(self.pairs, last, (0, 1), examined=examined)
        return y0, y1


def fit_exposure(
    trial: Trial, base: Exposure, share: float | None, target: float | None, *, stored: bool
) -> tuple[Exposure, float]:
    """Exposure rule whose share of treated is `share` and whose AUC is as near to `target` as the rule allows.

    Parameters
    ----------
    trial
        Where candidates are tried.
    base
        The base scenario's rule.
    share, target
        Of the log; None leaves the base's slopes, or all of it.
    stored
        Whether the AUC is that of stored propensities: the lottery's coefficient is then a slope like the others.

    Returns
    -------
    The rule, and the factor on its slopes.
    """
    if share is None:
        return base, 1.0
    low, high = base.clip
    base = replace(base, clip=(min(low, share / 3), max(high, 1 - (1 - share) / 3)))
    if target is None:
        return _at_share(trial, base, share), 1.0
    wide = replace(base, clip=(min(low, share / 50), max(high, 1 - (1 - share) / 50)))
    for candidate in (base, wide):
        factor = _factor(partial(_area, trial, candidate, share, stored), target)
        rule = _sloped(trial, candidate, factor, share, stored)
        if abs(trial.auc(rule, stored) - max(target, 0.5)) < _CLOSE:
            break
    return rule, factor


def _area(trial: Trial, base: Exposure, share: float, stored: bool, factor: float) -> float:
    """AUC when all slopes are multiplied and the share is kept."""
    return trial.auc(_sloped(trial, base, factor, share, stored), stored)


def _sloped(trial: Trial, base: Exposure, factor: float, share: float, stored: bool) -> Exposure:
    names = (*_SLOPES, "lottery") if stored else _SLOPES
    return _at_share(trial, replace(base, **{name: factor * getattr(base, name) for name in names}), share)


def _at_share(trial: Trial, exposure: Exposure, share: float) -> Exposure:
    def above(intercept: float) -> float:
        return float(trial.chances(replace(exposure, intercept=intercept)).mean()) - share

    reach = 40.0 + 10 * abs(exposure.log_popularity) + 10 * abs(exposure.affinity_hat)
    return replace(exposure, intercept=root(above, -reach, reach))


def _factor(area: Callable[[float], float], target: float) -> float:
    """Factor on the slopes at which an AUC that grows with it reaches its target, on the log scale."""
    if target <= area(0.0) + 1e-4:
        return 0.0
    if target >= area(_STEEPEST):
        return _STEEPEST
    return float(np.exp(root(lambda log: area(float(np.exp(log))) - target, np.log(1e-2), np.log(_STEEPEST), 3e-3)))


def root(rising: Callable[[float], float], low: float, high: float, tolerance: float = 1e-5) -> float:
    """Where a rising function crosses 0; the nearer end if it does not."""
    from scipy.optimize import brentq

    if rising(low) >= 0:
        return low
    if rising(high) <= 0:
        return high
    return float(brentq(rising, low, high, xtol=tolerance))
