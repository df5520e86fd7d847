"""Cross-fitted conditional means of anything: E[V | X, E], for residuals on residuals."""

from __future__ import annotations

from typing import Any

import numpy as np

from causalrec_lab.causal.effects.columns import Floats, Integers, nearest
from causalrec_lab.causal.effects.nuisances.blocks import fit_blocks, thirds
from causalrec_lab.causal.effects.nuisances.cross_fitting import (
    NUISANCES,
    TREES,
    design_matrix,
    ridge_of_design,
    row_weights,
)
from causalrec_lab.causal.effects.nuisances.folds import splits
from causalrec_lab.causal.effects.nuisances.readings import readings_in_fold
from causalrec_lab.causal.effects.nuisances.ridge import expit, one_thread
from causalrec_lab.causal.effects.sample import Sample

__all__ = ["cross_fit_means"]


def cross_fit_means(sample: Sample, targets: Floats, *, nuisance: str, folds: int, seed: int) -> Floats:
    """(n, k) out-of-fold E[V | X, E] of each column V of `targets`, a probability where V is 0 or 1.

    Parameters
    ----------
    targets
        (n, k) what to predict from covariates and embeddings alone.

    Raises
    ------
    ValueError
        If the nuisance is unknown, or folds cannot be dealt.
    """
    if nuisance not in NUISANCES:
        raise ValueError(f"unknown nuisance {nuisance!r}; {nearest(nuisance, NUISANCES)}")
    design, found = design_matrix(sample.covariates, nuisance), np.empty(targets.shape)
    learner = _boosted if nuisance == "boosted" else _ridge
    halves = (sample.treatment > np.median(sample.treatment)).astype(np.float64)  # arms are dealt evenly, doses too
    arms = sample.treatment if np.isin(sample.treatment, (0.0, 1.0)).all() else halves
    for train, test in splits(sample.n, folds, sample.groups, arms, seed):
        found[test] = np.column_stack(learner(sample, design, targets, train, test, seed))
    return found


def _is_binary(target: Floats) -> bool:
    return bool(np.isin(target, (0.0, 1.0)).all() and np.ptp(target) > 0)  # a constant, once centred, is all 0


def _ridge(
    sample: Sample, design: Floats, targets: Floats, train: Integers, test: Integers, _seed: int
) -> list[Floats]:
    E, columns = sample.embeddings, []
    for target in targets.T:
        binary = _is_binary(target)
        beta = fit_blocks(
            design[train], E[train], target[train], sample.weights[train], thirds(sample, train),
            logistic=binary, ridge=ridge_of_design(sample, design, train, target, logistic=binary),
        )  # fmt: skip
        index = design[test] @ beta[: design.shape[1]] + E[test] @ beta[design.shape[1] :]
        columns.append(expit(index) if binary else index)
    return columns


def _boosted(
    sample: Sample, _design: Floats, targets: Floats, train: Integers, test: Integers, seed: int
) -> list[Floats]:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    X, columns = sample.covariates, []
    if sample.embeddings.shape[1]:
        reading = np.empty((sample.n, 2))
        reading[train], reading[test] = readings_in_fold(sample, train, test, seed)
        X = np.column_stack([X, reading])
    for target in targets.T:
        classes = _is_binary(target) and np.ptp(target[train]) > 0
        kind: Any = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
        with one_thread():
            model = kind(random_state=seed, **TREES).fit(
                X[train], target[train], sample_weight=row_weights(sample, train)
            )
            columns.append(np.asarray(model.predict_proba(X[test])[:, 1] if classes else model.predict(X[test])))
    return columns
