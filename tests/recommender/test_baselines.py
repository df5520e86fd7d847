"""Baselines against their own equations, and the face they share."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from causalrec_lab.data.building.splits import split_leave_one_out
from causalrec_lab.recommender import EASE, ItemKNN, MatrixFactorisation, Popularity, TransformerRecommender, evaluate

ALL = [Popularity(), ItemKNN(), EASE(penalty=5.0), MatrixFactorisation(factors=4, regularisation=0.1, confidence=5.0)]


def clustered(n_users=200, n_items=40, length=8, seed=0):
    """Users of two kinds, each meeting the items of one half."""
    rng = np.random.default_rng(seed)
    half = n_items // 2
    items = [rng.permutation(half)[:length] + half * (user % 2) for user in range(n_users)]
    return pd.DataFrame(
        {
            "user_id": np.repeat(np.arange(n_users), length),
            "item_id": np.concatenate(items),
            "timestamp": np.tile(np.arange(length), n_users),
        }
    )


def incidence(events, n_items):
    met = np.zeros((events["user_id"].nunique(), n_items))
    met[events["user_id"], events["item_id"]] = 1.0
    return met


def test_ease_is_the_ridge_regression_of_each_item_on_the_others():
    events = clustered(n_users=60, n_items=10, length=3)
    model, met = EASE(penalty=5.0).fit(events), incidence(events, 10)
    for item in range(10):
        others = np.delete(np.arange(10), item)
        X, y = met[:, others], met[:, item]
        ridge = np.linalg.solve(X.T @ X + 5.0 * np.eye(9), X.T @ y)
        np.testing.assert_allclose(model.coefficients[others, item], ridge, atol=1e-5)
    assert np.diag(model.coefficients).tolist() == [0.0] * 10


def test_matrix_factorisation_scores_a_history_by_its_own_least_squares():
    events = clustered(n_users=60, n_items=12, length=4)
    model = MatrixFactorisation(factors=3, regularisation=0.5, confidence=4.0).fit(events)
    items = model._model.item_factors.astype(float)
    row = incidence(events, 12)[7]
    weights = np.where(row > 0, 4.0, 1.0)
    loss = lambda p: (weights * (row - items @ p) ** 2).sum() + 0.5 * p @ p  # noqa: E731
    best = minimize(loss, np.zeros(3), method="BFGS", options={"gtol": 1e-8}).x
    np.testing.assert_allclose(model.score([7])[0], items @ best, atol=2e-3)


def test_matrix_factorisation_is_the_same_for_the_same_seed():
    events = clustered()
    first, again = (MatrixFactorisation(seed=3).fit(events).score([0, 1]) for _ in range(2))
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("model", ALL[1:], ids=lambda model: type(model).__name__)
def test_models_that_read_histories_find_the_half_a_user_likes(model):
    split = split_leave_one_out(clustered())
    ranked = evaluate(model.fit(split), split, k=(13,))["value"]["HR@13"]
    chance = evaluate(Popularity().fit(split), split, k=(13,))["value"]["HR@13"]
    assert ranked > 0.9  # 13 items of the own half are left
    assert chance < 0.8


@pytest.mark.parametrize("model", ALL, ids=lambda model: type(model).__name__)
def test_an_unknown_user_is_scored_as_an_empty_history(model):
    model.fit(clustered())
    scores = model.score([999])
    assert scores.shape == (1, 40)
    assert np.isfinite(scores).all()
    assert len(model.recommend([999, 0], k=5)) == 10


@pytest.mark.parametrize("model", [EASE(), MatrixFactorisation(), TransformerRecommender()])
def test_a_model_that_was_not_fitted_says_so(model):
    with pytest.raises(ValueError, match=f"{type(model).__name__} was not fitted"):
        model.score([1])
    with pytest.raises(ValueError, match="was not fitted"):
        _ = model.catalogue


def test_a_penalty_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match="penalty=0"):
        EASE(penalty=0)
