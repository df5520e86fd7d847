"""Train, validation and test: the last events of each user, or everything after a point in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from causalrec_lab.data.building.k_core import k_core as core_of
from causalrec_lab.data.building.portable_draws import portable
from causalrec_lab.data.building.split_tables import given_cuts, share_cuts
from causalrec_lab.data.frames_and_tables import dated, need_columns, tie_columns

if TYPE_CHECKING:
    from ibis.expr.types.relations import Table  # type: ignore[attr-defined]

__all__ = ["Split", "split_leave_one_out", "split_temporal"]

_KEYS = ("user_id", "item_id", "timestamp")
_PARTS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Split:
    """Three tables without a row in common, and how they came about.

    Parameters
    ----------
    train, validation, test
        Parts of the events, of the kind that was given: pandas frames, in time order within each user; or Ibis tables,
        expressions that run where the events live, in no order, as tables of a database are.
    protocol
        What was done, in one line, to stand beside every metric.
    sizes
        Rows of each part; counted if not given.
    """

    train: Any
    validation: Any
    test: Any
    protocol: str = ""
    sizes: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse an empty part."""
        sizes = self.sizes or {part: _rows(getattr(self, part)) for part in _PARTS}
        object.__setattr__(self, "sizes", dict(sizes))
        if empty := [part for part, size in sizes.items() if size == 0]:
            raise ValueError(
                f"the split leaves {', '.join(empty)} empty (rows: {sizes}; {self.protocol}); "
                "give more events, another share or cut, or a smaller k_core"
            )

    def __repr__(self) -> str:
        sizes = ", ".join(f"{part} {size:,}" for part, size in self.sizes.items())
        return f"Split({sizes}; {self.protocol})"


def split_leave_one_out(
    events: pd.DataFrame | Table, *, k_core: int | None = None, ties: Sequence[str] | None = None
) -> Split:
    """Last event of each user for test, the one before for validation, the rest for training.

    Users with fewer than three events stay in training whole. Kang and McAuley (2018), ICDM, section IV. A model
    trained on one user's past then sees other users' later events: the protocol compares sequence models, it does not
    forecast (see `split_temporal`).

    Parameters
    ----------
    events
        Columns user_id, item_id, timestamp; a pandas frame or an Ibis table.
    k_core
        Keep only users and items with at least so many events first.
    ties
        Columns that order a user's events of equal time (text by its MD5 sum, which every system sorts alike). None:
        the order of the frame; in a database, which has none, item_id and then, where it stands, event. Rows equal in
        all of these are repeated keys (`clean` drops them), and which of them comes last is then up to the system.

    Raises
    ------
    ValueError
        If a column is missing, timestamps are neither numbers nor datetimes, or a part stays empty.
    """
    need_columns(events, _KEYS, "a split")
    dated(events, "a split")
    protocol = f"leave one out by user{_core_words(k_core)}; users with fewer than 3 events in training only"
    kept = events if k_core is None else core_of(events, k_core)
    names = tie_columns(kept, ties, "split_leave_one_out")
    if not isinstance(kept, pd.DataFrame):
        return _last_ones(kept, names, protocol)
    ordered = _ordered(kept, ["user_id", "timestamp"], names)
    users = ordered.groupby("user_id", sort=False, observed=True)["user_id"]
    from_end = users.cumcount(ascending=False).to_numpy()
    enough = users.transform("size").to_numpy() >= 3
    test, validation = enough & (from_end == 0), enough & (from_end == 1)
    return Split(ordered[~(test | validation)], ordered[validation], ordered[test], protocol)


def split_temporal(
    events: pd.DataFrame | Table,
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
        Columns user_id, item_id, timestamp; also a decisions table. A pandas frame or an Ibis table.
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
    if getattr(events, "attrs", {}).get("timestamp") == "order within the user":
        raise ValueError(
            "split_temporal: these timestamps are places in each user's sequence, not times, and cannot be compared "
            "between users; use split_leave_one_out"
        )
    need_columns(events, _KEYS, "a split")
    clock, n = dated(events, "a split")
    kept: Any = events if k_core is None else core_of(events, k_core)
    if isinstance(kept, pd.DataFrame):
        kept = _ordered(kept, ["timestamp"], [])
    rows = n if k_core is None else _rows(kept)
    first, second = share_cuts(kept, rows, fractions) if cuts is None else given_cuts(kept, clock, cuts)
    shown = [cut.floor("s") if isinstance(cut, pd.Timestamp) else cut for cut in (first, second)]
    protocol = f"temporal: training before {shown[0]}, test from {shown[1]} on{_core_words(k_core)}"
    if not isinstance(kept, pd.DataFrame):
        return _cut_in_place(kept, first, second, protocol)
    before, after = (kept["timestamp"] < first).to_numpy(), (kept["timestamp"] >= second).to_numpy()
    return Split(kept[before], kept[~before & ~after], kept[after], protocol)


def _last_ones(events: Table, ties: list[str], protocol: str) -> Split:
    import ibis

    order = [ibis.desc("timestamp"), *(ibis.desc(portable(events[name])) for name in ties)]
    counted = events.mutate(
        _from_end=ibis.row_number().over(group_by="user_id", order_by=order),
        _size=events.count().over(group_by="user_id"),
    )
    part = (counted._size < 3).ifelse(2, counted._from_end)  # 0 test, 1 validation, beyond training
    return _parts(counted, part == 0, part == 1, events.columns, protocol)


def _cut_in_place(events: Table, first: Any, second: Any, protocol: str) -> Split:
    after = events.timestamp >= _scalar(second)
    return _parts(events, after, ~after & (events.timestamp >= _scalar(first)), events.columns, protocol)


def _parts(events: Table, test: Any, validation: Any, columns: Sequence[str], protocol: str) -> Split:
    """Three expressions, counted by one query."""
    where = {"train": ~(test | validation), "validation": validation, "test": test}
    counts = events.aggregate(**{name: rule.ifelse(1, 0).sum() for name, rule in where.items()}).to_pandas().iloc[0]
    train, validated, tested = (events.filter(where[name]).select(*columns) for name in _PARTS)
    sizes = {name: int(counts[name]) if pd.notna(counts[name]) else 0 for name in _PARTS}
    return Split(train, validated, tested, protocol, sizes)


def _scalar(cut: Any) -> Any:
    if isinstance(cut, pd.Timestamp):
        return cut.floor("us").to_pydatetime()
    return cut.item() if hasattr(cut, "item") else cut


def _ordered(events: pd.DataFrame, by: list[str], ties: list[str]) -> pd.DataFrame:
    keys = {f"_tie_{name}": portable(events[name]).to_numpy() for name in ties}
    ordered = events.reset_index(drop=True).assign(**keys).sort_values([*by, *keys], kind="stable", ignore_index=True)
    return ordered.drop(columns=list(keys)) if keys else ordered


def _rows(table: Any) -> int:
    return len(table) if isinstance(table, pd.DataFrame) else int(table.count().execute())


def _core_words(k: int | None) -> str:
    return "" if k is None else f", {k}-core"
