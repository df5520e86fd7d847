"""LinUCB and linear Thompson sampling: the reward is linear in the features."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.intervention.bandit.coefficients import LeastSquares, normal_chances
from causalrec_lab.intervention.bandit.protocol import shared_by_best

__all__ = ["LinTS", "LinUCB"]

Floats = npt.NDArray[np.float64]


class LinUCB(LeastSquares):
    r"""The action of the highest upper bound :math:`z'm_a + \alpha \sqrt{z' \Lambda_a^{-1} z}`.

    Li, Chu, Langford and Schapire (2010), "A contextual-bandit approach to personalized news article recommendation",
    algorithm 1. It is deterministic: without `explore` its logs hold no chance of any other action.

    Parameters
    ----------
    n_actions, **how
        As in `CoefficientBandit`.
    alpha
        >= 0, how far optimism goes.

    Raises
    ------
    ValueError
        If alpha is negative.
    """

    def __init__(self, n_actions: int, *, alpha: float = 1.0, **how: Any) -> None:
        super().__init__(n_actions, **how)
        if not alpha >= 0:
            raise ValueError(f"LinUCB(alpha={alpha!r}): give a number >= 0; 0 is greedy")
        self.alpha = float(alpha)

    def _chances(self, contexts: Any) -> Floats:
        mean, spread = self.moments(contexts)
        return shared_by_best(mean + self.alpha * spread)


class LinTS(LeastSquares):
    r"""Each action with the probability that it is the best under :math:`\theta_a \sim N(m_a, v^2 \Lambda_a^{-1})`.

    Agrawal and Goyal (2013), "Thompson Sampling for Contextual Bandits with Linear Payoffs". Disjoint, the values of a
    context's actions are independent and the probability is an integral; shared, it is counted over draws.

    Parameters
    ----------
    n_actions, **how
        As in `CoefficientBandit`.
    scale
        v > 0: the standard deviation of a reward around its mean makes it the posterior.

    Raises
    ------
    ValueError
        If the scale is not positive.
    """

    def __init__(self, n_actions: int, *, scale: float = 0.5, **how: Any) -> None:
        super().__init__(n_actions, **how)
        if not scale > 0:
            raise ValueError(f"LinTS(scale={scale!r}): give a positive number; LinUCB(alpha=0) is the greedy limit")
        self.scale = float(scale)

    def _chances(self, contexts: Any) -> Floats:
        mean, spread = self.moments(contexts)
        return self._sampled(contexts, self.scale) if self.design.shared else normal_chances(mean, self.scale * spread)
