# ruff: noqa: PD004  (isnull and notnull are Ibis' own)
r"""One definition of a quantile for arrays and for databases, so that a cap is the same number wherever it is found.

The quantile of share p of n values is the :math:`\lceil p n \rceil`-th smallest: the inverse of the empirical
distribution function, definition 1 of Hyndman and Fan (1996), "Sample Quantiles in Statistical Packages", The American
Statistician 50(4). It is one of the values, so it is exact, keeps whole numbers whole, and no engine rounds it its own
way. Missing values (and NaN) do not count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.data.storage.connections import asked

if TYPE_CHECKING:
    from ibis.expr.types.relations import Table  # type: ignore[attr-defined]

__all__ = ["beyond", "place_of", "present", "quantile_of", "quantiles_of", "row_of"]


def place_of(share: float, n: int) -> int:
    """Which of n sorted values is the quantile: 1 is the smallest; shares are read as written (0.07 is 7/100)."""
    return min(max(math.ceil(Fraction(str(float(share))) * n), 1), n)


def quantile_of(values: pd.Series[Any] | npt.NDArray[Any], share: float) -> Any:
    """Give the quantile of an array or a Series, None where it holds no value."""
    array = pd.Series(values).dropna().to_numpy()
    if not len(array):
        return None
    place = place_of(share, len(array)) - 1
    return np.partition(array, place)[place]


def quantiles_of(table: Table, name: str, shares: Sequence[float]) -> list[Any]:
    """Find quantiles of one column in the database; None for each where it holds no value."""
    n = _count(table, name)
    found = (beyond(table, name, share, upper=share > 0.5, n=n) for share in shares)
    return [None if one is None else one["limit"] for one in found]


def beyond(table: Table, name: str, share: float, *, upper: bool, n: int | None = None) -> dict[str, Any] | None:
    """Find a quantile of one column in the database, and what lies beyond it, in one sorted pass.

    The rows up to the quantile are taken from the end that is asked about, so that the database keeps only those.

    Parameters
    ----------
    table, name
        The column.
    share
        Of the quantile.
    upper
        Whether "beyond" is above (else below).
    n
        How many values the column has, if that is known; None: it is asked.

    Returns
    -------
    "limit", the quantile; "rows" beyond it; "value", the smallest of those; None where the column holds no value.
    """
    n = _count(table, name) if n is None else n
    if not n:
        return None
    place = place_of(share, n)
    values = table.filter(present(table[name])).select(value=table[name])
    order = values["value"].desc() if upper else values["value"].asc()
    end = values.order_by(order).limit(n - place + 1 if upper else place)
    edged = end.mutate(edge=end["value"].min().over() if upper else end["value"].max().over())
    far = edged["value"] != edged["edge"]
    sums = {"limit": edged["edge"].max(), "rows": edged.count(where=far), "value": edged["value"].min(where=far)}
    return row_of(edged.agg(**sums), "quantiles")


def _count(table: Table, name: str) -> int:
    values = table.filter(present(table[name]))
    return int(row_of(values.agg(n=values.count()), "quantiles")["n"])


def present(column: Any) -> Any:
    """Rows with a value: neither NULL nor NaN (which a database tells apart, and sorts above every number)."""
    if column.type().is_floating() and knows_nan(column):
        return column.notnull() & ~column.isnan()
    return column.notnull()


def knows_nan(expression: Any) -> bool:
    """Whether the database has NaN at all; MySQL has not, and has no function that asks for it."""
    return str(expression.get_backend().name) != "mysql"


def row_of(question: Table, who: str) -> dict[str, Any]:
    """Fetch the only row of a query, such as an aggregate.

    Raises
    ------
    DatabaseLost
        If the database goes away meanwhile.
    """
    row: dict[str, Any] = asked(who, question.to_pyarrow).to_pylist()[0]
    return row
