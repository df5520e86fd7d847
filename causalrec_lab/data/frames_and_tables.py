"""Two kinds of table, a pandas frame and an Ibis table, and one way of asking either: expressions that run in place."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from causalrec_lab.data.registry import nearest

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend
    from ibis.expr.types.relations import Table  # type: ignore[attr-defined]

__all__ = [
    "collected",
    "dated",
    "in_database",
    "known_event",
    "lazily",
    "like",
    "need_columns",
    "need_times",
    "of_one_kind",
    "same_clock",
    "same_ids",
    "tie_columns",
]


_CLEANED = ("user_id", "item_id", "event")


def in_database(table: Any, who: str) -> bool:
    """Say whether a table is an Ibis table (True) or a pandas frame (False).

    Raises
    ------
    TypeError
        If it is neither.
    """
    if isinstance(table, pd.DataFrame):
        return False
    if type(table).__module__.startswith("ibis.expr.types"):
        return True
    raise TypeError(f"{who} takes a pandas DataFrame or an Ibis table, not {type(table).__name__}")


def lazily(table: pd.DataFrame | Table, columns: Sequence[str] | None = None) -> Table:
    """Give a table as an expression; a frame's named columns go through DuckDB inside this process.

    Parameters
    ----------
    table
        Frame or Ibis table.
    columns
        Those that are needed; None: all.

    Raises
    ------
    ValueError
        If a column of a frame mixes kinds of values ('7' and 7), holds objects (UUIDs, lists), or times finer than a
        microsecond.
    """
    if not isinstance(table, pd.DataFrame):
        return table if columns is None else table.select(*columns)
    import ibis

    frame = pd.DataFrame(table[list(table.columns if columns is None else columns)])
    plain = {
        name: frame[name].astype(frame[name].cat.categories.dtype)
        for name in frame.columns
        if isinstance(frame[name].dtype, pd.CategoricalDtype)
    }
    for name in frame.columns:
        of_one_kind(frame[name])
    return ibis.memtable(frame.assign(**plain).reset_index(drop=True))


def of_one_kind(column: pd.Series[Any]) -> None:
    """Refuse a column that no table of a database could hold.

    Raises
    ------
    ValueError
        If it mixes kinds of values, holds objects, or times finer than a microsecond.
    """
    if column.dtype == object and pd.api.types.infer_dtype(column, skipna=True) in ("mixed", "mixed-integer"):
        first = column.dropna().drop_duplicates() if column.map(pd.api.types.is_hashable).all() else column.dropna()
        examples = {type(value).__name__: value for value in reversed(first.tolist())}
        shown = ", ".join(f"{value!r} ({kind})" for kind, value in list(examples.items())[:3])
        raise ValueError(
            f"column {column.name!r} holds {shown}: values of a column must be of one kind, numbers, text or times; "
            f"make ids text: frame[{column.name!r}].astype(str)"
        )
    if pd.api.types.is_datetime64_any_dtype(column) and getattr(column.dt, "unit", "") == "ns":
        fine = column.notna() & (column.dt.nanosecond != 0)
        if fine.any():
            row = int(fine.to_numpy().argmax())
            raise ValueError(
                f"column {column.name!r} has times finer than a microsecond in {int(fine.sum()):,} rows, first at row "
                f"{row}: {column.iloc[row]}; cut them: frame[{column.name!r}].dt.floor('us').dt.as_unit('us')"
            )


def collected(expression: Table) -> pd.DataFrame:
    """Run an expression made of frames alone."""
    return cast(pd.DataFrame, _engine().to_pandas(expression))


def like(frame: pd.DataFrame, *models: pd.DataFrame) -> pd.DataFrame:
    """Give columns the dtypes they had in the first model that has them: what went through DuckDB comes back as was."""
    kinds: dict[Any, Any] = {}
    for model in reversed(models):
        kinds |= {name: model[name].dtype for name in frame.columns if name in model.columns}
    return frame.astype({name: kind for name, kind in kinds.items() if frame[name].dtype != kind})


def need_columns(table: Any, names: Sequence[str], who: str) -> None:
    """Refuse a table that lacks a column.

    Raises
    ------
    ValueError
        If one is not there: all that are missing, and what the table has; or stands twice.
    TypeError
        If it is no table.
    """
    in_database(table, who)
    if twice := [name for name in names if list(table.columns).count(name) > 1]:
        raise ValueError(f"{who}: column {twice[0]!r} stands more than once; drop or rename the others")
    if missing := [name for name in names if name not in table.columns]:
        raise ValueError(
            f"{who} needs the columns {list(names)}; {missing} not there: {nearest(missing[0], table.columns)}"
        )


def need_times(table: Any, who: str) -> str:
    """Name the clock of a table's timestamps: "number", "datetime" or "datetime with a time zone".

    Raises
    ------
    ValueError
        If they are neither numbers nor datetimes: text has no order in time.
    """
    kind: Any = table["timestamp"].dtype if isinstance(table, pd.DataFrame) else table.schema()["timestamp"]
    if isinstance(table, pd.DataFrame):
        times = table["timestamp"]
        if pd.api.types.is_datetime64_any_dtype(times):
            return "datetime" if times.dt.tz is None else "datetime with a time zone"
        if pd.api.types.is_numeric_dtype(times) and not pd.api.types.is_bool_dtype(times):
            return "number"
    elif kind.is_timestamp() or kind.is_date():
        return "datetime with a time zone" if kind.is_timestamp() and kind.timezone else "datetime"
    elif kind.is_numeric() and not kind.is_boolean():
        return "number"
    shown = f", first at row 0: {next(iter(table['timestamp']), None)!r}" if isinstance(table, pd.DataFrame) else ""
    raise ValueError(
        f"{who}: column 'timestamp' is neither numeric nor datetime but {kind}{shown}; "
        "text has no order in time: parse it first, with pd.to_datetime(…, format=…) or data.clean"
    )


def dated(events: Any, who: str, ids: Sequence[str] = ("user_id",), *, empty: bool = False) -> tuple[str, int]:
    """Clock and rows of a table that has a time and these columns in every row.

    Raises
    ------
    ValueError
        If one of them is missing in a row, times are none, or there are no rows (unless it may be `empty`).
    """
    names = [*ids, "timestamp"]
    lazy = in_database(events, who)
    if lazy:
        counts = {name: events[name].count() for name in names}
        found = events.aggregate(_rows=events.count(), **counts).to_pandas().iloc[0]
        rows, missing = int(found["_rows"]), {name: int(found["_rows"] - found[name]) for name in names}
    else:
        rows, missing = len(events), {name: int(events[name].isna().sum()) for name in names}
    for name, number in missing.items():
        if number:
            place = "" if lazy else f", first at row {int(events[name].isna().to_numpy().argmax())}"
            way = "data.clean drops them" if name in (*_CLEANED, "timestamp") else "fill it, or drop those rows"
            raise ValueError(f"{who}: column {name!r} is missing in {number:,} rows{place}; {way}")
    clock = need_times(events, who)
    if not rows and not empty:
        raise ValueError(f"{who} needs events, and the table has no rows")
    return clock, rows


def tie_columns(events: Any, ties: Sequence[str] | None, who: str) -> list[str]:
    """Columns that order rows of equal time: those given, or what a table in a database has for it.

    Raises
    ------
    ValueError
        If one is not a column of the table.
    """
    if ties is None:
        return [] if isinstance(events, pd.DataFrame) else [n for n in ("item_id", "event") if n in events.columns]
    need_columns(events, ties, f"{who}(ties=…)")
    return list(ties)


def same_clock(who: str, **tables: Any) -> str:
    """Name the clock that all tables keep.

    Raises
    ------
    ValueError
        If their timestamps are of different kinds, which cannot be compared.
    """
    clocks = {name: need_times(table, who) for name, table in tables.items() if table is not None}
    (first, clock), *others = clocks.items()
    for name, other in others:
        if other != clock:
            raise ValueError(
                f"{who}: timestamps of {first} are of kind {clock!r} and those of {name} of kind {other!r}, which "
                "cannot be compared; bring both to one clock (data.clean(…, epoch='s') makes numbers datetimes, "
                "pd.to_datetime(…, utc=True) adds a zone)"
            )
    return clock


def same_ids(who: str, **tables: Any) -> None:
    """Refuse tables whose ids could never meet.

    Raises
    ------
    ValueError
        If user_id or item_id is a number in one table and text in another.
    """
    kinds = {name: _id_kinds(table) for name, table in tables.items() if table is not None}
    (first, own), *others = kinds.items()
    for name, other in others:
        for column in own.keys() & other.keys():
            if own[column] != other[column]:
                raise ValueError(
                    f"{who}: column {column!r} is {own[column]} in {first} and {other[column]} in {name}, so that no "
                    "row would find its like; bring both to one kind"
                )


def known_event(events: pd.DataFrame | Table, names: Sequence[str], who: str) -> None:
    """Refuse names of events that do not occur in the log.

    Raises
    ------
    ValueError
        If one does not; the message offers the nearest that do.
    """
    if isinstance(events, pd.DataFrame):
        found = set(events["event"].dropna().unique())
    else:
        found = set(events.select("event").distinct().limit(10_000).to_pandas()["event"].dropna())
    for name in names:
        if name not in found:
            raise ValueError(f"{who}: no event {name!r} in the log: {nearest(name, found) if found else 'it is empty'}")


def _id_kinds(table: Any) -> dict[str, str]:
    names = [name for name in ("user_id", "item_id") if name in table.columns]
    if isinstance(table, pd.DataFrame):
        plain = {name: table[name].dtype for name in names}
        plain = {n: d.categories.dtype if isinstance(d, pd.CategoricalDtype) else d for n, d in plain.items()}
        return {name: "a number" if pd.api.types.is_numeric_dtype(kind) else "text" for name, kind in plain.items()}
    return {name: "a number" if table.schema()[name].is_numeric() else "text" for name in names}


@cache
def _engine() -> Backend:
    import ibis

    engine: Backend = ibis.duckdb.connect()
    engine.settings["enable_progress_bar"] = False  # in a notebook DuckDB draws one by itself
    return engine
