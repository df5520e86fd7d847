"""Cleaning a table in memory: a frame's rows have places, so the report names the first, and "first" means position."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pandas as pd

from causalrec_lab.data.cleaning.plan import IMPOSSIBLE, MISSING, RANGES, ROBOT, Plan, Step, line, report_of
from causalrec_lab.data.cleaning.quantiles import quantile_of
from causalrec_lab.data.times.clocks import FOLD, GAP, SECONDS
from causalrec_lab.data.times.frames import on_one_clock, parse_times

__all__ = ["clean_frame"]


def clean_frame(
    frame: pd.DataFrame, plan: Plan, robots: pd.Series[Any] | None
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Follow the plan; give the cleaned frame, the report, and the dropped rows as they were, with their reason.

    Parameters
    ----------
    frame
        The table; its index is not used.
    plan
        The steps.
    robots
        user_id of the bots, where the plan drops them.
    """
    original = frame.reset_index(drop=True)
    report: list[dict[str, Any]] = []
    kept = _with_times(original, plan, report)
    reasons = pd.Series("", index=original.index, dtype=object)
    for step in plan.drops:
        bad = _broken(kept, step, plan, robots)
        reasons[kept.index[bad]] = step.reason
        _note(report, step.step, step.column, kept.index[bad], original)
        kept = kept[~bad]
    for name, (low, high) in plan.caps.items():
        kept = _capped(kept, name, low, high, original, report)
    dropped = original[reasons.ne("")].assign(reason=reasons[reasons.ne("")].astype(str))
    return kept.reset_index(drop=True), report_of(report), dropped


def _with_times(frame: pd.DataFrame, plan: Plan, report: list[dict[str, Any]]) -> pd.DataFrame:
    """Read text as datetimes, numbers too if their unit is told, and clock times of a zone as UTC."""
    if "timestamp" not in frame:
        return frame
    given = frame["timestamp"]
    if pd.api.types.is_numeric_dtype(given):
        return frame if plan.epoch is None else frame.assign(timestamp=_since_1970(given, plan.epoch))
    if plan.time_zone is not None:
        times, odd = on_one_clock(given, plan.time_format, plan.time_zone)
        for kind in (FOLD, GAP):
            _note(report, kind, "timestamp", frame.index[odd.get(kind, slice(0))], frame)
        return frame.assign(timestamp=_to_microseconds(times))
    if pd.api.types.is_datetime64_any_dtype(given):
        return frame
    return frame.assign(timestamp=_to_microseconds(parse_times(given, plan.time_format)))


def _since_1970(given: pd.Series[Any], unit: str) -> pd.Series[Any]:
    """Times of numbers; one beyond the year 9999 is unreadable, as it is in a database."""
    seconds = given.astype("float64") / {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    within = (seconds >= SECONDS[0]) & (seconds < SECONDS[1])
    return _to_microseconds(pd.to_datetime(given.where(within), unit=cast(Any, unit)))


def _to_microseconds(times: pd.Series[Any]) -> pd.Series[Any]:
    """Cut what is finer than a microsecond, the finest that every database keeps."""
    if not pd.api.types.is_datetime64_any_dtype(times) or times.dt.unit != "ns":
        return times
    return cast("pd.Series[Any]", times.dt.floor("us").dt.as_unit("us"))


def _broken(kept: pd.DataFrame, step: Step, plan: Plan, robots: pd.Series[Any] | None) -> np.ndarray[Any, Any]:
    if step.step == MISSING:
        bad: pd.Series[bool] = kept[step.column].isna()
    elif step.step == IMPOSSIBLE:
        bad = _impossible(kept[step.column], *RANGES[step.column])
    elif step.step == ROBOT and robots is not None:
        bad = kept["user_id"].isin(robots)
    elif plan.order_by:
        ordered = kept.sort_values(list(plan.order_by), kind="stable", na_position="last")
        bad = ordered.duplicated(list(plan.key)).reindex(kept.index)
    else:
        bad = kept.duplicated(list(plan.key))
    return bad.to_numpy(dtype=bool)


def _impossible(column: pd.Series[Any], low: float, high: float, low_allowed: bool) -> pd.Series[bool]:
    number = pd.to_numeric(column, errors="coerce")
    above = number >= low if low_allowed else number > low
    inside = above & (number <= high) & ~number.isin([np.inf])
    if column.name == "treated":
        inside &= number.isin([0, 1])
    return ~inside.fillna(False) & column.notna()


def _capped(
    kept: pd.DataFrame,
    name: str,
    low: float | None,
    high: float | None,
    original: pd.DataFrame,
    report: list[dict[str, Any]],
) -> pd.DataFrame:
    """Set values beyond a quantile to it, both quantiles taken before either end moves."""
    column = kept[name]
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        raise ValueError(f"clean(cap={{{name!r}: …}}): the column is {column.dtype}, and only numbers have outliers")
    ends: tuple[tuple[str, float | None, Callable[[Any], Any]], ...] = (
        ("capped at", high, lambda limit: column > limit),
        ("raised to", low, lambda limit: column < limit),
    )
    for words, share, beyond in ends:
        limit = None if share is None else quantile_of(column, share)
        if limit is None:
            continue
        far = beyond(limit).fillna(False).to_numpy(dtype=bool)
        _note(report, f"{words} {limit:g}", name, kept.index[far], original)
        kept = kept.assign(**{name: kept[name].mask(far, limit)})
    return kept


def _note(report: list[dict[str, Any]], step: str, column: str, rows: pd.Index[Any], original: pd.DataFrame) -> None:
    """Add a line to the report if the step touched a row."""
    if len(rows):
        first = int(rows[0])
        value = original[column].iloc[first] if column in original else ""
        report.append(line(step, column, len(rows), value, first))
