"""What a table lacks and what it has twice: missing values, also by arm, and repeated rows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab.data import schema
from causalrec_lab.data.dataset import Dataset
from causalrec_lab.data.quality.rules import Finding, found

__all__ = ["duplicates", "missing", "of_duplicates", "of_missing"]

_OF_SOME_EVENTS = ("value", "position", "propensity", "treated")  # a view has no price, a purchase no position
_BURST = pd.Timedelta("1s")
_BONFERRONI = 1e-4


def missing(dataset: Dataset) -> pd.DataFrame:
    r"""Missing values by column, and by arm where a table has `treated`.

    The test of equal shares is :math:`z = (\hat p_1 - \hat p_0) / \sqrt{\hat p (1 - \hat p)(1/n_1 + 1/n_0)}`. A column
    that is missing exactly where another one is 0 (an amount of what did not happen, the position of what was not
    shown), or that only some events have (a view has no price), is part of the design: `structural` says where.

    Returns
    -------
    DataFrame with columns table, column, rows, share, shown, unshown (shares), p_value, structural; without arms the
    last ones are nan and "".
    """
    rows = []
    for name, table in dataset.tables.items():
        for column, count in table.isna().sum().items():
            if count:
                row = {"table": name, "column": str(column), "rows": int(count), "share": count / len(table)}
                of_some = {"structural": "event"} if name == "events" and column in _OF_SOME_EVENTS else {}
                rows.append(row | _by_arm(table, str(column)) | of_some)
    columns = ["table", "column", "rows", "share", "shown", "unshown", "p_value", "structural"]
    return pd.DataFrame(rows, columns=columns)


def _by_arm(table: pd.DataFrame, column: str) -> dict[str, Any]:
    gone = table[column].isna().to_numpy()
    design = next((other for other in _flags(table) if (gone == (table[other] == 0).to_numpy()).all()), "")
    blank = {"shown": math.nan, "unshown": math.nan, "p_value": math.nan}
    if "treated" not in table or column == "treated":
        return blank | {"structural": design}
    arm = table["treated"].to_numpy() == 1
    n1, n0 = int(arm.sum()), int((~arm).sum())
    if not n1 or not n0:
        return blank | {"structural": design}
    p1, p0, p = gone[arm].mean(), gone[~arm].mean(), gone.mean()
    spread = math.sqrt(p * (1 - p) * (1 / n1 + 1 / n0))
    p_value = math.erfc(abs(p1 - p0) / spread / math.sqrt(2)) if spread > 0 else 1.0
    return {"shown": p1, "unshown": p0, "p_value": p_value, "structural": design}


def _flags(table: pd.DataFrame) -> Iterator[str]:
    """Names of complete 0/1 columns: what may decide that another column is empty."""
    for name in table.select_dtypes(["number", "bool"]):
        if not table[name].isna().any() and table[name].isin([0, 1]).all():
            yield str(name)


def of_missing(table: pd.DataFrame) -> Iterator[Finding]:
    """Findings about missing values; by arm first, since there the loss is not the same on both sides."""
    for row in table[table["structural"] == ""].itertuples():
        shown, unshown = float(str(row.shown)), float(str(row.unshown))
        if float(str(row.p_value)) < _BONFERRONI:
            sentence = (
                f"{row.table}.{row.column} is missing in {shown:.1%} of the shown and {unshown:.1%} of the unshown"
            )
            yield from found("missing by arm", abs(shown - unshown), sentence)
        share = float(str(row.share))
        yield from found("missing", share, f"{row.table}.{row.column}: {share:.0%} missing")


def duplicates(dataset: Dataset) -> pd.DataFrame:
    """Rows that repeat a key, and rows that repeat user, item and event within a second.

    Returns
    -------
    DataFrame with columns table, key, rows, share, bursts (rows within a second of the same act; nan without a clock).
    """
    rows = []
    for name, table in dataset.tables.items():
        key = [column for column in schema.KEYS.get(name, ()) if column in table]
        if key:
            repeated = int(table.duplicated(key).sum())
            row = {"table": name, "key": " + ".join(key), "rows": repeated, "share": repeated / max(len(table), 1)}
            rows.append(row | {"bursts": _bursts(table, key) if name == "events" else math.nan})
    return pd.DataFrame(rows, columns=["table", "key", "rows", "share", "bursts"])


def _bursts(events: pd.DataFrame, key: list[str]) -> float:
    if "timestamp" not in key or not pd.api.types.is_datetime64_any_dtype(events["timestamp"]):
        return math.nan
    ordered = events[key].drop_duplicates().sort_values("timestamp", kind="stable")
    same = [name for name in key if name != "timestamp"]
    return float((ordered.groupby(same, sort=False, observed=True)["timestamp"].diff() < _BURST).sum())


def of_duplicates(table: pd.DataFrame, sizes: dict[str, int]) -> Iterator[Finding]:
    """Findings about repeated rows; `sizes` are the rows of each table."""
    for name, key, rows, share, bursts in table.itertuples(index=False):
        clock = "" if "timestamp" in key or name in ("items", "users") else ", and no clock tells them apart"
        yield from found("repeated key", share, f"{name}: {rows:,} rows repeat a key ({key}){clock}")
        if not np.isnan(bursts):
            sentence = f"{name}: {bursts:,.0f} rows follow the same user, item and event within a second"
            yield from found("double fire", bursts / max(sizes[name], 1), sentence)
