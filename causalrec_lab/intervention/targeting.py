r"""Uplift: what showing *adds*, for every decision, and whom a budget of places then goes to.

A recommender that ranks by the predicted purchase shows what would be bought anyway; one that ranks by the effect of
showing shows what showing sells (Sato et al. 2019, "Uplift-based Evaluation and Optimization of Recommenders", RecSys).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["shown_by", "uplift"]

Learner = Callable[[], Any]


def uplift(
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    covariates: Sequence[str],
    *,
    groups: str | None = None,
    learner: Learner | None = None,
    folds: int = 3,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Both outcomes foretold for every row, and their difference, by a T-learner that did not see the row.

    One model of :math:`E[Y | X, T = 0]` and one of :math:`E[Y | X, T = 1]`; the effect is
    :math:`\hat\tau(x) = \hat\mu_1(x) - \hat\mu_0(x)` (Künzel et al. 2019, PNAS 116). It is an effect only as far as the
    covariates close the back door. It has no standard error: `effects.by_group` has, for groups.

    Parameters
    ----------
    frame
        Decisions, treated and not.
    treatment, outcome, covariates
        Columns: 0/1, 0/1, numbers.
    groups
        Column whose values no fold splits (user_id).
    learner
        Makes a classifier with `fit` and `predict_proba`; by default logistic regression, whose effect differs from
        row to row because the two arms have coefficients of their own.
    folds, seed
        Of cross-fitting.

    Returns
    -------
    DataFrame with columns y0, y1, effect, indexed like `frame`.

    Raises
    ------
    ValueError
        If a column is missing, treatment or outcome is not 0/1, there are fewer groups than folds, or an arm of a
        training part has a single outcome.
    """
    _check(frame, treatment, outcome, covariates)
    x, t, y = frame[list(covariates)].to_numpy(np.float64), frame[treatment].to_numpy(), frame[outcome].to_numpy()
    fold = _folds(frame, groups, folds, seed)
    found = np.empty((len(frame), 2))
    for held in range(folds):
        for arm in (0, 1):
            rows = (fold != held) & (t == arm)
            if not rows.any() or y[rows].min() == y[rows].max():
                raise ValueError(
                    f"uplift: the {int(rows.sum()):,} training rows with {treatment}={arm} have a single {outcome!r}; "
                    "there is nothing to tell apart: fewer folds, more rows or a commoner outcome"
                )
            model = (learner or _logistic)().fit(x[rows], y[rows])
            found[fold == held, arm] = model.predict_proba(x[fold == held])[:, 1]
    table = pd.DataFrame(found, columns=["y0", "y1"], index=frame.index)
    return table.assign(effect=table["y1"] - table["y0"])


def shown_by(frame: pd.DataFrame, score: npt.ArrayLike, k: int, *, by: str = "user_id") -> npt.NDArray[np.bool_]:
    """Rows that get one of each user's k places: those of the highest score, ties in the order of the rows.

    Parameters
    ----------
    frame
        Candidates, one row each.
    score
        (n,) what they are ranked by: a predicted purchase, an effect, an effect less its cost.
    k
        Places a user.
    by
        Column of those whose places they are.

    Returns
    -------
    (n,) True where shown.

    Raises
    ------
    ValueError
        If there is no such column, k is not positive, or a score is missing or not finite.
    """
    values = np.asarray(score, dtype=np.float64)
    if by not in frame:
        raise ValueError(f"shown_by: no column {by!r} in the candidates; they have {list(frame)}")
    if k != int(k) or k < 1:
        raise ValueError(f"shown_by(k={k!r}): give a whole number of places, at least 1")
    if values.shape != (len(frame),) or not np.isfinite(values).all():
        raise ValueError(f"shown_by: scores have shape {values.shape} for {len(frame):,} rows, or are not all finite")
    order = np.argsort(-values, kind="stable")
    place = np.empty(len(frame), dtype=np.int64)
    place[order] = frame[by].iloc[order].groupby(frame[by].to_numpy()[order]).cumcount().to_numpy()
    return np.asarray(place < k)


def _check(frame: pd.DataFrame, treatment: str, outcome: str, covariates: Sequence[str]) -> None:
    if missing := [name for name in (treatment, outcome, *covariates) if name not in frame]:
        raise ValueError(f"uplift: the table lacks {missing}; it has {list(frame)}")
    for name in (treatment, outcome):
        if not frame[name].isin((0, 1)).all():
            raise ValueError(f"uplift: column {name!r} must hold 0 or 1 in every row")


def _folds(frame: pd.DataFrame, groups: str | None, folds: int, seed: int) -> npt.NDArray[np.int64]:
    """Fold of each row; rows of one group share theirs."""
    codes = np.arange(len(frame)) if groups is None else pd.factorize(frame[groups])[0]
    count = int(codes.max()) + 1 if len(codes) else 0
    if not 2 <= folds <= count:
        raise ValueError(f"uplift(folds={folds}): give a number from 2 to the {count} {groups or 'rows'}")
    return np.asarray(np.random.default_rng(seed).permutation(np.arange(count) % folds)[codes])


def _logistic() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression())
