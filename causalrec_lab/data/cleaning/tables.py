# ruff: noqa: PD003, PD004  (isnull and notnull are Ibis' own)
"""Cleaning a table where it lives: every step is an Ibis expression, and only the counts of the report are fetched.

A database's rows have no places. So the report's `first_row` is -1 and its `value` the smallest offending one, and "of
rows with the same key the first" needs an order: the columns of `order_by`, or else all columns, numbers and times
before text (which each database sorts by its own alphabet). NULL and NaN are both missing, as in pandas, and sort last.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from causalrec_lab.data.cleaning.plan import IMPOSSIBLE, MISSING, RANGES, REPEATED, Plan, Step, line, report_of
from causalrec_lab.data.cleaning.quantiles import beyond, present, row_of
from causalrec_lab.data.times.tables import GIVEN, with_times

if TYPE_CHECKING:
    import pandas as pd
    from ibis.expr.types.relations import Table  # type: ignore[attr-defined]

__all__ = ["clean_table"]

_WHY, _PLACE, _ROBOT = "crl_why", "crl_place", "crl_robot"
_NUMBER = "^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$"


def clean_table(table: Table, plan: Plan, bots: Any) -> tuple[Table, pd.DataFrame, Table]:
    """Follow the plan; give the cleaned table and the dropped rows, both lazy, and the report."""
    timed, rows = with_times(table, plan)
    marked = _marked(timed, plan, None if bots is None else _flagged(bots))
    sound = marked.filter(marked[_WHY].isnull())
    counts = _counts(marked, plan)
    repeated = _repeated(sound, plan)
    rows += _drops(plan, counts, repeated)
    ranked = _ranked(sound, plan)
    kept = ranked.filter(ranked[_PLACE] == 0).select(*table.columns)
    for name in plan.caps:
        kept = _capped(kept, name, plan, _present(name, counts, repeated["rows"]), rows)
    return kept, report_of(rows), _dropped(marked, ranked, table.columns, plan)


def _marked(timed: Table, plan: Plan, robots: Table | None) -> Table:
    """Number what is wrong with a row by itself, by the step's place in the plan; NULL where nothing is."""
    import ibis

    joined = timed if robots is None else timed.left_join(robots, timed["user_id"] == robots[_ROBOT])
    steps = [(number, step) for number, step in enumerate(plan.drops) if step.step != REPEATED]
    reasons = [(_broken(joined, step), ibis.literal(number, "int32")) for number, step in steps]
    none = ibis.null("int32")
    return joined.mutate(**{_WHY: ibis.cases(*reasons, else_=none) if reasons else none})


def _ranked(sound: Table, plan: Plan) -> Table:
    """Number the rows of each key from 0."""
    import ibis

    if not plan.key:
        return sound.mutate(**{_PLACE: ibis.literal(0)})
    return sound.mutate(**{_PLACE: ibis.row_number().over(group_by=list(plan.key), order_by=_order(sound, plan))})


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
        own = {*plan.key, _WHY, GIVEN, _ROBOT}
        kinds = {name: kind for name, kind in rows.schema().items() if name not in own}
        plain = [name for name, kind in kinds.items() if kind.is_numeric() or kind.is_temporal() or kind.is_boolean()]
        names = (*plain, *(name for name, kind in kinds.items() if kind.is_string()))
    return [_sorted(rows[name]) for name in names] or [rows[plan.key[0]]]


def _sorted(column: Any) -> Any:
    if column.type().is_floating():
        column = present(column).ifelse(column, None)
    return column.asc(nulls_first=False)


def _counts(marked: Table, plan: Plan) -> Mapping[str, Any]:
    """Ask at once for rows and smallest value of every step, for the sound rows, and for the values to be capped."""
    sound = marked[_WHY].isnull()
    sums = {"sound": marked.count(where=sound)}
    for number, step in enumerate(plan.drops):
        if step.step != REPEATED:
            here = marked[_WHY] == number
            sums[f"rows_{number}"] = marked.count(where=here)
            shown = marked[GIVEN if step.column == "timestamp" else step.column]
            if not shown.type().is_boolean():
                sums[f"value_{number}"] = shown.min(where=here)
    for name in plan.caps:
        sums[f"present_{name}"] = marked.count(where=sound & present(marked[name]))
    found = row_of(marked.agg(**sums), "clean")
    counts = {name: found[name] or 0 for name in found if not name.startswith("value_")}  # MySQL counts none as NULL
    return {**found, **counts}


def _repeated(sound: Table, plan: Plan) -> Mapping[str, Any]:
    """Count the sound rows that repeat the key of another; keys are grouped, which is cheaper than ranking rows."""
    if not plan.key:
        return {"rows": 0}
    keys = sound.group_by(*plan.key).agg(equals=sound.count())
    sums = {"rows": (keys["equals"] - 1).sum().cast("int64").fill_null(0)}
    if len(plan.key) == 1:
        sums["value"] = keys[plan.key[0]].min(where=keys["equals"] > 1)
    return row_of(keys.agg(**sums), "clean")


def _drops(plan: Plan, counts: Mapping[str, Any], repeated: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Write the report's lines on dropped rows."""
    lines = []
    for number, step in enumerate(plan.drops):
        own = {name.partition("_")[0]: counts[name] for name in (f"rows_{number}", f"value_{number}") if name in counts}
        found = repeated if step.step == REPEATED else own
        if found["rows"]:
            lines.append(line(step.step, step.column, found["rows"], found.get("value", "")))
    return lines


def _present(name: str, counts: Mapping[str, Any], repeated: int) -> int | None:
    """How many rows that stay have a value, where the counts tell; None: it must be asked."""
    here = int(counts[f"present_{name}"])
    if here == counts["sound"]:
        return here - repeated
    return None if repeated else here


def _dropped(marked: Table, ranked: Table, columns: tuple[str, ...], plan: Plan) -> Table:
    """Give the dropped rows as they were, each with its reason."""
    import ibis

    bad, again = marked.filter(marked[_WHY].notnull()), ranked.filter(ranked[_PLACE] > 0)
    said = [(bad[_WHY] == number, step.reason) for number, step in enumerate(plan.drops)]
    why = {"bad": ibis.cases(*said) if said else ibis.null("string")}
    parts = []
    for rows, reason in ((bad, why["bad"]), (again, ibis.literal(plan.drops[-1].reason if plan.drops else ""))):
        as_given = {name: rows[GIVEN if name == "timestamp" else name] for name in columns}
        parts.append(rows.select(**as_given, reason=reason))
    return ibis.union(*parts)


def _capped(kept: Table, name: str, plan: Plan, n: int | None, rows: list[dict[str, Any]]) -> Table:
    """Set values beyond a quantile to it, both quantiles taken before either end moves."""
    import ibis

    kind = kept[name].type()
    if not kind.is_numeric() or kind.is_boolean():
        raise ValueError(f"clean(cap={{{name!r}: …}}): the column is {kind}, and only numbers have outliers")
    low, high = plan.caps[name]
    column, moved = kept[name], kept[name]
    for words, share in (("capped at", high), ("raised to", low)):
        upper = words == "capped at"
        found = None if share is None else beyond(kept, name, share, upper=upper, n=n)
        if found is None:
            continue
        bound = ibis.literal(found["limit"], kind)
        far = present(column) & (column > bound if upper else column < bound)
        moved = far.ifelse(bound, moved)
        rows += [line(f"{words} {found['limit']:g}", name, found["rows"], found["value"])] if found["rows"] else []
    return kept.mutate(**{name: moved})
