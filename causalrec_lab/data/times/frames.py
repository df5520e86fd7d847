"""Times given as text: one format for a whole column, never one a row; and one clock, whatever zones it mixes."""

from __future__ import annotations

import re
import warnings
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.data.times.clocks import offsets_between, zone_named

__all__ = ["has_offset", "in_utc", "on_one_clock", "parse_times"]

_SAMPLE = 100  # distinct values whose formats are guessed
_OFFSET = re.compile(r"(?<=\d)\s?(?:[zZ]|UTC|[+-]\d{2}:?\d{2})$")


def parse_times(
    column: pd.Series[Any],
    time_format: str | None = None,
    *,
    time_zone: str | None = None,
    unread: Literal["raise", "missing"] = "raise",
) -> pd.Series[Any]:
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
    time_zone
        Where clocks show the times that carry no offset from UTC ("Europe/Berlin", "UTC"). All times then become UTC,
        without a zone, by `in_utc`. None: as they stand, and a column that mixes offsets is refused.
    unread
        "missing": with a `time_format`, times in another format become missing too, instead of an error.

    Raises
    ------
    ValueError
        If no single format, or not the one given, reads every time, or several do and disagree: first offending row,
        value, the way out; also if the times have different time zones and no `time_zone` says what to do.
    """
    if time_zone is not None:
        return on_one_clock(column, time_format, time_zone, unread)[0]
    values = column.dropna().drop_duplicates().reset_index(drop=True)
    iso = _iso(values, column.name).notna()
    if time_format is None and iso.any() and not _is_time(values[~iso]).any():
        return _iso(column, column.name)
    texts = values.astype(str)
    formats = _formats(texts) if time_format is None else [time_format]
    read = {one: pd.to_datetime(texts, errors="coerce", format=one) for one in formats}
    left = values[pd.DataFrame(read, index=values.index).isna().all(axis=1)]
    texts = texts.drop(left.index[~_is_time(left)])
    if texts.empty:
        return _iso(column, column.name)
    read = {one: times[texts.index] for one, times in read.items()}
    if unread == "missing" and time_format is not None:
        return pd.to_datetime(_as_text(column), errors="coerce", format=time_format)
    whole = {one: times for one, times in read.items() if times.notna().all()}
    if not whole:
        raise ValueError(_no_single_format(column, read, texts))
    if len(whole) > 1:
        _agreeing(column, whole, texts)
    return pd.to_datetime(_as_text(column), errors="coerce", format=next(iter(whole)))


def has_offset(column: pd.Series[Any]) -> npt.NDArray[np.bool_]:
    """Which texts end in an offset from UTC (``Z``, ``+02:00``), and so name an instant."""
    return column.astype("str").str.contains(_OFFSET).fillna(False).to_numpy(dtype=bool)


def in_utc(times: pd.Series[Any], time_zone: str) -> tuple[pd.Series[Any], dict[str, npt.NDArray[np.bool_]]]:
    """Instants of clock times in a zone, as UTC without a zone; times that have a zone are only converted.

    A clock time that happened twice (the clocks were turned back) is read as the first; one that never was (they were
    turned forward) by the offset before the turn: ``fold=0`` of PEP 495 (Belopolsky and Peters, 2015).

    Returns
    -------
    The instants, and which rows stand on such a turn, by what happened there.

    Raises
    ------
    ValueError
        If there is no such zone.
    """
    zone_named(time_zone)
    if times.dt.tz is not None:
        return times.dt.tz_convert("UTC").dt.tz_localize(None), {}
    known = times.dropna()
    if known.empty:
        return times, {}
    offsets = offsets_between(time_zone, known.min().to_pydatetime(), known.max().to_pydatetime())
    ahead = pd.Series(pd.Timedelta(offsets.first), index=times.index)
    odd: dict[str, npt.NDArray[np.bool_]] = {}
    for turn in offsets.turns:
        ahead = ahead.where(times < turn.boundary, pd.Timedelta(turn.after))
        here = ((times >= turn.start) & (times < turn.boundary)).to_numpy(dtype=bool)
        odd[turn.name] = odd.get(turn.name, np.zeros(len(times), dtype=bool)) | here
    return times - ahead, {name: rows for name, rows in odd.items() if rows.any()}


def on_one_clock(
    column: pd.Series[Any], time_format: str | None, time_zone: str, unread: Literal["raise", "missing"] = "raise"
) -> tuple[pd.Series[Any], dict[str, npt.NDArray[np.bool_]]]:
    """Read what carries an offset as the instant it is, and the rest as clock times of a zone: `in_utc` of the column.

    The arguments are those of `parse_times`; the column may also hold datetimes.
    """
    if pd.api.types.is_datetime64_any_dtype(column):
        return in_utc(column, time_zone)
    stated = pd.Series(has_offset(column), index=column.index)
    clocks, odd = in_utc(pd.to_datetime(parse_times(column.where(~stated), time_format, unread=unread)), time_zone)
    if not stated.any():
        return clocks, odd
    texts = _as_text(column.where(stated))
    instants = pd.to_datetime(texts, errors="coerce", format=time_format or "ISO8601", utc=True).dt.tz_localize(None)
    return instants.where(stated, clocks.astype(instants.dtype)), odd


def _as_text(column: pd.Series[Any]) -> pd.Series[Any]:
    return column.astype(object).where(column.isna(), column.astype(str))


def _iso(values: pd.Series[Any], name: Any) -> pd.Series[Any]:
    try:
        return pd.to_datetime(values, errors="coerce", format="ISO8601")
    except ValueError as mixed:
        raise ValueError(_mixed(values, name)) from mixed


def _mixed(values: pd.Series[Any], name: Any) -> str:
    given = values[values.notna().to_numpy()].astype(str)
    offsets = given.str.extract(rf"({_OFFSET.pattern})")[0].str.strip().fillna("no offset")
    kinds = offsets.value_counts()
    shown = ", ".join(f"{kind} in {n:,} values (first {given[offsets == kind].iloc[0]!r})" for kind, n in kinds.items())
    return (
        f"column {name!r} has times of different time zones: {shown}; data.read(…, utc=True) puts them on one clock if "
        "those without an offset are UTC, data.read(…, time_zone='Europe/Berlin') if they are that zone's clock times; "
        "in memory pd.to_datetime(…, utc=True) does the first"
    )


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
