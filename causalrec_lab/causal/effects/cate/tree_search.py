"""The best tree of depth one or two over given splits, found exactly by counting in two dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.causal.effects.sample import Floats, Integers

__all__ = ["Split", "best_tree", "split_points"]


@dataclass(frozen=True)
class Split:
    """A question, `column <= threshold`, and for yes (left) and no (right) another one or an action.

    Parameters
    ----------
    column
        Number of the column.
    threshold
        Rows at or below it go left.
    left, right
        True to treat, False not to, or the next question.
    """

    column: int
    threshold: float
    left: Split | bool
    right: Split | bool


@dataclass(frozen=True)
class _Grid:
    """Bins of one column: bin b holds the values above split b - 1 and up to split b."""

    points: Floats
    bins: Integers

    @property
    def count(self) -> int:
        return len(self.points) + 1


def split_points(column: Floats, candidates: int | None) -> Floats:
    """Thresholds of a column: midway between all its values, or, of more values than `candidates`, at quantiles."""
    values = np.unique(column)
    if candidates is not None and len(values) > candidates + 1:
        inner = np.quantile(column, np.arange(1, candidates + 1) / (candidates + 1), method="inverted_cdf")
        return np.unique(inner[inner < values[-1]])
    return np.asarray((values[1:] + values[:-1]) / 2)


def best_tree(
    matrix: Floats, gains: Floats, *, depth: int, min_leaf: int, candidates: int | None
) -> tuple[Split | bool, float]:
    r"""Tree of at most the given depth with the largest :math:`\sum_i a(x_i)\, g_i`, and that sum.

    For a pair of columns the gains are added up in a table of bins; its running sums hold the gain of every corner, so
    all pairs of thresholds are compared at once: n + m^2 steps a pair in place of n m^2. Ties go to the smaller tree,
    then to the earlier column and the lower threshold.

    Parameters
    ----------
    matrix
        (n, p) columns.
    gains
        (n,) gain of treating a row.
    depth
        0, 1 or 2.
    min_leaf
        Least rows of a leaf.
    candidates
        Thresholds a column at most; None for all.
    """
    grids = [_grid(column, candidates) for column in matrix.T]
    total = float(gains.sum())
    best: tuple[Split | bool, float] = (total > 0, max(total, 0.0))
    if depth >= 1:
        best = _better(best, _stump(grids, gains, min_leaf))
    if depth >= 2:
        best = _better(best, _two_levels(grids, gains, min_leaf))
    return best


def _grid(column: Floats, candidates: int | None) -> _Grid:
    points = split_points(column, candidates)
    return _Grid(points, np.searchsorted(points, column, side="left").astype(np.int64))


def _better(old: tuple[Split | bool, float], new: tuple[Split | bool, float] | None) -> tuple[Split | bool, float]:
    return new if new is not None and new[1] > old[1] + 1e-9 * max(abs(old[1]), 1.0) else old


def _stump(grids: list[_Grid], gains: Floats, min_leaf: int) -> tuple[Split, float] | None:
    best: tuple[int, int, float] | None = None
    for j, grid in enumerate(grids):
        if grid.count == 1:
            continue
        left = np.cumsum(np.bincount(grid.bins, weights=gains, minlength=grid.count))
        rows = np.cumsum(np.bincount(grid.bins, minlength=grid.count))
        value = _leaf(left[:-1], rows[:-1], min_leaf) + _leaf(left[-1] - left[:-1], rows[-1] - rows[:-1], min_leaf)
        at = int(np.argmax(value))
        if np.isfinite(value[at]) and (best is None or value[at] > best[2]):
            best = (j, at, float(value[at]))
    if best is None:
        return None
    j, at, value_at = best
    low = grids[j].bins <= at
    return Split(j, float(grids[j].points[at]), bool(gains[low].sum() > 0), bool(gains[~low].sum() > 0)), value_at


def _leaf(gain: npt.NDArray[Any], rows: npt.NDArray[Any], min_leaf: int) -> Floats:
    return np.where(rows >= min_leaf, np.maximum(gain, 0.0), -np.inf)


def _two_levels(grids: list[_Grid], gains: Floats, min_leaf: int) -> tuple[Split, float] | None:
    best: tuple[int, int, float] | None = None
    for j, grid in enumerate(grids):
        if grid.count == 1:
            continue
        sides = _sides(grid, grids, gains, min_leaf)
        at = int(np.argmax(sides))
        if np.isfinite(sides[at]) and (best is None or sides[at] > best[2]):
            best = (j, at, float(sides[at]))
    if best is None:
        return None
    j, at, value = best
    low = grids[j].bins <= at
    left, right = (_side(grids, gains, side, min_leaf) for side in (low, ~low))
    return Split(j, float(grids[j].points[at]), left, right), value


def _sides(root: _Grid, grids: list[_Grid], gains: Floats, min_leaf: int) -> Floats:
    """For each threshold of the root: the best gain left of it plus the best right of it."""
    gain, rows = (
        np.bincount(root.bins, gains, root.count).cumsum(),
        np.bincount(root.bins, minlength=root.count).cumsum(),
    )
    left, right = _leaf(gain[:-1], rows[:-1], min_leaf), _leaf(gain[-1] - gain[:-1], rows[-1] - rows[:-1], min_leaf)
    for child in grids:
        if child.count > 1:
            corner, count = (_corners(root, child, weights) for weights in (gains, np.ones_like(gains)))
            left = np.maximum(left, _best_below(corner[:-1], count[:-1], min_leaf))
            right = np.maximum(right, _best_below(corner[-1] - corner[:-1], count[-1] - count[:-1], min_leaf))
    return left + right


def _corners(root: _Grid, child: _Grid, weights: Floats) -> Floats:
    """(root bins, child bins) sums over rows at or below both bins."""
    flat = np.bincount(root.bins * child.count + child.bins, weights, root.count * child.count)
    return np.asarray(flat.reshape(root.count, child.count).cumsum(axis=0).cumsum(axis=1))


def _best_below(corner: Floats, count: Floats, min_leaf: int) -> Floats:
    low, low_rows = corner[:, :-1], count[:, :-1]
    both = _leaf(low, low_rows.astype(np.int64), min_leaf)
    both = both + _leaf(corner[:, -1:] - low, (count[:, -1:] - low_rows).astype(np.int64), min_leaf)
    return np.asarray(both.max(axis=1))


def _side(grids: list[_Grid], gains: Floats, rows: npt.NDArray[np.bool_], min_leaf: int) -> Split | bool:
    """Best stump or leaf of one side, over the thresholds of all rows."""
    mine = gains[rows]
    total = float(mine.sum())
    stump = _stump([_Grid(grid.points, grid.bins[rows]) for grid in grids], mine, min_leaf)
    return _better((total > 0, max(total, 0.0)), stump)[0]
