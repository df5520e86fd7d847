"""Whether logged propensities can be those the log was written with."""

from __future__ import annotations

import numpy as np

from causalrec_lab.causal.effects.nuisances.scale import standardised
from causalrec_lab.causal.effects.sample import Floats

__all__ = ["propensity_p"]


def propensity_p(treatment: Floats, propensity: Floats, covariates: Floats) -> float:
    r"""p-value of the logged propensity being :math:`P(T = 1 | X)`.

    With b = (1, log-odds of e, X), standardised, :math:`S = \sum b_i (T_i - e_i)` has mean 0 and variance
    :math:`V = \sum b_i b_i' e_i (1 - e_i)` if it is; :math:`S' V^{-1} S` is then chi-square. It is the score test of
    adding b to the log-odds, so it sees propensities that are stretched, shifted, or blind to a covariate.

    Parameters
    ----------
    treatment, propensity
        (n,) 0 or 1; (n,) in (0, 1).
    covariates
        (n, p) numbers.
    """
    from scipy.stats import chi2

    b = np.column_stack([np.ones(len(treatment)), standardised(_moving(propensity, covariates))])
    score = b.T @ (treatment - propensity)
    information = (b * (propensity * (1 - propensity))[:, None]).T @ b
    values, vectors = np.linalg.eigh(information)
    kept = values > 1e-8 * values.max()  # a covariate that repeats another tests nothing new
    turned = vectors[:, kept].T @ score
    return float(chi2.sf(float((turned**2 / values[kept]).sum()), int(kept.sum())))


def _moving(propensity: Floats, covariates: Floats) -> Floats:
    return np.column_stack([np.log(propensity / (1 - propensity)), covariates])
