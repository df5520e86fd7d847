"""Nearest neighbours with every tie: rows that stand in one place are counted as one, so ties cost next to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.columns import Floats, Integers

__all__ = ["Neighbours", "nearest_rows", "whitened"]

_TREE = 8  # dimensions up to which a k-d tree looks at few points; beyond, it visits them all and a product is faster
_BLOCK = 10_000_000  # distances held at once, 80 MB
_TIE = 1e-11  # of the largest squared norm: closer than rounding can tell
_SAME = 1e-12  # of the largest coordinate: two sums of the same terms in another order
_RANK = 1e-10  # share of the largest eigenvalue below which a direction is a copy of others


@dataclass(frozen=True)
class Neighbours:
    """Neighbours of some target rows among n donors, all donors of one place together.

    Parameters
    ----------
    rows
        (k,) numbers of the target rows.
    near
        (targets' places, donors' places) ones where a place is a neighbour, sparse or dense; with `own` also its own.
    target, donor
        (k,) place of each target row, counted in `near`; (n,) place of each donor.
    own
        Whether targets are the donors themselves, each left out of its own neighbours.
    """

    rows: Integers
    near: Any
    target: Integers
    donor: Integers
    own: bool

    def total(self, weights: Floats) -> Floats:
        """(k,) weight of each row's neighbours; with weights of 1, how many it has."""
        found = (self.near @ self._sums(weights))[self.target]
        return np.asarray(found - weights[self.rows] if self.own else found)

    def mean(self, values: Floats, weights: Floats) -> Floats:
        """(k, q) means of (n, q) values over each row's neighbours, one of weight 2 counting as two rows do."""
        weighted = values * weights[:, None]
        found = (self.near @ self._sums(weighted))[self.target]
        return np.asarray((found - weighted[self.rows] if self.own else found) / self.total(weights)[:, None])

    def carried(self, masses: Floats, weights: Floats, power: int = 1) -> Floats:
        """(n,) what donors carry if each row deals its mass to its neighbours by weight, shares to the power given."""
        per_unit = masses / self.total(weights) ** power
        dealt = self.near.T @ np.bincount(self.target, weights=per_unit, minlength=self.near.shape[0])
        return np.asarray(weights**power * dealt[self.donor])

    def _sums(self, values: Floats) -> Floats:
        from scipy.sparse import csr_array

        n, places = len(self.donor), self.near.shape[1]
        gather = csr_array((np.ones(n), (self.donor, np.arange(n))), shape=(places, n))
        return np.asarray(gather @ values)


def nearest_rows(targets: Floats, donors: Floats, count: int, *, own: bool = False) -> Iterator[Neighbours]:
    """For blocks of target rows, their `count` nearest donors by Euclidean distance and all that tie with the last.

    Memory grows with the number of different places, not with the number of rows that tie.

    Parameters
    ----------
    targets, donors
        (m, d) and (n, d) points.
    count
        Neighbours a target.
    own
        Whether targets are the donors themselves; a row is then no neighbour of its own.
    """
    largest = max(float((targets**2).sum(axis=1).max()), float((donors**2).sum(axis=1).max()), 1e-300)
    there, donor = _places(donors)
    wanted, target = (there, donor) if own else _places(targets)
    sizes = np.bincount(donor)
    everyone = np.arange(len(wanted))
    if targets.shape[1] <= _TREE and len(there) > count + 1:
        clear, matrix = _by_tree(wanted, there, sizes, count, own, _TIE * largest)
        yield _block(everyone[clear], matrix, target, donor, own)
        everyone = everyone[~clear]
    size = max(1, _BLOCK // len(there))
    for start in range(0, len(everyone), size):
        part = everyone[start : start + size]
        near = _by_product(wanted[part], there, sizes, count, part if own else None, _TIE * largest)
        yield _block(part, near, target, donor, own)


def _places(points: Floats) -> tuple[Floats, Integers]:
    """The different points, and the number of each row's own."""
    step = _SAME * max(float(np.abs(points).max(initial=0.0)), 1e-300)
    codes: Integers = np.zeros(len(points), dtype=np.int64)
    for column in points.T:
        one, kinds = pd.factorize(np.round(column / step))
        codes = np.asarray(pd.factorize(codes * (len(kinds) + 1) + one)[0], dtype=np.int64)
    return points[np.unique(codes, return_index=True)[1]], codes


def _block(places: Integers, near: Any, target: Integers, donor: Integers, own: bool) -> Neighbours:
    numbered = np.full(int(target.max()) + 1, -1, dtype=np.int64)
    numbered[places] = np.arange(len(places))
    rows = np.flatnonzero(numbered[target] >= 0)
    return Neighbours(rows, near, numbered[target[rows]], donor, own)


def _by_tree(wanted: Floats, there: Floats, sizes: Integers, count: int, own: bool, tie: float) -> tuple[Any, Any]:
    """Mask of places whose last neighbour ties with no farther place, and the matrix of their neighbours."""
    from scipy.sparse import csr_array
    from scipy.spatial import cKDTree

    asked = min(count + 1 + own, len(there))
    found = cKDTree(there, balanced_tree=False).query(wanted, k=asked)
    distances, places = np.asarray(found[0], dtype=np.float64), np.asarray(found[1], dtype=np.int64)
    held = sizes[places] - (places == np.arange(len(wanted))[:, None] if own else 0)
    last = (np.cumsum(held, axis=1) >= count).argmax(axis=1)
    everyone = np.arange(len(wanted))
    after = np.where(last + 1 < asked, distances[everyone, np.minimum(last + 1, asked - 1)], -np.inf)
    clear = after**2 > distances[everyone, last] ** 2 + tie
    clear &= np.isfinite(distances[everyone, last]) & (after > 0)
    used = np.arange(asked) <= last[:, None]
    kept = places[clear][used[clear]]
    starts = np.concatenate([[0], np.cumsum(last[clear] + 1)])
    return clear, csr_array((np.ones(len(kept)), kept, starts), shape=(int(clear.sum()), len(there)))


def _by_product(wanted: Floats, there: Floats, sizes: Integers, count: int, own: Integers | None, tie: float) -> Floats:
    """(places, donors' places) ones where a donors' place is a neighbour."""
    squared = (there**2).sum(axis=1) - 2 * wanted @ there.T  # less the target's own norm, which changes no order
    itself = (np.arange(len(wanted)), own) if own is not None else (np.empty(0, dtype=np.int64),) * 2
    if sizes.max() == 1:
        squared[itself] = np.inf
        last = np.partition(squared, count - 1, axis=1)[:, [count - 1]]
    else:
        held = np.tile(sizes, (len(wanted), 1))
        held[itself] -= 1
        order = np.argsort(squared, axis=1, kind="stable")
        enough = (np.cumsum(np.take_along_axis(held, order, axis=1), axis=1) >= count).argmax(axis=1)
        last = np.take_along_axis(squared, np.take_along_axis(order, enough[:, None], axis=1), axis=1)
    near = squared <= last + tie
    near[itself] = True
    return np.asarray(near.astype(np.float64))


def whitened(columns: Floats, weights: Floats) -> Floats:
    """(n, r) columns whose Euclidean distance is the Mahalanobis distance; copies of other columns fall away."""
    centred = columns - np.average(columns, axis=0, weights=weights)
    covariance = (centred * weights[:, None]).T @ centred / weights.sum()
    values, vectors = np.linalg.eigh(covariance)
    alive = values > _RANK * max(float(values.max(initial=0.0)), 1e-300)
    return np.asarray(centred @ (vectors[:, alive] / np.sqrt(values[alive])))
