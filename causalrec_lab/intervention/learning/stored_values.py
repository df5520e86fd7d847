"""Action values as arrays: means of cells, and trees grown elsewhere; what can be computed with can be stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from causalrec_lab.intervention.learning.action_values import Regression

__all__ = ["CellValues", "TreeValues", "values_of"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CellValues:
    """The mean of each cell and action.

    Parameters
    ----------
    model
        Tells the cell of a state.
    table
        (cells, actions) means.
    """

    model: Regression
    table: Floats

    def __call__(self, state: Floats) -> Floats:
        """(m, actions) values of states."""
        return np.asarray(self.table[self.model.cells(state)])

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What tells it from others of the same model."""
        return {"table": self.table}


@dataclass(frozen=True, eq=False)
class TreeValues:
    """The mean of trees that read the state and then the action, one column each.

    Parameters
    ----------
    column, threshold, left, right, value
        (nodes,) of all trees in a row: a row goes left where its column is at most the threshold; -1 left of a leaf.
    root
        (trees,) node each begins at.
    n_actions
        Actions.
    """

    column: Integers
    threshold: Floats
    left: Integers
    right: Integers
    value: Floats
    root: Integers
    n_actions: int

    @classmethod
    def of(cls, forest: Any, n_actions: int) -> TreeValues:
        """Read the trees of a fitted forest of scikit-learn."""
        trees = [each.tree_ for each in forest.estimators_]
        sizes = np.array([tree.node_count for tree in trees])
        root = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)

        def joined(of: str) -> npt.NDArray[Any]:
            return np.concatenate([np.asarray(getattr(tree, of)).reshape(-1) for tree in trees])

        start = np.repeat(root, sizes)
        left, right = (
            np.where(ends >= 0, ends + start, -1) for ends in map(joined, ("children_left", "children_right"))
        )
        return cls(
            joined("feature").astype(np.int64), joined("threshold").astype(np.float64),
            left.astype(np.int64), right.astype(np.int64), joined("value").astype(np.float64), root, n_actions,
        )  # fmt: skip

    def __call__(self, state: Floats) -> Floats:
        """(m, actions) values of states."""
        rows = np.repeat(state, self.n_actions, axis=0)
        X = np.column_stack([rows, np.tile(np.eye(self.n_actions), (len(state), 1))]).astype(np.float32)
        total = sum((self.value[self._leaves(X, int(root))] for root in self.root), np.zeros(len(X)))
        return np.asarray(total / len(self.root)).reshape(len(state), -1)

    def _leaves(self, X: npt.NDArray[np.float32], root: int) -> Integers:
        node, moving = np.full(len(X), root), np.arange(len(X))
        while len(moving := moving[self.left[node[moving]] >= 0]):
            at = node[moving]
            low = X[moving, self.column[at]] <= self.threshold[at]
            node[moving] = np.where(low, self.left[at], self.right[at])
        return node

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What tells it from others of the same model."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name != "n_actions"}


def values_of(arrays: Mapping[str, npt.NDArray[Any]], model: Regression) -> CellValues | TreeValues:
    """Read what `arrays` of either gave."""
    if "table" in arrays:
        return CellValues(model, arrays["table"])
    return TreeValues(**arrays, n_actions=model.n_actions)
