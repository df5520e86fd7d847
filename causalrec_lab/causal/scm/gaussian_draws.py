"""Posterior draws of a linear-Gaussian system, asked all at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causalrec_lab.causal.scm.moments import Moments, equations

__all__ = ["GaussianDraws", "draw_systems"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class GaussianDraws:
    """Equations of `GaussianSystem`, one set a draw.

    Parameters
    ----------
    nodes
        Names, causes first.
    coefficients, intercepts, variances
        Shapes (draws, nodes, nodes), (draws, nodes), (draws, nodes).
    """

    nodes: tuple[str, ...]
    coefficients: Floats
    intercepts: Floats
    variances: Floats

    def hold(self, values: Mapping[int, float]) -> GaussianDraws:
        """Replace the equations of some node numbers by constants."""
        B, a, v = self.coefficients.copy(), self.intercepts.copy(), self.variances.copy()
        for i, value in values.items():
            B[:, i], a[:, i], v[:, i] = 0.0, value, 0.0
        return GaussianDraws(self.nodes, B, a, v)

    def query(self, target: Sequence[str], do: Mapping[str, Any], given: Mapping[str, Any]) -> Floats:
        """Mean and variance of each target after `do`, given evidence: (draws, targets, 2)."""
        after = self.hold({self.nodes.index(node): float(value) for node, value in do.items()})
        total = np.linalg.inv(np.eye(len(self.nodes)) - after.coefficients)
        mean = np.einsum("dij,dj->di", total, after.intercepts)
        spread = np.einsum("dij,dj,dkj->dik", total, after.variances, total)
        asked, known = ([self.nodes.index(n) for n in names] for names in (target, given))
        answer, left = mean[:, asked], spread[:, asked, asked]
        if known:
            across = spread[:, known][:, :, asked]
            gain = np.linalg.solve(spread[:, known][:, :, known], across)
            shift = np.array([float(value) for value in given.values()]) - mean[:, known]
            answer = answer + np.einsum("dkt,dk->dt", gain, shift)
            left = left - np.einsum("dkt,dkt->dt", gain, across)
        return np.stack([answer, np.maximum(left, 0.0)], -1)


def draw_systems(
    nodes: tuple[str, ...], moments: Moments, causes: Sequence[Sequence[int]], draws: int, rng: np.random.Generator
) -> GaussianDraws:
    r"""Draw equations from their posterior under the reference prior :math:`p(a, b, v) \propto 1/v`.

    :math:`v \sim RSS / \chi^2_{n-k-1}`; slopes and level are normal around least squares given v (Gelman et al. 2013,
    section 14.2).
    """
    b, _, v = equations(moments.mean, moments.covariance, causes, nodes)
    p = len(nodes)
    B, a, V = np.zeros((draws, p, p)), np.zeros((draws, p)), np.zeros((draws, p))
    for i, above in enumerate(causes):
        V[:, i] = moments.n * v[i] / rng.chisquare(moments.n - len(above) - 1, draws)
        noise = np.sqrt(V[:, i] / moments.n)[:, None] * rng.normal(size=(draws, len(above) + 1))
        root = np.linalg.cholesky(np.linalg.inv(moments.covariance[np.ix_(above, above)]))
        slopes = b[i, above] + noise[:, 1:] @ root.T
        B[:, i, above] = slopes
        a[:, i] = moments.mean[i] + noise[:, 0] - slopes @ moments.mean[above]
    return GaussianDraws(nodes, B, a, V)
