r"""How much true effects differ between segments beyond their features: :math:`\tau^2`, and what follows from it.

.. math:: y_k | \theta_k \sim N(\theta_k, s_k^2), \quad \theta_k \sim N(x_k'\beta, \tau^2), \quad V_k = s_k^2 + \tau^2

With :math:`\beta` integrated out under a flat prior, the likelihood of :math:`\tau^2` is the restricted one (Harville
1974, Biometrika 61, "Bayesian inference for variance components using only error contrasts"), so REML is its maximum
and a hierarchical Bayes posterior its average.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Levels", "fit_levels", "paule_mandel", "posterior", "restricted_maximum"]

Floats = npt.NDArray[np.float64]
_GRID = 200
_FAR = 1e4  # the posterior of tau falls as tau^-(K - p): with few segments its tail is long


@dataclass(frozen=True, eq=False)
class Levels:
    r"""What is known of the segments at each of G values of :math:`\tau^2`.

    Parameters
    ----------
    tau2
        (G,) variances of true effects around the line.
    beta, covariance
        (G, p) coefficients by weighted least squares, and (G, p, p) their covariance.
    total
        (G, K) :math:`V_k`.
    squares
        (G,) weighted residual sum of squares.
    log_likelihood
        (G,) restricted log likelihood, up to a constant.
    """

    tau2: Floats
    beta: Floats
    covariance: Floats
    total: Floats
    squares: Floats
    log_likelihood: Floats


def fit_levels(y: Floats, variance: Floats, X: Floats, tau2: npt.ArrayLike) -> Levels:
    """Weighted least squares at each variance between segments; columns are brought to one scale on the way."""
    levels = np.atleast_1d(np.asarray(tau2, dtype=np.float64))
    total = variance + levels[:, None]
    scale = np.sqrt((X**2).mean(axis=0))
    Z = X / scale
    covariance = np.linalg.inv(np.einsum("gk,ki,kj->gij", 1.0 / total, Z, Z))
    beta = np.einsum("gij,gj->gi", covariance, (y / total) @ Z)
    squares = ((y - beta @ Z.T) ** 2 / total).sum(axis=1)
    log = 0.5 * (np.linalg.slogdet(covariance)[1] - np.log(total).sum(axis=1) - squares)
    return Levels(levels, beta / scale, covariance / np.outer(scale, scale), total, squares, log)


def restricted_maximum(y: Floats, variance: Floats, X: Floats) -> float:
    """REML estimate of the variance between segments; 0 where the estimates differ less than their errors do."""
    from scipy.optimize import minimize_scalar

    grid = _taus(variance, 5.0 * _spread(y, variance)) ** 2
    values = fit_levels(y, variance, X, grid).log_likelihood
    best = int(np.argmax(values))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(
        lambda tau2: -float(fit_levels(y, variance, X, tau2).log_likelihood[0]),
        bounds=(float(low), float(high)),
        method="bounded",
        options={"xatol": 1e-10 * float(high)},
    )
    return float(found.x) if -float(found.fun) > values[best] else float(grid[best])


def paule_mandel(y: Floats, variance: Floats, X: Floats) -> float:
    r"""Moment estimate: the :math:`\tau^2` at which the weighted residual sum of squares is K - p, or 0.

    Paule and Mandel (1982, Journal of Research of the National Bureau of Standards 87); with features, Fay and Herriot
    (1979, JASA 74, "Estimates of income for small places").
    """
    from scipy.optimize import brentq

    freedom = len(y) - X.shape[1]

    def excess(tau2: float) -> float:
        return float(fit_levels(y, variance, X, tau2).squares[0]) - float(freedom)

    if excess(0.0) <= 0:
        return 0.0
    high = _spread(y, variance) ** 2
    while excess(high) > 0:
        high *= 4.0
    return float(brentq(excess, 0.0, high, xtol=1e-14 * high))


def posterior(y: Floats, variance: Floats, X: Floats) -> tuple[Floats, Floats]:
    r"""Grid of :math:`\tau` and its posterior weights under a flat prior on :math:`\tau`.

    Gelman (2006, Bayesian Analysis 1, "Prior distributions for variance parameters in hierarchical models"). The grid
    is laid twice: over all scales at hand, the smallest error's included, then over where there is any weight.
    """
    taus = _taus(variance, _FAR * _spread(y, variance))
    for _ in range(2):
        logs = fit_levels(y, variance, X, taus**2).log_likelihood
        dense = logs[1:] + np.log(taus[1:])  # in the logarithm of tau
        held = np.flatnonzero(dense > dense.max() - 25.0)
        first, last = max(int(held[0]) - 1, 0), min(int(held[-1]) + 1, len(dense) - 1)
        taus, before = np.append(0.0, np.geomspace(taus[1:][first], taus[1:][last], _GRID)), taus
    taus = before
    gaps = np.diff(taus)
    mass = np.exp(logs - logs.max()) * (np.append(gaps, 0.0) + np.append(0.0, gaps)) / 2.0
    return taus, np.asarray(mass / mass.sum())


def _spread(y: Floats, variance: Floats) -> float:
    return float(np.sqrt(y.var() + variance.max()))


def _taus(variance: Floats, top: float) -> Floats:
    """0, and a grid over all scales from far below the smallest error."""
    return np.append(0.0, np.geomspace(1e-4 * float(np.sqrt(variance.min())), top, _GRID))
