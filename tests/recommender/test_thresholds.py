"""Costs choose thresholds, and calibration gives back the probabilities that weights had bent."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from causalrec_lab.recommender.text.thresholds import PlattScaling, best_threshold, cost_threshold, expected_cost


def test_no_threshold_is_cheaper_than_the_costs_own_where_probabilities_are_true():
    rng = np.random.default_rng(0)
    p = rng.beta(1, 3, size=200_000)
    y = rng.random(len(p)) < p
    costs = {"false_positive": 1.0, "false_negative": 4.0}
    own = expected_cost(y, p, cost_threshold(**costs), **costs)
    for other in (0.05, 0.1, 0.3, 0.5):
        assert own.value < expected_cost(y, p, other, **costs).value
    assert own.value == pytest.approx(np.minimum(1 - p, 4 * p).mean(), abs=5 * own.std_error)


@given(
    st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.9, 1.0])), min_size=1, max_size=12),
    st.sampled_from([0.3, 1.0, 5.0]),
)
def test_best_threshold_is_the_best_of_all(rows, cost):
    y, p = np.array(rows, dtype=float).T
    found = best_threshold(y, p, false_negative=cost)

    def mean(threshold):
        return np.where(p >= threshold, 1 - y, y * cost).mean()

    assert mean(found) == pytest.approx(min(mean(t) for t in [*np.unique(p), 2.0]))


def test_scaling_undoes_what_class_weights_did():
    rng = np.random.default_rng(1)
    logit = rng.normal(-2, 1.5, size=50_000)
    y = rng.random(len(logit)) < expit(logit)
    bent = expit(0.5 * logit + 2.0)
    scaling = PlattScaling.fit(y, bent)
    assert scaling.slope == pytest.approx(2.0, abs=0.1)
    assert scaling.intercept == pytest.approx(-4.0, abs=0.2)
    np.testing.assert_allclose(scaling(bent), expit(logit), atol=0.02)
    pair = scaling(np.column_stack([1 - bent, bent]))
    np.testing.assert_allclose(pair.sum(axis=1), 1)
    assert (np.argsort(pair[:, 1]) == np.argsort(bent)).mean() > 0.999


def test_doing_nothing_changes_nothing():
    p = np.array([1e-6, 0.2, 0.999])
    np.testing.assert_allclose(PlattScaling()(p), p, rtol=1e-9)


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda: cost_threshold(0, 1), "false_positive=0"),
        (lambda: expected_cost([0, 1], [0.1, 1.2], 0.5), "outside"),
        (lambda: expected_cost([0, 1], [0.1, np.nan], 0.5), "row 1: nan"),
        (lambda: PlattScaling.fit([1, 1], [0.2, 0.3]), "all 2 labels are the same"),
    ],
)
def test_bad_asking_is_told(ask, says):
    with pytest.raises(ValueError, match=says):
        ask()


def test_a_ranking_is_never_turned_round():
    y, p = np.array([0, 0, 1, 1]), np.array([0.9, 0.8, 0.3, 0.1])
    with pytest.warns(UserWarning, match="ranks no better than chance"):
        scaling = PlattScaling.fit(y, p)
    np.testing.assert_allclose(scaling(p), 0.5, atol=1e-12)
