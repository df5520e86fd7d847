"""Embeddings carry a confounder into every estimator; folds keep users and items whole."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.causal import effects
from causalrec_lab.causal.effects.nuisances.folds import splits
from causalrec_lab.causal.effects.nuisances.readings import readings_in_fold
from causalrec_lab.causal.effects.nuisances.ridge import choose_penalty, fit_logistic
from causalrec_lab.causal.effects.sample import read_sample, standardised

ESTIMATORS = ["regression", "ipw", "aipw"]


def draw(n, seed, dimensions=60, noise=0.5):
    """A hidden confounder h that 60 noisy embedding columns tell of; the effect is 1."""
    rng = np.random.default_rng(seed)
    h, x = rng.normal(size=n), rng.normal(size=n)
    t = (rng.uniform(size=n) < 1 / (1 + np.exp(-(0.5 * x + h)))).astype(int)
    y = t + x + 1.5 * h + rng.normal(size=n)
    loadings = rng.normal(size=dimensions)
    E = h[:, None] * loadings + noise * np.sqrt(dimensions) * rng.normal(size=(n, dimensions)) / 2
    E[:, 7] = 3.14  # a constant dimension, as real encoders have
    return pd.DataFrame({"t": t, "y": y, "x": x, "h": h}), E


@pytest.mark.parametrize("name", ESTIMATORS)
def test_embeddings_take_most_of_the_hidden_bias_away(name):
    frame, E = draw(2_500, 0)
    estimator = getattr(effects, name)
    tables, text = estimator(frame, "t", "y", ["x"]), estimator(frame, "t", "y", ["x"], embeddings=E)
    oracle = estimator(frame, "t", "y", ["x", "h"])
    assert abs(oracle.value - 1) < 4 * oracle.std_error
    assert (tables.value - text.value) / (tables.value - oracle.value) > 0.7


@pytest.mark.parametrize("name", ESTIMATORS)
def test_embeddings_of_noise_change_nothing_that_matters(name):
    frame, _ = draw(2_500, 1)
    noise = np.random.default_rng(9).normal(size=(2_500, 60))
    estimator = getattr(effects, name)
    tables, text = estimator(frame, "t", "y", ["x"]), estimator(frame, "t", "y", ["x"], embeddings=noise)
    assert abs(text.value - tables.value) < 0.5 * tables.std_error


def test_several_embeddings_are_read_side_by_side():
    frame, E = draw(1_000, 2)
    both = effects.aipw(frame, "t", "y", ["x"], embeddings=[E[:, :30], E[:, 30:]])
    assert both == effects.aipw(frame, "t", "y", ["x"], embeddings=E)


def test_an_embedding_of_the_item_recovers_the_confounder_unless_folds_keep_items_whole():
    """With many rows an item, noise embeddings name the item, and so its hidden trait."""
    rng = np.random.default_rng(4)
    items, n = 60, 6_000
    h, names = rng.normal(size=items), rng.normal(size=(items, 80))
    item = rng.integers(items, size=n)
    t = (rng.uniform(size=n) < 1 / (1 + np.exp(-h[item]))).astype(int)
    frame = pd.DataFrame(
        {"t": t, "y": t + 1.5 * h[item] + rng.normal(size=n), "item_id": item, "x": rng.normal(size=n)}
    )
    tables = effects.aipw(frame, "t", "y", ["x"]).value
    split_items = effects.aipw(frame, "t", "y", ["x"], embeddings=names[item])
    whole_items = effects.aipw(frame, "t", "y", ["x"], embeddings=names[item], groups="item_id")
    assert tables - split_items.value > 0.8 * (tables - 1)
    assert abs(tables - whole_items.value) < 0.3 * (tables - 1)


@pytest.mark.parametrize("columns", [1, 2])
def test_no_group_stands_in_both_train_and_test(columns):
    rng = np.random.default_rng(columns)
    groups = [rng.integers(25, size=400) for _ in range(columns)]
    seen = np.zeros(400, dtype=int)
    for train, test in splits(400, 4, groups, rng.integers(2, size=400).astype(float), seed=1):
        seen[test] += 1
        for codes in groups:
            assert not set(codes[train]) & set(codes[test])
    assert (seen == 1).all()


def test_clustered_rows_need_clustered_errors():
    rng = np.random.default_rng(6)
    users = np.repeat(np.arange(200), 10)
    t = np.repeat(rng.integers(2, size=200), 10)
    shared = np.repeat(rng.normal(size=200), 10)
    frame = pd.DataFrame(
        {"t": t, "y": t + shared + 0.3 * rng.normal(size=2_000), "user_id": users, "day": np.tile(np.arange(10), 200)}
    )
    plain = effects.regression(frame, "t", "y", [])
    clustered = effects.regression(frame, "t", "y", [], cluster="user_id")
    two_way = effects.regression(frame, "t", "y", [], cluster=["user_id", "day"])
    truth = (
        2 / np.sqrt(200) * np.sqrt(1 + 0.09 / 10)
    )  # error of a difference between two halves of 200 independent users
    assert clustered.std_error == pytest.approx(truth, rel=0.15)
    assert plain.std_error < 0.5 * clustered.std_error
    assert two_way.std_error > plain.std_error
    assert "warning: only 10 clusters in 'day'" in " ".join(two_way.notes)


def test_ridge_logistic_and_its_penalty_agree_with_sklearn():
    linear = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(7)
    X = rng.normal(size=(500, 6))
    y = (rng.uniform(size=500) < 1 / (1 + np.exp(-X[:, 0]))).astype(float)
    peer = linear.LogisticRegression(C=1 / 3.0, fit_intercept=False, tol=1e-10, max_iter=10_000).fit(X, y)
    ours = fit_logistic(X, y, np.ones(500), np.full(6, 3.0))
    np.testing.assert_allclose(ours, peer.coef_[0], atol=1e-4)


def test_the_penalty_is_large_for_noise_and_small_for_signal():
    rng = np.random.default_rng(8)
    E, one = rng.normal(size=(600, 40)), np.ones((600, 1))
    signal = choose_penalty(one, E, E @ rng.normal(size=40), np.ones(600))
    nothing = choose_penalty(one, E, rng.normal(size=600), np.ones(600))
    assert nothing > 100 * signal


def test_a_constant_column_is_silenced_not_divided_by():
    z = standardised(np.column_stack([np.full(50, 2.0), np.arange(50.0)]))
    assert (z[:, 0] == 0).all()
    assert z[:, 1].std() == pytest.approx(1)


def test_boosted_trees_read_embeddings_through_two_columns_learned_inside_the_fold():
    frame, E = draw(2_500, 0)
    tables, text, oracle = (
        effects.aipw(frame, "t", "y", columns, embeddings=given, nuisance="boosted")
        for columns, given in ((["x"], None), (["x"], E), (["x", "h"], None))
    )
    assert (tables.value - text.value) / (tables.value - oracle.value) > 0.7


def test_a_fold_s_readings_look_at_no_label_of_its_test_rows():
    frame, E = draw(600, 3)
    train, test = np.arange(400), np.arange(400, 600)
    one = readings_in_fold(read_sample(frame, "t", "y", ["x"], embeddings=E), train, test, 0)
    frame.loc[test, "y"] = frame.loc[test, "y"].to_numpy()[::-1]
    frame.loc[test, "t"] = 1 - frame.loc[test, "t"]
    two = readings_in_fold(read_sample(frame, "t", "y", ["x"], embeddings=E), train, test, 0)
    for before, after in zip(one, two, strict=True):
        np.testing.assert_allclose(before, after, atol=1e-8)
