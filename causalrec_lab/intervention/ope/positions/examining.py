r"""Position bias from logs: how much each position is examined, under the position-based model.

.. math:: P(\text{click} | x, a, k) = \theta_k \, \gamma(x, a)

(Richardson, Dominowska and Ragno 2007, WWW). What separates the two is that the same item stands at several positions
for reasons that are not its relevance:

=========== ============================================================================ ==============================
method      what moved the items                                                         source
=========== ============================================================================ ==============================
random      lists in random order, or one random swap with the first position            Joachims et al. 2017, WSDM
propensity  a randomised logging policy that is known                                    see `weighted`
harvesting  several rankers, or one that is randomised: same user, same item             Agarwal et al. 2019, WSDM
regression  nothing: relevance is modelled                                               Wang et al. 2018, WSDM
=========== ============================================================================ ==============================
"""

from __future__ import annotations

import difflib
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.intervention.ope.positions.curve import Examination
from causalrec_lab.intervention.ope.positions.rates import linked, position_rates
from causalrec_lab.intervention.ope.positions.relevance import regression_rates
from causalrec_lab.intervention.ope.positions.weighted import weighted_rates
from causalrec_lab.intervention.ope.reward_model import context_features
from causalrec_lab.intervention.ope.slates.log import SlateLog
from causalrec_lab.intervention.ope.slates.weights import logged_chances
from causalrec_lab.intervention.ope.uncertainty import cluster_codes
from causalrec_lab.policy import Policy

__all__ = ["EXAMINATION_METHODS", "examination"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
EXAMINATION_METHODS = ("random", "propensity", "harvesting", "regression")
_FEW = 100.0
_MODEL = "a click is examination of the position times relevance of the item: no position's clicks change another's"
_ASSUMES = {
    "random": "the order was drawn without regard to relevance",
    "propensity": "logging= is the policy that wrote the log",
    "harvesting": "an item's relevance to a user is the same at every position it was shown at",
    "regression": "relevance follows the features as modelled",
}


def examination(
    log: SlateLog,
    method: str = "auto",
    *,
    swapped: npt.ArrayLike | None = None,
    logging: Policy | npt.NDArray[Any] | None = None,
    features: npt.NDArray[Any] | None = None,
    cluster: npt.NDArray[Any] | None = None,
    level: float = 0.95,
) -> Examination:
    r"""Estimate how much each position is examined, beside the first.

    Parameters
    ----------
    log
        Lists and their clicks.
    method
        "random": every list's order is random, or `swapped` says what was. "propensity": `logging` is known.
        "harvesting": items that stood at several positions for the same user (the same context, where lists name no
        user). "regression": relevance from `features`. "auto" takes random where `swapped` is given, propensity where
        `logging` is, else harvesting.
    swapped
        (n,) position whose item a fair coin exchanged, or not, with the first one's; 0 for lists that took no part.
    logging
        The policy that wrote the log, or its (n, n_actions) probabilities.
    features
        (n, length, d) what relevance is read from in "regression"; None takes the contexts and one column an item.
    cluster
        (n,) labels of lists that err together; None takes users (contexts) in harvesting, else single lists.
    level
        Confidence level.

    Raises
    ------
    ValueError
        If the method is unknown, lists have one position, rewards are negative, what the method needs is missing, or
        the log identifies nothing: no item moves.
    """
    method = _settled(method, swapped, logging)
    if log.length < 2:
        raise ValueError("all lists have one position, so there is none to compare it with")
    if (log.reward < 0).any():
        raise ValueError("rewards are clicks, or amounts of at least 0: examination cannot make one negative")
    codes = cluster_codes(cluster, len(log))
    if method == "propensity":
        chances = logged_chances(log, logging)
        if chances is None:
            raise ValueError("method='propensity' needs logging=, the policy that wrote the log")
        found = weighted_rates(log, chances, np.arange(len(log)) if codes is None else codes)
        return _result(log, method, level, found, {"effective_sample_size": found[2]})
    row, position = np.nonzero(log.shown)
    clicks = log.reward[row, position]
    by_list = (np.arange(len(log)) if codes is None else codes)[row]
    if method == "regression":
        read = _features(log, features)[row, position]
        found = regression_rates(read, position, clicks, by_list, log.length)
        return _result(log, method, level, found, {"steps": found[2]})
    strata, kept = _random_strata(log, swapped) if method == "random" else _item_strata(log)
    own: Ints = _users(log)[row] if method == "harvesting" and codes is None else by_list
    use = kept[row, position]
    strata = np.unique(strata[row, position][use], return_inverse=True)[1]
    _check_moves(log, strata, position[use])
    found = position_rates(strata, position[use], clicks[use], own[use], log.length)
    return _result(log, method, level, found, {"clicks_compared": found[2]})


def _settled(method: str, swapped: Any, logging: Any) -> str:
    if method == "auto":
        return "random" if swapped is not None else "propensity" if logging is not None else "harvesting"
    if method not in EXAMINATION_METHODS:
        near = difflib.get_close_matches(str(method), EXAMINATION_METHODS, n=1) or EXAMINATION_METHODS
        raise ValueError(f"unknown method {method!r}; did you mean {' or '.join(map(repr, near))}, or 'auto'?")
    return method


def _users(log: SlateLog) -> Ints:
    """(n,) code of whose list it is: of the user, or of the context where none is named."""
    if log.user is not None:
        codes: Ints = np.asarray(pd.factorize(np.asarray(log.user))[0], dtype=np.int64)
        return codes
    contexts = log.contexts if isinstance(log.contexts, pd.DataFrame) else pd.DataFrame(log.contexts)
    if contexts.shape[1] == 0:
        return np.zeros(len(log), dtype=np.int64)  # one context for all
    groups = contexts.groupby(list(contexts.columns), sort=False, dropna=False).ngroup()
    return np.asarray(groups.to_numpy(), dtype=np.int64)


def _item_strata(log: SlateLog) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """The same item for the same user."""
    return _users(log)[:, None] * log.n_actions + np.where(log.shown, log.action, 0), log.shown


def _random_strata(log: SlateLog, swapped: npt.ArrayLike | None) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Lists of one length whose order is random; or the two positions of one swap."""
    places = np.broadcast_to(np.arange(log.length), log.action.shape)
    if swapped is None:
        return np.broadcast_to(log.shown.sum(axis=1)[:, None], log.action.shape).astype(np.int64), log.shown
    partner = np.asarray(swapped)
    if partner.shape != (len(log),) or not np.isin(partner, np.arange(log.length)).all():
        raise ValueError(f"swapped: give one position in [0, {log.length}) a list, 0 where nothing could be exchanged")
    kept = log.shown & (partner[:, None] > 0) & ((places == 0) | (places == partner[:, None]))
    if not kept.any():
        raise ValueError("swapped is 0 for every list: nothing was exchanged, and no position can be compared")
    return np.broadcast_to(partner[:, None], log.action.shape).astype(np.int64), kept


def _check_moves(log: SlateLog, strata: Ints, position: Ints) -> None:
    counts = np.bincount(strata * log.length + position, minlength=(int(strata.max()) + 1) * log.length)
    joined = linked(counts.reshape(-1, log.length).astype(np.float64))
    if joined.all():
        return
    alone = np.flatnonzero(~joined).tolist()
    raise ValueError(
        f"nothing in this log tells how much positions {alone} are examined beside the first: no item stands there and "
        "elsewhere for the same user, as under one deterministic ranker, so that relevance and position are one; swap "
        "positions at random (swapped=), log several rankers, or randomise the list (logging=)"
    )


def _features(log: SlateLog, features: npt.NDArray[Any] | None) -> Floats:
    """(n, length, d) with a constant first."""
    ones = np.ones((*log.action.shape, 1))
    if features is not None:
        given = np.asarray(features, dtype=np.float64)
        if given.shape[:2] != log.action.shape or given.ndim != 3 or not np.isfinite(given).all():
            raise ValueError(f"features: give finite numbers of shape (lists, positions, d); got {given.shape}")
        return np.concatenate([ones, given], axis=2)
    if log.n_actions > 300:
        raise ValueError(f"one column an item makes {log.n_actions}; give features= (lists, positions, d) instead")
    X = context_features(log.contexts)
    X = (X - X.mean(axis=0)) / np.where(X.std(axis=0) > 1e-12, X.std(axis=0), np.inf)
    seen = np.unique(log.action[log.shown])[1:]
    items = (log.action[:, :, None] == seen).astype(np.float64)
    own = np.broadcast_to(X[:, None], (*log.action.shape, X.shape[1]))
    return np.concatenate([ones, own, items], axis=2)


def _result(
    log: SlateLog, method: str, level: float, found: tuple[Floats, Floats, float], diagnostics: dict[str, float]
) -> Examination:
    notes = ["only ratios to the first position can be told from clicks"]
    if method in ("random", "harvesting") and found[2] < _FEW:
        notes.append(f"warning: {found[2]:.0f} clicks tell all of it; intervals this short of clicks are rough")
    if method == "propensity" and found[2] < _FEW:
        notes.append(f"warning: the effective sample size is {found[2]:.0f} lists; items hardly move in this log")
    if method == "regression":
        notes.append("identified by the model of relevance alone: check it against a log in which items move")
    words = (_MODEL, _ASSUMES[method])
    return Examination(found[0], found[1], method, len(log), level, words, tuple(notes), diagnostics)
