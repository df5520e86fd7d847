"""The loop's memory: one file a day, written once, whole, and never twice."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.intervention.loop.durable import FORMAT, remove_partial, write_whole

__all__ = ["DayEvents", "EventLog"]

_MILLISECONDS = 86_400_000  # of a day
_ARRAYS = ("event", "moment", "user", "action", "reward", "propensity")


@dataclass(frozen=True, eq=False)
class DayEvents:
    """Rounds of one day, in the order of the clock.

    Parameters
    ----------
    day
        Day of the stream.
    event
        (n,) identity of each round: the same identity is the same round.
    moment
        (n,) milliseconds since the start of day 0.
    user, action
        (n,) row number of the user, number of the shown action.
    reward, propensity
        (n,) what was earned, and the chance with which the action was shown.
    """

    day: int
    event: npt.NDArray[np.int64]
    moment: npt.NDArray[np.int64]
    user: npt.NDArray[np.int64]
    action: npt.NDArray[np.int64]
    reward: npt.NDArray[np.float64]
    propensity: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        """Settle the types."""
        for name in _ARRAYS:
            given = np.asarray(getattr(self, name))
            kind = np.float64 if name in ("reward", "propensity") else np.int64
            with np.errstate(invalid="ignore"):
                settled = np.ascontiguousarray(given, dtype=kind)
            if kind is np.int64 and (settled != given).any():
                row = int((settled != given).argmax())
                raise ValueError(f"day {self.day}: {name} of row {row} is {given[row]}; give a whole number")
            object.__setattr__(self, name, settled)
        if len({len(getattr(self, name)) for name in _ARRAYS}) > 1:
            raise ValueError(f"day {self.day}: columns differ in length; every column has one value a round")

    def __len__(self) -> int:
        """Rounds of the day."""
        return len(self.event)

    def take(self, rows: npt.NDArray[Any]) -> DayEvents:
        """Some of the rounds."""
        return replace(self, **{name: getattr(self, name)[rows] for name in _ARRAYS})

    def differs(self, other: DayEvents) -> npt.NDArray[np.bool_]:
        """(n,) whether a round is another one than that in the same place of a day as long."""
        return np.asarray(np.any([getattr(self, name) != getattr(other, name) for name in _ARRAYS], axis=0))

    @property
    def checksum(self) -> str:
        """SHA-256 of everything in it."""
        found = hashlib.sha256(str(self.day).encode())
        for name in _ARRAYS:
            found.update(getattr(self, name).tobytes())
        return found.hexdigest()


class EventLog:
    """All days so far; in a folder, or in memory where none is given.

    Parameters
    ----------
    folder
        Where day files stand; made if it is not there.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._days: dict[int, DayEvents] = {}
        self.dropped = 0
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            remove_partial(folder)
            for path in sorted(folder.glob("day_*.safetensors")):
                found = _read(path)
                self._days[found.day] = found

    def __contains__(self, day: int) -> bool:
        """Whether a day is closed."""
        return day in self._days

    @property
    def days(self) -> tuple[int, ...]:
        """Closed days, in order."""
        return tuple(sorted(self._days))

    def day(self, day: int) -> DayEvents:
        """Rounds of a closed day.

        Raises
        ------
        ValueError
            If it is not in the log.
        """
        if day not in self._days:
            raise ValueError(f"day {day} is not in the log; it holds {len(self._days)} days")
        return self._days[day]

    def append(self, events: DayEvents) -> DayEvents:
        """Close a day: what comes twice is kept once, what contradicts the log is refused.

        Returns
        -------
        The rounds as they stand in the log. A closed day that is delivered again leaves it as it is.

        Raises
        ------
        ValueError
            If the clock runs backwards or leaves the day, a day is left out or comes too late, one identity stands for
            two different rounds (of one day, or of two), or a value is none.
        """
        found, doubled = _unique(_checked(events))
        _in_order(found)  # a round that is delivered again comes late, and is no clock that runs backwards
        if events.day in self._days:
            return self._again(found, doubled)
        if self._days and events.day != max(self._days) + 1:
            last = max(self._days)
            late = "the clock runs backwards" if events.day < last else f"day {last + 1} is left out"
            raise ValueError(f"day {events.day} after day {last}: {late}; deliver days in order, each once")
        self._refuse_known(found)
        if self.folder is not None:
            write_whole(self.folder / f"day_{events.day:04d}.safetensors", _bytes(found))
        self._days[events.day] = found
        self.dropped += doubled
        return found

    def _refuse_known(self, events: DayEvents) -> None:
        """Refuse an identity that an earlier day has."""
        for day, closed in self._days.items():
            if not len(closed) or not len(events) or closed.event.max() < events.event.min():
                continue
            if closed.event.min() <= events.event.max() and len(both := np.intersect1d(closed.event, events.event)):
                raise ValueError(
                    f"day {events.day}: event {both[0]} is in the log on day {day}; one identity is one round"
                )

    def _again(self, events: DayEvents, doubled: int) -> DayEvents:
        closed = self._days[events.day]
        if not len(closed) and len(events):
            raise ValueError(f"day {events.day} is closed and has no rounds; late rounds belong to no policy")
        place = np.searchsorted(np.sort(closed.event), events.event)
        order = np.argsort(closed.event, kind="stable")
        match = order[np.minimum(place, len(closed) - 1)]
        fresh = closed.event[match] != events.event
        if fresh.any():
            raise ValueError(
                f"day {events.day} is closed and event {events.event[fresh.argmax()]} is not in it: late rounds belong "
                "to no policy that still serves; keep them apart"
            )
        other = events.differs(closed.take(match))
        if other.any():
            raise ValueError(
                f"day {events.day}: event {events.event[other.argmax()]} is in the log as a different round; one "
                "identity is one round"
            )
        self.dropped += len(events) + doubled
        return closed


def _unique(events: DayEvents) -> tuple[DayEvents, int]:
    """Each identity once, where it came first, and how many came again."""
    known, first, code = np.unique(events.event, return_index=True, return_inverse=True)
    if len(known) == len(events):
        return events, 0
    other = events.differs(events.take(first[code]))
    if other.any():
        raise ValueError(
            f"day {events.day}: event {events.event[other.argmax()]} comes twice and is not the same round; "
            "give every round an identity of its own"
        )
    return events.take(np.sort(first)), len(events) - len(known)


def _in_order(events: DayEvents) -> None:
    back = np.flatnonzero(np.diff(events.moment) < 0)
    if len(back):
        row = int(back[0]) + 1
        raise ValueError(
            f"day {events.day}: the clock runs backwards at row {row} ({events.moment[row]} ms); sort by time"
        )


def _checked(events: DayEvents) -> DayEvents:
    name = f"day {events.day}"
    outside = events.moment // _MILLISECONDS != events.day
    if outside.any():
        row = int(outside.argmax())
        raise ValueError(f"{name}: row {row} is of day {events.moment[row] // _MILLISECONDS}; deliver it with its own")
    bad = ~np.isfinite(events.reward) | ~((events.propensity > 0) & (events.propensity <= 1))
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"{name}: row {row} has reward {events.reward[row]} and propensity {events.propensity[row]}; rewards are "
            "finite, propensities lie in (0, 1]"
        )
    return events


def _bytes(events: DayEvents) -> bytes:
    from safetensors.numpy import save

    head = {"format": FORMAT, "day": events.day, "sha256": events.checksum}
    arrays = {name: getattr(events, name) for name in _ARRAYS}
    return bytes(save(arrays, metadata={"head": json.dumps(head, sort_keys=True)}))


def _read(path: Path) -> DayEvents:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            head = dict(json.loads((file.metadata() or {})["head"]))
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, ValueError, KeyError, TypeError) as broken:
        raise ValueError(f"{path} is no day of a loop ({broken!r}); restore it from a copy") from None
    if head.get("format") != FORMAT:
        raise ValueError(f"{path} has format {head.get('format')!r}, this version reads {FORMAT}")
    if missing := {"sha256", *(f.name for f in fields(DayEvents))} - {*({"day", "sha256"} & {*head}), *arrays}:
        raise ValueError(f"{path} lacks {sorted(missing)}; restore it from a copy")
    found = DayEvents(head["day"], **{name: arrays[name] for name in _ARRAYS})
    if found.checksum != head["sha256"]:
        raise ValueError(f"{path} was changed after it was written: its checksum differs; restore it from a copy")
    return found
