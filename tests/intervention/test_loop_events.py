"""The log of days: each event once, in order, whole; what contradicts it is refused in words."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from causalrec_lab.intervention.loop import DayEvents, EventLog

DAY = 86_400_000


def day_of(day: int, n: int = 5) -> DayEvents:
    ids = np.arange(n)
    return DayEvents(day, day * 100 + ids, day * DAY + ids * 1_000, ids, ids % 3, ids % 2, np.full(n, 0.5))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    for day in range(3):
        log.append(day_of(day))
    again = EventLog(tmp_path)
    assert again.days == (0, 1, 2)
    assert all(again.day(day).checksum == day_of(day).checksum for day in range(3))
    with pytest.raises(ValueError, match="day 7 is not in the log"):
        again.day(7)


def test_an_event_that_comes_twice_is_kept_once() -> None:
    log, events = EventLog(), day_of(0)
    twice = events.take(np.array([0, 1, 1, 2, 3, 4, 4]))
    assert log.append(twice).checksum == events.checksum
    assert log.dropped == 2
    assert log.append(events).checksum == events.checksum  # the whole day delivered again
    assert log.append(events.take(np.array([3]))).checksum == events.checksum
    assert len(log.day(0)) == 5


def test_one_identity_for_two_rounds_is_refused() -> None:
    log, events = EventLog(), day_of(0)
    other = replace(events, event=np.array([0, 1, 1, 3, 4]))
    with pytest.raises(ValueError, match="event 1 comes twice and is not the same round"):
        log.append(other)
    log.append(events)
    with pytest.raises(ValueError, match="event 0 is in the log as a different round"):
        log.append(replace(events, reward=events.reward + 1.0))
    with pytest.raises(ValueError, match="closed and event 77 is not in it"):
        log.append(replace(events, event=np.array([0, 1, 2, 3, 77])))


def test_a_clock_that_runs_backwards_is_refused() -> None:
    log, events = EventLog(), day_of(1)
    with pytest.raises(ValueError, match=r"runs backwards at row 2 \(86400000 ms\); sort by time"):
        log.append(replace(events, moment=events.moment - np.array([0, 0, 2_000, 0, 0])))
    with pytest.raises(ValueError, match="row 4 is of day 2"):
        log.append(replace(events, moment=events.moment + np.array([0, 0, 0, 0, DAY])))
    log.append(events)
    with pytest.raises(ValueError, match="the clock runs backwards; deliver days in order"):
        log.append(day_of(0))
    with pytest.raises(ValueError, match="day 2 is left out"):
        log.append(day_of(3))


def test_values_that_are_none_are_refused() -> None:
    events = day_of(0)
    with pytest.raises(ValueError, match=r"row 0 has reward 0\.0 and propensity 0\.0"):
        EventLog().append(replace(events, propensity=np.zeros(5)))
    with pytest.raises(ValueError, match="rewards are finite"):
        EventLog().append(replace(events, reward=np.full(5, np.nan)))
    with pytest.raises(ValueError, match="differ in length"):
        replace(events, user=np.arange(4))


def test_a_half_written_day_is_no_day(tmp_path: Path) -> None:
    EventLog(tmp_path).append(day_of(0))
    (tmp_path / "day_0001.safetensors.partial").write_bytes(b"half")
    log = EventLog(tmp_path)
    assert log.days == (0,)
    assert not list(tmp_path.glob("*.partial"))
    (tmp_path / "day_0001.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ValueError, match="no day of a loop"):
        EventLog(tmp_path)
