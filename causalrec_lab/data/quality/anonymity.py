"""How many people share what is known of each: k-anonymity, and coarser values that raise it."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from causalrec_lab.data.frames_and_tables import need_columns
from causalrec_lab.data.registry import nearest

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Anonymity", "generalise", "k_anonymity"]

_SPANS = {"year": "Y", "month": "M", "week": "W", "day": "D", "hour": "h"}
_EDGES = (1, 2, 5, 10, 20, 50, 100)


@dataclass(frozen=True, eq=False)
class Anonymity:
    """Sizes of the groups of people (rows, without `user`) alike in some columns.

    Parameters
    ----------
    columns
        What someone might know of a person.
    k
        Size of the smallest group.
    unique
        Share of people who are alone in theirs.
    groups
        How many groups there are.
    table
        People by the size of their group: columns from, to, people, share. No group is named.
    """

    columns: tuple[str, ...]
    k: int
    unique: float
    groups: int
    table: pd.DataFrame

    def plot(self, ax: Axes | None = None) -> Axes:
        """Share of people by the size of their group."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(5, 3))
        ends = [f"{low}" if low == high else f"{low}+" if np.isinf(high) else f"{low}-{high:.0f}" for low, high in
                zip(self.table["from"], self.table["to"], strict=True)]  # fmt: skip
        ax.bar(ends, self.table["share"])
        ax.set(xlabel=f"people alike in {', '.join(self.columns)}", ylabel="share of people")
        return ax

    def __str__(self) -> str:
        """One line."""
        known = ", ".join(self.columns)
        return f"k = {self.k}: {self.unique:.2%} of people are alone in {known} ({self.groups:,} groups)"

    def _repr_html_(self) -> str:
        """The line and the table."""
        return f"<p>{html.escape(str(self))}</p>{self.table.round(4).to_html(index=False)}"


def k_anonymity(frame: pd.DataFrame, columns: Sequence[str], *, user: str | None = None) -> Anonymity:
    """Sizes of the groups that are alike in `columns`: a table is k-anonymous where none is smaller than k.

    Sweeney (2002), "k-anonymity: a model for protecting privacy", definition 3. It is a check and no promise: a group
    whose members share a secret gives it away, and two tables together may undo both; a promise is what
    `explain.privacy` gives.

    Parameters
    ----------
    frame
        The table.
    columns
        Quasi-identifiers: what is no name, but might be known of a person (age, region, day of the first visit).
        Missing is a value like others.
    user
        Column of people where they have several rows: then a person is what all the own rows tell together. None: each
        row is a person.

    Returns
    -------
    `Anonymity`.

    Raises
    ------
    ValueError
        If a column is missing or there are none, or there are no rows.
    """
    if isinstance(columns, str) or not len(columns):
        raise ValueError(f"k_anonymity(columns={columns!r}): give a list of the table's columns")
    need_columns(frame, [*columns, *([user] if user else [])], "k_anonymity")
    if frame.empty:
        raise ValueError("k_anonymity needs people, and the table has no rows")
    alike = frame.groupby(list(columns), sort=False, dropna=False, observed=True).ngroup()
    if user is not None:
        pairs = pd.DataFrame({"user": frame[user], "place": alike}).drop_duplicates().sort_values(["user", "place"])
        alike = pairs.groupby("user", sort=False)["place"].agg(tuple)
    sizes = alike.map(alike.value_counts())
    edges = np.array([*_EDGES, np.inf])
    people = np.histogram(sizes, edges)[0]
    table = pd.DataFrame({"from": list(_EDGES), "to": edges[1:] - 1, "people": people, "share": people / len(sizes)})
    return Anonymity(tuple(columns), int(sizes.min()), float((sizes == 1).mean()), int(alike.nunique()), table)


def generalise(frame: pd.DataFrame, how: Mapping[str, Any]) -> pd.DataFrame:
    """Make values coarser or leave columns out, so that more people are alike.

    Parameters
    ----------
    frame
        The table; it stays as it is.
    how
        Column -> what becomes of it: a number (width of the steps of a number: 10 makes 37 to 30), "hour", "day",
        "week", "month" or "year" (start of it, for times), a mapping of values (others become missing), None (left
        out).

    Raises
    ------
    ValueError
        If a column is missing or does not take what it was given.
    """
    need_columns(frame, list(how), "generalise")
    new = {name: _coarser(frame[name], rule) for name, rule in how.items() if rule is not None}
    return frame.assign(**new).drop(columns=[name for name, rule in how.items() if rule is None])


def _coarser(column: pd.Series[Any], rule: Any) -> pd.Series[Any]:
    who = f"generalise({column.name!r}: {rule!r})"
    if isinstance(rule, Mapping):
        return column.map(rule)
    if isinstance(rule, str):
        if rule not in _SPANS:
            raise ValueError(f"{who}: {nearest(rule, _SPANS)}")
        if not pd.api.types.is_datetime64_any_dtype(column):
            raise ValueError(f"{who}: the column holds no times but {column.dtype}; data.clean(…) makes them")
        plain = column if column.dt.tz is None else column.dt.tz_convert("UTC").dt.tz_localize(None)
        start: pd.Series[Any] = plain.dt.to_period(_SPANS[rule]).dt.start_time.dt.as_unit("us")
        return start
    if isinstance(rule, bool) or not isinstance(rule, int | float) or not 0 < rule < np.inf:
        raise ValueError(f"{who}: give a width above 0, a span of time, a mapping, or None to leave the column out")
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        raise ValueError(f"{who}: the column holds no numbers but {column.dtype}")
    return (column // rule) * rule
