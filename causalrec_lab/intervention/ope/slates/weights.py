r"""Importance weights of lists: of the whole, of what stands down to a position, of an item at a position.

With :math:`\pi` the target and :math:`\pi_0` the logging policy, both Plackett-Luce:

==================== ======================================================================================
standard             :math:`w = \prod_k \pi(a_k | a_{<k}) / \pi_0(a_k | a_{<k})`, one for the list
reward_interaction   :math:`w_k = \prod_{j \le k} \pi(a_j | a_{<j}) / \pi_0(a_j | a_{<j})`, one a position
independent          :math:`w_k = P_\pi(a_k \text{ at } k) / P_{\pi_0}(a_k \text{ at } k)`, one a position
pseudoinverse        :math:`w = q_\pi' \Gamma^+ 1_a`, one for the list, with :math:`1_a` the list as a 0/1 vector over
                     positions and items, :math:`q_\pi = E_\pi 1_a` and :math:`\Gamma = E_{\pi_0} 1_a 1_a'`
==================== ======================================================================================
"""

from __future__ import annotations

from math import perm
from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.intervention.ope.slates.log import SlateLog
from causalrec_lab.policy import Policy, checked_probabilities
from causalrec_lab.world.lists.rankings import all_lists, item_at_position, propensities_given_above

__all__ = [
    "chances_of",
    "cumulative_weights",
    "independent_weights",
    "list_weights",
    "logged_chances",
    "pseudo_weights",
]

Floats = npt.NDArray[np.float64]
MOST_LISTS = 5_000  # that the pseudo-inverse enumerates a context


def chances_of(log: SlateLog, policy: Policy | npt.NDArray[Any], name: str = "policy") -> Floats:
    """(n, n_actions) probabilities of a policy on the logged contexts.

    Raises
    ------
    ValueError
        If they are no distributions over the catalogue, or the policy cannot fill the logged lists.
    """
    found = policy if isinstance(policy, np.ndarray) else policy.probabilities(log.contexts)
    chances = checked_probabilities(found, n=len(log), n_actions=log.n_actions)
    short = (chances > 0).sum(axis=1) < log.shown.sum(axis=1)
    if short.any():
        row = int(np.argmax(short))
        raise ValueError(
            f"{name} gives a chance to {int((chances[row] > 0).sum())} items where list {row} has "
            f"{int(log.shown[row].sum())} positions; a policy of lists must be able to fill them"
        )
    return chances


def logged_chances(log: SlateLog, logging: Policy | npt.NDArray[Any] | None) -> Floats | None:
    """(n, n_actions) probabilities of the logging policy, None where it is not given.

    Raises
    ------
    ValueError
        If it gives no chance to an item it is said to have shown.
    """
    if logging is None:
        return None
    chances = chances_of(log, logging, "logging")
    picked = np.take_along_axis(chances, np.where(log.shown, log.action, 0), axis=1)
    if (never := (picked == 0) & log.shown).any():
        row, position = np.argwhere(never)[0]
        raise ValueError(
            f"logging= gives no chance to {int(never.sum())} logged items, first in list {row} at position {position}: "
            f"item {log.action[row, position]}; it is not the policy that wrote this log"
        )
    return chances


def cumulative_weights(log: SlateLog, target: Floats, logging: Floats | None) -> Floats:
    """(n, length) weight of what stands down to each position.

    Raises
    ------
    ValueError
        If neither the log nor a logging policy gives the chance of an item given those above it.
    """
    logged = log.propensity if log.propensity is not None or logging is None else _above(log, logging)
    if logged is None:
        also = "; method='standard' needs only the slate_propensity it has" if log.slate_propensity is not None else ""
        raise ValueError(
            "the log has no `propensity` (of an item, given those above it); pass logging=, the policy that wrote it"
            + also
        )
    return np.asarray(np.cumprod(_above(log, target) / logged, axis=1))


def list_weights(log: SlateLog, target: Floats, logging: Floats | None) -> Floats:
    """(n, 1) weight of the whole list.

    Raises
    ------
    ValueError
        If neither the log nor a logging policy gives the chance of a list.
    """
    logged = log.slate_propensity
    if logged is None and logging is not None:
        logged = _above(log, logging).prod(axis=1)
    if logged is None:
        raise ValueError("the log has no propensities; pass logging=, the policy that wrote it")
    return np.asarray(_above(log, target).prod(axis=1) / logged, dtype=np.float64)[:, None]


def independent_weights(log: SlateLog, target: Floats, logging: Floats | None) -> Floats:
    """(n, length) weight of each item at its position.

    Raises
    ------
    ValueError
        If neither the log nor a logging policy gives the chance of an item at its position.
    """
    logged = log.marginal_propensity
    if logged is None and logging is not None:
        logged = _at(log, logging)
    if logged is None:
        raise ValueError(
            "this needs the chance of each item at its position, whatever stands above it, which no log of chances "
            "given those above can tell: pass logging=, the policy that wrote the log, or log marginal_propensity"
        )
    return np.asarray(_at(log, target) / logged)


def pseudo_weights(log: SlateLog, target: Floats, logging: Floats | None) -> Floats:
    """(n, 1) weight of the pseudo-inverse.

    Raises
    ------
    ValueError
        If the logging policy is not given, or has too many lists to be enumerated.
    """
    if logging is None:
        raise ValueError("the pseudo-inverse needs the logging policy's chances of all lists: pass logging=")
    found = np.ones((len(log), 1))
    for length in np.unique(log.shown.sum(axis=1)).tolist():
        if (count := perm(log.n_actions, length)) > MOST_LISTS:
            raise ValueError(
                f"the pseudo-inverse enumerates all lists, and there are {count:,} of {length} out of {log.n_actions} "
                f"items (at most {MOST_LISTS:,}); take method='independent' or 'reward_interaction'"
            )
        rows = np.flatnonzero(log.shown.sum(axis=1) == length)
        found[rows, 0] = _projected(log.action[rows, :length], target[rows], logging[rows])
    return found


def _projected(lists: npt.NDArray[np.int64], target: Floats, logging: Floats) -> Floats:
    """The weights of lists of one length; contexts in which both policies agree are solved once."""
    n_items, length = target.shape[1], lists.shape[1]
    every = all_lists(n_items, length)
    cells = every + n_items * np.arange(length)
    shown = np.zeros((len(every), n_items * length))
    np.put_along_axis(shown, cells, 1.0, axis=1)
    distinct, which = np.unique(np.column_stack([logging, target]), axis=0, return_inverse=True)
    found = np.empty(len(lists))
    for number in range(len(distinct)):
        rows = np.flatnonzero(which == number)
        old, new = distinct[number, :n_items], distinct[number, n_items:]
        chance = propensities_given_above(np.broadcast_to(old, (len(every), n_items)), every).prod(axis=1)
        gamma = shown.T @ (chance[:, None] * shown)
        wanted = item_at_position(new[None], length).reshape(-1)
        solved = np.linalg.pinv(gamma, rcond=1e-10, hermitian=True) @ wanted
        found[rows] = solved[lists[rows] + n_items * np.arange(length)].sum(axis=1)
    return found


def _above(log: SlateLog, chances: Floats) -> Floats:
    return propensities_given_above(chances, log.action)


def _at(log: SlateLog, chances: Floats) -> Floats:
    """(n, length) chance of each logged item at its position, 1 beyond the end."""
    found = np.ones(log.action.shape)
    lengths = log.shown.sum(axis=1)
    for length in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        every = item_at_position(chances[rows], length)
        found[rows, :length] = np.take_along_axis(every, log.action[rows, :length, None], axis=2)[:, :, 0]
    return found
