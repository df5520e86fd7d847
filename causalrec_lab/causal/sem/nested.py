"""Two nested structural equation models: what the narrower one costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from causalrec_lab.causal.sem.result import SemResult

__all__ = ["nested_test"]


def nested_test(narrow: SemResult, wide: SemResult) -> pd.Series:
    r"""Likelihood-ratio test of a model against a wider one that contains it.

    :math:`\Delta\chi^2 = \chi^2_0 - \chi^2_1` on :math:`\Delta df`; of robust fits scaled by :math:`(df_0 c_0 - df_1
    c_1) / \Delta df` (Satorra & Bentler 2001).

    Parameters
    ----------
    narrow, wide
        Fits to the same rows; that the one contains the other is the user's word: it cannot be seen in the fits.

    Returns
    -------
    Series with entries chi2, df, p_value, AIC and BIC (narrow minus wide: negative favours the narrow one).

    Raises
    ------
    ValueError
        If the fits differ in variables, rows or estimator, the first has no more degrees of freedom than the second,
        or fits better, so that it cannot be contained in it.
    """
    from scipy.stats import chi2 as chi2_law

    _refuse_unlike(narrow, wide)
    one, two = narrow.fit_indices, wide.fit_indices
    df, chi2 = one["df"] - two["df"], one["chi2"] - two["chi2"]
    if df <= 0:
        raise ValueError(
            f"the first model has {one['df']:.0f} degrees of freedom, the second {two['df']:.0f}; give the narrower, "
            "with more of them, first"
        )
    if chi2 < -1e-6 * (1 + one["chi2"]):
        raise ValueError("the first model fits better with fewer parameters: it is not contained in the second")
    if "scaling_factor" in one:
        factor = one["df"] * one["scaling_factor"] - two["df"] * two.get("scaling_factor", 1.0)
        if factor <= 0:
            raise ValueError("the scaling of the difference is not positive, as happens in small samples; use 'ML'")
        chi2 *= df / factor
    changes = {name: one[name] - two[name] for name in ("AIC", "BIC")}
    return pd.Series({"chi2": chi2, "df": df, "p_value": float(chi2_law.sf(chi2, df)), **changes}, name="nested test")


def _refuse_unlike(narrow: SemResult, wide: SemResult) -> None:
    if set(narrow.specification.observed) != set(wide.specification.observed):
        apart = set(narrow.specification.observed) ^ set(wide.specification.observed)
        raise ValueError(f"the models differ in variables ({', '.join(sorted(apart))}); nested models share them")
    if narrow.n != wide.n:
        raise ValueError(f"the models were fitted to {narrow.n} and {wide.n} rows; nested models share their rows")
    if narrow.estimator != wide.estimator:
        raise ValueError(f"estimators {narrow.estimator!r} and {wide.estimator!r} differ; use one for both")
    order = [wide.specification.observed.index(name) for name in narrow.specification.observed]
    if not np.allclose(narrow.sample.covariance, wide.sample.covariance[np.ix_(order, order)], rtol=1e-6):
        raise ValueError("the models were fitted to different rows; nested models share them")
