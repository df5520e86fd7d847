"""Sensitivity under odd input: numbers that cannot be are refused, sentences follow the numbers."""

import math

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.causal import refute


def draw(n=300, seed=0):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, n))
    t = (rng.uniform(size=n) < 1 / (1 + np.exp(-a))).astype(float)
    return pd.DataFrame({"a": a, "b": b, "t": t, "y": a + 0.5 * t + rng.normal(size=n), "w": (b > 0) * 1.0})


@pytest.mark.parametrize(
    ("given", "options", "words"),
    [
        ((-0.3, -0.4, -0.2), {"scale": "risk difference", "baseline": 0.2}, "a risk of -0.1"),
        ((0.9, 0.8, 1.0), {"scale": "risk difference", "baseline": 0.2}, "a risk of 1.1"),
        ((1000, 900, 1100), {"scale": "mean difference", "spread": 1}, r"1e\+03 times spread=1"),
        ((math.nan,), {"scale": "mean difference", "spread": 1}, "effect=nan"),
        ((math.inf,), {}, "effect=inf"),
        ((1.8, 2.0), {}, "does not hold the estimate"),
    ],
)
def test_effects_that_cannot_be_have_no_e_value(given, options, words):
    with pytest.raises(ValueError, match=words):
        refute.e_value(*given, **options)


def test_one_end_of_an_interval_is_enough_and_is_drawn():
    whole, lower = refute.e_value(1.8, 1.3, 2.4), refute.e_value(1.8, low=1.3)
    assert lower.at_interval == whole.at_interval == pytest.approx(1.3 + math.sqrt(1.3 * 0.3))
    turned = refute.e_value(1 / 1.8, high=1 / 1.3)  # a protective effect is the same, upside down
    assert turned.value == pytest.approx(whole.value)
    assert turned.at_interval == pytest.approx(whole.at_interval)
    assert len(turned.plot().lines) == len(whole.plot().lines) == 4
    assert refute.e_value(1.8, low=0.9).at_interval == 1


def test_ends_at_or_beyond_the_possible_do_not_hide_the_nearer_one():
    assert refute.e_value(0.5, 0.0, 0.9).at_interval == pytest.approx(1 / 0.9 + math.sqrt(1 / 0.9 * (1 / 0.9 - 1)))
    far = refute.e_value(-0.1, -0.25, -0.05, scale="risk difference", baseline=0.2)
    assert far.value == pytest.approx(2 + math.sqrt(2))


def test_the_sentence_of_another_null_says_that_null():
    said = str(refute.e_value(1.8, 1.3, 2.4, null=1.5))
    assert said.startswith("To move a risk ratio of 1.80 to 1.50")
    assert "already holds 1.50" in said
    assert "an odds ratio" in str(refute.e_value(4, scale="odds ratio"))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"y": 1.0}, "leave nothing of 'y'"),
        ({"c": lambda f: 2 * f["t"] + 3}, "the covariates decide 't'"),
        ({"y": lambda f: 2 * f["t"] + f["a"]}, "leave nothing of 'y'"),
    ],
)
def test_a_regression_without_anything_left_is_refused(changed, words):
    frame = draw().assign(c=0.0).assign(**changed)
    with pytest.raises(ValueError, match=words):
        refute.robustness_value(frame, "t", "y", ["a", "b", "c"])


def test_what_repeats_or_weighs_nothing_counts_nothing():
    frame = draw().assign(twice=lambda f: 2 * f["a"])
    once = refute.robustness_value(frame, "t", "y", ["a", "b"], benchmarks=[])
    assert refute.robustness_value(frame, "t", "y", ["a", "b", "twice"], benchmarks=[]) == once
    weighted = refute.robustness_value(frame, "t", "y", ["a", "b"], benchmarks=[], weights="w")
    kept = refute.robustness_value(frame[frame["w"] > 0], "t", "y", ["a", "b"], benchmarks=[])
    assert (weighted.freedom, weighted.value) == (kept.freedom, pytest.approx(kept.value))


def test_what_is_not_significant_loses_no_significance():
    for found in (
        refute.Robustness(0.1, 1, 100),
        refute.bias_bounds(draw().assign(y=lambda f: f["b"]), "t", "y", ["a"]),
    ):
        assert found.at_level == 0
        assert "without any" in str(found)
        assert "significance" not in str(found)
    assert "0 already" in str(refute.Robustness(0.0, 1, 100))


def test_no_regression_has_such_numbers():
    with pytest.raises(ValueError, match="estimate=nan"):
        refute.Robustness(math.nan, 1, 10)
    with pytest.raises(ValueError, match="level=2"):
        refute.Robustness(1, 1, 10, level=2)
    with pytest.raises(ValueError, match="limit=-1; give a share"):
        refute.contour(refute.Robustness(1, 0.1, 100), limit=-1)
    with pytest.raises(ValueError, match=r"level=0\.4: both limits are one-sided"):
        refute.bias_bounds(draw(), "t", "y", ["a"], level=0.4)
    ate, att = (refute.bias_bounds(draw(), "t", "y", ["a"], estimand=e).short for e in ("ATE", "ATT"))
    with pytest.raises(ValueError, match="short is of the ATE, long of the ATT"):
        refute.confounder_strength(ate, att)
    with pytest.raises(ValueError, match="benchmark 'ab' is no covariate"):
        refute.robustness_value(draw(), "t", "y", ["a", "b"], benchmarks="ab")


def test_bounds_without_overlap_or_outcome_say_so():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 3)), columns=list("pqr"))
    frame["t"] = (rng.uniform(size=60) < 1 / (1 + np.exp(-3 * frame["p"]))) * 1.0
    frame["y"] = frame["p"] + rng.normal(size=60)
    with pytest.raises(ValueError, match=r"second moment of the weights comes out as -.*overlap is too poor"):
        refute.bias_bounds(frame, "t", "y", list("pqr"), clip=1e-3)
    with pytest.raises(ValueError, match="the outcome is the same in all 300 rows"):
        refute.bias_bounds(draw().assign(y=1.0), "t", "y", ["a"])


def test_contours_take_names_as_they_are():
    frame = draw().rename(columns={"a": r"$\bad$"})
    axes = refute.robustness_value(frame, "t", "y", [r"$\bad$", "b"]).plot()
    axes.figure.canvas.draw()  # mathematics that cannot be read fails here
    assert r"2 x $\bad$" in {text.get_text() for text in axes.texts}
