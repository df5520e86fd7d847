# ruff: noqa: PD004  (isnull and notnull are Ibis' own)
"""Columns on one scale, by figures taken from the training part alone, so that nothing of the test leaks into them."""

from __future__ import annotations

import itertools
import logging
import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import pandas as pd

from causalrec_lab.data.cleaning.quantiles import present, quantiles_of, row_of
from causalrec_lab.data.frames_and_tables import in_database, lazily, need_columns
from causalrec_lab.data.registry import nearest
from causalrec_lab.data.storage.connections import asked

if TYPE_CHECKING:
    from ibis.expr.types.relations import Table  # type: ignore[attr-defined]

__all__ = ["Normalisation", "normalise"]

_log = logging.getLogger(__name__)
Method = Literal["standard", "robust", "minmax", "log1p", "rank"]
METHODS = ("standard", "robust", "minmax", "log1p", "rank")
_KNOTS = 100


@dataclass(frozen=True, eq=False)
class Normalisation:
    """What was fitted on one table, to be applied to others.

    Parameters
    ----------
    method
        "standard", "robust", "minmax", "log1p" or "rank".
    parameters
        Column -> its figures: (centre, scale); for "rank" the pairs (value, rank) between which ranks are interpolated;
        for "log1p" none.
    rows
        How many rows they were fitted on.
    """

    method: str
    parameters: Mapping[str, tuple[Any, ...]]
    rows: int

    def __post_init__(self) -> None:
        """Keep the figures from being changed."""
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that are transformed."""
        return tuple(self.parameters)

    @property
    def constant(self) -> tuple[str, ...]:
        """Columns that had a single value where this was fitted; they become 0 and say nothing."""
        return tuple(name for name, figures in self.parameters.items() if _is_constant(self.method, figures))

    @overload
    def apply(self, frame: pd.DataFrame) -> pd.DataFrame: ...
    @overload
    def apply(self, frame: Table) -> Table: ...
    def apply(self, frame: Any) -> Any:
        """Transform the same columns of another table, a frame or an Ibis table, by the fitted figures.

        Raises
        ------
        ValueError
            If a column is missing or no number.
        """
        stored = in_database(frame, "Normalisation.apply")
        _need_numbers(frame, self.columns)
        scaled = _scaled_in_place if stored else _scaled_in_memory
        new = {name: scaled(frame[name], self.method, self.parameters[name]) for name in self.columns}
        return frame.mutate(**new) if stored else frame.assign(**new)

    def to_frame(self) -> pd.DataFrame:
        """Give the figures as a table: column, figure, value."""
        names = {"rank": ("at", "rank")}.get(self.method, ("centre", "scale"))
        rows = []
        for column, figures in self.parameters.items():
            pairs = figures if self.method == "rank" else (figures,) if figures else ()
            rows += [(column, name, value) for pair in pairs for name, value in zip(names, pair, strict=True)]
        return pd.DataFrame(rows, columns=["column", "figure", "value"])

    def __repr__(self) -> str:
        noted = f"; constant: {', '.join(self.constant)}" if self.constant else ""
        return f"Normalisation({self.method} of {', '.join(self.columns)}; fitted on {self.rows:,} rows{noted})"


@overload
def normalise(
    frame: pd.DataFrame, columns: str | Sequence[str], method: Method = "standard", *, fit_on: Any = None
) -> tuple[pd.DataFrame, Normalisation]: ...
@overload
def normalise(
    frame: Table, columns: str | Sequence[str], method: Method = "standard", *, fit_on: Any = None
) -> tuple[Table, Normalisation]: ...
def normalise(
    frame: Any, columns: str | Sequence[str], method: Method = "standard", *, fit_on: Any = None
) -> tuple[Any, Normalisation]:
    r"""Bring columns to one scale: the transformed table, and what was fitted, to apply to validation and test.

    - "standard": :math:`(x - \bar x) / s`, with s the standard deviation over n (not n - 1);
    - "robust": :math:`(x - q_{1/2}) / (q_{3/4} - q_{1/4})`, which a few outliers do not move;
    - "minmax": :math:`(x - \min) / (\max - \min)`; later values may fall outside [0, 1];
    - "log1p": :math:`\log(1 + x)` for values >= 0 with a heavy tail; nothing is fitted;
    - "rank": the share of the fitted values below x, ties counted half, interpolated between 101 quantiles; in [0, 1].

    Parameters
    ----------
    frame
        A pandas frame, or an Ibis table, which is transformed where it lives and stays lazy; only the figures are
        fetched. Columns keep their names and become floating point; missing values stay missing.
    columns
        Columns of numbers.
    method
        One of the five.
    fit_on
        Table from which the figures are taken: the training part. None: `frame` itself, right only before any split is
        evaluated, or if `frame` is the training part.

    Returns
    -------
    The transformed table, and the `Normalisation`; a column constant in `fit_on` becomes 0, and a warning says so.

    Raises
    ------
    ValueError
        If a column is missing, no number, empty or infinite where it is fitted, or negative under "log1p", or the
        method is unknown.

    Examples
    --------
    ``train, scale = normalise(split.train, ["price"])``, then ``test = scale.apply(split.test)``
    """
    if method not in METHODS:
        raise ValueError(f"normalise(method={method!r}): {nearest(method, METHODS)}")
    names = [columns] if isinstance(columns, str) else list(dict.fromkeys(columns))
    training = frame if fit_on is None else fit_on
    for table in (frame, training):
        in_database(table, "normalise")
        _need_numbers(table, names)
    fitted = _fit(lazily(training, names), names, method)
    if fitted.constant:
        _log.warning("normalise: constant where fitted, so 0 everywhere else too: %s", ", ".join(fitted.constant))
    return fitted.apply(frame), fitted


def _need_numbers(frame: Any, names: Sequence[str]) -> None:
    need_columns(frame, names, "normalise")
    for name in names:
        if isinstance(frame, pd.DataFrame):
            kind: Any = frame[name].dtype
            number = pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind)
        else:
            kind = frame.schema()[name]
            number = kind.is_numeric() and not kind.is_boolean()
        if not number:
            raise ValueError(f"normalise: column {name!r} is {kind}, and only numbers have a scale")


def _fit(training: Table, names: Sequence[str], method: str) -> Normalisation:
    tables = {name: training.filter(present(training[name])).select(x=training[name].cast("float64")) for name in names}
    parameters = {name: _figures(table, name, method) for name, table in tables.items()}
    return Normalisation(method, parameters, row_of(training.agg(n=training.count()), "normalise")["n"])


def _figures(table: Table, name: str, method: str) -> tuple[Any, ...]:
    x = table["x"]
    asked_for = {"n": table.count(), "low": x.min(), "high": x.max()}
    found = row_of(table.agg(**asked_for), "normalise")
    n, low, high = found["n"], found["low"], found["high"]
    if not n:
        raise ValueError(f"normalise: column {name!r} holds no value where it is fitted")
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"normalise: column {name!r} holds infinite values; drop those rows, or cap them (data.clean)")
    if method == "log1p":
        _need_positive(name, low)
        return ()
    if method == "minmax":
        return low, high - low
    if method == "standard":
        moments = row_of(table.agg(mean=x.mean(), sd=x.std(how="pop")), "normalise")
        return (moments["mean"], moments["sd"]) if low < high else (low, 0.0)
    if method == "robust":
        lower, middle, upper = quantiles_of(table, "x", (0.25, 0.5, 0.75))
        if lower == upper and low < high:
            raise ValueError(
                f"normalise(method='robust'): both quartiles of column {name!r} are {lower:g}, though its values "
                f"differ ({low:g} to {high:g}); take 'standard', 'rank' or 'log1p'"
            )
        return middle, upper - lower
    return _knots(table, n)


def _knots(table: Table, n: int) -> tuple[tuple[float, float], ...]:
    """Values at 101 places of the sorted column, each with the share below it, its ties counted half.

    A value with `before` others below it and `upto` at or below it is the quantile of some j / 100 where the whole
    parts of 100 before / n and 100 upto / n differ.
    """
    counted = table.group_by("x").agg(ties=table.count())
    running = counted["ties"].sum().over(order_by="x", rows=(None, 0))
    ranked = counted.mutate(upto=running.cast("int64"))
    ranked = ranked.mutate(before=ranked["upto"] - ranked["ties"])
    steps = ((ranked[end].cast("float64") * _KNOTS / n).floor() for end in ("before", "upto"))
    hit = ranked.filter((ranked["before"] == 0) | operator.ne(*steps)).order_by("x")
    rows = asked("normalise", hit.to_pyarrow).to_pylist()
    return tuple((row["x"], (row["upto"] + row["before"]) / (2 * n)) for row in rows)


def _is_constant(method: str, figures: tuple[Any, ...]) -> bool:
    return len(figures) == 1 if method == "rank" else bool(figures) and figures[1] == 0


def _scaled_in_memory(column: pd.Series[Any], method: str, figures: tuple[Any, ...]) -> pd.Series[Any]:
    x: pd.Series[Any] = column.astype("float64")
    if method == "log1p":
        _need_positive(column.name, x.min())
        return pd.Series(np.log1p(x), index=x.index)
    if _is_constant(method, figures):
        return x.where(x.isna(), 0.0)
    if method == "rank":
        at, rank = np.array(figures).T
        return pd.Series(np.interp(x, at, rank, left=0.0, right=1.0), index=x.index).where(x.notna())
    centre, scale = figures
    scaled: pd.Series[Any] = (x - centre) / scale
    return scaled


def _scaled_in_place(column: Any, method: str, figures: tuple[Any, ...]) -> Any:
    import ibis

    x = present(column).ifelse(column.cast("float64"), None)
    if method == "log1p":
        _need_positive(column.get_name(), row_of(x.min().name("low").as_table(), "normalise")["low"])
        return (x + 1.0).ln()
    if _is_constant(method, figures):
        return x.notnull().ifelse(0.0, None)
    if method != "rank":
        centre, scale = figures
        return (x - centre) / scale
    (first, _), (last, highest) = figures[0], figures[-1]
    slopes = [
        (x < after, rank + (x - at) * ((higher - rank) / (after - at)))
        for (at, rank), (after, higher) in itertools.pairwise(figures)
    ]
    return ibis.cases((x < first, 0.0), *slopes, (x == last, highest), (x > last, 1.0))


def _need_positive(name: Any, low: float | None) -> None:
    if low is not None and low < 0:
        raise ValueError(f"normalise(method='log1p'): column {name!r} goes down to {low:g}; log1p needs values >= 0")
