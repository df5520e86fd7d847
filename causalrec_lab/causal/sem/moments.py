"""The covariance a structural equation model implies, its derivatives, and the maximum-likelihood discrepancy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causalrec_lab.causal.sem.specification import Specification

__all__ = ["Moments"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Moments:
    r"""Implied covariance in reticular action form (McArdle & McDonald 1984).

    With arrows A (effect in row, cause in column), residual covariances S and the filter F to observed variables,
    :math:`\Sigma = F (I - A)^{-1} S (I - A)^{-\top} F^\top`.

    Parameters
    ----------
    specification
        The model.
    sample
        Sample covariance of the observed variables, divisor n, in the specification's order.
    """

    specification: Specification
    sample: Array

    def matrices(self, theta: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """A and S at the free parameters `theta` (complex ones pass through)."""
        spec = self.specification
        where = {name: i for i, name in enumerate(spec.variables)}
        A = np.zeros((len(where), len(where)), dtype=theta.dtype)
        S = np.zeros_like(A)
        for p in spec.parameters:
            i, j = where[p.lhs], where[p.rhs]
            value = self.sample[i, j] if p.exogenous else p.fixed if p.index < 0 else theta[p.index]
            if p.op == "~":
                A[i, j] = value
            elif p.op == "=~":
                A[j, i] = value
            else:
                S[i, j] = S[j, i] = value
        return A, S

    def all_covariances(self, theta: NDArray[Any]) -> NDArray[Any]:
        """Implied covariance of observed and latent variables."""
        A, S = self.matrices(theta)
        E = np.linalg.inv(np.eye(len(A)) - A)
        return np.asarray(E @ S @ E.T)

    def implied(self, theta: NDArray[Any]) -> NDArray[Any]:
        """Implied covariance of the observed variables."""
        p = len(self.specification.observed)
        return self.all_covariances(theta)[:p, :p]

    def jacobian(self, theta: Array) -> Array:
        r"""Derivatives :math:`\partial \Sigma / \partial \theta_k`, shape (parameters, p, p)."""
        spec = self.specification
        where = {name: i for i, name in enumerate(spec.variables)}
        p = len(spec.observed)
        A, S = self.matrices(theta)
        E = np.linalg.inv(np.eye(len(A)) - A)
        P, C = E[:p], (E @ S @ E.T)[:, :p]
        out = np.zeros((len(theta), p, p))
        for row in spec.parameters:
            if row.index < 0:
                continue
            i, j = where[row.lhs], where[row.rhs]
            if row.op == "~~":
                term = np.outer(P[:, i], P[:, j])
                out[row.index] += term if i == j else term + term.T
            else:
                effect, cause = (i, j) if row.op == "~" else (j, i)
                term = np.outer(P[:, effect], C[cause])
                out[row.index] += term + term.T
        return out

    def units(self, theta: Array) -> Array:
        """Natural unit of each free parameter: standard deviations of its ends at `theta`, as ratio or product."""
        spec = self.specification
        where = {name: i for i, name in enumerate(spec.variables)}
        spread = np.sqrt(np.abs(np.diag(self.all_covariances(theta))))
        out = np.ones(len(theta))
        for row in spec.free:
            left, right = spread[where[row.lhs]], spread[where[row.rhs]]
            out[row.index] = {"~": left / right, "=~": right / left, "~~": left * right}[row.op]
        return out

    def discrepancy(self, theta: Array) -> float:
        r"""Give :math:`F = \ln|\Sigma| + \mathrm{tr}(S \Sigma^{-1}) - \ln|S| - p`; infinite without a density."""
        return discrepancy(self.sample, self.implied(theta))

    def gradient_and_information(self, theta: Array) -> tuple[Array, Array]:
        r"""Analytic gradient of F and :math:`H_{kl} = \mathrm{tr}(\Sigma^{-1} \dot\Sigma_k \Sigma^{-1} \dot\Sigma_l)`.

        The expected information of n observations is :math:`\tfrac n2 H` (Bollen 1989, chapter 4).
        """
        spread = np.sqrt(np.diag(self.sample))
        sigma = self.implied(theta) / np.outer(spread, spread)
        root = np.linalg.inv(np.linalg.cholesky(sigma)) / spread
        white = root @ self.jacobian(theta) @ root.T
        flat = white.reshape(len(theta), -1)
        left = np.eye(len(sigma)) - root @ self.sample @ root.T
        return flat @ left.ravel(), flat @ flat.T


def discrepancy(sample: Array, sigma: Array) -> float:
    """Maximum-likelihood discrepancy of an implied covariance from a sample covariance.

    Both are brought to the sample's standard deviations first: that changes nothing but the rounding.
    """
    spread = np.sqrt(np.diag(sample))
    unit = np.outer(spread, spread)
    try:
        root = np.linalg.inv(np.linalg.cholesky(sigma / unit))
    except np.linalg.LinAlgError:
        return float("inf")
    return float(
        ((root @ (sample / unit)) * root).sum()
        - 2 * np.log(np.diag(root)).sum()
        - _log_det(sample / unit)
        - len(sample)
    )


def _log_det(matrix: Array) -> float:
    return float(np.linalg.slogdet(matrix)[1])
