"""Solutions that cannot be: negative variances and correlations beyond 1 (Heywood cases)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from causalrec_lab.causal.sem.moments import Moments

__all__ = ["improper"]


def improper(moments: Moments, theta: NDArray[np.float64]) -> list[str]:
    """Say every Heywood case of a solution in plain words (Heywood 1931; Bollen 1989, chapter 7)."""
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
    return notes


def _beyond_one(covariance: NDArray[np.float64], places: range) -> list[tuple[int, int]]:
    out = []
    for i in places:
        for j in places:
            product = covariance[i, i] * covariance[j, j]
            if j < i and product > 0 and abs(covariance[i, j]) > np.sqrt(product) * (1 + 1e-9):
                out.append((i, j))
    return out
