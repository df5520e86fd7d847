"""The k-core of a log: the largest part in which every user and every item has at least k events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
import pandas as pd

from causalrec_lab.data.frames_and_tables import in_database, need_columns

if TYPE_CHECKING:
    from ibis.expr.types.relations import Table  # type: ignore[attr-defined]

__all__ = ["k_core"]

T = TypeVar("T")


def k_core(events: T, k: int) -> T:
    """Keep the largest part in which every user and every item has at least `k` events.

    It is found by dropping the rarer ones until nothing changes. Sparse users and items are then no longer represented:
    what is measured holds for the core only.

    Parameters
    ----------
    events
        Columns user_id, item_id; a pandas frame, or an Ibis table: then the pairs with their counts are kept in
        temporary tables of the database, and the result is an expression on them.
    k
        Events a user and an item must have.

    Returns
    -------
    The rows that stay, as the same kind of table.

    Raises
    ------
    ValueError
        If `k` is below 1, a column is missing or nothing is left.
    """
    if k < 1:
        raise ValueError(f"k_core(k={k}): k is a number of events, 1 or more")
    need_columns(events, ["user_id", "item_id"], "k_core")
    kept: Any = _in_place(events, k) if in_database(events, "k_core") else _in_memory(cast(pd.DataFrame, events), k)
    return cast(T, kept)


def _in_memory(events: pd.DataFrame, k: int) -> pd.DataFrame:
    kept = events[["user_id", "item_id"]].reset_index(drop=True)  # places, whatever the index holds
    while len(kept):
        counts = (kept.groupby(name, observed=True)[name].transform("size") for name in ("user_id", "item_id"))
        enough = np.logical_and.reduce([count.to_numpy() >= k for count in counts])
        if enough.all():
            return events.iloc[kept.index]
        kept = kept[enough]
    raise _none_left(len(events), k)


def _in_place(events: Table, k: int) -> Table:
    """Shrink the table of pairs and their counts; only its size comes back from each round."""
    pairs = events.group_by(["user_id", "item_id"]).agg(n=lambda t: t.count()).cache()
    size = int(pairs.count().execute())
    while size:
        smaller = _enough(_enough(pairs, "user_id", k), "item_id", k).cache()
        left = int(smaller.count().execute())
        if left == size:
            return events.semi_join(pairs, ["user_id", "item_id"])
        pairs, size = smaller, left
    raise _none_left(int(events.count().execute()), k)


def _enough(pairs: Table, name: str, k: int) -> Table:
    often = pairs.group_by(name).agg(total=lambda t: t.n.sum()).filter(lambda t: t.total >= k)
    return pairs.semi_join(often, name)


def _none_left(n: int, k: int) -> ValueError:
    return ValueError(f"k_core(k={k}) leaves none of the {n:,} events; take a smaller k")
