"""Decisions from an ordinary event log, with what they assume."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab.data import schema
from causalrec_lab.data.registry import nearest

__all__ = ["decisions"]


def decisions(
    events: pd.DataFrame,
    eligible: pd.DataFrame,
    *,
    exposure: str = "view",
    outcomes: Sequence[str] = ("click", "purchase"),
    window: Any = None,
) -> pd.DataFrame:
    r"""Build the decisions table: every eligible user-item-time row, treated where the log shows an exposure.

    An event log holds what was shown. What *could* have been shown, and was not, stands nowhere in it, so it must be
    given: `eligible`. A row is treated (1) if an `exposure` event of the same user and item falls into
    :math:`[t, t + \text{window})`, and an outcome is 1 if such an event does, exposed or not.

    Parameters
    ----------
    events
        Columns user_id, item_id, timestamp, event.
    eligible
        One row a decision: user_id, item_id, timestamp, and any features known *before* it, which are kept.
    exposure
        The event that is the treatment.
    outcomes
        Events that are outcomes; each gives a 0/1 column of its name.
    window
        How long after the decision events count, in the unit of the timestamps (a `Timedelta` for datetimes); None: all
        later ones.

    Returns
    -------
    `eligible` with columns treated and one an outcome, checked against the contract.

    Raises
    ------
    ValueError
        If an event name does not occur in the log.
    SchemaError
        If a table breaks its contract, or all decisions come out treated or all untreated.

    Notes
    -----
    It assumes: `eligible` is complete (no decision is missing *because* the item was not shown); outcomes of the
    untreated are logged too (purchases by search, say), else the effect is overstated; one exposure cannot serve two
    decisions (windows of the same pair do not overlap); features were known before the decision.
    """
    schema.check(events, "events")
    for name in (exposure, *outcomes):
        if name not in set(events["event"].unique()):
            raise ValueError(f"decisions: no event {name!r} in the log: {nearest(name, events['event'].unique())}")
    rows = eligible.reset_index(drop=True)
    hits = _events_after(rows, events[events["event"].isin([exposure, *outcomes])], window)
    flags = {"treated" if name == exposure else name: _hit(hits, name, len(rows)) for name in (exposure, *outcomes)}
    return schema.check(rows.assign(**flags), "decisions")


def _events_after(rows: pd.DataFrame, events: pd.DataFrame, window: Any) -> pd.DataFrame:
    """Pairs (row of the decision, event) of the same user and item inside the decision's window."""
    left = rows[["user_id", "item_id", "timestamp"]].assign(row=np.arange(len(rows)))
    right = events[["user_id", "item_id", "timestamp", "event"]].rename(columns={"timestamp": "at"})
    pairs = left.merge(right, on=["user_id", "item_id"])
    inside = pairs["at"] >= pairs["timestamp"]
    if window is not None:
        inside &= pairs["at"] < pairs["timestamp"] + window
    return pairs[inside]


def _hit(hits: pd.DataFrame, event: str, n: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    flags = np.zeros(n, dtype=np.int64)
    flags[hits.loc[hits["event"] == event, "row"].to_numpy()] = 1
    return flags
