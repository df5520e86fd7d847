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

__all__ = ["Level", "fit_level", "paule_mandel", "posterior", "restricted_log_likelihood", "restricted_maximum"]

Floats = npt.NDArray[np.float64]
_GRID = 150


@dataclass(frozen=True)
class Level:
    r"""What is known of the segments given :math:`\tau^2`.

    Parameters
    ----------
    tau2
        Variance of true effects around the line.
    beta, covariance
        (p,) coefficients by weighted least squares, and their covariance.
    total
        (K,) :math:`V_k`.
    """

    tau2: float
    beta: Floats
    covariance: Floats
    total: Floats


def fit_level(y: Floats, variance: Floats, X: Floats, tau2: float) -> Level:
    """Weighted least squares given the variance between segments."""
    total = variance + tau2
    covariance = np.asarray(np.linalg.inv((X / total[:, None]).T @ X), dtype=np.float64)
    return Level(tau2, covariance @ (X.T @ (y / total)), covariance, total)


def restricted_log_likelihood(y: Floats, variance: Floats, X: Floats, tau2: float) -> float:
    """Restricted log likelihood of the variance between segments, up to a constant."""
    level = fit_level(y, variance, X, tau2)
    residual = y - X @ level.beta
    determinant = float(np.linalg.slogdet(level.covariance)[1])
    return 0.5 * (determinant - float(np.log(level.total).sum()) - float(residual @ (residual / level.total)))


def restricted_maximum(y: Floats, variance: Floats, X: Floats) -> float:
    """REML estimate of the variance between segments; 0 where the estimates differ less than their errors do."""
    from scipy.optimize import minimize_scalar

    grid = _taus(y, variance) ** 2
    values = [restricted_log_likelihood(y, variance, X, float(tau2)) for tau2 in grid]
    best = int(np.argmax(values))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(
        lambda tau2: -restricted_log_likelihood(y, variance, X, tau2),
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
        level = fit_level(y, variance, X, tau2)
        residual = y - X @ level.beta
        return float(residual @ (residual / level.total)) - float(freedom)

    if excess(0.0) <= 0:
        return 0.0
    high = float(_taus(y, variance)[-1]) ** 2
    while excess(high) > 0:
        high *= 4.0
    return float(brentq(excess, 0.0, high))


def posterior(y: Floats, variance: Floats, X: Floats) -> tuple[Floats, Floats]:
    r"""Grid of :math:`\tau` and its posterior weights under a flat prior on :math:`\tau`.

    Gelman (2006, Bayesian Analysis 1, "Prior distributions for variance parameters in hierarchical models").
    """
    taus = _taus(y, variance)
    logs = np.array([restricted_log_likelihood(y, variance, X, float(tau) ** 2) for tau in taus])
    weights = np.asarray(np.exp(logs - logs.max()) * np.gradient(taus), dtype=np.float64)
    return taus, weights / weights.sum()


def _taus(y: Floats, variance: Floats) -> Floats:
    """Grid from 0 to far beyond what the spread of the estimates allows, denser near 0."""
    top = 5.0 * float(np.sqrt(y.var() + variance.mean()))
    return np.asarray(top * np.linspace(0.0, 1.0, _GRID) ** 2)
