"""Exact sums of products of tables by variable elimination: the arithmetic under a discrete network."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_letters

import numpy as np
from numpy.typing import NDArray

__all__ = ["LARGEST", "Factor", "contract"]

LARGEST = 50_000_000  # entries of a table that is still made


@dataclass(frozen=True)
class Factor:
    """A table of numbers with one axis a variable."""

    axes: tuple[int, ...]
    table: NDArray[np.float64]

    def slice(self, given: Mapping[int, int]) -> Factor:
        """Fix variables at a state each; their axes vanish."""
        index = tuple(given.get(axis, slice(None)) for axis in self.axes)
        return Factor(tuple(axis for axis in self.axes if axis not in given), np.asarray(self.table[index]))


def contract(factors: Sequence[Factor], keep: Sequence[int]) -> NDArray[np.float64]:
    """Multiply the factors and sum out every variable that is not kept.

    Variables go in greedy order, the one whose elimination makes the smallest table first (Koller & Friedman 2009,
    section 9.4.3.2, min-weight).

    Parameters
    ----------
    factors
        Tables over numbered variables.
    keep
        Variables of the result, one axis each in this order.

    Returns
    -------
    Array of shape (states of ``keep[0]``, …), not normalised.

    Raises
    ------
    ValueError
        If some table on the way would have more than 50 million entries.
    """
    sizes = {axis: size for f in factors for axis, size in zip(f.axes, f.table.shape, strict=True)}
    todo = set(sizes) - set(keep)
    left = list(factors)
    while todo:
        variable = min(todo, key=lambda v: (_cost(left, v, sizes), v))
        if (size := _cost(left, variable, sizes)) > LARGEST:
            raise ValueError(f"this query needs a table of {size:,.0f} entries: the network is too densely connected")
        touched = [f for f in left if variable in f.axes]
        left = [f for f in left if variable not in f.axes]
        left.append(_product(touched, tuple(sorted({a for f in touched for a in f.axes} - {variable}))))
        todo.discard(variable)
    if (size := math.prod(sizes[v] for v in keep)) > LARGEST:
        raise ValueError(f"this answer would be a table of {size:,} entries; ask for fewer nodes at once")
    return _product(left, tuple(keep)).table


def _cost(factors: Sequence[Factor], variable: int, sizes: Mapping[int, int]) -> float:
    axes = {axis for f in factors if variable in f.axes for axis in f.axes}
    return math.prod(sizes[axis] for axis in axes)


def _product(factors: Sequence[Factor], keep: tuple[int, ...]) -> Factor:
    """Multiply pair by pair; with the last pair, sum out what is not kept."""
    one = Factor((), np.array(1.0))
    result, *rest = factors or [one]
    for factor in rest[:-1]:
        result = _pair(result, factor, tuple(dict.fromkeys((*result.axes, *factor.axes))))
    return _pair(result, rest[-1] if rest else one, keep)


def _pair(left: Factor, right: Factor, keep: tuple[int, ...]) -> Factor:
    letter = {axis: ascii_letters[i] for i, axis in enumerate(dict.fromkeys((*left.axes, *right.axes)))}
    a, b, c = ("".join(letter[axis] for axis in axes) for axes in (left.axes, right.axes, keep))
    return Factor(keep, np.einsum(f"{a},{b}->{c}", left.table, right.table))
