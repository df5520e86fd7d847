"""What is asked of cleaning, checked before a row is read; the same plan is followed in memory and in a database."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from causalrec_lab.data import schema
from causalrec_lab.data.registry import nearest

__all__ = [
    "IMPOSSIBLE",
    "MISSING",
    "RANGES",
    "REPEATED",
    "ROBOT",
    "Epoch",
    "Plan",
    "Step",
    "line",
    "make_plan",
    "report_of",
]

Epoch = Literal["s", "ms", "us", "ns"]

RANGES: dict[str, tuple[float, float, bool]] = {  # column: low, high, low itself allowed
    "propensity": (0, 1, False),
    "treated": (0, 1, True),
    "position": (0, np.inf, True),
    "price": (0, np.inf, True),
    "dwell": (0, np.inf, True),
    "age": (0, 120, True),
}
MISSING, IMPOSSIBLE, REPEATED, ROBOT = "missing or unreadable", "impossible value", "repeated key", "bot"
_REPORT = ["step", "column", "rows", "first_row", "value"]


@dataclass(frozen=True)
class Step:
    """One reason to drop rows: what is wrong, and in which column (the columns of a key are joined by " + ")."""

    step: str
    column: str

    @property
    def reason(self) -> str:
        """What the quarantined row is told."""
        return f"{self.step}: {self.column}"


@dataclass(frozen=True)
class Plan:
    """The steps of one cleaning, in their order.

    Parameters
    ----------
    key
        Columns of the contract's key that the table has.
    drops
        Reasons to drop a row, in order; a row is dropped for the first that holds.
    caps
        Column -> (low, high): quantiles, None for an end that is left alone.
    order_by
        Of rows with the same key, the first in this order stays; empty: as they stand, or by all other columns.
    epoch, time_format, time_zone
        How timestamps are given.
    """

    key: tuple[str, ...]
    drops: tuple[Step, ...]
    caps: Mapping[str, tuple[float | None, float | None]]
    order_by: tuple[str, ...]
    epoch: Epoch | None
    time_format: str | None
    time_zone: str | None


def make_plan(
    columns: Collection[str],
    table: str,
    *,
    epoch: Epoch | None = None,
    cap: Mapping[str, float | tuple[float | None, float | None]] | None = None,
    time_format: str | None = None,
    time_zone: str | None = None,
    order_by: str | Sequence[str] | None = None,
    bots: bool = False,
) -> Plan:
    """Check what was asked for against the table's columns, and set the steps in order.

    Raises
    ------
    ValueError
        As `data.clean` says.
    """
    if table not in schema.KEYS:
        raise ValueError(f"clean(table={table!r}): {nearest(table, schema.KEYS)}")
    if epoch is not None and epoch not in ("s", "ms", "us", "ns"):
        raise ValueError(f"clean(epoch={epoch!r}): {nearest(epoch, ('s', 'ms', 'us', 'ns'))}")
    if twice := [name for name in columns if list(columns).count(name) > 1]:
        raise ValueError(f"clean: column {twice[0]!r} stands more than once; drop or rename the others")
    order = (order_by,) if isinstance(order_by, str) else tuple(order_by or ())
    for name in order:
        if name not in columns:
            raise ValueError(f"clean(order_by={name!r}): {nearest(name, columns)}")
    if bots and "user_id" not in columns:
        raise ValueError(f"clean(bots=…): {table} have no column 'user_id', so no row belongs to a bot")
    key = tuple(name for name in schema.KEYS[table] if name in columns)
    drops = [Step(MISSING, name) for name in key]
    drops += [Step(ROBOT, "user_id")] if bots else []
    drops += [Step(IMPOSSIBLE, name) for name in RANGES if name in columns]
    drops += [Step(REPEATED, " + ".join(key))] if key else []
    caps = {name: _cap(name, given, columns) for name, given in (cap or {}).items()}
    return Plan(key, tuple(drops), caps, order, epoch, time_format, time_zone)


def _cap(name: str, given: Any, columns: Collection[str]) -> tuple[float | None, float | None]:
    if name not in columns:
        raise ValueError(f"clean(cap={{{name!r}: …}}): {nearest(name, columns)}")
    low, high = given if isinstance(given, tuple | list) else (None, given)
    for quantile in (low, high):
        if quantile is not None and not 0 < quantile < 1:
            raise ValueError(f"clean(cap={{{name!r}: {quantile}}}): a quantile lies in (0, 1), such as 0.999")
    if low is not None and high is not None and not low < high:
        raise ValueError(f"clean(cap={{{name!r}: ({low}, {high})}}): the lower quantile must lie below the upper")
    return low, high


def line(step: str, column: str, rows: int, value: Any, first_row: int = -1) -> dict[str, Any]:
    """One line of the report; rows of a database have no place, which is -1."""
    return {"step": step, "column": column, "rows": rows, "first_row": first_row, "value": str(value)}


def report_of(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Lay the steps that touched a row out as a table."""
    return pd.DataFrame(list(rows), columns=_REPORT).astype({"rows": "int64", "first_row": "int64"})
