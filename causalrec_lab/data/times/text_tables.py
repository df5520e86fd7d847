# ruff: noqa: PD004  (isnull and notnull are Ibis' own)
"""Times given as text, read where they lie: one pattern for the whole column, never one a row.

A database's own cast stops at the first text that is no time, or reads it as it pleases. Here a pattern takes the
text apart, the parts are checked against the calendar, and only what is a time is cast.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from causalrec_lab.data.storage.connections import asked

if TYPE_CHECKING:
    from ibis.expr.types.relations import Table  # type: ignore[attr-defined]

__all__ = ["read_times"]

_SAMPLE = 100  # distinct texts that the pattern does not read, looked at one by one
_ISO = (
    "([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?)?"
    "(Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_ISO_GROUPS = {part: place for place, part in enumerate("YmdHMSfz", 1)}
_DIRECTIVES = {
    "Y": "([0-9]{4})",
    "m": "([0-9]{1,2})",
    "d": "([0-9]{1,2})",
    "H": "([0-9]{1,2})",
    "M": "([0-9]{1,2})",
    "S": "([0-9]{1,2})",
    "f": "([0-9]{1,6})",
    "z": "(Z|[+-][0-9]{2}:?[0-9]{2})",
}


def read_times(table: Table, name: str, time_format: str | None, *, mixed: bool = False) -> tuple[Any, Any]:
    """Give an expression that reads a column of text as times; text that is no time becomes NULL.

    Parameters
    ----------
    table
        The table; one query asks it for the zones that occur and for texts that were not read.
    name
        The column.
    time_format
        As ``strftime`` writes it, with %Y, %m, %d, %H, %M, %S, %f and %z; None: ISO 8601.
    mixed
        Whether texts may carry different offsets from UTC, or some none.

    Returns
    -------
    A timestamp without a zone, in UTC where the text carries an offset; and whether it does.

    Raises
    ------
    ValueError
        If the format has other parts, a text that was not read is a time in another format, or offsets from UTC differ.
    """
    pattern, groups = (_ISO, _ISO_GROUPS) if time_format is None else _pattern(time_format)
    text = table[name]
    parts = _Parts(text, f"^{pattern}$", groups)
    read = _assembled(parts)
    seen = table.select(text=text, zone=parts.zone(), read=read.notnull()).filter(text.notnull())
    _only_one_format(seen, name, time_format)
    zones = _zones(seen, name, mixed)
    return _as_utc(read, parts.zone(), zones), parts.zone() != ""


class _Parts:
    """The named parts of one text, by the groups of a pattern."""

    def __init__(self, text: Any, pattern: str, groups: dict[str, int]) -> None:
        self.text, self.pattern, self.groups = text, pattern, groups

    def raw(self, part: str) -> Any:
        """Text of one part, NULL where it is empty."""
        return self.text.re_extract(self.pattern, self.groups[part]).nullif("")

    def number(self, part: str, absent: int) -> Any:
        """Whole number of one part, `absent` where the pattern or the text has none."""
        import ibis

        return self.raw(part).cast("int64").fill_null(absent) if part in self.groups else ibis.literal(absent, "int64")

    def fraction(self) -> Any:
        """Digits behind the second, at most six: "0" where there are none."""
        import ibis

        return self.raw("f").substr(0, 6).fill_null("0") if "f" in self.groups else ibis.literal("0")

    def zone(self) -> Any:
        """Offset as written, "" where there is none."""
        import ibis

        return self.raw("z").fill_null("") if "z" in self.groups else ibis.literal("")


def _pattern(time_format: str) -> tuple[str, dict[str, int]]:
    groups: dict[str, int] = {}
    pattern = ""
    for literal, directive in re.findall(r"([^%]+)|%(.?)", time_format):
        if literal:
            pattern += re.sub(r"([^0-9A-Za-z ])", r"[\1]", literal)
            continue
        if directive not in _DIRECTIVES or directive in groups:
            raise ValueError(
                f"time_format={time_format!r}: in a database, %{directive} is not known or stands twice; known are "
                f"{', '.join('%' + one for one in _DIRECTIVES)}. Store times as times, or clean the table in memory"
            )
        groups[directive] = len(groups) + 1
        pattern += _DIRECTIVES[directive]
    if not {"Y", "m", "d"} <= set(groups):
        raise ValueError(f"time_format={time_format!r}: a time needs its year, month and day: %Y, %m and %d")
    return pattern, groups


def _assembled(parts: _Parts) -> Any:
    """Cast the parts to a time where the calendar has it."""
    import ibis

    year, month, day = (parts.number(part, 0) for part in "Ymd")
    hour, minute, second = (parts.number(part, 0) for part in "HMS")
    clock = (hour < 24) & (minute < 60) & (second < 60)
    exists = (year >= 1) & month.between(1, 12) & (day >= 1) & (day <= _days(year, month)) & clock
    date = _padded(year, 4) + "-" + _padded(month, 2) + "-" + _padded(day, 2)
    text = date + " " + _padded(hour, 2) + ":" + _padded(minute, 2) + ":" + _padded(second, 2)
    micro = parts.fraction().rpad(6, "0").cast("int64")  # added, as MySQL's cast drops it
    return ibis.ifelse(exists, text, None).cast("timestamp") + micro.as_interval("us")


def _padded(number: Any, width: int) -> Any:
    return number.cast("string").lpad(width, "0")


def _days(year: Any, month: Any) -> Any:
    import ibis

    leap: Any = ((year % 4 == 0) & (year % 100 != 0)) | (year % 400 == 0)
    short = ibis.ifelse(month.isin([4, 6, 9, 11]), 30, 31)
    return ibis.ifelse(month == 2, ibis.ifelse(leap, 29, 28), short)


def _only_one_format(seen: Table, name: str, time_format: str | None) -> None:
    """Refuse a column in which a text that was not read is a time all the same."""
    unread = seen.filter(~seen.read).select("text").distinct().order_by("text").limit(_SAMPLE)
    texts = asked("clean", unread.to_pyarrow)["text"].to_pylist()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # "dayfirst": irrelevant here
        times = pd.to_datetime(pd.Series(texts, dtype=object), errors="coerce", format="mixed", utc=True)
    if times.notna().any():
        value = texts[int(times.notna().to_numpy().argmax())]
        raise ValueError(
            f"column {name!r} is not in one format of time: {value!r} does not read as {time_format or 'ISO 8601'}; "
            "correct it, or give the format as time_format='%d/%m/%Y'"
        )


def _zones(seen: Table, name: str, mixed: bool) -> dict[str, int | None]:
    """Offsets that occur, as written -> minutes; None for none."""
    read = seen.filter(seen.read).select("zone").distinct()
    zones = asked("clean", read.to_pyarrow)["zone"].to_pylist()
    minutes = {zone: _minutes(zone) if zone else None for zone in sorted(zones)}
    if len(set(minutes.values())) > 1 and not mixed:
        found = ", ".join(zone or "none" for zone in minutes)
        raise ValueError(
            f"column {name!r} has times of different time zones: {found}; time_zone= puts them on one clock, UTC, and "
            "says where the clock hung of those that carry no offset"
        )
    return minutes


def _minutes(zone: str) -> int:
    if zone == "Z":
        return 0
    return (1 if zone[0] == "+" else -1) * (60 * int(zone[1:3]) + int(zone[-2:]))


def _as_utc(times: Any, zone: Any, zones: Mapping[str, int | None]) -> Any:
    import ibis

    moved = [(zone == written, _earlier(times, minutes)) for written, minutes in zones.items() if minutes]
    return ibis.cases(*moved, else_=times) if moved else times


def _earlier(times: Any, minutes: int) -> Any:
    import ibis

    shift = ibis.interval(minutes=abs(minutes))
    return times - shift if minutes > 0 else times + shift
