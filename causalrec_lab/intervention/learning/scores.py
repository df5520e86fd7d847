"""Doubly robust scores of every action in every round: what a policy is learned from and valued by."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.estimate import Estimate
from causalrec_lab.intervention.ope.reward_model import FittedRewards, cross_fitted_rewards
from causalrec_lab.policy import BanditLog, Policy, checked_probabilities

__all__ = ["ActionScores", "action_scores", "check_log", "held_out_rounds", "mean_estimate"]

Floats = npt.NDArray[np.float64]
_FEWEST = 20  # rounds below which nothing is learned


@dataclass(frozen=True, eq=False)
class ActionScores:
    r"""Scores :math:`\Gamma_{ia}` with :math:`E[\Gamma_{ia} \mid x_i] = E[r \mid x_i, a]`.

    .. math:: \Gamma_{ia} = \hat q(x_i, a) + \frac{1\{a = a_i\}}{\pi_0(a_i \mid x_i)} (r_i - \hat q(x_i, a_i))

    right if the propensities or the reward model are (Dudik, Langford and Li 2011, ICML; for learning Athey and Wager
    2021, Econometrica 89).

    Parameters
    ----------
    log
        The rounds.
    values
        (n, actions) scores.
    cluster
        (n,) labels of rounds that err together, or None.
    """

    log: BanditLog
    values: Floats
    cluster: npt.NDArray[Any] | None = None

    def rounds(self, policy: Policy | npt.NDArray[Any]) -> Floats:
        r"""(n,) round rewards :math:`\sum_a \pi(a \mid x_i) \Gamma_{ia}` of a policy; their mean is its value.

        Raises
        ------
        ValueError
            If the policy's probabilities are no distributions over the actions.
        """
        found = policy if isinstance(policy, np.ndarray) else policy.probabilities(self.log.contexts)
        chances = checked_probabilities(found, n=len(self.log), n_actions=self.log.n_actions)
        return np.asarray(np.einsum("ij,ij->i", chances, self.values))

    def net(self, costs: Floats) -> Floats:
        """(n, actions) scores less the (actions,) costs."""
        return np.asarray(self.values - costs)

    def gain(self, policy: Policy | npt.NDArray[Any], *, over: Policy | None = None, level: float = 0.95) -> Estimate:
        """What a policy earns more per round than the one that wrote the log, or than another; paired by round.

        Raises
        ------
        ValueError
            As `rounds`.
        """
        against = self.log.reward if over is None else self.rounds(over)
        words = "the log's own rewards" if over is None else "the other policy"
        each = self.rounds(policy) - against
        return mean_estimate(each, self.cluster, level, "policy gain", f"DR, paired with {words}")


def action_scores(
    log: BanditLog,
    reward_model: FittedRewards | None = None,
    *,
    cluster: npt.ArrayLike | None = None,
    folds: int = 5,
    seed: int = 0,
) -> ActionScores:
    """Scores of a log's rounds by a reward model that did not see them.

    Parameters
    ----------
    log
        Rounds with propensities.
    reward_model
        Fitted on other rounds; None cross-fits one.
    cluster
        (n,) labels of rounds that err together (a user).
    folds, seed
        Of cross-fitting.

    Raises
    ------
    ValueError
        If the log has fewer than 20 rounds or no propensities, labels are missing or of another length, or predictions
        have another shape or are not finite.
    """
    labels = check_log(log, cluster)
    if reward_model is None:
        rewards = cross_fitted_rewards(log, folds=folds, seed=seed)
    else:
        rewards = np.asarray(reward_model.predict(log.contexts), dtype=np.float64)
    if rewards.shape != (len(log), log.n_actions) or not np.isfinite(rewards).all():
        raise ValueError(
            f"reward predictions have shape {rewards.shape} or are not all finite; expected finite numbers "
            f"({len(log)}, {log.n_actions})"
        )
    values, rows = rewards.astype(np.float64, copy=True), np.arange(len(log))
    assert log.propensity is not None  # check_log has seen to it
    values[rows, log.action] += (log.reward - rewards[rows, log.action]) / log.propensity
    return ActionScores(log, values, labels)


def check_log(log: BanditLog, cluster: npt.ArrayLike | None = None) -> npt.NDArray[Any] | None:
    """Refuse a log nothing can be learned from; its cluster labels, checked.

    Raises
    ------
    ValueError
        If it has fewer than 20 rounds or no propensities, or labels are missing or of another length.
    """
    if len(log) < _FEWEST:
        raise ValueError(f"the log has {len(log)} rounds; learning a policy needs at least {_FEWEST}")
    if log.propensity is None:
        raise ValueError(
            "the log holds no propensities, and a policy learned without them follows the logging policy's taste; put "
            "them in, known or estimated: dataclasses.replace(log, propensity=...)"
        )
    if cluster is None:
        return None
    labels = np.asarray(cluster)
    if labels.shape != (len(log),) or pd.isna(labels).any():
        raise ValueError(f"cluster has shape {labels.shape} for {len(log)} rounds, or missing labels; one a round")
    return labels


def held_out_rounds(n: int, share: float, seed: int, cluster: npt.NDArray[Any] | None = None) -> npt.NDArray[np.bool_]:
    """(n,) True for rounds kept back from learning; whole clusters.

    Raises
    ------
    ValueError
        If the share is not inside (0, 1), or either part would be left with fewer than 10 rounds.
    """
    if not 0 < share < 1:
        raise ValueError(f"held_out={share}: give the share of rounds that only values the policy, inside (0, 1)")
    codes = np.arange(n) if cluster is None else pd.factorize(cluster)[0]
    count = int(codes.max()) + 1
    chosen = np.zeros(count, dtype=bool)
    chosen[np.random.default_rng(seed).permutation(count)[: round(share * count)]] = True
    kept: npt.NDArray[np.bool_] = chosen[codes]
    if min(kept.sum(), (~kept).sum()) < 10:
        raise ValueError(
            f"held_out={share} of {n} rounds leaves {int((~kept).sum())} to learn from and {int(kept.sum())} to judge "
            "by; both need 10: take a longer log"
        )
    return kept


def mean_estimate(
    each: Floats,
    cluster: npt.NDArray[Any] | None,
    level: float,
    estimand: str,
    method: str,
    *,
    assumptions: tuple[str, ...] = ("rounds (or clusters) are independent", "propensities are the logging policy's"),
    notes: tuple[str, ...] = (),
) -> Estimate:
    """The mean of round values with its (clustered) standard error."""
    n, off = len(each), each - each.mean()
    sums = off if cluster is None else np.bincount(pd.factorize(cluster)[0], weights=off)
    if len(sums) < 2:
        notes = (*notes, "one round or one cluster: nothing tells how the value varies")
        return Estimate(float(each.mean()), math.nan, level=level, estimand=estimand, method=method, n=n, notes=notes)
    error = math.sqrt(len(sums) / (len(sums) - 1) * float(sums @ sums)) / n
    return Estimate(
        float(each.mean()), error, level=level, estimand=estimand, method=method, n=n, assumptions=assumptions,
        notes=notes,
    )  # fmt: skip
