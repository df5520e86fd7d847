"""Giving a scenario's amount the quantiles of a log's, and the log's difference between treated and untreated."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from causalrec_lab.world.alike.behaviour_fit import Behaviour
from causalrec_lab.world.alike.exposure_fit import Trial, root
from causalrec_lab.world.alike.rows import Rows
from causalrec_lab.world.law.amounts import amount_mean, scores_of
from causalrec_lab.world.law.outcomes import amount_location
from causalrec_lab.world.people.population import Floats
from causalrec_lab.world.scenarios.scenario import Amount, Exposure, Scenario

__all__ = ["fit_amount"]

_QUANTILES = 81  # of an amount, a tenth of a normal score apart
_MOST = 0.9  # of the scores' variance that affinity may explain
_FEWEST = 10  # amounts in an arm
_APART = 0.02  # in standard deviations of affinity, below which treated and untreated are alike in it


@dataclass(frozen=True, eq=False)
class _Reached:
    """Chances that a pair's amount is above 0 and untreated, or treated, on the platform."""

    trial: Trial
    scenario: Scenario
    weights: tuple[Floats, Floats]

    def location(self, amount: Amount) -> Floats:
        """Mean score of each pair."""
        funnel = replace(self.trial.platform.funnel, scenario=replace(self.scenario, amount=amount))
        found = amount_location(funnel, self.trial.pairs)
        return np.asarray(np.broadcast_to(found, self.weights[0].shape), dtype=np.float64)

    def contrast(self, values: Floats) -> float:
        """Mean where treated less mean where untreated."""
        untreated, treated = (float(np.average(values, weights=weight)) for weight in self.weights)
        return treated - untreated

    def moments(self, values: Floats) -> tuple[float, float]:
        """Mean and variance in both arms together."""
        weight = self.weights[0] + self.weights[1]
        mean = float(np.average(values, weights=weight))
        return mean, float(np.average((values - mean) ** 2, weights=weight))


def fit_amount(trial: Trial, exposure: Exposure, behaviour: Behaviour, scenario: Scenario, rows: Rows) -> Amount:
    r"""Hurdle amount with the log's own quantiles where it is not 0: bounds, heaps and tails are the log's.

    The base's slopes are of logarithms; a curve takes scores of mean 0 and standard deviation 1, so they are divided by
    the standard deviation of the log's logarithms. The slope of affinity is then moved until the mean amounts of
    treated and untreated are as far apart as the log's, as far as selection goes: treatment moves whether there is an
    amount, not its size.
    """
    from scipy.special import ndtr

    assert rows.outcome is not None
    assert rows.outcome.amount is not None
    there = rows.outcome.amount[rows.outcome.reached == 1]
    base, spread = scenario.amount, float(np.log(there).std()) or 1.0
    slopes = {name: getattr(base, name) / spread for name in ("affinity", "hidden", "cost")}
    free = replace(base, intercept=0.0, curve=(1.0,) * _QUANTILES, **slopes)
    curve = np.maximum.accumulate(np.quantile(there, ndtr(scores_of(free))))
    free = replace(free, curve=tuple(float(f"{value:.6g}") for value in curve))
    e = trial.chances(exposure)
    y0, y1 = trial.reached(behaviour.stages, behaviour.effect, base.after)
    reached = _Reached(trial, scenario, ((1 - e) * y0, e * y1))
    return _apart_by(reached, free, _apart(rows))


def _apart(rows: Rows) -> float | None:
    """How far apart the mean amounts of treated and untreated are; None where that cannot be told from 0."""
    if rows.treated is None or rows.outcome is None or rows.outcome.amount is None:
        return None
    one, zero = (rows.outcome.amount[(rows.outcome.reached == 1) & (rows.treated == arm)] for arm in (1, 0))
    if min(len(one), len(zero)) < _FEWEST:
        return None
    found = float(one.mean() - zero.mean())
    return found if abs(found) > 2 * np.hypot(one.std() / len(one) ** 0.5, zero.std() / len(zero) ** 0.5) else None


def _apart_by(reached: _Reached, amount: Amount, wanted: float | None) -> Amount:
    """The amount whose arms are as far apart as wanted, or as near to it as the scores' variance allows."""
    bare = reached.location(replace(amount, affinity=0.0))
    unit = reached.location(replace(amount, affinity=1.0)) - bare
    deviation = float(np.sqrt(reached.moments(unit)[1]))
    step = reached.contrast(unit)

    def standing(slope: float) -> tuple[Amount, Floats]:
        location = bare + slope * unit
        mean, seen = reached.moments(location)
        sigma = float(np.sqrt(max(1 - seen, 1 - _MOST)))
        return replace(amount, affinity=slope, intercept=-mean, sigma=sigma), location - mean

    if wanted is None or abs(step) < _APART * deviation:
        return standing(amount.affinity)[0]
    side, most = float(np.sign(step)), float(np.sqrt(_MOST)) / deviation
    found = root(lambda slope: reached.contrast(amount_mean(*standing(side * slope))) - wanted, -most, most)
    return standing(side * found)[0]
