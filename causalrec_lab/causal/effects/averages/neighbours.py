"""Nearest neighbours with every tie, streamed in blocks: the engine of matching."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from causalrec_lab.causal.effects.columns import Floats, Integers

__all__ = ["nearest_rows", "whitened"]

_TREE = 8  # dimensions up to which a k-d tree looks at few points; beyond, it visits them all and a product is faster
_BLOCK = 10_000_000  # distances held at once, 80 MB
_TIE = 1e-11  # of the largest squared norm: closer than rounding can tell
_RANK = 1e-10  # share of the largest eigenvalue below which a direction is a copy of others


def nearest_rows(
    targets: Floats, donors: Floats, count: int, *, own: bool = False
) -> Iterator[tuple[Integers, Any, Floats]]:
    """For blocks of target rows, their `count` nearest donors by Euclidean distance and all that tie with the last.

    Parameters
    ----------
    targets, donors
        (m, d) and (n, d) points.
    count
        Neighbours a target.
    own
        Whether targets are the donors themselves; a row is then no neighbour of its own.

    Yields
    ------
    Row numbers of targets; a (rows, n) matrix, sparse or dense, that averages over each one's neighbours; (rows,) how
    many neighbours each has.
    """
    tie = _TIE * max(float((targets**2).sum(axis=1).max()), float((donors**2).sum(axis=1).max()), 1e-300)
    everyone = np.arange(len(targets))
    if targets.shape[1] <= _TREE and len(donors) > count + 1:
        clear, matrix = _by_tree(targets, donors, count, own, tie)
        yield everyone[clear], matrix, np.full(int(clear.sum()), float(count))
        everyone = everyone[~clear]
    size = max(1, _BLOCK // len(donors))
    for start in range(0, len(everyone), size):
        rows = everyone[start : start + size]
        near = _by_product(targets[rows], donors, count, rows if own else None, tie)
        numbers = near.sum(axis=1)
        yield rows, near / numbers[:, None], numbers


def _by_tree(targets: Floats, donors: Floats, count: int, own: bool, tie: float) -> tuple[Any, Any]:
    """Mask of targets whose neighbours are `count` without a tie, and the matrix that averages over these."""
    from scipy.sparse import csr_array
    from scipy.spatial import cKDTree

    found = cKDTree(donors, balanced_tree=False).query(targets, k=count + 1 + own)
    distances, places = np.asarray(found[0], dtype=np.float64), np.asarray(found[1], dtype=np.int64)
    if own:
        distances[places == np.arange(len(targets))[:, None]] = np.inf
        order = np.argsort(distances, axis=1, kind="stable")
        distances, places = np.take_along_axis(distances, order, axis=1), np.take_along_axis(places, order, axis=1)
    clear = distances[:, count] ** 2 > distances[:, count - 1] ** 2 + tie
    kept = places[clear, :count]
    starts = np.arange(0, kept.size + 1, count)
    return clear, csr_array((np.full(kept.size, 1 / count), kept.ravel(), starts), shape=(len(kept), len(donors)))


def _by_product(targets: Floats, donors: Floats, count: int, own: Integers | None, tie: float) -> Floats:
    """(rows, n) ones where a donor is a neighbour."""
    squared = (donors**2).sum(axis=1) - 2 * targets @ donors.T  # less the target's own norm, which changes no order
    if own is not None:
        squared[np.arange(len(own)), own] = np.inf
    last = np.partition(squared, count - 1, axis=1)[:, [count - 1]]
    return np.asarray((squared <= last + tie).astype(np.float64))


def whitened(columns: Floats, weights: Floats) -> Floats:
    """(n, r) columns whose Euclidean distance is the Mahalanobis distance; copies of other columns fall away."""
    centred = columns - np.average(columns, axis=0, weights=weights)
    covariance = (centred * weights[:, None]).T @ centred / weights.sum()
    values, vectors = np.linalg.eigh(covariance)
    alive = values > _RANK * max(float(values.max(initial=0.0)), 1e-300)
    return np.asarray(centred @ (vectors[:, alive] / np.sqrt(values[alive])))
