r"""A check of the weights themselves: they must carry the log over to the policy, action by action.

With right propensities, and support for all the policy wants, :math:`E[1\{a_i = a\}\, w_i - \pi(a|x_i)] = 0` for every
action. Unlike :math:`E[1\{a_i = a\}/p_i] = 1` it needs no action to be always on offer, and so it also tells
propensities that are too *large*, as far as the policy wants the action.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.policy import BanditLog

__all__ = ["mean_weight", "weight_balance"]

Floats = npt.NDArray[np.float64]
_ENOUGH = 30.0  # effective rounds of an action below which its sum is no normal variable
_FALSE_ALARMS = 1e-3  # over all actions together
_ROOM = 4.0  # a rare round not drawn may carry as much more than the heaviest one that was
_ROUNDING = 1e-5  # what sums of single-precision probabilities may be off by
_MOST = 1e3  # standard errors told at most, where weights do not vary at all


def mean_weight(weights: Floats, supported: float) -> dict[str, float]:
    """Mean of the weights, and the standard errors by which it lies above 1 or below the policy's supported share.

    Between the two it may lie: an action that was rare and happened not to be logged lacks support in this log alone.

    Parameters
    ----------
    weights
        (n,) weights, nothing done to them.
    supported
        Share of the policy's choices that have support: 1 where all have.
    """
    mean, error = float(weights.mean()), float(weights.std()) / len(weights) ** 0.5
    missed = max(mean - 1, 0.0) + min(mean - supported, 0.0)
    missed = missed if abs(missed) > _ROUNDING else 0.0
    return {
        "mean_weight": mean,
        "propensity_check_z": missed / max(error, abs(missed) / _MOST) if missed else 0.0,
    }


def weight_balance(log: BanditLog, target: npt.NDArray[Any], weights: Floats) -> dict[str, float]:
    """Actions whose weights do not add up to what the policy wants of them; of the worst its index and the ratio.

    Sums of weights with a long tail mostly come out too low: a deficit that one more round, four times the heaviest
    seen, would fill is no alarm.

    Parameters
    ----------
    log
        Rounds.
    target
        (n, actions) probabilities of the policy.
    weights
        (n,) weights, nothing done to them.
    """
    n, actions = len(log), log.n_actions

    def per_action(values: Floats) -> Floats:
        return np.asarray(np.bincount(log.action, weights=values, minlength=actions) / n)

    given, square = per_action(weights), per_action(weights**2)
    wanted = target.mean(axis=0, dtype=np.float64)
    cross = per_action(weights * target[np.arange(n), log.action])
    spread = square - 2 * cross + np.einsum("ij,ij->j", target, target) / n - (given - wanted) ** 2
    heaviest = np.zeros(actions)
    np.maximum.at(heaviest, log.action, weights)
    missed = np.maximum(given - wanted, 0.0) + np.minimum(given - wanted + _ROOM * heaviest / n, 0.0)
    enough = n * given**2 >= _ENOUGH * np.maximum(square, 1e-300)
    z = np.where(enough, missed / np.sqrt(np.maximum(spread, 1e-12) / n), 0.0)
    alarms = np.abs(z) > NormalDist().inv_cdf(1 - _FALSE_ALARMS / (2 * actions))
    worst = int(np.argmax(np.abs(z)))
    return {
        "balance_alarms": float(alarms.sum()),
        "balance_worst": float(worst),
        "balance_ratio": float(given[worst] / wanted[worst]) if alarms.any() and wanted[worst] > 0 else 1.0,
    }
