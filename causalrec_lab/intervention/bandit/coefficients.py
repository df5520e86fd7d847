r"""Gaussian beliefs about coefficients: what linear, logistic and neural-linear bandits share.

For each group of coefficients (one an action, or one for all) :math:`\theta \sim N(m, s^2 \Sigma)`; a context gives
each action the mean :math:`z'm` and the variance :math:`z'\Sigma z`.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.intervention.bandit.features import Design, FeatureFunction, sums_by_group
from causalrec_lab.intervention.bandit.protocol import Bandit
from causalrec_lab.intervention.bandit.winning import chance_of_best_by_row
from causalrec_lab.policy import BanditLog

__all__ = ["CoefficientBandit", "LeastSquares", "normal_chances"]

Floats = npt.NDArray[np.float64]
_CELLS = 4_000_000


class CoefficientBandit(Bandit):
    """A bandit whose actions are valued linearly in features.

    Parameters
    ----------
    n_actions, **floor
        As in `Bandit`.
    features, items
        As in `Design`.
    prior
        Precision of every coefficient before any round, > 0: the ridge.
    draws
        Draws of the coefficients where actions share them, from which `probabilities` are then counted: the policy is
        the one counted, and its propensities are exact for it.

    Raises
    ------
    ValueError
        If the prior is not positive or there are no draws.
    """

    def __init__(
        self,
        n_actions: int,
        *,
        features: FeatureFunction | None = None,
        items: npt.ArrayLike | None = None,
        prior: float = 1.0,
        draws: int = 200,
        **floor: Any,
    ) -> None:
        super().__init__(n_actions, **floor)
        if not prior > 0 or draws < 1:
            raise ValueError(f"prior={prior!r}, draws={draws!r}: a precision is positive, and so is a number of draws")
        self.design, self.prior, self.draws = Design(self.n_actions, features, items), float(prior), int(draws)

    @abstractmethod
    def belief(self, width: int) -> tuple[Floats, Floats]:
        """(groups, d) means and (groups, d, d) covariances of the coefficients."""

    def moments(self, contexts: Any) -> tuple[Floats, Floats]:
        """(n, n_actions) posterior mean and standard deviation of every action's linear value."""
        found = self.design.of(contexts)
        mean, cover = self.belief(found.shape[-1])
        if self.design.shared:
            flat = found.reshape(-1, found.shape[2])
            spread = np.einsum("ij,ij->i", flat @ cover[0], flat).reshape(found.shape[:2])
            return found @ mean[0], np.sqrt(np.maximum(spread, 0.0))
        spread = ((found[None] @ cover) * found[None]).sum(axis=2).T
        return found @ mean.T, np.sqrt(np.maximum(spread, 0.0))

    def _sampled(self, contexts: Any, scale: Floats | float = 1.0) -> Floats:
        """Chances counted over draws of shared coefficients; `scale` multiplies a draw's deviation."""
        found = self.design.of(contexts)
        mean, cover = self.belief(found.shape[-1])
        noise = self._rng().standard_normal((self.draws, found.shape[-1])) @ np.linalg.cholesky(cover[0]).T
        drawn = mean[0] + np.asarray(scale).reshape(-1, 1) * noise
        step = max(1, _CELLS // (self.n_actions * self.draws))
        parts = [found[start : start + step] @ drawn.T for start in range(0, len(found), step)]
        best = np.concatenate([np.argmax(part, axis=1) for part in parts])
        return _counted(best, self.n_actions)


def _counted(best: npt.NDArray[np.int64], n_actions: int) -> Floats:
    """(n, n_actions) share of draws (columns of `best`) in which each action won."""
    n, draws = best.shape
    cells = (np.arange(n)[:, None] * n_actions + best).ravel()
    return np.asarray(np.bincount(cells, minlength=n * n_actions).reshape(n, n_actions) / draws)


def normal_chances(mean: Floats, spread: Floats) -> Floats:
    """(n, actions) chance that each of independent normals is the largest of its row."""
    from scipy import special

    return chance_of_best_by_row(mean, spread, lambda at: np.asarray(special.ndtr(at)))


class LeastSquares(CoefficientBandit):
    r"""Ridge regression by sums, :math:`\Lambda = \lambda I + \sum zz', \; b = \sum zr, \; m = \Lambda^{-1} b`.

    Discounting lets the sums sink and leaves the prior, as Russac, Vernade and Cappé (2019, "Weighted Linear Bandits
    for Non-Stationary Environments") do.
    """

    def __init__(self, n_actions: int, **how: Any) -> None:
        super().__init__(n_actions, **how)
        self.gram: Floats | None = None
        self.moment = np.empty((0, 0))
        self._known: tuple[Floats, Floats] | None = None

    def belief(self, width: int) -> tuple[Floats, Floats]:
        """(groups, d) ridge coefficients and (groups, d, d) inverses of their precision."""
        if self.gram is None:
            self.gram = np.zeros((self.design.groups, width, width))
            self.moment = np.zeros((self.design.groups, width))
        if self._known is None:
            cover = np.asarray(np.linalg.inv(self.gram + self.prior * np.eye(width)), dtype=np.float64)
            self._known = (np.einsum("gij,gj->gi", cover, self.moment), cover)
        return self._known

    def _learn(self, log: BanditLog, weights: Floats, kept: float) -> None:
        rows, group = self.design.chosen(log.contexts, log.action)
        self.belief(rows.shape[1])
        assert self.gram is not None  # belief has just made it
        weighted = rows * weights[:, None]
        self.gram = kept * self.gram + sums_by_group(rows[:, :, None] * weighted[:, None, :], group, self.design.groups)
        self.moment = kept * self.moment + sums_by_group(weighted * log.reward[:, None], group, self.design.groups)
        self._known = None
