"""The moments a structural equation model implies, their derivatives, and the maximum-likelihood discrepancy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causalrec_lab.causal.sem.sample import Block, Sample
from causalrec_lab.causal.sem.specification import Specification

__all__ = ["Moments"]

Array = NDArray[np.float64]
Places = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]


@dataclass(frozen=True)
class Moments:
    r"""Implied moments in reticular action form (McArdle & McDonald 1984).

    With arrows A (effect in row, cause in column), residual covariances S, intercepts :math:`\alpha` and the filter F
    to observed variables, :math:`\Sigma = F (I - A)^{-1} S (I - A)^{-\top} F^\top` and
    :math:`\mu = F (I - A)^{-1} \alpha`. Without intercepts in the model, means are the sample's.

    Parameters
    ----------
    specification
        The model.
    sample
        Moments of the observed variables, in the specification's order.
    """

    specification: Specification
    sample: Sample

    @cached_property
    def _where(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.specification.variables)}

    @cached_property
    def _constants(self) -> tuple[Array, Array, Array]:
        """A, S and intercepts with the fixed values in place."""
        size = len(self._where)
        A, S, alpha = np.zeros((size, size)), np.zeros((size, size)), np.zeros(size)
        for p in self.specification.parameters:
            i, j = self._where[p.lhs], self._where.get(p.rhs, 0)
            if p.index >= 0:
                continue
            if p.op == "~1":
                alpha[i] = self.sample.mean[i] if p.exogenous else p.fixed
            elif p.op == "~~":
                S[i, j] = S[j, i] = self.sample.covariance[i, j] if p.exogenous else p.fixed
            else:
                A[(i, j) if p.op == "~" else (j, i)] = p.fixed
        return A, S, alpha

    @cached_property
    def _places(self) -> tuple[Places, Places, Places]:
        """Free parameters as (number, row, column) of arrows, residual covariances and intercepts."""
        found: tuple[list[tuple[int, int, int]], ...] = ([], [], [])
        for p in self.specification.parameters:
            if p.index < 0:
                continue
            i, j = self._where[p.lhs], self._where.get(p.rhs, 0)
            kind = 2 if p.op == "~1" else 1 if p.op == "~~" else 0
            found[kind].append((p.index, j, i) if p.op == "=~" else (p.index, i, j))
        shaped = [np.array(rows, dtype=np.intp).reshape(-1, 3).T for rows in found]
        return tuple((rows[0], rows[1], rows[2]) for rows in shaped)  # type: ignore[return-value]

    def matrices(self, theta: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """A, S and intercepts at the free parameters `theta` (complex ones pass through)."""
        A, S, alpha = (constant.astype(theta.dtype) for constant in self._constants)
        (k, i, j), (m, a, b), (t, c, _) = self._places
        A[i, j], S[a, b], S[b, a], alpha[c] = theta[k], theta[m], theta[m], theta[t]
        return A, S, alpha

    def effects(self, theta: NDArray[Any]) -> NDArray[Any]:
        """Total effects of each variable on each, :math:`(I - A)^{-1}`."""
        A = self.matrices(theta)[0]
        return np.asarray(np.linalg.inv(np.eye(len(A)) - A))

    def all_covariances(self, theta: NDArray[Any]) -> NDArray[Any]:
        """Implied covariance of observed and latent variables."""
        A, S, _ = self.matrices(theta)
        E = np.linalg.inv(np.eye(len(A)) - A)
        return np.asarray(E @ S @ E.T)

    def implied(self, theta: NDArray[Any]) -> NDArray[Any]:
        """Implied covariance of the observed variables."""
        p = len(self.specification.observed)
        return self.all_covariances(theta)[:p, :p]

    def implied_mean(self, theta: NDArray[Any]) -> NDArray[Any]:
        """Implied mean of the observed variables; the sample's where the model has no intercepts."""
        if not self.specification.has_means:
            return self.sample.mean
        A, _, alpha = self.matrices(theta)
        return np.asarray(np.linalg.solve(np.eye(len(A)) - A, alpha)[: len(self.specification.observed)])

    def jacobians(self, theta: Array) -> tuple[Array, Array]:
        r"""Derivatives of the covariance, shape (parameters, p, p), and of the mean, shape (parameters, p)."""
        p = len(self.specification.observed)
        A, S, alpha = self.matrices(theta)
        E = np.linalg.inv(np.eye(len(A)) - A)
        P, C, eta = E[:p], (E @ S @ E.T)[:, :p], E @ alpha
        slopes, mean = np.zeros((len(theta), p, p)), np.zeros((len(theta), p))
        (k, i, j), (m, a, b), (t, c, _) = self._places
        arrows = P.T[i][:, :, None] * C[j][:, None, :]
        np.add.at(slopes, k, arrows + arrows.transpose(0, 2, 1))
        residual = P.T[a][:, :, None] * P.T[b][:, None, :]
        twice = np.where(a == b, 0.5, 1.0)[:, None, None]
        np.add.at(slopes, m, (residual + residual.transpose(0, 2, 1)) * twice)
        if self.specification.has_means:
            np.add.at(mean, k, P.T[i] * eta[j][:, None])
            np.add.at(mean, t, P.T[c])
        return slopes, mean

    def units(self, theta: Array) -> Array:
        """Natural unit of each free parameter: standard deviations of its ends at `theta`, as ratio or product."""
        spread = np.sqrt(np.abs(np.diag(self.all_covariances(theta))))
        spread = np.where(spread > 0, spread, 1.0)
        out = np.ones(len(theta))
        for row in self.specification.free:
            left, right = spread[self._where[row.lhs]], spread[self._where.get(row.rhs, 0)]
            out[row.index] = {"~": left / right, "=~": right / left, "~~": left * right, "~1": left}[row.op]
        return out

    def discrepancy(self, theta: Array) -> float:
        r"""Give the discrepancy F of the model from the sample; infinite where there is no density.

        .. math:: F = \ln|\Sigma| + \mathrm{tr}\,\Sigma^{-1} (S + d d^\top) - \ln|S| - p, \quad d = \bar x - \mu

        averaged over the patterns of missing values, where there are any, with that of the unrestricted model
        subtracted.
        """
        sigma, mu = self.implied(theta), self.implied_mean(theta)
        whole = -self.sample.constant
        for block in self.sample.blocks:
            try:
                root, log_det = self._root(sigma, block)
            except np.linalg.LinAlgError:
                return float("inf")
            gap = root @ (block.mean - mu[block.seen])
            whole += block.share * (float(((root @ block.covariance) * root).sum() + gap @ gap) + log_det)
        return float(whole)

    def _root(self, sigma: Array, block: Block) -> tuple[Array, float]:
        """W with :math:`W^T W = Sigma^{-1}` of a block, and log |Sigma|; scaled first, for the rounding's sake."""
        spread = np.sqrt(np.diag(self.sample.covariance))[block.seen]
        inner = np.linalg.cholesky(sigma[np.ix_(block.seen, block.seen)] / np.outer(spread, spread))
        return np.linalg.inv(inner) / spread, 2 * float(np.log(np.diag(inner) * spread).sum())

    def gradient_and_information(self, theta: Array) -> tuple[Array, Array]:
        r"""Analytic gradient of F, and the expected H of its second derivatives.

        :math:`H_{kl} = \mathrm{tr}(\Sigma^{-1} \dot\Sigma_k \Sigma^{-1} \dot\Sigma_l) + 2 \dot\mu_k^\top \Sigma^{-1}
        \dot\mu_l`; the expected information of n observations is :math:`\tfrac n2 H` (Bollen 1989, chapter 4).
        """
        sigma, mu = self.implied(theta), self.implied_mean(theta)
        slopes, means = self.jacobians(theta)
        gradient, information = np.zeros(len(theta)), np.zeros((len(theta), len(theta)))
        for block in self.sample.blocks:
            root, _ = self._root(sigma, block)
            flat, drift = self._whitened(root, slopes, means, block)
            gap = root @ (block.mean - mu[block.seen])
            left = np.eye(len(root)) - root @ block.covariance @ root.T - np.outer(gap, gap)
            gradient += block.share * (flat @ left.ravel() - 2 * drift @ gap)
            information += block.share * (flat @ flat.T + 2 * drift @ drift.T)
        return gradient, information

    @staticmethod
    def _whitened(root: Array, slopes: Array, means: Array, block: Block) -> tuple[Array, Array]:
        inner = slopes[:, block.seen[:, None], block.seen[None, :]]
        return (root @ inner @ root.T).reshape(len(slopes), -1), means[:, block.seen] @ root.T

    def scores(self, theta: Array) -> Array:
        r"""Derivatives of each row's log-likelihood, shape (n, parameters); their sum is 0 at the maximum.

        :math:`s_{ik} = \tfrac12 (u_i^\top W \dot\Sigma_k W^\top u_i - \mathrm{tr} W \dot\Sigma_k W^\top) + u_i^\top
        W \dot\mu_k` with :math:`u_i = W (x_i - \mu)` and :math:`W^\top W = \Sigma^{-1}`.

        Raises
        ------
        ValueError
            If the sample has no rows.
        """
        if self.sample.rows is None:
            raise ValueError("scores need rows; a covariance matrix has none")
        sigma, mu = self.implied(theta), self.implied_mean(theta)
        slopes, means = self.jacobians(theta)
        out = np.empty((len(self.sample.rows), len(theta)))
        for block in self.sample.blocks:
            root, _ = self._root(sigma, block)
            flat, drift = self._whitened(root, slopes, means, block)
            u = (self.sample.rows[np.ix_(block.rows, block.seen)] - mu[block.seen]) @ root.T
            trace = flat[:, :: len(root) + 1].sum(axis=1)
            squares = (u[:, :, None] * u[:, None, :]).reshape(len(u), -1)
            out[block.rows] = 0.5 * (squares @ flat.T - trace) + u @ drift.T
        return out
