"""Time zones: what instant a clock on the wall showed, by the rules of the zone and not of the machine or the database.

Databases read a clock time that happened twice (the hour the clocks were turned back) or never (the hour skipped) each
in its own way, some by tables that have to be installed first. Here the zone's offsets are looked up once, for the
range of times at hand, and applied as an ordinary CASE, so that every engine gives the same instants.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from causalrec_lab.data.registry import nearest

__all__ = ["FOLD", "GAP", "SECONDS", "Offsets", "Turn", "offsets_between", "zone_named"]

FOLD = "clock turned back, read as the first time round"
GAP = "clock time that never was, read as before the turn"
SECONDS = (-62_135_596_800, 253_402_300_800)  # from 1970 to the years 1 and 10,000, between which databases count
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Turn:
    """One turn of the clocks: local times from `boundary` on are `after` ahead of UTC, earlier ones `before`.

    Between `start` and `boundary` a clock time happened twice (`after` < `before`) or never; either way it is read with
    the offset before the turn, which is what ``fold=0`` means in PEP 495 (Python, 2015).
    """

    before: timedelta
    after: timedelta
    start: datetime
    boundary: datetime

    @property
    def name(self) -> str:
        """What happened to the hour."""
        return FOLD if self.after < self.before else GAP


@dataclass(frozen=True)
class Offsets:
    """Offset from UTC at the start of a range, and the turns of the clocks inside it."""

    first: timedelta
    turns: tuple[Turn, ...]


def zone_named(name: str) -> ZoneInfo:
    """Look a time zone up by its IANA name.

    Raises
    ------
    ValueError
        If there is no such zone; the message offers the nearest.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as unknown:
        close = nearest(name, available_timezones()).partition(" known are ")[0]
        listed = close if close.startswith("did you mean") else "give an IANA name such as 'Europe/Berlin' or 'UTC'"
        raise ValueError(f"time_zone={name!r} is no known time zone: {listed}") from unknown


def offsets_between(name: str, low: datetime, high: datetime) -> Offsets:
    """Offsets of a zone for local times from low to high (without a zone), with every turn of the clocks between."""
    zone = zone_named(name)
    day = max(low, datetime(1, 1, 4)).replace(hour=0, minute=0, second=0, microsecond=0) - 2 * _DAY
    last = min(high, datetime(9999, 12, 28)) + 2 * _DAY
    first = _offset(zone, day)
    turns, before = [], first
    while day < last:
        after = _offset(zone, day + _DAY)
        if after != before:
            turns.append(_turn(zone, day, day + _DAY, before, after))
            before = after
        day += _DAY
    return Offsets(first, tuple(turns))


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    """Offset at an instant given as UTC without a zone."""
    return instant.replace(tzinfo=UTC).astimezone(zone).utcoffset() or timedelta(0)


def _turn(zone: ZoneInfo, low: datetime, high: datetime, before: timedelta, after: timedelta) -> Turn:
    """Halve the day until the second of the turn is found."""
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
    return Turn(before, after, high + min(before, after), high + max(before, after))
