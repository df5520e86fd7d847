"""Doubly robust effect on compliers: two cross-fitted contrasts by the instrument, one divided by the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from causalrec_lab.causal.effects.diagnostics import check_overlap, overlap_diagnostics
from causalrec_lab.causal.effects.inference import ratio
from causalrec_lab.causal.effects.instrumental.reading import InstrumentSample
from causalrec_lab.causal.effects.instrumental.reduced_form import ReducedForm, covariance
from causalrec_lab.causal.effects.nuisances.cross_fitting import NUISANCES, cross_fit
from causalrec_lab.causal.effects.sample import Floats, Sample, nearest

__all__ = ["doubly_robust_form"]

_CERTAIN = 1e-12


def doubly_robust_form(
    read: InstrumentSample, *, nuisance: str, folds: int, seed: int, clip: float
) -> tuple[ReducedForm, dict[str, float]]:
    r"""Effects of a binary instrument on outcome and treatment by AIPW, with their joint error and diagnostics.

    .. math:: \delta = \frac1n \sum \psi_Y, \quad \pi = \frac1n \sum \psi_T, \quad
        \psi_V = m^V_1 - m^V_0 + \frac{Z (V - m^V_1)}{p} - \frac{(1 - Z)(V - m^V_0)}{1 - p}

    with :math:`p = P(Z = 1 | X)` and :math:`m^V_z = E[V | Z = z, X]`, all cross-fitted.

    Raises
    ------
    ValueError
        If the nuisance is unknown, treatment or instrument is not 0 / 1, there are several instruments, or covariates
        decide the instrument.
    """
    if nuisance not in NUISANCES:
        raise ValueError(f"unknown nuisance {nuisance!r}; {nearest(nuisance, NUISANCES)}")
    if not read.binary:
        raise ValueError(
            f"method='doubly-robust' needs one instrument and a treatment that are 0 or 1; {list(read.names)} and the "
            "treatment are not: use method='2sls', or cut them at a threshold and say so"
        )
    by_lottery = replace(read.sample, treatment=read.instruments[:, 0])
    outcome, probability = _scores(by_lottery, nuisance, folds, seed, clip)
    uptake = replace(by_lottery, outcome=_spread(read.sample.treatment, by_lottery.treatment))
    treatment, _ = _scores(uptake, nuisance, folds, seed, clip)
    weights = by_lottery.weights
    (delta, psi_y), (pi, psi_t) = ratio(weights * outcome, weights), ratio(weights * treatment, weights)
    spread = covariance(np.column_stack([psi_y, psi_t]), by_lottery.clusters)
    f = pi**2 / spread[1, 1] if spread[1, 1] > 0 else np.inf
    form = ReducedForm(np.array([delta]), np.array([pi]), spread, np.eye(1), float(f))
    found = overlap_diagnostics(by_lottery, probability, "ATE")
    kept = ("propensity_min", "propensity_max", "max_smd_before", "max_smd_after")
    return form, {f"instrument_{key}": found[key] for key in kept}


def _spread(treatment: Floats, instrument: Floats) -> Floats:
    """Treatment as an outcome: shifted where an arm has one value only, so that a linear surface fits it exactly."""
    alone = any(np.ptp(treatment[instrument == arm]) < _CERTAIN for arm in (0.0, 1.0))
    return treatment - 0.5 if alone else treatment


def _scores(sample: Sample, nuisance: str, folds: int, seed: int, clip: float) -> tuple[Floats, Floats]:
    fitted = cross_fit(sample, nuisance=nuisance, folds=folds, seed=seed, clip=clip)
    check_overlap(sample, fitted.propensity)
    z, y, p = sample.treatment, sample.outcome, fitted.propensity
    corrections = z * (y - fitted.treated) / p - (1 - z) * (y - fitted.control) / (1 - p)
    return fitted.treated - fitted.control + corrections, p
