"""Columns as they come in files: words for 0 and 1, gaps, and which columns could be covariates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.columns import check_columns

__all__ = ["as_numbers", "check_copies", "filled", "guessed", "is_identifier"]

#: Columns of the tables' contracts that tell who, what, when and how a row came about: never guessed as covariates.
KEYS = ("user_id", "item_id", "timestamp", "propensity", "position", "event", "randomised", "z", "arm")
MOST_LEVELS = 50
_PAIRS = (
    ("no", "yes"), ("n", "y"), ("false", "true"), ("f", "t"), ("off", "on"), ("control", "treated"),
    ("control", "treatment"), ("untreated", "treated"), ("否", "是"),
)  # fmt: skip
_SAME = 0.999_999
_FEW = 50  # rows below which distinct whole numbers are no sign of an identifier


def as_numbers(frame: pd.DataFrame, name: str, role: str) -> tuple[pd.Series, str]:
    """A column as numbers, words such as yes and no as 1 and 0, and a note where words were read.

    Raises
    ------
    ValueError
        If it holds words that are no such pair.
    """
    column = frame[name]
    if column.dtype.kind in "mM":
        return column, ""  # refused, by name, where samples are read
    as_read = pd.to_numeric(column, errors="coerce")
    odd = as_read.isna() & column.notna()
    if not odd.any():
        return as_read, ""
    words = column.astype("string").str.strip().str.lower()
    levels = set(words.dropna().unique())
    pair = next((pair for pair in _PAIRS if levels <= set(pair)), None)
    if pair is None:
        row = int(np.argmax(odd.to_numpy()))
        raise ValueError(
            f"{role} {name!r} holds words, first at row {row}: {str(column.iloc[row])!r}; give numbers, 0 and 1 for no "
            "and yes"
        )
    note = f"{role} {name!r}: {pair[1]!r} is read as 1, {pair[0]!r} as 0"
    return words.map({pair[0]: 0.0, pair[1]: 1.0}).astype("float64"), note


def filled(frame: pd.DataFrame, covariates: Sequence[str]) -> tuple[pd.DataFrame, list[str], list[str]]:
    """Fill gaps: numbers by the median, with a column that says where; words by a level of their own.

    Returns
    -------
    The table, the covariates with the added columns, and a note a filled column.

    Raises
    ------
    ValueError
        If a covariate is empty.
    """
    kept, names, notes = frame.copy(deep=False), list(covariates), []
    for name in covariates:
        gap = frame[name].isna()
        if not gap.any():
            continue
        if gap.all():
            raise ValueError(f"covariate {name!r} is empty; leave it out")
        share = f"{int(gap.sum()):,} of {len(frame):,} values of {name!r} are missing"
        if not _is_number(frame[name]):
            kept[name] = frame[name].astype("string").fillna("missing").astype(object)
            notes.append(f"{share}: they are a level of their own")
            continue
        numbers = frame[name].astype("float64")
        kept[name] = numbers.fillna(numbers.median())
        notes.append(f"{share}: they take the median, and a column that says where stands among the covariates")
        there = [one for one in names if one.endswith(" is missing")]
        if not any(np.array_equal(kept[one].to_numpy() == 1, gap.to_numpy()) for one in there):
            kept[f"{name} is missing"] = gap.astype("float64")
            names.append(f"{name} is missing")
    return kept, names, notes


def guessed(frame: pd.DataFrame, treatment: str, outcome: str, text: str | None) -> tuple[list[str], dict[str, str]]:
    """Columns that could be covariates, and why the others are left out."""
    check_columns(frame, list(frame.columns))
    names = [c for c in frame.columns if c not in {treatment, outcome, text}]
    left = {str(c): why for c in names if (why := _why_not(frame, str(c), treatment, outcome))}
    return [str(c) for c in names if str(c) not in left], left


def _why_not(frame: pd.DataFrame, name: str, treatment: str, outcome: str) -> str:
    from causalrec_lab.world.scenarios.presets import scenario

    column = frame[name]
    if name in KEYS or name.startswith("Unnamed: ") or is_identifier(name):
        return "it tells which row, not what was known"
    if name in scenario("ecommerce").outcomes:
        return "by its name it is an outcome too"
    if column.dtype.kind in "mM":
        return "it is a time"
    if column.nunique() < 2:
        return "it does not vary"
    if not _is_number(column) and column.nunique() > MOST_LEVELS:
        return f"it holds {column.nunique():,} different words"
    if pd.api.types.is_integer_dtype(column) and len(column) >= _FEW and column.is_unique:
        return "it is another whole number in every row, as identifiers are"
    return next((f"it tells {one!r} exactly" for one in (treatment, outcome) if _tells(frame, name, one)), "")


def check_copies(frame: pd.DataFrame, covariates: Iterable[str], treatment: str, outcome: str) -> None:
    """Refuse covariates that are the treatment or the outcome over again.

    Raises
    ------
    ValueError
        If one is; both columns are named.
    """
    for name in covariates:
        if _tells(frame, name, treatment):
            raise ValueError(
                f"covariate {name!r} tells the treatment {treatment!r} exactly: no row of one kind is like a row of "
                "the other; leave it out"
            )
        if _tells(frame, name, outcome):
            raise ValueError(
                f"covariate {name!r} tells the outcome {outcome!r} exactly, so it was not known before it; leave it out"
            )


def is_identifier(name: str) -> bool:
    """Whether a column is called an identifier."""
    return name.lower() in ("id", "index") or name.lower().endswith(("_id", " id"))


def _tells(frame: pd.DataFrame, name: str, target: str) -> bool:
    """Whether a column is another one up to scale, or each of its few levels has one value of it."""
    column, wanted = frame[name], frame[target].astype("float64")
    if wanted.nunique() < 2 or column.nunique() < 2:
        return False
    if _is_number(column):
        numbers = column.astype("float64")
        with np.errstate(invalid="ignore"):  # infinite values are refused, by name, where samples are read
            return bool(abs(numbers.corr(wanted)) > _SAME)
    few = column.nunique() <= min(MOST_LEVELS, len(frame) // 5)
    return few and bool(wanted.groupby(column.astype("string"), dropna=False).nunique().max() == 1)


def _is_number(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column))
