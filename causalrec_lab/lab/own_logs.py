"""A log of one's own, with what its columns are to be in a study: treatment, outcome, covariates, text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from causalrec_lab.lab.project import home, nearest
from causalrec_lab.world.arguments import real

if TYPE_CHECKING:
    from causalrec_lab.data.dataset import Dataset

__all__ = ["OwnLog", "own_log"]

FEWEST = 5  # rows of an arm: estimators are cross-fitted, one fold a row


@dataclass(frozen=True)
class OwnLog:
    """A log that was read, under the lab's names.

    Parameters
    ----------
    dataset
        Its decisions, columns renamed to those of the contract.
    treatment, outcome, covariates, text
        Columns of `decisions`.
    """

    dataset: Dataset
    treatment: str
    outcome: str
    covariates: tuple[str, ...]
    text: str | None

    @property
    def decisions(self) -> pd.DataFrame:
        """One row a decision."""
        table = self.dataset.decisions
        assert isinstance(table, pd.DataFrame)
        return table

    @property
    def cluster(self) -> list[str] | None:
        """Of user_id and item_id those with several rows: rows of one user or item err together."""
        table = self.decisions
        return [name for name in ("user_id", "item_id") if table[name].duplicated().any()] or None


def own_log(
    path: str,
    mapping: Mapping[str, str],
    treatment: str,
    outcome: str,
    covariates: Sequence[str],
    text: str | None = None,
    *,
    worth: float = 1.0,
    cost: float = 0.0,
    base: str = "ecommerce",
) -> OwnLog:
    """Read a log of decisions and check what its columns are to be, before anything is estimated.

    Parameters
    ----------
    path
        CSV or Parquet file, from the project's folder or absolute; or an address, as `data.read` takes it.
    mapping
        The lab's name -> your column: {"user_id": "customer"}.
    treatment
        Column of 0 and 1, under your name or the lab's.
    outcome
        Column of finite numbers that vary.
    covariates
        Columns of finite numbers that were known before the decision, one at least; ids and times are none.
    text
        Column of texts without gaps, if there is one.
    worth, cost
        Of one unit of the outcome more, positive; and of showing once, at least 0: what the decision will weigh.
    base
        Scenario that twins of the log are made from.

    Raises
    ------
    ValueError
        If a column is not there (the nearest are offered) or is not what it is to be, a price is none, or the scenario
        is unknown; the parameter is named.
    FileNotFoundError
        If there is no such file.
    """
    from causalrec_lab import data
    from causalrec_lab.world.scenarios.presets import scenario

    _check_prices(worth, cost)
    scenario(base)
    dataset = data.read(_place(path), mapping=mapping, table="decisions")
    table = dataset.decisions
    assert isinstance(table, pd.DataFrame)
    lab_name = {yours: ours for ours, yours in mapping.items()}
    roles = {"treatment": treatment, "outcome": outcome, **({} if text is None else {"text": text})}
    named = {role: _column(table, lab_name.get(column, column), role) for role, column in roles.items()}
    if isinstance(covariates, str):
        raise ValueError(f"covariates={covariates!r} is one word; give a list of columns: [{covariates!r}]")
    known = tuple(_column(table, lab_name.get(column, column), "covariates") for column in covariates)
    _check_arms(table, named["treatment"])
    _check_outcome(table, named["outcome"], named["treatment"])
    _check_covariates(table, known, (named["treatment"], named["outcome"]))
    if text is not None:
        _check_text(table, named["text"])
    return OwnLog(dataset, named["treatment"], named["outcome"], known, named.get("text"))


def _place(path: Any) -> str:
    """Where to read: a relative path is one from the project's folder."""
    if not isinstance(path, str) or not path:
        raise ValueError(f"path={path!r}: give a file's path as text, or an address such as postgres://me@host/shop")
    if "://" in path or Path(path).is_absolute():
        return path
    if not (home() / path).exists() and not list(home().glob(path)):
        raise FileNotFoundError(
            f"path={path!r}: the project's folder holds no such file; give a path from there, an absolute one, or an "
            "address such as postgres://me@host/shop"
        )
    return str(home() / path)


def _check_prices(worth: Any, cost: Any) -> None:
    if not real("worth", worth) > 0:
        raise ValueError(
            f"worth={worth!r}: give what one unit more of the outcome is worth, a positive number of money"
        )
    real("cost", cost, 0)


def _column(table: pd.DataFrame, column: str, role: str) -> str:
    if column not in table:
        raise ValueError(
            f"{nearest('column', column, table.columns)}; the parameter {role!r} names it: change it there, or name "
            "your column in `mapping`"
        )
    return column


def _check_arms(table: pd.DataFrame, treatment: str) -> None:
    found = set(pd.unique(table[treatment].dropna()))
    if table[treatment].isna().any() or found != {0, 1}:
        shown = sorted(map(str, found))[:5]
        raise ValueError(
            f"treatment {treatment!r} holds {shown}{' and gaps' * bool(table[treatment].isna().any())}; it must be 0 "
            "and 1 with rows of both: an ordinary log of what was shown has no 0, data.decisions makes them from logs"
        )
    few = table[treatment].value_counts().sort_values()
    if few.iloc[0] < FEWEST:
        raise ValueError(
            f"treatment {treatment!r} is {int(few.index[0])} in {few.iloc[0]:,} of {len(table):,} rows; nothing is "
            f"learnt from so few: bring {FEWEST} at least, and hundreds to see anything"
        )


def _check_outcome(table: pd.DataFrame, column: str, treatment: str) -> None:
    if column == treatment:
        raise ValueError(f"outcome {column!r} is the treatment; name what came of showing")
    _check_numbers(table, column, "outcome")
    if table[column].nunique() < 2:
        raise ValueError(f"outcome {column!r} is {table[column].iloc[0]} in every row; there is nothing to explain")


def _check_numbers(table: pd.DataFrame, column: str, role: str) -> None:
    values = table[column]
    if values.isna().any():
        raise ValueError(
            f"{role} {column!r} has {_count(values.isna(), 'gap')} in {len(table):,} rows; fill each, or leave such "
            "rows out and say so"
        )
    if not pd.api.types.is_numeric_dtype(values):
        raise ValueError(f"{role} {column!r} holds {_first(values)!r}, no numbers; make numbers of it, or name another")
    endless = ~np.isfinite(values.to_numpy(dtype=np.float64))
    if endless.any():
        row = int(np.argmax(endless))
        raise ValueError(
            f"{role} {column!r} has {_count(endless, 'value')} beyond all finite numbers, first at row {row}: "
            f"{values.iloc[row]}; cap it, or leave such rows out and say so"
        )


def _check_covariates(table: pd.DataFrame, known: Sequence[str], taken: Sequence[str]) -> None:
    if not known:
        raise ValueError(
            "covariates=[]: name the columns that decided what was shown, as they were before the decision"
        )
    for column in known:
        if column in taken:
            raise ValueError(
                f"covariates: {column!r} is the treatment or the outcome; a covariate is known before both"
            )
        if column in ("user_id", "item_id", "timestamp"):
            raise ValueError(
                f"covariates: {column!r} is a name or a time, no quantity; name what is known of it: counts, ages"
            )
        if known.count(column) > 1:
            raise ValueError(f"covariates: {column!r} stands twice, perhaps under two names; name it once")
        _check_numbers(table, column, "covariate")


def _count(flags: Any, noun: str) -> str:
    """How many flags are set, of a thing: "1 gap", "20 gaps"."""
    return f"{int(flags.sum()):,} {noun}{'s' * (int(flags.sum()) != 1)}"


def _first(values: pd.Series) -> Any:
    """First value, as Python's own."""
    return values.tolist()[0]


def _check_text(table: pd.DataFrame, column: str) -> None:
    values = table[column]
    if values.isna().any():
        gaps = _count(values.isna(), "gap")
        raise ValueError(f"text {column!r} has {gaps} in {len(table):,} rows; write '' where nothing was said")
    if not values.map(lambda value: isinstance(value, str)).all():
        raise ValueError(f"text {column!r} holds {_first(values)!r}, no text; name another column, or text=None")
