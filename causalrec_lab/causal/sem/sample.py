"""What a structural equation model is fitted to: means and covariances, by the columns seen together, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["Block", "Sample", "read_matrix", "read_rows", "sample_of"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Block:
    """Rows in which the same columns are seen: positions of those, share of all rows, mean, covariance (divisor n)."""

    seen: NDArray[np.intp]
    share: float
    mean: Array
    covariance: Array
    rows: NDArray[np.intp]


@dataclass(frozen=True)
class Sample:
    """Moments of the observed variables.

    `mean` and `covariance` (divisor n) are those of the unrestricted model; `constant` is what its fit adds to the
    discrepancy; `rows` the values behind them where they were given; `blocks` the patterns of missing values, one
    where nothing is missing.
    """

    n: int
    mean: Array
    covariance: Array
    constant: float
    blocks: tuple[Block, ...]
    rows: Array | None = None

    @property
    def complete(self) -> bool:
        """Whether every value is seen."""
        return len(self.blocks) == 1 and len(self.blocks[0].seen) == len(self.mean)


def sample_of(n: int, mean: Array, covariance: Array, rows: Array | None = None) -> Sample:
    """Sample of complete rows, by its moments."""
    block = Block(np.arange(len(mean)), 1.0, mean, covariance, np.arange(0 if rows is None else len(rows)))
    constant = float(np.linalg.slogdet(covariance)[1]) + len(mean)
    return Sample(n, mean, covariance, constant, (block,), rows)


def read_rows(data: pd.DataFrame, names: Sequence[str], keep_gaps: bool, complete: Sequence[str]) -> tuple[Array, str]:
    """Values of the columns `names`, and a sentence on the rows left out for missing values ("" if none).

    Parameters
    ----------
    data, names
        Table and columns.
    keep_gaps
        Keep rows with missing values (full information): only those without any value, or with a gap in the columns
        `complete` (the covariates, which are not modelled), are left out.
    complete
        Columns whose gaps always cost the row.

    Raises
    ------
    ValueError
        On constant or non-numeric columns, infinite values, or what is a covariance matrix.
    """
    if list(data.index) == list(data.columns) and len(data) > 1 and not isinstance(data.index, pd.RangeIndex):
        raise ValueError(
            "data looks like a covariance matrix; give the number of rows behind it: fit_sem(model, S, n=…)"
        )
    columns = data[list(names)]
    for name in names:
        if not pd.api.types.is_numeric_dtype(columns[name]):
            raise ValueError(f"column {name!r} holds no numbers; encode it first (0/1, or one column a category)")
    values = columns.to_numpy(float, na_value=np.nan)
    if np.isinf(values).any():
        name = names[int(np.argmax(np.isinf(values).any(axis=0)))]
        raise ValueError(f"column {name!r} holds infinite values; drop those rows first")
    gaps = np.isnan(values)
    if len(values) < 2:
        raise ValueError(f"the data has {len(values)} rows; a covariance needs more rows than columns")
    if (empty := gaps.all(axis=0)).any():
        raise ValueError(
            f"column {names[int(np.argmax(empty))]!r} has no value in any of {len(values)} rows; leave it out"
        )
    lost = (gaps.all(axis=1) | gaps[:, [names.index(c) for c in complete]].any(axis=1)) if keep_gaps else gaps.any(1)
    kept = values[~lost]
    _refuse_constant(kept, names)
    if not lost.any():
        return kept, ""
    counts = ", ".join(f"{name} {count}" for name, count in zip(names, gaps.sum(axis=0), strict=True) if count)
    if keep_gaps:
        why = f"lack a covariate ({', '.join(complete)}) or every value" if complete else "have no value at all"
        return kept, f"{int(lost.sum())} of {len(values)} rows {why} and are left out (missing: {counts})"
    return kept, (
        f"{int(lost.sum())} of {len(values)} rows have missing values and are left out ({counts}); missing='fiml' "
        "keeps them"
    )


def _refuse_constant(values: Array, names: Sequence[str]) -> None:
    for name, column in zip(names, values.T, strict=True):
        seen = column[~np.isnan(column)]
        if not len(seen):
            raise ValueError(f"column {name!r} has no value in the {len(values)} rows that are left; look at the gaps")
        if seen.var() <= 1e-20 * max(seen.mean() ** 2, 1e-300):
            raise ValueError(f"column {name!r} is constant: it has no variance to explain; leave it out")


def read_matrix(data: pd.DataFrame, names: Sequence[str], n: int, rescale: bool, means: pd.Series | None) -> Sample:
    """Sample behind a covariance matrix of `n` rows.

    Raises
    ------
    ValueError
        If it is no covariance matrix of these variables.
    """
    given: object = n  # what callers without types may give
    if not isinstance(given, (int, np.integer)) or n < 2:
        raise ValueError(f"n={n!r}: give the number of rows behind the covariance matrix, a whole number")
    if list(map(str, data.index)) != list(map(str, data.columns)):
        raise ValueError("with n= the data must be a covariance matrix: the same names as index and columns")
    matrix = data.loc[list(names), list(names)].to_numpy(float)
    if not np.isfinite(matrix).all():
        raise ValueError("the covariance matrix has missing or infinite entries; fill both triangles")
    if not np.allclose(matrix, matrix.T, rtol=1e-6, atol=1e-10 * np.abs(matrix).max()):
        raise ValueError("the covariance matrix is not symmetric; fill both triangles")
    if (np.diag(matrix) <= 0).any():
        raise ValueError(
            f"variance of {names[int(np.argmin(np.diag(matrix)))]!r} in the covariance matrix is not positive"
        )
    covariance = (matrix + matrix.T) / 2 * ((n - 1) / n if rescale else 1.0)
    refuse_degenerate(covariance, names, n)
    if means is not None and (absent := [name for name in names if name not in means.index]):
        raise ValueError(f"means= has no entry for {absent[0]!r}; give the mean of every variable of the model")
    mean = np.zeros(len(names)) if means is None else means.loc[list(names)].to_numpy(float)
    if not np.isfinite(mean).all():
        raise ValueError(
            f"means= of {names[int(np.argmin(np.isfinite(mean)))]!r} is missing or infinite; give a number"
        )
    return sample_of(n, mean, covariance)


def refuse_degenerate(covariance: Array, names: Sequence[str], n: int) -> None:
    """Refuse too few rows, collinear columns and what is no covariance.

    Raises
    ------
    ValueError
        Naming the columns.
    """
    if n <= len(names):
        raise ValueError(f"{n} rows are too few for {len(names)} variables; a covariance needs more rows than columns")
    spread = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance / np.outer(spread, spread))
    involved = [name for name, v in zip(names, vectors[:, 0], strict=True) if abs(v) > 1e-3]
    if values[0] < -1e-8:
        raise ValueError(
            f"the covariance matrix is no covariance: it gives a sum of {', '.join(involved)} a negative variance; "
            "was it pasted wrongly, or computed pairwise?"
        )
    if values[0] < 1e-10:
        raise ValueError(f"columns {', '.join(involved)} are collinear: one follows from the others; drop one")
