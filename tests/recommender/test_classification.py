"""Scores against scikit-learn, brute force and simulation."""

import numpy as np
import pytest
from sklearn import metrics

from causalrec_lab.recommender import auc, auc_difference, calibration_table, classification_metrics


def sample(n=400, seed=0):
    rng = np.random.default_rng(seed)
    p = np.round(rng.beta(2, 3, n), 2)  # with ties
    return (rng.random(n) < p).astype(int), p


def test_scores_equal_scikit_learn():
    y, p = sample()
    table = classification_metrics(y, p)
    said = p >= 0.5
    expected = {
        "accuracy": metrics.accuracy_score(y, said),
        "precision": metrics.precision_score(y, said),
        "recall": metrics.recall_score(y, said),
        "F1": metrics.f1_score(y, said),
        "AUC": metrics.roc_auc_score(y, p),
        "Brier": metrics.brier_score_loss(y, p),
    }
    for name, value in expected.items():
        assert table[name] == pytest.approx(value), name


def test_both_columns_or_one():
    y, p = sample()
    assert classification_metrics(y, np.column_stack([1 - p, p])).equals(classification_metrics(y, p))


def test_calibration_error_is_that_of_a_loop():
    y, p = sample()
    gap = 0.0
    for low in np.arange(10) / 10:
        inside = (p >= low) & ((p < low + 0.1) | ((low == 0.9) & (p == 1)))
        inside &= np.minimum((p * 10).astype(int), 9) == round(low * 10)
        if inside.any():
            gap += inside.mean() * abs(y[inside].mean() - p[inside].mean())
    assert classification_metrics(y, p)["ECE"] == pytest.approx(gap)


def test_overconfidence_shows_in_calibration():
    y, p = sample(4000)
    sure = p**4 / (p**4 + (1 - p) ** 4)
    assert classification_metrics(y, p)["ECE"] < 0.03 < 0.1 < classification_metrics(y, sure)["ECE"]
    table = calibration_table(y, p, bins=5, equal="size")
    assert table["n"].sum() == 4000
    assert ((table["low"] <= table["predicted"]) & (table["predicted"] <= table["high"])).mean() >= 0.8


def test_auc_interval_covers():
    """True AUC of N(1, 1) against N(0, 1) is 0.7602; 300 samples, exact binomial band for 95 % with p < 1e-6."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [60, 40])
    hits = sum(auc(y, rng.normal(size=100) + y).covers(0.760250) for _ in range(300))
    assert 264 <= hits <= 300


def test_paired_difference_is_the_difference():
    y, p = sample()
    other = p + np.random.default_rng(1).normal(0, 0.2, len(p))
    found = auc_difference(y, p, other)
    assert found.value == pytest.approx(metrics.roc_auc_score(y, p) - metrics.roc_auc_score(y, other))
    assert auc_difference(y, p, p).std_error == pytest.approx(0, abs=1e-12)
    assert found.std_error < np.hypot(auc(y, p).std_error, auc(y, other).std_error)


@pytest.mark.parametrize(
    ("y", "p", "says"),
    [([0, 1], [0.2, 1.2], "row 1: 1.2"), ([0, 3], [0.2, 0.3], "row 1: 3"), ([0, 1], [0.2], "differ in length")],
)
def test_bad_input_is_named(y, p, says):
    with pytest.raises(ValueError, match=says):
        classification_metrics(y, p)


def test_scores_that_are_nan_are_refused():
    with pytest.raises(ValueError, match="scores has 2 NaN of 4, first at row 1"):
        auc([0, 1, 0, 1], [0.2, np.nan, np.nan, 0.3])


def test_auc_of_one_class():
    with pytest.raises(ValueError, match="both classes"):
        auc([1, 1], [0.2, 0.3])


def test_one_row_of_a_class_has_no_standard_error_and_says_why():
    found = auc([1, 0, 0], [0.9, 0.1, 0.2])
    assert found.value == 1
    assert np.isnan(found.std_error)
    assert "one row" in found.notes[0]


def test_no_rows_are_named():
    with pytest.raises(ValueError, match="there are no rows"):
        classification_metrics([], [])
