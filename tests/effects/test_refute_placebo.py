"""Placebos, negative controls and stability: silent where all is well, loud where a fault was put in."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from causalrec_lab import Estimate
from causalrec_lab.causal import effects, refute

COVARIATES = ["a", "b"]


def draw(n=600, seed=0, effect=0.0, hidden=0.0):
    """Confounded by a and b, and by a trait no column holds; `before` is an outcome from before the treatment."""
    rng = np.random.default_rng(seed)
    a, b, h = rng.normal(size=(3, n))
    e = 1 / (1 + np.exp(-(0.9 * a - 0.7 * b + hidden * h)))
    t = (rng.uniform(size=n) < e).astype(float)
    y = a + 0.5 * b + hidden * h + effect * t + rng.normal(size=n)
    before = 0.8 * a + hidden * h + rng.normal(size=n)
    other = (rng.uniform(size=n) < 1 / (1 + np.exp(-(0.5 * a + hidden * h)))).astype(float)
    return pd.DataFrame({"a": a, "b": b, "t": t, "y": y, "e": e, "before": before, "other": other})


@pytest.mark.parametrize("scheme", ["redraw", "strata", "shuffle"])
@pytest.mark.parametrize(("name", "options"), [("ipw", {}), ("ipw", {"propensity": "e"}), ("regression", {})])
def test_a_right_estimator_finds_nothing_where_nothing_is(name, options, scheme):
    found = refute.placebo(
        getattr(effects, name), draw(effect=1.0), "t", "y", COVARIATES, repetitions=60, scheme=scheme, **options
    )
    assert found.sound
    assert abs(found.bias) < 5 * found.table["value"].std() / np.sqrt(60)
    assert found.p_value == 1 / 61
    assert "invents no effect" in str(found)


def test_cross_fitted_nuisances_are_those_of_the_placebo():
    found = refute.placebo(effects.aipw, draw(400, effect=1.0), "t", "y", COVARIATES, repetitions=20)
    assert found.sound


def test_an_estimator_that_reuses_the_real_propensity_is_caught():
    def stale(frame, treatment, outcome, covariates):  # the trap: weights of another treatment
        t, e, y = frame[treatment], frame["kept"], frame[outcome]
        return Estimate(np.average(y, weights=t / e) - np.average(y, weights=(1 - t) / (1 - e)), 0.1)

    frame = draw(effect=0.5).assign(kept=lambda table: table["e"])
    found = refute.placebo(stale, frame, "t", "y", COVARIATES, repetitions=60, scheme="shuffle")
    assert abs(found.bias_in_sd) > 1
    assert not found.sound
    assert "where there are none" in str(found)


def test_the_naive_contrast_fails_the_placebo_that_follows_the_covariates_and_passes_the_shuffled_one():
    frame = draw()
    assert not refute.placebo(effects.naive, frame, "t", "y", COVARIATES, repetitions=40).sound
    assert refute.placebo(effects.naive, frame, "t", "y", COVARIATES, repetitions=40, scheme="shuffle").sound


def line(frame, treatment, outcome, covariates, *, propensity):
    """Least squares by hand: fast enough to be asked thousands of times."""
    design = np.column_stack([np.ones(len(frame)), frame[covariates].to_numpy()])
    both = frame[[treatment, outcome]].to_numpy()
    t, y = (both - design @ np.linalg.lstsq(design, both, rcond=None)[0]).T
    value = t @ y / (t @ t)
    return Estimate(value, np.sqrt(np.mean((y - value * t) ** 2) / (t @ t)))


def test_the_p_value_of_no_effect_is_uniform():
    runs = 150
    found = [
        refute.placebo(line, draw(150, seed), "t", "y", COVARIATES, repetitions=19, seed=seed, propensity="e").p_value
        for seed in range(runs)
    ]
    for limit in (0.2, 0.5):  # the p-values are 1/20, 2/20, ... each with the same chance
        assert binom.ppf(1e-6, runs, limit) <= sum(p <= limit for p in found) <= binom.ppf(1 - 1e-6, runs, limit)


def test_a_hidden_confounder_passes_the_placebo_and_fails_the_negative_controls():
    frame = draw(2_000, hidden=1.0)
    assert refute.placebo(effects.regression, frame, "t", "y", COVARIATES, repetitions=40).sound
    assert refute.placebo_outcome(effects.regression, frame, "t", "before", COVARIATES).failed
    assert refute.placebo_exposure(effects.regression, frame, "t", "y", COVARIATES, exposure="other").failed


def test_negative_controls_are_silent_without_it_and_say_what_they_would_have_seen():
    frame = draw(2_000)
    control = refute.placebo_outcome(effects.aipw, frame, "t", "before", COVARIATES)
    assert not control.failed
    assert control.visible == pytest.approx(2.8016 * control.estimate.std_error, rel=1e-4)
    assert "80% power" in str(control)
    assert not refute.placebo_exposure(effects.regression, frame, "t", "y", COVARIATES, exposure="other").failed


def test_whole_clusters_are_dealt_where_the_treatment_was():
    rng = np.random.default_rng(0)
    shop = np.repeat(np.arange(60), 10)
    frame = draw().assign(shop=shop, t=(rng.uniform(size=60) < 0.5).astype(float)[shop])
    frame["y"] += rng.normal(size=60)[shop] * 2
    seen = []

    def watched(table, *arguments, **options):
        seen.append(table.groupby("shop")["t"].nunique().max())
        return effects.naive(table, "t", "y", **options)

    watched_too = refute.placebo(watched, frame, "t", "y", [], repetitions=40, cluster="shop", scheme="shuffle")
    assert set(seen) == {1}
    assert watched_too.sound


def test_a_random_cause_moves_a_sound_estimate_hardly_and_an_overfitted_one_far():
    frame = draw(300)
    assert refute.random_cause(effects.regression, frame, "t", "y", COVARIATES, repetitions=10).ratio < 0.3

    def greedy(table, treatment, outcome, covariates):  # matches on one covariate, the last, to the nearest row
        order = np.argsort(table[covariates[-1]].to_numpy())
        y, t = table[outcome].to_numpy()[order], table[treatment].to_numpy()[order]
        return Estimate(float(np.mean(np.diff(y)[np.diff(t) == 1])), 0.1)

    found = refute.random_cause(greedy, frame, "t", "y", COVARIATES, repetitions=10)
    assert not found.stable
    assert "more than it should" in str(found)


def test_subsets_scatter_as_the_standard_error_says_and_show_one_that_is_too_small():
    frame = draw(800, effect=0.5)
    right = refute.subset(effects.regression, frame, "t", "y", COVARIATES, repetitions=60)
    assert right.stable
    assert 0.7 < right.ratio < 1.3

    def boastful(*arguments):
        found = effects.regression(*arguments)
        return replace(found, std_error=found.std_error / 2.5, interval=None)

    assert not refute.subset(boastful, frame, "t", "y", COVARIATES, repetitions=60).stable


def test_subsets_keep_clusters_whole_and_embeddings_in_step():
    frame = draw(400).assign(shop=np.arange(400) % 40)
    vectors = np.column_stack([frame["a"], frame["b"]])
    found = refute.subset(
        effects.regression, frame, "t", "y", [], embeddings=vectors, cluster="shop", repetitions=5, share=0.5
    )
    assert "50% of the clusters" in str(found)
    assert abs(np.mean(found.estimates) - found.observed.value) < 4 * found.observed.std_error


def test_bad_arguments_are_named():
    frame = draw(100)
    for bad, words in (
        ({"scheme": "stratum"}, "did you mean 'strata'"),
        ({"repetitions": 3}, "repetitions=3; 10 or more"),
        ({"instrument": "z"}, "makes any instrument weak"),
        ({"strata": 1}, "strata=1; give 2 or more"),
    ):
        with pytest.raises(ValueError, match=words):
            refute.placebo(effects.regression, frame, "t", "y", COVARIATES, **bad)
    with pytest.raises(ValueError, match=r"share=1\.0; give a share"):
        refute.subset(effects.regression, frame, "t", "y", COVARIATES, share=1.0)


def test_every_result_draws_itself():
    frame = draw(150)
    arguments = effects.regression, frame, "t", "y", COVARIATES
    assert len(refute.placebo(*arguments, repetitions=10).plot().lines) == 2
    assert refute.subset(*arguments, repetitions=5).plot().get_ylabel() == "repetitions"
    control = refute.placebo_outcome(effects.regression, frame, "t", "before", COVARIATES)
    assert control.plot().lines
