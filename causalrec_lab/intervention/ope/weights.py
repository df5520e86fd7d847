r"""Importance weights, and what is done to the large ones: :math:`w = \pi(a|x) / \pi_0(a|x)` and its shrinkages.

A large weight is one round that speaks for many. Shrinking it buys variance with bias; how much is settled by one
number, which `tuning` chooses from the log.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["SHRINKAGES", "Shrinkage", "clipped", "optimistic", "switched"]

Floats = npt.NDArray[np.float64]
_LEVELS = (0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)


@dataclass(frozen=True)
class Shrinkage:
    """One way to shrink weights.

    Parameters
    ----------
    parameter
        What its number is called in the literature.
    shrink
        (n,) weights and the number -> (n,) shrunken weights.
    power
        The number is of the size of the weights to this power.
    source
        Who proposed it.
    """

    parameter: str
    shrink: Callable[[Floats, float], Floats]
    power: int
    source: str

    def candidates(self, weights: Floats) -> Floats:
        """Numbers to choose from: quantiles of the positive weights, from their median up, and infinity.

        The last one shrinks nothing, so that what is chosen can be the unbiased estimate. Quantiles are weights that
        were seen, so that rounds written twice change nothing.
        """
        positive = weights[weights > 0]
        if not len(positive):
            return np.array([np.inf])
        levels = _LEVELS if self.power == 1 else (*_LEVELS, 1.0)  # at its largest weight clipping does nothing already
        return np.append(np.unique(np.quantile(positive, levels, method="inverted_cdf")) ** self.power, np.inf)


def clipped(weights: Floats, limit: float) -> Floats:
    r""":math:`\min(w, \lambda)` (Ionides 2008, truncated importance sampling); :math:`\lambda=\infty` gives w back."""
    return np.minimum(weights, limit)


def switched(weights: Floats, limit: float) -> Floats:
    r""":math:`w\,1\{w \le \tau\}` (Wang, Agarwal and Dudik 2017); above :math:`\tau` the reward model is left alone.

    :math:`\tau=0` leaves the direct method, :math:`\tau=\infty` the doubly robust one.
    """
    return np.where(weights <= limit, weights, 0.0)


def optimistic(weights: Floats, limit: float) -> Floats:
    r""":math:`\lambda w / (w^2 + \lambda)` (Su, Dimakopoulou, Krishnamurthy and Dudik 2020, optimistic shrinkage).

    :math:`\lambda=0` leaves the direct method, :math:`\lambda=\infty` the doubly robust one.
    """
    if limit == 0:
        return np.zeros_like(weights)
    return weights / (1.0 + weights**2 / limit)


SHRINKAGES = {
    "clipped": Shrinkage("lambda", clipped, 1, "Ionides 2008"),
    "switch": Shrinkage("tau", switched, 1, "Wang, Agarwal and Dudik 2017"),
    "dros": Shrinkage("lambda", optimistic, 2, "Su, Dimakopoulou, Krishnamurthy and Dudik 2020"),
}
