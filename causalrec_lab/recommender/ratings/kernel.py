"""Ratings that users chose to give: kernel ridge with features, and metrics on a randomised test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.estimate import Estimate

__all__ = ["RatingKernel", "rating_difference", "rating_metrics"]

Floats = npt.NDArray[np.float64]
Decay = float | tuple[float, ...]


@dataclass(frozen=True)
class KernelWeights:
    r"""Weights of the kernel, in units of the noise variance (which is the ridge, 1).

    :math:`k(ui, vj) = a\,1_{uv} + b\,1_{ij} + c\,k_{uv} k_{ij} + d\,1_{uv} k'_{ij} + e\,k_{uv} 1_{ij}` with
    :math:`k = \exp(-\sum_f \gamma_f |x_f - y_f| / 2)`.

    Parameters
    ----------
    user, item, features, user_taste, item_appeal
        a, b, c, d, e.
    user_decay, item_decay
        :math:`\gamma` of the users' and the items' features: one number for all, or one a feature (automatic relevance
        determination: Rasmussen & Williams 2006, section 5.1).
    taste_decay
        The items' :math:`\gamma` within one user's own taste, k'; None: as `item_decay`.
    """

    user: float = 0.16
    item: float = 0.12
    features: float = 0.15
    user_taste: float = 0.75
    item_appeal: float = 0.02
    user_decay: Decay = 0.5
    item_decay: Decay = 0.3
    taste_decay: Decay | None = None


class RatingKernel:
    r"""Ridge regression of ratings in the space of a kernel over user-item pairs (Saunders et al. 1998).

    :math:`\hat r = \bar r + K (K_{train} + I)^{-1} (r - \bar r)`. The terms of the kernel are a user's level, an item's
    level, taste shared by like users for like items, one user's own taste, one item's appeal to like users.

    Parameters
    ----------
    weights
        Of the terms; the defaults were chosen on Coat's biased training half, by cross-validation there.
    """

    def __init__(self, weights: KernelWeights | None = None) -> None:
        self.weights = weights or KernelWeights()

    def fit(self, ratings: Any, user_features: Any, item_features: Any) -> Self:
        """Learn from a matrix of ratings (users, items), 0 where there is none, and 0/1 features of both.

        Raises
        ------
        ValueError
            If shapes do not fit, there is no rating, or one is NaN.
        """
        from scipy.linalg import cho_factor, cho_solve

        matrix = np.asarray(ratings)
        w = self.weights
        self._users, self._items = _alike(user_features, w.user_decay), _alike(item_features, w.item_decay)
        self._taste = self._items if w.taste_decay is None else _alike(item_features, w.taste_decay)
        if matrix.shape != (len(self._users), len(self._items)):
            raise ValueError(
                f"ratings are {matrix.shape}, features of {len(self._users)} users, {len(self._items)} items"
            )
        users, items = np.nonzero(matrix)
        if not len(users):
            raise ValueError("there is no rating to learn from; 0 stands for a rating that is missing")
        _finite(matrix, "ratings")
        target = matrix[users, items].astype(np.float32)
        self._mean = float(target.mean())
        gram = self._gram(users, items)
        gram[np.diag_indices(len(gram))] += 1.0
        weights = cho_solve(cho_factor(gram, lower=True, overwrite_a=True, check_finite=False), target - self._mean)
        self._dual = np.zeros(matrix.shape)
        self._dual[users, items] = weights
        return self

    def predict(self) -> Floats:
        """(users, items) predicted ratings."""
        w, dual = self.weights, self._dual
        shared, own, appeal = self._users @ dual @ self._items, dual @ self._taste, self._users @ dual
        level = w.user * dual.sum(1, keepdims=True) + w.item * dual.sum(0, keepdims=True)
        return np.asarray(self._mean + level + w.features * shared + w.user_taste * own + w.item_appeal * appeal)

    def _gram(self, users: npt.NDArray[np.int64], items: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """(n, n) kernel between the rated pairs, in single precision: it is well conditioned by the ridge."""
        w, n_users, n_items = self.weights, len(self._users), len(self._items)
        by_user = np.stack([np.eye(n_users), self._users]).astype(np.float32)[:, users][:, :, users]
        same, alike = by_user
        of_items = w.features * alike * self._items.astype(np.float32)[items][:, items]
        of_items += w.user_taste * same * self._taste.astype(np.float32)[items][:, items]
        same_item = np.eye(n_items, dtype=np.float32)[items][:, items]
        return np.asarray(of_items + w.user * same + same_item * (w.item + w.item_appeal * alike), dtype=np.float32)


def rating_metrics(
    ratings: Any,
    scores: Any,
    *,
    positive: int = 3,
    k: int = 5,
    level: float = 0.95,
    replications: int = 1_000,
    seed: int = 0,
) -> pd.DataFrame:
    r"""AUC over all test pairs and NDCG@k averaged over users, with user-bootstrap intervals.

    A rating of `positive` or more is relevant. :math:`NDCG@k` of a user is the discounted count of relevant items among
    the k best scored of the user's test items, divided by that of the best order; tied items share the mean discount of
    their places (McSherry & Najork 2008, ECIR), and users without a relevant item are skipped. Weights of the Bayesian
    bootstrap (Rubin 1981) fall on users, for both metrics at once.

    Parameters
    ----------
    ratings
        (users, items) test ratings, 0 where there is none.
    scores
        (users, items) scores of a model.

    Returns
    -------
    DataFrame indexed by metric: value, low, high, n (pairs, users).

    Raises
    ------
    ValueError
        If shapes differ, a rating or score is NaN, or only one class stands in the test.
    """
    users, relevant, value = _rated(ratings, scores, positive)
    n_users = len(np.asarray(ratings))
    weights = _user_weights(n_users, replications, seed)
    ndcg = _user_ndcg(users, relevant, value, n_users, k)
    has = np.isfinite(ndcg)
    drawn = {
        "AUC": _weighted_auc(relevant, value, weights[:, users]),
        f"NDCG@{k}": (weights[:, has] @ ndcg[has]) / weights[:, has].sum(1),
    }
    ends = [(1 - level) / 2, (1 + level) / 2]
    rows = {name: [all_[0], *np.quantile(all_[1:], ends)] for name, all_ in drawn.items()}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"])
    return table.assign(n=[len(relevant), int(has.sum())]).rename_axis("metric")


def rating_difference(
    ratings: Any,
    first: Any,
    second: Any,
    *,
    positive: int = 3,
    level: float = 0.95,
    replications: int = 1_000,
    seed: int = 0,
) -> Estimate:
    r"""AUC of `first` minus AUC of `second` over the same test pairs, with a paired user-bootstrap interval.

    Both scores meet the same weights of the Bayesian bootstrap (Rubin 1981), which fall on users: what makes a user
    easy or hard to rank cancels in each replication, which two separate intervals cannot show.

    Parameters
    ----------
    ratings
        (users, items) test ratings, 0 where there is none; `positive` or more is relevant.
    first, second
        (users, items) scores of two models.
    level
        Of the interval, between quantiles of the replications.

    Returns
    -------
    Estimate of the difference in AUC; its standard error is the replications' standard deviation, `n` the test pairs.

    Raises
    ------
    ValueError
        If shapes differ, a rating or score is NaN, or only one class stands in the test.
    """
    users, relevant, one = _rated(ratings, first, positive)
    other = _rated(ratings, second, positive)[2]
    weights = _user_weights(len(np.asarray(ratings)), replications, seed)[:, users]
    drawn = _weighted_auc(relevant, one, weights) - _weighted_auc(relevant, other, weights)
    low, high = np.quantile(drawn[1:], [(1 - level) / 2, (1 + level) / 2])
    return Estimate(
        drawn[0],
        float(drawn[1:].std(ddof=1)),
        (low, high),
        level,
        estimand="difference in AUC",
        method=f"paired Bayesian bootstrap over users, {replications:,} replications",
        n=len(relevant),
        assumptions=("users are independent draws",),
        notes=("the models are taken as trained: the interval leaves out the chance of their training",),
    )


def _rated(ratings: Any, scores: Any, positive: int) -> tuple[Any, npt.NDArray[np.bool_], Floats]:
    """User, relevance and score of every pair in the test."""
    matrix, score = np.asarray(ratings), np.asarray(scores, dtype=np.float64)
    if matrix.shape != score.shape:
        raise ValueError(f"ratings are {matrix.shape}, scores {score.shape}; give a score for every pair")
    users, items = np.nonzero(matrix)
    _finite(matrix, "ratings")
    _finite(score[users, items], "scores of test pairs")
    relevant = matrix[users, items] >= positive
    if relevant.all() or not relevant.any():
        raise ValueError(f"all {len(relevant)} test ratings are on one side of {positive}; there is nothing to rank")
    return users, relevant, score[users, items]


def _finite(values: Any, name: str) -> None:
    """NaN is not zero, so it would count as a rating, and it sorts above every score."""
    if lost := int((~np.isfinite(np.asarray(values, dtype=np.float64))).sum()):
        raise ValueError(f"{lost} of the {name} are NaN or infinite; 0 stands for a rating that is missing")


def _user_weights(n_users: int, replications: int, seed: int) -> Floats:
    """Ones, then a row of Bayesian-bootstrap weights of the users a replication."""
    drawn = np.random.default_rng(seed).standard_exponential((replications, n_users))
    return np.vstack([np.ones(n_users), drawn])


def _alike(features: Any, decay: Decay) -> Floats:
    x = np.asarray(features, dtype=np.float64)
    if np.ndim(decay) and len(np.atleast_1d(decay)) != x.shape[1]:
        raise ValueError(f"{len(np.atleast_1d(decay))} decays for {x.shape[1]} features; give one a feature, or one")
    differ = np.abs(x[:, None, :] - x[None, :, :]) @ np.broadcast_to(np.asarray(decay, dtype=np.float64), x.shape[1])
    return np.asarray(np.exp(-differ / 2))


def _user_ndcg(users: Any, relevant: Any, score: Floats, n_users: int, k: int) -> Floats:
    frame = pd.DataFrame({"user": users, "relevant": relevant.astype(float), "score": -score})
    frame = frame.sort_values(["user", "score"], kind="stable")
    place = frame.groupby("user").cumcount().to_numpy()
    frame["discount"] = np.where(place < k, 1 / np.log2(place + 2), 0.0)
    shared = frame.groupby(["user", "score"])["discount"].transform("mean")
    gain = (frame["relevant"] * shared).to_numpy()
    got = np.bincount(frame["user"], gain, minlength=n_users)
    total = np.bincount(frame["user"], frame["relevant"], minlength=n_users).astype(int)
    best = np.concatenate(([np.nan], (1 / np.log2(np.arange(2, k + 2))).cumsum()))
    return np.asarray(got / best[np.minimum(total, k)])


def _weighted_auc(relevant: Any, score: Floats, weights: Floats) -> Floats:
    """AUC under each row of weights; ties count half, as the mean of both ways of breaking them."""
    found = []
    for ties in (relevant, ~relevant):
        order = np.lexsort((ties, score))
        w, y = weights[:, order], relevant[order]
        below = np.cumsum(w * ~y, axis=1)
        found.append((w * y * below).sum(1) / ((w * y).sum(1) * below[:, -1]))
    return np.asarray((found[0] + found[1]) / 2)
