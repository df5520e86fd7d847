"""Where a log is cut in time: at shares of its rows, or at given times, in a frame or in a database."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from ibis.expr.types.relations import Table  # type: ignore[attr-defined]

__all__ = ["given_cuts", "share_cuts"]


def share_cuts(events: pd.DataFrame | Table, n: int, fractions: Sequence[float]) -> tuple[Any, Any]:
    """Times at the shares' places in time order; rows equal to a cut belong to the later part.

    Raises
    ------
    ValueError
        If the shares are not three positive numbers that sum to 1.
    """
    if len(fractions) != 3 or not all(f > 0 for f in fractions) or abs(sum(fractions) - 1) > 1e-9:
        raise ValueError(f"split_temporal(fractions={fractions}): give three positive shares that sum to 1")
    places = [min(round(share * n), n - 1) for share in list(itertools.accumulate(fractions))[:2]]
    if isinstance(events, pd.DataFrame):  # in time order
        return events["timestamp"].iloc[places[0]], events["timestamp"].iloc[places[1]]
    times = events.select("timestamp").order_by("timestamp")
    heads = (times.limit(place + 1) for place in places)  # an offset would do, but not on Spark
    first, second = (head.agg(cut=head["timestamp"].max()).to_pandas()["cut"].iloc[0] for head in heads)
    return first, second


def given_cuts(events: pd.DataFrame | Table, clock: str, cuts: Sequence[Any]) -> tuple[Any, Any]:
    """Two times as the user gave them, made comparable with the timestamps.

    Raises
    ------
    ValueError
        If they are not two, not in order, or of another kind than the timestamps.
    """
    if len(cuts) != 2:
        raise ValueError(f"split_temporal(cuts={list(cuts)}): give two times, where validation and where test begins")
    first, second = (_number(cut) if clock == "number" else _moment(cut, _zone(events, clock)) for cut in cuts)
    if not first < second:
        raise ValueError(f"split_temporal(cuts={list(cuts)}): the first time must lie before the second")
    return first, second


def _zone(events: pd.DataFrame | Table, clock: str) -> str | None:
    if clock == "datetime":
        return None
    if isinstance(events, pd.DataFrame):
        return str(events["timestamp"].dt.tz)
    return str(events.schema()["timestamp"].timezone)


def _moment(cut: Any, zone: str | None) -> pd.Timestamp:
    """Give a cut as a time that can be compared with the timestamps."""
    try:
        moment: Any = None if isinstance(cut, Real) else pd.Timestamp(cut)
    except (TypeError, ValueError):
        moment = None
    if pd.isna(moment):
        raise ValueError(
            f"split_temporal(cuts=…): {cut!r} is no time, and the timestamps are; give one like 2024-01-31"
        )
    if (moment.tz is None) != (zone is None):
        found, theirs = ("no", zone) if moment.tz is None else ("a", "no time zone")
        way = f"pd.Timestamp({cut!r}, tz={zone!r})" if moment.tz is None else "the cut without one"
        raise ValueError(
            f"split_temporal(cuts=…): {cut!r} has {found} time zone, and the timestamps have {theirs}; give {way}"
        )
    return pd.Timestamp(moment)


def _number(cut: Any) -> Any:
    if not isinstance(cut, Real):
        raise ValueError(
            f"split_temporal(cuts=…): {cut!r} is no number, and the timestamps are; give a number, or make them "
            "datetimes with data.clean(…, epoch='s')"
        )
    return cut
