"""What one user may add: rows of a user are cut to a bound, values to declared bounds, groups to declared ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.data.registry import nearest

__all__ = ["GRID", "cells", "checked_bounds", "checked_table", "few_rows", "moments", "of_numbers", "tellable"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
STEPS = 2**15  # of a declared range: values are rounded to them, so that sums are exact
GRID = STEPS**2  # what one user adds in all, on whole numbers
_LARGEST = 1e300  # values and bounds beyond it would make sums that are no numbers
Groups = Mapping[str, Sequence[Any]]


def checked_table(frame: pd.DataFrame, columns: Sequence[str], who: str) -> None:
    """Refuse a table by what is public of it: that it is one, and its columns.

    What stands in its rows refuses nothing: an error that one user's row causes would tell of that user.

    Raises
    ------
    TypeError
        If it is no frame.
    ValueError
        If a column is missing or stands twice.
    """
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"{who} takes a pandas frame, not {type(frame).__name__}; data.to_memory makes one")
    for name in columns:
        if name not in frame.columns:
            hint = "; name the column of users by user=" if name == "user_id" else ""
            raise ValueError(f"{who}: there is no column {name!r}: {nearest(name, frame.columns)}{hint}")
        if list(frame.columns).count(name) > 1:
            raise ValueError(f"{who}: column {name!r} stands more than once; drop or rename the others")


def tellable(column: pd.Series[Any]) -> pd.Series[Any]:
    """Users or groups that can be told apart; lists and their like are missing, and so do not count."""
    if column.dtype != object:
        return column
    return column.where(column.map(pd.api.types.is_hashable).astype(bool), None)


def of_numbers(frame: pd.DataFrame, column: str, who: str) -> Floats:
    """Values of a numeric or true / false column; in one of kind object, what is no number is missing.

    Raises
    ------
    ValueError
        If it is of another kind. The message names the kind, never a value.
    """
    kind = frame[column].dtype
    if kind == np.dtype(object):  # one missing value among True and False makes it so: no error may follow
        return np.array([_number(one) for one in frame[column]], dtype=np.float64)
    if isinstance(kind, pd.CategoricalDtype) or not pd.api.types.is_numeric_dtype(kind):
        raise ValueError(f"{who}: column {column!r} is of kind {kind}, not of numbers; pd.to_numeric makes them")
    if pd.api.types.is_complex_dtype(kind):
        raise ValueError(f"{who}: column {column!r} is of complex numbers; bounds need real ones")
    return frame[column].to_numpy(dtype=np.float64, na_value=np.nan)


def _number(one: Any) -> float:
    if not isinstance(one, Real | Decimal | np.bool_):
        return math.nan
    try:
        return float(one)
    except OverflowError:  # a whole number of hundreds of digits
        return math.inf if one > 0 else -math.inf  # type: ignore[operator]
    except ValueError:  # a signalling nan
        return math.nan


def checked_bounds(bounds: Any, who: str, name: str = "bounds") -> tuple[float, float]:
    """Give declared bounds.

    Raises
    ------
    ValueError
        If there are none (they are never taken from the data), or they are no two finite numbers in order.
    """
    if bounds is None:
        raise ValueError(
            f"{who} needs {name}=(low, high), from what the column means and not from its rows: the least and the "
            "greatest value of the data are somebody's own, and noise scaled by them would tell them"
        )
    try:
        low, high = (float(one) for one in bounds)
    except (TypeError, ValueError):
        raise ValueError(f"{who}({name}={bounds!r}): give two numbers, (low, high)") from None
    if not -_LARGEST <= low < high <= _LARGEST:
        raise ValueError(f"{who}({name}=({low}, {high})): give two finite numbers (to {_LARGEST:g}), the lower first")
    return low, high


def few_rows(users: pd.Series[Any], most: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Mark at most `most` rows of each user, drawn at random; rows without a user are nobody's and do not count."""
    users = tellable(users)
    order = rng.permutation(len(users))
    place = pd.Series(np.arange(len(users))).groupby(users.to_numpy()[order], sort=False, dropna=False).cumcount()
    kept = np.zeros(len(users), dtype=bool)
    kept[order] = place.to_numpy() < most
    return kept & users.notna().to_numpy()


def cells(frame: pd.DataFrame, groups: Groups, who: str) -> tuple[Ints, pd.MultiIndex]:
    """Place of each row among the declared groups (-1: in none), and the groups, in the order declared.

    Raises
    ------
    ValueError
        If a list of groups is empty, repeats one, is text, or names text where the column holds numbers.
    """
    place = np.zeros(len(frame), dtype=np.int64)
    for name, known in groups.items():
        if isinstance(known, str) or not len(known) or len(set(known)) < len(known):
            raise ValueError(f"{who}: give the groups of {name!r} as a list that names each once, not {known!r}")
        _of_one_kind(frame[name], known, who)
        own = pd.Index(list(known)).get_indexer(pd.Index(tellable(frame[name].astype(object))))
        place = np.where((place < 0) | (own < 0), -1, place * len(known) + own)
    if not groups:
        return place, pd.MultiIndex.from_tuples([("all",)], names=["rows"])
    return place, pd.MultiIndex.from_product([list(known) for known in groups.values()], names=list(groups))


def _of_one_kind(column: pd.Series[Any], known: Sequence[Any], who: str) -> None:
    """Refuse groups that no row could be in, by the kind of the column, which is public."""
    kind = column.dtype.categories.dtype if isinstance(column.dtype, pd.CategoricalDtype) else column.dtype
    numbers = pd.api.types.is_numeric_dtype(kind)
    if not pd.api.types.is_object_dtype(kind) and numbers == all(isinstance(one, str) for one in known):
        raise ValueError(f"{who}: the groups of {column.name!r} are {list(known)!r}, the column is of kind {kind}")


def moments(
    users: pd.Series[Any],
    values: Floats,
    bounds: tuple[float, float],
    place: Ints,
    n_cells: int,
    rng: np.random.Generator,
    *,
    total: bool = False,
) -> Ints:
    r"""(cells, 3) sums over users of :math:`((1-p)^2, 2p(1-p), p^2)`, in units of 1 / GRID.

    A user adds to one cell, that of one of the own rows drawn at random, with p the mean there of the own values (the
    sum, if `total`), cut to the bounds and brought to [0, 1]. The three parts add up to 1 whatever p is: a user moves
    them by 1 in all (in L1, and at most 1 in L2), and yet they tell the number of users, the sum of p and of its
    square. So one release without a split of epsilon gives a mean and its variance.
    """
    users, (low, high) = tellable(users), bounds
    good = (place >= 0) & ~np.isnan(values) & users.notna().to_numpy()
    own = np.clip(values[good], *((-_LARGEST, _LARGEST) if total else bounds))  # sums stay numbers
    rows = pd.DataFrame({"user": users.to_numpy()[good], "cell": place[good], "value": own})
    if rows.empty:
        return np.zeros((n_cells, 3), dtype=np.int64)
    drawn = few_rows(rows["user"], 1, rng)
    means = rows.groupby(["user", "cell"], sort=False, observed=True)["value"].agg("sum" if total else "mean")
    chosen = means.reindex(pd.MultiIndex.from_frame(rows.loc[drawn, ["user", "cell"]]))
    share = (np.clip(chosen.to_numpy(dtype=np.float64), low, high) - low) / (high - low)
    step = np.rint(np.clip(np.nan_to_num(share), 0, 1) * STEPS).astype(np.int64)  # in its range whatever came before
    parts = np.stack([(STEPS - step) ** 2, 2 * step * (STEPS - step), step**2], axis=1)
    sums = np.zeros((n_cells, 3), dtype=np.int64)
    np.add.at(sums, rows.loc[drawn, "cell"].to_numpy(), parts)
    return sums
