"""An effect that is linear in chosen columns, with the covariance of its coefficients: `LinearEffect`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from causalrec_lab.causal.effects.cate.basis import Basis
from causalrec_lab.causal.effects.sample import Floats, Integers

__all__ = ["LinearEffect", "clustered_covariance", "fit_linear_effect"]


@dataclass(frozen=True)
class LinearEffect:
    r"""Best linear projection of the effect, :math:`\tau(v) \approx \beta_0 + \beta'v`.

    Parameters
    ----------
    basis
        Standardises the columns.
    coefficients, covariance
        (m,) and (m, m), the constant first, on the standardised scale.
    """

    basis: Basis
    coefficients: Floats
    covariance: Floats

    def predict(self, matrix: Floats) -> Floats:
        """(n,) projected effect."""
        return np.asarray(self._design(matrix) @ self.coefficients)

    def std_error(self, matrix: Floats) -> Floats:
        r"""(n,) standard error :math:`\sqrt{v' \Sigma v}`."""
        design = self._design(matrix)
        return np.asarray(np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", design, self.covariance, design), 0.0)))

    def _design(self, matrix: Floats) -> Floats:
        return np.column_stack([np.ones(len(matrix)), self.basis.columns(matrix)])


def fit_linear_effect(matrix: Floats, target: Floats, weights: Floats, clusters: Sequence[Integers]) -> LinearEffect:
    r"""Weighted least squares of a pseudo-outcome, with the sandwich of its influence function.

    .. math:: \psi_i = A^{-1} w_i d_i (\tilde y_i - d_i'\beta), \qquad A = \tfrac1n \sum w_i d_i d_i'

    The pseudo-outcome is orthogonal to errors of its nuisances, so they add nothing (Semenova and Chernozhukov 2021).
    """
    basis = Basis.learn(matrix, bent=False)
    design = np.column_stack([np.ones(len(matrix)), basis.columns(matrix)])
    bread = np.linalg.pinv(design.T @ (design * weights[:, None]) / len(design), hermitian=True)
    beta = bread @ (design.T @ (weights * target)) / len(design)
    influence = (design * (weights * (target - design @ beta))[:, None]) @ bread
    influence *= np.sqrt(len(design) / max(len(design) - design.shape[1], 1))
    return LinearEffect(basis, beta, clustered_covariance(influence, clusters))


def clustered_covariance(influence: Floats, clusters: Sequence[Integers]) -> Floats:
    """(m, m) covariance of the mean of an (n, m) influence function, robust to none, one or two ways of clustering.

    Two ways: V1 + V2 - V12 (Cameron, Gelbach and Miller 2011), negative eigenvalues set to 0 as they propose.
    """
    if not clusters:
        return _summed(influence, np.arange(len(influence)))
    if len(clusters) == 1:
        return _summed(influence, clusters[0])
    both = np.unique(np.column_stack(clusters), axis=0, return_inverse=True)[1].reshape(-1)
    total = _summed(influence, clusters[0]) + _summed(influence, clusters[1]) - _summed(influence, both)
    values, vectors = np.linalg.eigh(total)
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T)


def _summed(influence: Floats, codes: Integers) -> Floats:
    count = int(codes.max()) + 1
    sums = np.column_stack([np.bincount(codes, weights=column, minlength=count) for column in influence.T])
    return np.asarray(count / max(count - 1, 1) * sums.T @ sums / len(influence) ** 2)
