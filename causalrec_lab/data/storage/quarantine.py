"""Rows that break their contract: set apart with the reason, so that kept + quarantined = read."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.data import schema

__all__ = ["LIMIT", "reasons", "set_apart"]

_log = logging.getLogger(__name__)

#: Share of broken rows from which it is no longer the rows that are broken, but how they are read.
LIMIT = 0.5


def reasons(
    frame: pd.DataFrame, table: str, known: Mapping[str, npt.NDArray[np.bool_]] | None = None
) -> pd.Series[Any]:
    """Say of each row which rules it breaks ("propensity is outside (0, 1]; user_id is missing"); "" for a good one.

    A key that stands twice among rows that are good otherwise breaks the contract from its second row on.

    Parameters
    ----------
    frame
        The table, its required columns there.
    table
        "events", "decisions", "items" or "users".
    known
        Reasons found before, with the rows they hold for.
    """
    found = pd.Series("", index=range(len(frame)), dtype=object)
    rows = frame.reset_index(drop=True)
    told = np.zeros(len(rows), dtype=bool)
    for reason, bad in (known or {}).items():
        found, told = _with(found, bad, reason), told | bad
    for column, problem in schema.row_rules(table):
        if column in rows:
            bad = ~schema.keeps(rows[column], problem).to_numpy(dtype=bool)
            if problem == "is missing":
                bad &= ~told  # a time that could not be read is missing now, and was not
            found = _with(found, bad, f"{column} {problem}")
    good = (found == "").to_numpy()
    key = list(schema.KEYS[table])
    twice = np.zeros(len(rows), dtype=bool)
    twice[good] = rows.loc[good, key].duplicated().to_numpy()
    return _with(found, twice, f"{' + '.join(key)} repeats a key")


def set_apart(
    frame: pd.DataFrame,
    why: pd.Series[Any],
    table: str,
    original: pd.DataFrame | None = None,
    lines: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Part a table into the rows to keep and the quarantine: rows as they were, their place, the reason.

    Parameters
    ----------
    frame
        The table.
    why
        What `reasons` gave.
    table
        Its name, for the message.
    original
        The rows as they were read, before names and times were changed; None: `frame`.
    lines
        Lines of files that became no row, with columns line, text and reason: they get the place -1.

    Returns
    -------
    Kept rows with a fresh index; quarantined rows with the columns `row` (from 0, as read) and `reason`.

    Raises
    ------
    SchemaError
        If more than half of the rows break the contract.
    """
    bad = (why != "").to_numpy()
    told = why[bad] if lines is None else pd.concat([why[bad], lines["reason"]])
    total = len(frame) + (0 if lines is None else len(lines))
    if len(told) > LIMIT * total:
        raise schema.SchemaError(
            f"{table}: {len(told):,} of {total:,} rows break the contract, more than half ({_most(told)}); so many are "
            "rather a wrong mapping or a wrong file than broken rows; see them by errors='warn'"
        )
    rows = (frame if original is None else original).reset_index(drop=True)[bad]
    row, reason = (_free(name, rows) for name in ("row", "reason"))
    told_of: dict[str, Any] = {row: np.flatnonzero(bad), reason: why[bad].astype("str")}
    apart = rows.assign(**told_of)
    if lines is not None and len(lines):
        apart = pd.concat([apart, lines.rename(columns={"reason": reason}).assign(**{row: -1})], ignore_index=True)
    if len(told):
        _log.warning("%s: %d of %d rows quarantined (%s)", table, len(told), total, _most(told))
    return frame[~bad].reset_index(drop=True), apart.reset_index(drop=True)


def _with(found: pd.Series[Any], bad: npt.NDArray[np.bool_], reason: str) -> pd.Series[Any]:
    return found.mask(bad, found.where(found == "", found + "; ") + reason)


def _free(name: str, rows: pd.DataFrame) -> str:
    while name in rows.columns:
        name += "_"
    return name


def _most(why: pd.Series[Any]) -> str:
    return ", ".join(f"{reason}: {n:,}" for reason, n in why.value_counts().head(3).items())
