"""Draws of items that a user has not seen, in proportion to whole weights, exactly and many at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Ints", "Unseen"]

Ints = npt.NDArray[np.int64]
_ROUNDS = 40  # of drawing again what was seen, before the unseen are listed one by one


@dataclass(frozen=True, eq=False)
class Unseen:
    """Law of the draws: items in strata, with weights, and the pairs that were seen.

    Parameters
    ----------
    weights, strata
        (m,) whole weight and stratum of each item.
    past
        Sorted pairs user * m + item that must not be drawn.
    order, ends
        Items sorted by stratum, and the running total of their weights in this order.
    """

    weights: Ints
    strata: Ints
    past: Ints
    order: Ints
    ends: Ints

    @classmethod
    def of(cls, weights: Ints, strata: Ints, past: Ints) -> Unseen:
        """Law of these items, weights and seen pairs."""
        order = np.argsort(strata, kind="stable").astype(np.int64)
        return cls(weights, strata, past, order, np.cumsum(weights[order]))

    def weight_left(self, users: Ints, stratum: Ints) -> Ints:
        """Weight in its stratum that a user has not seen: the denominator of a draw's probability."""
        return self._left(users, stratum, self.weights)

    def kinds_left(self, users: Ints, stratum: Ints) -> Ints:
        """How many different items of its stratum a user can be given."""
        return self._left(users, stratum, (self.weights > 0).astype(np.int64))

    def kinds(self, stratum: Ints) -> Ints:
        """How many items of a stratum have weight."""
        return _total(self.strata, self.weights > 0)[stratum]

    def draw(self, users: Ints, stratum: Ints, random: np.random.Generator) -> Ints:
        """One item each: drawn from the whole stratum, and again as long as it was seen.

        What stays follows the law on the unseen. Users who have seen nearly all the weight are drawn for from a list of
        what is left.
        """
        item = self._from_all(stratum, random)
        again = np.flatnonzero(self._seen(users, item))
        for _ in range(_ROUNDS):
            if not len(again):
                return item
            item[again] = self._from_all(stratum[again], random)
            again = again[self._seen(users[again], item[again])]
        for user, of in np.unique(np.column_stack([users[again], stratum[again]]), axis=0):
            own = again[(users[again] == user) & (stratum[again] == of)]
            free = np.flatnonzero((self.strata == of) & (self.weights > 0))
            free = free[~self._seen(np.full(len(free), user), free)]
            item[own] = random.choice(free, len(own), p=self.weights[free] / self.weights[free].sum())
        return item

    def _from_all(self, stratum: Ints, random: np.random.Generator) -> Ints:
        total = _total(self.strata, self.weights)
        place = (np.cumsum(total) - total)[stratum] + random.integers(total[stratum])
        return self.order[np.searchsorted(self.ends, place, side="right")]

    def _seen(self, users: Ints, items: Ints) -> npt.NDArray[np.bool_]:
        if not len(self.past):
            return np.zeros(len(users), dtype=bool)
        pairs = users * len(self.weights) + items
        place = np.minimum(np.searchsorted(self.past, pairs), len(self.past) - 1)
        return np.asarray(self.past[place] == pairs)

    def _left(self, users: Ints, stratum: Ints, weights: Ints) -> Ints:
        n_items, n_strata = len(self.weights), int(self.strata.max()) + 1
        item = self.past % n_items
        groups = (self.past // n_items) * n_strata + self.strata[item]
        taken = _total(groups, weights[item], (int(users.max()) + 1) * n_strata)
        return np.asarray(_total(self.strata, weights)[stratum] - taken[users * n_strata + stratum])


def _total(groups: Ints, weights: npt.NDArray[np.int64] | npt.NDArray[np.bool_], size: int = 0) -> Ints:
    """Weights added up by group; exact up to 2^53."""
    return np.bincount(groups, weights=weights, minlength=size).round().astype(np.int64)
