"""Difference in differences: units drawn from a large rollout, each average beside its truth over all of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd

from causalrec_lab import Estimate, world
from causalrec_lab.causal import effects
from causalrec_lab.causal.effects import PanelEffects
from coverage_cases.case import Case

__all__ = ["cases"]

UNITS, POPULATION = 1_000, 40_000
KEYS = {"unit": "unit", "time": "time", "cohort": "cohort"}


@cache
def rollout(trend: float) -> world.Rollout:
    """The population of units; `trend` is the slope of untreated outcomes in x."""
    return world.rollout(5, n_units=POPULATION, periods=8, adopt=(3, 5, 7), covariate_trends=trend)


def draw(trend: float, seed: int) -> pd.DataFrame:
    """Units drawn with replacement, observed with noise of their own."""
    model, rng = rollout(trend), np.random.default_rng([43, seed])
    chosen = rng.integers(0, POPULATION, UNITS)
    mean = model.untreated_means[chosen] + model.effects[chosen]
    outcome = mean + model.noise * rng.standard_normal(mean.shape)
    return pd.DataFrame(
        {
            "unit": np.repeat(np.arange(UNITS), model.periods),
            "time": np.tile(model.times, UNITS),
            "cohort": np.repeat(model.unit_cohort[chosen], model.periods),
            "x": np.repeat(model.x[chosen], model.periods),
            "outcome": outcome.ravel(),
        }
    )


def parallel(seed: int) -> pd.DataFrame:
    """Parallel trends."""
    return draw(0.0, seed)


def conditional(seed: int) -> pd.DataFrame:
    """Trends parallel given x only."""
    return draw(0.3, seed)


def averaged(kind: str) -> Callable[[PanelEffects], Estimate]:
    """One of the four averages."""
    return lambda found: found.average(kind)


def case(label: str, kind: str, conditioned: bool, control: str) -> Case:
    """One average with one kind of comparison units."""
    covariates = ("x",) if conditioned else ()
    return Case(
        label,
        conditional if conditioned else parallel,
        lambda log, seed: averaged(kind)(effects.did(log, "outcome", covariates, control=control, seed=seed, **KEYS)),
        rollout(0.3 if conditioned else 0.0).truth.att(kind),
    )


def cases() -> list[Case]:
    """Every average, both kinds of comparison units, with and without a covariate."""
    rows = [case(f"did {kind} average", kind, False, "never") for kind in ("simple", "group", "dynamic", "calendar")]
    rows.append(case("did simple average, not-yet-treated controls", "simple", False, "not yet"))
    rows.append(case("did simple average, doubly robust", "simple", True, "never"))
    rows.append(case("did simple average, doubly robust, not-yet-treated controls", "simple", True, "not yet"))
    return rows
