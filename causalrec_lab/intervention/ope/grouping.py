"""Ways to group actions, from every action its own to all alike; marginalised IPS chooses among them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.intervention.ope.embeddings import action_labels, cluster_actions, cluster_counts, cluster_mass
from causalrec_lab.intervention.ope.loggers import Rounds
from causalrec_lab.intervention.ope.round_rewards import RoundRewards
from causalrec_lab.intervention.ope.uncertainty import standard_error

__all__ = ["Grouping", "cluster_weights", "grouping"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Grouping:
    """Groupings of actions, from finest to coarsest.

    Parameters
    ----------
    parameter
        What numbers them: "clusters" or "columns".
    candidates
        (m,) numbers; a single one where there is nothing to choose.
    labels
        Number -> (actions,) codes.
    words
        Number -> what must be said of it.
    """

    parameter: str
    candidates: Floats
    labels: Callable[[int], Integers]
    words: Callable[[int], tuple[str, ...]]


def grouping(embeddings: Any, rounds: Rounds, codes: Integers | None, seed: int) -> Grouping:
    """Read what was given as embeddings.

    Labels are one grouping. A DataFrame of several columns (category, brand, ...) gives one for each number of columns
    kept: the column whose loss narrows the interval most goes first (the greedy selection of Saito and Joachims 2022).
    A matrix of floats is clustered by k-means, by 1, 2, 4, ... up to as many clusters as there are actions.

    Raises
    ------
    ValueError
        If there are no embeddings, or not one row an action.
    """
    if embeddings is None:
        raise ValueError(
            "method='mips' needs embeddings=: a label for each action, a DataFrame of labels with one row an action, "
            "or an (actions, d) array of numbers to be clustered"
        )
    n_actions = rounds.log.n_actions
    if isinstance(embeddings, pd.DataFrame) and embeddings.shape[1] > 1:
        return _columns(embeddings, rounds, codes)
    array = np.asarray(embeddings)
    if array.ndim == 2 and array.dtype.kind == "f":
        if len(array) != n_actions:
            raise ValueError(f"embeddings have {len(array)} rows for {n_actions} actions; give one an action")
        kept: dict[int, Integers] = {}

        def clustered(count: int) -> Integers:
            if count not in kept:
                kept[count] = cluster_actions(array, count, seed=seed)
            return kept[count]

        return Grouping("clusters", cluster_counts(n_actions), clustered, lambda _: ())
    labels = action_labels(embeddings, n_actions)
    return Grouping("clusters", np.array([labels.max() + 1.0]), lambda _: labels, lambda _: ())


def cluster_weights(rounds: Rounds, labels: Integers) -> Floats:
    """(n,) weights of the clusters of the logged actions; an action alone in its cluster keeps its own.

    Raises
    ------
    ValueError
        If a cluster has several actions and nothing tells the logging policy's chance of each.
    """
    action = rounds.log.action
    assert rounds.propensity is not None
    assert rounds.weights is not None
    several = np.bincount(labels)[labels[action]] > 1
    found = rounds.weights.copy()
    if not several.any():
        return found
    if rounds.logging is None:
        raise ValueError(
            "a cluster's weight needs the logging policy's chance of every action in it: pass logging= (the policy, or "
            "its (n, actions) probabilities), or propensity='estimate'"
        )
    below = cluster_mass(rounds.logging, labels, action)[several]
    if not (below > 0).all():
        raise ValueError("logging= gives no chance to a cluster that was logged; give the policy that wrote the log")
    found[several] = cluster_mass(rounds.target, labels, action)[several] / below
    return found


def _columns(table: pd.DataFrame, rounds: Rounds, codes: Integers | None) -> Grouping:
    """Nested sets of columns, the one that narrows the interval most being dropped at each step."""
    n_actions, kept = rounds.log.n_actions, list(table.columns)
    sets = {len(kept): list(kept)}

    def labels(names: list[Any]) -> Integers:
        return action_labels(table[names], n_actions) if names else np.zeros(n_actions, dtype=np.int64)

    def width(names: list[Any]) -> float:
        used = cluster_weights(rounds, labels(names))
        influence = RoundRewards(np.zeros(len(used)), used, rounds.log.reward).influence
        return standard_error(influence, codes, rounds.strata)

    while kept:
        kept.remove(min(kept, key=lambda name: width([other for other in kept if other != name])))
        sets[len(kept)] = list(kept)
    counts = np.arange(table.shape[1], -1, -1, dtype=np.float64)
    return Grouping("columns", counts, lambda count: labels(_of(sets, count)), lambda count: (_said(_of(sets, count)),))


def _of(sets: dict[int, list[Any]], count: int) -> list[Any]:
    if count not in sets:
        raise ValueError(f"parameter={count} columns of the embeddings; there are {max(sets)}")
    return sets[count]


def _said(names: list[Any]) -> str:
    return f"actions are told apart by {', '.join(map(str, names))}" if names else "actions are not told apart"
