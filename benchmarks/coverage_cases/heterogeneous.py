"""What is read from effects that differ: RATE of a known rule, projections, a forest's interval, a policy's gain."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab import Estimate, Truth
from causalrec_lab.causal import effects
from coverage_cases.case import Case
from coverage_cases.populations import Surface, surface

COLUMNS = ["x0", "x1", "x2", "x3"]
POINT = pd.DataFrame([[0.5, 0.0, 0.0, 0.0]], columns=COLUMNS)


def cases() -> list[Case]:
    """Rules ranked by x0, a point of the surface, the rule "treat where x0 > 0"; under a constant effect too."""
    found = []
    for noise in ("normal", "heavy", "clustered"):
        draw = surface(noise).draw
        cluster = "cluster" if noise == "clustered" else None
        for kind in ("autoc", "qini"):
            run = partial(rate, kind, cluster)
            found.append(Case(f"rate {kind}, {noise}", draw, run, Truth(area(kind, surface(noise)))))
        found += [
            Case(f"dr_learner linear at a point, {noise}", draw, partial(linear, cluster), Truth(1 + 1 / 6 + 0.25)),
            Case(f"heterogeneity slope on x0, {noise}", draw, partial(slope, cluster), Truth(0.5)),
        ]
    found.append(Case("rate autoc, constant effect", constant, partial(rate, "autoc", None), Truth(0.0)))
    found.append(Case("heterogeneity slope, constant effect", constant, partial(slope, None), Truth(0.0)))
    truth = Truth(1.375)
    found.append(Case("causal_forest at a point, normal", surface("normal").draw, forest, truth, most=200))
    return found


def constant(seed: int) -> pd.DataFrame:
    """The normal surface with an effect of 1 for everybody."""
    log = surface("normal").draw(seed)
    return log.assign(y=log["y"] - log["t"] * (surface("normal").effect(log["x0"].to_numpy()) - 1))


def area(kind: str, population: Surface) -> float:
    """True area under the TOC of ranking by x0, by the midpoint rule on 200,000 shares."""
    share = (np.arange(200_000) + 0.5) / 200_000
    x0 = 1 - 2 * share  # the value at which this share lies above
    effect = population.effect(x0)
    toc = np.cumsum(effect) / np.arange(1, len(effect) + 1) - effect.mean()
    return float((toc * (share if kind == "qini" else 1.0)).mean())


def scores(log: pd.DataFrame, cluster: str | None) -> effects.EffectScores:
    """Doubly robust scores of a log."""
    return effects.effect_scores(log, "t", "y", COLUMNS, cluster=cluster)


def rate(kind: str, cluster: str | None, log: pd.DataFrame, seed: int) -> Estimate:
    """RATE of ranking by x0."""
    return effects.rate(scores(log, cluster), log["x0"], kind=kind, seed=seed).estimate


def slope(cluster: str | None, log: pd.DataFrame, _: int) -> Estimate:
    """Slope of the scores on x0; x0 squared has no slope of its own on a symmetric x0."""
    return effects.heterogeneity_test(scores(log, cluster), log["x0"]).slope


def linear(cluster: str | None, log: pd.DataFrame, _: int) -> Estimate:
    """The linear DR-learner's effect at one point: of the best linear projection."""
    found = effects.dr_learner(log, "t", "y", COLUMNS, learner="linear", cluster=cluster)
    return at_point(found)


def forest(log: pd.DataFrame, seed: int) -> Estimate:
    """The forest's effect at one point."""
    return at_point(effects.causal_forest(log, "t", "y", COLUMNS, seed=seed, trees=200))


def at_point(found: Any) -> Estimate:
    """Effect and interval at one point, as an estimate."""
    low, high = found.interval(POINT)[0]
    value = float(found.effect(POINT)[0])
    return Estimate(value, (high - low) / 2 / 1.959964, interval=(low, high), estimand="CATE", n=found.scores.n)
