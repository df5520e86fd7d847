"""Diagnostics that never contradict themselves, and figures that stand odd names."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from causalrec_lab import Estimate
from causalrec_lab.causal import effects
from causalrec_lab.causal.effects.diagnosing.influence import influence_diagnostics
from causalrec_lab.causal.effects.diagnosing.verdicts import judgement

COVARIATES = ["a", "b"]


def draw(n=400, slope=0.7, seed=0):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, n))
    t = (rng.uniform(size=n) < 1 / (1 + np.exp(-slope * a))).astype(float)
    heavy = np.exp(2 * rng.normal(size=n))
    return pd.DataFrame({"a": a, "b": b, "t": t, "y": a + b + t + rng.normal(size=n), "heavy": heavy})


def test_few_clusters_alone_condemn_nothing_and_a_bare_contrast_stays_bare():
    frame = draw().assign(g=np.arange(400) % 6)
    said = effects.verdict(effects.naive(frame, "t", "y", cluster="g"))
    assert "Read with care: only 6 clusters in 'g'; nothing was adjusted for" in said
    notes = ("warning: only 6 clusters in 'g'; more", "warning: overlap is poor: 60% lie outside; restrict")
    assert judgement({"share_extreme": 0.6}, notes).startswith("not to be relied on: overlap is poor")
    assert judgement({"share_extreme": 0.6}, notes[:1]).startswith("read with care: only 6")


def test_what_is_no_good_is_not_told_as_good():
    assert "propensities" not in judgement({"share_extreme": 0.5, "effective_sample_size": 90.0}, ())
    assert "no covariate differs" not in judgement({"max_smd_after": 0.4, "first_stage_f": 40.0}, ())
    assert "no covariate differs" in judgement({"max_smd_after": 0.04}, ())


def test_a_weighted_regression_that_hangs_on_few_rows_says_so():
    found = effects.regression(draw(), "t", "y", COVARIATES, weights="heavy")
    assert found.diagnostics["max_weight_share"] > 0.1
    assert "of its arm's weight" in effects.verdict(found)
    assert "of its arm's weight" not in effects.verdict(effects.regression(draw(), "t", "y", COVARIATES))


def test_rows_without_weight_have_no_say_in_overlap():
    frame, lone = draw(), draw(100, slope=0)
    lone["a"] = 40.0 + lone["a"]  # far away, nearly all treated
    lone["t"] = (np.arange(100) > 2).astype(float)
    both = pd.concat([frame.assign(w=1.0), lone.assign(w=0.0)], ignore_index=True)
    found = effects.ipw(both, "t", "y", COVARIATES, weights="w", nuisance="linear")
    assert found.diagnostics["share_extreme"] == 0
    assert found.diagnostics["propensity_max"] < 0.95


def test_ten_units_that_push_are_no_more_than_push():
    influence = np.array([3.0, *[-0.1] * 30])
    influence -= influence.mean()
    without = influence_diagnostics(0.5, influence)["without_top_10"]
    assert without == pytest.approx(0.5 - influence[0] / 31)


def test_no_diagnostic_minds_unit_origin_order_or_the_names_of_the_arms():
    frame = draw().assign(g=np.arange(400) % 80)
    asked = {"cluster": "g"}
    once = effects.regression(frame, "t", "y", COVARIATES, **asked).diagnostics
    moved = effects.regression(frame.assign(y=1e3 + 7 * frame["y"]), "t", "y", COVARIATES, **asked).diagnostics
    mixed = effects.regression(frame.sample(frac=1, random_state=1), "t", "y", COVARIATES, **asked).diagnostics
    turned = effects.regression(frame.assign(t=1 - frame["t"]), "t", "y", COVARIATES, **asked).diagnostics
    for name in ("share_to_flip_sign", "largest_influence_share", "pareto_k", "max_smd_after", "outcome_r2"):
        for other in (moved, mixed, turned):
            assert other[name] == pytest.approx(once[name], rel=1e-6, abs=1e-9), name
    assert moved["without_top_10"] == pytest.approx(7 * once["without_top_10"])
    assert turned["without_top_10"] == pytest.approx(-once["without_top_10"])


def test_figures_take_names_as_they_are_and_show_what_weighting_made_worse():
    names = [*(f"x{i}" for i in range(40)), r"$\bad$ and $", "a$x_y$", "<b>&", "n" * 99, ""]
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(300, len(names))), columns=names)
    frame["t"] = (rng.uniform(size=300) < 0.5) * 1.0
    frame["x7"] -= frame.groupby("t")["x7"].transform("mean")  # balanced before, not after the weighting below
    propensity = np.clip(0.5 + 0.2 * frame["x7"].to_numpy() * (2 * frame["t"].to_numpy() - 1), 0.05, 0.95)
    axes = effects.love_plot(frame, "t", names, propensity, most=12)
    axes.figure.canvas.draw()  # mathematics that cannot be read fails here
    assert "x7" in {label.get_text() for label in axes.get_yticklabels()}
    assert axes.get_ylabel() == "12 of 45 covariates"
    assert max(len(label.get_text()) for label in effects.love_plot(frame, "t", names, propensity, most=45)
               .get_yticklabels()) == 40  # fmt: skip
    plt.close("all")


@pytest.mark.parametrize("plot", [effects.overlap_plot, effects.calibration_plot])
def test_figures_refuse_what_is_no_propensity(plot):
    frame = draw(50)
    with pytest.raises(ValueError, match=r"1 values outside \(0, 1\), first at row 3: nan"):
        plot(frame, "t", np.where(np.arange(50) == 3, np.nan, 0.5))
    with pytest.raises(ValueError, match="bins=0; give 1 or more"):
        plot(frame, "t", np.full(50, 0.5), bins=0)
    assert plot(frame, "t", [0.5] * 50, bins=99) is not None
    plt.close("all")


def test_a_bin_in_which_all_are_treated_is_not_certain():
    frame = draw(40).assign(t=np.repeat([0.0, 1.0], 20))
    axes = effects.calibration_plot(frame, "t", np.linspace(0.1, 0.9, 40), bins=2)
    (low, *_), (_, high) = axes.containers[0][2][0].get_segments()[1]
    assert axes.containers[0][2][0].get_segments()[1][0][1] == pytest.approx(20 / (20 + 1.959964**2), abs=1e-3)
    assert high == pytest.approx(1.0)
    assert low == pytest.approx(np.linspace(0.1, 0.9, 40)[20:].mean())
    plt.close("all")


def test_calls_that_cannot_be_answered_name_the_way_out():
    frame = draw(50)
    propensity = np.full(50, 0.5)
    for call, words in (
        (lambda: effects.love_plot(frame, "t", ["a"], propensity, most=0), "most=0; give 1 or more"),
        (lambda: effects.love_plot(frame, "t", [], propensity), "covariates is empty"),
        (lambda: effects.pareto_k(np.array([1.0, np.nan])), "first at 1: nan"),
        (lambda: effects.hill(np.array([1.0, np.inf]), 1), "first at 1: inf"),
    ):
        with pytest.raises(ValueError, match=words):
            call()
    assert isinstance(effects.naive(frame, "t", "y"), Estimate)
