"""The smallest set of changes after which an item is no longer among the first k: batched, and honest about proof.

Sets are tried by size, every set of one size in few batched passes of the model; a size all of whose sets fail is ruled
out. Where a size holds more sets than the budget, only the changes that move the item most are combined, and then sets
are grown change by change and thinned out; the answer then says that it is not proven smallest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations, product
from math import comb

import numpy as np
import numpy.typing as npt

__all__ = ["Found", "Standing", "smallest_change"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_THINNED = 10  # events up to which every subset of a grown set is tried


@dataclass(frozen=True, eq=False)
class Standing:
    """How an item stands after each of m changes.

    Parameters
    ----------
    rank
        (m,) its rank, 1 the first.
    margin
        (m,) its score less that of the best item that keeps it out of the first k, or would.
    """

    rank: Ints
    margin: Floats


Judge = Callable[[Ints, Ints], Standing]


@dataclass(frozen=True, eq=False)
class Found:
    """What the search found.

    Parameters
    ----------
    places, numbers
        (s,) events that change and the item numbers that stand there instead (0: left out); None where none was found.
    ruled_out
        Largest size all of whose sets, and all smaller ones, were tried and failed.
    tried
        Changed histories that were scored.
    irreducible
        Whether every smaller set within the one found was tried and failed.
    """

    places: Ints | None
    numbers: Ints | None
    ruled_out: int
    tried: int
    irreducible: bool = True


class _Counted:
    """The judge, a count of what it judged, and the best of a list of sets."""

    def __init__(self, judge: Judge, k: int) -> None:
        self.judge, self.k, self.tried = judge, k, 0
        self.single: Floats | None = None  # margins after each single change

    def best(self, places: Ints, numbers: Ints) -> tuple[int | None, Standing]:
        """Row of the set after which the item stands lowest, None where it stays among the first k after all."""
        standing = self.judge(places, numbers)
        self.tried += len(places)
        gone = np.flatnonzero(standing.rank > self.k)
        if not len(gone):
            return None, standing
        return int(gone[np.argmin(standing.margin[gone])]), standing


def smallest_change(judge: Judge, moves: Ints, *, k: int, max_changes: int, budget: int) -> Found:
    """The smallest set of moves after which the item's rank is above k, and how far that is proven.

    Parameters
    ----------
    judge
        (m, s) places and (m, s) numbers to the item's standing after each of the m sets.
    moves
        (n, 2) places and numbers: all single changes.
    k
        Ranks 1..k count as recommended.
    max_changes
        Largest set.
    budget
        Sets of one size that are tried at most.
    """
    counted = _Counted(judge, k)
    ruled_out = 0
    sizes = min(max_changes, len(np.unique(moves[:, 0])))
    for size in range(1, sizes + 1):
        chosen, whole = _affordable(moves, size, budget, counted.single)
        places, numbers = _sets(chosen, size)
        row, standing = counted.best(places, numbers) if len(places) else (None, None)
        if row is not None:
            return Found(places[row], numbers[row], ruled_out, counted.tried)
        if size == 1 and standing is not None:
            counted.single = standing.margin if whole else None
        if not whole:
            return _grown(counted, moves, sizes, ruled_out, budget)
        ruled_out = size
    return Found(None, None, ruled_out, counted.tried)


def _affordable(moves: Ints, size: int, budget: int, single: Floats | None) -> tuple[Ints, bool]:
    """Moves whose sets of one size fit the budget, those that move the item most first; and whether that is all."""
    count = len(moves)
    if comb(count, size) <= budget or size == 1:
        return moves, True
    while count > size and comb(count, size) > budget:
        count -= 1
    order = np.arange(len(moves)) if single is None else np.argsort(single, kind="stable")
    return moves[np.sort(order[:count])], False


def _sets(moves: Ints, size: int) -> tuple[Ints, Ints]:
    """Every set of moves of one size at different places: (m, size) places and numbers."""
    by_place = [moves[moves[:, 0] == place, 1].tolist() for place in np.unique(moves[:, 0])]
    at = np.unique(moves[:, 0]).tolist()

    def each() -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
        for chosen in combinations(range(len(at)), size):
            where = tuple(at[c] for c in chosen)
            for numbers in product(*(by_place[c] for c in chosen)):
                yield where, numbers

    found = list(each())
    shape = (len(found), size)
    places, numbers = ([pair[side] for pair in found] for side in (0, 1))
    return np.array(places, dtype=np.int64).reshape(shape), np.array(numbers, dtype=np.int64).reshape(shape)


def _grown(counted: _Counted, moves: Ints, sizes: int, ruled_out: int, budget: int) -> Found:
    """Add changes to the sets after which the item stands lowest until it is gone; then the smallest part that does it.

    As many sets are kept a step as the budget can extend (a beam; one of them is the greedy search).
    """
    kept = np.empty((1, 0, 2), dtype=np.int64)
    width = max(1, budget // len(moves))
    for _ in range(sizes):
        grown = _extended(kept, moves)
        row, standing = counted.best(grown[:, :, 0], grown[:, :, 1])
        if row is not None:
            return _thinned(counted, grown[row], ruled_out)
        kept = grown[np.argsort(standing.margin, kind="stable")[:width]]
    return Found(None, None, ruled_out, counted.tried)


def _extended(kept: Ints, moves: Ints) -> Ints:
    """Every set with one more move at a new place, each once: (m, s + 1, 2), places in order."""
    pairs = np.concatenate([np.repeat(kept, len(moves), axis=0), np.tile(moves, (len(kept), 1))[:, None]], axis=1)
    new = (pairs[:, :-1, 0] != pairs[:, -1:, 0]).all(axis=1)
    order = np.argsort(pairs[new][:, :, 0], axis=1, kind="stable")
    ordered = np.take_along_axis(pairs[new], order[:, :, None], axis=1)
    return np.unique(ordered.reshape(len(ordered), -1), axis=0).reshape(-1, *ordered.shape[1:])


def _thinned(counted: _Counted, taken: Ints, ruled_out: int) -> Found:
    """The smallest part of a set that still does it; of a large set, what is left when no event can be put back."""
    if len(taken) <= _THINNED:
        for size in range(ruled_out + 1, len(taken)):
            places, numbers = _sets(taken, size)
            row, _ = counted.best(places, numbers)
            if row is not None:
                return Found(places[row], numbers[row], ruled_out, counted.tried)
        return Found(taken[:, 0], taken[:, 1], ruled_out, counted.tried)
    while True:
        parts = np.stack([np.delete(taken, place, axis=0) for place in range(len(taken))])
        row, _ = counted.best(parts[:, :, 0], parts[:, :, 1])
        if row is None:
            return Found(taken[:, 0], taken[:, 1], ruled_out, counted.tried, irreducible=False)
        taken = parts[row]
