"""The shape of a log: its sizes, how popular its items and how active its users are, and what kinds of items it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab.world.alike.rows import Rows
from causalrec_lab.world.alike.statistics import rates_behind
from causalrec_lab.world.people.population import Floats

__all__ = ["Shape", "interactions", "shape_of"]

CATEGORIES = 11  # beside "other"
FEW = 5  # rows an item or user, below which equal counts may be luck


@dataclass(frozen=True, eq=False)
class Shape:
    """Sizes and curves.

    Parameters
    ----------
    n_users, n_items
        As many as the log knows; n_items is None where it has no items.
    popularity, activity
        Rate of each item and of each user, in any order; None where the log does not tell.
    popularity_from, activity_from
        Where they were read.
    shares, costs
        Category -> share of the items, and its median cost; None and {} without categories.
    """

    n_users: int
    n_items: int | None
    popularity: Floats | None
    activity: Floats | None
    popularity_from: str
    activity_from: str
    shares: dict[str, float] | None
    costs: dict[str, float]


def interactions(rows: Rows) -> pd.DataFrame:
    """Who took what: events of the most frequent kind, else treated decisions, else what was shown."""
    events = rows.frame if rows.kind == "events" else rows.events
    if events is not None and "item_id" in events:
        return events[events["event"] == events["event"].mode().iloc[0]] if "event" in events else events
    return rows.frame[rows.treated == 1] if rows.treated is not None else rows.frame


def shape_of(rows: Rows, cost: str) -> Shape:
    """Sizes, popularity, activity and categories of a log.

    Parameters
    ----------
    rows
        The log.
    cost
        Name of the column of items that holds the base scenario's cost.
    """
    taken = interactions(rows)
    popularity, popularity_from = _rates(rows.items, "item_id", "popularity", taken)
    activity, activity_from = _rates(rows.users, "user_id", "activity", taken)
    if activity is not None and activity_from.endswith("user") and len(taken) < 1.05 * taken["user_id"].nunique():
        activity, activity_from = None, "a user has one row: nothing tells how active users are"
    shares, costs = _categories(rows, cost)
    n_users = len(rows.frame) if "user_id" not in rows.frame else rows.frame["user_id"].nunique()
    return Shape(
        max(n_users, 0 if rows.users is None or "user_id" not in rows.users else len(rows.users)),
        _items(rows, popularity),
        popularity, activity, popularity_from, activity_from, shares, costs,
    )  # fmt: skip


def _items(rows: Rows, popularity: Floats | None) -> int | None:
    if popularity is not None:
        return len(popularity)
    known = rows.frame["item_id"].nunique() if "item_id" in rows.frame else 0
    return max(known, 0 if rows.items is None else len(rows.items)) or None


def _rates(table: pd.DataFrame | None, key: str, column: str, taken: pd.DataFrame) -> tuple[Floats | None, str]:
    """Rates of items or users: the table's own column, or counts without their Poisson noise."""
    whose = key.removesuffix("_id")
    if table is not None and column in table and pd.api.types.is_numeric_dtype(table[column]):
        values = table[column].to_numpy(dtype=np.float64)
        values = values[np.isfinite(values)]
        if len(values) > 1 and values.min() > 0:
            return values, f"column {column!r} of the {whose}s"
    if key not in taken:
        return None, f"the log has no {key}"
    counts = taken[key].value_counts()
    if table is not None and key in table:
        counts = counts.reindex(table[key].unique(), fill_value=0)
        if not counts.any():  # ids of the table are not those of the rows
            counts = taken[key].value_counts()
    if len(counts) < 2:
        return None, f"the log has one {whose}"
    if counts.mean() < FEW and counts.var() <= counts.mean():
        return None, f"{counts.mean():.1f} rows per {whose}, spread as by chance: too few to tell one from another"
    return rates_behind(counts), f"{len(taken):,} rows counted by {whose}"


def _categories(rows: Rows, cost: str) -> tuple[dict[str, float] | None, dict[str, float]]:
    table = rows.items if rows.items is not None and {"category", "genres"} & set(rows.items) else rows.frame
    column = next((name for name in ("category", "genres") if name in table), None)
    if column is None:
        return None, {}
    if table is rows.frame and "item_id" in table:
        table = table.drop_duplicates("item_id")
    first = _first_of_list(table[column])
    if first.isna().all():
        rows.notes.append(f"column {column!r} is empty in every row: no category mix, the base scenario's is kept")
        return None, {}
    if first.isna().any():
        rows.notes.append(f"{first.isna().sum():,} items without {column} are left out of the category mix")
    share = first.value_counts(normalize=True)
    if len(share) > CATEGORIES + 1:
        rows.notes.append(f"{len(share)} categories: the {CATEGORIES} largest by name, the others as 'other'")
        first = first.where(first.isin(share.index[:CATEGORIES]) | first.isna(), "other")
        share = first.value_counts(normalize=True)
    shares = {str(name): float(value) for name, value in share.items()}
    if cost not in table or not pd.api.types.is_numeric_dtype(table[cost]):
        return shares, {}
    return shares, {str(name): float(value) for name, value in table[cost].groupby(first).median().items() if value > 0}


def _first_of_list(column: pd.Series[Any]) -> pd.Series[Any]:
    """First of a list: a list itself, or text separated by bars or commas; genres also by spaces."""
    if column.map(lambda value: isinstance(value, list | tuple | np.ndarray)).any():
        lists = column.map(lambda value: isinstance(value, list | tuple | np.ndarray) and len(value) > 0)
        column = column.where(lists).map(lambda value: value[0], na_action="ignore")
    if column.isna().all():
        return column
    text = column.astype("str").where(column.notna()).str.strip()
    separator = r"[|,;]" if column.name == "category" or text.str.contains(r"[|,;]", regex=True).any() else r"\s+"
    return text.str.split(separator, n=1, regex=True).str[0].str.strip().replace("", None)
