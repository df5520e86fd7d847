"""Embeddings reduced to two columns: what they add to the covariates for the treatment and for the outcome.

Two columns stand in for d: the double selection of Belloni, Chernozhukov and Hansen (2014), with ridge for the lasso.
"""

from __future__ import annotations

import numpy as np

from causalrec_lab.causal.effects.nuisances.blocks import fit_blocks, thirds
from causalrec_lab.causal.effects.nuisances.folds import splits
from causalrec_lab.causal.effects.nuisances.scale import standardised
from causalrec_lab.causal.effects.sample import Floats, Integers, Sample

__all__ = ["embedding_indices", "readings_in_fold"]

_INNER = 3  # folds inside a training set


def embedding_indices(sample: Sample, *, folds: int, seed: int) -> Floats:
    """(n, 2) out-of-fold readings of all rows, standardised."""
    return standardised(_out_of_fold(sample, folds, seed))


def readings_in_fold(sample: Sample, train: Integers, test: Integers, seed: int) -> tuple[Floats, Floats]:
    """Readings of a fold's training rows and of its test rows, (n_train, 2) and (n_test, 2); no test row is looked at.

    For learners that do not penalise hundreds of columns well (trees, neighbours). Training rows are read by inner
    folds, so that a learner gives the reading no more weight than it deserves on new rows.

    Parameters
    ----------
    train, test
        Row numbers, as `folds.splits` gives them.
    seed
        Of the inner folds.
    """
    inside = np.zeros(sample.n, dtype=bool)
    inside[train] = True
    ordered = np.empty((sample.n, 2))
    ordered[inside] = _out_of_fold(sample.take(inside), _INNER, seed)
    return ordered[train], _read(sample, train, test)


def _out_of_fold(sample: Sample, folds: int, seed: int) -> Floats:
    found = np.empty((sample.n, 2))
    for train, test in splits(sample.n, folds, sample.groups, sample.treatment, seed):
        found[test] = _read(sample, train, test)
    return found


def _read(sample: Sample, train: Integers, test: Integers) -> Floats:
    design = np.column_stack([np.ones(sample.n), standardised(sample.covariates)])
    with_treatment = np.column_stack([design, sample.treatment])
    columns = []
    for base, target in ((design, sample.treatment), (with_treatment, sample.outcome)):
        coefficients = fit_blocks(
            base[train], sample.embeddings[train], target[train], sample.weights[train], thirds(sample, train),
            logistic=False, smoothing=1.0,  # what follows scales the reading itself
        )  # fmt: skip
        columns.append(sample.embeddings[test] @ coefficients[base.shape[1] :])
    return np.column_stack(columns)
