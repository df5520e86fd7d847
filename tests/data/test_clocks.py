"""Offsets of a time zone are those of the standard library, hour by hour, the odd hours included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalrec_lab import data
from causalrec_lab.data.times.clocks import offsets_between

ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "UTC"]


def read(local: datetime, zone: str) -> datetime:
    """The instant by PEP 495's fold=0, as Python has it."""
    return local.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC).replace(tzinfo=None)


def ours(times: list[datetime], zone: str) -> list[datetime]:
    offsets = offsets_between(zone, min(times), max(times))
    found = []
    for time in times:
        ahead = offsets.first
        for turn in offsets.turns:
            ahead = turn.after if time >= turn.boundary else ahead
        found.append(time - ahead)
    return found


@pytest.mark.parametrize("zone", ZONES)
def test_every_half_hour_of_two_years_with_their_turns(zone):
    times = [datetime(2011, 1, 1) + timedelta(minutes=30 * step) for step in range(2 * 365 * 48)]
    assert ours(times, zone) == [read(time, zone) for time in times]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.datetimes(datetime(1950, 1, 1), datetime(2060, 1, 1)), min_size=1, max_size=4), st.sampled_from(ZONES)
)
def test_any_times_of_the_last_and_next_decades(times, zone):
    assert ours(times, zone) == [read(time, zone) for time in times]


def test_pandas_agrees_where_a_clock_time_is_one_instant():
    times = pd.Series(pd.date_range("2024-01-01", "2024-12-31", freq="7h"))
    log = pd.DataFrame({"user_id": range(len(times)), "item_id": 1, "timestamp": times, "event": "view"})
    known = times.dt.tz_localize("America/New_York", ambiguous="NaT", nonexistent="NaT").dt.tz_convert("UTC")
    clean, _ = data.clean(log, time_zone="America/New_York")
    assert known.notna().sum() > 1_000
    same = clean["timestamp"] == known.dt.tz_localize(None)
    assert same[known.notna()].all()
