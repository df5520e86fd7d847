"""Train, validation and test: the last events of each user, or everything after a point in time."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["Split", "k_core", "split_leave_one_out", "split_temporal"]


@dataclass(frozen=True, eq=False)
class Split:
    """Three tables without a row in common, and how they came about.

    Parameters
    ----------
    train, validation, test
        Parts of the events, in time order within each user.
    protocol
        What was done, in one line, to stand beside every metric.
    """

    train: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame
    protocol: str = ""

    def __post_init__(self) -> None:
        """Refuse an empty part."""
        sizes = {part: len(getattr(self, part)) for part in ("train", "validation", "test")}
        if empty := [part for part, size in sizes.items() if size == 0]:
            raise ValueError(
                f"the split leaves {', '.join(empty)} empty (rows: {sizes}; {self.protocol}); "
                "give more events, another share or cut, or a smaller k_core"
            )

    def __repr__(self) -> str:
        sizes = ", ".join(f"{part} {len(getattr(self, part)):,}" for part in ("train", "validation", "test"))
        return f"Split({sizes}; {self.protocol})"


def k_core(events: pd.DataFrame, k: int) -> pd.DataFrame:
    """Keep the largest part in which every user and every item has at least `k` events.

    It is found by dropping the rarer ones until nothing changes. Sparse users and items are then no longer represented:
    what is measured holds for the core only.

    Raises
    ------
    ValueError
        If `k` is below 1 or nothing is left.
    """
    if k < 1:
        raise ValueError(f"k_core(k={k}): k is a number of events, 1 or more")
    kept = events
    while len(kept):
        counts = (kept.groupby(name, observed=True)[name].transform("size") for name in ("user_id", "item_id"))
        enough = np.logical_and.reduce([count.to_numpy() >= k for count in counts])
        if enough.all():
            return kept
        kept = kept[enough]
    raise ValueError(f"k_core(k={k}) leaves none of the {len(events):,} events; take a smaller k")


def split_leave_one_out(events: pd.DataFrame, *, k_core: int | None = None) -> Split:
    """Last event of each user for test, the one before for validation, the rest for training.

    Users with fewer than three events stay in training whole. Equal times keep the order of the frame. Kang and McAuley
    (2018), ICDM, section IV. A model trained on one user's past then sees other users' later events: the protocol
    compares sequence models, it does not forecast (see `split_temporal`).

    Parameters
    ----------
    events
        Columns user_id, item_id, timestamp.
    k_core
        Keep only users and items with at least so many events first.

    Raises
    ------
    ValueError
        If a column is missing, timestamps are neither numbers nor datetimes, or a part stays empty.
    """
    ordered = _ordered(events, k_core, by=["user_id", "timestamp"])
    users = ordered.groupby("user_id", sort=False, observed=True)["user_id"]
    from_end = users.cumcount(ascending=False).to_numpy()
    enough = users.transform("size").to_numpy() >= 3
    test, validation = enough & (from_end == 0), enough & (from_end == 1)
    return Split(
        ordered[~(test | validation)],
        ordered[validation],
        ordered[test],
        f"leave one out by user{_core_words(k_core)}; users with fewer than 3 events in training only",
    )


def split_temporal(
    events: pd.DataFrame,
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
    *,
    cuts: Sequence[Any] | None = None,
    k_core: int | None = None,
) -> Split:
    """Everything before a first point in time trains, up to a second validates, after it tests.

    Rows of equal time fall on the same side, so that no row of training is later than, or as late as, one of validation
    or test; the shares are met as nearly as that allows.

    Parameters
    ----------
    events
        Columns user_id, item_id, timestamp; also a decisions table.
    fractions
        Shares of rows, positive, summing to 1.
    cuts
        Two times instead of shares: training is before the first, test from the second on. Numbers where timestamps
        are numbers, times (or their text) where they are datetimes, with a time zone where those have one.
    k_core
        Keep only users and items with at least so many events first (this looks at the whole log, tests included).

    Raises
    ------
    ValueError
        If a column is missing, timestamps are neither numbers nor datetimes or only an order within each user, the
        shares are not three positive numbers that sum to 1, the cuts cannot be compared with the timestamps, or a part
        stays empty.
    """
    if events.attrs.get("timestamp") == "order within the user":
        raise ValueError(
            "split_temporal: these timestamps are places in each user's sequence, not times, and cannot be compared "
            "between users; use split_leave_one_out"
        )
    ordered = _ordered(events, k_core, by=["timestamp"])
    times = ordered["timestamp"]
    first, second = _cut_times(times, fractions) if cuts is None else _given_cuts(times, cuts)
    before, after = (times < first).to_numpy(), (times >= second).to_numpy()
    shown = [cut.floor("s") if isinstance(cut, pd.Timestamp) else cut for cut in (first, second)]
    protocol = f"temporal: training before {shown[0]}, test from {shown[1]} on{_core_words(k_core)}"
    return Split(ordered[before], ordered[~before & ~after], ordered[after], protocol)


def _ordered(events: pd.DataFrame, k: int | None, by: list[str]) -> pd.DataFrame:
    needed = ["user_id", "item_id", "timestamp"]
    if missing := [name for name in needed if name not in events]:
        raise ValueError(
            f"a split needs the columns {needed}; {missing} not there, the table has {list(events.columns)}"
        )
    if undated := int(events["timestamp"].isna().sum()):
        row = int(events["timestamp"].isna().to_numpy().argmax())
        raise ValueError(
            f"column 'timestamp' is missing in {undated:,} rows, first at row {row}; data.clean drops them"
        )
    _comparable(events["timestamp"])
    kept = events if k is None else k_core(events, k)
    return kept.sort_values(by, kind="stable", ignore_index=True)


def _comparable(times: pd.Series[Any]) -> None:
    """Refuse times that have no order of their own: as text, "11" comes before "9"."""
    if not (pd.api.types.is_numeric_dtype(times) or pd.api.types.is_datetime64_any_dtype(times)):
        raise ValueError(
            f"column 'timestamp' is neither numeric nor datetime but {times.dtype}, "
            f"first at row 0: {next(iter(times), None)!r}; "
            "text has no order in time: parse it first, with pd.to_datetime(…, format=…) or data.clean"
        )


def _cut_times(times: pd.Series[Any], fractions: Sequence[float]) -> tuple[Any, Any]:
    """Times at the shares' places; `times` is sorted, and rows equal to a cut belong to the later part."""
    if len(fractions) != 3 or not all(f > 0 for f in fractions) or abs(sum(fractions) - 1) > 1e-9:
        raise ValueError(f"split_temporal(fractions={fractions}): give three positive shares that sum to 1")
    shares = list(itertools.accumulate(fractions))[:2]
    places = [min(round(share * len(times)), len(times) - 1) for share in shares]
    return times.iloc[places[0]], times.iloc[places[1]]


def _given_cuts(times: pd.Series[Any], cuts: Sequence[Any]) -> tuple[Any, Any]:
    if len(cuts) != 2:
        raise ValueError(f"split_temporal(cuts={list(cuts)}): give two times, where validation and where test begins")
    read = _moment if pd.api.types.is_datetime64_any_dtype(times) else _number
    first, second = (read(times, cut) for cut in cuts)
    if not first < second:
        raise ValueError(f"split_temporal(cuts={list(cuts)}): the first time must lie before the second")
    return first, second


def _moment(times: pd.Series[Any], cut: Any) -> pd.Timestamp:
    """Give a cut as a time that can be compared with `times`."""
    try:
        moment: Any = None if isinstance(cut, Real) else pd.Timestamp(cut)
    except (TypeError, ValueError):
        moment = None
    if pd.isna(moment):
        raise ValueError(
            f"split_temporal(cuts=…): {cut!r} is no time, and the timestamps are; give one like 2024-01-31"
        )
    if (moment.tz is None) != (times.dt.tz is None):
        found, zone = ("no", times.dt.tz) if moment.tz is None else ("a", "no time zone")
        way = f"pd.Timestamp({cut!r}, tz={str(zone)!r})" if moment.tz is None else "the cut without one"
        raise ValueError(
            f"split_temporal(cuts=…): {cut!r} has {found} time zone, and the timestamps have {zone}; give {way}"
        )
    return pd.Timestamp(moment)


def _number(times: pd.Series[Any], cut: Any) -> Any:
    if not isinstance(cut, Real):
        raise ValueError(
            f"split_temporal(cuts=…): {cut!r} is no number, and the timestamps are ({times.iloc[0]} to "
            f"{times.iloc[-1]}); give a number, or make them datetimes with data.clean(…, epoch='s')"
        )
    return cut


def _core_words(k: int | None) -> str:
    return "" if k is None else f", {k}-core"
