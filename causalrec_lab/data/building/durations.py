"""Lengths of time in the unit of a log's clock ("30min" for datetimes, a number for numbers), and blocks of time."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["block", "common_kind", "earlier", "later", "span"]


def span(length: Any, clock: str, who: str) -> Any:
    """Read a positive length of time: a number where the clock counts numbers, else a `Timedelta`.

    Raises
    ------
    ValueError
        If it is no duration, not positive, of the other kind, or has a part below a millisecond.
    """
    if clock == "number":
        if isinstance(length, bool) or not isinstance(length, int | float | np.number) or not 0 < length < np.inf:
            raise ValueError(f"{who}: {length!r} is no positive number, and the timestamps are numbers; give a number")
        return length
    try:
        read: Any = None if isinstance(length, Real) else pd.Timedelta(length)
    except (TypeError, ValueError):
        read = None
    if read is None or pd.isna(read):
        raise ValueError(
            f"{who}: {length!r} is no duration, and the timestamps are datetimes; give one like '30min' or '7D'"
        )
    if read <= pd.Timedelta(0):
        raise ValueError(f"{who}: {length!r} is not positive; give a duration like '30min' or '7D'")
    if read != read.floor("ms"):
        raise ValueError(f"{who}: {length!r} is finer than a millisecond, the finest that every database compares")
    return read


def later(times: Any, length: Any) -> Any:
    """Times of an Ibis column, one length on."""
    return times + _interval(length)


def earlier(times: Any, length: Any) -> Any:
    """Times of an Ibis column, one length back."""
    return times - _interval(length)


def block(times: Any, length: Any) -> Any:
    """Number of the block [n length, (n + 1) length) since the clock's zero that each time of an Ibis column lies in.

    Raises
    ------
    ValueError
        If datetimes are to be cut into blocks that are no whole seconds.
    """
    if not isinstance(length, pd.Timedelta):
        return (times / length).floor().cast("int64")
    if length != length.floor("s"):
        raise ValueError(f"window={length}: blocks of time are whole seconds; give a longer window")
    seconds = times.truncate("s").epoch_seconds().cast("int64")
    return _floor_divide(seconds, int(length.total_seconds()))


def common_kind(first: Any, second: Any, length: Any = None) -> Any:
    """Type in which two Ibis columns of times, and a length added to them, can be compared without loss."""
    from ibis.expr import datatypes as dt

    one, other = first.type(), second.type()
    if one.is_timestamp() or one.is_date():
        return dt.Timestamp(timezone=getattr(one, "timezone", None))
    if one.is_integer() and other.is_integer() and (length is None or isinstance(length, int)):
        return dt.int64
    return dt.float64


def _floor_divide(number: Any, by: int) -> Any:
    """Whole blocks, by remainders: what `/` gives of integers differs from system to system."""
    remainder = (number % by + by) % by
    return ((number - remainder) / by).round().cast("int64")


def _interval(length: Any) -> Any:
    import ibis

    if not isinstance(length, pd.Timedelta):
        return length
    if length == length.floor("s"):
        return ibis.interval(seconds=int(length.total_seconds()))
    return ibis.interval(milliseconds=int(length / pd.Timedelta(milliseconds=1)))
