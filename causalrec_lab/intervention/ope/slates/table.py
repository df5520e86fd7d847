"""A table of slots, one row a slot in any order, arranged as one row a list; what is broken is named."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["Slots", "arranged", "contexts_of", "item_numbers"]

Ints = npt.NDArray[np.int64]
_NEEDED = ("slate_id", "position", "item_id", "reward")


@dataclass(frozen=True, eq=False)
class Slots:
    """Slots in order of list and position.

    Parameters
    ----------
    frame
        The sorted table.
    names
        (n,) slate_id of each list, sorted.
    row, position
        (slots,) list number and position of each slot.
    """

    frame: pd.DataFrame
    names: npt.NDArray[Any]
    row: Ints
    position: Ints

    @property
    def shape(self) -> tuple[int, int]:
        """Lists, and positions of the longest."""
        return len(self.names), int(self.position.max()) + 1

    def wide(self, values: npt.NDArray[Any], beyond: float) -> npt.NDArray[Any]:
        """(lists, length) array of one value a slot, with `beyond` where a list has ended."""
        found = np.full(self.shape, beyond, dtype=values.dtype)
        found[self.row, self.position] = values
        return found

    def column(self, name: str) -> npt.NDArray[np.float64] | None:
        """(lists, length) numbers of a column, None where the table has none.

        Raises
        ------
        ValueError
            If a value is missing or no number.
        """
        if name not in self.frame:
            return None
        values = pd.to_numeric(self.frame[name], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        if (bad := np.isnan(values)).any():
            at = int(np.argmax(bad))
            where = f"in slate {_said(self.names[self.row[at]])} at position {self.position[at]}"
            raise ValueError(
                f"column {name!r} has {int(bad.sum())} values that are missing or no numbers, first {where}: "
                f"{_said(self.frame[name].iloc[at])}; drop those slates, or leave the column out"
            )
        return self.wide(values, 1.0)

    def per_list(self, name: str) -> npt.NDArray[Any] | None:
        """(lists,) value of a column that is the same in all slots of a list, None where the table has none.

        Raises
        ------
        ValueError
            If the slots of a list differ in it.
        """
        if name not in self.frame:
            return None
        values = self.frame[name].to_numpy()
        first = values[np.flatnonzero(self.position == 0)]
        if (off := values != first[self.row]).any():
            at = int(np.argmax(off))
            raise ValueError(
                f"column {name!r} differs within {len(np.unique(self.row[off]))} slates, first slate "
                f"{_said(self.names[self.row[at]])}: {_said(first[self.row[at]])} and {_said(values[at])}"
            )
        return np.asarray(first)


def arranged(frame: pd.DataFrame) -> Slots:
    """Sort slots by list and position.

    Raises
    ------
    ValueError
        If a needed column is missing, there are no rows, a position is none, or those of a list do not run 0, 1, 2, ….
    """
    if missing := [name for name in _NEEDED if name not in frame.columns]:
        near = {name: difflib.get_close_matches(name, map(str, frame.columns), n=1) for name in missing}
        said = "; ".join(
            f"{name!r} (did you mean {found[0]!r}?)" if found else repr(name) for name, found in near.items()
        )
        raise ValueError(f"a table of slates needs {', '.join(map(repr, _NEEDED))}; it lacks {said}")
    if frame.empty:
        raise ValueError("the table of slates has no rows")
    if frame["slate_id"].isna().any():
        raise ValueError(f"column 'slate_id' is missing in {int(frame['slate_id'].isna().sum())} rows; drop them")
    position = pd.to_numeric(frame["position"], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    if (bad := ~((position >= 0) & (position == np.floor(position)))).any():
        at = int(np.argmax(bad))
        raise ValueError(
            f"column 'position' has {int(bad.sum())} values that are no position, first at row {at}: "
            f"{_said(frame['position'].iloc[at])}; positions are 0, 1, 2, …"
        )
    codes, names = pd.factorize(frame["slate_id"], sort=True)
    order = np.lexsort((position, codes))
    row, place = codes[order].astype(np.int64), position[order].astype(np.int64)
    _check_positions(np.asarray(names), row, place)
    return Slots(frame.iloc[order], np.asarray(names), row, place)


def _check_positions(names: npt.NDArray[Any], row: Ints, place: Ints) -> None:
    starts = np.searchsorted(row, np.arange(len(names)))
    expected = np.arange(len(row)) - starts[row]
    if (off := place != expected).any():
        at = int(np.argmax(off))
        told = place[row == row[at]].tolist()
        wrong = len(np.unique(row[off]))
        way = "count them from 0" if wrong == len(names) and min(told) == 1 else "positions of a list run 0, 1, 2, …"
        what = "has a position twice" if place[at] < expected[at] else "lacks a position"
        raise ValueError(f"{wrong} slates {what}, first slate {_said(names[row[at]])} with positions {told}; {way}")


def item_numbers(slots: Slots, items: int | Sequence[Any] | None) -> tuple[Ints, int]:
    """Item number of each slot, and the size of the catalogue.

    Raises
    ------
    ValueError
        If an item is no item of the catalogue, or items are no whole numbers and no catalogue is given.
    """
    ids = slots.frame["item_id"]
    if (lost := ids.isna().to_numpy()).any():
        at = int(np.argmax(lost))
        raise ValueError(
            f"column 'item_id' is missing in {int(lost.sum())} slots, first in slate "
            f"{_said(slots.names[slots.row[at]])} at position {slots.position[at]}; drop those slates"
        )
    if items is None or isinstance(items, int | np.integer):
        if not pd.api.types.is_integer_dtype(ids) or bool((ids < 0).any()):
            raise ValueError(
                f"column 'item_id' has no numbers from 0 on ({_said(ids.iloc[0])}); give items=, the ids in the order "
                "of the policy's columns"
            )
        numbers = ids.to_numpy(dtype=np.int64)
        count = int(numbers.max()) + 1 if items is None else int(items)
    else:
        numbers, count = pd.Index(items).get_indexer(pd.Index(ids)).astype(np.int64), len(items)
    if (bad := (numbers < 0) | (numbers >= count)).any():
        at = int(np.argmax(bad))
        raise ValueError(
            f"column 'item_id' has {int(bad.sum())} items outside the catalogue of {count}, first in slate "
            f"{_said(slots.names[slots.row[at]])}: {_said(ids.iloc[at])}"
        )
    return numbers, count


def contexts_of(
    contexts: pd.DataFrame | npt.NDArray[Any] | None, users: npt.NDArray[Any] | None, slots: Slots
) -> pd.DataFrame | npt.NDArray[Any]:
    """One row a list of what the policy sees.

    Raises
    ------
    ValueError
        If there is nothing to take it from, a user stands twice in the contexts, or not at all.
    """
    if contexts is None:
        named = {} if users is None else {"user_id": users}
        return pd.DataFrame(named, index=pd.RangeIndex(len(slots.names)))
    if not isinstance(contexts, pd.DataFrame) or "user_id" not in contexts or users is None:
        return contexts
    if len(contexts) == len(users) and (contexts["user_id"].to_numpy() == users).all():
        return contexts
    if (twice := contexts["user_id"].duplicated()).any():
        raise ValueError(
            f"contexts have the user {_said(contexts['user_id'][twice].iloc[0])} twice; give one row a user"
            ", or one row a list without the column user_id"
        )
    at = pd.Index(contexts["user_id"]).get_indexer(pd.Index(users))
    if (lost := at < 0).any():
        raise ValueError(
            f"contexts lack {int(lost.sum())} lists' users, first {_said(users[int(np.argmax(lost))])}; add their rows"
        )
    rows: pd.DataFrame = contexts.iloc[at].reset_index(drop=True)
    return rows


def _said(value: Any) -> str:
    """A value as a reader writes it: 7, not np.int64(7)."""
    return repr(value.item() if isinstance(value, np.generic) else value)
