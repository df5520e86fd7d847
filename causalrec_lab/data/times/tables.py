"""Timestamps of a table in a database, made times: from text, from numbers since 1970, from the clocks of a zone."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from causalrec_lab.data.cleaning.plan import Plan, line
from causalrec_lab.data.cleaning.quantiles import present, row_of
from causalrec_lab.data.times.clocks import FOLD, GAP, SECONDS, Offsets, offsets_between
from causalrec_lab.data.times.text_tables import read_times

if TYPE_CHECKING:
    from ibis.expr.types.relations import Table  # type: ignore[attr-defined]

__all__ = ["GIVEN", "with_times"]

#: Column that keeps the timestamp as it was given.
GIVEN = "crl_given"
_SETTLED = "crl_settled"


def with_times(table: Table, plan: Plan) -> tuple[Table, list[dict[str, Any]]]:
    """Give the timestamp as a time beside the one that was given, and the report's lines on the turns of the clocks."""
    import ibis

    if "timestamp" not in table.columns:
        return table, []
    given = table["timestamp"]
    kind, times = given.type(), given
    settled = ibis.literal(False)  # which times are instants already
    if kind.is_string():
        times, settled = read_times(table, "timestamp", plan.time_format, mixed=plan.time_zone is not None)
    elif kind.is_date():
        times = given.cast("timestamp")
    elif kind.is_timestamp() and kind.timezone and plan.time_zone is not None:
        times, settled = given.cast("timestamp"), ibis.literal(True)  # in the session's zone, which Ibis sets to UTC
    elif kind.is_numeric() and plan.epoch is not None:
        times = _from_epoch(given, plan.epoch)
    elif not (kind.is_numeric() or kind.is_timestamp()):
        raise ValueError(f"clean: column 'timestamp' is {kind}, which is no time; give times, numbers or text")
    timed = table.mutate(**{"timestamp": times, GIVEN: given})
    if plan.time_zone is None:
        return timed, []
    return _on_one_clock(timed.mutate(**{_SETTLED: settled}), plan.time_zone)


def _from_epoch(given: Any, unit: str) -> Any:
    """Add whole seconds and the microseconds left to 1970; databases take no other unit alike."""
    import ibis

    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    first, last = (second * per_second for second in SECONDS)
    if given.type().is_integer():
        ends = (ibis.literal(min(max(end, -(2**63)), 2**63 - 1), "int64") for end in (first, last - 1))
        given = ibis.ifelse(given.between(*ends), given, None)
        whole, rest = given.cast("int64"), given.cast("int64") % per_second
        seconds, micro = (whole - rest) / per_second, rest * (10**6 / per_second)
    else:
        given = ibis.ifelse(present(given) & given.between(float(first), float(last - 1)), given, None)
        seconds = (given / per_second).floor()
        micro = (given / per_second - seconds) * 10**6
    moment = ibis.timestamp("1970-01-01 00:00:00") + seconds.round().cast("int64").as_interval("s")
    return moment + micro.round().cast("int64").as_interval("us")


def _on_one_clock(timed: Table, zone: str) -> tuple[Table, list[dict[str, Any]]]:
    """Turn clock times of a zone into UTC, where they are not settled as instants already."""
    import ibis

    times = timed["timestamp"]
    clocks = timed.filter(~timed[_SETTLED])
    ends = row_of(clocks.agg(low=clocks["timestamp"].min(), high=clocks["timestamp"].max()), "clean")
    if ends["low"] is None:
        return timed.drop(_SETTLED), []
    offsets = offsets_between(zone, ends["low"], ends["high"])
    rows = _turned(clocks, offsets)
    branches = [(times < turn.boundary, _earlier(times, turn.before)) for turn in offsets.turns]
    last = offsets.turns[-1].after if offsets.turns else offsets.first
    utc = ibis.cases((timed[_SETTLED], times), *branches, else_=_earlier(times, last))
    return timed.mutate(timestamp=utc).drop(_SETTLED), rows


def _turned(timed: Table, offsets: Offsets) -> list[dict[str, Any]]:
    """Count the clock times that happened twice, and those that never did."""
    times, rows = timed["timestamp"], []
    for kind in (FOLD, GAP):
        inside = [_between(times, turn.start, turn.boundary) for turn in offsets.turns if turn.name == kind]
        if not inside:
            continue
        odd = timed.filter(reduce(or_, inside))
        found = row_of(odd.agg(rows=odd.count(), value=odd["timestamp"].min()), "clean")
        rows += [line(kind, "timestamp", found["rows"], found["value"])] if found["rows"] else []
    return rows


def _between(times: Any, start: datetime, end: datetime) -> Any:
    return (times >= start) & (times < end)


def _earlier(times: Any, ahead: timedelta) -> Any:
    import ibis

    shift = ibis.interval(seconds=int(abs(ahead.total_seconds())))
    return times - shift if ahead >= timedelta(0) else times + shift
