"""A basis that remembers its knots and its scale, so that new rows are read as the old ones were: `Basis`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalrec_lab.causal.effects.sample import Floats

__all__ = ["Basis"]

_KNOTS = (0.05, 0.35, 0.65, 0.95)
_FAR = 2.5  # standard deviations beyond which a product of columns stays where it is
_CROSSED = 8  # with more columns than this, pairwise products cost more than they give
_FEW = 8  # with no more values than this, a column is straight
_NOISE = 1e-13


@dataclass(frozen=True)
class Basis:
    """The columns; with `bent` natural cubic splines and pairwise products too; all of them standardised, no constant.

    The splines' knots are the 5, 35, 65 and 95 % quantiles of the rows learned from (Harrell 2015, section 2.4.5); a
    spline is straight beyond its outer knots and a product constant beyond 2.5 standard deviations, so that unusual
    rows do not get effects that nobody has.

    Parameters
    ----------
    centre, spread
        (p,) mean and standard deviation of the columns learned from.
    knots
        Knots of each column, on the standardised scale; none where it stays straight.
    crossed
        Whether products are taken.
    bent_centre, bent_spread
        The same for the bent terms.
    """

    centre: Floats
    spread: Floats
    knots: tuple[Floats, ...]
    crossed: bool
    bent_centre: Floats
    bent_spread: Floats

    @classmethod
    def learn(cls, matrix: Floats, *, bent: bool, damping: float = 1.0) -> Basis:
        """Remember means, spreads and knots of an (n, p) matrix.

        Bent terms get the standard deviation 1 / damping, so that one ridge penalty weighs damping^2 times on them.
        """
        centre, spread = matrix.mean(axis=0), _spread(matrix)
        z = (matrix - centre) / spread
        knots = tuple(_knots(column) if bent else np.empty(0) for column in z.T)
        crossed = bent and z.shape[1] <= _CROSSED
        terms = _bent(z, knots, crossed)
        return cls(centre, spread, knots, crossed, terms.mean(axis=0), damping * _spread(terms))

    def columns(self, matrix: Floats) -> Floats:
        """(n, m) basis columns of an (n, p) matrix."""
        z = (matrix - self.centre) / self.spread
        bent = (_bent(z, self.knots, self.crossed) - self.bent_centre) / self.bent_spread
        return np.column_stack([z, bent])


def _spread(matrix: Floats) -> Floats:
    peak = np.abs(matrix).max(axis=0, initial=0.0)
    spread = matrix.std(axis=0)
    return np.asarray(np.where(spread > _NOISE * peak, spread, np.inf))  # a constant column becomes 0


def _knots(column: Floats) -> Floats:
    if len(np.unique(column)) <= _FEW:
        return np.empty(0)
    found = np.unique(np.quantile(column, _KNOTS))
    return found if len(found) >= 3 else np.empty(0)


def _bent(z: Floats, knots: tuple[Floats, ...], crossed: bool) -> Floats:
    blocks = [np.empty((len(z), 0))]
    blocks += [_natural_spline(column, found) for column, found in zip(z.T, knots, strict=True) if len(found)]
    if crossed:
        near = np.clip(z, -_FAR, _FAR)
        blocks += [near[:, [i]] * near[:, [j]] for i in range(z.shape[1]) for j in range(i)]
    return np.column_stack(blocks)


def _natural_spline(x: Floats, knots: Floats) -> Floats:
    last, before = knots[-1], knots[-2]
    cubes = np.maximum(x[:, None] - knots, 0.0) ** 3
    inner = knots[:-2]
    return np.asarray(
        cubes[:, :-2]
        - cubes[:, [-2]] * (last - inner) / (last - before)
        + cubes[:, [-1]] * (before - inner) / (last - before)
    )
