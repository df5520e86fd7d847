r"""The value of a list policy from another list policy's log, each estimator with the click model it is right for.

With weights w as in `weights`, position weights :math:`\alpha_k`, and :math:`R = \sum_k \alpha_k r_k`:

==================== ================================================================ =================================
method               reward of a list                                                 right where a slot's reward is of
==================== ================================================================ =================================
standard             :math:`w R`                                                      the whole list
reward_interaction   :math:`\sum_k w_k \alpha_k r_k`                                  its item, those above (cascade)
cascade_dr           :math:`\sum_k w_k (\alpha_k r_k - \hat Q_k) + w_{k-1} \hat V_k`  its item, those above (cascade)
independent          :math:`\sum_k w_k \alpha_k r_k`                                  its item and its position alone
pseudoinverse        :math:`w R`                                                      its item, position; or R is a sum
==================== ================================================================ =================================

Sources, in that order: Precup, Sutton and Singh (2000, ICML); McInerney, Brost, Chandar, Mehrotra and Carterette (2020,
KDD); Kiyohara et al. (2022, WSDM); Li, Abbasi-Yadkori, Kveton, Muthukrishnan, Vinay and Wen (2018, KDD); Swaminathan et
al. (2017, NeurIPS).
"""

from __future__ import annotations

import difflib
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.estimate import Estimate
from causalrec_lab.intervention.ope.diagnosing import few_clusters
from causalrec_lab.intervention.ope.slates.diagnosing import ASSUMPTIONS, diagnosed, notes_on
from causalrec_lab.intervention.ope.slates.log import SlateLog
from causalrec_lab.intervention.ope.slates.reward_to_go import rewards_to_go
from causalrec_lab.intervention.ope.slates.weights import (
    chances_of,
    cumulative_weights,
    independent_weights,
    list_weights,
    logged_chances,
    pseudo_weights,
)
from causalrec_lab.intervention.ope.uncertainty import cluster_codes, standard_error, student_ends
from causalrec_lab.policy import Policy

__all__ = ["SLATE_METHODS", "slate", "weighted_sum"]

Floats = npt.NDArray[np.float64]
_WEIGHTS = {
    "standard": list_weights,
    "independent": independent_weights,
    "reward_interaction": cumulative_weights,
    "cascade_dr": cumulative_weights,
    "pseudoinverse": pseudo_weights,
}
SLATE_METHODS = tuple(_WEIGHTS)


def slate(
    log: SlateLog,
    policy: Policy | npt.NDArray[Any],
    method: str = "standard",
    reward_model: str | npt.NDArray[Any] | None = None,
    *,
    logging: Policy | npt.NDArray[Any] | None = None,
    self_normalised: bool = False,
    position_weights: npt.ArrayLike | None = None,
    cluster: str | npt.NDArray[Any] | None = None,
    level: float = 0.95,
    folds: int = 5,
    seed: int = 0,
) -> Estimate:
    r"""Estimate the mean reward of a list, :math:`E_\pi \sum_k \alpha_k r_k`.

    Parameters
    ----------
    log
        Lists of the logging policy.
    policy
        A `Policy` whose probabilities draw the list without replacement, or their (n, n_actions) array on the logged
        contexts. Its lists are as long as the logged ones.
    method
        One of `SLATE_METHODS`; from "standard", which assumes nothing of clicks and has the widest interval, to
        "independent", which assumes most.
    reward_model
        For cascade_dr: None or "auto" cross-fits one, else an (n, length, n_actions) array of what is earned from a
        position on, from other data.
    logging
        The policy that wrote the log, or its (n, n_actions) probabilities: needed by independent (unless the log has
        marginal propensities) and pseudoinverse, and where the log has no propensities; checked against those it has.
    self_normalised
        Divide by the mean weight, position by position: less variance, a bias that vanishes with n.
    position_weights
        (length,) weights :math:`\alpha_k`, such as those of DCG; 1 by default.
    cluster
        "user" where lists of one user err together, or (n,) labels; None takes lists as independent. Slots of a list
        are never taken as independent.
    level, folds, seed
        Confidence level; folds and seed of what is cross-fitted.

    Returns
    -------
    Estimate of the "slate value", with effective sample size, weight tail, support and a check of the propensities
    among its diagnostics.

    Raises
    ------
    ValueError
        If the method is unknown, propensities are missing, or a policy's probabilities, position weights, reward
        predictions or cluster labels are not what they should be.
    """
    if method not in _WEIGHTS:
        near = difflib.get_close_matches(str(method), SLATE_METHODS, n=1) or SLATE_METHODS
        raise ValueError(f"unknown method {method!r}; did you mean {' or '.join(map(repr, near))}?")
    if len(log) < 2:
        raise ValueError(f"the log has {len(log)} list; an interval needs at least 2")
    target, logged = chances_of(log, policy), logged_chances(log, logging)
    codes = cluster_codes(_labels(log, cluster), len(log))
    weights = _WEIGHTS[method](log, target, logged)
    earned = log.reward * _alpha(log, position_weights)
    shown, start = log.shown, np.zeros(len(log))
    if method == "cascade_dr":
        chosen, expected = rewards_to_go(log, target, earned, reward_model, folds, seed)
        earned = earned - chosen + np.column_stack([expected[:, 1:], np.zeros(len(log))])
        start = expected[:, 0]
    elif weights.shape[1] == 1:
        earned, shown = earned.sum(axis=1, keepdims=True), shown[:, :1]
    value, influence = weighted_sum(weights, earned, shown, self_normalised)
    diagnostics = diagnosed(log, target, logged, weights, shown)
    error, notes = standard_error(influence + start - start.mean(), codes), notes_on(log, logged, method, diagnostics)
    if error == 0.0:
        error, notes = math.nan, (*notes, "warning: every list counts the same, so nothing tells how the value varies")
    value += float(start.mean())
    return Estimate(
        value=value,
        std_error=error,
        interval=student_ends(value, error, codes, level),
        level=level,
        estimand="slate value",
        method=f"self-normalised {method}" if self_normalised else method,
        n=len(log),
        diagnostics=diagnostics,
        assumptions=ASSUMPTIONS[method],
        notes=(*notes, *few_clusters(codes)),
    )


def weighted_sum(
    weights: Floats, earned: Floats, shown: npt.NDArray[np.bool_], self_normalised: bool
) -> tuple[float, Floats]:
    r"""Sum over columns of mean weighted rewards, and its influence (n,), which has mean 0.

    Self-normalised, column k is :math:`s_k \sum_i w_{ik} y_{ik} / \sum_i w_{ik}` over the share :math:`s_k` of lists
    that are long enough; its error is that of a ratio and of the share.

    Raises
    ------
    ValueError
        If weights are to be normalised that sum to 0.
    """
    weights = np.where(shown, weights, 0.0)
    if not self_normalised:
        each = (weights * earned).sum(axis=1)
        return float(each.mean()), np.asarray(each - each.mean())
    total = weights.sum(axis=0)
    if (empty := total <= 0).any():
        raise ValueError(
            f"the policy never shows what was logged at column {int(np.argmax(empty))}, so a self-normalised estimate "
            "is 0/0; log its lists first, or take method='independent'"
        )
    means, share = (weights * earned).sum(axis=0) / total, shown.mean(axis=0)
    normal = share * weights / weights.mean(axis=0)
    influence = normal * (earned - means) + (shown - share) * means
    return float(share @ means), np.asarray(influence.sum(axis=1))


def _alpha(log: SlateLog, position_weights: npt.ArrayLike | None) -> Floats:
    alpha = np.ones(log.length) if position_weights is None else np.asarray(position_weights, dtype=np.float64)
    if alpha.shape != (log.length,) or not np.isfinite(alpha).all():
        raise ValueError(
            f"position_weights: give one finite number for each of the {log.length} positions; got {alpha}"
        )
    return alpha


def _labels(log: SlateLog, cluster: str | npt.NDArray[Any] | None) -> npt.NDArray[Any] | None:
    if not isinstance(cluster, str):
        return cluster
    if cluster != "user":
        raise ValueError(f"cluster={cluster!r}; the only word known is 'user', else give one label a list")
    if log.user is None:
        raise ValueError("cluster='user': the log does not say whose lists they are; give one label a list")
    return log.user
