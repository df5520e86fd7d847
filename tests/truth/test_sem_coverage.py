"""Intervals of path effects cover the truth as often as they say: exact binomial band, p < 1e-6."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import binom

from causalrec_lab.causal import CausalGraph, fit_sem
from causalrec_lab.world import linear_gaussian

A, B, C = 0.5, 0.6, 0.3


def test_indirect_direct_and_total_intervals_cover():
    runs, covered = 400, dict.fromkeys(("indirect", "direct", "total"), 0)
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        x, e, u = rng.normal(size=(3, 300))
        m = A * x + e
        frame = pd.DataFrame({"x": x, "m": m, "y": B * m + C * x + u})
        fit = fit_sem("m ~ x; y ~ m + x", frame)
        covered["indirect"] += fit.indirect("x", "y").covers(A * B)
        covered["direct"] += fit.direct("x", "y").covers(C)
        covered["total"] += fit.total("x", "y").covers(A * B + C)
    low, high = binom.ppf([5e-7, 1 - 5e-7], runs, 0.95)
    assert all(low <= count <= high for count in covered.values()), covered


def test_path_effects_of_the_platform_are_covered():
    preset, runs = linear_gaussian(7), 150
    graph = CausalGraph(list(preset.edges))
    truth = preset.truth.path_effects()["value"].rename({"total shown=>purchase": "total"})
    hits = pd.DataFrame(
        {
            name: e.covers(truth[name])
            for name, e in fit_sem(graph, preset.sample(400, seed=r)).path_effects("shown", "purchase").items()
        }
        for r in range(runs)
    )
    low, high = binom.ppf([5e-7, 1 - 5e-7], runs, 0.95)
    assert hits.sum().between(low, high).all(), hits.mean()


def test_chi_square_rejects_a_true_model_at_its_level():
    rejected = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        f = rng.normal(size=400)
        frame = pd.DataFrame({f"x{i}": 0.8 * f + rng.normal(size=400) for i in range(5)})
        rejected += fit_sem("f =~ x0 + x1 + x2 + x3 + x4", frame).fit_indices["p_value"] < 0.05
    assert binom.ppf(5e-7, 300, 0.05) <= rejected <= binom.ppf(1 - 5e-7, 300, 0.05)
