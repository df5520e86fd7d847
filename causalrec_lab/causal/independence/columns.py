"""Columns as independence tests take them: which are discrete, which cannot be used, what they are as numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causalrec_lab.causal.graph.notation import nearest

__all__ = ["EXACT", "LEVELS", "asked", "checked", "design", "is_discrete", "refuse_infinite", "residuals"]

Floats = NDArray[np.float64]
EXACT = 1e-9  # a share of a column so small counts as rounding
LEVELS = 12  # an integer column with at most so many values counts as discrete


def checked(frame: pd.DataFrame, nodes: Sequence[str], *, remedy: str = "declare it latent") -> pd.DataFrame:
    """Give the columns `nodes` of `frame`, each fit for a test.

    Raises
    ------
    ValueError
        If a node has no column or two, or a column is constant, holds missing or infinite values, dates or complex
        numbers, or texts that hardly ever repeat.
    """
    if absent := [n for n in nodes if n not in frame.columns]:
        words = nearest(absent[0], frame.columns)
        way_out = f"{'' if words.endswith('?') else ';'} or {remedy}" if remedy else ""
        raise ValueError(f"node {absent[0]!r} has no column; {words}{way_out}")
    columns = frame[list(nodes)]
    if columns.shape[1] != len(nodes):
        twice = next(n for n in nodes if isinstance(frame[n], pd.DataFrame))
        raise ValueError(f"column {twice!r} stands in the table twice; keep one")
    missing = columns.isna().sum()
    if missing.any():
        name = str(missing.idxmax())
        raise ValueError(
            f"column {name!r} has {missing[name]} missing values of {len(frame)}; drop or impute them first"
        )
    for name in nodes:
        _fit_for_tests(columns[name])
    return columns


def asked(
    frame: pd.DataFrame, x: str, y: str, given: str | Sequence[str]
) -> tuple[pd.DataFrame, str, str, tuple[str, ...]]:
    """Give the columns of one question, checked, and its names: x, y and what is given (one name or several).

    Raises
    ------
    ValueError
        If a name stands in the question twice, or `checked` refuses a column.
    """
    names = (given,) if isinstance(given, str) else tuple(given)
    everyone = [x, y, *names]
    if twice := [name for i, name in enumerate(everyone) if name in everyone[:i]]:
        raise ValueError(
            f"{twice[0]!r} stands twice in the question {x!r} and {y!r} given {list(names)}; once is enough"
        )
    return checked(frame, everyone, remedy=""), x, y, names


def _fit_for_tests(column: pd.Series) -> None:
    name, values = column.name, column.nunique()
    if values < 2:
        raise ValueError(
            f"column {name!r} is constant: nothing can be tested with it; leave the node out or declare it latent"
        )
    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_complex_dtype(column):
        raise ValueError(
            f"column {name!r} holds {column.dtype}, which is neither a number nor a category; make it one, as in "
            "days since a start"
        )
    if pd.api.types.is_numeric_dtype(column):
        refuse_infinite(column)
    elif values > max(len(column) / 2, LEVELS):
        raise ValueError(
            f"column {name!r} takes {values} values in {len(column)} rows: categories that hardly repeat (an "
            "identifier?) tell nothing; leave it out or group them"
        )


def refuse_infinite(column: pd.Series) -> None:
    """Say where a column of numbers is infinite: every moment taken with it would be NaN.

    Raises
    ------
    ValueError
        If it is anywhere.
    """
    if not pd.api.types.is_numeric_dtype(column):
        return
    infinite = np.isinf(column.to_numpy(np.float64))
    if infinite.any():
        row = int(infinite.argmax())
        raise ValueError(
            f"column {column.name!r} has {int(infinite.sum())} infinite values of {len(column)}, first at row {row}: "
            f"{column.iloc[row]}; drop or replace them first"
        )


def is_discrete(column: pd.Series) -> bool:
    """Tell whether a column counts as categories: text, booleans, integers with at most 12 values."""
    if isinstance(column.dtype, pd.CategoricalDtype) or not pd.api.types.is_numeric_dtype(column):
        return True
    if pd.api.types.is_bool_dtype(column):
        return True
    return bool(column.nunique() <= LEVELS and (column == column.round()).all())


def design(column: pd.Series) -> Floats:
    """(n, k) numbers: the column itself, or an indicator for each category that occurs but the first."""
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(float)[:, None]
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.cat.remove_unused_categories()
    return pd.get_dummies(column, drop_first=True).to_numpy(float)


def residuals(frame: pd.DataFrame, names: Sequence[str], given: Sequence[str]) -> tuple[list[Floats], int]:
    """Least-squares residuals (n, k) of columns' numbers on an intercept and those of `given`, and the rank of these.

    What follows exactly from `given` has residuals of 0, not of rounding errors, which would depend on each other.
    """
    base = np.hstack([np.ones((len(frame), 1)), *(_centred(design(frame[other])) for other in given)])
    left, values, _ = np.linalg.svd(base / np.maximum(np.linalg.norm(base, axis=0), 1e-300), full_matrices=False)
    left = left[:, values > EXACT * values[0]]
    out = []
    for name in names:
        target = _centred(design(frame[name]))
        over = target - left @ (left.T @ target)
        nothing = np.linalg.norm(over, axis=0) <= EXACT * np.linalg.norm(target, axis=0)
        out.append(np.where(nothing, 0.0, over))
    return out, left.shape[1]


def _centred(numbers: Floats) -> Floats:
    centred = numbers - numbers.mean(axis=0)
    return np.asarray(centred / np.maximum(np.abs(centred).max(axis=0, initial=0.0), 1e-300))
