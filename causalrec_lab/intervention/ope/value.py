r"""The value of a policy from another policy's log, with an analytic interval.

Every method is a vector of n round rewards :math:`g_i` whose mean is the value and whose spread gives the error. With
:math:`w_i = \pi(a_i|x_i) / \pi_0(a_i|x_i)` and :math:`\hat q` a reward model:

======== ============================================================================= =========================
method   round reward                                                                  source
======== ============================================================================= =========================
ips      :math:`w_i r_i`                                                               Horvitz and Thompson 1952
snips    :math:`w_i r_i / \bar w`                                                      Swaminathan and Joachims 2015
dm       :math:`\sum_a \pi(a|x_i) \hat q(x_i, a)`                                      Beygelzimer and Langford 2009
dr       :math:`dm_i + w_i (r_i - \hat q(x_i, a_i))`                                   Dudik, Langford and Li 2011
sndr     :math:`dm_i + w_i (r_i - \hat q(x_i, a_i)) / \bar w`                          Thomas and Brunskill 2016
======== ============================================================================= =========================
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.estimate import Estimate
from causalrec_lab.intervention.ope.reward_model import FittedRewards, context_features, cross_fitted_rewards
from causalrec_lab.policy import BanditLog, Policy, checked_probabilities

__all__ = ["METHODS", "evaluate"]

Floats = npt.NDArray[np.float64]
METHODS = ("ips", "snips", "dm", "dr", "sndr")
_MODELLED = ("dm", "dr", "sndr")
_SMALL_SAMPLE = 100.0  # effective rounds below which a normal interval is not to be trusted
_HEAVY = 0.05
_WRONG = 4.0  # standard errors by which the mean weight may miss 1


def evaluate(
    log: BanditLog,
    policy: Policy | npt.NDArray[Any],
    method: str = "dr",
    reward_model: str | FittedRewards | npt.NDArray[Any] | None = None,
    *,
    propensity: str | npt.NDArray[Any] | None = None,
    cluster: npt.NDArray[Any] | None = None,
    level: float = 0.95,
    folds: int = 5,
    seed: int = 0,
) -> Estimate:
    """Estimate a policy's mean reward per round.

    Parameters
    ----------
    log
        Rounds of the logging policy.
    policy
        A `Policy`, or the (n, actions) array of its probabilities on the logged contexts.
    method
        "ips", "snips", "dm", "dr" or "sndr".
    reward_model
        For dm, dr, sndr: None or "auto" cross-fits one; else something fitted on **other** data with
        `.predict(contexts)`, or the (n, actions) array of its predictions.
    propensity
        Where the log has none: (n,) array, or "estimate" to fit a multinomial logistic regression on the contexts.
    cluster
        (n,) labels of rounds that err together (the same user); None takes rounds as independent.
    level, folds, seed
        Confidence level; folds and seed of whatever is cross-fitted.

    Returns
    -------
    Estimate of the "policy value", with effective sample size, weight tail, support and a check of the propensities
    among its diagnostics.

    Raises
    ------
    ValueError
        If the method is unknown, propensities are missing, the policy's probabilities are none or of another shape,
        reward predictions have another shape or are not finite, or a cluster label is missing.
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}; known are {', '.join(map(repr, METHODS))}")
    if len(log) < 2:
        raise ValueError(f"the log has {len(log)} rounds; an interval needs at least 2")
    target = _target(log, policy)
    logged, words = (None, []) if method == "dm" and log.propensity is None else _logged(log, propensity, folds, seed)
    weights = None if logged is None else target[np.arange(len(log)), log.action] / logged
    rewards = _rewards(log, reward_model, folds, seed) if method in _MODELLED else None
    value, influence = _round_rewards(method, log, target, weights, rewards)
    diagnostics = _diagnostics(log, target, weights)
    return Estimate(
        value=value,
        std_error=_standard_error(influence, cluster),
        level=level,
        estimand="policy value",
        method=method,
        n=len(log),
        diagnostics=diagnostics,
        assumptions=_assumptions(method),
        notes=(*_notes(method, diagnostics), *words),
    )


def _target(log: BanditLog, policy: Policy | npt.NDArray[Any]) -> Floats:
    found = policy if isinstance(policy, np.ndarray) else policy.probabilities(log.contexts)
    shaped = found.dtype == np.float64 and found.shape == (len(log), log.n_actions)
    # two passes over a large matrix; the full check, which finds the words for what is wrong, takes six
    if shaped and found.min() >= 0 and (np.abs(found.sum(axis=1) - 1.0) <= 1e-6).all():
        return found
    return checked_probabilities(found, n=len(log), n_actions=log.n_actions)


def _logged(
    log: BanditLog, propensity: str | npt.NDArray[Any] | None, folds: int, seed: int
) -> tuple[Floats, list[str]]:
    if propensity is None:
        if log.propensity is None:
            raise ValueError(
                "the log holds no propensities; pass propensity= (n,) if you know them, propensity='estimate' to "
                "fit them "
                "from the contexts (unbiased only if the contexts hold all the logging policy saw), or method='dm'"
            )
        return log.propensity, []
    if isinstance(propensity, str):
        if propensity != "estimate":
            raise ValueError(f"propensity={propensity!r}; the only word known is 'estimate', else give an (n,) array")
        said = "propensities were estimated by multinomial logistic regression; their error is not in the interval"
        return _estimated(log, folds, seed), [said]
    given = BanditLog(log.contexts, log.action, log.reward, np.asarray(propensity, dtype=np.float64), log.n_actions)
    assert given.propensity is not None  # BanditLog has just checked what was passed
    return given.propensity, []


def _estimated(log: BanditLog, folds: int, seed: int) -> Floats:
    """Cross-fitted multinomial logistic probability of the logged action, floored where a fold never saw it."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, labels = context_features(log.contexts), np.random.default_rng(seed).permutation(np.arange(len(log)) % folds)
    if X.shape[1] == 0:
        X = np.zeros((len(log), 1))
    found = np.empty(len(log))
    for fold in range(folds):
        test = labels == fold
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(X[~test], log.action[~test])
        table = np.zeros((int(test.sum()), log.n_actions))
        table[:, model.classes_] = model.predict_proba(X[test])
        found[test] = table[np.arange(len(table)), log.action[test]]
    return np.maximum(found, 1.0 / len(log))


def _rewards(
    log: BanditLog, reward_model: str | FittedRewards | npt.NDArray[Any] | None, folds: int, seed: int
) -> npt.NDArray[Any]:
    if reward_model is None or isinstance(reward_model, str):
        if reward_model not in (None, "auto"):
            raise ValueError(
                f"reward_model={reward_model!r}; the only word known is 'auto', else give a fitted model or an array"
            )
        return cross_fitted_rewards(log, folds=folds, seed=seed)
    found = reward_model if isinstance(reward_model, np.ndarray) else np.asarray(reward_model.predict(log.contexts))
    if found.shape != (len(log), log.n_actions):
        raise ValueError(f"reward predictions have shape {found.shape}; expected ({len(log)}, {log.n_actions})")
    if not (good := np.isfinite(found)).all():
        row, action = np.argwhere(~good)[0]
        raise ValueError(
            f"reward_model gave {int((~good).sum())} values that are not finite, first at row {row}, action {action}: "
            f"{found[row, action]}; give a prediction for every action, or reward_model='auto'"
        )
    return found


def _round_rewards(
    method: str, log: BanditLog, target: Floats, weights: Floats | None, rewards: npt.NDArray[Any] | None
) -> tuple[float, Floats]:
    """Value and influence (n,)."""
    direct = np.zeros(len(log)) if rewards is None else np.einsum("ij,ij->i", target, rewards)
    if method == "dm" or weights is None:
        return float(direct.mean()), direct - direct.mean()
    residual = log.reward if rewards is None else log.reward - rewards[np.arange(len(log)), log.action]
    if method in ("ips", "dr"):
        each = direct + weights * residual
        return float(each.mean()), np.asarray(each - each.mean())
    if weights.sum() == 0:
        raise ValueError(
            "the policy never takes a logged action, so a self-normalised estimate is 0/0; log its actions first"
        )
    normal = weights / weights.mean()
    correction = float(np.mean(normal * residual))
    return float(direct.mean()) + correction, direct - direct.mean() + normal * (residual - correction)


def _standard_error(influence: Floats, cluster: npt.NDArray[Any] | None) -> float:
    n, sums = len(influence), np.asarray(influence)
    if cluster is not None:
        if len(cluster) != n:
            raise ValueError(f"cluster has {len(cluster)} labels for {n} rounds; give one a round")
        codes = pd.factorize(np.asarray(cluster))[0]
        if (lost := codes < 0).any():
            raise ValueError(
                f"cluster is missing for {int(lost.sum())} of {n} rounds, first at row {int(lost.argmax())}; label "
                "them, or drop these rounds from the log"
            )
        sums = np.asarray(np.bincount(codes, weights=influence))
        if len(sums) < 2:
            raise ValueError("all rounds are in one cluster, so nothing tells how the value varies")
    return math.sqrt(len(sums) / (len(sums) - 1) * float(sums @ sums)) / n


def _diagnostics(log: BanditLog, target: Floats, weights: Floats | None) -> dict[str, float]:
    unseen = np.bincount(log.action, minlength=log.n_actions) == 0
    found = {"unsupported_mass": float(target[:, unseen].sum(axis=1).mean()) if unseen.any() else 0.0}
    found["actions_never_logged"] = float(unseen.sum())
    if weights is None:
        return found
    total, spread = float(weights.sum()), float(weights.std())
    found["effective_sample_size"] = total**2 / float(weights @ weights) if total > 0 else 0.0
    found["max_weight"] = float(weights.max())
    found["max_weight_share"] = float(weights.max() / total) if total > 0 else 1.0
    found["mean_weight"] = total / len(log)
    missed = found["mean_weight"] - (1 - found["unsupported_mass"])
    found["propensity_check_z"] = missed / (spread / math.sqrt(len(log))) if spread > 0 else 0.0
    return found


def _notes(method: str, found: dict[str, float]) -> list[str]:
    notes = []
    if method == "dm":
        notes.append(
            "dm is biased by whatever the reward model gets wrong; its interval is that of the model's mean "
            "prediction, "
            "not of the policy's value"
        )
    if found["unsupported_mass"] > 0:
        notes.append(
            f"warning: {found['unsupported_mass']:.1%} of the policy's choices are actions the log never took "
            f"({found['actions_never_logged']:.0f} of them); no log can value those: explore first, or restrict "
            "the policy"
        )
    if method != "dm":
        notes += _weight_notes(found)
    return notes


def _weight_notes(found: dict[str, float]) -> list[str]:
    notes = []
    if found["effective_sample_size"] < _SMALL_SAMPLE or found["max_weight_share"] > _HEAVY:
        notes.append(
            f"warning: the effective sample size is {found['effective_sample_size']:.0f} rounds and one round carries "
            f"{found['max_weight_share']:.1%} of the weight; the interval is too short: evaluate a policy nearer "
            "to the logging one"
        )
    if abs(found["propensity_check_z"]) > _WRONG:
        notes.append(
            f"warning: weights average {found['mean_weight']:.3g} where right propensities give "
            f"{1 - found['unsupported_mass']:.3g} ({found['propensity_check_z']:+.1f} standard errors); the "
            "propensities "
            "are not those of the logging policy"
        )
    return notes


def _assumptions(method: str) -> tuple[str, ...]:
    shared = (
        "rounds are drawn alike and past choices do not change future rewards",
        "the policy wants only what the log took",
    )
    if method == "dm":
        return (*shared, "the reward model is right")
    return (*shared, "propensities are those of the logging policy")
