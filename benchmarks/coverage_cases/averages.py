"""Average effects: regression, weighting, doubly robust estimators, by the outcome's kind."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab import Estimate, Truth, world
from causalrec_lab.causal import effects
from coverage_cases.case import Case
from coverage_cases.populations import ESTIMANDS, ROWS, Clicks, Surface, platform_clicks, surface

# label -> function, estimands, options
FAMILY: dict[str, tuple[Callable[..., Estimate], tuple[str, ...], dict[str, Any]]] = {
    "aipw": (effects.aipw, ESTIMANDS, {}),
    "ipw": (effects.ipw, ESTIMANDS, {}),
    "matching": (effects.matching, ("ATE", "ATT"), {}),
    "matching, 4": (effects.matching, ("ATE",), {"matches": 4}),
    "tmle": (effects.tmle, ("ATE", "ATT"), {}),
    "dml, 3 splits": (effects.dml, ("ATE", "ATT"), {"repetitions": 3}),
    "dml, partially linear": (effects.dml, ("ATO",), {"model": "partially linear"}),
    "matching, propensity": (effects.matching, ("ATE", "ATT"), {"distance": "propensity"}),
}


def cases() -> list[Case]:
    """Every estimator on binary, continuous and heavy-tailed outcomes; clustered rows; the linear preset."""
    populations: dict[str, Clicks | Surface] = {
        "binary": platform_clicks(),
        "continuous": surface("normal"),
        "heavy-tailed": surface("heavy"),
        "clustered": surface("clustered"),
    }
    found = []
    for name, (function, estimands, options) in FAMILY.items():
        for kind, population in populations.items():
            for estimand in estimands:
                if kind == "clustered" and estimand != estimands[0]:
                    continue
                more = options | ({"cluster": "cluster"} if kind == "clustered" else {})
                found.append(case(f"{name} {estimand}, {kind}", function, population, estimand, more))
    return [*found, *logged(), *regressions()]


def case(
    label: str, function: Callable[..., Estimate], population: Clicks | Surface, estimand: str, options: dict[str, Any]
) -> Case:
    """One estimator on one population, its truth the population's own."""
    run = partial(call, function, population, {"estimand": estimand} | options)
    return Case(label, population.draw, run, population.truth(estimand))


def call(
    function: Callable[..., Estimate], population: Clicks | Surface, options: dict[str, Any], log: pd.DataFrame, _: int
) -> Estimate:
    """The estimator on a log, with the population's column names."""
    return function(log, population.treatment, population.outcome, population.covariates, **options)


def logged() -> list[Case]:
    """The platform's own propensity (not for ATO: it knows the lottery and weighs overlap otherwise than truth.ato)."""
    clicks, known = platform_clicks(), {"propensity": "propensity"}
    return [case(f"ipw {e}, binary, logged e", effects.ipw, clicks, e, known) for e in ("ATE", "ATT")]


def regressions() -> list[Case]:
    """Least squares where its model is right."""
    straight, preset = surface("linear"), world.linear_gaussian(seed=3)
    exact = Truth(preset.truth.path_effects("shown", "purchase").loc["total shown=>purchase", "value"])
    found = [case(f"regression {e}, continuous", effects.regression, straight, e, {}) for e in ("ATE", "ATT")]
    return [*found, Case("regression, linear preset", exposed, on_preset, exact)]


def on_preset(log: pd.DataFrame, _: int) -> Estimate:
    """Effect of exposure on purchase in the linear preset."""
    return effects.regression(log, "shown", "purchase", ["affinity"])


def exposed(seed: int) -> pd.DataFrame:
    """Rows of the linear preset whose exposure is set to 0 or 1, more often to 1 where affinity is high."""
    preset = world.linear_gaussian(seed=3)
    off, on = (preset.sample(ROWS, seed, do={"shown": value}) for value in (0.0, 1.0))
    rng = np.random.default_rng([17, seed])
    treated = rng.uniform(size=ROWS) < 1 / (1 + np.exp(-off["affinity"]))
    return on.where(treated, off, axis=0)
