"""Multinomial propensities: P(T = k | X, E) for a treatment of several levels, cross-fitted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import linalg

from causalrec_lab.causal.effects.columns import Floats, Integers
from causalrec_lab.causal.effects.nuisances.cross_fitting import TREES, design_matrix, ridge_of_design, row_weights
from causalrec_lab.causal.effects.nuisances.folds import check_groups
from causalrec_lab.causal.effects.nuisances.readings import embedding_indices
from causalrec_lab.causal.effects.nuisances.ridge import one_thread
from causalrec_lab.causal.effects.sample import Sample

__all__ = ["cross_fit_levels", "deal", "fit_multinomial", "probabilities"]

_STEPS = 50


def cross_fit_levels(sample: Sample, codes: Integers, fold: Integers, *, nuisance: str, seed: int) -> Floats:
    """(n, K) out-of-fold probability of each level.

    Parameters
    ----------
    codes
        (n,) level of each row, 0 to K - 1.
    fold
        (n,) fold of each row.
    """
    levels, X = int(codes.max()) + 1, sample.covariates
    if sample.embeddings.shape[1]:
        X = np.column_stack([X, embedding_indices(sample, folds=int(fold.max()) + 1, seed=seed)])
    design, found = design_matrix(X, nuisance), np.empty((sample.n, levels))
    for test in (fold == f for f in range(int(fold.max()) + 1)):
        train = ~test
        if nuisance == "boosted":
            found[test] = _boosted(sample, X, codes, train, test, seed)
        else:
            ridge = _ridge(replace(sample, covariates=X), design, np.flatnonzero(train), codes)
            found[test] = probabilities(
                design[test], fit_multinomial(design[train], codes[train], sample.weights[train], ridge, levels)
            )
    return found


def _ridge(sample: Sample, design: Floats, rows: Integers, codes: Integers) -> Floats:
    """(m,) the smallest penalties that telling one level from the others asks for."""
    told = [(codes == level).astype(np.float64) for level in range(int(codes.max()) + 1)]
    found = np.array([ridge_of_design(sample, design, rows, one, logistic=True) for one in told])
    return np.asarray(found.min(axis=0))


def deal(sample: Sample, codes: Integers, folds: int, seed: int) -> Integers:
    """(n,) fold of each row: each level dealt evenly, or whole groups.

    Raises
    ------
    ValueError
        If there are fewer groups, or rows of a level, than folds; or if there is more than one column of groups.
    """
    rng = np.random.default_rng(seed)
    if len(sample.groups) > 1:
        raise ValueError("contrasts keep one column of groups whole; give a single one in groups=")
    if sample.groups:
        count = int(sample.groups[0].max()) + 1
        check_groups(count, folds)
        return np.asarray(rng.permutation(np.arange(count) % folds)[sample.groups[0]])
    fold = np.empty(sample.n, dtype=np.int64)
    for level in range(int(codes.max()) + 1):
        rows = np.flatnonzero(codes == level)
        if not 2 <= folds <= len(rows):
            raise ValueError(f"folds={folds}; a level has {len(rows)} rows: give between 2 and that many, or merge it")
        fold[rows] = rng.permutation(np.arange(len(rows)) % folds)
    return fold


def fit_multinomial(design: Floats, codes: Integers, weights: Floats, ridge: Floats, levels: int) -> Floats:
    r"""(m, K - 1) coefficients of a multinomial logistic regression, level 0 the reference, by damped Newton steps.

    :math:`\log P(T = k | x) - \log P(T = 0 | x) = x'\beta_k`, penalised by
    :math:`\tfrac12 \sum_k \sum_j \lambda_j \beta_{jk}^2`.

    Raises
    ------
    ValueError
        If 50 steps reach no maximum: the columns tell levels apart without error.
    """
    m, others = design.shape[1], levels - 1
    reached = (codes[:, None] == np.arange(1, levels)).astype(np.float64)
    beta, penalty = np.zeros((m, others)), np.repeat(ridge[:, None], others, axis=1)
    value = _objective(design, codes, weights, penalty, beta)
    for _ in range(_STEPS):
        p = probabilities(design, beta)[:, 1:]
        gradient = design.T @ (weights[:, None] * (reached - p)) - penalty * beta
        step = _newton(design, weights, p, penalty, gradient)
        if float((gradient * step).sum()) < 1e-9 * len(codes):
            return beta + step
        for halving in range(30):
            candidate = beta + step / 2**halving
            if (new := _objective(design, codes, weights, penalty, candidate)) >= value:
                beta, value = candidate, new
                break
    raise ValueError(
        "the multinomial regression did not converge: some covariates tell the levels apart without error, so there "
        "is no overlap; drop the column that decides the level, or leave such levels out"
    )


def probabilities(design: Floats, beta: Floats) -> Floats:
    """(n, K) probabilities of the levels."""
    index = np.column_stack([np.zeros(len(design)), design @ beta])
    odds = np.exp(index - index.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def _newton(design: Floats, weights: Floats, p: Floats, penalty: Floats, gradient: Floats) -> Floats:
    m, others = penalty.shape
    hessian = np.zeros((others, m, others, m))
    for j in range(others):
        for k in range(j + 1):
            mass = weights * p[:, j] * ((j == k) - p[:, k])
            block = (design * mass[:, None]).T @ design + (np.diag(penalty[:, j]) if j == k else 0.0)
            hessian[j, :, k, :] = hessian[k, :, j, :] = block
    flat = linalg.solve(hessian.reshape(others * m, others * m), gradient.T.ravel(), assume_a="pos")
    return np.asarray(flat.reshape(others, m).T)


def _objective(design: Floats, codes: Integers, weights: Floats, penalty: Floats, beta: Floats) -> float:
    index = np.column_stack([np.zeros(len(design)), design @ beta])
    top = index.max(axis=1)
    chosen = index[np.arange(len(codes)), codes] - top - np.log(np.exp(index - top[:, None]).sum(axis=1))
    return float(weights @ chosen - 0.5 * (penalty * beta**2).sum())


def _boosted(sample: Sample, X: Floats, codes: Integers, train: Floats, test: Floats, seed: int) -> Floats:
    from sklearn.ensemble import HistGradientBoostingClassifier

    weights = row_weights(sample, np.flatnonzero(train))
    with one_thread():
        model = HistGradientBoostingClassifier(random_state=seed, **TREES)
        return np.asarray(model.fit(X[train], codes[train], sample_weight=weights).predict_proba(X[test]))
