"""The regressions inside the learners: outcome surfaces hardly penalised, effects shrunk towards a constant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from causalrec_lab.causal.effects.cate.basis import Basis
from causalrec_lab.causal.effects.nuisances.blocks import FREE, ridge_of_bends
from causalrec_lab.causal.effects.nuisances.ridge import (
    choose_penalty,
    choose_penalty_by_group,
    expit,
    fit_linear,
    fit_logistic,
)
from causalrec_lab.causal.effects.sample import Floats, Integers

__all__ = ["DAMPING", "Boosted", "Regression", "Ridge", "fit_effect", "fit_surface", "shrunken"]

DAMPING = 2.0  # an effect bends only where data insist: bent terms carry four times the penalty of straight ones
_HELD = 0.2  # share of the rows (whole clusters) that tells a boosted effect when to stop
_PATIENCE = 10


class Regression(Protocol):
    """What maps rows to numbers."""

    def predict(self, matrix: Floats, embeddings: Floats) -> Floats:
        """(n,) prediction for (n, p) columns and (n, d) embeddings."""
        ...


@dataclass(frozen=True)
class Ridge:
    """Linear or logistic in a constant, the basis and the embeddings."""

    basis: Basis
    coefficients: Floats
    logistic: bool

    def predict(self, matrix: Floats, embeddings: Floats) -> Floats:
        """(n,) mean."""
        m = len(self.coefficients) - embeddings.shape[1]
        eta = self.coefficients[0] + self.basis.columns(matrix) @ self.coefficients[1:m]
        eta = eta + embeddings @ self.coefficients[m:]
        return expit(eta) if self.logistic else np.asarray(eta)


@dataclass(frozen=True)
class Boosted:
    """Gradient-boosted trees over columns and embeddings."""

    model: Any
    classes: bool

    def predict(self, matrix: Floats, embeddings: Floats) -> Floats:
        """(n,) mean."""
        X = np.column_stack([matrix, embeddings])
        return np.asarray(self.model.predict_proba(X)[:, 1] if self.classes else self.model.predict(X))


def fit_surface(
    kind: str,
    matrix: Floats,
    embeddings: Floats,
    target: Floats,
    weights: Floats,
    groups: Sequence[Integers],
    *,
    binary: bool,
    seed: int,
) -> Regression:
    """Regression of an outcome or a treatment: as flexible as the cross-fitted nuisances, for new rows.

    Parameters
    ----------
    kind
        "spline", "linear" or "boosted".
    matrix, embeddings, target, weights
        (n, p), (n, d), (n,), (n,) arrays.
    groups
        (n,) codes of what must not be split when a penalty is chosen.
    binary
        Whether the target is 0 or 1.
    """
    classes = binary and bool(np.ptp(target) > 0)
    if kind == "boosted":
        return _boosted_surface(matrix, embeddings, target, weights, classes, seed)
    basis = Basis.learn(matrix, bent=kind == "spline")
    design = np.column_stack([np.ones(len(matrix)), basis.columns(matrix)])
    straight = 1 + matrix.shape[1]
    bent, labels = np.arange(design.shape[1]) >= straight, [codes % 3 for codes in groups]
    ridge = ridge_of_bends(design, bent, target, weights, labels, logistic=classes)
    strength = _strength(design, embeddings, target, weights, groups) * _curvature(target, weights, classes)
    penalty = np.concatenate([ridge, np.full(embeddings.shape[1], strength)])
    fit = fit_logistic if classes else fit_linear
    return Ridge(basis, fit(np.column_stack([design, embeddings]), target, weights, penalty), classes)


def fit_effect(
    kind: str,
    matrix: Floats,
    embeddings: Floats,
    target: Floats,
    weights: Floats,
    groups: Sequence[Integers],
    *,
    seed: int,
) -> Regression:
    """Regression of a pseudo-outcome, whose mean given the row is its effect.

    Pseudo-outcomes are mostly noise. "spline" and "linear" share one ridge penalty over everything but the constant,
    by generalised cross-validation; "boosted" stops when held-out rows (whole clusters) no longer gain.
    """
    if kind == "boosted":
        return _boosted_effect(matrix, embeddings, target, weights, groups, seed)
    basis = Basis.learn(matrix, bent=kind == "spline", damping=DAMPING)
    shapes = basis.columns(matrix)
    scale = _as_one_block(shapes, embeddings)
    found = shrunken(np.ones((len(matrix), 1)), np.column_stack([shapes, embeddings * scale]), target, weights, groups)
    found[1 + shapes.shape[1] :] *= scale
    return Ridge(basis, found, False)


def shrunken(
    free: Floats,
    penalised: Floats,
    target: Floats,
    weights: Floats,
    groups: Sequence[Integers],
    *,
    logistic: bool = False,
) -> Floats:
    """Coefficients of free columns and of columns under one ridge penalty, chosen by cross-validation."""
    strength = _strength(free, penalised, target, weights, groups) * _curvature(target, weights, logistic)
    penalty = np.repeat([FREE, strength], [free.shape[1], penalised.shape[1]])
    return (fit_logistic if logistic else fit_linear)(np.column_stack([free, penalised]), target, weights, penalty)


def _as_one_block(shapes: Floats, embeddings: Floats) -> float:
    """Scale at which hundreds of dimensions together may move an effect as much as the columns do."""
    return float(np.sqrt(max(shapes.shape[1], 1) / max(embeddings.shape[1], 1)))


def _strength(free: Floats, penalised: Floats, target: Floats, weights: Floats, groups: Sequence[Integers]) -> float:
    if not penalised.any():  # no column, or constant ones alone
        return 0.0
    if groups:
        return choose_penalty_by_group(free, penalised, target, weights, [codes % 3 for codes in groups])
    return choose_penalty(free, penalised, target, weights)


def _curvature(target: Floats, weights: Floats, logistic: bool) -> float:
    """The linear problem's penalty on the scale of the logistic Hessian."""
    mean = float(weights @ target / weights.sum())
    return mean * (1 - mean) if logistic else 1.0


def _boosted_surface(
    matrix: Floats, embeddings: Floats, target: Floats, weights: Floats, classes: bool, seed: int
) -> Boosted:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind: Any = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    model = kind(max_iter=100, learning_rate=0.08, max_leaf_nodes=8, min_samples_leaf=30, random_state=seed)
    return Boosted(model.fit(np.column_stack([matrix, embeddings]), target, sample_weight=weights), classes)


def _boosted_effect(
    matrix: Floats, embeddings: Floats, target: Floats, weights: Floats, groups: Sequence[Integers], seed: int
) -> Boosted:
    from sklearn.ensemble import HistGradientBoostingRegressor

    X, held = np.column_stack([matrix, embeddings]), _held_out(len(matrix), groups, seed)
    model: Any = HistGradientBoostingRegressor(
        max_iter=300, learning_rate=0.05, max_leaf_nodes=6, min_samples_leaf=50, l2_regularization=10.0,
        early_stopping=True, n_iter_no_change=_PATIENCE, random_state=seed,
    )  # fmt: skip
    model.fit(
        X[~held], target[~held], sample_weight=weights[~held],
        X_val=X[held], y_val=target[held], sample_weight_val=weights[held],
    )  # fmt: skip
    return Boosted(model, False)


def _held_out(n: int, groups: Sequence[Integers], seed: int) -> Any:
    codes = groups[0] if groups else np.arange(n)
    count = int(codes.max()) + 1
    return np.asarray((np.random.default_rng(seed).permutation(count) < max(round(_HELD * count), 1))[codes])
