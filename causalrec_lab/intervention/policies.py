"""Policies made from scores and from estimated effects; every one keeps the `Policy` protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.estimate import Estimate
from causalrec_lab.policy import Policy

__all__ = ["EffectPolicy", "EpsilonPolicy", "GreedyPolicy", "Scores", "SoftmaxPolicy", "TiltedPolicy"]

Floats = npt.NDArray[np.float64]
Scores = npt.NDArray[Any] | Callable[[Any], npt.NDArray[Any]]


@dataclass(frozen=True)
class GreedyPolicy:
    """All probability on the action with the highest score; ties share it.

    Parameters
    ----------
    scores
        (actions,) scores, the same for every context, or a function contexts -> (n, actions).
    """

    scores: Scores

    def probabilities(self, contexts: Any) -> Floats:
        """(n, actions): 1 over the number of best actions, 0 elsewhere."""
        scores = _scored(self.scores, contexts)
        best = scores == scores.max(axis=1, keepdims=True)
        return np.asarray(best / best.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class SoftmaxPolicy:
    r""":math:`\pi(a \mid x) \propto \exp(s(x, a) / \text{temperature})`.

    Parameters
    ----------
    scores
        (actions,) scores or a function contexts -> (n, actions).
    temperature
        Positive; small is nearly greedy, large nearly uniform.

    Raises
    ------
    ValueError
        If the temperature is not positive.
    """

    scores: Scores
    temperature: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a temperature that orders nothing."""
        if not self.temperature > 0:
            raise ValueError(
                f"SoftmaxPolicy(temperature={self.temperature}): give a positive one, or use GreedyPolicy for its "
                "limit 0"
            )

    def probabilities(self, contexts: Any) -> Floats:
        """(n, actions) softmax of the scores."""
        return _softmax(_scored(self.scores, contexts) / self.temperature)


@dataclass(frozen=True)
class EpsilonPolicy:
    """A policy that explores: with probability `epsilon` any action, uniformly.

    It keeps support for the next evaluation.

    Parameters
    ----------
    base
        What it does otherwise.
    epsilon
        Share of exploration in [0, 1].

    Raises
    ------
    ValueError
        If `epsilon` is outside [0, 1].
    """

    base: Policy
    epsilon: float = 0.1

    def __post_init__(self) -> None:
        """Refuse a share that is none."""
        if not 0 <= self.epsilon <= 1:
            raise ValueError(f"EpsilonPolicy(epsilon={self.epsilon}): a share of exploration lies in [0, 1]")

    def probabilities(self, contexts: Any) -> Floats:
        """(n, actions) mixture of the base policy and the uniform one."""
        base = self.base.probabilities(contexts)
        return np.asarray((1 - self.epsilon) * base + self.epsilon / base.shape[1])


@dataclass(frozen=True)
class TiltedPolicy:
    r"""A running policy leant towards some actions: :math:`\pi(a \mid x) \propto \pi_0(a \mid x) \exp(k\, s(x, a))`.

    It never wants an action the base policy does not take, so its value can be read from the base policy's log.

    Parameters
    ----------
    base
        The policy that runs today.
    scores
        (actions,) scores or a function contexts -> (n, actions).
    strength
        k; 0 gives the base policy back, negative leans away.
    """

    base: Policy
    scores: Scores
    strength: float = 1.0

    def probabilities(self, contexts: Any) -> Floats:
        """(n, actions) tilted distribution."""
        lean = self.strength * _scored(self.scores, contexts)
        base = self.base.probabilities(contexts)
        tilted = base * np.exp(lean - lean.max(axis=1, keepdims=True))
        return np.asarray(tilted / tilted.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class EffectPolicy:
    r"""A running policy leant towards the actions whose estimated effect is worth its cost.

    :math:`\pi(a \mid x) \propto \pi_0(a \mid x) \exp\{k\,(\hat\tau_{g(a)} - c\,\widehat{se}_{g(a)} -
    \text{cost}_{g(a)})\}`

    Parameters
    ----------
    base
        The policy that runs today.
    effects
        Group -> estimate of what showing such an item causes.
    action_groups
        Group of each action, in action order (an item's category, say).
    strength
        k, in 1 / unit of the effect.
    costs
        Group -> cost in the effect's unit, or one cost for all.
    caution
        c >= 0: how many standard errors an effect is marked down before it is believed.

    Raises
    ------
    ValueError
        If an action's group has no estimate or no cost, or `caution` meets an estimate without a standard error.
    """

    base: Policy
    effects: Mapping[str, Estimate]
    action_groups: Sequence[str]
    strength: float = 10.0
    costs: Mapping[str, float] | float = 0.0
    caution: float = 0.0

    def __post_init__(self) -> None:
        """Check that every action can be scored."""
        self.scores()

    def scores(self) -> Floats:
        """(actions,) effect less caution and cost of each action's group."""
        groups = sorted(set(self.action_groups))
        if missing := [g for g in groups if g not in self.effects]:
            raise ValueError(
                f"EffectPolicy: no estimate for the action groups {missing}; there are {sorted(self.effects)}"
            )
        worth = {g: self._worth(g) for g in groups}
        return np.array([worth[g] for g in self.action_groups])

    def probabilities(self, contexts: Any) -> Floats:
        """(n, actions) tilted distribution."""
        return TiltedPolicy(self.base, self.scores(), self.strength).probabilities(contexts)

    def _worth(self, group: str) -> float:
        found = self.effects[group]
        if self.caution and not np.isfinite(found.std_error):
            raise ValueError(
                f"EffectPolicy(caution={self.caution}): the effect of {group!r} has no standard error; set caution=0"
            )
        if isinstance(self.costs, Mapping) and group not in self.costs:
            raise ValueError(f"EffectPolicy: no cost for the action group {group!r}; there are {sorted(self.costs)}")
        cost = self.costs[group] if isinstance(self.costs, Mapping) else self.costs
        return found.value - (self.caution * found.std_error if self.caution else 0.0) - cost


def _scored(scores: Scores, contexts: Any) -> Floats:
    found = np.asarray(scores(contexts) if callable(scores) else scores, dtype=np.float64)
    if not np.isfinite(found).all():
        raise ValueError(
            f"policy scores hold {int((~np.isfinite(found)).sum())} values that are not finite; score every action"
        )
    n = len(contexts)
    if found.ndim == 1:
        return np.broadcast_to(found, (n, len(found)))
    if found.ndim != 2 or len(found) != n:
        raise ValueError(
            f"policy scores have shape {found.shape}; expected (actions,) or ({n}, actions), one row a context"
        )
    return found


def _softmax(logits: Floats) -> Floats:
    lifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(lifted / lifted.sum(axis=1, keepdims=True))
