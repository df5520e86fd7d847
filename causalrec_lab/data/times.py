"""Times given as text: one format for a whole column, never one a row."""

from __future__ import annotations

import re
import warnings
from typing import Any

import pandas as pd

__all__ = ["parse_times"]

_SAMPLE = 100  # distinct values whose formats are guessed


def parse_times(column: pd.Series[Any], time_format: str | None = None) -> pd.Series[Any]:
    """Read a column of text as datetimes in one format; what no format reads becomes missing.

    ISO 8601 (2024-01-31, with or without a time of day) is read as such. Any other column must be readable in a single
    format: 13/01/2020 in one row settles that 12/01/2020 in another is the 12th of January. Values that are no time in
    any format ("soon") do not count.

    Parameters
    ----------
    column
        Text, dates or a mixture of both.
    time_format
        As ``strftime`` writes it ("%d/%m/%Y"), or None to find it.

    Raises
    ------
    ValueError
        If no single format, or not the one given, reads every time, or several do and disagree: first offending row,
        value, the way out; also if the times have different time zones.
    """
    values = column.dropna().drop_duplicates().reset_index(drop=True)
    iso = _iso(values, column.name).notna()
    if time_format is None and iso.any() and not _is_time(values[~iso]).any():
        return _iso(column, column.name)
    texts = values.astype(str)
    formats = _formats(texts) if time_format is None else [time_format]
    read = {one: pd.to_datetime(texts, errors="coerce", format=one) for one in formats}
    unread = values[pd.DataFrame(read, index=values.index).isna().all(axis=1)]
    texts = texts.drop(unread.index[~_is_time(unread)])
    if texts.empty:
        return _iso(column, column.name)
    read = {one: times[texts.index] for one, times in read.items()}
    whole = {one: times for one, times in read.items() if times.notna().all()}
    if not whole:
        raise ValueError(_no_single_format(column, read, texts))
    if len(whole) > 1:
        _agreeing(column, whole, texts)
    return pd.to_datetime(
        column.astype(object).where(column.isna(), column.astype(str)), errors="coerce", format=next(iter(whole))
    )


def _iso(values: pd.Series[Any], name: Any) -> pd.Series[Any]:
    try:
        return pd.to_datetime(values, errors="coerce", format="ISO8601")
    except ValueError as mixed:
        raise ValueError(
            f"column {name!r} has times of different time zones, the first is {values.dropna().iloc[0]!r}; "
            "pd.to_datetime(…, utc=True) puts them on one clock, if those without a zone are UTC"
        ) from mixed


def _is_time(values: pd.Series[Any]) -> pd.Series[bool]:
    """Read each value by itself: good for telling a time from no time, not for telling which time (and slow)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # "dayfirst": irrelevant here
        return pd.to_datetime(values, errors="coerce", format="mixed", utc=True).notna()


def _formats(texts: pd.Series[Any]) -> list[str]:
    """Formats that a value of the sample suggests, month first or day first, without year-day-month."""
    from pandas.tseries.api import guess_datetime_format

    padded = texts.head(_SAMPLE).str.replace(
        r"(?<!\d)(\d)(?!\d)", r"0\1", regex=True
    )  # 1/2/2024 is guessed as 01/02/2024
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        guesses = [guess_datetime_format(text, first) for text in padded for first in (False, True)]
    return [one for one in dict.fromkeys(guesses) if one and "%Y" in one and not re.match("%Y.?%d", one)]


def _agreeing(column: pd.Series[Any], whole: dict[str, pd.Series[Any]], texts: pd.Series[Any]) -> None:
    """Refuse formats that each read every value, and differ in one."""
    (first, times), *others = whole.items()
    for other, different in others:
        apart = (times != different).to_numpy()
        if apart.any():
            value = texts.iloc[int(apart.argmax())]
            raise ValueError(
                f"column {column.name!r} reads both as {first} and as {other}, and they differ, first at row "
                f"{_row(column, value)}: {value!r}; say which it is: time_format={first!r} or {other!r}"
            )


def _no_single_format(column: pd.Series[Any], read: dict[str, pd.Series[Any]], texts: pd.Series[Any]) -> str:
    best = max(read, key=lambda one: int(read[one].notna().sum()), default=None)
    value = texts.iloc[0] if best is None else texts[read[best].isna()].iloc[0]
    found = "in a format that can be guessed" if best is None else f"as {best}"
    return (
        f"column {column.name!r} is not in one format of time: row {_row(column, value)} does not read {found}: "
        f"{value!r}; correct it, or give the format as time_format='%d/%m/%Y'"
    )


def _row(column: pd.Series[Any], value: str) -> int:
    return int((column.astype(str) == value).to_numpy().argmax())
