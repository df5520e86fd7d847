"""Tests of conditional independence: partial correlation, Wilks' lambda, the G test, and the one that suits."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from causalrec_lab.causal.graph.notation import nearest
from causalrec_lab.causal.independence.columns import EXACT, Floats, asked, is_discrete, residuals
from causalrec_lab.causal.independence.contingency import Codes
from causalrec_lab.causal.independence.gcm import covariance_measure

__all__ = ["METHODS", "g_test", "independence_test", "linear_test", "suited_test"]

METHODS = ("auto", "linear", "g", "gcm")


def independence_test(
    frame: pd.DataFrame, x: str, y: str, given: str | Sequence[str] = (), *, method: str = "auto", seed: int = 0
) -> tuple[str, float, float, float]:
    """Test x independent of y given a set, by a test that suits the columns.

    "auto" takes "g" where every column is discrete (text, categories, booleans, integers with at most 12 values) and
    "linear" otherwise.

    Parameters
    ----------
    frame
        The columns, without missing values.
    x, y, given
        Names of columns.
    method
        "linear" (partial correlation or Wilks' lambda: `linear_test`), "g" (`g_test`), "gcm" (generalised covariance
        measure with a kernel ridge: sees through non-linear influence of `given`; `gcm.gcm_test`), "auto".
    seed
        Seed of the random features of "gcm".

    Returns
    -------
    name of the test, statistic, degrees of freedom, p-value.

    Raises
    ------
    ValueError
        If the method is unknown, a G test meets a column of numbers, there are too few rows, or a column is named
        twice, absent, constant, missing somewhere or otherwise unfit (`columns.checked`).
    """
    return suited_test(*asked(frame, x, y, given), method, seed)


def suited_test(
    frame: pd.DataFrame, x: str, y: str, given: Sequence[str], method: str, seed: int
) -> tuple[str, float, float, float]:
    """`independence_test` on columns that are known to be fit."""
    if method not in METHODS:
        raise ValueError(f"method={method!r} is no test; {nearest(method, METHODS)}")
    if method == "gcm":
        return "GCM", *covariance_measure(frame, x, y, given, seed)
    numbers = [name for name in (x, y, *given) if not is_discrete(frame[name])]
    if method == "g" and numbers:
        raise ValueError(
            f"column {numbers[0]!r} takes {frame[numbers[0]].nunique()} values; a G test needs categories: cut it into "
            "bands with pandas.qcut, or take method='linear' or 'gcm'"
        )
    if method == "g" or (method == "auto" and not numbers):
        return "G", *_g(frame, x, y, given)
    return _linear(frame, x, y, given)


def linear_test(
    frame: pd.DataFrame, x: str, y: str, given: str | Sequence[str] = ()
) -> tuple[str, float, float, float]:
    """Test by the correlation of least-squares residuals: it sees linear dependence, given linear influences, only.

    x and y of one number each: partial correlation with Student's t. Otherwise, categories as indicators: Wilks' lambda
    of the residuals with Bartlett's chi-square approximation (Anderson 2003, section 8.5). A column that follows
    exactly from `given` has nothing left to depend on: p-value 1.

    Returns
    -------
    name of the test, statistic, degrees of freedom, p-value.

    Raises
    ------
    ValueError
        If there are fewer rows than conditioning columns allow.
    """
    return _linear(*asked(frame, x, y, given))


def _linear(frame: pd.DataFrame, x: str, y: str, given: Sequence[str]) -> tuple[str, float, float, float]:
    (left, right), control = residuals(frame, (x, y), given)
    if left.shape[1] == right.shape[1] == 1:
        return "partial correlation", *_partial_correlation(left[:, 0], right[:, 0], control)
    return "Wilks", *_wilks(left, right, control)


def _partial_correlation(left: Floats, right: Floats, control: int) -> tuple[float, float, float]:
    from scipy.stats import t as student

    df = len(left) - control - 1
    if df < 1:
        raise ValueError(f"{len(left)} rows are too few for a test with {control - 1} conditioning columns")
    size = math.sqrt(float(left @ left) * float(right @ right))
    r = min(max(float(left @ right) / size, -1.0), 1.0) if size else 0.0
    p = 2 * float(student.sf(abs(r) * math.sqrt(df / max(1 - r * r, 1e-300)), df))
    return r, float(df), p


def _wilks(left: Floats, right: Floats, control: int) -> tuple[float, float, float]:
    from scipy.stats import chi2

    one, two = _basis(left), _basis(right)
    n, p, q = len(left), one.shape[1], two.shape[1]
    scale = n - control - (p + q + 1) / 2
    if scale <= 0:
        raise ValueError(
            f"{n} rows are too few for a test of {p} x {q} columns with {control - 1} conditioning columns"
        )
    if not p * q:
        return 0.0, 0.0, 1.0
    roots = np.linalg.svd(one.T @ two, compute_uv=False)
    statistic = -scale * float(np.log1p(-np.minimum(roots**2, 1 - 1e-15)).sum())
    return statistic, float(p * q), float(chi2.sf(statistic, p * q))


def _basis(numbers: Floats) -> Floats:
    """Orthonormal columns that span those given, as many as they have rank."""
    size = np.linalg.norm(numbers, axis=0)
    left, values, _ = np.linalg.svd(numbers[:, size > 0] / size[size > 0], full_matrices=False)
    return np.asarray(left[:, values > EXACT])


def g_test(frame: pd.DataFrame, x: str, y: str, given: str | Sequence[str] = ()) -> tuple[float, float, float]:
    r"""Likelihood-ratio test :math:`G = 2 \sum O \ln(O / E)` of x independent of y, summed over the strata of `given`.

    Degrees of freedom count only rows and columns a stratum holds, so that empty cells do not weaken the test. Where
    cells hold fewer than 20 rows on average, G's chi-square law fails (with many strata a true independence would be
    rejected nearly always), and the p-value is that of Pearson's statistic by its exact mean and variance given the
    margins (`contingency.sparse_moments`).

    Returns
    -------
    statistic, degrees of freedom, p-value (1 where no stratum can tell).
    """
    return _g(*asked(frame, x, y, given))


def _g(frame: pd.DataFrame, x: str, y: str, given: Sequence[str]) -> tuple[float, float, float]:
    codes = Codes(frame[[x, y, *given]])
    return codes.g(0, 1, (1 << 2 + len(given)) - 4)
