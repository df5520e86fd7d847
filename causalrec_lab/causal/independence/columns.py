"""Columns as independence tests take them: which are discrete, which cannot be used, what they are as numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causalrec_lab.causal.graph.notation import nearest

__all__ = ["LEVELS", "checked", "design", "is_discrete", "refuse_infinite", "residuals"]

Floats = NDArray[np.float64]
LEVELS = 12  # an integer column with at most so many values counts as discrete


def checked(frame: pd.DataFrame, nodes: Sequence[str], *, remedy: str = "Or declare it latent") -> pd.DataFrame:
    """Give the columns `nodes` of `frame`, each fit for a test.

    Raises
    ------
    ValueError
        If a node has no column or two, or a column is constant or holds missing or infinite values.
    """
    if absent := [n for n in nodes if n not in frame.columns]:
        raise ValueError(f"node {absent[0]!r} has no column; {nearest(absent[0], frame.columns)} {remedy}".rstrip())
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
        refuse_infinite(columns[name])
        if columns[name].nunique() < 2:
            raise ValueError(
                f"column {name!r} is constant: nothing can be tested with it; leave the node out or declare it latent"
            )
    return columns


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
    """(n, k) numbers: the column itself, or an indicator for each category but the first."""
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(float)[:, None]
    return pd.get_dummies(column, drop_first=True).to_numpy(float)


def residuals(frame: pd.DataFrame, name: str, given: Sequence[str]) -> Floats:
    """(n, k) least-squares residuals of a column's numbers on an intercept and the numbers of `given`."""
    target = design(frame[name])
    base = np.hstack([np.ones((len(frame), 1)), *(design(frame[other]) for other in given)])
    scale = np.linalg.norm(base, axis=0)
    return np.asarray(target - base @ (np.linalg.lstsq(base / scale, target, rcond=None)[0] / scale[:, None]))
