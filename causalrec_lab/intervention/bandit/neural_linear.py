"""A neural-linear bandit: a representation learned elsewhere, and a Bayesian linear head that learns here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from causalrec_lab.intervention.bandit.coefficients import LeastSquares
from causalrec_lab.intervention.bandit.features import FeatureFunction, sums_by_group
from causalrec_lab.intervention.bandit.winning import chance_of_best_by_row
from causalrec_lab.policy import BanditLog

__all__ = ["NeuralLinear", "PairEmbedding"]

Floats = npt.NDArray[np.float64]


class Embedder(Protocol):
    """A recommender that embeds users and items in one space: a `TransformerRecommender`."""

    def embed_users(self, user_ids: Any) -> npt.NDArray[Any]:
        """(n, dim) vectors of users."""
        ...

    def embed_items(self, item_ids: Any = None) -> npt.NDArray[Any]:
        """(items, dim) vectors of items."""
        ...


@dataclass(frozen=True)
class PairEmbedding:
    r"""Features of a user and an item, :math:`(1, v, u \circ v)`, from a recommender that scores them by :math:`u'v`.

    Coefficients of 0 on v and all alike on the products give the recommender's own order back; the bandit learns how
    far that can be trusted, and what items have in common for everybody.

    Parameters
    ----------
    recommender
        What embeds; it stays as it is.
    items
        (actions, dim) vectors of the items, in action order.
    scale
        Root mean square of the items' vectors, by which products are divided.
    """

    recommender: Embedder
    items: Floats
    scale: float

    def __call__(self, contexts: Any) -> Floats:
        """(n, actions, 1 + 2 dim) features of contexts that have the column user_id."""
        users = np.asarray(self.recommender.embed_users(contexts["user_id"]), dtype=np.float64)
        items = np.broadcast_to(self.items / self.scale, (len(users), *self.items.shape))
        ones = np.ones((*items.shape[:2], 1))
        return np.concatenate([ones, items, users[:, None, :] * items], axis=2)

    def __deepcopy__(self, memo: Any) -> Self:
        """Itself: copies of a bandit share what they do not change."""
        return self


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

    @classmethod
    def of(cls, recommender: Embedder, item_ids: Any, **how: Any) -> Self:
        """A bandit on the products of a recommender's user and item vectors: see `PairEmbedding`.

        Parameters
        ----------
        recommender
            A fitted `TransformerRecommender`, or anything that embeds users and items in one space.
        item_ids
            The actions, in order.
        **how
            As above; contexts need the column user_id.
        """
        items = np.asarray(recommender.embed_items(item_ids), dtype=np.float64)
        scale = float(np.sqrt(np.mean(items**2))) or 1.0
        return cls(len(items), PairEmbedding(recommender, items, scale), **how)

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
            variance = rate[0] / self._rng(1).standard_gamma(shape[0], size=self.draws)
            return self._sampled(contexts, np.sqrt(variance))
        return _student_chances(mean, spread * np.sqrt(rate / shape), 2 * shape)


def _student_chances(mean: Floats, spread: Floats, freedom: Floats) -> Floats:
    """(n, actions) chance that each of independent Student variables is the largest of its row."""
    from scipy import special

    of = freedom[None, :, None]
    return chance_of_best_by_row(mean, spread, lambda at: np.asarray(special.stdtr(of, at)))
