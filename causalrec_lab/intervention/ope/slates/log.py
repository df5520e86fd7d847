"""What a list policy left behind: `SlateLog`, a table of slots with its contract checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.intervention.ope.slates.table import arranged, contexts_of, item_numbers
from causalrec_lab.policy import BanditLog

__all__ = ["SlateLog"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_TOLERANCE = 1e-6  # relative, between a list's propensity and the product of its items'


@dataclass(frozen=True, eq=False)
class SlateLog:
    """Logged lists, one row a list; shorter lists end with -1.

    Parameters
    ----------
    contexts
        (n, d) array or a DataFrame of n rows: what the policy saw.
    action
        (n, length) item numbers in [0, n_actions), first position first, -1 beyond a list's end.
    reward
        (n, length) rewards of the slots.
    n_actions
        Items the policy could choose from.
    propensity
        (n, length) chance in (0, 1] of each item, given those above it; None where it was not stored.
    slate_propensity
        (n,) chance of the whole list; the product of `propensity` where it is left out.
    marginal_propensity
        (n, length) chance of the item at its position, whatever stands above; None where it was not stored.
    user
        (n,) whose list it is, or None.

    Raises
    ------
    ValueError
        If lengths differ, a list is empty, has a gap or the same item twice, an item is no whole number in
        [0, n_actions), a reward is not finite, a propensity lies outside (0, 1], or a list's is not the product of its
        items'.
    """

    contexts: npt.NDArray[Any] | pd.DataFrame
    action: Ints
    reward: Floats
    n_actions: int
    propensity: Floats | None = None
    slate_propensity: Floats | None = None
    marginal_propensity: Floats | None = None
    user: npt.NDArray[Any] | None = None

    def __post_init__(self) -> None:
        """Check the contract and settle the types."""
        settle = object.__setattr__
        settle(self, "action", _item_numbers(self.action))
        shape = self.action.shape
        for name in ("reward", "propensity", "marginal_propensity"):
            if (values := getattr(self, name)) is not None:
                settle(self, name, _beyond(name, np.asarray(values, dtype=np.float64), self.shown))
        if self.slate_propensity is not None:
            settle(self, "slate_propensity", np.asarray(self.slate_propensity, dtype=np.float64))
        rows = {"contexts": self.contexts, "slate_propensity": self.slate_propensity, "user": self.user}
        lengths = {name: len(values) for name, values in rows.items() if values is not None}
        if wrong := {name: count for name, count in lengths.items() if count != shape[0]}:
            raise ValueError(f"SlateLog: {wrong} rows beside {shape[0]} lists; every column has one row a list")
        self._check_items()
        self._check_values()
        self._check_product()

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        items: int | Sequence[Any] | None = None,
        contexts: pd.DataFrame | npt.NDArray[Any] | None = None,
    ) -> SlateLog:
        """Read a table of slots, such as `Platform.slates(policy, n, length=k)` gives.

        Parameters
        ----------
        frame
            One row a slot, in any order: slate_id, position (0 first), item_id, reward, and where known propensity (of
            the item, given those above it), slate_propensity, marginal_propensity (of the item at its position) and
            user_id. Other columns (timestamp) are left alone.
        items
            Size of the catalogue where items are numbered from 0, or their ids in the order of the policy's columns;
            None takes the highest number in the table for the last one.
        contexts
            What the policy sees: a table with the column user_id, of which each list takes its user's row, or one row
            a list in the order of slate_id. None gives the policy each list's user_id alone.

        Raises
        ------
        ValueError
            If a column is missing, a slot repeats, positions of a list do not run 0, 1, 2, …, an item is no item of the
            catalogue, a user has no context, or the contract is broken otherwise.
        """
        slots = arranged(frame)
        numbers, count = item_numbers(slots, items)
        users, reward = slots.per_list("user_id"), slots.column("reward")
        assert reward is not None  # `arranged` has asked for it
        return cls(
            contexts=contexts_of(contexts, users, slots),
            action=slots.wide(numbers, -1),
            reward=reward,
            n_actions=count,
            propensity=slots.column("propensity"),
            slate_propensity=slots.per_list("slate_propensity"),
            marginal_propensity=slots.column("marginal_propensity"),
            user=users,
        )

    def __len__(self) -> int:
        """Lists in the log."""
        return len(self.action)

    @property
    def length(self) -> int:
        """Positions of the longest list."""
        return int(self.action.shape[1])

    @property
    def shown(self) -> npt.NDArray[np.bool_]:
        """(n, length) whether the list has that position."""
        return self.action >= 0

    @property
    def first(self) -> BanditLog:
        """The first position alone: an ordinary log of single actions."""
        first = None if self.propensity is None else self.propensity[:, 0]
        return BanditLog(self.contexts, self.action[:, 0], self.reward[:, 0], first, self.n_actions)

    def take(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> SlateLog:
        """The lists at `rows` (positions or a mask), in that order."""
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        contexts = self.contexts.iloc[rows] if isinstance(self.contexts, pd.DataFrame) else self.contexts[rows]
        names = ("propensity", "slate_propensity", "marginal_propensity", "user")
        kept = {name: None if (one := getattr(self, name)) is None else one[rows] for name in names}
        return SlateLog(contexts, self.action[rows], self.reward[rows], self.n_actions, **kept)

    def to_frame(self) -> pd.DataFrame:
        """The table of slots again, as `from_frame` reads it; lists are numbered in their order."""
        row, position = np.nonzero(self.shown)
        columns: dict[str, Any] = {"slate_id": row}
        columns |= {} if self.user is None else {"user_id": np.asarray(self.user)[row]}
        columns |= {"position": position, "item_id": self.action[row, position]}
        for name in ("propensity", "marginal_propensity"):
            columns |= {} if (values := getattr(self, name)) is None else {name: values[row, position]}
        columns |= {} if self.slate_propensity is None else {"slate_propensity": self.slate_propensity[row]}
        return pd.DataFrame(columns | {"reward": self.reward[row, position]})

    def _check_items(self) -> None:
        if self.action.size == 0:
            raise ValueError("SlateLog: there is no list")
        shown = self.shown
        if (gap := ~shown[:, :-1] & shown[:, 1:]).any() or not shown[:, 0].all():
            row = int(np.argmin(shown[:, 0])) if not shown[:, 0].all() else int(np.argwhere(gap)[0][0])
            raise ValueError(
                f"SlateLog: list {row} is {self.action[row].tolist()}; items fill positions from the first without a "
                "gap, -1 stands only beyond the end"
            )
        if (far := self.action >= self.n_actions).any():
            row, position = np.argwhere(far)[0]
            raise ValueError(
                f"SlateLog: action has {int(far.sum())} values outside [0, {self.n_actions}), first in list {row} at "
                f"position {position}: {self.action[row, position]}"
            )
        ordered = np.sort(self.action, axis=1)
        if (twice := (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any():
            row, place = np.argwhere(twice)[0]
            raise ValueError(
                f"SlateLog: {int(twice.any(axis=1).sum())} lists show an item twice, first list {row}: item "
                f"{ordered[row, place]}; a list is drawn without replacement: drop the repeats, and say so"
            )

    def _check_values(self) -> None:
        if self.reward.shape != self.action.shape or not np.isfinite(self.reward).all():
            bad = np.argwhere(~np.isfinite(self.reward))
            where = f"; first in list {bad[0][0]} at position {bad[0][1]}" if len(bad) else ""
            raise ValueError(f"SlateLog: reward has {len(bad)} values that are not finite{where}; drop those lists")
        for name in ("propensity", "slate_propensity", "marginal_propensity"):
            values = getattr(self, name)
            if values is not None and (bad := ~((values > 0) & (values <= 1 + 1e-9))).any():
                place = np.argwhere(bad)[0].tolist()
                raise ValueError(
                    f"SlateLog: {name} has {int(bad.sum())} values outside (0, 1], first in list {place[0]}"
                    f"{f' at position {place[1]}' if len(place) > 1 else ''}: {values[tuple(place)]}; propensities are "
                    "chances of what was logged"
                )

    def _check_product(self) -> None:
        if self.propensity is None:
            return
        product = self.propensity.prod(axis=1)
        if self.slate_propensity is None:
            object.__setattr__(self, "slate_propensity", product)
        elif (off := np.abs(product / self.slate_propensity - 1.0) > _TOLERANCE).any():
            row = int(np.argmax(off))
            raise ValueError(
                f"SlateLog: {int(off.sum())} lists have a slate_propensity that is not the product of their items' "
                f"propensities, first list {row}: {self.slate_propensity[row]:.6g} beside {product[row]:.6g}; is "
                "`propensity` the chance of an item given those above it (marginal ones go to marginal_propensity)?"
            )


def _item_numbers(action: npt.ArrayLike) -> Ints:
    """(n, length) whole numbers; a cast would cut the others off in silence."""
    array = np.atleast_2d(np.asarray(action))
    if array.dtype.kind == "f" and (bad := ~(array == np.floor(array))).any():
        row, position = np.argwhere(bad)[0]
        raise ValueError(
            f"SlateLog: action has {int(bad.sum())} values that are no item numbers, first in list {row} at position "
            f"{position}: {array[row, position]}; items are numbered from 0, and -1 stands beyond a list's end"
        )
    return array.astype(np.int64)


def _beyond(name: str, values: Floats, shown: npt.NDArray[np.bool_]) -> Floats:
    """The values, with what a product or a sum leaves alone beyond the end of a list."""
    values = np.atleast_2d(values)
    if values.shape != shown.shape:
        raise ValueError(f"SlateLog: {name} has shape {values.shape} beside lists of shape {shown.shape}")
    return np.where(shown, values, 0.0 if name == "reward" else 1.0)
