"""The best shallow tree over scores of several actions, exactly: the search behind `tree_policy`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.causal.effects.cate.tree_search import split_points

__all__ = ["Question", "best_action_tree", "decide"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Question:
    """`column <= threshold`: yes goes left, no goes right, to another question or an action.

    Parameters
    ----------
    column, threshold
        Number of the column, and where it is split.
    left, right
        Action, or the next question.
    """

    column: int
    threshold: float
    left: Question | int
    right: Question | int


@dataclass(frozen=True)
class _Grid:
    points: Floats
    bins: Integers

    @property
    def count(self) -> int:
        """Bins between the points."""
        return len(self.points) + 1


def best_action_tree(
    matrix: Floats, scores: Floats, *, depth: int, min_leaf: int, candidates: int | None
) -> tuple[Question | int, float]:
    r"""Tree of at most the given depth with the largest :math:`\sum_i \Gamma_{i\,a(x_i)}`, and that sum.

    As `causal.effects.cate.tree_search.best_tree`, which knows two actions: scores are summed in tables of bins, one
    layer an action, and running sums hold every corner, so all pairs of thresholds of two columns are compared at once.
    Ties go to the smaller tree, then to the earlier column and the lower threshold.

    Parameters
    ----------
    matrix
        (n, p) columns.
    scores
        (n, actions).
    depth
        0, 1 or 2.
    min_leaf
        Least rows of a leaf.
    candidates
        Thresholds a column at most; None for all.
    """
    grids = [_grid(column, candidates) for column in matrix.T]
    best, slack = _leaf_of(scores), _slack(scores)
    if depth >= 1:
        best = _better(best, _stump(grids, scores, min_leaf), slack)
    if depth >= 2:
        best = _better(best, _two_levels(grids, scores, min_leaf), slack)
    return best


def decide(node: Question | int, matrix: Floats) -> Integers:
    """(n,) action of each row."""
    if isinstance(node, int):
        return np.full(len(matrix), node)
    low = matrix[:, node.column] <= node.threshold
    return np.where(low, decide(node.left, matrix), decide(node.right, matrix))


def _grid(column: Floats, candidates: int | None) -> _Grid:
    points = split_points(column, candidates)
    return _Grid(points, np.searchsorted(points, column, side="left").astype(np.int64))


def _leaf_of(scores: Floats) -> tuple[Question | int, float]:
    total = scores.sum(axis=0)
    return int(np.argmax(total)), float(total.max())


def _better(
    old: tuple[Question | int, float], new: tuple[Question | int, float] | None, slack: float
) -> tuple[Question | int, float]:
    """The new one if it is better by more than rounding."""
    return new if new is not None and new[1] > old[1] + slack else old


def _slack(scores: Floats) -> float:
    """What rounding can make of sums of the scores; told by the best of each row, whatever their unit."""
    return _ROUNDING * float(np.abs(scores.max(axis=1)).sum())


def _sums(bins: Integers, scores: Floats, count: int) -> Floats:
    """(count, actions + 1) sums of each bin's scores, rows last."""
    layers = [np.bincount(bins, weights=column, minlength=count) for column in scores.T]
    return np.column_stack([*layers, np.bincount(bins, minlength=count)])


def _worth(sums: Floats, min_leaf: int) -> Floats:
    """Best action's sum of each leaf; none where it has too few rows."""
    return np.asarray(np.where(sums[..., -1] >= min_leaf, sums[..., :-1].max(axis=-1), -np.inf))


def _stump(grids: list[_Grid], scores: Floats, min_leaf: int) -> tuple[Question, float] | None:
    best: tuple[int, int, float] | None = None
    slack = _slack(scores)
    for j, grid in enumerate(grids):
        if grid.count > 1:
            left = _sums(grid.bins, scores, grid.count).cumsum(axis=0)
            value = _worth(left[:-1], min_leaf) + _worth(left[-1] - left[:-1], min_leaf)
            best = _leading(best, j, value, slack)
    if best is None:
        return None
    j, at, value_at = best
    low = grids[j].bins <= at
    leaves = [int(np.argmax(scores[side].sum(axis=0))) for side in (low, ~low)]
    return Question(j, float(grids[j].points[at]), leaves[0], leaves[1]), value_at


def _leading(best: tuple[int, int, float] | None, j: int, value: Floats, slack: float) -> tuple[int, int, float] | None:
    """The first of the best thresholds, of the first of the best columns; equal up to rounding is equal."""
    top = float(value.max())
    if not np.isfinite(top) or (best is not None and top <= best[2] + slack):
        return best
    return j, int(np.argmax(value >= top - slack)), top


def _two_levels(grids: list[_Grid], scores: Floats, min_leaf: int) -> tuple[Question, float] | None:
    best: tuple[int, int, float] | None = None
    slack = _slack(scores)
    for j, grid in enumerate(grids):
        if grid.count > 1:
            best = _leading(best, j, _sides(grid, grids, scores, min_leaf), slack)
    if best is None:
        return None
    j, at, value = best
    low = grids[j].bins <= at
    left, right = (_side(grids, scores, side, min_leaf) for side in (low, ~low))
    return Question(j, float(grids[j].points[at]), left, right), value


def _sides(root: _Grid, grids: list[_Grid], scores: Floats, min_leaf: int) -> Floats:
    """For each threshold of the root: the most that the left side can earn plus the most that the right can."""
    ends = _sums(root.bins, scores, root.count).cumsum(axis=0)
    left, right = _worth(ends[:-1], min_leaf), _worth(ends[-1] - ends[:-1], min_leaf)
    for child in grids:
        if child.count > 1:
            flat = _sums(root.bins * child.count + child.bins, scores, root.count * child.count)
            corner = flat.reshape(root.count, child.count, -1).cumsum(axis=0).cumsum(axis=1)
            left = np.maximum(left, _best_cut(corner[:-1], min_leaf))
            right = np.maximum(right, _best_cut(corner[-1] - corner[:-1], min_leaf))
    return left + right


def _best_cut(corner: Floats, min_leaf: int) -> Floats:
    low = corner[:, :-1]
    return np.asarray((_worth(low, min_leaf) + _worth(corner[:, -1:] - low, min_leaf)).max(axis=1))


def _side(grids: list[_Grid], scores: Floats, rows: npt.NDArray[Any], min_leaf: int) -> Question | int:
    """Best stump or leaf of one side, over the thresholds of all rows."""
    mine = scores[rows]
    return _better(
        _leaf_of(mine), _stump([_Grid(g.points, g.bins[rows]) for g in grids], mine, min_leaf), _slack(mine)
    )[0]
