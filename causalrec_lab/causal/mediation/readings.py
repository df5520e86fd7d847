"""Embeddings as a few covariates: what they say about the treatment and about each stage."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from causalrec_lab.causal.effects.nuisances.folds import splits
from causalrec_lab.causal.effects.nuisances.ridge import choose_penalty, fit_linear
from causalrec_lab.causal.effects.nuisances.scale import standardised
from causalrec_lab.causal.effects.sample import Floats
from causalrec_lab.causal.mediation.sample import MediationSample
from causalrec_lab.causal.mediation.stages import Stage, stage_terms

__all__ = ["linear_readings", "with_readings"]

Equation = tuple[Floats, Floats, npt.NDArray[np.bool_]]  # terms, target, rows at risk
_FREE = 1e-3


def with_readings(sample: MediationSample, stages: tuple[Stage, ...], design: Floats, folds: int, seed: int) -> Floats:
    """(n, m + K + 2) design with a reading of the embeddings for the treatment and for each stage after it.

    Each reading is a ridge regression on the rows at risk, given design, treatment and earlier mediators; every row is
    read by models that did not see it. Several readings stand in for hundreds of dimensions, one for each equation: the
    double selection of Belloni, Chernozhukov and Hansen (2014), with ridge for the lasso.
    """
    t = sample.base.treatment
    equations = [(design, t, np.ones(sample.n, dtype=bool))]
    equations += [
        (np.column_stack([stage_terms(sample, stage, design), t]), stage.target, stage.at_risk) for stage in stages
    ]
    return np.column_stack([design, _readings(sample, equations, folds, seed)])


def linear_readings(sample: MediationSample, X: Floats, folds: int, seed: int) -> Floats:
    """(n, K + 2) readings of the embeddings for linear equations, each on all rows given what stands before it."""
    chain = (sample.base.treatment, *sample.targets)
    ones, everyone = np.ones(sample.n), np.ones(sample.n, dtype=bool)
    equations = [(np.column_stack([ones, X, *chain[:k]]), target, everyone) for k, target in enumerate(chain)]
    return _readings(sample, equations, folds, seed)


def _readings(sample: MediationSample, equations: Sequence[Equation], folds: int, seed: int) -> Floats:
    E, w = sample.base.embeddings, sample.base.weights
    found = np.empty((sample.n, len(equations)))
    arms = np.asarray(sample.base.treatment > np.median(sample.base.treatment), dtype=np.float64)
    arms = sample.base.treatment if np.isin(sample.base.treatment, (0.0, 1.0)).all() else arms
    for train, test in splits(sample.n, folds, sample.base.groups, arms, seed):
        for column, (terms, target, at_risk) in enumerate(equations):
            rows = train[at_risk[train]]
            centred = target[rows] - np.average(target[rows], weights=w[rows])
            strength = choose_penalty(terms[rows], E[rows], centred, w[rows])
            penalty = np.concatenate([np.full(terms.shape[1], _FREE), np.full(E.shape[1], strength)])
            beta = fit_linear(np.column_stack([terms, E])[rows], centred, w[rows], penalty)
            found[test, column] = E[test] @ beta[terms.shape[1] :]
    return standardised(found)
