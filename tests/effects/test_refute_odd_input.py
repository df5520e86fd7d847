"""Refutation of odd input: what cannot be judged is refused or said, never judged."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.causal import effects, refute

COVARIATES = ["a", "b"]


def draw(n=200, seed=0):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, n))
    t = (rng.uniform(size=n) < 1 / (1 + np.exp(-a))).astype(float)
    return pd.DataFrame({"a": a, "b": b, "t": t, "y": a + t + rng.normal(size=n), "shop": np.arange(n) % 3})


def ask(what, frame, estimator=effects.regression, covariates=COVARIATES, **options):
    return getattr(refute, what)(estimator, frame, "t", "y", covariates, **options)


def without_error(*arguments):
    found = effects.regression(*arguments)
    return replace(found, std_error=float("nan"), interval=None)


@pytest.mark.parametrize("what", ["placebo", "subset", "random_cause", "placebo_outcome"])
def test_an_outcome_that_does_not_vary_is_refused(what):
    with pytest.raises(ValueError, match="'y' does not vary"):
        ask(what, draw().assign(y=3.0))


@pytest.mark.parametrize("what", ["placebo", "subset", "random_cause", "placebo_outcome"])
def test_names_in_place_of_functions_and_lists_are_refused(what):
    with pytest.raises(TypeError, match=r"'aipw' is no function; give one, such as effects\.aipw"):
        ask(what, draw(), "aipw")
    with pytest.raises(ValueError, match="'ab' is one string; give a list"):
        ask(what, draw(), covariates="ab")


def test_an_estimate_without_an_error_is_not_judged_by_one():
    with pytest.raises(ValueError, match="gives no standard error"):
        ask("placebo_outcome", draw(), without_error)
    for what in ("subset", "random_cause"):
        said = str(ask(what, draw(), without_error, repetitions=5))
        assert "no standard error" in said
        assert "more than it should" not in said


def test_a_placebo_with_few_clusters_or_an_empty_list_of_them_is_dealt():
    assert ask("placebo", draw(), repetitions=10, cluster="shop").table["std_error"].notna().all()
    assert ask("placebo", draw(), repetitions=10, cluster=[]) is not None


def test_a_placebo_that_is_no_other_treatment_is_refused():
    with pytest.raises(ValueError, match="strata=9999: no stratum holds both arms"):
        ask("placebo", draw(), repetitions=10, scheme="strata", strata=9999)


def test_a_refused_placebo_is_told_from_a_refused_treatment():
    frame = draw()
    calls = []

    def late(table, *arguments):
        calls.append(1)
        if len(calls) == 4:
            raise ValueError("empty overlap")
        return effects.naive(table, "t", "y")

    with pytest.raises(ValueError, match="placebo treatment 3 was refused where the real one was not: empty overlap"):
        ask("placebo", frame, late, repetitions=10)


def test_an_error_missing_in_some_placebos_is_not_counted_as_a_miss():
    calls = []

    def sometimes(*arguments):
        calls.append(1)
        return (without_error if len(calls) % 2 else effects.regression)(*arguments)

    found = ask("placebo", draw(), sometimes, repetitions=40)
    assert found.coverage > 0.8
    assert found.sound


def test_a_subset_that_leaves_nothing_out_is_no_test():
    with pytest.raises(ValueError, match=r"share=0\.9 of 3 clusters leaves none out; give a smaller share"):
        ask("subset", draw(), repetitions=5, share=0.9, cluster="shop")
