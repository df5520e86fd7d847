"""Solutions that cannot be: negative variances, correlations beyond 1 (Heywood cases), loops that never settle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from causalrec_lab.causal.sem.moments import Moments

__all__ = ["improper"]


def improper(moments: Moments, theta: NDArray[np.float64]) -> list[str]:
    """Say what is wrong with a solution in plain words (Heywood 1931; Bollen 1989, chapter 7)."""
    spec = moments.specification
    S = moments.matrices(theta)[1]
    notes = []
    for name, variance in zip(spec.variables, np.diag(S), strict=True):
        if variance < 0:
            kind = "latent variance" if name in spec.latent else "residual variance"
            notes.append(
                f"Heywood case: the {kind} of {name!r} is {variance:.3g}, below 0; the model may be wrong, the sample "
                "small or an indicator weak, and intervals cannot be trusted"
            )
    whole = moments.all_covariances(theta)
    first = len(spec.observed)
    for a, b in _beyond_one(whole, range(first, len(whole))):
        pair = f"{spec.variables[b]!r} and {spec.variables[a]!r}"
        notes.append(f"Heywood case: the latent variables {pair} correlate beyond 1; merge them or drop one")
    for a, b in _beyond_one(S, range(first)):
        pair = f"{spec.variables[b]!r} and {spec.variables[a]!r}"
        notes.append(f"Heywood case: the residuals of {pair} correlate beyond 1; drop their covariance or a path")
    return notes + _not_a_covariance(whole[first:, first:], spec.latent, notes) + _unsettled(moments, theta)


def _not_a_covariance(covariance: NDArray[np.float64], names: tuple[str, ...], known: list[str]) -> list[str]:
    """Pairs of latent variables that are each possible, and together are not."""
    scale = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    if known or len(names) < 3 or not (scale > 0).all():
        return []
    least = float(np.linalg.eigvalsh(covariance / np.outer(scale, scale))[0])
    if least > -1e-8:
        return []
    said = (
        f"Heywood case: the covariances of the latent variables {', '.join(names)} cannot be together: a sum of them "
    )
    return [said + "has a negative variance; merge some, or give them more indicators"]


def _unsettled(moments: Moments, theta: NDArray[np.float64]) -> list[str]:
    """Loops whose effects grow from round to round (the stability index of Bentler & Freeman 1983)."""
    size = float(np.abs(np.linalg.eigvals(moments.matrices(theta)[0])).max())
    if size < 1:
        return []
    said = (
        f"feedback does not settle: the largest eigenvalue of the paths has size {size:.2f}, 1 or more, so an effect "
    )
    return [said + "grows on every round; total effects and R2 have no meaning"]


def _beyond_one(covariance: NDArray[np.float64], places: range) -> list[tuple[int, int]]:
    out = []
    for i in places:
        for j in places:
            product = covariance[i, i] * covariance[j, j]
            if j < i and product > 0 and abs(covariance[i, j]) > np.sqrt(product) * (1 + 1e-9):
                out.append((i, j))
    return out
