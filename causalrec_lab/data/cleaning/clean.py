"""Cleaning that says what it did, in memory or where the data lives."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import pandas as pd

from causalrec_lab.data.cleaning.frames import clean_frame
from causalrec_lab.data.cleaning.plan import Epoch, make_plan
from causalrec_lab.data.frames_and_tables import in_database, same_ids
from causalrec_lab.data.registry import nearest
from causalrec_lab.data.storage.connections import asked
from causalrec_lab.data.times.clocks import zone_named

if TYPE_CHECKING:
    from ibis.expr.types.relations import Table  # type: ignore[attr-defined]

    Caps = Mapping[str, float | tuple[float | None, float | None]]

__all__ = ["clean"]

_log = logging.getLogger(__name__)


@overload
def clean(
    frame: pd.DataFrame,
    table: str = "events",
    *,
    epoch: Epoch | None = None,
    cap: Caps | None = None,
    time_format: str | None = None,
    time_zone: str | None = None,
    order_by: str | Sequence[str] | None = None,
    bots: pd.DataFrame | Table | None = None,
    quarantine: Literal[False] = False,
) -> tuple[pd.DataFrame, pd.DataFrame]: ...
@overload
def clean(
    frame: pd.DataFrame,
    table: str = "events",
    *,
    epoch: Epoch | None = None,
    cap: Caps | None = None,
    time_format: str | None = None,
    time_zone: str | None = None,
    order_by: str | Sequence[str] | None = None,
    bots: pd.DataFrame | Table | None = None,
    quarantine: Literal[True],
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]: ...
@overload
def clean(
    frame: Table,
    table: str = "events",
    *,
    epoch: Epoch | None = None,
    cap: Caps | None = None,
    time_format: str | None = None,
    time_zone: str | None = None,
    order_by: str | Sequence[str] | None = None,
    bots: pd.DataFrame | Table | None = None,
    quarantine: Literal[False] = False,
) -> tuple[Table, pd.DataFrame]: ...
@overload
def clean(
    frame: Table,
    table: str = "events",
    *,
    epoch: Epoch | None = None,
    cap: Caps | None = None,
    time_format: str | None = None,
    time_zone: str | None = None,
    order_by: str | Sequence[str] | None = None,
    bots: pd.DataFrame | Table | None = None,
    quarantine: Literal[True],
) -> tuple[Table, pd.DataFrame, Table]: ...


def clean(
    frame: Any,
    table: str = "events",
    *,
    epoch: Epoch | None = None,
    cap: Caps | None = None,
    time_format: str | None = None,
    time_zone: str | None = None,
    order_by: str | Sequence[str] | None = None,
    bots: pd.DataFrame | Table | None = None,
    quarantine: bool = False,
) -> tuple[Any, ...]:
    """Parse times, drop broken and repeated rows, cap outliers, and report every step.

    In this order: `timestamp` given as text becomes a datetime, in one format for the whole column (as a number it
    stays one, or becomes a datetime if `epoch` says its unit), and clock times of `time_zone` become UTC; rows with a
    missing or unreadable key are dropped; so are rows of users flagged in `bots`; so are rows with an impossible value
    (propensity outside (0, 1], negative or infinite price, position or dwell, age outside [0, 120], treated neither 0
    nor 1); of rows with the same key the first stays; values beyond a quantile named in `cap` are set to it.

    Parameters
    ----------
    frame
        Any of the four tables: a pandas frame, or an Ibis table, which is cleaned where it lives and stays lazy; only
        the report's counts are fetched. Use ``cleaned.cache()`` if it is asked more than once.
    table
        "events", "decisions", "items" or "users": says which columns are the key.
    epoch
        Unit of numeric timestamps since 1970 ("s", "ms", "us", "ns"), or None to leave numbers as they are. Numbers
        that would lie outside the years 1 to 9999 (milliseconds among seconds) are unreadable.
    cap
        Column -> quantile in (0, 1), ``{"dwell": 0.999}``, or a pair for both ends, ``{"price": (0.001, 0.999)}``. The
        quantile of share p is the smallest value with at least p of the values at or below it, so that every database
        finds the same (`data.tails` says how much each takes). Capping an outcome changes the estimand; say so.
    time_format
        Format of timestamps given as text ("%d/%m/%Y"). None: ISO 8601, or, in a frame, the one format that reads all.
    time_zone
        Name of the zone whose clocks the timestamps show ("Europe/Berlin"). All become UTC, without a zone: those that
        carry an offset or zone of their own are the instants they say; a clock time that happened twice is read as the
        first, one that never was by the offset before, and both are reported. None: times stay as they are, and text
        that mixes offsets is refused.
    order_by
        Columns that say which of equal keys is the first. None: in a frame the order of its rows; in a database all
        other columns, ascending, numbers and times before text (whose order is the database's), missing last.
    bots
        What `data.bots` gave (columns user_id and bot), from the same or another table.
    quarantine
        Also give the dropped rows, as they were, with the column reason: nothing is lost.

    Returns
    -------
    The cleaned table (a frame with a fresh index), and the report, a frame: step, column, rows, first_row (in the
    input; -1 in a database, whose rows have no places) and value (the first offending; the smallest in a database).
    With `quarantine` the dropped rows as a third (a frame keeps their places in the input as its index).

    Raises
    ------
    ValueError
        If the table or a column of `cap` or `order_by` is unknown, a column stands twice, ids of `bots` are of another
        kind, a quantile lies outside (0, 1), timestamps are in no single format or time zone or read both month first
        and day first, or `time_zone` is unknown or meets numbers.
    TypeError
        If `frame` is neither a pandas frame nor an Ibis table.
    DatabaseLost
        If the database goes away meanwhile.

    Notes
    -----
    Dropping is a choice about the population: if rows break more often among the treated, what is left is selected.
    """
    stored = in_database(frame, "clean")
    plan = make_plan(
        frame.columns,
        table,
        epoch=epoch,
        cap=cap,
        time_format=time_format,
        time_zone=time_zone,
        order_by=order_by,
        bots=bots is not None,
    )
    _check_zone(frame, plan.time_zone, stored)
    if bots is not None:
        same_ids("clean", frame=frame, bots=_with_flags(bots))
    if quarantine and "reason" in frame.columns:
        raise ValueError("clean(quarantine=True): the table has a column 'reason' already; rename it")
    if stored:
        from causalrec_lab.data.cleaning.tables import clean_table

        result: tuple[Any, ...] = clean_table(frame, plan, None if bots is None else _with_flags(bots))
    else:
        result = clean_frame(frame, plan, None if bots is None else _flagged_users(bots))
        _log.info("clean: %d of %d %s kept", len(result[0]), len(frame), table)
    return result if quarantine else result[:2]


def _check_zone(frame: Any, time_zone: str | None, stored: bool) -> None:
    """Refuse an unknown zone, and one for times that no clock showed."""
    if time_zone is None or "timestamp" not in frame.columns:
        return
    zone_named(time_zone)
    number = frame.schema()["timestamp"].is_numeric() if stored else pd.api.types.is_numeric_dtype(frame["timestamp"])
    if number:
        raise ValueError(
            f"clean(time_zone={time_zone!r}): the timestamps are numbers, not clock times; those since 1970 are UTC: "
            "give epoch='s' and leave the zone out"
        )


def _flagged_users(bots: Any) -> pd.Series[Any]:
    flags = _with_flags(bots)
    if not isinstance(flags, pd.DataFrame):
        flags = asked("clean", flags.to_pandas)
    users: pd.Series[Any] = flags.loc[flags["bot"].astype(bool), "user_id"]
    return users


def _with_flags(bots: Any) -> Any:
    if missing := [name for name in ("user_id", "bot") if name not in bots.columns]:
        raise ValueError(f"clean(bots=…): no column {missing[0]!r}: {nearest(missing[0], bots.columns)}; see data.bots")
    return bots
