r"""Penalised linear and logistic regression, small and fast: the learners inside every nuisance.

Columns come in two blocks: a *design* of a few columns that is hardly penalised, and *embeddings* of hundreds of
columns whose ridge penalty :math:`\lambda` is chosen by generalised cross-validation (Golub, Heath and Wahba 1979,
eq. 1.4). Where columns are more than rows, the rows' side answers (see `wide`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import linalg

from causalrec_lab.causal.effects.nuisances.wide import folded, spectrum
from causalrec_lab.causal.effects.sample import Floats, Integers

__all__ = ["choose_penalty", "choose_penalty_by_group", "expit", "fit_linear", "fit_logistic", "one_thread"]

SLIGHT = 1e-9  # a share of the mean diagonal: keeps a collinear design solvable and changes nothing else
_STEPS = 50
_MANY = 200_000
_LEAST = 1e-7  # share of the rows left as freedom, below which it is rounding; dimensions beyond rows come near it
_GRID = np.logspace(-3, 5, 49)  # times the mean eigenvalue: from nearly free to nearly silenced


@contextmanager
def one_thread() -> Iterator[None]:
    """Run a block of small matrix products on one BLAS thread.

    More threads cost more in waiting than such products take, many times more on a busy machine; and one thread gives
    the same digits whatever the number of cores.
    """
    with _threads(len(sys.modules)).limit(limits=1):
        yield


@lru_cache(maxsize=1)
def _threads(_modules: int) -> Any:
    """Control of the thread pools that are loaded: finding them takes longer than small products, so not each time.

    A pool comes with an imported module, so it is looked for again when there are more modules.
    """
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]  # scikit-learn depends on it

    return ThreadpoolController()


def expit(eta: Floats) -> Floats:
    """Logistic function, without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * eta)))


def choose_penalty(design: Floats, embeddings: Floats, target: Floats, weights: Floats) -> float:
    r"""Ridge penalty of the embeddings by generalised cross-validation, given an unpenalised design.

    With design partialled out (Frisch-Waugh) and :math:`E'E = U S U'`, it minimises
    :math:`\mathrm{RSS}(\lambda) / (1 - \mathrm{df}(\lambda)/n)^2`, with :math:`\mathrm{df} = m + \sum s/(s+\lambda)`.

    Parameters
    ----------
    design, embeddings
        (n, m) and (n, d) arrays.
    target, weights
        (n,) target and row weights.
    """
    root = np.sqrt(weights)[:, None]
    B, E, y = design * root, embeddings * root, target * root[:, 0]
    gram = _gram(B)
    residual = y - B @ linalg.solve(gram, B.T @ y, assume_a="pos")
    if design.shape[0] < embeddings.shape[1]:
        values, projected, _ = spectrum(E - B @ linalg.solve(gram, B.T @ E, assume_a="pos"), residual)
    else:
        cross = B.T @ E
        values, vectors = linalg.eigh(E.T @ E - cross.T @ linalg.solve(gram, cross, assume_a="pos"))
        values, projected = np.maximum(values, 0.0), vectors.T @ (E.T @ residual)
    grid = values.sum() / embeddings.shape[1] * _GRID[:, None]
    shrunk = projected / (values + grid)
    rss = residual @ residual - 2 * (shrunk * projected).sum(axis=1) + (values * shrunk**2).sum(axis=1)
    freedom = design.shape[1] + (values / (values + grid)).sum(axis=1)
    score = rss / np.maximum(1 - freedom / len(y), _LEAST) ** 2
    return float(grid[int(np.argmin(score)), 0])


def choose_penalty_by_group(
    design: Floats, embeddings: Floats, target: Floats, weights: Floats, labels: Sequence[Integers]
) -> float:
    """Ridge penalty of the embeddings that predicts groups it did not see best.

    Generalised cross-validation counts rows; where rows of one item share its embedding it takes repetition for
    evidence and penalises far too little. Here whole groups are held out, a third at a time.

    Parameters
    ----------
    design, embeddings, target, weights
        As in `choose_penalty`.
    labels
        For each group column, (n,) label 0, 1 or 2 of the third its group belongs to.
    """
    strengths, losses = _GRID * embeddings.shape[0], np.zeros(len(_GRID))
    for third in range(3):
        same = np.column_stack([label == third for label in labels])
        train, test = ~same.any(axis=1), same.all(axis=1)
        if train.any() and test.any():
            fitted = _path(design[train], embeddings[train], target[train], weights[train], strengths)
            errors = target[test, None] - fitted(design[test], embeddings[test])
            losses += weights[test] @ errors**2
    return float(strengths[int(np.argmin(losses)) if losses.any() else -1])


def _path(
    design: Floats, embeddings: Floats, target: Floats, weights: Floats, strengths: Floats
) -> Callable[[Floats, Floats], Floats]:
    """Predictor of (rows, strengths) from one eigendecomposition."""
    weighted = design * weights[:, None]
    gram = _gram(design, weights)
    on_embeddings = linalg.solve(gram, weighted.T @ embeddings, assume_a="pos")
    on_target = linalg.solve(gram, weighted.T @ target, assume_a="pos")
    E, y = embeddings - design @ on_embeddings, target - design @ on_target
    root = np.sqrt(weights)
    values, projected, turned = spectrum(E * root[:, None], y * root)
    slopes = turned(projected[:, None] / (values[:, None] + strengths))
    return lambda B, Z: np.asarray((B @ on_target)[:, None] + (Z - B @ on_embeddings) @ slopes)


def fit_linear(design: Floats, target: Floats, weights: Floats, penalty: Floats) -> Floats:
    r"""Coefficients :math:`(D'WD + \mathrm{diag}(\lambda))^{-1} D'Wy`.

    Parameters
    ----------
    design
        (n, m) array.
    target, weights
        (n,) arrays.
    penalty
        (m,) ridge penalties; 0 leaves a column free.
    """
    if narrow := folded(design, penalty):
        columns, strengths, unfold = narrow
        return unfold(fit_linear(columns, target, weights, strengths))
    if np.ptp(weights) == 0:  # no weighted copy of a large design
        gram, towards = weights[0] * _gram(design), weights[0] * (design.T @ target)
    else:
        gram, towards = _gram(design, weights), design.T @ (weights * target)
    return np.asarray(linalg.solve(gram + np.diag(penalty), towards, assume_a="pos"))


def fit_logistic(design: Floats, target: Floats, weights: Floats, penalty: Floats) -> Floats:
    r"""Coefficients that maximise the penalised log-likelihood, by Newton steps with halving.

    :math:`\ell(\beta) = \sum_i w_i (y_i \eta_i - \log(1 + e^{\eta_i})) - \tfrac12 \sum_j \lambda_j \beta_j^2`,
    :math:`\eta = D\beta`.

    Parameters
    ----------
    design
        (n, m) array.
    target
        (n,) values in [0, 1].
    weights
        (n,) row weights.
    penalty
        (m,) ridge penalties.

    Raises
    ------
    ValueError
        If the likelihood has no maximum that 50 steps reach: the columns separate the classes.
    """
    if narrow := folded(design, penalty):
        columns, strengths, unfold = narrow
        return unfold(fit_logistic(columns, target, weights, strengths))
    beta = _start(design, target, weights, penalty)
    value = _objective(design, target, weights, penalty, beta)
    for _ in range(_STEPS):
        mean = expit(design @ beta)
        gradient = design.T @ (weights * (target - mean)) - penalty * beta
        hessian = _gram(design, weights * mean * (1 - mean)) + np.diag(penalty)
        step = linalg.solve(hessian, gradient, assume_a="pos")
        if gradient @ step < 1e-9 * len(target):
            return beta + step
        beta, value = _halved(design, target, weights, penalty, beta, step, value)
    raise ValueError(
        "the logistic regression did not converge: some covariates tell the classes apart without error, so there "
        "is no "
        "overlap; drop the column that decides the class, or restrict the table to rows that could go both ways"
    )


def _start(design: Floats, target: Floats, weights: Floats, penalty: Floats) -> Floats:
    """Zero, or where rows are many the fit of a tenth of them, from which few steps are left."""
    if len(target) >= _MANY:
        with suppress(ValueError):  # a tenth may be separated where the whole is not
            return fit_logistic(design[::10], target[::10], weights[::10], penalty / 10)
    return np.zeros(design.shape[1])


def _halved(
    design: Floats, target: Floats, weights: Floats, penalty: Floats, beta: Floats, step: Floats, value: float
) -> tuple[Floats, float]:
    for halving in range(30):
        candidate = beta + step / 2**halving
        found = _objective(design, target, weights, penalty, candidate)
        if found >= value:
            return candidate, found
    return beta, value


def _objective(design: Floats, target: Floats, weights: Floats, penalty: Floats, beta: Floats) -> float:
    eta = design @ beta
    return float(weights @ (target * eta - np.logaddexp(0.0, eta)) - 0.5 * penalty @ beta**2)


def _gram(design: Floats, weights: Floats | None = None) -> Floats:
    """D'WD, as a product of a matrix with itself: half the work of any other product."""
    root = design if weights is None else np.sqrt(weights)[:, None] * design
    gram = root.T @ root
    np.fill_diagonal(gram, gram.diagonal() + SLIGHT * max(float(np.mean(gram.diagonal())), 1e-12))
    return np.asarray(gram)
