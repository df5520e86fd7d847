r"""Many actions: weights of what an action *is* (its cluster, its category) in place of the action itself.

With thousands of items most weights are huge. If items of a cluster c earn alike, its weight is enough (Saito and
Joachims 2022, "Off-Policy Evaluation for Large Action Spaces via Embeddings", marginalised IPS):

.. math:: w(x, c) = \frac{\pi(c|x)}{\pi_0(c|x)} = \frac{\sum_{a \in c} \pi(a|x)}{\sum_{a \in c} \pi_0(a|x)}

A cluster for each action gives ordinary weights back; one cluster for all gives every round the weight 1. What is lost
is what actions do beyond their cluster (a *direct effect*): then the estimate is biased, by `direct_effect_bias`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["action_labels", "cluster_actions", "cluster_counts", "cluster_mass", "cluster_sums", "direct_effect_bias"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def cluster_actions(embeddings: npt.ArrayLike, clusters: int, *, seed: int = 0) -> Integers:
    """(actions,) cluster of each action by k-means on its embedding (the text of the items, say).

    Parameters
    ----------
    embeddings
        (actions, d) numbers, such as `TextEncoder` gives for the items' texts.
    clusters
        k; as many as there are actions gives each its own.
    seed
        Of the starting centres.

    Raises
    ------
    ValueError
        If embeddings are no finite matrix, or k is not between 1 and the number of actions.
    """
    X = np.asarray(embeddings, dtype=np.float64)
    if X.ndim != 2 or not np.isfinite(X).all():
        raise ValueError(f"embeddings have shape {X.shape} or are not all finite; give (actions, d) numbers")
    if not 1 <= clusters <= len(X):
        raise ValueError(f"clusters={clusters}; give a number between 1 and the {len(X)} actions")
    if clusters == len(X):
        return np.arange(len(X))
    from sklearn.cluster import KMeans

    found = KMeans(int(clusters), n_init=3, random_state=seed).fit_predict(X)
    return np.asarray(pd.factorize(found)[0], dtype=np.int64)


def cluster_counts(n_actions: int) -> Floats:
    """Numbers of clusters to choose from: each action its own, then half as many, down to one."""
    return np.unique(np.geomspace(n_actions, 1, int(np.ceil(np.log2(max(n_actions, 2)))) + 1).round())[::-1].copy()


def action_labels(embeddings: Any, n_actions: int) -> Integers:
    """(actions,) code of each action's discrete embedding: equal rows share a code.

    Parameters
    ----------
    embeddings
        (actions,) labels, an (actions, L) array of labels, or a DataFrame with one row an action.
    n_actions
        Number of actions.

    Raises
    ------
    ValueError
        If there is not one row an action, or a label is missing.
    """
    table = pd.DataFrame(np.asarray(embeddings) if not isinstance(embeddings, pd.DataFrame) else embeddings)
    if len(table) != n_actions:
        raise ValueError(f"embeddings have {len(table)} rows for {n_actions} actions; give one an action")
    if (lost := table.isna().any(axis=1).to_numpy()).any():
        raise ValueError(
            f"embeddings are missing for {int(lost.sum())} actions, first {int(lost.argmax())}; label them"
        )
    return np.asarray(table.groupby(list(table.columns), sort=False).ngroup(), dtype=np.int64)


def cluster_mass(probabilities: npt.NDArray[Any], labels: Integers, action: Integers) -> Floats:
    """(n,) probability of the cluster of each round's action.

    Parameters
    ----------
    probabilities
        (n, actions) array of a policy.
    labels
        (actions,) clusters.
    action
        (n,) logged actions.
    """
    found, chosen = np.empty(len(action)), labels[action]
    order = np.argsort(chosen, kind="stable")
    ends = np.searchsorted(chosen[order], np.arange(int(labels.max()) + 2))
    for cluster, members in _members(labels):
        rows = order[ends[cluster] : ends[cluster + 1]]
        if len(members) == 1:
            found[rows] = probabilities[rows, members[0]]
        elif len(rows):
            found[rows] = probabilities[np.ix_(rows, members)].sum(axis=1, dtype=np.float64)
    return found


def cluster_sums(probabilities: npt.NDArray[Any], labels: Integers) -> npt.NDArray[Any]:
    """(n, clusters) probability of every cluster.

    Parameters
    ----------
    probabilities
        (n, actions) array of a policy.
    labels
        (actions,) clusters 0, 1, ..., each with at least one action.
    """
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(int(labels.max()) + 1))
    return np.asarray(np.add.reduceat(probabilities[:, order], starts, axis=1))


def direct_effect_bias(
    policy: npt.NDArray[Any], logging: npt.NDArray[Any], rewards: npt.NDArray[Any], labels: npt.ArrayLike
) -> float:
    r"""Bias of cluster weights, given every action's expected reward.

    .. math:: E\Big[\sum_a \{\pi_0(a|x)\, w(x, c(a)) - \pi(a|x)\}\, q(x, a)\Big]

    It is 0 where actions of a cluster earn alike, or where both policies choose alike inside clusters (Saito and
    Joachims 2022, section 3). With true rewards it is the true bias; with a model's, an estimate.

    Parameters
    ----------
    policy, logging
        (n, actions) probabilities of the policy and of the logging policy.
    rewards
        (n, actions) expected rewards.
    labels
        (actions,) clusters.

    Raises
    ------
    ValueError
        If shapes differ.
    """
    codes = action_labels(labels, policy.shape[1])
    if not policy.shape == logging.shape == rewards.shape:
        raise ValueError(f"policy, logging and rewards have shapes {policy.shape}, {logging.shape}, {rewards.shape}")
    total = 0.0
    for _, members in _members(codes):
        wanted, taken = (p[:, members].sum(axis=1) for p in (policy, logging))
        worth = np.einsum("ij,ij->i", logging[:, members], rewards[:, members])
        weight = np.divide(wanted, taken, out=np.zeros_like(wanted), where=taken > 0)
        total += float((weight * worth - np.einsum("ij,ij->i", policy[:, members], rewards[:, members])).mean())
    return total


def _members(labels: Integers) -> list[tuple[int, Integers]]:
    order = np.argsort(labels, kind="stable")
    return list(enumerate(np.split(order, np.searchsorted(labels[order], np.arange(1, int(labels.max()) + 1)))))
