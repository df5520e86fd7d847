"""How well a structural equation model fits: chi-square, CFI, TLI, RMSEA, SRMR, AIC, BIC, as lavaan defines them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causalrec_lab.causal.sem.constraints import Subspace
from causalrec_lab.causal.sem.identified import degrees_of_freedom
from causalrec_lab.causal.sem.moments import Moments
from causalrec_lab.causal.sem.robust import baseline, scaling_factor

__all__ = ["fit_indices"]

Array = NDArray[np.float64]
ROUNDING = 1e-11  # of a discrepancy
CLOSE = 0.05  # RMSEA of a close fit (Browne & Cudeck 1993)


def fit_indices(moments: Moments, theta: Array, within: Subspace, estimator: str) -> pd.Series:
    r"""Fit indices of a fitted model.

    :math:`\chi^2 = n F`; the baseline leaves every outcome unrelated to all others. CFI (Bentler 1990), TLI (Tucker &
    Lewis 1973), RMSEA (Steiger & Lind 1980) with its 90 % interval, n in the denominator, and the p-value of
    RMSEA <= 0.05 (Browne & Cudeck 1993), SRMR (Bentler 1995; means count where they are modelled). The likelihood is
    that of the outcomes given the covariates. A robust estimator adds the scaled chi-square, the indices computed from
    it (``…_scaled``) and the consistent ones (``…_robust``: Brosseau-Liard, Savalei & Li 2012; Brosseau-Liard & Savalei
    2014).
    """
    spec, n = moments.specification, moments.sample.n
    free = within.basis.shape[1]
    df = degrees_of_freedom(spec, free)
    null = baseline(moments)
    null_df = degrees_of_freedom(spec, len(null.theta))
    chi2, null_chi2 = (n * max(f, 0.0) for f in (moments.discrepancy(theta), null.moments.discrepancy(null.theta)))
    unrestricted = _log_likelihood(moments)
    values = {
        **_of_chi2(chi2, df, null_chi2, null_df, n),
        "SRMR": _srmr(moments, theta),
        "log_likelihood": unrestricted - chi2 / 2,
        "log_likelihood_unrestricted": unrestricted,
        "AIC": 2 * free - 2 * unrestricted + chi2,
        "BIC": free * math.log(n) - 2 * unrestricted + chi2,
        "free_parameters": free,
        "n": n,
    }
    if estimator != "ML" and df:
        factor = scaling_factor(moments, theta, within, estimator, df)
        null_factor = scaling_factor(null.moments, null.theta, null.within, estimator, null_df) if null_df else 1.0
        values |= _scaled(chi2, df, null_chi2, null_df, n, factor, null_factor)
    return pd.Series(values, name="fit")


def _of_chi2(chi2: float, df: int, null_chi2: float, null_df: int, n: int) -> dict[str, float]:
    from scipy.stats import chi2 as chi2_law
    from scipy.stats import ncx2

    rounding = ROUNDING * n  # a saturated model's chi-square is 0 up to this, and no misfit
    excess, null_excess = (gap if gap > rounding else 0.0 for gap in (chi2 - df, max(null_chi2 - null_df, chi2 - df)))
    low, high = _rmsea_interval(chi2, df, n)
    return {
        "chi2": chi2,
        "df": df,
        "p_value": float(chi2_law.sf(chi2, df)) if df else math.nan,
        "baseline_chi2": null_chi2,
        "baseline_df": null_df,
        "CFI": 1 - excess / null_excess if null_excess else 1.0,
        "TLI": _tli(chi2, df, null_chi2, null_df),
        "RMSEA": math.sqrt(excess / (df * n)) if df else 0.0,
        "RMSEA_low": low,
        "RMSEA_high": high,
        "p_close": float(ncx2.sf(chi2, df, CLOSE**2 * n * df)) if df else math.nan,
    }


def _scaled(
    chi2: float, df: int, null_chi2: float, null_df: int, n: int, factor: float, null_factor: float
) -> dict[str, float]:
    own = _of_chi2(chi2 / factor, df, null_chi2 / null_factor, null_df, n)
    excess = chi2 - factor * df
    null_excess = null_chi2 - null_factor * null_df
    largest = max(excess, null_excess, 0.0)
    out = {"scaling_factor": factor} | {f"{k}_scaled": v for k, v in own.items() if k not in ("df", "baseline_df")}
    out["CFI_robust"] = 1 - max(excess, 0.0) / largest if largest else 1.0
    out["TLI_robust"] = 1 - excess * null_df / (null_excess * df) if null_df and null_excess else 1.0
    out["RMSEA_robust"] = math.sqrt(max(excess, 0.0) / (n * df))
    return out


def _log_likelihood(moments: Moments) -> float:
    """Gaussian log-likelihood of the unrestricted model, of the outcomes given the covariates."""
    spec, sample = moments.specification, moments.sample
    values = sum(block.share * len(block.seen) for block in sample.blocks)
    whole = -sample.n / 2 * (values * math.log(2 * math.pi) + sample.constant)
    if not spec.covariates:
        return whole
    at = [spec.observed.index(name) for name in spec.covariates]
    inner = sample.covariance[np.ix_(at, at)]
    given = len(at) * math.log(2 * math.pi) + float(np.linalg.slogdet(inner)[1]) + len(at)
    return whole + sample.n / 2 * given


def _tli(chi2: float, df: int, null_chi2: float, null_df: int) -> float:
    if df == 0 or null_df == 0:
        return 1.0
    base = null_chi2 / null_df
    return (base - chi2 / df) / (base - 1)


def _srmr(moments: Moments, theta: Array) -> float:
    sample, implied = moments.sample.covariance, moments.implied(theta)
    scale = np.sqrt(np.diag(sample))
    gaps = ((sample - implied) / np.outer(scale, scale))[np.tril_indices(len(sample))]
    if moments.specification.has_means:
        gaps = np.concatenate([gaps, (moments.sample.mean - moments.implied_mean(theta)) / scale])
    return float(np.sqrt(np.mean(gaps**2)))


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
