"""What every bandit keeps: the chance of each action now, and learning from a batch of rounds."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from causalrec_lab.policy import BanditLog

__all__ = ["Bandit", "share"]

Floats = npt.NDArray[np.float64]
_ROUNDING = 1e-9
_STREAM = 7_919  # keeps a bandit's draws apart from those of a world with the same seed


class Bandit(ABC):
    r"""A policy that learns: `probabilities` between updates is that of a fixed policy, so its logs carry propensities.

    Whatever the algorithm wants, every action keeps at least the floor's share,

    .. math:: \pi_t(a \mid x) = (1 - f_t)\,p_t(a \mid x) + f_t / A, \qquad f_t = f\,t^{-d}

    Parameters
    ----------
    n_actions
        A.
    explore
        f in [0, 1], the share of rounds given to any action: without one, what lost once is hardly shown again, and no
        log can value it.
    decay
        d >= 0: how fast the floor sinks with the rounds t; 0 keeps it.
    discount
        In (0, 1]: what a round counts for after each further round; 1 forgets nothing. 0.999 looks back about a
        thousand rounds, which suits a world that drifts (Garivier and Moulines 2011, "On upper-confidence bound
        policies for switching bandit problems").
    seed
        Of whatever is drawn to find the probabilities.

    Raises
    ------
    ValueError
        If there are fewer than two actions, or a share lies outside its range.
    """

    def __init__(
        self, n_actions: int, *, explore: float = 0.0, decay: float = 0.0, discount: float = 1.0, seed: int = 0
    ) -> None:
        if not _several(n_actions):
            raise ValueError(f"n_actions={n_actions!r}: a bandit chooses among at least two")
        if not 0 < discount <= 1:
            raise ValueError(f"discount={discount!r}: give a number in (0, 1]; 1 forgets nothing")
        if not decay >= 0:
            raise ValueError(f"decay={decay!r}: the floor sinks as t to the power -decay, decay >= 0; 0 keeps it")
        self.n_actions, self.explore, self.decay = int(n_actions), share("explore", explore), float(decay)
        self.discount, self.seed, self.rounds, self.updates = float(discount), int(seed), 0, 0

    def probabilities(self, contexts: Any) -> Floats:
        """(n, n_actions) chance of each action; the same for the same contexts until the next update.

        Raises
        ------
        ValueError
            If the contexts are not of the kind and width it has learned from.
        """
        floor = self.explore * float(self.rounds + 1) ** -self.decay
        return np.asarray((1 - floor) * self._chances(contexts) + floor / self.n_actions)

    def update(self, log: BanditLog) -> None:
        """Learn from a batch of rounds, in time order.

        Raises
        ------
        ValueError
            If the batch is empty, has another number of actions, or a reward the algorithm has no law for.
        """
        if len(log) == 0:
            raise ValueError("update: the batch has no rounds; give at least one")
        if log.n_actions != self.n_actions:
            raise ValueError(f"update: the log has {log.n_actions} actions, the bandit {self.n_actions}")
        self._check(log)
        self._learn(log, self.discount ** np.arange(len(log) - 1, -1, -1.0), self.discount ** len(log))
        self.rounds, self.updates = self.rounds + len(log), self.updates + 1

    def fresh(self, seed: int | None = None) -> Self:
        """Copy, with a seed of its own."""
        other = copy.deepcopy(self)
        other.seed = self.seed if seed is None else int(seed)
        return other

    def _check(self, log: BanditLog) -> None:  # noqa: B027 (most take any finite number)
        """Refuse rewards the algorithm has no law for."""

    def _rng(self, use: int = 0) -> np.random.Generator:
        """Draws for one use that depend on the seed and on how often it has learned: asking twice gives the same."""
        return np.random.default_rng([_STREAM + use, self.seed, self.updates])

    @abstractmethod
    def _chances(self, contexts: Any) -> Floats:
        """(n, n_actions) probabilities before the floor."""

    @abstractmethod
    def _learn(self, log: BanditLog, weights: Floats, kept: float) -> None:
        """Add a batch whose rounds count `weights`, after what was known is worth `kept` of what it was."""


def _several(value: Any) -> bool:
    return isinstance(value, int | float | np.integer) and bool(2 <= value < math.inf and value == int(value))


def share(name: str, value: float) -> float:
    """A number in [0, 1].

    Raises
    ------
    ValueError
        If it is none.
    """
    if isinstance(value, bool) or not 0 <= value <= 1:
        raise ValueError(f"{name}={value!r}: a share of rounds lies in [0, 1]")
    return float(value)


def refuse_outside(log: BanditLog, who: str) -> None:
    """Refuse rewards outside [0, 1].

    Raises
    ------
    ValueError
        If there is one.
    """
    if (bad := (log.reward < 0) | (log.reward > 1)).any():
        row = int(bad.argmax())
        raise ValueError(
            f"{who}: {int(bad.sum())} rewards lie outside [0, 1], first at round {row}: {log.reward[row]:g}; scale "
            "them, or take Thompson(reward='normal') or a linear bandit"
        )


def shared_by_best(index: Floats) -> Floats:
    """All chance on the highest index of each row; what ties up to rounding shares it."""
    top = index.max(axis=1, keepdims=True)
    best = index >= top - _ROUNDING * np.maximum(np.abs(np.where(np.isfinite(top), top, 0.0)), 1.0)
    return np.asarray(best / best.sum(axis=1, keepdims=True))
