"""How popular an item is by the log: the one thing that may be said of it to somebody without a history."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

__all__ = ["items_of_log", "popular_places"]

_SHARE = 0.1  # of the catalogue within which an item is called popular


def items_of_log(items: pd.DataFrame | None, events: pd.DataFrame) -> int:
    """Number of items that places are places among: those of the table of items, else of the events."""
    table = events if items is None else items
    return int(table["item_id"].nunique())


def popular_places(
    events: pd.DataFrame, kinds: Mapping[str, str], moments: pd.Series, pairs: pd.DataFrame, count: int
) -> dict[int, tuple[int, int]]:
    """Place of each recommended item by the users who did something with it, where that is within the first tenth.

    Parameters
    ----------
    events
        The log; only what is earlier than every moment asked about counts.
    kinds
        Kinds of event that count as an act.
    moments
        Of the decisions.
    pairs
        Columns user_id, item_id.
    count
        Items of the catalogue.

    Returns
    -------
    Row of `pairs` -> place (1 the first; items as popular as this one do not stand before it) and number of items.
    """
    known = events[events["timestamp"].to_numpy() < moments.min()]
    if "event" in known:
        known = known[known["event"].isin(list(kinds))]
    users = known.groupby("item_id")["user_id"].nunique()
    own = users.reindex(pairs["item_id"]).fillna(0).to_numpy()
    place = 1 + (users.to_numpy() > own[:, None]).sum(axis=1)
    first = np.flatnonzero((own > 0) & (place <= max(1, int(_SHARE * count))))
    return {int(row): (int(place[row]), count) for row in first}
