"""The contracts of the four tables, and the words in which a broken one is reported."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, overload

import pandas as pd

from causalrec_lab.data.registry import nearest

if TYPE_CHECKING:
    import pandera.pandas as pa

__all__ = ["ERRORS", "KEYS", "SchemaError", "check", "failures", "keeps", "missing_columns"]
__all__ += ["pandera_schema", "required", "row_rules"]

_log = logging.getLogger(__name__)

#: Columns that together name a row; no two rows may share them.
KEYS = {
    "decisions": ("user_id", "item_id", "timestamp"),
    "events": ("user_id", "item_id", "timestamp", "event"),
    "items": ("item_id",),
    "users": ("user_id",),
}
#: What `check` and `data.read` may do with broken rules.
ERRORS = ("raise", "warn", "quarantine")
_IDENTITY = {"user_id": "who", "item_id": "what", "timestamp": "when"}
_NOT_MISSING, _NO_NUMBER = "is missing", "is no number"
_WAYS_OUT = {
    _NOT_MISSING: "drop those rows (data.clean does) or fill them, and say so",
    "is not 0 or 1": "a treatment is a 0/1 column: 1 where the item was shown, 0 where it was eligible and not shown",
    "has a single class": "an effect needs treated and untreated rows; an ordinary event log has no untreated rows "
    "(data.decisions makes them from a table of eligible decisions)",
    "is outside (0, 1]": "propensities are probabilities: P(treated = 1) in decisions, of the logged action in events",
    _NO_NUMBER: "a number has digits, a point for decimals and no unit: 3.50, not 3,50 or $3.50",
    "is negative": "prices, positions and ages are >= 0; data.clean removes impossible values",
    "is no time": "give datetimes or numbers; data.clean(…) parses text",
    "is outside [0, 120]": "ages are in years; data.clean removes impossible values",
    "repeats a key": "a key names one row; data.clean keeps the first of each",
}


class SchemaError(ValueError):
    """A table that breaks its contract; the message names column, count, first offending row, value and the way out."""


@overload
def check(frame: pd.DataFrame, table: str, *, errors: Literal["raise", "warn"] = ...) -> pd.DataFrame: ...


@overload
def check(frame: pd.DataFrame, table: str, *, errors: Literal["quarantine"]) -> tuple[pd.DataFrame, pd.DataFrame]: ...


def check(
    frame: pd.DataFrame, table: str, *, errors: Literal["raise", "warn", "quarantine"] = "raise"
) -> pd.DataFrame | tuple[pd.DataFrame, pd.DataFrame]:
    """Give the table back if it keeps its contract.

    Parameters
    ----------
    frame
        The table. Columns beyond the contract (outcomes, features) are left alone; optional ones may be missing.
    table
        "decisions": user_id, item_id, timestamp, treated (0/1, both classes), propensity? in (0, 1], position? >= 0;
        "events": user_id, item_id, timestamp, event, propensity?, position?, treated?;
        "items": item_id (unique), title?, text?, category?, price? >= 0;
        "users": user_id (unique), age? in [0, 120], gender?, region?, text?.
    errors
        "raise", "warn" to log the broken rules and go on, or "quarantine" to set the broken rows apart.

    Returns
    -------
    The same frame. With "quarantine" two: the rows that keep the contract (fresh index), and those that break it, as
    they were, with their place in `row` and every broken rule in `reason`; together they are all rows.

    Raises
    ------
    SchemaError
        If a rule is broken and `errors` is "raise": the first broken rule in full, then how many others there are.
        With "quarantine": if the fault is the table's (a column that is not there, a single class of treatment), or if
        more than half of the rows break the contract.
    ValueError
        If the table name is unknown.
    """
    if errors not in ERRORS:
        raise ValueError(f"check(errors={errors!r}): {nearest(errors, ERRORS)}")
    if errors == "quarantine":
        return _quarantined(frame, table)
    broken = failures(frame, table)
    if broken.empty:
        return frame
    message = f"{table}: " + "; also ".join(broken["message"].head(3))
    if errors == "raise":
        raise SchemaError(message)
    _log.warning("%s", message)
    return frame


def _quarantined(frame: pd.DataFrame, table: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    from causalrec_lab.data.storage.quarantine import reasons, set_apart

    missing_columns(frame, table)
    kept, apart = set_apart(frame, reasons(frame, table), table)
    return check(kept, table), apart


def missing_columns(frame: pd.DataFrame, table: str) -> None:
    """Refuse a table whose fault no row can be blamed for: a column missing or standing twice, or no rows.

    Raises
    ------
    SchemaError
        As `check` does.
    """
    if frame.empty or frame.columns.has_duplicates or any(name not in frame for name in required(table)):
        check(frame, table)


def failures(frame: pd.DataFrame, table: str) -> pd.DataFrame:
    """List every broken rule of a table: columns column, problem, rows, first_row, value, message; empty if none is.

    Rows are counted from 0, in the order of the frame.
    """
    import pandera.errors

    _known(table)
    if frame.columns.has_duplicates:
        twice = frame.columns[frame.columns.duplicated()].unique()
        return pd.DataFrame([_repeated_column(frame, name) for name in twice])
    if missing := [name for name in required(table) if name not in frame.columns]:
        return pd.DataFrame([_missing_column(frame, table, name) for name in missing])
    if frame.empty:
        return pd.DataFrame([{"column": "", "problem": "empty", "rows": 0, "message": "the table has no rows"}])
    rows = frame.reset_index(drop=True)  # an index may repeat, a place does not
    try:
        pandera_schema(table).validate(rows, lazy=True)
    except pandera.errors.SchemaErrors as error:
        return pd.DataFrame([_explain(rows, table, one) for one in error.schema_errors])
    return pd.DataFrame(columns=["column", "problem", "rows", "first_row", "value", "message"])


@cache
def pandera_schema(table: str) -> pa.DataFrameSchema:
    """Contract of one table as a pandera schema, to extend with the outcomes and features of your own."""
    import pandera.pandas as pa

    _known(table)
    columns = {name: _column(name, required=True, unique=(name,) == KEYS[table]) for name in required(table)}
    columns |= {name: _column(name, required=False) for name in _OPTIONAL[table]}
    if table == "decisions":
        rules = [_rule(_NOT_MISSING), *_rules("treated"), _rule("has a single class")]
        columns["treated"] = pa.Column(nullable=True, checks=rules)
        always = [_rule(_NOT_MISSING), *_rules("propensity")]  # half a column would drop rows from every weighting
        columns["propensity"] = pa.Column(nullable=True, required=False, checks=always)
    return pa.DataFrameSchema(columns, checks=_key_rules(table), strict=False)


_OPTIONAL = {
    "decisions": ("propensity", "position"),
    "events": ("value", "position", "propensity", "treated"),
    "items": ("title", "text", "category", "price"),
    "users": ("age", "gender", "region", "text"),
}
_RULES_OF = {
    "treated": ("is not 0 or 1",),
    "propensity": (
        _NO_NUMBER,
        "is outside (0, 1]",
    ),
    "position": (
        _NO_NUMBER,
        "is negative",
    ),
    "price": (
        _NO_NUMBER,
        "is negative",
    ),
    "age": (
        _NO_NUMBER,
        "is outside [0, 120]",
    ),
    "timestamp": ("is no time",),
}


def row_rules(table: str) -> list[tuple[str, str]]:
    """Rules that a row keeps or breaks by itself, as (column, what breaks it)."""
    _known(table)
    whole = {"propensity"} if table == "decisions" else set()  # half a column of propensities weights half the rows
    return [
        (name, problem)
        for name in (*required(table), *_OPTIONAL[table])
        for problem in ([_NOT_MISSING] * (name in {*required(table), *whole}) + list(_RULES_OF.get(name, ())))
        if problem != "is no time"  # which a whole column is, or is not
    ]


def required(table: str) -> tuple[str, ...]:
    """Columns a table cannot do without."""
    return KEYS[table] + (("treated",) if table == "decisions" else ())


def _known(table: str) -> None:
    if table not in KEYS:
        raise ValueError(f"unknown table {table!r}: {nearest(table, KEYS)}")


def _column(name: str, *, required: bool, unique: bool = False) -> pa.Column:
    import pandera.pandas as pa

    rules = ([_rule(_NOT_MISSING)] if required else []) + _rules(name) + ([_rule("repeats a key")] if unique else [])
    return pa.Column(nullable=True, required=required, checks=rules)


def _rules(name: str) -> list[pa.Check]:
    return [_rule(problem) for problem in _RULES_OF.get(name, ())]


def _rule(problem: str) -> pa.Check:
    import pandera.pandas as pa

    return pa.Check(lambda column: keeps(column, problem), name=problem, ignore_na=False, n_failure_cases=1)


def _key_rules(table: str) -> list[pa.Check]:
    import pandera.pandas as pa

    key = list(KEYS[table])
    if len(key) == 1:
        return []
    return [pa.Check(lambda frame: ~frame.duplicated(key), name="repeats a key", n_failure_cases=1)]


def keeps(column: pd.Series[Any], problem: str) -> pd.Series[bool]:
    """Which rows keep one rule; missing values break only the rule about missing values."""
    missing = column.isna()
    if problem == _NOT_MISSING:
        return ~missing
    if problem == "repeats a key":
        return ~column.duplicated() | missing
    if problem == "has a single class":
        present = column.dropna()
        return pd.Series(bool((present != present.iloc[:1].squeeze()).any()) or present.empty, index=column.index)
    if problem == "is no time":
        timed = pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_numeric_dtype(column)
        return pd.Series(timed, index=column.index)
    number = pd.to_numeric(column, errors="coerce")
    if problem in ("is not 0 or 1", _NO_NUMBER):
        return (number.notna() if problem == _NO_NUMBER else number.isin([0, 1])) | missing
    kept = {
        "is outside (0, 1]": (number > 0) & (number <= 1),
        "is negative": number >= 0,
        "is outside [0, 120]": number.between(0, 120),
    }
    return kept[problem] | number.isna()


def _missing_column(frame: pd.DataFrame, table: str, name: str) -> dict[str, Any]:
    others = nearest(name, frame.columns) if len(frame.columns) else "the table has no columns"
    meaning = f" ({_IDENTITY[name]})" if name in _IDENTITY else ""
    message = (
        f"column {name!r}{meaning} is not there, and {table} need it in each of the {len(frame):,} rows: {others}; "
        f"name yours by mapping={{{name!r}: …}} in data.read, or rename it"
    )
    return _of_all_rows(frame, name, "not there", message)


def _repeated_column(frame: pd.DataFrame, name: Any) -> dict[str, Any]:
    times = int((frame.columns == name).sum())
    message = f"column {name!r} stands {times} times, and which one is meant cannot be told; drop or rename the others"
    return _of_all_rows(frame, name, "stands twice", message)


def _of_all_rows(frame: pd.DataFrame, name: Any, problem: str, message: str) -> dict[str, Any]:
    found = {"column": name, "problem": problem, "rows": len(frame), "first_row": -1}
    return found | {"value": None, "message": message}


def _explain(frame: pd.DataFrame, table: str, error: Any) -> dict[str, Any]:
    """Turn pandera's error into one sentence: column, count, first row, value, way out."""
    problem = str(error.check.name)
    whole = error.schema.name is None
    name = " + ".join(KEYS[table]) if whole else str(error.schema.name)
    bad = ~error.check_output.to_numpy(dtype=bool)
    row, rows = int(bad.argmax()), int(bad.sum())
    value = tuple(frame[list(KEYS[table])].iloc[row]) if whole else frame[name].iloc[row]
    shown = tuple(map(str, value)) if whole else repr(value.item() if hasattr(value, "item") else value)
    found = f"{problem} in {rows:,} of {len(frame):,} rows, first at row {row}: {shown}"
    message = f"column {name!r} {found}; {_WAYS_OUT[problem]}"
    return {"column": name, "problem": problem, "rows": rows, "first_row": row, "value": value, "message": message}
