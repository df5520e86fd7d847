r"""A softmax policy trained on a log: it climbs the doubly robust value, minds its noise, and stays near what ran."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.nuisances.ridge import one_thread
from causalrec_lab.intervention.learning.inputs import Inputs
from causalrec_lab.intervention.learning.objective import Objective, chances_of
from causalrec_lab.intervention.learning.result import LearnedPolicy, learned
from causalrec_lab.intervention.learning.scores import action_scores, check_log, held_out_rounds
from causalrec_lab.policy import BanditLog, FixedPolicy, Policy, checked_probabilities

__all__ = ["ParametricPolicy", "checked_costs", "logging_shares", "softmax_policy"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ParametricPolicy:
    r""":math:`\pi(a \mid x) \propto \pi_0(a \mid x) \exp(z' \Theta f_a)`, z = (1, standardised context).

    Parameters
    ----------
    base
        :math:`\pi_0`; what it never takes, this never takes.
    inputs
        How contexts become z.
    coefficients
        :math:`\Theta`, (d + 1, p).
    action_features
        (actions, p); the identity gives every action coefficients of its own.
    """

    base: Policy
    inputs: Inputs
    coefficients: Floats
    action_features: Floats

    def probabilities(self, contexts: Any) -> Floats:
        """(n, actions) probabilities.

        Raises
        ------
        ValueError
            If contexts lack a column, have another width or are not finite.
        """
        logits = self.inputs.standardised(contexts) @ self.coefficients @ self.action_features.T
        return chances_of(logits, self.base.probabilities(contexts))


@one_thread()
def softmax_policy(
    log: BanditLog,
    *,
    base: Policy | None = None,
    action_features: npt.ArrayLike | None = None,
    costs: npt.ArrayLike = 0.0,
    caution: float = 1.0,
    kl: float = 0.0,
    penalty: float = 1e-3,
    held_out: float = 1 / 3,
    cluster: npt.ArrayLike | None = None,
    folds: int = 5,
    steps: int = 200,
    level: float = 0.95,
    seed: int = 0,
) -> LearnedPolicy:
    r"""Train a softmax policy on part of a log and value it on the rest.

    .. math:: \max_\Theta\; \bar g - c\, \widehat{se}(\bar g) - \kappa\, \overline{KL}(\pi_\Theta \| \pi_0)
        - \tfrac{\lambda \sigma_r}{2} \|\Theta\|^2, \qquad g_i = \sum_a \pi_\Theta(a \mid x_i)\,(\Gamma_{ia} - cost_a)

    with cross-fitted doubly robust scores and :math:`\sigma_r` the standard deviation of the rewards: their unit does
    not matter, and a rare reward does not drown in the penalty. The second term is that of counterfactual risk
    minimisation, here a lower confidence bound (Swaminathan and Joachims 2015, "Batch learning from logged bandit
    feedback through counterfactual risk minimization", JMLR 16); the third keeps near the logging policy. Training
    starts at the base policy, climbs by L-BFGS with the analytic gradient and draws no random numbers; the objective is
    not concave, so the top found is a local one.

    Parameters
    ----------
    log
        Rounds with propensities.
    base
        The policy that wrote the log; None takes the actions' shares in it.
    action_features
        (actions, p); None gives every action coefficients of its own.
    costs
        Cost of an action in the reward's unit: (actions,) or one for all.
    caution
        c >= 0: standard errors (of clusters, where given) by which the value is marked down in training.
    kl
        :math:`\kappa \ge 0`, in the reward's unit per nat.
    penalty
        :math:`\lambda \ge 0` of the coefficients, the constant apart; without a unit.
    held_out
        Share of rounds (of clusters) that only values the policy.
    cluster
        (n,) labels of rounds that err together (a user); they stay together in the split.
    folds, seed
        Of cross-fitting and of the split.
    steps
        Iterations at most.
    level
        Confidence level.

    Raises
    ------
    ValueError
        If the log is too short or has no propensities, costs or features have another shape or are not finite, a
        penalty is negative, or the base policy gives a logged action no chance.
    """
    _penalties(caution=caution, kl=kl, penalty=penalty)
    labels = None if cluster is None else np.asarray(cluster)
    check_log(log, labels)
    kept = held_out_rounds(len(log), held_out, seed, labels)
    part, rest = log.take(~kept), log.take(kept)
    own, other = (None, None) if labels is None else (labels[~kept], labels[kept])
    scores = action_scores(part, cluster=own, folds=folds, seed=seed)
    features = _features(action_features, log.n_actions)
    inputs, base = Inputs.learn(part.contexts), base or logging_shares(part)
    before = checked_probabilities(base.probabilities(part.contexts), n=len(part), n_actions=log.n_actions)
    _support(before, part)
    unit = _unit(part.reward)
    net = scores.net(checked_costs(costs, log.n_actions))
    codes = None if own is None else pd.factorize(own)[0].astype(np.int64)
    objective = Objective(
        inputs.standardised(part.contexts), features, before, net / unit, caution, kl / unit, penalty, codes
    )
    theta, told = _climb(objective, steps)
    told["objective"] *= unit
    policy = ParametricPolicy(base, inputs, theta, features)
    notes = () if told["converged"] else (f"warning: not converged in {steps} steps; give more steps or more penalty",)
    return learned(
        policy,
        scores,
        rest,
        other,
        features=inputs.names,
        level=level,
        seed=seed,
        diagnostics=told,
        notes=notes,
        costs=costs,
    )


def _climb(objective: Objective, steps: int) -> tuple[Floats, dict[str, float]]:
    from scipy.optimize import minimize

    start = np.zeros(objective.shape)
    found = minimize(
        objective.loss, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": steps, "gtol": 1e-6}
    )
    theta = np.asarray(found.x, dtype=np.float64).reshape(objective.shape)
    told = {"steps": float(found.nit), "objective": -float(found.fun), "converged": float(found.status != 1)}
    return theta, told | objective.reading(theta)


def _unit(reward: Floats) -> float:
    """Standard deviation of the rewards, 1 where they do not vary."""
    spread = float(reward.std())
    return spread if spread > 1e-12 * float(np.abs(reward).max()) else 1.0


def _features(given: npt.ArrayLike | None, n_actions: int) -> Floats:
    found = np.eye(n_actions) if given is None else np.asarray(given, dtype=np.float64)
    if found.ndim != 2 or len(found) != n_actions or not np.isfinite(found).all():
        raise ValueError(
            f"action_features have shape {found.shape} or are not finite; give ({n_actions}, p), one row an action"
        )
    return found


def checked_costs(given: npt.ArrayLike, n_actions: int) -> Floats:
    """(actions,) cost of each action.

    Raises
    ------
    ValueError
        If there is neither one number nor one an action, or one is not finite.
    """
    found = np.asarray(given, dtype=np.float64)
    if found.shape not in ((), (n_actions,)) or not np.isfinite(found).all():
        raise ValueError(f"costs have shape {found.shape} or are not finite; give one number or ({n_actions},)")
    return np.broadcast_to(found, (n_actions,))


def logging_shares(log: BanditLog) -> FixedPolicy:
    """The shares of the actions in a log, whatever the context."""
    return FixedPolicy(np.bincount(log.action, minlength=log.n_actions) / len(log))


def _support(before: Floats, log: BanditLog) -> None:
    lost = before[np.arange(len(log)), log.action] <= 0
    if lost.any():
        row = int(np.argmax(lost))
        raise ValueError(
            f"the base policy gives no chance to {int(lost.sum())} logged actions, first action {log.action[row]} in "
            f"training round {row}; it did not write this log: pass the policy that did, or base=None"
        )


def _penalties(**given: float) -> None:
    for name, value in given.items():
        if not 0 <= value < np.inf:
            raise ValueError(f"{name}={value}: give a finite number of at least 0")
