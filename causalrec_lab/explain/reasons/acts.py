"""What users did, by the log: what a reason may cite, and under which verb."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab.data.dataset import Dataset

__all__ = ["NEUTRAL", "acts_of", "after_the_log", "before", "events_of_log"]

NEUTRAL = ""  # kind of an event in a log that does not tell kinds


def events_of_log(dataset: Dataset) -> pd.DataFrame:
    """The data set's events, with user_id, item_id and timestamp.

    Raises
    ------
    ValueError
        If there are none, or a column is missing.
    """
    if dataset.events is None:
        raise ValueError(
            f"data set {dataset.name!r} has no events, so nothing a user did can be cited; it has "
            f"{', '.join(dataset.tables) or 'no tables'}: give Dataset(events=…) with user_id, item_id, timestamp, "
            "event"
        )
    if missing := [name for name in ("user_id", "item_id", "timestamp") if name not in dataset.events]:
        raise ValueError(f"the events lack {missing}; they have {list(dataset.events.columns)}")
    return dataset.events


def after_the_log(events: pd.DataFrame) -> Any:
    """A moment just after the last event: the decision's time where none is given."""
    if events.empty:
        raise ValueError("there are no events, so nothing a user did can be cited")
    last = events["timestamp"].max()
    return last + pd.Timedelta(seconds=1) if isinstance(last, pd.Timestamp) else last + 1


def before(frame: pd.DataFrame, at: pd.Series) -> pd.DataFrame:
    """Rows strictly earlier than their user's moment; users without a moment are left out.

    Parameters
    ----------
    frame
        Columns user_id, timestamp.
    at
        Moment, indexed by user.
    """
    own = frame[frame["user_id"].isin(at.index)]
    try:
        earlier = own["timestamp"].to_numpy() < at.reindex(own["user_id"]).to_numpy()
    except TypeError as error:
        raise ValueError(
            f"at={at.iloc[0]!r} cannot be set beside the timestamps ({frame['timestamp'].dtype}); give it in their kind"
        ) from error
    kept: pd.DataFrame = own[earlier]
    return kept


def acts_of(events: pd.DataFrame, kinds: Mapping[str, str], at: pd.Series) -> pd.DataFrame:
    """The strongest thing each user did with each item before a moment: columns user_id, item_id, kind.

    Parameters
    ----------
    events
        Columns user_id, item_id, timestamp and, where kinds are told apart, event.
    kinds
        Kind of event -> verb, from the weakest to the strongest; others are no act of the user's (to have been shown an
        item is none).
    at
        Moment, indexed by user; only what is strictly earlier counts.

    Raises
    ------
    ValueError
        If no kind of event in the log has a verb.
    """
    if "event" not in events:
        own = before(events, at)
        return own[["user_id", "item_id"]].drop_duplicates().assign(kind=NEUTRAL).reset_index(drop=True)
    held = [str(kind) for kind in events["event"].dropna().unique()]
    if held and not set(held) & set(kinds):
        raise ValueError(
            f"no kind of event in the log has a verb: it holds {sorted(held)[:8]}, verbs are known for {list(kinds)}; "
            "give words= with acts of your own, such as words.having(acts={'listened': 'listened to {}'})"
        )
    strength = {kind: place for place, kind in enumerate(kinds)}
    own = before(events[events["event"].isin(list(kinds))], at)
    own = own.assign(strength=own["event"].map(strength).astype(np.int64))
    best = own.sort_values("strength", kind="stable").drop_duplicates(["user_id", "item_id"], keep="last")
    table = best[["user_id", "item_id"]].assign(kind=best["event"].astype(object))
    return table.sort_index().reset_index(drop=True)
