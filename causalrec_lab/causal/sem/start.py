"""Where the search for the maximum of a structural equation model's likelihood begins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from causalrec_lab.causal.sem.moments import Moments
from causalrec_lab.causal.sem.specification import Parameter

__all__ = ["starting_values"]


def starting_values(moments: Moments) -> NDArray[np.float64]:
    """Start from loadings by the sign and scale of the first indicator, half of each variance, no other effects.

    Values the user gave by ``start(…)`` come first.
    """
    spec = moments.specification
    spread = dict(zip(spec.observed, np.sqrt(np.diag(moments.sample.covariance)), strict=True))
    first: dict[str, Parameter] = {}
    for p in spec.parameters:
        if p.op == "=~":
            first.setdefault(p.lhs, p)
    fixed = {p.lhs: p.fixed for p in spec.parameters if p.op == "~~" and p.lhs == p.rhs and p.fixed is not None}
    scale = {}
    for name in spec.latent:
        marker = first[name]
        unit = spread.get(marker.rhs, 1.0)
        weight = marker.fixed if marker.fixed else 1.0
        scale[name] = np.sqrt(fixed[name]) if fixed.get(name) else 0.7 * unit / abs(weight)
    theta = np.zeros(len(spec.free))
    for p in spec.free:
        theta[p.index] = _start(p, moments, spread, first, scale)
    for p in spec.parameters:
        if p.start is not None and p.index >= 0:
            theta[p.index] = p.start
    return theta


def _start(
    p: Parameter,
    moments: Moments,
    spread: dict[str, float],
    first: dict[str, Parameter],
    scale: dict[str, float],
) -> float:
    observed = moments.specification.observed
    if p.op == "=~":
        unit = 0.7 * spread.get(p.rhs, 1.0) / scale[p.lhs]
        marker = first[p.lhs]
        if p.rhs in observed and marker.rhs in observed:
            seen = moments.sample.covariance[observed.index(p.rhs), observed.index(marker.rhs)]
            negative = (marker.fixed or 1.0) < 0
            return unit * (-1.0 if (seen < 0) != negative else 1.0)
        return unit
    if p.op == "~1":
        return float(moments.sample.mean[observed.index(p.lhs)]) if p.lhs in observed else 0.0
    if p.op == "~~" and p.lhs == p.rhs:
        return scale[p.lhs] ** 2 if p.lhs in scale else 0.5 * spread[p.lhs] ** 2
    return 0.0
