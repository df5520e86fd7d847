"""How well a structural equation model fits: chi-square, CFI, TLI, RMSEA, SRMR, AIC, BIC, as lavaan defines them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["fit_indices", "log_likelihood"]

Array = NDArray[np.float64]


def fit_indices(sample: Array, implied: Array, covariates: list[int], n: int, free: int) -> pd.Series:
    r"""Fit indices of a model with n observations and `free` parameters.

    :math:`\chi^2 = n F`; the baseline leaves every outcome unrelated to all others. CFI (Bentler 1990), TLI (Tucker &
    Lewis 1973), RMSEA (Steiger & Lind 1980) with its 90 % interval and n in the denominator, SRMR (Bentler 1995). The
    likelihood is that of the outcomes given the covariates.

    Parameters
    ----------
    sample, implied
        Covariances of the observed variables, divisor n.
    covariates
        Positions of the fixed covariates.
    n, free
        Rows and free parameters.
    """
    from scipy.stats import chi2 as chi2_law

    from causalrec_lab.causal.sem.moments import discrepancy

    p, q = len(sample), len(covariates)
    df = p * (p + 1) // 2 - q * (q + 1) // 2 - free
    chi2 = n * discrepancy(sample, implied)
    base = np.diag(np.diag(sample))
    base[np.ix_(covariates, covariates)] = sample[np.ix_(covariates, covariates)]
    base_df = p * (p - 1) // 2 - q * (q - 1) // 2
    base_chi2 = n * discrepancy(sample, base)
    excess, base_excess = max(chi2 - df, 0.0), max(base_chi2 - base_df, chi2 - df, 0.0)
    low, high = _rmsea_interval(chi2, df, n)
    fit = log_likelihood(sample, implied, covariates, n)
    values = {
        "chi2": chi2,
        "df": df,
        "p_value": float(chi2_law.sf(chi2, df)) if df else math.nan,
        "baseline_chi2": base_chi2,
        "baseline_df": base_df,
        "CFI": 1 - excess / base_excess if base_excess else 1.0,
        "TLI": _tli(chi2, df, base_chi2, base_df),
        "RMSEA": math.sqrt(excess / (df * n)) if df else 0.0,
        "RMSEA_low": low,
        "RMSEA_high": high,
        "SRMR": _srmr(sample, implied),
        "log_likelihood": fit,
        "AIC": 2 * free - 2 * fit,
        "BIC": free * math.log(n) - 2 * fit,
        "free_parameters": free,
        "n": n,
    }
    return pd.Series(values, name="fit")


def log_likelihood(sample: Array, implied: Array, covariates: list[int], n: int) -> float:
    """Gaussian log-likelihood at the sample means, of the outcomes given the covariates."""

    def gaussian(s: Array, sigma: Array) -> float:
        spread = float(np.linalg.slogdet(sigma)[1] + np.trace(np.linalg.solve(sigma, s)))
        return -n / 2 * (len(s) * math.log(2 * math.pi) + spread)

    inner = np.ix_(covariates, covariates)
    return gaussian(sample, implied) - (gaussian(sample[inner], implied[inner]) if covariates else 0.0)


def _tli(chi2: float, df: int, base_chi2: float, base_df: int) -> float:
    if df == 0 or base_df == 0:
        return 1.0
    base = base_chi2 / base_df
    return (base - chi2 / df) / (base - 1)


def _srmr(sample: Array, implied: Array) -> float:
    scale = np.sqrt(np.diag(sample))
    gap = ((sample - implied) / np.outer(scale, scale))[np.tril_indices(len(sample))]
    return float(np.sqrt(np.mean(gap**2)))


def _rmsea_interval(chi2: float, df: int, n: int) -> tuple[float, float]:
    """90 % interval by inverting the noncentral chi-square law (Browne & Cudeck 1993)."""
    from scipy.optimize import brentq
    from scipy.stats import ncx2

    if df == 0:
        return 0.0, 0.0

    def end(level: float) -> float:
        def miss(noncentrality: float) -> float:
            return float(ncx2.cdf(chi2, df, noncentrality)) - level

        if miss(1e-9) < 0:
            return 0.0
        return math.sqrt(float(brentq(miss, 1e-9, 10 * chi2 + 100 * df)) / (df * n))

    return end(0.95), end(0.05)
