"""Rating models against algebra, brute force and a world where selection is known."""

import numpy as np
import pytest
from sklearn.metrics import ndcg_score, roc_auc_score

from causalrec_lab.recommender import (
    RatingKernel,
    RatingLogit,
    exposure_propensity,
    rating_difference,
    rating_metrics,
)
from causalrec_lab.recommender.ratings.kernel import KernelWeights


def pairs(n_users=12, n_items=9, seed=0, share=0.5):
    rng = np.random.default_rng(seed)
    ratings = rng.integers(1, 6, (n_users, n_items)) * (rng.random((n_users, n_items)) < share)
    return ratings, rng.integers(2, size=(n_users, 4)), rng.integers(2, size=(n_items, 3))


@pytest.mark.parametrize(
    ("users", "items", "taste"), [(0.7, 0.2, None), ((0.7, 0.1, 0.0, 2.0), (0.2, 0.9, 0.4), (1.5, 0.0, 0.3))]
)
def test_kernel_ridge_equals_the_formula_pair_by_pair(users, items, taste):
    ratings, u, i = pairs()
    w = KernelWeights(0.3, 0.2, 0.5, 0.4, 0.1, user_decay=users, item_decay=items, taste_decay=taste)

    def k(a, b):
        like_u = np.exp(-(users * np.abs(u[a[0]] - u[b[0]])).sum() / 2)
        like_i = np.exp(-(items * np.abs(i[a[1]] - i[b[1]])).sum() / 2)
        own = np.exp(-((taste or items) * np.abs(i[a[1]] - i[b[1]])).sum() / 2)
        same_u, same_i = a[0] == b[0], a[1] == b[1]
        return 0.3 * same_u + 0.2 * same_i + 0.5 * like_u * like_i + 0.4 * same_u * own + 0.1 * like_u * same_i

    seen = list(zip(*np.nonzero(ratings), strict=True))
    r = np.array([ratings[pair] for pair in seen], float)
    K = np.array([[k(a, b) for b in seen] for a in seen])
    dual = np.linalg.solve(K + np.eye(len(r)), r - r.mean())
    expected = [
        r.mean() + sum(c * k(pair, b) for c, b in zip(dual, seen, strict=True)) for pair in np.ndindex(ratings.shape)
    ]
    found = RatingKernel(w).fit(ratings, u, i).predict()
    np.testing.assert_allclose(found.ravel(), expected, atol=1e-4)


def test_metrics_equal_scikit_learn():
    ratings, _, _ = pairs(40, 30, share=0.4)
    scores = np.random.default_rng(1).normal(size=ratings.shape).round(1)  # with ties between pairs
    table = rating_metrics(ratings, scores)
    seen = ratings > 0
    assert table["value"]["AUC"] == pytest.approx(roc_auc_score(ratings[seen] >= 3, scores[seen]))
    distinct = scores + np.random.default_rng(2).normal(0, 1e-6, scores.shape)
    users = [row for row in range(40) if (ratings[row] >= 3).any()]
    expected = np.mean(
        [ndcg_score([(ratings[r] >= 3)[seen[r]]], [distinct[r][seen[r]]], k=5) for r in users if seen[r].sum() > 1]
    )
    assert rating_metrics(ratings, distinct)["value"]["NDCG@5"] == pytest.approx(expected)
    assert (table["low"] < table["value"]).all()
    assert (table["value"] < table["high"]).all()


def test_difference_is_paired_and_has_a_sign():
    ratings, _, _ = pairs(60, 30, share=0.4)
    rng = np.random.default_rng(1)
    poor = rng.normal(size=ratings.shape)
    good = poor + 0.5 * ratings  # both share the noise: each AUC is uncertain, their difference is not
    found, turned = rating_difference(ratings, good, poor), rating_difference(ratings, poor, good)
    assert 0 < found.low < found.value < found.high
    assert (turned.value, turned.low, turned.high) == pytest.approx((-found.value, -found.high, -found.low))
    tables = rating_metrics(ratings, good), rating_metrics(ratings, poor)
    assert found.value == pytest.approx(tables[0]["value"]["AUC"] - tables[1]["value"]["AUC"])
    same = rating_difference(ratings, poor, 2 * poor + 1)
    assert (same.value, same.low, same.high, same.std_error) == pytest.approx((0, 0, 0, 0), abs=1e-12)
    with pytest.raises(ValueError, match="a score for every pair"):
        rating_difference(ratings, good, poor[:, :5])


def test_difference_agrees_with_drawing_the_users_again():
    ratings, _, _ = pairs(80, 20, share=0.5)
    rng = np.random.default_rng(3)
    one, other = (0.2 * ratings + rng.normal(size=ratings.shape) for _ in range(2))
    found = rating_difference(ratings, one, other, replications=2_000)
    drawn = []
    for _ in range(400):  # Efron's bootstrap, user by user, with scikit-learn's AUC
        rows = rng.integers(80, size=80)
        y = ratings[rows][seen := ratings[rows] > 0] >= 3
        drawn.append(roc_auc_score(y, one[rows][seen]) - roc_auc_score(y, other[rows][seen]))
    assert found.std_error == pytest.approx(np.std(drawn, ddof=1), rel=0.2)
    np.testing.assert_allclose([found.low, found.high], np.quantile(drawn, [0.025, 0.975]), atol=found.std_error / 2)


@pytest.fixture(scope="module")
def selected():
    """Users look at what they like: of a minority's favourites few are seen; features know taste and exposure."""
    rng = np.random.default_rng(0)
    x_u, x_i = rng.normal(size=(250, 3)), rng.normal(size=(200, 3))
    taste = x_u @ np.diag([1.5, -1.0, 0.5]) @ x_i.T
    liked = (rng.random(taste.shape) < 1 / (1 + np.exp(-taste))).astype(float)
    p = np.clip(1 / (1 + np.exp(-(taste - 2.0))), 0.02, 0.98)
    return x_u, x_i, liked, p, (rng.random(p.shape) < p).astype(float), 1 / (1 + np.exp(-taste))


@pytest.mark.parametrize("loss", ["ips", "snips", "dr", "dr_jl", "mrdr"])
def test_debiased_levels_are_nearer_the_truth(selected, loss):
    _, _, liked, p, seen, truth = selected
    settings = {"factors": 0, "penalty": 5.0}
    cross = lambda model: np.abs(model.predict() - truth).mean()  # noqa: E731
    # without features the naive model can only learn the level of what was seen
    blind_u, blind_i = np.zeros((250, 1)), np.zeros((200, 1))
    naive = RatingLogit("naive", **settings).fit(liked, seen, blind_u, blind_i)
    fair = RatingLogit(loss, **settings).fit(liked, seen, blind_u, blind_i, p)
    assert abs(fair.predict().mean() - truth.mean()) < 0.5 * abs(naive.predict().mean() - truth.mean())
    assert cross(fair) < cross(naive)


def test_exposure_model_finds_the_propensities(selected):
    x_u, x_i, _, p, seen, _ = selected
    found = exposure_propensity(seen, x_u, x_i)
    assert np.corrcoef(found.ravel(), p.ravel())[0, 1] > 0.95
    assert found.mean() == pytest.approx(seen.mean(), rel=0.05)


def test_propensity_is_asked_for():
    ratings, u, i = pairs()
    with pytest.raises(ValueError, match="exposure_propensity"):
        RatingLogit("ips").fit(ratings > 2, ratings > 0, u, i)


def test_shapes_that_do_not_fit():
    ratings, u, i = pairs()
    with pytest.raises(ValueError, match="features of 12 users"):
        RatingKernel().fit(ratings[:, :5], u, i)
    with pytest.raises(ValueError, match="2 decays for 3 features"):
        RatingKernel(KernelWeights(item_decay=(0.1, 0.2))).fit(ratings, u, i)
    with pytest.raises(ValueError, match="no rating"):
        RatingKernel().fit(ratings * 0, u, i)
    with pytest.raises(ValueError, match="one side of 3"):
        rating_metrics(np.full((2, 2), 4), np.zeros((2, 2)))


def test_joint_learning_imputes_the_losses_that_were_seen(selected):
    """With every propensity 1 all pairs count as they are: every loss is the naive one."""
    x_u, x_i, liked, *_ = selected
    everything, settings = np.ones_like(liked), {"factors": 0, "penalty": 5.0, "steps": 60}
    naive = RatingLogit("naive", **settings).fit(liked, everything, x_u, x_i).predict()
    for loss in ("ips", "dr", "dr_jl", "mrdr"):
        same = RatingLogit(loss, **settings).fit(liked, everything, x_u, x_i, everything).predict()
        np.testing.assert_allclose(same, naive, atol=1e-4)


def test_a_clipped_propensity_is_lifted(selected):
    x_u, x_i, liked, p, seen, _ = selected
    settings = {"factors": 0, "penalty": 5.0, "steps": 40}
    clipped = RatingLogit("ips", clip=0.2, **settings).fit(liked, seen, x_u, x_i, p).predict()
    by_hand = RatingLogit("ips", **settings).fit(liked, seen, x_u, x_i, np.maximum(p, 0.2)).predict()
    np.testing.assert_array_equal(clipped, by_hand)
    assert np.abs(clipped - RatingLogit("ips", **settings).fit(liked, seen, x_u, x_i, p).predict()).max() > 1e-3
    with pytest.raises(ValueError, match="clip=1"):
        RatingLogit("ips", clip=1)


@pytest.mark.parametrize("loss", ["naive", "ips", "snips", "dr", "dr_jl", "mrdr"])
def test_what_stands_where_nothing_was_seen_changes_nothing(loss):
    rng = np.random.default_rng(0)
    liked, seen, x, z = rng.random((9, 7)) < 0.5, rng.random((9, 7)) < 0.5, rng.normal(size=(9, 2)), np.eye(7)
    chance = np.where(seen, 0.4, 0.6)
    plain = RatingLogit(loss, steps=5).fit(liked, seen, x, z, chance).predict()
    blank, never = np.where(seen, liked, np.nan), np.where(seen, chance, 0.0)
    np.testing.assert_array_equal(RatingLogit(loss, steps=5).fit(blank, seen, x, z, never).predict(), plain)


def test_stars_and_nothing_seen_are_refused():
    with pytest.raises(ValueError, match=r"liked has 4 observed values outside \[0, 1\], first 5.0"):
        RatingLogit().fit(np.full((2, 2), 5), np.ones((2, 2)), np.eye(2), np.eye(2))
    with pytest.raises(ValueError, match="none of the 4 pairs is observed"):
        RatingLogit().fit(np.ones((2, 2)), np.zeros((2, 2)), np.eye(2), np.eye(2))


def test_nan_is_no_rating_and_no_score():
    ratings = np.array([[5.0, np.nan], [1.0, 4.0]])
    with pytest.raises(ValueError, match="1 of the ratings are NaN"):
        RatingKernel().fit(ratings, np.eye(2), np.eye(2))
    with pytest.raises(ValueError, match="1 of the ratings are NaN"):
        rating_metrics(ratings, np.ones((2, 2)))
    with pytest.raises(ValueError, match="1 of the scores of test pairs are NaN"):
        rating_metrics(np.nan_to_num(ratings), np.where(ratings == 4, np.nan, 0.0))


def test_ties_share_their_places():
    from sklearn.metrics import ndcg_score

    ratings, scores = pairs(seed=4)[0], np.random.default_rng(4).integers(0, 3, (12, 9)).astype(float)
    expected = [
        ndcg_score([(row[row > 0] >= 3).astype(float)], [score[row > 0]], k=3)
        for row, score in zip(ratings, scores, strict=True)
        if (row >= 3).any()
    ]
    for order in (slice(None), slice(None, None, -1)):
        table = rating_metrics(ratings[:, order], scores[:, order], k=3)
        assert table["value"]["NDCG@3"] == pytest.approx(np.mean(expected))
