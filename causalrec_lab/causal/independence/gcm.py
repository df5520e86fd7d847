"""The generalised covariance measure: conditional independence where influences are not linear."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from causalrec_lab.causal.independence.columns import Floats, asked, design

__all__ = ["covariance_measure", "gcm_test", "kernel_residuals"]

FEATURES = 200  # random Fourier features of the conditioning columns
DRAWS = 2000  # Gaussian multiplier draws where a column is more than one number
_PENALTIES = np.logspace(-6, 3, 28)  # times the mean eigenvalue


def gcm_test(
    frame: pd.DataFrame, x: str, y: str, given: str | Sequence[str] = (), *, seed: int = 0
) -> tuple[float, float, float]:
    r"""Test x independent of y given a set by the covariance of the residuals of two flexible regressions.

    With :math:`R_i = (x_i - \hat E[x|z_i])(y_i - \hat E[y|z_i])` the statistic is
    :math:`T = \sqrt n\, \bar R / \mathrm{sd}(R)`, asymptotically N(0, 1) under independence where the two regressions
    are good enough that the product of their errors is o(1/n) (Shah & Peters 2020, Theorem 6). Categories are
    indicators, and the largest :math:`|T|` is set against its Gaussian multiplier distribution (their section 3.2).
    It sees a dependence only where :math:`E[\mathrm{cov}(x, y | z)] \ne 0`. With a few hundred rows it rejects a true
    independence a little too often (about 7 % at a nominal 5 %).

    The regressions are kernel ridges; see `kernel_residuals`.

    Returns
    -------
    statistic, number of covariances tested, p-value.

    Raises
    ------
    ValueError
        If there are fewer than 30 rows, or a column is unfit (`columns.checked`).
    """
    return covariance_measure(*asked(frame, x, y, given), seed)


def covariance_measure(
    frame: pd.DataFrame, x: str, y: str, given: Sequence[str], seed: int
) -> tuple[float, float, float]:
    """`gcm_test` on columns that are known to be fit."""
    from scipy.special import ndtr

    if len(frame) < 30:
        raise ValueError(f"{len(frame)} rows are too few for a GCM test, whose law is a large-sample one; 30 are least")
    left, right = design(frame[x]), design(frame[y])
    rng = np.random.default_rng(seed)
    targets = np.hstack([left, right])
    both = kernel_residuals(targets, [design(frame[name]) for name in given], rng)
    both = np.where(both.std(axis=0) > 1e-4 * targets.std(axis=0), both, 0.0)  # less is what the penalty left
    k = left.shape[1]
    products = (both[:, :k, None] * both[:, None, k:]).reshape(len(frame), -1)
    spread = products.std(axis=0)
    keep = spread > 1e-12 * max(float(spread.max()), 1e-300)
    if not keep.any():  # a column that follows exactly from the others has nothing left to depend on
        return 0.0, 0.0, 1.0
    scaled = (products[:, keep] - products[:, keep].mean(axis=0)) / spread[keep]
    t = math.sqrt(len(frame)) * products[:, keep].mean(axis=0) / spread[keep]
    largest = float(t[np.abs(t).argmax()])
    if len(t) == 1:
        return largest, 1.0, 2 * float(ndtr(-abs(largest)))
    draws = np.abs(rng.standard_normal((DRAWS, len(t))) @ _root(scaled.T @ scaled / len(frame))).max(axis=1)
    return largest, float(len(t)), float((1 + (draws >= abs(largest)).sum()) / (1 + DRAWS))


def _root(correlation: Floats) -> Floats:
    values, vectors = np.linalg.eigh(correlation)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)


def kernel_residuals(targets: Floats, given: Sequence[Floats], rng: np.random.Generator) -> Floats:
    r"""Residuals of targets on a smooth function of conditioning columns.

    Ridge on the columns themselves and on random Fourier features of a Gaussian kernel (Rahimi & Recht 2007). Each
    target chooses among three kernels (of all columns together, with the median distance as bandwidth and with a
    quarter of it; a sum of one for each column) and among penalties by generalised cross-validation
    :math:`\mathrm{RSS} / (1 - \mathrm{df}/n)^2` (Golub, Heath & Wahba 1979).

    Parameters
    ----------
    targets
        (n, m) columns to be explained.
    given
        Conditioning columns, each (n, k); none leaves the mean.
    rng
        Draws the frequencies.
    """
    centred = np.asarray(targets - targets.mean(axis=0))
    if not given:
        return centred
    z = np.hstack(given)
    z = (z - z.mean(axis=0)) / np.maximum(z.std(axis=0), 1e-12)
    kernels: list[Callable[[], Floats]] = [lambda: _together(z, 1.0, rng), lambda: _together(z, 0.25, rng)]
    if z.shape[1] > 1:
        kernels.append(lambda: _apart(z, rng))
    best, least = centred, np.full(centred.shape[1], np.inf)
    for features in kernels:
        left_over, score = _ridge(centred, np.hstack([z, features()]))
        better = score < least
        best, least = np.where(better, left_over, best), np.where(better, score, least)
    return np.asarray(best)


def _ridge(centred: Floats, features: Floats) -> tuple[Floats, Floats]:
    """Residuals of the best penalty for each column, and its generalised cross-validation."""
    n = len(centred)
    left, values, _ = np.linalg.svd(features - features.mean(axis=0), full_matrices=False)
    values = values**2
    projected = left.T @ centred
    shrink = values / (values + values.mean() * _PENALTIES[:, None])  # (penalties, d)
    explained = (1 - shrink) ** 2 @ projected**2  # (penalties, m)
    outside = (centred**2).sum(axis=0) - (projected**2).sum(axis=0)
    freedom = 1 + shrink.sum(axis=1)
    scores = (outside + explained) / np.maximum(1 - freedom / n, 1e-3)[:, None] ** 2
    chosen = shrink[scores.argmin(axis=0)].T  # (d, m)
    return centred - left @ (chosen * projected), scores.min(axis=0)


def _together(z: Floats, part: float, rng: np.random.Generator) -> Floats:
    """Waves of all columns at once; the bandwidth is a part of the median distance."""
    pick = rng.permutation(len(z))[: min(len(z), 300)]
    gaps = np.linalg.norm(z[pick, None] - z[None, pick], axis=2)
    width = part * float(np.median(gaps[gaps > 0])) if (gaps > 0).any() else 1.0
    return _waves(z, width, _count(len(z)), rng)


def _apart(z: Floats, rng: np.random.Generator) -> Floats:
    """Waves of each column alone, at half a standard deviation."""
    each = max(_count(len(z)) // z.shape[1], 4)
    return np.hstack([_waves(column[:, None], 0.5, each, rng) for column in z.T])


def _count(n: int) -> int:
    return min(FEATURES, max(n // 4, 10))


def _waves(z: Floats, width: float, count: int, rng: np.random.Generator) -> Floats:
    frequencies = rng.standard_normal((z.shape[1], count)) / width
    return np.asarray(np.cos(z @ frequencies + rng.uniform(0, 2 * math.pi, count)))
