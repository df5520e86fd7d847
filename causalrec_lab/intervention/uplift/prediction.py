r"""What showing *adds*, for every decision.

A recommender that ranks by the predicted purchase shows what would be bought anyway; one that ranks by the effect of
showing shows what showing sells (Sato et al. 2019, "Uplift-based Evaluation and Optimization of Recommenders", RecSys).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["predict"]

Learner = Callable[[], Any]
Floats = npt.NDArray[np.float64]


def predict(
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    covariates: Sequence[str],
    *,
    groups: str | None = None,
    learner: Learner | None = None,
    shrinkage: float | None = None,
    folds: int = 3,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Both outcomes foretold for every row, and their difference, by models that did not see the row.

    The effect is :math:`\hat\tau(x) = \hat\mu_1(x) - \hat\mu_0(x)`. A T-learner has one model of each arm (Künzel et
    al. 2019, PNAS 116): where outcomes are rare the difference of two noisy models is mostly noise. With `shrinkage`
    one logistic model holds both arms,

    .. math:: \operatorname{logit} P(Y = 1) = \mu + \beta'x + (t - \tfrac12)(\tau + \gamma'x), \qquad
        \text{loss} + \tfrac12 \|\beta\|^2 + \tfrac12 s \|\gamma\|^2,

    so that effects differ on the scale of log-odds only as far as the data insist; a penalty of its own for what is
    causal is due to Imai & Ratkovic (2013, Annals of Applied Statistics 7). It is an effect only as far as the
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
    shrinkage
        None: a T-learner. A number: s, the covariates being standardised; 300 suits some thousands of rows.
    folds, seed
        Of cross-fitting.

    Returns
    -------
    DataFrame with columns y0, y1, effect, indexed like `frame`.

    Raises
    ------
    ValueError
        If a column is missing, treatment or outcome is not 0/1, there are fewer groups than folds, an arm of a
        training part has a single outcome, or `shrinkage` is not positive or comes with a learner.
    """
    _check(frame, treatment, outcome, covariates)
    if shrinkage is not None and (learner is not None or not shrinkage > 0):
        raise ValueError(
            f"uplift.predict(shrinkage={shrinkage!r}): give a positive number and no learner=, or leave it None"
        )
    x, t, y = frame[list(covariates)].to_numpy(np.float64), frame[treatment].to_numpy(), frame[outcome].to_numpy()
    fold = _folds(frame, groups, folds, seed)
    found = np.empty((len(frame), 2))
    for held in range(folds):
        rows = fold != held
        _both_outcomes(t[rows], y[rows], treatment, outcome)
        found[~rows] = _foretold(x, t, y, rows, learner or _logistic, shrinkage)
    table = pd.DataFrame(found, columns=["y0", "y1"], index=frame.index)
    return table.assign(effect=table["y1"] - table["y0"])


def _check(frame: pd.DataFrame, treatment: str, outcome: str, covariates: Sequence[str]) -> None:
    if missing := [name for name in (treatment, outcome, *covariates) if name not in frame]:
        raise ValueError(f"uplift.predict: the table lacks {missing}; it has {list(frame)}")
    for name in (treatment, outcome):
        if not frame[name].isin((0, 1)).all():
            raise ValueError(f"uplift.predict: column {name!r} must hold 0 or 1 in every row")


def _both_outcomes(t: Any, y: Any, treatment: str, outcome: str) -> None:
    for arm in (0, 1):
        some = y[t == arm]
        if not len(some) or some.min() == some.max():
            raise ValueError(
                f"uplift.predict: the {len(some):,} training rows with {treatment}={arm} have a single {outcome!r}; "
                "there is nothing to tell apart: fewer folds, more rows or a commoner outcome"
            )


def _foretold(x: Floats, t: Any, y: Any, rows: Any, learner: Learner, shrinkage: float | None) -> Floats:
    """(n, 2) chances of the outcome in both arms, for the rows not learned from."""
    if shrinkage is None:
        models = [learner().fit(x[rows & (t == arm)], y[rows & (t == arm)]) for arm in (0, 1)]
        return np.column_stack([model.predict_proba(x[~rows])[:, 1] for model in models])
    model = _shrunken(shrinkage).fit(np.column_stack([x[rows], t[rows]]), y[rows])
    others = x[~rows]
    return np.column_stack(
        [model.predict_proba(np.column_stack([others, np.full(len(others), arm)]))[:, 1] for arm in (0, 1)]
    )


def _folds(frame: pd.DataFrame, groups: str | None, folds: int, seed: int) -> npt.NDArray[np.int64]:
    """Fold of each row; rows of one group share theirs."""
    codes = np.arange(len(frame)) if groups is None else pd.factorize(frame[groups])[0]
    count = int(codes.max()) + 1 if len(codes) else 0
    if not 2 <= folds <= count:
        raise ValueError(f"uplift.predict(folds={folds}): give a number from 2 to the {count} {groups or 'rows'}")
    return np.asarray(np.random.default_rng(seed).permutation(np.arange(count) % folds)[codes])


def _logistic() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression())


def _shrunken(shrinkage: float) -> Any:
    """Logistic regression on covariates, arm (the last column) and their products, which are made small to be dear."""
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    def crossed(columns: Any) -> Any:
        x, half = columns[:, :-1], columns[:, -1:] - 0.5
        return np.hstack([x, half, half * x / np.sqrt(shrinkage)])

    scaled = ColumnTransformer([("covariates", StandardScaler(), slice(0, -1))], remainder="passthrough")
    return make_pipeline(scaled, FunctionTransformer(crossed), LogisticRegression(max_iter=500))
