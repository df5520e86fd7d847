"""Time travel in a log: outcomes before their exposure, items before they existed, clocks that run backwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.data.dataset import Dataset
from causalrec_lab.data.quality.rules import Finding, found
from causalrec_lab.data.registry import nearest

__all__ = ["exposure_event", "of_time_travel", "time_travel"]

Mask = npt.NDArray[np.bool_]
_EXPOSURES = ("impression", "exposure", "shown", "show", "view")
_BIRTHS = ("first_seen", "created_at", "released_at", "available_from", "added_at", "arrives", "release_year", "year")
_FIRST_LOGS = pd.Timestamp("1990-01-01")  # the World Wide Web: no log of one is older
_SORTED_ENOUGH = 0.05  # above it the log is simply not in time order
_COLUMNS = ["check", "table", "rows", "share", "first_row", "example"]


def time_travel(
    dataset: Dataset,
    *,
    covariates: Sequence[str] = (),
    exposure: str | None = None,
    since: Any = None,
    until: Any = None,
) -> pd.DataFrame:
    """Look for rows that contradict the order of time.

    Parameters
    ----------
    dataset
        Its tables with a `timestamp` are looked at, and the first dates of `items`.
    covariates
        Columns of `decisions` meant for adjustment; those with a time of their own must not be later than the decision.
    exposure
        Event that is the showing; None: the first of impression, exposure, shown, show, view that occurs.
    since, until
        When the log can have begun, and when it was read. None: 1990 and now for datetimes, no limit for numbers.

    Returns
    -------
    DataFrame, one row a check that found something: check (a name in `quality_rules`), table, rows, share, first_row,
    example.

    Raises
    ------
    ValueError
        If `exposure` does not occur in the events.
    """
    rows: list[dict[str, Any]] = []
    for name, table in dataset.tables.items():
        if "timestamp" in table and len(table):
            rows += _impossible(name, table, since, until)
            rows += _backwards(name, table)
            rows += _unborn(name, table, dataset.items)
    if dataset.events is not None and {"timestamp", "event"} <= set(dataset.events):
        rows += _outcomes_first(dataset.events, exposure)
    if dataset.decisions is not None:
        rows += _rewritten(dataset)
        rows += _late_features(dataset.decisions, covariates)
    return pd.DataFrame(rows, columns=_COLUMNS)


def of_time_travel(table: pd.DataFrame) -> Iterator[Finding]:
    """Findings about rows that contradict the order of time."""
    for check, name, rows, share, first, example in table.itertuples(index=False):
        sentence = f"{name}: {check} in {rows:,} rows ({share:.2%}), first at row {first}: {example}"
        yield from found(check, share, sentence)


def exposure_event(events: pd.DataFrame, exposure: str | None = None) -> str | None:
    """Name of the event that is a showing: the one given, else the first usual name that occurs, else None.

    Raises
    ------
    ValueError
        If the one given does not occur.
    """
    if "event" not in events:
        return None
    known = events["event"].dropna().unique()
    if exposure is not None and exposure not in known:
        raise ValueError(f"exposure={exposure!r} is no event of this log: {nearest(exposure, known)}")
    return exposure or next((name for name in _EXPOSURES if name in known), None)


def _row(check: str, table: str, bad: Mask, of: int, frame: pd.DataFrame, shown: Sequence[str]) -> dict[str, Any]:
    first = int(bad.argmax())
    example = ", ".join(f"{name} {frame[name].iloc[first]}" for name in shown)
    rows = int(bad.sum())
    return dict(zip(_COLUMNS, (check, table, rows, rows / max(of, 1), first, example), strict=True))


def _instants(times: pd.Series[Any]) -> pd.Series[Any]:
    """Give datetimes without a zone, in UTC, and numbers as they are."""
    zone = getattr(times.dt, "tz", None) if pd.api.types.is_datetime64_any_dtype(times) else None
    return times if zone is None else times.dt.tz_convert("UTC").dt.tz_localize(None)


def _impossible(name: str, table: pd.DataFrame, since: Any, until: Any) -> Iterator[dict[str, Any]]:
    times = _instants(table["timestamp"])
    if pd.api.types.is_datetime64_any_dtype(times):
        since = _FIRST_LOGS if since is None else _naive(since)
        until = pd.Timestamp.now("UTC").tz_localize(None) if until is None else _naive(until)
    elif not pd.api.types.is_numeric_dtype(times):
        return
    bad = np.zeros(len(times), dtype=bool)
    if since is not None:
        bad |= (times < since).fillna(False).to_numpy(dtype=bool)
    if until is not None:
        bad |= (times > until).fillna(False).to_numpy(dtype=bool)
    if bad.any():
        yield _row("impossible time", name, bad, len(table), table, ["timestamp"])


def _naive(moment: Any) -> pd.Timestamp:
    read = pd.Timestamp(moment)
    return read if read.tz is None else read.tz_convert("UTC").tz_localize(None)


def _backwards(name: str, table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Steps back in time within a session, else a user, in the order of the frame; unless the frame has no order."""
    who = next((column for column in ("session_id", "user_id") if column in table), None)
    if who is None or table.attrs.get("timestamp") == "order within the user":
        return
    times = _instants(table["timestamp"])
    if not (pd.api.types.is_numeric_dtype(times) or pd.api.types.is_datetime64_any_dtype(times)):
        return
    codes = pd.factorize(table[who])[0]
    order = np.argsort(codes, kind="stable")
    clock, same = times.to_numpy()[order], np.diff(codes[order]) == 0
    back = np.zeros(len(table), dtype=bool)
    back[order[1:]] = same & (clock[1:] < clock[:-1])
    if 0 < back.sum() <= _SORTED_ENOUGH * max(int(same.sum()), 1):
        yield _row("clock runs backwards", name, back, int(same.sum()), table, [who, "timestamp"])


def _unborn(name: str, table: pd.DataFrame, items: pd.DataFrame | None) -> Iterator[dict[str, Any]]:
    born = None if items is None else next((column for column in _BIRTHS if column in items), None)
    if items is None or born is None or "item_id" not in table:
        return
    first = table["item_id"].map(items.drop_duplicates("item_id").set_index("item_id")[born])
    times = _instants(table["timestamp"])
    dated = pd.api.types.is_datetime64_any_dtype(times)
    if pd.api.types.is_datetime64_any_dtype(first):
        first = _instants(first)
    elif dated:  # a number beside datetimes is a year
        times = times.dt.year
    if pd.api.types.is_datetime64_any_dtype(first) != pd.api.types.is_datetime64_any_dtype(times):
        return
    early = (times < first).fillna(False).to_numpy(dtype=bool)
    if early.any():
        shown = table.assign(**{born: first})
        yield _row("before it existed", name, early, len(table), shown, ["item_id", "timestamp", born])


def _outcomes_first(events: pd.DataFrame, exposure: str | None) -> Iterator[dict[str, Any]]:
    """Outcome events of a pair before its first exposure, and those of pairs that were never shown."""
    shown = exposure_event(events, exposure)
    if shown is None:
        return
    is_shown = (events["event"] == shown).to_numpy()
    pair = pd.MultiIndex.from_frame(events[["user_id", "item_id"]])
    code = pair.factorize()[0]
    first = events["timestamp"].where(is_shown).groupby(code).transform("min")
    outcome = ~is_shown
    before = outcome & (events["timestamp"] < first).fillna(False).to_numpy(dtype=bool)
    never = outcome & first.isna().to_numpy()
    columns = ["user_id", "item_id", "event", "timestamp"]
    for check, bad in (("outcome before exposure", before), ("outcome without exposure", never)):
        if bad.any():
            yield _row(check, "events", bad, int(outcome.sum()), events, columns)


def _rewritten(dataset: Dataset) -> Iterator[dict[str, Any]]:
    """Columns of decisions that their item's or user's table holds too, and that differ in some rows, not in most."""
    decisions = dataset.decisions
    assert decisions is not None
    for table, key in ((dataset.items, "item_id"), (dataset.users, "user_id")):
        if table is None or key not in decisions or key not in table:
            continue
        for column in sorted(map(str, set(table) & set(decisions) - {key, "timestamp"})):
            held = decisions[key].map(table.drop_duplicates(key).set_index(key)[column])
            both = held.notna() & decisions[column].notna()
            differs = (both & (held.astype(object) != decisions[column].astype(object))).to_numpy()
            if 0 < differs.sum() < 0.5 * int(both.sum()):
                shown = decisions.assign(**{f"{column} in the table": held})
                names = [key, column, f"{column} in the table"]
                yield _row("attribute rewritten", "decisions", differs, int(both.sum()), shown, names)


def _late_features(decisions: pd.DataFrame, covariates: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Covariates that are times, or have one beside them (`rating` and `rating_at`), later than the decision."""
    if "timestamp" not in decisions or not pd.api.types.is_datetime64_any_dtype(decisions["timestamp"]):
        return
    for name in covariates:
        for column in (name, f"{name}_at"):
            if column in decisions and pd.api.types.is_datetime64_any_dtype(decisions[column]):
                late = (_instants(decisions[column]) > _instants(decisions["timestamp"])).to_numpy(dtype=bool)
                if late.any():
                    yield _row(
                        "feature after decision", "decisions", late, len(decisions), decisions, ["timestamp", column]
                    )
