"""Who belongs to which group: `Groups`, read from a column with its faults named."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.data.registry import nearest

__all__ = ["Floats", "Groups", "Ints", "item_groups", "read_groups", "tail_groups"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
UNKNOWN = "unknown"
_LEVELS = 12  # a numeric column with more values than this is cut at its quantiles
_MISSING = ("error", "unknown")


@dataclass(frozen=True, eq=False)
class Groups:
    """Labels of the groups and the group of each unit.

    Parameters
    ----------
    name
        Attribute that makes the groups ("gender", "provider").
    labels
        One label a group.
    codes
        (units,) number of each unit's group.
    """

    name: str
    labels: tuple[str, ...]
    codes: Ints

    def __len__(self) -> int:
        """Units."""
        return len(self.codes)

    @property
    def counts(self) -> Ints:
        """(groups,) units in each group."""
        return np.bincount(self.codes, minlength=len(self.labels))

    @property
    def one_hot(self) -> Floats:
        """(units, groups) 1 where a unit is in a group."""
        return np.eye(len(self.labels))[self.codes]

    def number(self, label: object) -> int:
        """Number of a label.

        Raises
        ------
        ValueError
            If there is no such group; the nearest is offered.
        """
        if str(label) not in self.labels:
            raise ValueError(f"{self.name} has no group {str(label)!r}; {nearest(str(label), self.labels)}")
        return self.labels.index(str(label))


def read_groups(
    table: pd.DataFrame | pd.Series | npt.ArrayLike, by: str | None = None, *, missing: str = "error", bins: int = 4
) -> Groups:
    """Groups of the rows of a table, or of labels that are given.

    Parameters
    ----------
    table
        A table with the column `by`, or one label a unit.
    by
        Column; with bare labels, what to call them.
    missing
        "error", or "unknown": units without a value are a group of their own.
    bins
        A numeric column of more than 12 values is cut at its quantiles into so many groups.

    Raises
    ------
    ValueError
        If the column is not there (the nearest is offered), has missing values while `missing="error"`, one level, or
        as many as rows.
    """
    if missing not in _MISSING:
        raise ValueError(f"missing={missing!r}; {nearest(missing, _MISSING)}")
    if isinstance(bins, bool) or int(bins) != bins or bins < 2:
        raise ValueError(f"bins={bins}: give a whole number from 2 on")
    column, name = _column(table, by)
    if (gone := column.isna().to_numpy()).all():
        raise ValueError(f"{name!r} is missing in all {len(column):,} rows; there is nothing to group by")
    if gone.any() and missing == "error":
        raise ValueError(
            f"{name!r} is missing in {int(gone.sum()):,} of {len(column):,} rows, first at row {int(np.argmax(gone))}; "
            'drop them and say so, or give them a group of their own: missing="unknown"'
        )
    said = _labels(column, int(bins)).where(~gone, UNKNOWN).astype(str)
    if gone.any() and (said[~gone] == UNKNOWN).any():
        raise ValueError(f"{name!r} has a group called {UNKNOWN!r} already; rename it, or fill what is missing")
    ordered = [str(label) for label in _order(column, said) if str(label) in set(said)]
    codes = pd.Categorical(said, categories=ordered).codes.astype(np.int64)
    if len(ordered) < 2:
        raise ValueError(
            f"{name!r} has one level, {ordered[0]!r}, in all {len(column):,} rows; groups are compared with each "
            "other: take a column with two levels at least"
        )
    if len(ordered) == len(column) > _LEVELS:
        raise ValueError(
            f"{name!r} has another value in each of {len(column):,} rows: ids or texts make no groups; take a column "
            "that several share"
        )
    return Groups(name, tuple(ordered), np.asarray(codes))


def item_groups(items: pd.DataFrame | npt.ArrayLike, by: str | None, ids: pd.Index, missing: str = "error") -> Groups:
    """Groups of the items of an exposure, in its order.

    Parameters
    ----------
    items
        Table of items (with `item_id`, or a row an item in order), or one label an item.
    by
        Column; "tail" parts the most popular fifth from the rest (see `tail_groups`).
    ids
        Items of the exposure.

    Raises
    ------
    ValueError
        As `read_groups`, and if a shown item is not in the table, or the table is one of users.
    """
    if not isinstance(items, pd.DataFrame):
        return _sized(read_groups(items, by or "group", missing=missing), len(ids), "items")
    if "item_id" not in items and "user_id" in items:
        raise ValueError(
            "items= is a table of users (it has user_id, no item_id): exposure is measured by groups of items; for "
            "what groups of users get, take outcome_by_group"
        )
    table = items.set_index("item_id") if "item_id" in items else items
    if not table.index.is_unique:
        raise ValueError(f"items= lists item {table.index[table.index.duplicated()][0]!r} twice; one row an item")
    if len(lost := ids.difference(table.index)):
        kinds = f"ids of kind {ids.dtype} beside {table.index.dtype}: make them one kind"
        way = kinds if str(lost[0]) in set(table.index.astype(str)) else "give the whole catalogue"
        raise ValueError(f"{len(lost):,} shown items are not in items=, first {str(lost[0])!r}; {way}")
    table = table.loc[ids]
    if by == "tail" and "tail" not in table:
        return tail_groups(_popularity(table))
    return read_groups(table, by, missing=missing)


def tail_groups(popularity: npt.ArrayLike, head: float = 0.2) -> Groups:
    """Items parted into "head", the most popular share of the catalogue, and "tail", the rest.

    Among items as popular as each other at the border, those that come first are the head.

    Raises
    ------
    ValueError
        If `head` is not inside (0, 1), leaves a side empty, or a popularity is not finite.
    """
    values = np.asarray(popularity, dtype=np.float64)
    if not 0 < head < 1:
        raise ValueError(f"head={head}: give the share of items that are the head, inside (0, 1), such as 0.2")
    if not np.isfinite(values).all():
        raise ValueError(f"popularity has {int((~np.isfinite(values)).sum())} values that are not finite; fill them")
    count = int(np.ceil(head * len(values)))
    if not 0 < count < len(values):
        raise ValueError(f"head={head} of {len(values)} items leaves the head or the tail empty")
    codes = np.ones(len(values), dtype=np.int64)
    codes[np.argsort(-values, kind="stable")[:count]] = 0
    return Groups("tail", ("head", "tail"), codes)


def _popularity(table: pd.DataFrame) -> npt.ArrayLike:
    if "popularity" not in table:
        raise ValueError(f"by='tail' reads the column 'popularity'; {nearest('popularity', table.columns)}")
    return table["popularity"].to_numpy(dtype=np.float64)


def _column(table: Any, by: str | None) -> tuple[pd.Series, str]:
    if not isinstance(table, pd.DataFrame):
        labels = table.reset_index(drop=True) if isinstance(table, pd.Series) else pd.Series(np.asarray(table))
        return labels, by or str(getattr(table, "name", None) or "group")
    if by is None or by not in table.columns:
        asked = "say by which column: by=…" if by is None else f"there is no column {by!r}"
        raise ValueError(f"{asked}; {nearest(str(by), table.columns)}")
    if list(table.columns).count(by) > 1:
        raise ValueError(f"column {by!r} stands more than once; drop or rename the others")
    return table[by].reset_index(drop=True), by


def _labels(column: pd.Series, bins: int) -> pd.Series:
    if column.dtype.kind not in "iuf" or column.nunique() <= _LEVELS:
        whole = column.dtype.kind == "f" and (column.dropna() % 1 == 0).all()
        return column.astype("Int64").astype(str) if whole else column.astype(str)
    known = column.dropna().to_numpy(dtype=np.float64)
    edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1]))
    edges = edges[edges > known.min()]
    if not len(edges):  # most have the least value: they are a group
        edges = np.array([known[known > known.min()].min()])
    digits = next(d for d in range(6, 18) if len({f"{edge:.{d}g}" for edge in edges}) == len(edges))
    ends = [f"{edge:.{digits}g}" for edge in edges]  # so many that no two bins have one name
    names = [f"< {ends[0]}", *(f"[{low}, {high})" for low, high in pairwise(ends)), f">= {ends[-1]}"]
    return pd.Series(np.asarray(names, dtype=object)[np.searchsorted(edges, column, side="right")])


def _order(column: pd.Series, said: pd.Series) -> list[Any]:
    """Groups in the order of their values; the unknown ones last."""
    order: list[Any] = said.groupby(said).size().index.tolist()
    if column.dtype.kind in "iuf":
        order = column.groupby(said).min().sort_values(na_position="last").index.tolist()
    elif isinstance(column.dtype, pd.CategoricalDtype):
        order = [*map(str, column.cat.categories), UNKNOWN]
    return sorted(dict.fromkeys(order), key=lambda label: label == UNKNOWN)


def _sized(groups: Groups, n: int, what: str) -> Groups:
    if len(groups) != n:
        raise ValueError(f"{len(groups):,} labels beside {n:,} {what}; give one label for each of the {what}, in order")
    return groups
