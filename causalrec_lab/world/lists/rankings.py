r"""Plackett-Luce lists: the chance of an item given those above it, of a whole list, and of an item at a position.

A list is drawn without replacement from a policy's own probabilities :math:`\pi` (Luce 1959, "Individual Choice
Behavior"; Plackett 1975, "The Analysis of Permutations", Applied Statistics 24):

.. math:: P(a_1, …, a_K) = \prod_k \pi_{a_k} / (1 - \sum_{j<k} \pi_{a_j}).

The chance that item i stands at position k (0 first) sums over the sets S that may stand above it,

.. math:: P(i \text{ at } k) = \pi_i \sum_{|S| = k, i \notin S} \frac{f(S)}{1 - \pi(S)}, \qquad
          f(S) = \sum_{j \in S} f(S \setminus j) \frac{\pi_j}{1 - \pi(S \setminus j)},

which is exact and quick while there are few sets. Where there are many, the list is read as a race: item i arrives at
an exponential time of rate :math:`\pi_i`, and stands at k where k others came before it, so that

.. math:: P(i \text{ at } k) = \int_0^\infty \pi_i e^{-\pi_i t} \, P(\text{k of the others came before } t) \, dt.

The integrand is analytic and the trapezoid rule after :math:`t = \exp(s - e^{-s})` (Takahasi & Mori 1974, "Double
Exponential Formulas for Numerical Integration", Publ. RIMS 9) is right to about twelve digits.
"""

from __future__ import annotations

from itertools import combinations, permutations
from math import comb

import numpy as np
import numpy.typing as npt

__all__ = ["all_lists", "item_at_position", "propensities_given_above", "remaining_chances"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_MOST_SETS = 3_000  # beyond, the integral is quicker
_STEP = 0.2  # of the trapezoid rule
_CELLS = 2_000_000  # numbers held at once


def propensities_given_above(chances: Floats, lists: Ints) -> Floats:
    """Chance of each listed item, given those above it.

    Parameters
    ----------
    chances
        (n, items) probabilities of the policy, rows summing to 1.
    lists
        (n, length) item numbers, first position first; -1 beyond the end of a shorter list.

    Returns
    -------
    (n, length) probabilities, 1 beyond the end; a list's own is their product.
    """
    ended = lists < 0
    picked = np.take_along_axis(chances, np.where(ended, 0, lists), axis=1)
    picked[ended] = 0.0
    left = remaining_chances(chances, lists).sum(axis=1)  # no difference of sums: exact where little is left
    from_here = left[:, None] + np.cumsum(picked[:, ::-1], axis=1)[:, ::-1]
    found = np.divide(picked, from_here, out=np.zeros_like(picked), where=from_here > 0)
    found[ended] = 1.0
    return np.asarray(found)


def remaining_chances(chances: Floats, lists: Ints) -> Floats:
    """(n, items) probabilities with those of the listed items set to 0; -1 lists nothing."""
    left = np.column_stack([chances, np.zeros(len(chances))])  # the last column takes what -1 points to
    np.put_along_axis(left, lists, 0.0, axis=1)
    return np.asarray(left[:, :-1])


def all_lists(n_items: int, length: int) -> Ints:
    """Every list there is, (lists, length), in lexical order."""
    return np.array(list(permutations(range(n_items), length)), dtype=np.int64).reshape(-1, length)


def item_at_position(chances: Floats, length: int) -> Floats:
    """Chance of each item at each position.

    Parameters
    ----------
    chances
        (n, items) probabilities of the policy, rows summing to 1.
    length
        Positions.

    Returns
    -------
    (n, length, items); each position's probabilities sum to 1.

    Raises
    ------
    ValueError
        If the policy gives a chance to fewer items than the list is long.
    """
    fewest = int((chances > 0).sum(axis=1).min(initial=chances.shape[1]))
    if fewest < length:
        row = int(np.argmin((chances > 0).sum(axis=1)))
        raise ValueError(
            f"length={length}: the policy gives a chance to only {fewest} items at row {row}; take length <= {fewest}, "
            "or a policy that can show more"
        )
    distinct, which = np.unique(chances, axis=0, return_inverse=True)
    if len(distinct) < 0.8 * len(chances):  # the same user again
        return np.asarray(item_at_position(distinct, length)[which])
    items = chances.shape[1]
    if sum(comb(items, size) for size in range(length)) <= _MOST_SETS:
        return _by_sets(chances, length)
    found = np.empty((len(chances), length, items))
    times, weights = _nodes(chances, length)
    step = max(1, _CELLS // (items * length * len(times)))
    for start in range(0, len(chances), step):
        found[start : start + step] = _by_race(chances[start : start + step], length, times, weights)
    return found


def _by_sets(chances: Floats, length: int) -> Floats:
    """Recursion over the sets that may stand above."""
    n, items = chances.shape
    found = np.empty((n, length, items))
    found[:, 0] = chances
    weight = np.ones((n, 1))  # f(S) / (1 - pi(S)), of the empty set
    number: dict[tuple[int, ...], int] = {(): 0}
    for size in range(1, length):
        sets = list(combinations(range(items), size))
        outside = np.ones((len(sets), items))
        np.put_along_axis(outside, np.array(sets, dtype=np.int64), 0.0, axis=1)
        first = np.zeros((n, len(sets)))
        for member in range(size):
            smaller = [number[one[:member] + one[member + 1 :]] for one in sets]
            first += weight[:, smaller] * chances[:, [one[member] for one in sets]]
        left = chances @ outside.T
        weight = np.divide(first, left, out=np.zeros_like(first), where=left > 0)
        found[:, size] = chances * (weight @ outside)
        number = {one: place for place, one in enumerate(sets)}
    return found


def _nodes(chances: Floats, length: int) -> tuple[Floats, Floats]:
    """Times and weights of the trapezoid rule, up to where the slowest list is full."""
    slowest = np.sort(chances, axis=1)[:, : chances.shape[1] - length + 1].sum(axis=1).min()
    place = np.arange(-3.8, np.log(40.0 / slowest) + _STEP, _STEP)
    times = np.exp(place - np.exp(-place))
    return times, _STEP * times * (1.0 + np.exp(-place))


def _by_race(chances: Floats, length: int, times: Floats, weights: Floats) -> Floats:
    """Counts of the others that came before, from products over the items before and behind in item order."""
    n, items = chances.shape
    late = np.exp(-chances.T[:, :, None] * times)  # (items, n, times)
    before = np.zeros((items + 1, length, n, len(times)))
    before[0, 0] = 1.0
    for item in range(items):
        before[item + 1] = _joined(before[item], late[item])
    behind = np.zeros((length, n, len(times)))
    behind[0] = 1.0
    found = np.empty((n, length, items))
    for item in range(items - 1, -1, -1):
        arrives = late[item] * weights * chances[:, item, None]
        for position in range(length):
            count = sum(before[item, one] * behind[position - one] for one in range(position + 1))
            found[:, position, item] = np.einsum("nt,nt->n", count, arrives)
        behind = _joined(behind, late[item])
    return found


def _joined(counts: Floats, late: Floats) -> Floats:
    """Distribution of a count with one more item that may have come."""
    found = counts * late
    found[1:] += counts[:-1] * (1.0 - late)
    return np.asarray(found)
