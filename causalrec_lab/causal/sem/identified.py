"""Whether data can determine a model's parameters, and which ones they cannot: the local rank rule."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from causalrec_lab.causal.sem.constraints import Subspace
from causalrec_lab.causal.sem.moments import Moments
from causalrec_lab.causal.sem.specification import Specification

__all__ = ["UnderidentifiedError", "degrees_of_freedom", "refuse_underidentified", "undetermined"]

Array = NDArray[np.float64]


class UnderidentifiedError(ValueError):
    """Different parameter values give the same moments, so that data cannot choose among them."""


def degrees_of_freedom(spec: Specification, free: int) -> int:
    """Moments that are modelled, less free parameters."""
    p, q = len(spec.observed), len(spec.covariates)
    means = p - q if spec.has_means else 0
    return p * (p + 1) // 2 - q * (q + 1) // 2 + means - free


def refuse_underidentified(moments: Moments, start: Array, within: Subspace) -> None:
    """Refuse a model whose moments do not change in some direction at a generic point (Bollen 1989, chapter 7).

    Raises
    ------
    UnderidentifiedError
        Naming the parameters that take part in the direction.
    ValueError
        If nothing is free.
    """
    spec = moments.specification
    if not within.basis.shape[1]:
        raise ValueError("the model has no free parameter: nothing is to be estimated")
    point = _generic(moments, start, within)
    if point is None:
        return  # the solution is checked anyway
    if loose := undetermined(moments, point, within):
        df = degrees_of_freedom(spec, within.basis.shape[1])
        raise UnderidentifiedError(
            f"the model is underidentified (degrees of freedom {df}): data cannot determine {', '.join(loose)}. "
            "Fix one of them, add an indicator or an instrument, or drop an arrow"
        )


def _generic(moments: Moments, start: Array, within: Subspace) -> Array | None:
    """Point near the start at which no effect is zero by accident."""
    rng = np.random.default_rng(0)
    unit = moments.units(start)
    for _ in range(50):
        point = start * rng.uniform(0.8, 1.2, len(start))
        for row in moments.specification.free:
            if row.op in ("~", "~1"):
                point[row.index] += rng.uniform(0.1, 0.3) * unit[row.index]
            elif row.op == "~~" and row.lhs != row.rhs:
                point[row.index] += rng.uniform(0.02, 0.1) * unit[row.index]
        point = within.nearest(point)
        if np.isfinite(moments.discrepancy(point)):
            return point
    return None


def undetermined(moments: Moments, theta: Array, within: Subspace) -> list[str]:
    """Names of the parameters that take part in a direction without curvature."""
    free = moments.specification.free
    K = within.basis
    information = K.T @ moments.gradient_and_information(theta)[1] @ K
    scale = np.sqrt(np.maximum(np.diag(information), 0.0))
    unit = np.sqrt(np.maximum(np.diag(K.T @ np.diag(moments.units(theta) ** 2) @ K), 0.0))
    dead = scale * unit <= 1e-8 * (scale * unit).max()
    if dead.any():
        directions = K[:, dead]
    else:
        values, vectors = np.linalg.eigh(information / np.outer(scale, scale))
        directions = K @ (vectors[:, values < 1e-9] / scale[:, None])
        directions = directions / moments.units(theta)[:, None]
    if not directions.shape[1]:
        return []
    involved = np.abs(directions / np.abs(directions).max(axis=0)).max(axis=1) > 1e-3
    return [p.name for p in free if involved[p.index]]
