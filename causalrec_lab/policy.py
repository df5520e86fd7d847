"""What every policy keeps and what a policy leaves behind: `Policy` and `BanditLog`.

They stand on the ground floor because the platform logs with policies and evaluation reads those logs: neither should
have to know the other.
"""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["BanditLog", "FixedPolicy", "Policy", "UniformPolicy", "checked_probabilities"]

Floats = npt.NDArray[np.float64]


@runtime_checkable
class Policy(Protocol):
    """A stochastic choice among a fixed set of actions."""

    def probabilities(self, contexts: Any) -> Floats:
        """Chance of each action, shape (n, actions), rows summing to 1, one row a context."""


@dataclass(frozen=True)
class UniformPolicy:
    """Every action with the same probability."""

    n_actions: int

    def probabilities(self, contexts: Sized) -> Floats:
        """(n, n_actions) array filled with 1 / n_actions."""
        return np.full((len(contexts), self.n_actions), 1.0 / self.n_actions)


@dataclass(frozen=True)
class FixedPolicy:
    """The same distribution over actions whatever the context.

    Parameters
    ----------
    distribution
        Shape (actions,), non-negative, summing to 1.
    """

    distribution: Floats

    def probabilities(self, contexts: Sized) -> Floats:
        """(n, actions) array repeating the distribution."""
        return np.tile(checked_probabilities(np.atleast_2d(self.distribution)), (len(contexts), 1))


def checked_probabilities(
    probabilities: npt.ArrayLike, *, n: int | None = None, n_actions: int | None = None
) -> Floats:
    """Return the array if it is a matrix of distributions, else say where it is not.

    Raises
    ------
    ValueError
        If the shape is not (n, n_actions), a value is negative or not finite, or a row does not sum to 1 within 1e-6.
    """
    array = np.asarray(probabilities, dtype=np.float64)
    if (
        array.ndim != 2
        or (n is not None and len(array) != n)
        or (n_actions is not None and array.shape[1] != n_actions)
    ):
        raise ValueError(
            f"policy gave probabilities of shape {array.shape}; expected ({n or 'n'}, {n_actions or 'actions'})"
        )
    bad = ~np.isfinite(array) | (array < 0)
    if bad.any():
        row, action = np.argwhere(bad)[0]
        raise ValueError(
            f"policy gave {bad.sum()} invalid probabilities, first at row {row}, action {action}: "
            f"{array[row, action]}; probabilities are finite and >= 0"
        )
    off = np.abs(array.sum(axis=1) - 1.0) > 1e-6
    if off.any():
        row = int(np.argmax(off))
        raise ValueError(
            f"policy gave {off.sum()} rows that do not sum to 1, first row {row} with sum {array[row].sum():.6g}; "
            "divide each row by its sum"
        )
    return array


@dataclass(frozen=True)
class BanditLog:
    """What a logging policy left behind: one row a round.

    Parameters
    ----------
    contexts
        (n, d) array or a DataFrame of n rows: what the policy saw.
    action
        (n,) integers in [0, n_actions).
    reward
        (n,) rewards of the logged action.
    propensity
        (n,) probability in (0, 1] with which the logging policy chose the logged action; None where it was not stored.
    n_actions
        Number of actions the policy could choose from.
    position
        (n,) slot in which the action was shown, or None.

    Raises
    ------
    ValueError
        If lengths differ, an action or position is no whole number, an action lies outside [0, n_actions), a reward
        is not finite, or a propensity lies outside (0, 1].
    """

    contexts: npt.NDArray[Any] | pd.DataFrame
    action: npt.NDArray[np.int64]
    reward: Floats
    propensity: Floats | None
    n_actions: int
    position: npt.NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        """Check the contract and settle the types."""
        settle = object.__setattr__
        settle(self, "action", _whole("action", self.action))
        settle(self, "reward", np.asarray(self.reward, dtype=np.float64))
        if self.propensity is not None:
            settle(self, "propensity", np.asarray(self.propensity, dtype=np.float64))
        if self.position is not None:
            settle(self, "position", _whole("position", self.position))
        self._check_lengths()
        _refuse(
            "action",
            self.action,
            (self.action >= 0) & (self.action < self.n_actions),
            f"actions are in [0, {self.n_actions})",
        )
        _refuse("reward", self.reward, np.isfinite(self.reward), "drop or impute rounds without a reward, and say so")
        if self.propensity is not None:
            inside = (self.propensity > 0) & (self.propensity <= 1)
            _refuse(
                "propensity", self.propensity, inside, "propensities are probabilities of the logged action, in (0, 1]"
            )

    def __len__(self) -> int:
        """Rounds in the log."""
        return len(self.action)

    def take(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> BanditLog:
        """The rounds at `rows` (positions or a mask), in that order."""
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        contexts = self.contexts.iloc[rows] if isinstance(self.contexts, pd.DataFrame) else self.contexts[rows]
        return BanditLog(
            contexts,
            self.action[rows],
            self.reward[rows],
            None if self.propensity is None else self.propensity[rows],
            self.n_actions,
            None if self.position is None else self.position[rows],
        )

    def _check_lengths(self) -> None:
        lengths = {"contexts": len(self.contexts), "action": len(self.action), "reward": len(self.reward)}
        lengths |= {} if self.propensity is None else {"propensity": len(self.propensity)}
        lengths |= {} if self.position is None else {"position": len(self.position)}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"BanditLog: columns differ in length: {lengths}; every column has one value a round")


def _whole(name: str, values: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Integers, and floats that are integers; a cast would cut the others off in silence."""
    array = np.asarray(values)
    array = array.astype(np.float64) if array.dtype.kind == "O" else array
    if array.dtype.kind == "f":
        way_out = f"{name} holds whole numbers: recode it"
        if name == "action":
            way_out += ", or cut a continuous action (a price, a dose) into bins, or estimate its effect by effects.dml"
        _refuse(name, array, np.isfinite(array) & (array == np.floor(array)), way_out)
    return array.astype(np.int64)


def _refuse(name: str, values: npt.NDArray[Any], good: npt.NDArray[np.bool_], way_out: str) -> None:
    if not good.all():
        row = int(np.argmin(good))
        raise ValueError(
            f"BanditLog: {name} has {int((~good).sum())} bad values, first at row {row}: {values[row]}; {way_out}"
        )
