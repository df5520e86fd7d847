"""Linear equality constraints on labelled parameters (``a + b == 1``), solved out before the search."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causalrec_lab.causal.graph.notation import nearest
from causalrec_lab.causal.sem.expression import evaluate, names_in
from causalrec_lab.causal.sem.specification import Specification

__all__ = ["Subspace", "constrained"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Subspace:
    r"""Parameters that obey the constraints: :math:`\theta = K z + \theta_0`, K with orthonormal columns."""

    basis: Array
    origin: Array

    def nearest(self, theta: Array) -> Array:
        """Closest point that obeys."""
        return np.asarray(self.origin + self.basis @ (self.basis.T @ (theta - self.origin)))

    def inverse(self, information: Array) -> Array:
        r"""Covariance of the parameters, :math:`K (K^\top I K)^{-1} K^\top`, from their information."""
        inner = self.basis.T @ information @ self.basis
        scale = np.sqrt(np.abs(np.diag(inner)))
        return np.asarray(
            self.basis @ (np.linalg.inv(inner / np.outer(scale, scale)) / np.outer(scale, scale)) @ self.basis.T
        )


def constrained(spec: Specification) -> Subspace:
    """Subspace in which the ``==`` statements of a model hold; the whole space where there are none.

    Raises
    ------
    ValueError
        If a constraint is not linear, names an unknown label, contradicts another, or holds always or never.
    """
    k = len(spec.free)
    if not spec.constraints:
        return Subspace(np.eye(k), np.zeros(k))
    rows, values = zip(*(_linear(spec, left, right) for left, right in spec.constraints), strict=True)
    matrix, target = np.array(rows), np.array(values)
    origin = np.linalg.lstsq(matrix, target)[0]
    if np.abs(matrix @ origin - target).max() > 1e-9 * max(1.0, np.abs(target).max()):
        listed = ", ".join(f"{left} == {right}" for left, right in spec.constraints)
        raise ValueError(f"the constraints contradict each other: {listed}")
    _, singular, directions = np.linalg.svd(matrix)
    rank = int((singular > 1e-10 * singular[0]).sum())
    return Subspace(directions[rank:].T, origin)


def _linear(spec: Specification, left: str, right: str) -> tuple[Array, float]:
    """Row a and value b of a constraint a'theta = b."""
    whole = f"{left} == {right}"
    labels = {p.label: p for p in spec.parameters if p.label}
    if unknown := sorted((names_in(left) | names_in(right)) - set(labels)):
        known = nearest(unknown[0], labels) if labels else "none is set: write y ~ b*x"
        raise ValueError(f"constraint {whole!r}: {unknown[0]!r} is no label; {known}")

    def gap(theta: Array) -> float:
        at = {name: complex(theta[p.index] if p.index >= 0 else p.fixed or 0.0) for name, p in labels.items()}
        return float((evaluate(left, at) - evaluate(right, at)).real)

    k = len(spec.free)
    zero = gap(np.zeros(k))
    row = np.array([gap(point) - zero for point in np.eye(k)])
    probe = np.random.default_rng(0).uniform(0.5, 2, (3, k))
    allowed = 1e-9 * (1 + abs(zero) + np.abs(row).sum())  # nan where the expression has no value at some point
    if not all(abs(gap(point) - zero - row @ point) <= allowed for point in probe):
        raise ValueError(f"constraint {whole!r} is not linear; linear ones are kept: a == b, a + b == 1, a == 2*b")
    if not row.any():
        raise ValueError(f"constraint {whole!r} binds no free parameter")
    return row, -zero
