"""Decisions, treated and untreated, from ordinary logs: what causal questions are asked of, and what it assumes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from causalrec_lab.data import schema
from causalrec_lab.data.building.as_of import with_n_before
from causalrec_lab.data.building.assumptions import assumptions, carrying
from causalrec_lab.data.building.candidates import blocks, candidates, pool_of, requests_of_impressions, visits
from causalrec_lab.data.building.durations import common_kind, later, span
from causalrec_lab.data.building.routes import COMPARABLE, sentences
from causalrec_lab.data.frames_and_tables import (
    collected,
    dated,
    in_database,
    known_event,
    lazily,
    like,
    need_columns,
    same_clock,
    same_ids,
)
from causalrec_lab.data.registry import nearest

if TYPE_CHECKING:
    from ibis.expr.types.relations import Table  # type: ignore[attr-defined]

__all__ = ["decisions"]

_log = logging.getLogger(__name__)
_KEYS = ["user_id", "item_id", "timestamp"]


def decisions(
    events: pd.DataFrame | Table,
    eligible: pd.DataFrame | Table | None = None,
    *,
    impressions: pd.DataFrame | Table | None = None,
    exposure: str = "view",
    outcomes: Sequence[str] = ("click", "purchase"),
    window: Any = None,
    period: Any = None,
    request: str | None = None,
    comparable: str | None = None,
    draws: int | None = 5,
    seed: int = 0,
) -> Any:
    r"""Build the decisions table: rows that were shown an item and rows that could have been, with what came after.

    A log holds what was shown. What *could* have been shown, and was not, has to come from somewhere:

    1. **An eligible table**: you know every decision. A row is treated if an `exposure` event of its pair falls into
       :math:`[t, t + \text{window})`.
    2. **Impressions**, a log of what was shown: every request (a user at a time, or a request id) is a decision about
       all items comparable to those shown; treated are those shown in it. The events need hold no exposures.
    3. **Events alone**: a user's first event in each block of time `window` is a visit, and a decision about all items
       available then; treated are those exposed within the block. It assumes most.

    In 1 and 2 an outcome is 1 if such an event of the pair falls into :math:`[t, t + \text{window})`, in 3 if it falls
    between the visit and the end of its block, exposed or not. Reading a log as a sequence of trials, with eligibility,
    treatment and follow-up aligned at one time zero, is target trial emulation: Hernán and Robins (2016), "Using big
    data to emulate a target trial when a randomized trial is not available", American Journal of Epidemiology 183(8).

    Parameters
    ----------
    events
        Columns user_id, item_id, timestamp, event; a pandas frame or an Ibis table (then so are the others).
    eligible
        One row a decision: user_id, item_id, timestamp, and any features known *before* it, which are kept.
    impressions
        One row an item shown: user_id, item_id, timestamp, the column `request`, and category for "category".
    exposure
        The event that is the treatment (routes 1 and 3).
    outcomes
        Events that are outcomes; each gives a 0/1 column of its name.
    window
        How long after the decision events count, in the unit of the timestamps (as text or `Timedelta`, "7D", where
        they are datetimes); None: all later ones (routes 1 and 2).
    period
        Length of the blocks of time in which items count as comparable (route 2); None: `window`. What was shown in a
        month may be comparable though outcomes come within the hour.
    request
        Column of `impressions` that says which were shown together; None: those of one user at one time.
    comparable
        Which items not shown could have been: "shown" to anybody in the same block of time `period` (default of route
        2), "category": those among them of a category that the request did show, "available": all between the first
        block and the last in which they are seen (default of route 3).
    draws
        Draws of untreated rows a request, from the comparable items; None: all of them. Column ``weight`` holds 1 /
        probability of being drawn (1 for the treated): give it to estimators as ``weights="weight"``.
    seed
        Of those draws; the same rows come from the same seed on every database.

    Returns
    -------
    The table, of the kind that was given: route 1, `eligible` with treated, outcomes and n_before; routes 2 and 3,
    user_id, item_id, timestamp, treated, outcomes, n_before, weight, a frame in order of time. ``n_before`` counts
    exposures of the pair before the decision, the classic confounder (`as_of` gives more). ``data.assumptions(table)``
    says what was assumed, and what the table makes doubtful.

    Raises
    ------
    ValueError
        If an event name does not occur, a column is missing (also in single rows), the window is no positive duration,
        tables keep different clocks or kinds of ids, an item has several categories where they are compared, both or
        neither of two sources are given, or an option is unknown.
    SchemaError
        If `eligible` repeats a decision, a frame breaks its contract, or all decisions come out treated or untreated.
    """
    source = impressions if impressions is not None else eligible
    route = _route(eligible, impressions)
    comparable = _comparable(comparable, route, impressions, draws)
    strata = ("category",) if comparable == "category" else ()
    _check_tables(events, source, route, [*([] if route == "impressions" else [exposure]), *outcomes], request, strata)
    length, stretch = _lengths(window, period, same_clock("decisions", events=events, **{_NAMES[route]: source}), route)
    happened = lazily(events, [*_KEYS, "event"])
    if route == "eligible table":
        made: Any = _of_eligible(happened, eligible, exposure, outcomes, length)
    else:
        rows, past = (
            _of_events(happened, exposure, length, comparable, draws, seed)
            if impressions is None
            else _of_impressions(impressions, request, stretch, comparable, draws, seed)
        )
        known = with_n_before(rows, past)
        table = _with_outcomes(known, happened, {name: name for name in outcomes}, length, route)
        table = table.select(*_KEYS, "treated", *outcomes, "n_before", "weight")
        model = events if impressions is None else impressions
        made = _framed(table, model) if isinstance(model, pd.DataFrame) else table
    said = sentences(route, exposure, length, stretch, comparable, draws, request)
    return _said(carrying(made, route, said, outcomes, length))


_NAMES = {"eligible table": "eligible", "impressions": "impressions", "events only": "eligible"}


def _of_eligible(happened: Table, eligible: Any, exposure: str, outcomes: Sequence[str], length: Any) -> Any:
    """Flags of each key, joined to the table as it was given."""
    keys = lazily(eligible, _KEYS)
    names = {"treated": exposure} | {name: name for name in outcomes}
    flags = _with_outcomes(keys, happened, names, length, "eligible table")
    if "n_before" not in eligible.columns:
        flags = with_n_before(flags, happened.filter(happened.event == exposure))
    made = [name for name in flags.columns if name not in _KEYS]
    kept = (
        eligible.drop(*there)
        if (there := [n for n in made if n in eligible.columns]) and not isinstance(eligible, pd.DataFrame)
        else eligible
    )
    if not isinstance(kept, pd.DataFrame):
        return kept.join(flags, _KEYS)
    found = kept[_KEYS].reset_index(drop=True).merge(like(collected(flags), kept[_KEYS]), on=_KEYS, how="left")
    return kept.reset_index(drop=True).assign(**{name: found[name].astype("int64") for name in made})


def _of_impressions(
    impressions: Any, request: str | None, stretch: Any, comparable: str, draws: int | None, seed: int
) -> tuple[Table, Table]:
    columns = [*_KEYS, *([] if request is None else [request]), *(["category"] if comparable == "category" else [])]
    given = lazily(impressions, list(dict.fromkeys(columns)))
    shown = requests_of_impressions(given, request)
    shown = shown.mutate(block=blocks(shown.timestamp, stretch))
    pool = pool_of(shown, shown, comparable)
    return candidates(shown, shown, pool, comparable, draws, seed), given.select(*_KEYS)


def _of_events(
    happened: Table, exposure: str, length: Any, comparable: str, draws: int | None, seed: int
) -> tuple[Table, Table]:
    visit, shown = visits(happened, exposure, length)
    seen = happened.mutate(block=blocks(happened.timestamp, length)) if comparable == "available" else shown
    rows = candidates(visit, shown, pool_of(seen, visit, comparable), comparable, draws, seed)
    return rows, happened.filter(happened.event == exposure).select(*_KEYS)


def _with_outcomes(rows: Table, happened: Table, names: dict[str, str], length: Any, route: str) -> Table:
    """Add 0/1 columns: whether an event of the pair falls into the row's window."""
    if not names:
        return rows
    kind = common_kind(rows.timestamp, happened.timestamp, length)
    wanted = happened.filter(happened.event.isin(list(names.values())))
    after = wanted.select(their_user="user_id", their_item="item_id", at=wanted.timestamp.cast(kind), event="event")
    start = rows.timestamp.cast(kind)
    rules = [rows.user_id == after.their_user, rows.item_id == after.their_item, after["at"] >= start]
    if route == "events only":
        rules.append(blocks(after["at"], length) == blocks(rows.timestamp, length))
    elif length is not None:
        rules.append(after["at"] < later(start, length))
    met = rows.left_join(after, rules)
    hits = {name: (met.event == event).ifelse(1, 0).max().cast("int64") for name, event in names.items()}
    return met.group_by(list(rows.columns)).agg(**hits)


def _framed(table: Table, model: Any) -> pd.DataFrame:
    frame = collected(table.order_by("timestamp", "user_id", "item_id"))
    return like(frame, model[_KEYS])


def _said(made: Any) -> Any:
    """Check a frame, and log what its figures make doubtful; what is in a database is not run here."""
    if isinstance(made, pd.DataFrame):
        schema.check(made, "decisions")
        for doubt in assumptions(made).warnings:
            _log.warning("decisions: %s", doubt)
    return made


def _route(eligible: Any, impressions: Any) -> str:
    if eligible is not None and impressions is not None:
        raise ValueError("decisions: eligible= and impressions= both say what could be shown; give one of them")
    return "eligible table" if eligible is not None else "events only" if impressions is None else "impressions"


def _lengths(window: Any, period: Any, clock: str, route: str) -> tuple[Any, Any]:
    if window is None and route == "events only":
        raise ValueError(
            "decisions(window=None): from events alone a decision is a user's visit in a block of time, and window= "
            "says how long that is, such as '1D'; or give eligible= or impressions="
        )
    if period is not None and route != "impressions":
        raise ValueError("decisions(period=…): only with impressions= do items count as comparable for a period")
    length = None if window is None else span(window, clock, "decisions(window=…)")
    return length, length if period is None else span(period, clock, "decisions(period=…)")


def _comparable(comparable: str | None, route: str, impressions: Any, draws: int | None) -> str:
    if draws is not None and (draws != int(draws) or draws < 1):
        raise ValueError(f"decisions(draws={draws!r}): give a whole number, at least 1, or None for all")
    chosen = comparable or ("available" if route == "events only" else "shown")
    if chosen not in COMPARABLE:
        raise ValueError(f"decisions(comparable={chosen!r}): {nearest(chosen, COMPARABLE)}")
    if chosen == "category" and (impressions is None or "category" not in impressions.columns):
        raise ValueError(
            "decisions(comparable='category'): it needs impressions with a column 'category'; join it from items"
        )
    return chosen


def _check_tables(
    events: Any, source: Any, route: str, names: Sequence[str], request: str | None, strata: Sequence[str]
) -> None:
    need_columns(events, [*_KEYS, "event"], "decisions(events)")
    known_event(events, names, "decisions")
    if isinstance(events, pd.DataFrame):
        schema.check(events, "events")
    else:
        dated(events, "decisions(events)", ("user_id", "item_id", "event"))
    if source is None:
        return
    who = f"decisions({_NAMES[route]}=…)"
    need_columns(source, [*_KEYS, *([] if request is None else [request])], who)
    if in_database(source, who) != in_database(events, who):
        raise TypeError(f"{who}: give events and {_NAMES[route]} both as frames, or both as tables of one database")
    same_ids("decisions", events=events, **{_NAMES[route]: source})
    dated(source, who, ("user_id", "item_id", *([] if request is None else [request]), *strata))
    if strata:
        _one_category(source, who)
    if route == "eligible table":
        _no_repeats(source)


def _one_category(impressions: Any, who: str) -> None:
    """Refuse items of several categories: of two chances to be drawn, one weight would tell only one."""
    named = lazily(impressions, ["item_id", "category"])
    several = named.group_by("item_id").agg(n=named.category.nunique()).filter(lambda t: t.n > 1)
    asked = several.agg(items=several.count(), first=several.item_id.min())
    found = (collected(asked) if isinstance(impressions, pd.DataFrame) else asked.to_pandas()).iloc[0]
    if found["items"]:
        raise ValueError(
            f"{who}: {int(found['items']):,} items have more than one category, such as {found['first']!r}; with "
            "comparable='category' an item has one: take its main category, or comparable='shown'"
        )


def _no_repeats(eligible: Any) -> None:
    if isinstance(eligible, pd.DataFrame):
        again = eligible.duplicated(_KEYS).to_numpy()
        rows, place = int(again.sum()), f", first at row {int(again.argmax())}"
    else:
        rows = int(eligible.count().execute()) - int(eligible.select(*_KEYS).distinct().count().execute())
        place = ""
    if rows:
        raise schema.SchemaError(
            f"decisions(eligible=…): {rows:,} rows repeat a decision (the same user_id, item_id, timestamp){place}; "
            "a key names one row; data.clean keeps the first of each"
        )
