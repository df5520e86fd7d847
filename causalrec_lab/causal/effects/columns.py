"""Columns of a table read as checked arrays: whatever cannot be read is refused, with the way out."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = [
    "Floats",
    "Integers",
    "as_list",
    "check_columns",
    "codes_of",
    "covariate_matrix",
    "finite",
    "nearest",
    "numbers",
    "refuse",
    "with_column",
]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
_MAX_LEVELS = 50  # a category with more levels than this is an identifier, not a covariate


def nearest(name: str, known: Sequence[str]) -> str:
    """Words that offer the known names closest to a wrong one."""
    close = difflib.get_close_matches(str(name), [str(k) for k in known], n=3, cutoff=0.5)
    return f"did you mean {', '.join(map(repr, close))}?" if close else f"known are {', '.join(map(repr, known))}"


def as_list(value: str | Sequence[str] | None) -> list[str]:
    """None, one name or several, as a list."""
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def check_columns(frame: pd.DataFrame, wanted: Sequence[str]) -> None:
    """Refuse names the table does not have.

    Raises
    ------
    ValueError
        If a column is unknown (the nearest names are offered) or stands twice, or the table is empty.
    """
    for name in wanted:
        if name not in frame.columns:
            raise ValueError(f"no column {name!r} in the table; {nearest(name, list(frame.columns))}")
        if isinstance(frame[name], pd.DataFrame):
            raise ValueError(f"column {name!r} stands {frame[name].shape[1]} times in the table; rename or drop one")
    if len(frame) == 0:
        raise ValueError("the table has no rows; check the filter that made it")


def covariate_matrix(frame: pd.DataFrame, covariates: Sequence[str]) -> tuple[Floats, tuple[str, ...]]:
    """(n, p) numeric covariates, categories as indicators of all levels but the first, and their names.

    Raises
    ------
    ValueError
        If a value is missing or not finite, or a category has more than 50 levels.
    """
    columns: list[Floats] = []
    names: list[str] = []
    for name in covariates:
        if pd.api.types.is_numeric_dtype(frame[name].infer_objects()):  # bool is among them
            columns.append(finite(frame, name))
            names.append(name)
            continue
        present = frame[name].notna().to_numpy()
        refuse(name, frame[name].to_numpy(), present, "missing values", "give them a level of their own")
        levels = sorted(frame[name].astype(str).unique())
        if len(levels) > _MAX_LEVELS:
            raise ValueError(f"covariate {name!r} has {len(levels)} levels; group them, or give them as embeddings=")
        text = frame[name].astype(str).to_numpy()
        columns += [(text == level).astype(np.float64) for level in levels[1:]]
        names += [f"{name}={level}" for level in levels[1:]]
    return (np.column_stack(columns) if columns else np.empty((len(frame), 0))), tuple(names)


def finite(frame: pd.DataFrame, name: str) -> Floats:
    """(n,) finite numbers.

    Raises
    ------
    ValueError
        If the column holds no numbers, or one of them is missing or infinite.
    """
    values = numbers(frame, name)
    way_out = "impute them with an indicator, or drop the rows, and say so"
    refuse(name, values, np.isfinite(values), "non-finite values", way_out)
    return values


def codes_of(frame: pd.DataFrame, name: str) -> Integers:
    """(n,) integer codes of the values of a column, in order of appearance.

    Raises
    ------
    ValueError
        If a value is missing.
    """
    codes = np.asarray(pd.factorize(frame[name])[0], dtype=np.int64)
    way_out = "every row needs a cluster; give lone rows their own"
    refuse(name, frame[name].to_numpy(), codes >= 0, "missing values", way_out)
    return codes


def numbers(frame: pd.DataFrame, name: str) -> Floats:
    """(n,) numbers, missing ones as nan.

    Raises
    ------
    ValueError
        If the column holds times, or what cannot be read as a number.
    """
    if frame[name].dtype.kind in "mM":
        raise ValueError(f"column {name!r} holds times ({frame[name].dtype}); give a number in a unit of your choice")
    if frame[name].dtype.kind == "c":
        raise ValueError(f"column {name!r} holds complex numbers; give their real part, or two columns")
    try:
        return np.asarray(pd.to_numeric(frame[name]).to_numpy(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError) as error:
        raise ValueError(f"column {name!r} holds {frame[name].dtype} values that are not numbers: {error}") from error


def with_column(frame: pd.DataFrame, name: str, values: Any) -> pd.DataFrame:
    """The table with a column replaced; the one given is left as it is."""
    table = frame.copy(deep=False)
    table[name] = values
    return table


def refuse(name: str, values: npt.NDArray[Any], good: npt.NDArray[np.bool_], what: str, way_out: str) -> None:
    """Refuse a column with bad values: how many, the first of them, and the way out.

    Raises
    ------
    ValueError
        If one value is not good.
    """
    if not good.all():
        row = int(np.argmin(good))
        raise ValueError(
            f"column {name!r} has {int((~good).sum()):,} {what}, first at row {row}: {values[row]}; {way_out}"
        )
