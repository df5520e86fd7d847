"""Histories: each user's items in time order, as flat arrays; and the batches a sequence model reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["GAPS", "Batch", "Histories", "batches", "gap_steps", "last_windows"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
WIDTHS = 8
GAPS = 32  # steps of time between two items that are told apart


@dataclass(frozen=True, eq=False)
class Histories:
    """Sequences of n users; user j's items are `items[offsets[j]:offsets[j + 1]]`, oldest first.

    Parameters
    ----------
    users
        User ids, unique.
    items
        Item numbers, 1..n_items.
    offsets
        (n + 1,) places where users begin.
    outcomes
        0 or 1 for each item met, or None.
    weights
        Weight of each item in the loss, or None for ones.
    gaps
        Time since the user's item before, in GAPS steps of powers of two, 0 for the first item; or None.
    """

    users: pd.Index
    items: Ints
    offsets: Ints
    outcomes: Ints | None = None
    weights: Floats | None = None
    gaps: Ints | None = None

    @classmethod
    def of(
        cls,
        frame: pd.DataFrame,
        catalogue: pd.Index,
        *,
        outcome: str | None = None,
        weight: str | None = None,
        gaps: bool = False,
    ) -> Histories:
        """Read them from a table with user_id, item_id and, where it has one, timestamp (else the order of the rows).

        Raises
        ------
        ValueError
            If a column is missing, an item is not in the catalogue, a timestamp is missing or text, an outcome is
            neither 0 nor 1, or a weight is negative or not finite; the first offending row and value are named.
        """
        asked = (outcome, weight, "timestamp" if gaps else None)
        _require(frame, ["user_id", "item_id", *(name for name in asked if name)])
        rows, users, codes = _time_order(frame)
        numbers = catalogue.get_indexer(pd.Index(frame["item_id"])) + 1
        _refuse("item_id", frame["item_id"], numbers > 0, _unknown(catalogue))
        offsets = np.concatenate(([0], np.bincount(codes, minlength=len(users)).cumsum()))
        return cls(
            users,
            numbers[rows].astype(np.int64),
            offsets.astype(np.int64),
            None if outcome is None else _outcomes(frame, outcome)[rows],
            None if weight is None else _weights(frame, weight)[rows],
            gap_steps(frame["timestamp"].iloc[rows], offsets) if gaps else None,
        )

    @property
    def lengths(self) -> Ints:
        """(n,) items of each user."""
        return np.diff(self.offsets)

    def take(self, user_ids: pd.Index) -> Histories:
        """Histories of `user_ids` in that order; a user who is not here has an empty one."""
        place = self.users.get_indexer(user_ids)
        lengths = np.where(place < 0, 0, self.lengths[place] if len(self.users) else 0)
        offsets = np.concatenate(([0], lengths.cumsum()))
        starts = np.where(place < 0, 0, self.offsets[:-1][place] if len(self.users) else 0)
        rows = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
        beside = (None if part is None else part[rows] for part in (self.outcomes, self.weights, self.gaps))
        return Histories(user_ids, self.items[rows], offsets, *beside)

    def pairs(self) -> tuple[Ints, Ints]:
        """(row of the user, item number) of everything met."""
        return np.repeat(np.arange(len(self.users)), self.lengths), self.items


@dataclass(frozen=True, eq=False)
class Batch:
    """Sequences padded on the right with 0: what was read, and what came next.

    Parameters
    ----------
    inputs
        (n, length) item numbers; the first of a whole history is 0, the start.
    targets
        (n, length) the item after each input, 0 where there is none.
    rows, ends
        (n,) rows of the users in their `Histories`, and the place of each one's last input.
    input_outcomes, target_outcomes
        (n, length) 0 or 1 of the same items, or None.
    weights
        (n, length) weights of the targets, or None.
    input_gaps, target_gaps
        (n, length) steps of the time since the item before, of inputs and targets, or None.
    """

    inputs: Ints
    targets: Ints
    rows: Ints
    ends: Ints
    input_outcomes: Ints | None
    target_outcomes: Ints | None
    weights: Floats | None
    input_gaps: Ints | None = None
    target_gaps: Ints | None = None

    def hidden_end(self) -> Batch:
        """Shift histories one place to the left, a hidden item (0) at their ends: what a two-sided model fills in."""

        def shifted(values: Ints) -> Ints:
            moved = np.roll(values, -1, axis=1)
            moved[np.arange(len(moved)), self.ends] = 0
            return np.asarray(moved)

        gaps = None if self.input_gaps is None else shifted(self.input_gaps)
        return replace(self, inputs=shifted(self.inputs), input_gaps=gaps)


def batches(histories: Histories, length: int, tokens: int, rng: np.random.Generator) -> list[Batch]:
    """Cut every history into windows of at most `length` targets and batch windows of like length, in random order.

    Padding is what a plain batch wastes most on, so a batch holds `tokens` positions, not a number of users. Cuts fall
    at a random place in each epoch, so that in time every item is met with much and with little before it.
    """
    row, start, stop = _windows(histories, length, rng)
    order = np.argsort(-_width(stop - start) + rng.random(len(row)), kind="stable")
    groups = _groups((stop - start)[order], tokens)
    return [
        _batch(histories, row[part], start[part], stop[part]) for part in (order[g] for g in _shuffled(groups, rng))
    ]


def last_windows(histories: Histories, length: int, tokens: int) -> Iterator[Batch]:
    """Give batches of the last `length` items of each history as inputs, sorted by length; nothing follows the last."""
    stop = histories.offsets[1:]
    start = np.maximum(histories.offsets[:-1], stop - length + 1)
    order = np.argsort(start - stop, kind="stable")
    for group in _groups((stop - start)[order] + 1, tokens):
        rows = order[group]
        yield _batch(histories, rows, start[rows], stop[rows], reading=True)


def _windows(histories: Histories, length: int, rng: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    """Windows [start, stop) of targets; their inputs are one place earlier."""
    lengths = histories.lengths
    whole = lengths <= length
    first = np.where(whole, lengths, rng.integers(1, length + 1, size=len(lengths)))
    count = np.where(lengths > 0, 1 + -(-(lengths - first) // length), 0)
    row = np.repeat(np.arange(len(lengths)), count)
    place = np.arange(len(row)) - np.repeat(count.cumsum() - count, count)
    stop = np.minimum(first[row] + place * length, lengths[row])
    start = np.where(place == 0, 0, first[row] + (place - 1) * length)
    base = histories.offsets[:-1][row]
    return row, base + start, base + stop


def _groups(lengths: Ints, tokens: int) -> list[Ints]:
    """Places of batches of at most `tokens` positions; `lengths` fall, but within a step of WIDTHS."""
    groups, begin = [], 0
    while begin < len(lengths):
        rows = max(1, tokens // _width(int(lengths[begin])))
        groups.append(np.arange(begin, min(begin + rows, len(lengths))))
        begin += rows
    return groups


def _width(longest: Any) -> Any:
    """Next multiple of WIDTHS: few different shapes, since kernels are prepared anew for each."""
    return -(-longest // WIDTHS) * WIDTHS


def _shuffled(groups: list[Ints], rng: np.random.Generator) -> list[Ints]:
    return [groups[place] for place in rng.permutation(len(groups))]


def _batch(histories: Histories, rows: Ints, start: Ints, stop: Ints, *, reading: bool = False) -> Batch:
    """Gather targets [start, stop) and, one place earlier, their inputs; reading adds a last input without a target."""
    at = start[:, None] + np.arange(_width(int((stop - start).max()) + reading))
    follows = at < stop[:, None]
    known = (at < stop[:, None] + reading) & (at > histories.offsets[rows][:, None])

    def gather(values: npt.NDArray[Any], places: Ints, mask: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
        padded = np.append(values, values.dtype.type(0))
        return padded[np.where(mask, places, len(values))]

    outcomes, weights, gaps = histories.outcomes, histories.weights, histories.gaps
    return Batch(
        inputs=gather(histories.items, at - 1, known),
        targets=gather(histories.items, at, follows),
        rows=rows,
        ends=stop - start,
        input_outcomes=None if outcomes is None else gather(outcomes, at - 1, known),
        target_outcomes=None if outcomes is None else gather(outcomes, at, follows),
        weights=None if weights is None else gather(weights, at, follows),
        input_gaps=None if gaps is None else gather(gaps, at - 1, known),
        target_gaps=None if gaps is None else gather(gaps, at, follows),
    )


def _time_order(frame: pd.DataFrame) -> tuple[Ints, pd.Index, Ints]:
    """Rows sorted by user and time (ties as they stand), the users, and each row's user."""
    codes, users = pd.factorize(frame["user_id"], sort=True)
    if (codes < 0).any():
        raise ValueError(f"column 'user_id' is missing in {int((codes < 0).sum())} rows, first at row {codes.argmin()}")
    keys = (_times(frame["timestamp"]), codes) if "timestamp" in frame else (codes,)
    return np.lexsort(keys).astype(np.int64), pd.Index(users, name="user_id"), codes.astype(np.int64)


def _times(times: pd.Series[Any]) -> npt.NDArray[Any]:
    """What rows are ordered by: text sorts "10" before "9", and a missing time sorts last."""
    present = times.notna().to_numpy()
    _refuse("timestamp", times, present, "fill it in or drop the row, since an unknown time has no place in a history")
    if not (pd.api.types.is_numeric_dtype(times) or pd.api.types.is_datetime64_any_dtype(times)):
        said = np.array([isinstance(value, str) for value in times], dtype=bool)
        _refuse("timestamp", times, ~said, "text has no time order: pd.to_datetime or pd.to_numeric it first")
    return times.to_numpy()


def gap_steps(times: pd.Series[Any], offsets: Ints) -> Ints:
    """1 + floor(log2(1 + seconds)) since the item before, at most GAPS - 1; 0 for a user's first item.

    Parameters
    ----------
    times
        (events,) moments or seconds, users one after the other, each in time order.
    offsets
        (n + 1,) places where users begin, as in `Histories`.
    """
    if pd.api.types.is_datetime64_any_dtype(times):
        seconds = (times - times.min()).dt.total_seconds().to_numpy(dtype=np.float64)
    else:
        seconds = times.to_numpy(dtype=np.float64)
    since = np.maximum(np.diff(seconds, prepend=seconds[:1]), 0.0)
    steps = np.minimum(1 + np.log2(1 + since).astype(np.int64), GAPS - 1)
    steps[offsets[:-1][np.diff(offsets) > 0]] = 0
    return np.asarray(steps)


def _outcomes(frame: pd.DataFrame, name: str) -> Ints:
    good = frame[name].isin((0, 1)).to_numpy()
    _refuse(name, frame[name], good, "an outcome is 0 or 1")
    return frame[name].to_numpy(dtype=np.int64)


def _weights(frame: pd.DataFrame, name: str) -> Floats:
    values = frame[name].to_numpy(dtype=np.float32)
    _refuse(name, frame[name], np.isfinite(values) & (values >= 0), "weights are finite and >= 0")
    if not values.any():
        raise ValueError(f"column {name!r}: all {len(values)} weights are 0; there is nothing to learn from")
    return values


def _unknown(catalogue: pd.Index) -> str:
    return (
        f"the catalogue of {len(catalogue)} items does not hold it; fit with items= that holds every item of the "
        "events, or leave these rows out"
    )


def _require(frame: pd.DataFrame, columns: list[str]) -> None:
    if missing := [name for name in columns if name not in frame]:
        raise ValueError(f"the events lack the columns {missing}; they have {list(frame.columns)}")


def _refuse(name: str, values: pd.Series[Any], good: npt.NDArray[np.bool_], way_out: str) -> None:
    if not good.all():
        row = int(np.argmin(good))
        said = getattr(values.iloc[row], "item", lambda: values.iloc[row])()  # numpy's numbers as Python's
        raise ValueError(
            f"column {name!r} has {int((~good).sum())} bad values, first at row {row}: {said!r}; {way_out}"
        )
