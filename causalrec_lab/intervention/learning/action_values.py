r"""What a state and an action are worth from here on: regressions of reward plus what follows, `Regression`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.causal.effects.sample import nearest
from causalrec_lab.intervention.learning.stored_values import CellValues, TreeValues
from causalrec_lab.intervention.learning.trajectories import Trajectories

__all__ = ["MODELS", "Regression", "backward_values"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
MODELS = ("cells", "trees")
_MOST = 2**62  # cells that a whole number can tell apart
_BINS = 8  # a column with more values is cut at its quantiles
_PRIOR = 2.0  # rows that an action's mean counts for in each of its cells


@dataclass(frozen=True, eq=False)
class Regression:
    """How states and actions become values.

    Parameters
    ----------
    kind
        "cells": the mean of each cell of the state (columns with more than 8 values are cut at quantiles), shrunk to
        the action's mean as if by two rows. "trees": extremely randomised trees (Ernst, Geurts and Wehenkel 2005).
    cuts
        Cut points of each column.
    n_actions, seed
        Actions; seed of the trees.
    met
        Codes of the cells that the logged states lie in, sorted; a state in any other lies in a last cell, of none.
    """

    kind: str
    cuts: tuple[Floats, ...]
    n_actions: int
    seed: int
    met: Integers

    @classmethod
    def of(cls, data: Trajectories, kind: str, seed: int) -> Regression:
        """Settle the cells on the logged states.

        Raises
        ------
        ValueError
            If the kind is unknown, or the columns of the state are too many to be cut into cells.
        """
        if kind not in MODELS:
            raise ValueError(f"unknown model {kind!r}; {nearest(kind, MODELS)}")
        cuts = tuple(_cuts(column) for column in data.state.T)
        if (count := math.prod(len(each) + 1 for each in cuts)) > _MOST:
            raise ValueError(f"{len(cuts)} columns of the state make {count:.2g} cells; describe a user by fewer")
        return cls(kind, cuts, data.n_actions, seed, np.unique(_codes(data.state, cuts)))

    def cells(self, state: Floats) -> Integers:
        """(m,) cell of each state."""
        codes = _codes(state, self.cuts)
        place = np.minimum(np.searchsorted(self.met, codes), len(self.met) - 1)
        return np.where(self.met[place] == codes, place, len(self.met))

    @property
    def n_cells(self) -> int:
        """Cells that were met, and one for all others."""
        return len(self.met) + 1

    def counts(self, state: Floats, action: Integers) -> Integers:
        """(cells, actions) rows of each."""
        flat = np.bincount(self.cells(state) * self.n_actions + action, minlength=self.n_cells * self.n_actions)
        return flat.reshape(self.n_cells, self.n_actions)

    def fit(self, state: Floats, action: Integers, target: Floats) -> Callable[[Floats], Floats]:
        """Values of states for every action, (m, actions), fitted on rows."""
        return self._means(state, action, target) if self.kind == "cells" else self._trees(state, action, target)

    def _means(self, state: Floats, action: Integers, target: Floats) -> Callable[[Floats], Floats]:
        size, flat = self.n_cells * self.n_actions, self.cells(state) * self.n_actions + action
        count = np.bincount(flat, minlength=size).reshape(self.n_cells, -1)
        total = np.bincount(flat, weights=target, minlength=size).reshape(self.n_cells, -1)
        overall = total.sum(axis=0) / np.maximum(count.sum(axis=0), 1)
        table = (total + _PRIOR * overall) / (count + _PRIOR)
        return CellValues(self, table)

    def _trees(self, state: Floats, action: Integers, target: Floats) -> Callable[[Floats], Floats]:
        from sklearn.ensemble import ExtraTreesRegressor

        forest = ExtraTreesRegressor(30, min_samples_leaf=10, random_state=self.seed)
        forest.fit(np.column_stack([state, np.eye(self.n_actions)[action]]), target)
        return TreeValues.of(forest, self.n_actions)


def backward_values(
    data: Trajectories, model: Regression, worth: Callable[[int, Floats, Integers], Floats], discount: float
) -> list[Callable[[Floats], Floats]]:
    r"""Action values of each day, by backward regression over all transitions at once.

    .. math:: Q_t(s, a) = E[r + \gamma\, 1\{\text{stays}\}\, V_{t+1}(s') \mid s, a], \qquad Q_H = 0

    The state is taken to move by the same law every day, so each regression uses the transitions of all days; the last
    logged day, after which nothing was seen, serves only the last one (fitted Q: Ernst, Geurts and Wehenkel 2005,
    Journal of Machine Learning Research 6).

    Parameters
    ----------
    data, model
        Transitions, and how values are regressed.
    worth
        (day, action values of some logged rows, those rows) -> their value on that day: their largest for the best
        policy, their mean under a policy's probabilities for that policy.
    discount
        :math:`\gamma`.

    Returns
    -------
    One function a day, states -> (m, actions).
    """
    found: list[Callable[[Floats], Floats]] = []
    next_row, seen = data.following, data.day < data.horizon - 1
    stays = np.flatnonzero(seen & (next_row >= 0))
    for day in reversed(range(data.horizon)):
        if not found:
            found.append(model.fit(data.state, data.action, data.reward))
            continue
        target, after = data.reward.copy(), next_row[stays]
        target[stays] += discount * worth(day + 1, found[-1](data.state[after]), after)
        found.append(model.fit(data.state[seen], data.action[seen], target[seen]))
    return found[::-1]


def _codes(state: Floats, cuts: tuple[Floats, ...]) -> Integers:
    """(m,) place of each state in the grid of all cells."""
    found = np.zeros(len(state), dtype=np.int64)
    for column, ends in zip(state.T, cuts, strict=True):
        found = found * (len(ends) + 1) + np.searchsorted(ends, column, side="left")
    return found


def _cuts(column: npt.NDArray[Any]) -> Floats:
    values = np.unique(column)
    if len(values) > _BINS:
        inner = np.quantile(column, np.arange(1, _BINS) / _BINS, method="inverted_cdf")
        return np.unique(inner[inner < values[-1]])
    return np.asarray((values[1:] + values[:-1]) / 2)
