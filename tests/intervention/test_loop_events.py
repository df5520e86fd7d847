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


def test_a_round_delivered_again_later_is_no_clock_that_runs_backwards() -> None:
    log, events = EventLog(), day_of(0)
    assert log.append(events.take(np.array([0, 1, 2, 1, 3, 4, 0]))).checksum == events.checksum
    assert log.dropped == 2


def test_an_identity_of_an_earlier_day_is_refused(tmp_path: Path) -> None:
    EventLog(tmp_path).append(day_of(0))
    log = EventLog(tmp_path)  # read from disk
    with pytest.raises(ValueError, match="event 3 is in the log on day 0; one identity is one round"):
        log.append(replace(day_of(1), event=np.array([9, 3, 100, 101, 102])))
    assert log.days == (0,)
    log.append(day_of(1))


def test_identities_are_compared_to_the_last_digit() -> None:
    """2^60 + 1 and 2^60 are one float, and two users."""
    log = EventLog()
    log.append(replace(day_of(0), user=np.full(5, 2**60)))
    with pytest.raises(ValueError, match="event 0 is in the log as a different round"):
        log.append(replace(day_of(0), user=np.full(5, 2**60 + 1)))


def test_what_is_no_whole_number_is_no_identity_and_no_action() -> None:
    for value in (0.5, np.nan):
        with pytest.raises(ValueError, match=f"action of row 2 is {value}; give a whole number"):
            replace(day_of(0), action=np.array([0.0, 1.0, value, 1.0, 0.0]))


@pytest.mark.parametrize("left", [0, 4, 100, -1])
def test_a_day_file_cut_off_anywhere_is_refused_in_words(tmp_path: Path, left: int) -> None:
    EventLog(tmp_path).append(day_of(0))
    path = tmp_path / "day_0000.safetensors"
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(ValueError, match="no day of a loop"):
        EventLog(tmp_path)


def test_a_file_that_says_nothing_of_itself_is_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"event": np.arange(3)}, tmp_path / "day_0000.safetensors")
    with pytest.raises(ValueError, match="no day of a loop"):
        EventLog(tmp_path)
    save_file({"event": np.arange(3)}, tmp_path / "day_0000.safetensors", {"head": '{"format": 2}'})
    with pytest.raises(ValueError, match=r"lacks .*action.*sha256"):
        EventLog(tmp_path)
