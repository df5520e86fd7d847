"""What was known before a decision: counts of earlier events, taken as of each decision's own time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pandas as pd

from causalrec_lab.data.building.durations import common_kind, earlier, span
from causalrec_lab.data.frames_and_tables import (
    collected,
    dated,
    in_database,
    known_event,
    lazily,
    like,
    need_columns,
    same_clock,
    same_ids,
)
from causalrec_lab.data.registry import nearest

if TYPE_CHECKING:
    from ibis.expr.types.relations import Table  # type: ignore[attr-defined]

__all__ = ["FEATURES", "as_of", "with_n_before"]

T = TypeVar("T")

#: Feature -> the columns whose earlier events it counts.
FEATURES = {
    "n_before": ("user_id", "item_id"),
    "popularity": ("item_id",),
    "activity": ("user_id",),
}


def as_of(
    decisions: T,
    events: pd.DataFrame | Table,
    features: Sequence[str] = ("n_before", "popularity", "activity"),
    *,
    event: str | None = None,
    within: Any = None,
) -> T:
    r"""Add to each decision what the log knew before it: events strictly earlier than its time, and no later one.

    A feature computed over the whole log (an item's total sales, say) holds the outcomes it is to explain, and the
    future besides. As of time t,

    .. math:: x(t) = \#\{\text{events of the same user, item or pair in } [t - \text{within}, t)\}.

    Parameters
    ----------
    decisions
        Columns user_id, item_id, timestamp; a pandas frame or an Ibis table.
    events
        Columns user_id, item_id, timestamp, and event where one is named; of the same kind.
    features
        "n_before" (events of the pair: earlier exposures, the classic confounder), "popularity" (of the item),
        "activity" (of the user).
    event
        Count only events of this name; None: all.
    within
        How far back, in the unit of the timestamps (as text or Timedelta, "7D", where they are datetimes); None: to the
        beginning of the log, so that later decisions have seen more of it.

    Returns
    -------
    The decisions with one integer column a feature, of the same kind; a frame keeps its order and index.

    Raises
    ------
    ValueError
        If a feature or the event is unknown, a column is missing or already there, an id or time is missing in a row,
        `within` is no positive duration, or the two tables keep different clocks.

    Notes
    -----
    Point-in-time joins are the cure for look-ahead leakage: Kaufman, Rosset, Perlich and Stitelman (2012), "Leakage in
    data mining", ACM TKDD 6(4), section 4. An event at the very time of a decision does not count: whether it came
    before cannot be told.
    """
    need_columns(decisions, ["user_id", "item_id", "timestamp"], "as_of(decisions)")
    need_columns(events, ["user_id", "item_id", "timestamp", *([] if event is None else ["event"])], "as_of(events)")
    if unknown := [name for name in features if name not in FEATURES]:
        raise ValueError(f"as_of(features=…): no feature {unknown[0]!r}: {nearest(unknown[0], FEATURES)}")
    if there := [name for name in features if name in cast(Any, decisions).columns]:
        raise ValueError(
            f"as_of: the decisions already have a column {there[0]!r}; drop it, or leave it out of features"
        )
    for table, who in ((decisions, "as_of(decisions)"), (events, "as_of(events)")):
        dated(table, who, ("user_id", "item_id"), empty=True)
    same_ids("as_of", decisions=decisions, events=events)
    clock = same_clock("as_of", decisions=decisions, events=events)
    length = None if within is None else span(within, clock, "as_of(within=…)")
    past = lazily(events, ["user_id", "item_id", "timestamp", *([] if event is None else ["event"])])
    if event is not None:
        known_event(events, [event], "as_of(event=…)")
        past = past.filter(past.event == event)
    if in_database(decisions, "as_of"):
        return cast(T, _with_counts(cast(Any, decisions), past, features, length))
    frame = cast(pd.DataFrame, decisions)
    keys = ["user_id", "item_id", "timestamp"]
    counts = collected(_with_counts(lazily(frame, keys).distinct(), past, features, length))
    found = frame[keys].reset_index(drop=True).merge(like(counts, frame), on=keys, how="left", validate="many_to_one")
    return cast(T, frame.assign(**{name: found[name].to_numpy() for name in features}))


def with_n_before(rows: Table, exposures: Table) -> Table:
    """Add n_before, the exposures of the pair before each row, in one pass over both, sorted together.

    Of equal times the row comes first, so it counts only what is strictly earlier.
    """
    import ibis

    kind = common_kind(rows.timestamp, exposures.timestamp)
    asked = rows.mutate(at=rows.timestamp.cast(kind), one=_int(0))
    empty = {name: ibis.null().cast(dtype) for name, dtype in rows.schema().items()}
    pair = {name: exposures[name].cast(rows.schema()[name]) for name in ("user_id", "item_id")}
    known = exposures.select(**(empty | pair), at=exposures.timestamp.cast(kind), one=_int(1))
    both = asked.union(known.select(*asked.columns))
    order = {"group_by": ["user_id", "item_id"], "order_by": ["at", "one"], "rows": (None, 0)}
    counted = both.mutate(n_before=both.one.sum().over(**order).cast("int64"))
    return counted.filter(counted.one == 0).drop("at", "one")


def _with_counts(decisions: Table, past: Table, features: Sequence[str], length: Any) -> Table:
    """Join counts of earlier events to decisions, feature by feature."""
    for name in features:
        by = list(FEATURES[name])
        decisions = decisions.join(_counts(decisions, past, by, length, name), [*by, "timestamp"])
    return decisions


def _counts(decisions: Table, past: Table, by: list[str], length: Any, name: str) -> Table:
    r"""Count events before each asked time, as a running sum over events and questions sorted together.

    The count in [t - length, t) is the running count at t less the one at t - length; of equal times the question comes
    first, so it counts only what is strictly earlier. Sorting is all the work: no pair of decision and event is formed.
    """
    import ibis

    asked = decisions.select(*by, "timestamp").distinct()
    kind = common_kind(asked.timestamp, past.timestamp, length)
    questions = [_question(asked, asked.timestamp.cast(kind), 1)]
    if length is not None:
        questions.append(_question(asked, earlier(asked.timestamp.cast(kind), length).cast(kind), -1))
    nothing = ibis.null().cast(asked.schema()["timestamp"])
    known = past.select(*by, at=past.timestamp.cast(kind), timestamp=nothing, sign=_int(0), one=_int(1))
    rows = ibis.union(*questions, known.cast({column: asked.schema()[column] for column in by}))
    order = {"group_by": by, "order_by": ["at", "one"], "rows": (None, 0)}
    counted = rows.mutate(running=rows.one.sum().over(**order)).filter(lambda t: t.sign != 0)
    return counted.group_by([*by, "timestamp"]).agg(**{name: (counted.sign * counted.running).sum().cast("int64")})


def _question(asked: Table, at: Any, sign: int) -> Table:
    others = [name for name in asked.columns if name != "timestamp"]
    return asked.select(*others, at=at, timestamp=asked.timestamp, sign=_int(sign), one=_int(0))


def _int(value: int) -> Any:
    import ibis

    return ibis.literal(value, "int64")
