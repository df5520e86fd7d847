# ruff: noqa: PD003, PD004  (isnull and notnull are Ibis' own)
"""Cleaning a table where it lives: every step is an Ibis expression, and only the counts of the report are fetched.

A database's rows have no places. So the report's `first_row` is -1 and its `value` the smallest offending one, and "of
rows with the same key the first" needs an order: the columns of `order_by`, or else all columns, numbers and times
before text (which each database sorts by its own alphabet). NULL and NaN are both missing, as in pandas, and sort last.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from causalrec_lab.data.cleaning_plan import IMPOSSIBLE, MISSING, RANGES, REPEATED, Plan, Step, report_of
from causalrec_lab.data.clocks import FOLD, GAP, Offsets, offsets_between
from causalrec_lab.data.quantiles import present, quantiles_of, row_of
from causalrec_lab.data.time_text import read_times

if TYPE_CHECKING:
    import pandas as pd
    from ibis.expr.types.relations import Table  # type: ignore[attr-defined]

__all__ = ["clean_table"]

_GIVEN, _SETTLED, _WHY, _PLACE, _ROBOT = "crl_given", "crl_settled", "crl_why", "crl_place", "crl_robot"
_NUMBER = "^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$"


def clean_table(table: Table, plan: Plan, bots: Any) -> tuple[Table, pd.DataFrame, Table]:
    """Follow the plan; give the cleaned table and the dropped rows, both lazy, and the report."""
    timed, turned = _with_times(table, plan)
    marked = _marked(timed, plan, None if bots is None else _flagged(bots))
    rows = turned + _counted(marked, plan)
    dropped = _dropped(marked, table.columns, plan)
    kept = marked.filter(marked[_WHY].isnull()).select(*table.columns)
    for name, (low, high) in plan.caps.items():
        kept = _capped(kept, name, low, high, rows)
    return kept, report_of(rows), dropped


def _with_times(table: Table, plan: Plan) -> tuple[Table, list[dict[str, Any]]]:
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
    timed = table.mutate(**{"timestamp": times, _GIVEN: given})
    if plan.time_zone is None:
        return timed, []
    return _on_one_clock(timed.mutate(**{_SETTLED: settled}), plan.time_zone)


def _from_epoch(given: Any, unit: str) -> Any:
    """Add whole seconds and the microseconds left to 1970; databases take no other unit alike."""
    import ibis

    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    if given.type().is_integer():
        whole, rest = given.cast("int64"), given.cast("int64") % per_second
        seconds, micro = (whole - rest) / per_second, rest * (10**6 / per_second)
    else:
        given = ibis.ifelse(present(given), given, None)
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
        return timed, []
    offsets = offsets_between(zone, ends["low"], ends["high"])
    rows = _turned(clocks, offsets)
    branches = [(times < turn.boundary, _earlier(times, turn.before)) for turn in offsets.turns]
    last = offsets.turns[-1].after if offsets.turns else offsets.first
    utc = ibis.cases((timed[_SETTLED], times), *branches, else_=_earlier(times, last))
    return timed.mutate(timestamp=utc), rows


def _turned(timed: Table, offsets: Offsets) -> list[dict[str, Any]]:
    """Count the clock times that happened twice, and those that never did."""
    times, rows = timed["timestamp"], []
    for kind in (FOLD, GAP):
        inside = [_between(times, turn.start, turn.boundary) for turn in offsets.turns if turn.name == kind]
        if not inside:
            continue
        odd = timed.filter(reduce(or_, inside))
        found = row_of(odd.agg(rows=odd.count(), value=odd["timestamp"].min()), "clean")
        rows += [_line(kind, "timestamp", found["rows"], found["value"])] if found["rows"] else []
    return rows


def _between(times: Any, start: datetime, end: datetime) -> Any:
    return (times >= start) & (times < end)


def _earlier(times: Any, ahead: timedelta) -> Any:
    import ibis

    shift = ibis.interval(seconds=int(abs(ahead.total_seconds())))
    return times - shift if ahead >= timedelta(0) else times + shift


def _marked(timed: Table, plan: Plan, robots: Table | None) -> Table:
    """Number every row's reason to be dropped, by its place in the plan; NULL where there is none."""
    import ibis

    joined = timed if robots is None else timed.left_join(robots, timed["user_id"] == robots[_ROBOT])
    reasons = [_broken(joined, step) for step in plan.drops if step.step != REPEATED]
    numbered = [(reason, ibis.literal(number, "int32")) for number, reason in enumerate(reasons)]
    none = ibis.null("int32")
    marked = joined.mutate(**{_WHY: ibis.cases(*numbered, else_=none) if numbered else none})
    if not plan.key:
        return marked
    sound = marked[_WHY].isnull().ifelse(1, 0)
    place = ibis.row_number().over(group_by=[*plan.key, sound], order_by=_order(marked, plan))
    placed = marked.mutate(**{_PLACE: place})
    repeated = placed[_WHY].isnull() & (placed[_PLACE] > 0)
    return placed.mutate(**{_WHY: repeated.ifelse(ibis.literal(len(reasons), "int32"), placed[_WHY])})


def _flagged(bots: Any) -> Table:
    """Users flagged as bots, each once; those of a frame are brought into the database."""
    import ibis
    import pandas as pd

    flags = ibis.memtable(bots[["user_id", "bot"]]) if isinstance(bots, pd.DataFrame) else bots
    flagged = flags["bot"] if flags["bot"].type().is_boolean() else flags["bot"] != 0  # MySQL keeps them as numbers
    return flags.filter(flagged).select(**{_ROBOT: flags["user_id"]}).distinct()


def _broken(rows: Table, step: Step) -> Any:
    if step.step == MISSING:
        return ~present(rows[step.column])
    if step.step == IMPOSSIBLE:
        return _impossible(rows[step.column], *RANGES[step.column])
    return rows[_ROBOT].notnull()


def _impossible(column: Any, low: float, high: float, low_allowed: bool) -> Any:
    number = _number(column)
    inside = number >= low if low_allowed else number > low
    inside &= number <= min(high, 1.7976931348623157e308)
    if column.get_name() == "treated":
        inside &= number.isin([0.0, 1.0])
    return present(column) & ~inside.fill_null(False)


def _number(column: Any) -> Any:
    """Give the column as floating point; text that is no number becomes NULL."""
    import ibis

    if column.type().is_boolean():
        return column.ifelse(1.0, 0.0)
    if column.type().is_string():
        column = ibis.ifelse(column.strip().re_search(_NUMBER), column.strip(), None)
    return column.cast("float64")


def _order(rows: Table, plan: Plan) -> list[Any]:
    """Columns that settle which of equal keys is the first, without a doubt the same in every database."""
    names = plan.order_by
    if not names:
        kinds = {
            name: kind
            for name, kind in rows.schema().items()
            if name not in {*plan.key, _WHY, _GIVEN, _SETTLED, _ROBOT}
        }
        texts = [name for name, kind in kinds.items() if kind.is_string()]
        sorted_first = (
            name for name, kind in kinds.items() if kind.is_numeric() or kind.is_temporal() or kind.is_boolean()
        )
        names = (*sorted_first, *texts)
    order: list[Any] = []
    for name in names:
        here = present(rows[name])
        order += [here.ifelse(0, 1), here.ifelse(rows[name], None)]
    return order or [rows[plan.key[0]]]


def _counted(marked: Table, plan: Plan) -> list[dict[str, Any]]:
    """Ask for rows and smallest value of every step at once."""
    sums = {}
    for number, step in enumerate(plan.drops):
        here = marked[_WHY] == number
        sums[f"rows_{number}"] = marked.count(where=here)
        shown = _shown(marked, step)
        if shown is not None:
            sums[f"value_{number}"] = shown.min(where=here)
    found = row_of(marked.agg(**sums), "clean") if sums else {}
    lines = []
    for number, step in enumerate(plan.drops):
        if rows := found[f"rows_{number}"]:
            lines.append(_line(step.step, step.column, rows, found.get(f"value_{number}", "")))
    return lines


def _shown(marked: Table, step: Step) -> Any:
    """Column of which the smallest offending value is shown, None where the step has none."""
    name = _GIVEN if step.column == "timestamp" else step.column
    known = name in marked.columns and not marked[name].type().is_boolean()
    return marked[name] if known else None


def _line(step: str, column: str, rows: int, value: Any) -> dict[str, Any]:
    return {"step": step, "column": column, "rows": rows, "first_row": -1, "value": str(value)}


def _dropped(marked: Table, columns: tuple[str, ...], plan: Plan) -> Table:
    """Give the dropped rows as they were, each with its reason."""
    import ibis

    bad = marked.filter(marked[_WHY].notnull())
    said = [(bad[_WHY] == number, step.reason) for number, step in enumerate(plan.drops)]
    as_given = {name: bad[_GIVEN if name == "timestamp" else name] for name in columns}
    return bad.select(**as_given, reason=ibis.cases(*said) if said else ibis.null("string"))


def _capped(kept: Table, name: str, low: float | None, high: float | None, rows: list[dict[str, Any]]) -> Table:
    """Set values beyond a quantile to it, both quantiles taken before either end moves."""
    import ibis

    kind = kept[name].type()
    if not kind.is_numeric() or kind.is_boolean():
        raise ValueError(f"clean(cap={{{name!r}: …}}): the column is {kind}, and only numbers have outliers")
    column, moved = kept[name], kept[name]
    for words, share in (("capped at", high), ("raised to", low)):
        limit = None if share is None else quantiles_of(kept, name, [share])[0]
        if limit is None:
            continue
        bound = ibis.literal(limit, kind)
        far = present(column) & (column > bound if words == "capped at" else column < bound)
        found = row_of(kept.agg(rows=kept.count(where=far), value=column.min(where=far)), "clean")
        rows += [_line(f"{words} {limit:g}", name, found["rows"], found["value"])] if found["rows"] else []
        moved = far.ifelse(bound, moved)
    return kept.mutate(**{name: moved})
