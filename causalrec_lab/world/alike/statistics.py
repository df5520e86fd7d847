"""The statistics in which a log and a platform are compared: curves, predictability, selection, text, co-occurrence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.world.people.population import Floats, Ints, stream

__all__ = [
    "CrossFit",
    "TextGain",
    "auc",
    "auc_error",
    "co_lifts",
    "cross_fits",
    "cross_fitted",
    "deviance_explained",
    "rates_behind",
    "text_gain",
]

FOLDS = 3
_WORDS = 1_000
_PENALTIES = (3.0, 30.0, 300.0)
_TINY = 1e-6
_ROUNDS = 200


def auc(score: npt.ArrayLike, positive: npt.ArrayLike, negative: npt.ArrayLike) -> float:
    r"""Chance that a random positive has a higher score than a random negative, ties counted half.

    .. math:: AUC = \frac{\sum_{ij} a_i b_j (1\{s_i > s_j\} + \tfrac12 1\{s_i = s_j\})}{\sum_i a_i \sum_j b_j}

    Parameters
    ----------
    score
        (n,) scores s.
    positive, negative
        (n,) weights a and b: 0/1 of a label, or a chance and its complement, so that a known propensity needs no draws.

    Notes
    -----
    The area under the ROC curve as a rank statistic: Hanley and McNeil (1982), Radiology 143.
    """
    _, place = np.unique(np.asarray(score, dtype=np.float64), return_inverse=True)
    a = np.bincount(place, weights=np.asarray(positive, dtype=np.float64))
    b = np.bincount(place, weights=np.asarray(negative, dtype=np.float64))
    below = np.cumsum(b) - b
    return float((a * (below + 0.5 * b)).sum() / (a.sum() * b.sum()))


def auc_error(area: float, positives: float, negatives: float) -> float:
    r"""Standard error of an AUC from numbers of positives and negatives, by the formula of Hanley and McNeil (1982).

    .. math:: \frac{A(1 - A) + (n_1 - 1)(Q_1 - A^2) + (n_0 - 1)(Q_2 - A^2)}{n_1 n_0},\quad
              Q_1 = \frac{A}{2 - A},\; Q_2 = \frac{2 A^2}{1 + A}
    """
    one, two, squared = area / (2 - area), 2 * area**2 / (1 + area), area**2
    spread = area * (1 - area) + (positives - 1) * (one - squared) + (negatives - 1) * (two - squared)
    return float(np.sqrt(max(spread, 0.0) / (positives * negatives)))


def deviance_explained(chance: npt.ArrayLike, positive: npt.ArrayLike, negative: npt.ArrayLike) -> float:
    r"""McFadden's pseudo-:math:`R^2`: the share of the log loss of a constant chance that `chance` takes away.

    Held out it can be negative. McFadden (1974), Conditional Logit Analysis of Qualitative Choice Behavior, in Zarembka
    (ed.), Frontiers in Econometrics.
    """
    a, b = np.asarray(positive, dtype=np.float64), np.asarray(negative, dtype=np.float64)
    e = np.clip(np.asarray(chance, dtype=np.float64), _TINY, 1 - _TINY)
    mean = a.sum() / (a.sum() + b.sum())
    null = -(a.sum() * np.log(mean) + b.sum() * np.log1p(-mean))
    return float(1.0 + (a * np.log(e) + b * np.log1p(-e)).sum() / null)


def rates_behind(counts: npt.ArrayLike) -> Floats:
    r"""Rates whose Poisson draws would spread as these counts do: the counts drawn towards their mean.

    .. math:: \lambda_j = \bar c + \sqrt{(v - \bar c) / v}\,(c_j - \bar c)

    with the counts' mean and variance v: the spread of counts is that of the rates plus the Poisson law's own
    :math:`\bar c`. Where counts are large nothing moves; where they spread no more than the Poisson law, all rates are
    equal. The first two moments are those the rates must have; the shape is that of the counts.
    """
    c = np.asarray(counts, dtype=np.float64)
    mean, variance = float(c.mean()), float(c.var())
    shrink = np.sqrt(max(variance - mean, 0.0) / variance) if variance > 0 else 0.0
    return np.asarray(mean + shrink * (c - mean))


@dataclass(frozen=True, eq=False)
class CrossFit:
    """Held-out chances of a 0/1 column, each row predicted by a model that did not see it.

    Parameters
    ----------
    chance
        (n,) held-out chances.
    everywhere
        (m,) mean prediction of the fold models at further rows, where such were given.
    model
        "logistic regression" or "boosted trees": whichever has the lower held-out log loss.
    """

    chance: Floats
    everywhere: Floats
    model: str


def cross_fitted(x: Floats, y: Floats, groups: Ints, seed: int, further: Floats | None = None) -> CrossFit:
    """Cross-fit a 0/1 column on numeric columns, by the better of a logistic regression and boosted trees.

    Parameters
    ----------
    x, y
        (n, p) columns without gaps and (n,) outcomes.
    groups
        (n,) group of each row; rows of one group share a fold, so that no model knows a user by heart.
    seed
        Of the folds and the trees.
    further
        (m, p) rows that no fold holds and every fold's model predicts.
    """
    return cross_fits(x, y, groups, seed, further)[0]


def cross_fits(x: Floats, y: Floats, groups: Ints, seed: int, further: Floats | None = None) -> list[CrossFit]:
    """Both models of `cross_fitted`, the better one first."""
    beyond = np.empty((0, x.shape[1])) if further is None else further
    fold = _folds(groups, y, seed)
    fits = [CrossFit(*_out_of_fold(make, x, y, fold, beyond), name) for name, make in _models(seed).items()]
    return sorted(fits, key=lambda fit: -deviance_explained(fit.chance, y, 1 - y))


def _models(seed: int) -> dict[str, Any]:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return {
        "logistic regression": lambda: make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=500)),
        "boosted trees": lambda: HistGradientBoostingClassifier(
            max_iter=40, max_leaf_nodes=8, min_samples_leaf=40, early_stopping=False, random_state=seed
        ),
    }


def _out_of_fold(make: Any, x: Floats, y: Floats, fold: Ints, beyond: Floats) -> tuple[Floats, Floats]:
    chance, everywhere = np.empty(len(y)), np.zeros(len(beyond))
    for held in np.unique(fold):
        out = fold == held
        model = make().fit(x[~out], y[~out])
        chance[out] = model.predict_proba(x[out])[:, 1]
        if len(beyond):
            everywhere += model.predict_proba(beyond)[:, 1] / len(np.unique(fold))
    return chance, everywhere


def _folds(groups: Ints, y: Floats, seed: int) -> Ints:
    """Fold of each row: whole groups; both classes spread evenly where every row is its own group."""
    rng = stream("likeness folds", seed)
    known, member = np.unique(groups, return_inverse=True)
    if len(known) == len(y):
        order = rng.permutation(len(y))
        order = order[np.argsort(y[order], kind="stable")]
        fold = np.empty(len(y), dtype=np.int64)
        fold[order] = np.arange(len(y)) % FOLDS
        return fold
    return np.asarray(rng.permutation(np.arange(len(known)) % FOLDS)[member])


@dataclass(frozen=True)
class TextGain:
    """Share of the deviance that text explains beyond the tables, held out; its error counts a group's rows as one."""

    value: float
    std_error: float


def text_gain(texts: list[str], base: Floats, y: Floats, groups: Ints, seed: int) -> TextGain:
    r"""How much better words and tables together predict a 0/1 column than the tables alone, in held-out rows.

    .. math:: (\ell_{tables + text} - \ell_{tables}) / |\ell_0|

    in log likelihoods, with :math:`\ell_0` that of the constant chance. A logistic regression reads the tables, a ridge
    regression on TF-IDF words what it leaves over, both in folds that hold no row of a predicted row's group; the
    score of the words then enters with one coefficient, so that a text that says nothing costs nothing.

    Parameters
    ----------
    texts, base, y, groups
        Text, (n, p) numeric columns (p may be 0), 0/1 column and group of each row.
    seed
        Of the folds.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    fold, tables = _folds(groups, y, seed), np.full(len(y), y.mean())
    if base.shape[1]:
        tables, _ = _out_of_fold(_models(seed)["logistic regression"], base, y, fold, base[:0])
    try:  # document frequencies only: they hold nothing of y
        counter = TfidfVectorizer(min_df=3, max_features=_WORDS, sublinear_tf=True, dtype=np.float32)
        words = counter.fit_transform(texts).toarray()
    except ValueError:  # no word stands in three texts
        return TextGain(0.0, 0.0)
    score = _read(words, y - tables, fold)
    logit = np.log(np.clip(tables, _TINY, 1) / np.clip(1 - tables, _TINY, 1))
    likelihood = []
    for x in (logit[:, None], np.column_stack([logit, score / (score.std() or 1.0)])):
        chance = LogisticRegression(C=1e4).fit(x, y).predict_proba(x)[:, 1].clip(_TINY, 1 - _TINY)
        likelihood.append(y * np.log(chance) + (1 - y) * np.log1p(-chance))
    gain, null = likelihood[1] - likelihood[0], -(y.mean() * np.log(y.mean()) + (1 - y.mean()) * np.log1p(-y.mean()))
    together = np.bincount(np.unique(groups, return_inverse=True)[1], weights=gain - gain.mean())
    error = float(np.sqrt((together**2).sum()) / len(y) / null)
    return TextGain(float(gain.mean() / null) if score @ (y - tables) > 0 else 0.0, error)


def _read(words: npt.NDArray[np.float32], left: Floats, fold: Ints) -> Floats:
    """Held-out ridge predictions of what the tables leave over, under the penalty that predicts best."""
    scores = np.zeros((len(_PENALTIES), len(left)))
    for held in np.unique(fold):
        out = fold == held
        x = words[~out]
        gram, moment = x.T @ x, x.T @ left[~out]
        for row, penalty in enumerate(_PENALTIES):
            scores[row, out] = words[out] @ np.linalg.solve(gram + penalty * np.eye(len(gram)), moment)
    best = int(np.argmax([score @ left / (np.linalg.norm(score) or 1.0) for score in scores]))
    return np.asarray(scores[best])


def co_lifts(users: Ints, items: Ints, top: int = 60) -> Floats:
    r"""Log2 lift of every pair of the most frequent items: how often they have a user in common, against chance.

    .. math:: \log_2 \frac{\sum_u x_{ui} x_{uj}}{\sum_u p_{ui} p_{uj}},\qquad
              p_{ui} = \frac{\alpha_i \beta_u}{1 + \alpha_i \beta_u}

    with :math:`x_{ui} = 1` where u has i, and p the chances that give every user and every item the number it has and
    say nothing else: the bipartite configuration model (Saracco, Di Clemente, Gabrielli and Squartini 2015, Scientific
    Reports 5). The expectation of each user is scaled to the pairs of items it has, since who has one item has none.
    0 is independence; half a user is added above and below. Pairs that chance expects fewer than five times are left
    out.

    Parameters
    ----------
    users, items
        Codes of interactions, from 0; repeats count once.
    top
        Items compared, the most frequent.
    """
    pair = np.unique(users.astype(np.int64) * (int(items.max()) + 1) + items)
    user, item = np.divmod(pair, int(items.max()) + 1)
    n_user, n_item = np.bincount(user), np.bincount(item)
    kept = np.argsort(-n_item, kind="stable")[:top]
    column = np.full(len(n_item), -1)
    column[kept] = np.arange(len(kept))
    inside = column[item] >= 0
    x = np.zeros((len(n_user), len(kept)), dtype=np.float32)
    x[user[inside], column[item[inside]]] = 1.0
    p = _chances(n_user, n_item, n_item[kept]).astype(np.float32)
    observed, expected = (np.asarray(m.T @ m, dtype=np.float64)[np.triu_indices(len(kept), 1)] for m in (x, p))
    enough = expected >= 5
    return np.asarray(np.log2((observed[enough] + 0.5) / (expected[enough] + 0.5)))


def _chances(n_user: Ints, n_item: Ints, asked: Ints) -> Floats:
    """p_ui of users and of items with `asked` users, scaled to each user's pairs; equal numbers share both factors."""
    (degree, which, many), (size, often) = (
        np.unique(n_user, return_inverse=True, return_counts=True),
        np.unique(n_item[n_item > 0], return_counts=True),
    )
    beta, alpha = degree / np.sqrt(degree @ many), size / np.sqrt(size @ often)
    for _ in range(_ROUNDS):
        beta = degree / (alpha / (1 + np.outer(beta, alpha)) @ often)
        alpha = size / (many @ (beta[:, None] / (1 + np.outer(beta, alpha))))
    every = np.outer(beta, alpha) / (1 + np.outer(beta, alpha))
    pairs = degree * (degree - 1) / np.maximum(degree**2 - every**2 @ often, 1e-12)
    p = every[:, np.searchsorted(size, asked)] * np.sqrt(pairs)[:, None]
    return np.asarray(p[which])
