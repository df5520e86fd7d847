"""What must count once before an experiment is followed: an event that came twice, a unit or a cluster of many rows."""

from __future__ import annotations

import pandas as pd

from causalrec_lab.causal.effects.columns import nearest
from causalrec_lab.intervention.experiment.totals import with_window

__all__ = ["counted_once", "distinct_events"]


def counted_once(
    frame: pd.DataFrame,
    metric: str,
    day: str,
    arm: str,
    *,
    unit: str | None = None,
    cluster: str | None = None,
    window: int | None = None,
    event: str | None = None,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """One row for whatever was assigned, and what to know; arguments as in `monitor`.

    Raises
    ------
    ValueError
        If both a unit and a cluster are named, an event contradicts itself, a column is unknown or has gaps, a unit
        stands in two arms, or rows lie on several days and no window is given.
    """
    if event is not None:
        frame = distinct_events(frame, event, [name for name in (metric, day, arm, unit, cluster) if name])
    if unit is not None and cluster is not None:
        raise ValueError(
            f"unit={unit!r} and cluster={cluster!r}: arms were assigned to one of them, and that one counts; add up "
            "the units' rows first, then give cluster="
        )
    who = unit or cluster
    if who is None:
        return frame, ()
    notes = () if event is not None else _repeated(frame, {metric, day, arm, who})
    return with_window(frame, metric, day, arm, who, window, "sum" if unit else "mean"), notes


def distinct_events(frame: pd.DataFrame, event: str, told: list[str]) -> pd.DataFrame:
    """The rows of a frame with each event once, where it first stands.

    Parameters
    ----------
    frame
        One row an event, some perhaps several times.
    event
        Column of its id.
    told
        Columns in which an event that comes again must say the same.

    Raises
    ------
    ValueError
        If the column is unknown or has gaps, or an event comes again with other contents.
    """
    for name in (event, *told):
        if name not in frame.columns:
            raise ValueError(f"no column {name!r} in the experiment; {nearest(name, [str(c) for c in frame])}")
    if (gaps := int(frame[event].isna().sum())) > 0:
        raise ValueError(
            f"column {event!r} has {gaps} missing values; an event cannot be told from others without them"
        )
    contents = frame[[event, *told]].drop_duplicates()
    if (again := contents.duplicated(event)).any():
        worst = contents.loc[again, event].tolist()[0]
        raise ValueError(
            f"{int(again.sum())} events of {event!r} come again with other contents, first {worst!r}; keep the "
            "right one"
        )
    return frame[~frame.duplicated(event)]


def _repeated(frame: pd.DataFrame, known: set[str]) -> tuple[str, ...]:
    """Warning where rows repeat another in every column, and there is more in them than makes that likely by itself."""
    if not set(frame.columns) - known or not (count := int(frame.duplicated().sum())):
        return ()
    told = f"warning: {count} rows repeat another in every column, and count again; if that is one event sent twice, "
    return (told + "name the column of its id: event=",)
