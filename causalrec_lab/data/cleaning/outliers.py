"""How heavy a column's tail is, and what a cap would take: shares of rows and of mass beyond each quantile."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from causalrec_lab.data.cleaning.quantiles import present, quantiles_of, row_of
from causalrec_lab.data.frames_and_tables import in_database, lazily, need_columns

if TYPE_CHECKING:
    from ibis.expr.types.relations import Table  # type: ignore[attr-defined]

__all__ = ["tails"]

_COLUMNS = ["column", "quantile", "value", "rows", "share_of_rows", "share_of_mass", "taken", "index"]


def tails(
    frame: pd.DataFrame | Table, columns: str | Sequence[str], quantiles: Sequence[float] = (0.9, 0.99, 0.999)
) -> pd.DataFrame:
    r"""Say how much lies beyond each quantile, and how heavy the tail is there.

    With threshold :math:`q` and the k values above it, the tail index is Hill's (1975, "A Simple General Approach to
    Inference About the Tail of a Distribution", The Annals of Statistics 3(5)), :math:`\hat\alpha = k / \sum \log(x_i /
    q)`: values fall off like :math:`x^{-\alpha}`. At or below 2 the variance of such a tail is infinite and a mean's
    standard error means little; at or below 1 so is the mean. An index that grows with the quantile is no power law.

    Parameters
    ----------
    frame
        A pandas frame, or an Ibis table, which is asked where it lives.
    columns
        Columns of numbers.
    quantiles
        Shares in (0, 1), as in `data.clean(cap=…)`.

    Returns
    -------
    DataFrame, one row a column and quantile: column, quantile, value (the quantile), rows (above it), share_of_rows,
    share_of_mass (their share of the sum of all values), taken (share of the sum that capping there takes away), index
    (Hill's; NaN where the quantile is not positive or nothing lies above it). Shares of mass are NaN where a value is
    negative, as then the sum is no mass.

    Raises
    ------
    ValueError
        If a column is missing or no number, holds infinite values, or a quantile lies outside (0, 1).
    """
    names = [columns] if isinstance(columns, str) else list(columns)
    in_database(frame, "tails")
    need_columns(frame, names, "tails")
    for share in quantiles:
        if not 0 < share < 1:
            raise ValueError(f"tails(quantiles=({share}, …)): a quantile lies in (0, 1), such as 0.999")
    table = lazily(frame, names)
    return pd.DataFrame([row for name in names for row in _of_column(table, name, quantiles)], columns=_COLUMNS)


def _of_column(table: Table, name: str, shares: Sequence[float]) -> list[dict[str, Any]]:
    kind = table.schema()[name]
    if not kind.is_numeric() or kind.is_boolean():
        raise ValueError(f"tails: column {name!r} is {kind}, and only numbers have a tail")
    values = table.filter(present(table[name])).select(value=table[name].cast("float64"))
    value = values["value"]
    whole = row_of(values.agg(n=values.count(), total=value.sum(), low=value.min(), high=value.max()), "tails")
    if not whole["n"]:
        return []
    if not (math.isfinite(whole["low"]) and math.isfinite(whole["high"])):
        raise ValueError(f"tails: column {name!r} holds infinite values; drop those rows first")
    limits = quantiles_of(values, "value", shares)
    sums = row_of(values.agg(**_sums(values, limits)), "tails")
    total = whole["total"] if whole["low"] >= 0 and whole["total"] > 0 else math.nan
    ends = enumerate(zip(shares, limits, strict=True))
    return [_line(name, share, limit, whole["n"], total, sums, place) for place, (share, limit) in ends]


def _sums(values: Table, limits: Sequence[float]) -> dict[str, Any]:
    """Rows, mass and logs beyond every quantile; a value below it counts as log 1 = 0."""
    value: Any = values["value"]
    sums: dict[str, Any] = {}
    for place, limit in enumerate(limits):
        far = value > limit
        sums[f"rows_{place}"] = values.count(where=far)
        sums[f"mass_{place}"] = far.ifelse(value, 0.0).sum()
        if limit > 0:
            sums[f"logs_{place}"] = far.ifelse(value / limit, 1.0).ln().sum()
    return sums


def _line(
    name: str, share: float, limit: float, n: int, total: float, sums: dict[str, Any], place: int
) -> dict[str, Any]:
    rows, mass, logs = sums[f"rows_{place}"], sums[f"mass_{place}"], sums.get(f"logs_{place}", 0.0)
    taken = (mass - rows * limit) / total
    index = rows / logs if logs > 0 else math.nan
    return dict(zip(_COLUMNS, (name, share, limit, rows, rows / n, mass / total, taken, index), strict=True))
