"""Bandits without contexts: they count what each action earned."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.intervention.bandit.protocol import Bandit, refuse_outside, share, shared_by_best
from causalrec_lab.intervention.bandit.winning import chance_of_best, levels
from causalrec_lab.policy import BanditLog

__all__ = ["UCB1", "EpsilonGreedy", "Thompson"]

Floats = npt.NDArray[np.float64]
_LAWS = ("binary", "normal")


class _Counts(Bandit):
    """Discounted pulls, sums and squares of every action."""

    def __init__(self, n_actions: int, **floor: Any) -> None:
        super().__init__(n_actions, **floor)
        self.pulls, self.sums, self.squares = (np.zeros(self.n_actions) for _ in range(3))

    @property
    def means(self) -> Floats:
        """(n_actions,) mean reward of each action; infinite where it was never tried, so that it will be."""
        tried = self.pulls > 0
        return np.asarray(np.divide(self.sums, self.pulls, out=np.full(self.n_actions, np.inf), where=tried))

    def _learn(self, log: BanditLog, weights: Floats, kept: float) -> None:
        for known, worth in ((self.pulls, 1.0), (self.sums, log.reward), (self.squares, log.reward**2)):
            known *= kept
            known += np.bincount(log.action, weights=weights * worth, minlength=self.n_actions)

    def _chances(self, contexts: Any) -> Floats:
        return np.tile(self._distribution(), (len(contexts), 1))

    @abstractmethod
    def _distribution(self) -> Floats:
        """(n_actions,) chances now, before the floor."""


class EpsilonGreedy(_Counts):
    r"""With probability :math:`\varepsilon` any action, else the one of the highest mean so far; ties share it.

    Sutton and Barto (2018), Reinforcement Learning, section 2.2.

    Parameters
    ----------
    n_actions, **floor
        As in `Bandit`.
    epsilon
        In [0, 1]; 1 is the uniform policy.

    Raises
    ------
    ValueError
        If epsilon lies outside [0, 1].
    """

    def __init__(self, n_actions: int, epsilon: float = 0.1, **floor: Any) -> None:
        super().__init__(n_actions, **floor)
        self.epsilon = share("epsilon", epsilon)

    def _distribution(self) -> Floats:
        greedy = shared_by_best(self.means[None, :])[0]
        return np.asarray((1 - self.epsilon) * greedy + self.epsilon / self.n_actions)


class UCB1(_Counts):
    r"""The action of the highest upper bound :math:`\bar r_a + \sqrt{c \ln t / n_a}`; each is tried once first.

    Auer, Cesa-Bianchi and Fischer (2002), "Finite-time Analysis of the Multiarmed Bandit Problem", with c = 2: after T
    rounds, updated every round, the expected regret is at most
    :math:`8 \sum_a \ln T / \Delta_a + (1 + \pi^2/3) \sum_a \Delta_a`. Within a batch the bound stands still, so one
    action gets the whole batch.

    Parameters
    ----------
    n_actions, **floor
        As in `Bandit`.
    scale
        c >= 0; 2 is what the theorem needs, less is often better.

    Raises
    ------
    ValueError
        If the scale is negative or a reward lies outside [0, 1].
    """

    def __init__(self, n_actions: int, scale: float = 2.0, **floor: Any) -> None:
        super().__init__(n_actions, **floor)
        if not scale >= 0:
            raise ValueError(f"UCB1(scale={scale!r}): give a number >= 0; 2 is that of the theorem")
        self.scale = float(scale)

    def _check(self, log: BanditLog) -> None:
        refuse_outside(log, "UCB1")

    def _distribution(self) -> Floats:
        tried = self.pulls > 0
        log = max(math.log(max(self.pulls.sum(), 1.0)), 0.0)
        width = np.sqrt(np.divide(self.scale * log, self.pulls, out=np.zeros(self.n_actions), where=tried))
        return np.asarray(shared_by_best((self.means + width)[None, :])[0])


class Thompson(_Counts):
    r"""Each action with the posterior probability that it is the best (Thompson 1933, Biometrika 25).

    "binary": :math:`\theta_a \sim Beta(\alpha + s_a, \beta + n_a - s_a)`. "normal":
    :math:`\theta_a \sim N((\kappa m + s_a) / (\kappa + n_a), \sigma^2 / (\kappa + n_a))`. The probabilities are
    integrals over the posteriors, not counts of draws, and exact to about a thousandth.

    Parameters
    ----------
    n_actions, **floor
        As in `Bandit`.
    reward
        "binary" (rewards in [0, 1]; a fraction counts as that much of a success) or "normal".
    prior
        (alpha, beta), by default (1, 1); or (m, kappa), by default (0, 1).
    noise
        sigma of "normal"; None: the spread within actions, pooled, 1 until it is known.

    Raises
    ------
    ValueError
        If the law is unknown, a prior is not positive and finite, or a binary reward lies outside [0, 1].
    """

    def __init__(
        self,
        n_actions: int,
        reward: str = "binary",
        prior: tuple[float, float] | None = None,
        noise: float | None = None,
        **floor: Any,
    ) -> None:
        super().__init__(n_actions, **floor)
        if reward not in _LAWS:
            raise ValueError(f"Thompson(reward={reward!r}): known are 'binary' and 'normal'")
        first, second = prior if prior is not None else (1.0, 1.0) if reward == "binary" else (0.0, 1.0)
        proper = math.isfinite(first) and 0 < second < math.inf and (reward == "normal" or first > 0)
        if not proper or (noise is not None and not noise > 0):
            raise ValueError(f"Thompson(prior={prior}, noise={noise}): counts of rounds and noise are positive")
        self.reward, self.prior, self.noise = reward, (float(first), float(second)), noise

    def _check(self, log: BanditLog) -> None:
        if self.reward == "binary":
            refuse_outside(log, "Thompson(reward='binary')")

    def posterior(self) -> tuple[Floats, Floats]:
        """Of each action (alpha, beta), or (mean, standard deviation)."""
        if self.reward == "binary":
            return self.prior[0] + self.sums, self.prior[1] + self.pulls - self.sums
        strength = self.prior[1] + self.pulls
        return (self.prior[0] * self.prior[1] + self.sums) / strength, self._spread() / np.sqrt(strength)

    def _spread(self) -> float:
        if self.noise is not None:
            return self.noise
        tried = self.pulls > 0
        freedom = float(self.pulls.sum() - tried.sum())
        within = float(
            (self.squares - np.divide(self.sums**2, self.pulls, out=np.zeros(len(tried)), where=tried)).sum()
        )
        return math.sqrt(within / freedom) if freedom >= 1 and within > 0 else 1.0

    def _distribution(self) -> Floats:
        from scipy import special

        first, second = (part[:, None] for part in self.posterior())
        at = levels(self.n_actions)
        if self.reward == "binary":
            return chance_of_best(
                np.asarray(special.betaincinv(first, second, at)),
                lambda x: np.asarray(special.betainc(first, second, x)),
            )
        return chance_of_best(
            first + second * special.ndtri(at), lambda x: np.asarray(special.ndtr((x - first) / second))
        )
