"""A neural-linear bandit: a representation learned elsewhere, and a Bayesian linear head that learns here."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.intervention.bandit.coefficients import LeastSquares
from causalrec_lab.intervention.bandit.features import FeatureFunction, sums_by_group
from causalrec_lab.intervention.bandit.winning import chance_of_best_by_row
from causalrec_lab.policy import BanditLog

__all__ = ["NeuralLinear"]

Floats = npt.NDArray[np.float64]


class NeuralLinear(LeastSquares):
    r"""Thompson sampling by Bayesian linear regression, noise unknown too, on an embedding.

    With :math:`\sigma^2 \sim IG(a_0, b_0)` and :math:`\theta \mid \sigma^2 \sim N(0, \sigma^2 / \lambda)`,

    .. math:: a = a_0 + n/2, \quad b = b_0 + \tfrac12 \left(\sum r^2 - m' \Lambda m\right), \quad
        z'\theta \sim t_{2a}\left(z'm,\; \tfrac{b}{a}\, z'\Lambda^{-1}z\right)

    Riquelme, Tucker and Snoek (2018), "Deep Bayesian Bandits Showdown", section 3. The embedding is fixed while the
    bandit runs: the last layer of a network, as the recommender's state of a user.

    Parameters
    ----------
    n_actions, **how
        As in `CoefficientBandit`, without features; items= may hold the embeddings of the items.
    embedding
        Contexts -> (n, p): what a network makes of them.
    noise
        (a_0, b_0), both positive; b_0 / a_0 is a first guess of the variance of a reward.

    Raises
    ------
    ValueError
        If a prior is not positive.
    """

    def __init__(
        self, n_actions: int, embedding: FeatureFunction, *, noise: tuple[float, float] = (1.0, 0.25), **how: Any
    ) -> None:
        super().__init__(n_actions, features=embedding, **how)
        if not min(noise) > 0:
            raise ValueError(f"NeuralLinear(noise={noise}): both numbers of an inverse gamma prior are positive")
        self.noise = (float(noise[0]), float(noise[1]))
        self.squares, self.counts = np.zeros(0), np.zeros(0)

    def variances(self) -> tuple[Floats, Floats]:
        """(groups,) shapes a and rates b of the inverse gamma posteriors of the variance of a reward."""
        if self.gram is None or not len(self.squares):
            return np.full(self.design.groups, self.noise[0]), np.full(self.design.groups, self.noise[1])
        mean = self.belief(self.gram.shape[2])[0]
        left = self.squares - np.einsum("gi,gi->g", mean, self.moment)  # m' Lambda m = m' b
        return self.noise[0] + self.counts / 2, self.noise[1] + np.maximum(left, 0.0) / 2

    def _learn(self, log: BanditLog, weights: Floats, kept: float) -> None:
        super()._learn(log, weights, kept)
        groups = self.design.groups
        group = np.zeros(len(log), dtype=np.int64) if self.design.shared else log.action
        known = (self.squares, self.counts) if len(self.squares) else (np.zeros(groups), np.zeros(groups))
        self.squares = kept * known[0] + sums_by_group(weights * log.reward**2, group, groups)
        self.counts = kept * known[1] + sums_by_group(weights, group, groups)

    def _chances(self, contexts: Any) -> Floats:
        mean, spread = self.moments(contexts)
        shape, rate = self.variances()
        if self.design.shared:
            variance = rate[0] / self._rng().standard_gamma(shape[0], size=self.draws)
            return self._sampled(contexts, np.sqrt(variance))
        return _student_chances(mean, spread * np.sqrt(rate / shape), 2 * shape)


def _student_chances(mean: Floats, spread: Floats, freedom: Floats) -> Floats:
    """(n, actions) chance that each of independent Student variables is the largest of its row."""
    from scipy import special

    of = freedom[None, :, None]
    return chance_of_best_by_row(mean, spread, lambda at: np.asarray(special.stdtr(of, at)))
