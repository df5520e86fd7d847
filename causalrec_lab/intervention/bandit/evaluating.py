r"""The value of a policy from a log whose own policy learned while it ran.

The score of a round is doubly robust with a reward model of the batches before it alone,

.. math:: \Gamma_t = \sum_a \pi(a \mid x_t)\, \hat m_{t}(x_t, a) + \frac{\pi(a_t \mid x_t)}{e_t(a_t \mid x_t)}
    (r_t - \hat m_t(x_t, a_t)), \qquad
    \hat Q = \frac{\sum_t h_t \Gamma_t}{\sum_t h_t}, \quad
    \hat V = \frac{\sum_t h_t^2 (\Gamma_t - \hat Q)^2}{\left(\sum_t h_t\right)^2}

so that, given the past, each is unbiased: a martingale. Its central limit theorem asks that the variances add up to
something that does not hang on how the bandit happened to go; the weights h see to that (Hadad et al. 2021, PNAS).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.causal.effects.sample import nearest
from causalrec_lab.estimate import Estimate
from causalrec_lab.intervention.bandit.adaptive_log import AdaptiveLog
from causalrec_lab.intervention.bandit.allocation import ALLOCATIONS, round_weights
from causalrec_lab.intervention.ope.reward_model import RewardModel, context_features
from causalrec_lab.policy import Policy, checked_probabilities

__all__ = ["MODELS", "evaluate", "past_rewards"]

Floats = npt.NDArray[np.float64]
MODELS = ("auto", "context", "action", "none")
_FIRST, _GROWTH = (
    50,
    1.25,
)  # rounds before a model of contexts is fitted, and growth of the past before it is fitted anew
_SMALL = 100.0
_ASSUMED = (
    "propensities are those with which actions were drawn, given the batches before",
    "rounds come from one law: the world did not change while the bandit ran",
    "every action the policy wants keeps a chance that sinks slower than 1 / t",
)


def evaluate(
    log: AdaptiveLog,
    policy: Policy | int | npt.NDArray[Any],
    *,
    weights: str = "stable",
    reward_model: str = "auto",
    decay: float = 0.5,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Estimate a policy's mean reward per round from a bandit's log.

    Parameters
    ----------
    log
        Rounds of `run`, or your own.
    policy
        A `Policy`, the number of one action, or (n, n_actions) probabilities in the logged contexts.
    weights
        "stable", "two-point", "minvar" or "uniform": see `allocation`.
    reward_model
        "action": mean of each action so far; "context": a `RewardModel` of the batches so far; "auto": "context" where
        contexts hold numbers; "none": inverse propensities alone.
    decay
        Of "two-point", in [0, 1): the floor of the bandit sinks as t to the power -decay.
    level, seed
        Confidence level; seed of the reward model's tuning.

    Raises
    ------
    ValueError
        If a word is unknown, the log has fewer than two rounds, the policy's probabilities are none, or it never wants
        what had a chance.
    """
    _check(log, weights, reward_model, decay)
    target = _target(log, policy)
    rows = np.arange(len(log))
    model = past_rewards(log, reward_model, seed)
    ratio = target[rows, log.rounds.action] / log.chances[rows, log.rounds.action]
    gamma = np.einsum("ij,ij->i", target, model) + ratio * (log.rounds.reward - model[rows, log.rounds.action])
    h = round_weights(log, target, weights, decay)
    if h.sum() == 0:
        raise ValueError("the policy wants what never had a chance in any batch; run the bandit with explore=")
    value = float(h @ gamma / h.sum())
    error = math.sqrt(float((h * (gamma - value)) @ (h * (gamma - value)))) / float(h.sum())
    found = _diagnostics(log, target, ratio, h)
    return Estimate(
        value, error, level=level, estimand="policy value", method=f"adaptively weighted DR, {weights}",
        n=len(log), diagnostics=found, assumptions=_ASSUMED, notes=_notes(weights, found),
    )  # fmt: skip


def past_rewards(log: AdaptiveLog, reward_model: str = "auto", seed: int = 0) -> Floats:
    """(n, n_actions) expected rewards by models of earlier batches alone; 0 before there is one."""
    features = context_features(log.rounds.contexts)
    if reward_model == "auto":
        reward_model = "context" if features.shape[1] else "action"
    if reward_model == "none":
        return np.zeros(log.chances.shape)
    starts = np.flatnonzero(np.append(True, np.diff(log.batch) > 0))
    return _by_action(log, starts) if reward_model == "action" else _by_context(log, features, starts, seed)


def _by_action(log: AdaptiveLog, starts: npt.NDArray[np.int64]) -> Floats:
    """Means of each action before a round's batch; an action not yet tried has the mean of all."""
    n, actions = log.chances.shape
    taken = np.zeros((n + 1, actions))
    earned = np.zeros((n + 1, actions))
    taken[np.arange(1, n + 1), log.rounds.action] = 1.0
    earned[np.arange(1, n + 1), log.rounds.action] = log.rounds.reward
    taken, earned = taken.cumsum(axis=0)[starts], earned.cumsum(axis=0)[starts]
    overall = earned.sum(axis=1, keepdims=True) / np.maximum(taken.sum(axis=1, keepdims=True), 1.0)
    means = np.where(taken > 0, earned / np.maximum(taken, 1.0), overall)
    return np.repeat(means, np.diff(np.append(starts, n)), axis=0)


def _by_context(log: AdaptiveLog, features: Floats, starts: npt.NDArray[np.int64], seed: int) -> Floats:
    """Reward models of the rounds before a batch, fitted anew when those have grown by a quarter."""
    from dataclasses import replace

    rounds = replace(log.rounds, contexts=features)
    found, model, fitted = np.zeros(log.chances.shape), None, 0
    for start, end in zip(starts.tolist(), [*starts.tolist()[1:], len(log)], strict=True):
        if start >= max(_FIRST, _GROWTH * fitted):
            model, fitted = RewardModel.fit(rounds.take(np.arange(start)), seed), start
        if model is not None:
            found[start:end] = model.predict(features[start:end])
    return found


def _target(log: AdaptiveLog, policy: Policy | int | npt.NDArray[Any]) -> Floats:
    n, actions = log.chances.shape
    if isinstance(policy, int | np.integer) and not isinstance(policy, bool):
        if not 0 <= policy < actions:
            raise ValueError(f"there is no action {policy}; actions are 0 to {actions - 1}")
        return np.tile(np.eye(actions)[int(policy)], (n, 1))
    if not isinstance(policy, np.ndarray) and not hasattr(policy, "probabilities"):
        raise ValueError(
            f"policy={policy!r}: give a policy, the number of an action, or ({n}, {actions}) probabilities"
        )
    found = policy if isinstance(policy, np.ndarray) else policy.probabilities(log.rounds.contexts)
    return checked_probabilities(found, n=n, n_actions=actions)


def _check(log: AdaptiveLog, weights: str, reward_model: str, decay: float) -> None:
    if getattr(log, "chances", None) is None:
        said = f"evaluate: the log is a {type(log).__name__}"
        raise ValueError(
            f"{said}; give the AdaptiveLog of a bandit, or take ope.evaluate where the policy did not learn"
        )
    if weights not in ALLOCATIONS:
        raise ValueError(f"unknown weights {weights!r}; {nearest(weights, ALLOCATIONS)}")
    if reward_model not in MODELS:
        raise ValueError(f"unknown reward_model {reward_model!r}; {nearest(reward_model, MODELS)}")
    if not 0 <= decay < 1:
        raise ValueError(f"decay={decay!r}: the chances sink as t to the power -decay, decay in [0, 1)")
    if len(log) < 2:
        raise ValueError(f"the log has {len(log)} rounds; an interval needs at least 2")


def _diagnostics(log: AdaptiveLog, target: Floats, ratio: Floats, h: Floats) -> dict[str, float]:
    weight = h * ratio
    total = float(weight.sum())
    unsupported = np.where(log.chances > 0, 0.0, target).sum(axis=1)
    return {
        "batches": float(len(np.unique(log.batch))),
        "effective_sample_size": total**2 / float(weight @ weight) if total > 0 else 0.0,
        "max_weight_share": float(weight.max() / total) if total > 0 else 1.0,
        "least_chance": float(np.where(target > 0, log.chances, np.inf).min()),
        "rounds_without_support": float((unsupported > 0).mean()),
    }


def _notes(weights: str, found: dict[str, float]) -> tuple[str, ...]:
    notes = []
    if weights == "uniform":
        notes.append(
            "warning: with equal weights the estimate is unbiased but not normal when chances sink towards 0 or depend "
            "on luck; the interval may not cover: take weights='stable'"
        )
    if found["rounds_without_support"] > 0:
        notes.append(
            f"warning: in {found['rounds_without_support']:.1%} of the rounds the policy wants what had no chance; run "
            "the bandit with explore= so that every action keeps one"
        )
    if found["effective_sample_size"] < _SMALL:
        notes.append(
            f"warning: the estimate rests on some {found['effective_sample_size']:.0f} rounds; the interval may be too "
            "short"
        )
    return tuple(notes)
