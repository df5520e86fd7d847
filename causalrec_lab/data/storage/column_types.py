"""Columns as the contracts want them: 0/1 treatments, numbers that came as text, times on one clock."""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.data import schema
from causalrec_lab.data.times.frames import has_offset, on_one_clock, parse_times

__all__ = ["Settled", "numbers_from_text", "settled", "whole_again"]

_log = logging.getLogger(__name__)
_NUMBERS = ("treated", "propensity", "position", "price", "age", "value")


class Settled(NamedTuple):
    """A table with its times read, the rows whose time was not, and what to remember of it."""

    frame: pd.DataFrame
    unread: dict[str, npt.NDArray[np.bool_]]
    notes: str


def settled(frame: pd.DataFrame, time_format: str | None, time_zone: str | None, errors: str) -> Settled:
    """Make true / false treatments 0/1 and read the timestamps.

    Parameters
    ----------
    frame
        A table under the contract's names.
    time_format, time_zone, errors
        As `data.read` takes them.

    Raises
    ------
    SchemaError
        If a timestamp is no time and `errors` is "raise".
    ValueError
        As `parse_times` does; also if numbers are given a zone.
    """
    frame = _zero_one(frame)
    if "timestamp" not in frame:
        return Settled(frame, {}, "")
    given = frame["timestamp"]
    if time_format is not None and pd.api.types.is_integer_dtype(given):
        given = given.astype("str")  # 20240131 is a date where "%Y%m%d" says so
    if pd.api.types.is_numeric_dtype(given):
        if time_zone is not None:
            raise ValueError(
                f"time_zone={time_zone!r}: the timestamps are numbers, not clock times (first {given.iloc[0]}); "
                "those since 1970 are UTC: data.clean(…, epoch='s') reads them"
            )
        return Settled(frame, {}, "")
    times, notes = _read(given, time_format, time_zone, errors)
    unread = (times.isna() & given.notna()).to_numpy()
    if unread.any() and errors == "raise":
        row = int(unread.argmax())
        raise schema.SchemaError(
            f"column 'timestamp' is no time in {int(unread.sum()):,} of {len(frame):,} rows, first at row {row}: "
            f"{given.iloc[row]!r}; correct it, or give the format as time_format='%d/%m/%Y', or set such rows apart by "
            "errors='quarantine'"
        )
    return Settled(frame.assign(timestamp=times), {"timestamp is no time": unread} if unread.any() else {}, notes)


def _zero_one(frame: pd.DataFrame) -> pd.DataFrame:
    """True / false treatments as 0/1, also where some are missing."""
    if "treated" not in frame or pd.api.types.infer_dtype(frame["treated"], skipna=True) != "boolean":
        return frame
    treated = frame["treated"]
    return frame.assign(treated=treated.astype("int64" if treated.notna().all() else "float64"))


def whole_again(frame: pd.DataFrame) -> pd.DataFrame:
    """Make whole numbers of ids and treatments that missing ones among them had made floating point."""
    new = {}
    for name in ("user_id", "item_id", "treated"):
        column = frame.get(name)
        if column is None or not (pd.api.types.is_float_dtype(column) or pd.api.types.is_extension_array_dtype(column)):
            continue
        if pd.api.types.is_numeric_dtype(column) and column.notna().all() and (column % 1 == 0).all():
            new[name] = column.astype("uint64" if column.max() > np.iinfo(np.int64).max else "int64")
    return frame.assign(**new) if new else frame


def numbers_from_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Make numbers of the contract's numeric columns that came as text, where all of what is left is a number."""
    new = {
        name: read
        for name in _NUMBERS
        if name in frame and not pd.api.types.is_numeric_dtype(frame[name])
        if (read := pd.to_numeric(frame[name], errors="coerce")).notna().equals(frame[name].notna())
    }
    return frame.assign(**new) if new else frame


def _read(
    given: pd.Series[Any], time_format: str | None, time_zone: str | None, errors: str
) -> tuple[pd.Series[Any], str]:
    unread: Any = "raise" if errors == "raise" else "missing"
    if time_zone is None and pd.api.types.is_datetime64_any_dtype(given):
        return given, ""
    if time_zone is None and (not time_format or "%z" in time_format) and _different_instants(given):
        instants = pd.to_datetime(given, errors="coerce", format=time_format or "ISO8601", utc=True)
        return instants, "timestamps carried different offsets from UTC and became instants in UTC"
    if time_zone is None:
        return parse_times(given, time_format, unread=unread), ""
    times, odd = on_one_clock(given, time_format, time_zone, unread)
    counts = "; ".join(f"{int(rows.sum()):,} on a {kind}" for kind, rows in odd.items())
    if counts:
        _log.warning("timestamps in %s: %s", time_zone, counts)
    return times, f"timestamps became UTC, without a zone; those without an offset were clock times of {time_zone}" + (
        f" ({counts})" if counts else ""
    )


def _different_instants(given: pd.Series[Any]) -> bool:
    """Whether all times carry an offset, and not the same one: then nothing has to be guessed."""
    texts = given.dropna().astype("str")
    ends = texts.str.extract(r"([zZ]|[+-]\d{2}:?\d{2})$")[0]
    dated = texts.str.contains(r"^\d{4}-\d{2}-\d{2}[T ]\d")
    return bool(has_offset(texts[dated]).all()) and len(ends[dated].unique()) > 1
