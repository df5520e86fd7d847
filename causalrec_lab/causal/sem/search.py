"""The search for the maximum of a structural equation model's likelihood."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from causalrec_lab.causal.sem.constraints import Subspace
from causalrec_lab.causal.sem.moments import Moments

__all__ = ["ConvergenceError", "maximise", "observed_information"]

Array = NDArray[np.float64]
ROUNDS = 200
SCORING = 15  # rounds of Fisher scoring before Newton's method takes over
TOLERANCE = 1e-9  # largest gradient entry, each in the unit of its own curvature
ROUNDING = 1e-6  # as much is accepted where the discrepancy no longer falls: it is flat to its last digit


class ConvergenceError(RuntimeError):
    """The search for the maximum of the likelihood did not end."""


def maximise(moments: Moments, start: Array, within: Subspace) -> Array:
    """Fisher scoring, then Newton's method where that is slow, both with Levenberg's damping.

    Everything is reckoned in the units of the curvature, so that columns may have any unit.

    Raises
    ------
    ConvergenceError
        With the parameter that runs away and what usually helps.
    """
    theta, damping = start, 1e-3
    value = moments.discrepancy(start)
    if not np.isfinite(value):
        raise ConvergenceError("no starting point with a positive definite covariance; fix a variance or a loading")
    K = within.basis
    if not K.shape[1]:
        return theta
    for rounds in range(ROUNDS):
        gradient, information = moments.gradient_and_information(theta)
        curvature = K.T @ information @ K
        scale = np.sqrt(np.diag(curvature))
        slope = K.T @ gradient / scale
        if np.abs(slope).max() < TOLERANCE:
            return theta
        curvature = curvature / np.outer(scale, scale)
        if rounds >= SCORING:
            curvature = _newton(moments, theta, K, scale, curvature)
        while True:
            step = K @ (np.linalg.solve(curvature + damping * np.eye(len(scale)), slope) / scale)
            reached = moments.discrepancy(theta - step)
            if reached <= value:
                break
            damping *= 5
            if damping > 1e12:
                if np.abs(slope).max() < ROUNDING:
                    return theta
                raise _stuck(moments, start, theta)
        settled = value - reached < 1e-14 and np.abs(slope).max() < ROUNDING
        theta, value, damping = theta - step, reached, max(damping / 5, 1e-14)
        if settled:
            return theta
    raise _stuck(moments, start, theta)


def observed_information(moments: Moments, theta: Array) -> Array:
    """Second derivatives of the discrepancy by central differences of its gradient.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the covariance is not positive definite close to `theta`.
    """
    scale = np.sqrt(np.diag(moments.gradient_and_information(theta)[1]))
    rows = np.empty((len(theta), len(theta)))
    for k in range(len(theta)):
        step = np.zeros(len(theta))
        step[k] = 1e-4 / scale[k]
        ahead, behind = (moments.gradient_and_information(theta + s)[0] for s in (step, -step))
        rows[k] = (ahead - behind) / (2 * step[k])
    return (rows + rows.T) / 2


def _newton(moments: Moments, theta: Array, K: Array, scale: Array, expected: Array) -> Array:
    """Curvature of the discrepancy itself; the expected one where it is no bowl."""
    try:
        found = K.T @ observed_information(moments, theta) @ K / np.outer(scale, scale)
    except np.linalg.LinAlgError:
        return expected
    return found if np.linalg.eigvalsh(found)[0] > 1e-10 else expected


def _stuck(moments: Moments, start: Array, theta: Array) -> ConvergenceError:
    far = int(np.argmax(np.abs(theta) / moments.units(start)))
    name = moments.specification.free[far].name
    way_out = (
        "Give each latent variable three indicators that correlate with each other and let the strongest come first"
    )
    if not moments.specification.latent:
        way_out = "Give starting values (y ~ start(0.5)*x), in a loop above all"
    return ConvergenceError(
        f"the model did not converge; {name} has reached {theta[far]:.3g} and runs on. {way_out}, fix a variance, or "
        "simplify"
    )
