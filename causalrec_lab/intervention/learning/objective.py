"""What a softmax policy climbs, with its gradient: value less its error, distance and size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Objective", "chances_of"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Objective:
    r"""The objective of `softmax_policy` as a function of :math:`\Theta`.

    Parameters
    ----------
    Z
        (n, d + 1) contexts after a column of ones.
    F
        (actions, p) action features.
    before
        (n, actions) base probabilities.
    scores
        (n, actions) scores less costs.
    caution, kl, penalty
        Weights of the standard error, of the divergence and of half the squared coefficients.
    cluster
        (n,) codes from 0 of rounds that err together, or None: every round by itself.
    """

    Z: Floats
    F: Floats
    before: Floats
    scores: Floats
    caution: float
    kl: float
    penalty: float
    cluster: npt.NDArray[np.int64] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Of the coefficients."""
        return self.Z.shape[1], self.F.shape[1]

    def loss(self, flat: npt.NDArray[Any]) -> tuple[float, Floats]:
        r"""Minus the objective and its gradient, flat.

        With :math:`D_{ia} = \pi_{ia} \{c_i (\Gamma_{ia} - g_i) - \kappa (l_{ia} - K_i) / n\}`, l the log ratio to the
        base, :math:`K_i` the divergence and :math:`c_i = 1/n - c\,\partial \widehat{se} / \partial g_i`, the gradient
        of the first three terms is :math:`Z' D F`.
        """
        theta, n = flat.reshape(self.shape), len(self.Z)
        chances = chances_of(self.Z @ theta @ self.F.T, self.before)
        each = np.einsum("ij,ij->i", chances, self.scores)
        error, steeper = self._error(each)
        pull = 1.0 / n - self.caution * steeper
        slope = chances * (pull[:, None] * (self.scores - each[:, None]))
        value = float(each.mean()) - self.caution * error
        if self.kl:
            ratio = self._log_ratio(chances)
            apart = np.einsum("ij,ij->i", chances, ratio)
            slope -= self.kl / n * chances * (ratio - apart[:, None])
            value -= self.kl * float(apart.mean())
        sized = theta * (np.arange(len(theta)) > 0)[:, None]
        value -= 0.5 * self.penalty * float(np.sum(sized**2))
        gradient = self.Z.T @ slope @ self.F - self.penalty * sized
        return -value, np.asarray(-gradient.ravel())

    def reading(self, theta: Floats) -> dict[str, float]:
        """Divergence from the base policy (nats), and the largest weight the policy puts against it."""
        chances = chances_of(self.Z @ theta @ self.F.T, self.before)
        ratio = self._log_ratio(chances)
        apart = np.einsum("ij,ij->i", chances, ratio).mean()
        return {"divergence": float(apart), "largest_ratio": float(np.exp(ratio.max()))}

    def _error(self, each: Floats) -> tuple[float, Floats]:
        r"""Standard error of the mean and its slope in each value.

        :math:`\widehat{se}^2 = \frac{G}{G - 1} \sum_g S_g^2 / n^2` of the sums of deviations of G clusters.
        """
        n, off = len(each), each - each.mean()
        codes = np.arange(n) if self.cluster is None else self.cluster
        sums, sizes = np.bincount(codes, weights=off), np.bincount(codes)
        count = len(sums)
        squares = float(sums @ sums)
        if count < 2 or squares <= 0:
            return 0.0, np.zeros(n)
        error = float(np.sqrt(count / (count - 1) * squares)) / n
        return error, count / (count - 1) * (sums[codes] - sums @ sizes / n) / (n**2 * error)

    def _log_ratio(self, chances: Floats) -> Floats:
        tiny = np.finfo(np.float64).tiny
        return np.where(chances > 0, np.log(np.maximum(chances, tiny)) - np.log(np.maximum(self.before, tiny)), 0.0)


def chances_of(logits: Floats, before: Floats) -> Floats:
    """(n, actions) base probabilities tilted by logits, rows summing to 1; what had no chance has none."""
    top = np.where(before > 0, logits, -np.inf).max(axis=1, keepdims=True)
    tilted = before * np.exp(np.minimum(logits - top, 0.0))
    return np.asarray(tilted / tilted.sum(axis=1, keepdims=True))
