r"""Moving a scenario's outcomes until its log has a real log's levels and its selection on logged columns.

One factor moves the slopes of the stages (how much the logged columns select), one shift the intercepts for every stage
whose rate is known, and the effect's base :math:`b_0` the rate of the treated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from causalrec_lab.world.alike.exposure_fit import Trial, root
from causalrec_lab.world.alike.outcome import Level
from causalrec_lab.world.law.exposure import nominal_propensity
from causalrec_lab.world.people.population import Floats
from causalrec_lab.world.scenarios.scenario import Effect, Exposure, Stage

__all__ = ["Behaviour", "fit_behaviour"]

_SLOPES = ("affinity", "log_popularity", "activity", "cost", "season", "fatigue", "novelty")
_STRONGEST = 4.0  # times the base scenario's slopes, either sign
_FAR = 4.0  # base of an effect beyond which the stages it acts on are too few
_FEW = 6_000  # pairs on which factors are searched


@dataclass(frozen=True)
class Behaviour:
    """Stages and effect that have a log's levels, with what was moved by how much.

    Parameters
    ----------
    stages, effect
        Of the scenario.
    slopes
        Factor on the slopes of the stages, from the selection on logged columns.
    """

    stages: tuple[Stage, ...]
    effect: Effect
    slopes: float


def fit_behaviour(
    trial: Trial,
    exposure: Exposure,
    stages: tuple[Stage, ...],
    effect: Effect,
    levels: Sequence[Level],
    main: str,
    selection: float | None,
    floor: float,
) -> Behaviour:
    """Move stages and effect until the levels, and the selection on logged columns, are the log's.

    Parameters
    ----------
    trial, exposure
        Where candidates are tried, under which exposure.
    stages, effect
        The base scenario's.
    levels
        Of the log, in the order of the funnel.
    main
        Stage of the outcome, whose treated level and selection are matched.
    selection
        E[mu_0(x) | T = 1] - E[mu_0(x) | T = 0] of the log; None keeps the slopes.
    floor
        Lowest rate a finite log can tell from 0; rates are kept that far from 0 and 1.
    """
    level = next((level for level in levels if level.stage == main), None)
    if level is None:
        return Behaviour(stages, effect, 1.0)
    e = trial.chances(exposure)
    factor = 1.0
    if selection is not None and level.untreated is not None:
        factor = _selecting(trial.part(_FEW), exposure, (stages, effect), level, selection, floor)
    moved = _levelled(trial, e, _scaled(stages, factor, main), effect, levels, floor)
    if level.untreated is None or level.treated is None:
        return Behaviour(moved, effect, factor)
    rate = min(max(level.treated, floor), 1 - floor)
    found = _treated_level(trial, e, moved, effect, main, rate)
    if abs(found.base) <= _FAR:
        return Behaviour(moved, found, factor)
    everywhere = _treated_everywhere(moved, main)
    return Behaviour(everywhere, _treated_level(trial, e, everywhere, effect, main, rate), factor)


def _treated_level(
    trial: Trial, e: Floats, stages: tuple[Stage, ...], effect: Effect, stage: str, rate: float
) -> Effect:
    """Effect whose base gives treated decisions their rate."""

    def above(base: float) -> float:
        _, y1 = trial.reached(stages, replace(effect, base=base), stage)
        return float((e * y1).sum() / e.sum()) - rate

    return replace(effect, base=root(above, -25.0, 25.0))


def _treated_everywhere(stages: tuple[Stage, ...], last: str) -> tuple[Stage, ...]:
    """Let the treatment act on every stage up to `last`: on fewer it cannot make such a difference."""
    end = [stage.name for stage in stages].index(last)
    return tuple(replace(stage, treatment=1.0) if place <= end else stage for place, stage in enumerate(stages))


def _scaled(stages: tuple[Stage, ...], factor: float, last: str) -> tuple[Stage, ...]:
    """Stages up to `last` with their slopes times a factor."""
    names = [stage.name for stage in stages]
    return tuple(
        replace(stage, **{name: factor * getattr(stage, name) for name in _SLOPES})
        if names.index(stage.name) <= names.index(last)
        else stage
        for stage in stages
    )


def _selecting(
    trial: Trial, exposure: Exposure, base: tuple[tuple[Stage, ...], Effect], level: Level, target: float, floor: float
) -> float:
    """Factor on the stages' slopes at which the logged columns select as much as in the log, or nearest to it."""
    stages, effect = base
    rule = trial.rule(exposure)
    e = 0.5 * (nominal_propensity(rule, trial.pairs, 0, 15) + nominal_propensity(rule, trial.pairs, 1, 15))

    def selects(factor: float) -> float:
        moved = _levelled(trial, e, _scaled(stages, factor, level.stage), effect, [level], floor)
        y0, _ = trial.reached(moved, effect, level.stage)
        return float((e * y0).sum() / e.sum() - ((1 - e) * y0).sum() / (1 - e).sum())

    if abs(selects(1.0)) < 1e-4:
        return 1.0  # exposure follows nothing: no slope could select
    side = 1.0 if target >= 0 else -1.0
    grid = side * np.array([0.0, 0.5, 1.0, 2.0, _STRONGEST])
    found = np.array([side * selects(float(factor)) for factor in grid]) - abs(target)
    crossing = np.flatnonzero((found[:-1] < 0) & (found[1:] >= 0))
    if not len(crossing):
        return float(grid[np.argmin(np.abs(found))])
    low, high = grid[crossing[0]], grid[crossing[0] + 1]
    return side * root(lambda k: side * selects(side * k) - abs(target), abs(low), abs(high), 1e-3)


def _levelled(
    trial: Trial, e: Floats, stages: tuple[Stage, ...], effect: Effect, levels: Sequence[Level], floor: float
) -> tuple[Stage, ...]:
    """Shift intercepts, level by level in the order of the funnel; stages between two levels move together."""
    names, done = [stage.name for stage in stages], 0
    for level in levels:
        end = names.index(level.stage) + 1
        start = max(done, 1) if level.seen is not None and end > 1 else done
        above = partial(_above, trial, e, stages, effect, level, range(start, end), floor)
        stages, done = _shifted(stages, range(start, end), root(above, -30.0, 30.0)), end
    return stages


def _above(
    trial: Trial, e: Floats, stages: tuple[Stage, ...], effect: Effect, level: Level, which: range, floor: float,
    shift: float,
) -> float:  # fmt: skip
    """How far the rate lies above the log's when some stages' intercepts are shifted."""
    target = next(rate for rate in (level.seen, level.untreated, level.treated) if rate is not None)
    return _rate(trial, e, _shifted(stages, which, shift), effect, level) - min(max(target, floor), 1 - floor)


def _rate(trial: Trial, e: Floats, stages: tuple[Stage, ...], effect: Effect, level: Level) -> float:
    """Rate of a level under the law: of what was seen, of untreated, or of treated decisions."""
    y0, y1 = trial.reached(stages, effect, level.stage)
    if level.seen is not None and level.stage != stages[0].name:
        first0, first1 = trial.reached(stages, effect, stages[0].name)
        return float((e * y1 + (1 - e) * y0).sum() / (e * first1 + (1 - e) * first0).sum())
    if level.untreated is not None:
        return float(((1 - e) * y0).sum() / (1 - e).sum())
    return float((e * y1).sum() / e.sum())


def _shifted(stages: tuple[Stage, ...], which: range, shift: float) -> tuple[Stage, ...]:
    return tuple(
        replace(stage, intercept=stage.intercept + shift) if place in which else stage
        for place, stage in enumerate(stages)
    )
