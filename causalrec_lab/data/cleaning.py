"""Cleaning that says what it did."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from causalrec_lab.data import schema
from causalrec_lab.data.registry import nearest
from causalrec_lab.data.times import parse_times

__all__ = ["clean"]

_log = logging.getLogger(__name__)
_RANGES: dict[str, tuple[float, float, bool]] = {  # column: low, high, low itself allowed
    "propensity": (0, 1, False),
    "treated": (0, 1, True),
    "position": (0, np.inf, True),
    "price": (0, np.inf, True),
    "dwell": (0, np.inf, True),
    "age": (0, 120, True),
}


def clean(
    frame: pd.DataFrame,
    table: str = "events",
    *,
    epoch: Literal["s", "ms", "us", "ns"] | None = None,
    cap: Mapping[str, float] | None = None,
    time_format: str | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Parse times, drop broken and repeated rows, cap outliers, and report every step.

    In this order: `timestamp` given as text becomes a datetime, in one format for the whole column (as a number it
    stays one, or becomes a datetime if `epoch` says its unit); rows with a missing or unreadable key are dropped; so
    are rows with an impossible value (propensity outside (0, 1], negative price, position or dwell, age outside [0,
    120], treated neither 0 nor 1); of rows with the same key the first stays; values above a quantile named in `cap`
    are set to it.

    Parameters
    ----------
    frame
        Any of the four tables.
    table
        "events", "decisions", "items" or "users": says which columns are the key.
    epoch
        Unit of numeric timestamps since 1970 ("s", "ms"), or None to leave numbers as they are.
    cap
        Column -> quantile in (0, 1): ``{"dwell": 0.999}``. Capping a treatment's outcome changes the estimand; say so.
    time_format
        Format of timestamps given as text ("%d/%m/%Y"); None: ISO 8601, or the one format that reads them all.

    Returns
    -------
    The cleaned table with a fresh index, and the report: step, column, rows, first_row (in the input), value.

    Raises
    ------
    ValueError
        If the table or a column of `cap` is unknown, a quantile lies outside (0, 1), or timestamps are in no single
        format, or read both month first and day first.

    Notes
    -----
    Dropping is a choice about the population: if rows break more often among the treated, what is left is selected.
    """
    if table not in schema.KEYS:
        raise ValueError(f"clean(table={table!r}): {nearest(table, schema.KEYS)}")
    key = [name for name in schema.KEYS[table] if name in frame]
    kept = _with_times(frame.reset_index(drop=True), epoch, time_format)
    report: list[dict[str, Any]] = []
    for name in key:
        kept = _dropped(kept, kept[name].isna(), "missing or unreadable", name, frame, report)
    for name, limits in _RANGES.items():
        if name in kept:
            kept = _dropped(kept, _impossible(kept[name], *limits), "impossible value", name, frame, report)
    if key:
        kept = _dropped(kept, kept.duplicated(key), "repeated key", " + ".join(key), frame, report)
    for name, quantile in (cap or {}).items():
        kept = _capped(kept, name, quantile, frame, report)
    steps = pd.DataFrame(report, columns=["step", "column", "rows", "first_row", "value"])
    _log.info("clean: %d of %d %s kept", len(kept), len(frame), table)
    return kept.reset_index(drop=True), steps


def _with_times(
    frame: pd.DataFrame, epoch: Literal["s", "ms", "us", "ns"] | None, time_format: str | None
) -> pd.DataFrame:
    if "timestamp" not in frame or pd.api.types.is_datetime64_any_dtype(frame["timestamp"]):
        return frame
    if pd.api.types.is_numeric_dtype(frame["timestamp"]):
        return frame if epoch is None else frame.assign(timestamp=pd.to_datetime(frame["timestamp"], unit=epoch))
    return frame.assign(timestamp=parse_times(frame["timestamp"], time_format))


def _impossible(column: pd.Series[Any], low: float, high: float, low_allowed: bool) -> pd.Series[bool]:
    number = pd.to_numeric(column, errors="coerce")
    above = number >= low if low_allowed else number > low
    inside = above & (number <= high)
    if column.name == "treated":
        inside &= number.isin([0, 1])
    return ~inside & column.notna()


def _dropped(
    kept: pd.DataFrame,
    bad: pd.Series[bool],
    step: str,
    column: str,
    original: pd.DataFrame,
    report: list[dict[str, Any]],
) -> pd.DataFrame:
    if bad.any():
        first = int(kept.index[int(bad.to_numpy().argmax())])
        value = original[column].iloc[first] if column in original else ""
        report.append({"step": step, "column": column, "rows": int(bad.sum()), "first_row": first, "value": str(value)})
    return kept[~bad]


def _capped(
    kept: pd.DataFrame, name: str, quantile: float, original: pd.DataFrame, report: list[dict[str, Any]]
) -> pd.DataFrame:
    if name not in kept:
        raise ValueError(f"clean(cap={{{name!r}: …}}): {nearest(name, kept.columns)}")
    if not 0 < quantile < 1:
        raise ValueError(f"clean(cap={{{name!r}: {quantile}}}): a quantile lies in (0, 1), such as 0.999")
    limit = float(kept[name].quantile(quantile))
    above = kept[name] > limit
    if above.any():
        first = int(kept.index[int(above.to_numpy().argmax())])
        value = str(original[name].iloc[first])
        step = f"capped at {limit:g}"
        report.append({"step": step, "column": name, "rows": int(above.sum()), "first_row": first, "value": value})
    return kept.assign(**{name: kept[name].clip(upper=limit)})
