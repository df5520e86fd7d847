"""Chance with which the logged action was chosen: logged, given, read from the logging policy, or estimated."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.intervention.ope.reward_model import context_features
from causalrec_lab.policy import BanditLog, Policy, checked_probabilities

__all__ = ["all_probabilities", "estimated_probabilities", "logged_propensities"]

Floats = npt.NDArray[np.float64]
ESTIMATED = (
    "propensities were estimated by multinomial logistic regression on these rounds; where that has the right shape "
    "the interval is rather too wide, where it has not, their error is not in the interval (dr needs only that they "
    "and the reward model are both fairly right; ips and snips rest on them alone)"
)
_MISMATCH = 1e-4


def all_probabilities(policy: Policy | npt.NDArray[Any], contexts: Any, n_actions: int) -> npt.NDArray[Any]:
    """(n, actions) probabilities of a policy, or the array of them, checked and not copied.

    Raises
    ------
    ValueError
        If the shape is another, a value is no probability, or a row does not sum to 1.
    """
    if not isinstance(policy, np.ndarray) and not hasattr(policy, "probabilities"):
        raise ValueError(
            f"a policy is something with .probabilities(contexts), or an (n, actions) array; this is a "
            f"{type(policy).__name__}: for a table of probabilities give numpy.asarray of it"
        )
    found = policy if isinstance(policy, np.ndarray) else policy.probabilities(contexts)
    slack = {np.dtype(np.float64): 1e-6, np.dtype(np.float32): 1e-5}.get(np.asarray(found).dtype)
    if slack is not None and found.shape == (len(contexts), n_actions):
        # two passes over a large matrix; the full check, which finds the words for what is wrong, takes six
        total = found @ np.ones(n_actions) if slack < 1e-5 else found.sum(axis=1, dtype=np.float64)
        if found.min() >= 0 and (np.abs(total - 1.0) <= slack).all():
            return np.asarray(found)
    return checked_probabilities(found, n=len(contexts), n_actions=n_actions)


def logged_propensities(
    log: BanditLog, propensity: npt.NDArray[Any] | None, logging: npt.NDArray[Any] | None
) -> tuple[Floats, tuple[str, ...]]:
    """(n,) propensity of every logged action, and what must be said of it.

    Parameters
    ----------
    log
        Rounds.
    propensity
        (n,) values that take the place of the log's, or None.
    logging
        (n, actions) probabilities of the logging policy, read where nothing else is there, or None.

    Raises
    ------
    ValueError
        If there are none at all, one is outside (0, 1], or the logging policy never takes an action it logged.
    """
    read = None if logging is None else logging[np.arange(len(log)), log.action].astype(np.float64)
    known = log.propensity if propensity is None else np.asarray(propensity, dtype=np.float64)
    if known is None and read is None:
        raise ValueError(
            "the log holds no propensities; pass propensity= (n,) if you know them, logging= the policy that wrote "
            "the log, propensity='estimate' to fit them from the contexts (unbiased only if the contexts hold all "
            "the logging policy saw), or method='dm'"
        )
    if known is None:
        assert read is not None
        return _checked(log, read), ()
    found = known if propensity is None else _checked(log, known)
    apart = 0.0 if read is None else float(np.mean(np.abs(read - found) > _MISMATCH * found))
    said = f"warning: logged propensities differ from logging= in {apart:.1%} of the rounds; the logged ones are used"
    return found, (said,) if apart > 0 else ()


def estimated_probabilities(log: BanditLog) -> Floats:
    """(n, actions) chance of every action given the context, by a multinomial logistic regression on all rounds.

    It is fitted to the very rounds it is used on. Its scores then are zero on them, weights balance the contexts, and
    the value is more exact than with the true chances (Hirano, Imbens and Ridder 2003, "Efficient Estimation of Average
    Treatment Effects Using the Estimated Propensity Score"); cross-fitted, 1 / p would average well above 1 and ips
    with it. Chances are at least 1/n.

    Parameters
    ----------
    log
        Rounds; columns of a DataFrame enter as in `RewardModel`.

    Raises
    ------
    ValueError
        If the log took a single action.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    if log.action.min() == log.action.max():
        raise ValueError("the log took a single action, so propensities are 1 and no other action can be valued")
    X = context_features(log.contexts)
    X = StandardScaler().fit_transform(X) if X.shape[1] else np.zeros((len(log), 1))
    model = LogisticRegression(max_iter=500).fit(X, log.action)
    table = np.zeros((len(log), log.n_actions))
    table[:, model.classes_] = model.predict_proba(X)
    return np.maximum(table, 1.0 / len(log), out=table)


def _checked(log: BanditLog, values: Floats) -> Floats:
    if values.shape != (len(log),):
        raise ValueError(f"propensity= has shape {values.shape}; give one value a round, shape ({len(log)},)")
    found = BanditLog(log.contexts, log.action, log.reward, values, log.n_actions).propensity
    assert found is not None  # BanditLog has just checked what was passed
    return found
