"""Diagnostics: tails against known shapes, influence against leaving rows out, calibration, figures, sentences."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from causalrec_lab import Estimate
from causalrec_lab.causal import effects
from causalrec_lab.causal.effects.diagnosing.calibration import calibration_line
from causalrec_lab.causal.effects.diagnosing.influence import influence_diagnostics
from causalrec_lab.causal.effects.diagnosing.logged import propensity_p
from causalrec_lab.causal.effects.diagnostics import overlap_notes

COVARIATES = ["a", "b"]


def draw(n=2_000, seed=0, slope=0.7):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, n))
    e = 1 / (1 + np.exp(-slope * (a - b)))
    t = (rng.uniform(size=n) < e).astype(float)
    return pd.DataFrame({"a": a, "b": b, "t": t, "e": e, "y": a + 0.5 * t + rng.normal(size=n)})


@pytest.mark.parametrize("k", [0.2, 0.5, 0.9])
def test_the_tail_of_a_pareto_law_has_the_shape_it_was_drawn_with(k):
    weights = [np.random.default_rng(seed).pareto(1 / k, 4_000) + 1 for seed in range(30)]
    shapes = [effects.pareto_k(w) for w in weights]
    assert np.mean(shapes) == pytest.approx(k, abs=4 * np.std(shapes) / np.sqrt(30) + 0.03)
    assert np.mean([effects.hill(w, 100) for w in weights]) == pytest.approx(k, abs=0.1 * k)
    assert effects.pareto_k(weights[0] * 1e6) == pytest.approx(shapes[0], abs=1e-9)


def test_a_tail_that_says_nothing_is_nan_and_a_bounded_one_is_not_heavy():
    assert np.isnan(effects.pareto_k(np.ones(5_000)))
    assert np.isnan(effects.pareto_k(np.array([1.0, 2.0, 3.0])))
    assert effects.pareto_k(np.random.default_rng(0).uniform(1, 2, 5_000)) < 0
    with pytest.raises(ValueError, match="top=5; give a number between 1 and 4"):
        effects.hill(np.arange(1.0, 6.0), 5)


def test_influence_says_what_leaving_rows_out_does():
    rng = np.random.default_rng(1)
    y = rng.standard_t(3, size=500) + 0.3
    found = influence_diagnostics(float(y.mean()), y - y.mean())
    kept = np.sort(y)[:-10]
    assert found["without_top_10"] == pytest.approx(kept.mean(), abs=0.02)
    flips = round(found["share_to_flip_sign"] * 500)
    ordered = np.sort(y)
    assert ordered[: 500 - flips].mean() < 0 < ordered[: 500 - flips // 2].mean()
    against = influence_diagnostics(-float(y.mean()), -(y - y.mean()))
    assert against["share_to_flip_sign"] == found["share_to_flip_sign"]


def test_influence_of_clusters_is_that_of_their_sums():
    influence, codes = np.array([1.0, 1.0, -1.0, -1.0, 3.0, -3.0]), np.array([0, 0, 1, 1, 2, 2])
    assert influence_diagnostics(1.0, influence, codes)["largest_influence_share"] == pytest.approx(0.5)


@pytest.mark.parametrize("name", ["regression", "ipw", "aipw"])
def test_one_row_that_makes_the_estimate_is_named(name):
    frame = draw(800)
    frame.loc[frame.index[frame["t"] == 1][0], "y"] = 400.0
    found = getattr(effects, name)(frame, "t", "y", COVARIATES)
    assert found.diagnostics["largest_influence_share"] > 0.5
    assert any(note.startswith("warning: one row makes") for note in found.notes)
    assert "Not to be relied on: one row makes" in effects.verdict(found)


def test_a_logged_propensity_that_is_right_is_contradicted_as_rarely_as_it_should_be():
    runs, below = 300, 0
    for seed in range(runs):
        frame = draw(400, seed)
        below += propensity_p(frame["t"].to_numpy(), frame["e"].to_numpy(), frame[COVARIATES].to_numpy()) < 0.05
    assert binom.ppf(1e-6, runs, 0.05) <= below <= binom.ppf(1 - 1e-6, runs, 0.05)


@pytest.mark.parametrize(
    "wrong", [lambda e: e**0.5, lambda e: np.full_like(e, 0.5), lambda e: 1 / (1 + ((1 - e) / e) ** 2)]
)
def test_a_logged_propensity_that_is_wrong_is(wrong):
    frame = draw(2_000)
    frame["logged"] = wrong(frame["e"].to_numpy())
    found = effects.ipw(frame, "t", "y", COVARIATES, propensity="logged")
    assert found.diagnostics["propensity_p"] < 1e-6
    assert any("the log contradicts its propensities" in note for note in found.notes)
    right = effects.ipw(frame, "t", "y", COVARIATES, propensity="e")
    assert not any("contradicts" in note for note in right.notes)


def test_repeated_covariates_do_not_break_the_test_of_propensities():
    frame = draw(500)
    X = frame[["a", "b"]].to_numpy()
    once = propensity_p(frame["t"].to_numpy(), frame["e"].to_numpy(), X)
    assert propensity_p(frame["t"].to_numpy(), frame["e"].to_numpy(), np.column_stack([X, X])) == pytest.approx(
        once, abs=1e-6
    )


def test_a_heavy_tail_of_weights_is_said_where_it_costs_rows():
    frame = draw(3_000)
    found = dict(effects.ipw(frame, "t", "y", COVARIATES).diagnostics)
    said = " ".join(overlap_notes({**found, "pareto_k": 0.9, "effective_share": 0.3}, "ATE"))
    assert "heavy tail (Pareto shape 0.90" in said
    assert "heavy tail" not in " ".join(overlap_notes({**found, "pareto_k": 0.9, "effective_share": 0.8}, "ATE"))


def test_nuisance_quality_is_that_of_the_law():
    table = effects.nuisance_quality(draw(6_000), "t", "y", COVARIATES)
    assert table.loc["propensity", "auc"] == pytest.approx(0.745, abs=0.03)
    assert table["slope"].to_numpy() == pytest.approx(1.0, abs=0.12)
    assert table.loc["outcome, untreated", "r2"] == pytest.approx(0.46, abs=0.06)
    assert np.isnan(table.loc["outcome, treated", "auc"])
    intercept, slope = calibration_line(np.array([0.0, 1.0, 2.0]), np.array([0.0, 2.0, 4.0]))
    assert (intercept, slope) == pytest.approx((0.0, 0.5))


def test_the_verdict_says_what_stands_and_what_does_not():
    good = effects.verdict(effects.aipw(draw(4_000, slope=0.4), "t", "y", COVARIATES))
    assert "which excludes 0. No alarm" in good
    assert "a hidden confounder would not show" in good
    poor = effects.verdict(effects.ipw(draw(1_500, slope=2.5), "t", "y", COVARIATES))
    assert "overlap is poor" in poor
    assert "Nothing was adjusted for" in effects.verdict(effects.naive(draw(500), "t", "y"))
    bare = effects.verdict(Estimate(1.0, float("nan"), notes=("no error here",)))
    assert "[" not in bare
    assert "Nothing was diagnosed" in bare


def test_every_estimate_ends_its_notes_with_the_judgement_and_it_is_deterministic():
    frame = draw(600)
    for name in ("regression", "ipw", "aipw"):
        found = getattr(effects, name)(frame, "t", "y", COVARIATES)
        assert "hidden confounder" in found.notes[-1]
        assert {"largest_influence_share", "share_to_flip_sign", "outcome_spread"} <= set(found.diagnostics)
        assert Estimate.from_dict(found.to_dict()) == found


def test_the_figures_show_both_arms_both_balances_and_what_propensities_mean():
    frame = draw(1_000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mirror = effects.overlap_plot(frame, "t", frame["e"].to_numpy())
        love = effects.love_plot(frame, "t", COVARIATES, frame["e"].to_numpy())
        calibration = effects.calibration_plot(frame, "t", frame["e"].to_numpy())
    heights = np.array([bar.get_height() for bar in mirror.patches])
    assert heights.max() > 0 > heights.min()
    assert {label.get_text() for label in love.get_yticklabels()} == {"a", "b"}
    assert calibration.get_ylabel() == "share treated"
    with pytest.raises(ValueError, match="give one value for each of the 1,000 rows"):
        effects.overlap_plot(frame, "t", np.ones(3))
