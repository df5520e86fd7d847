# ruff: noqa: PD004  (isnull and notnull are Ibis' own)
"""Users who do not behave like people: too fast, too much, too regular, never asleep, on one item only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import pandas as pd

from causalrec_lab.data.frames_and_tables import collected, in_database, lazily, need_columns, need_times

if TYPE_CHECKING:
    from ibis.expr.types.relations import Table  # type: ignore[attr-defined]

__all__ = ["bots"]


@overload
def bots(
    events: pd.DataFrame,
    *,
    most_per_minute: int | None = 60,
    most_per_day: int | None = 2_000,
    most_hours: int | None = 20,
    least_variation: float | None = 0.1,
    least_distinct: float | None = 0.02,
    min_events: int = 100,
) -> pd.DataFrame: ...
@overload
def bots(
    events: Table,
    *,
    most_per_minute: int | None = 60,
    most_per_day: int | None = 2_000,
    most_hours: int | None = 20,
    least_variation: float | None = 0.1,
    least_distinct: float | None = 0.02,
    min_events: int = 100,
) -> Table: ...


def bots(
    events: Any,
    *,
    most_per_minute: int | None = 60,
    most_per_day: int | None = 2_000,
    most_hours: int | None = 20,
    least_variation: float | None = 0.1,
    least_distinct: float | None = 0.02,
    min_events: int = 100,
) -> Any:
    r"""Measure every user's pace, and flag those beyond a threshold, each reason in a column of its own.

    The measures are among those by which Tan and Kumar (2002), "Discovery of Web Robot Sessions Based on their
    Navigational Patterns", Data Mining and Knowledge Discovery 6, tell robots from people (pace, its variation, the
    night, breadth); the thresholds are plain heuristics, to be set for the log at hand. With gaps
    :math:`g` between successive seconds in which a user did anything, the variation is
    :math:`\operatorname{sd}(g) / \operatorname{mean}(g)`: about 1 for a Poisson process, above it for people, who come
    in sessions, and near 0 for a clock.

    Parameters
    ----------
    events
        Columns user_id, item_id, timestamp (a datetime): a pandas frame, or an Ibis table, which is asked where it
        lives and gives a lazy table.
    most_per_minute, most_per_day
        Events within one clock minute or one day; more is `too_fast`, `too_many`. None switches a rule off.
    most_hours
        Different clock hours with events within one day (of UTC, for times with a zone); more is `never_sleeps`.
    least_variation
        Of the gaps; less, in at least `min_events` events, is `too_regular`.
    least_distinct
        Different items per event; less, in at least `min_events` events, is `one_track`.
    min_events
        How many events the last two rules need.

    Returns
    -------
    One row a user, of the kind of `events` (a frame is sorted by user): user_id, events, per_minute, per_day, hours,
    variation, distinct, the five flags, and bot, their "or". Drop them by ``data.clean(events, bots=flags)``.

    Raises
    ------
    ValueError
        If a column is missing, or timestamps are not datetimes.

    Notes
    -----
    Dropping the flagged is a choice about the population, not a repair: heavy users who are people are flagged too,
    what is left is selected on behaviour (which the treatment may have changed), and bots that act like people stay. A
    log imported in one go (all of a user's events in one minute) looks like a bot by its pace; switch that rule off.
    """
    need_columns(events, ["user_id", "item_id", "timestamp"], "bots")
    if need_times(events, "bots") == "number":
        raise ValueError(
            "bots: the timestamps are numbers, and a pace needs their unit; make them datetimes with "
            "data.clean(…, epoch='s')"
        )
    log = lazily(events, ["user_id", "item_id", "timestamp"])
    users = _measured(log.filter(log["user_id"].notnull() & log["timestamp"].notnull()))
    flags = {
        "too_fast": _beyond(users["per_minute"], most_per_minute),
        "too_many": _beyond(users["per_day"], most_per_day),
        "never_sleeps": _beyond(users["hours"], most_hours),
        "too_regular": _below(users, "variation", least_variation, min_events),
        "one_track": _below(users, "distinct", least_distinct, min_events),
    }
    flagged = users.mutate(**flags)
    any_flag = flagged["too_fast"]
    for name in list(flags)[1:]:
        any_flag |= flagged[name]
    flagged = flagged.mutate(bot=any_flag)
    return flagged if in_database(events, "bots") else collected(flagged.order_by("user_id"))


def _measured(log: Table) -> Table:
    """Join what was measured on each user's events, minutes, days, hours and gaps."""
    times = log["timestamp"]
    items = log["item_id"].nunique().cast("float64")  # whole numbers over whole numbers: MySQL keeps four digits
    users = log.group_by("user_id").agg(events=log.count(), distinct=items / log.count())
    for name, unit in (("per_minute", "m"), ("per_day", "D")):
        spans = log.group_by("user_id", span=times.truncate(unit)).agg(n=log.count())
        users = _beside(users, spans.group_by("user_id").agg(**{name: spans["n"].max()}))
    hours = log.select("user_id", day=times.truncate("D"), hour=times.hour()).distinct()
    days = hours.group_by("user_id", "day").agg(n=hours.count())
    users = _beside(users, days.group_by("user_id").agg(hours=days["n"].max()))
    users = _beside(users, _gaps(log))
    return users.select("user_id", "events", "per_minute", "per_day", "hours", "variation", "distinct")


def _gaps(log: Table) -> Table:
    """Variation of the gaps between successive seconds with events, by user; NULL for those with one or none."""
    seconds = log.select("user_id", second=log["timestamp"].truncate("s").epoch_seconds().cast("int64")).distinct()
    before = seconds["second"].lag().over(group_by="user_id", order_by="second")
    gaps = seconds.mutate(gap=(seconds["second"] - before).cast("float64"))
    return gaps.group_by("user_id").agg(variation=gaps["gap"].std(how="pop") / gaps["gap"].mean())


def _beside(users: Table, measure: Table) -> Table:
    return users.left_join(measure, "user_id").drop("user_id_right")


def _beyond(measure: Any, most: float | None) -> Any:
    import ibis

    return ibis.literal(False) if most is None else (measure > most)


def _below(users: Table, name: str, least: float | None, min_events: int) -> Any:
    import ibis

    if least is None:
        return ibis.literal(False)
    return (users["events"] >= min_events) & (users[name] < least).fill_null(False)
