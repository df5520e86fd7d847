"""Sessions: events of one user without a long gap between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pandas as pd

from causalrec_lab.data.building.durations import later, span
from causalrec_lab.data.building.portable_draws import portable
from causalrec_lab.data.frames_and_tables import collected, dated, in_database, lazily, need_columns, tie_columns

if TYPE_CHECKING:
    from ibis.expr.types.relations import Table  # type: ignore[attr-defined]

__all__ = ["sessions"]

T = TypeVar("T")
_ADDED = ("session", "session_id", "session_position")


def sessions(events: T, gap: Any = "30min", *, ties: Sequence[str] | None = None) -> T:
    """Say which events belong together: a session ends where the next event of its user is more than `gap` away.

    Parameters
    ----------
    events
        Columns user_id, timestamp; a pandas frame or an Ibis table.
    gap
        The longest pause inside a session, in the unit of the timestamps ("30min", a Timedelta; a number for numbers).
        Half an hour is the habit of web analytics; 25.5 minutes were measured by Catledge and Pitkow (1995),
        "Characterizing browsing strategies in the World-Wide Web", Computer Networks and ISDN Systems 27.
    ties
        Columns that order a user's events of equal time (text by its MD5 sum, which every system sorts alike). None:
        the order of the frame; in a database, which has none, item_id and then event, where they stand. Ties move
        places within a session, never its borders.

    Returns
    -------
    The events, of the same kind, a frame in its order, with three integer columns: ``session``, its number within the
    user, from 1; ``session_id``, unique over the log; ``session_position``, the event's place in it, from 1.

    Raises
    ------
    ValueError
        If a column is missing or already there, `gap` is no positive duration, or timestamps are missing or no times.
    """
    in_database(events, "sessions")
    need_columns(events, ["user_id", "timestamp"], "sessions")
    if there := [name for name in _ADDED if name in cast(Any, events).columns]:
        raise ValueError(f"sessions: the events already have a column {there[0]!r}; drop or rename it")
    clock, _ = dated(events, "sessions")
    length = span(gap, clock, "sessions(gap=…)")
    names = tie_columns(events, ties, "sessions")
    if not isinstance(events, pd.DataFrame):
        return cast(T, _numbered(cast(Any, events), length, names))
    keys = list(dict.fromkeys(["user_id", "timestamp", *names]))
    rows = lazily(events[keys].assign(_row=range(len(events))))
    found = collected(_numbered(rows, length, [*names, "_row"]).order_by("_row"))
    return cast(T, events.assign(**{name: found[name].to_numpy() for name in _ADDED}))


def _numbered(events: Table, length: Any, ties: list[str]) -> Table:
    """Number sessions over the distinct times of each user, which have no ties, and places over the events."""
    import ibis

    times = events.select("user_id", "timestamp").distinct()
    before = times.timestamp.lag().over(group_by="user_id", order_by="timestamp")
    begun = times.mutate(begins=(times.timestamp > later(before, length)).fill_null(True).ifelse(1, 0))
    past = {"group_by": "user_id", "order_by": "timestamp", "rows": (None, 0)}
    numbered = begun.mutate(session=begun.begins.sum().over(**past).cast("int64")).drop("begins")
    users = numbered.group_by("user_id").agg(own=numbered.session.max())
    earlier = users.own.sum().over(order_by=portable(users.user_id), rows=(None, 0)) - users.own
    first = users.select("user_id", sessions_before=earlier.cast("int64"))
    placed = events.join(numbered.join(first, "user_id"), ["user_id", "timestamp"])
    order = [placed.timestamp, *(portable(placed[name]) for name in ties)]
    place = ibis.row_number().over(group_by=["user_id", "session"], order_by=order) + 1
    added = {"session_id": placed.session + placed.sessions_before, "session_position": place.cast("int64")}
    return placed.mutate(**added).drop("sessions_before").select(*events.columns, *_ADDED)
