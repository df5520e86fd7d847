"""The sample covariance a structural equation model is fitted to, checked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["sample_covariance"]


def sample_covariance(
    data: pd.DataFrame, names: Sequence[str], n: int | None, rescale: bool
) -> tuple[NDArray[np.float64], int]:
    """Give the covariance with divisor n of the columns `names`, and n.

    Raises
    ------
    ValueError
        On missing, constant, collinear or non-numeric columns, too few rows, or a matrix that is no covariance.
    """
    if n is None:
        matrix, n = _from_rows(data, names)
    else:
        matrix = _from_matrix(data, names, n) * ((n - 1) / n if rescale else 1.0)
    if n <= len(names):
        raise ValueError(f"{n} rows are too few for {len(names)} variables; a covariance needs more rows than columns")
    spread = np.sqrt(np.diag(matrix))
    values, vectors = np.linalg.eigh(matrix / np.outer(spread, spread))
    if values[0] < 1e-10:
        involved = [name for name, v in zip(names, vectors[:, 0], strict=True) if abs(v) > 1e-3]
        raise ValueError(f"columns {', '.join(involved)} are collinear: one follows from the others; drop one")
    return matrix, n


def _from_rows(data: pd.DataFrame, names: Sequence[str]) -> tuple[NDArray[np.float64], int]:
    if list(data.index) == list(data.columns) and len(data) > 1 and not isinstance(data.index, pd.RangeIndex):
        raise ValueError(
            "data looks like a covariance matrix; give the number of rows behind it: fit_sem(model, S, n=…)"
        )
    columns = data[list(names)]
    for name in names:
        if not pd.api.types.is_numeric_dtype(columns[name]):
            raise ValueError(f"column {name!r} holds no numbers; encode it first (0/1, or one column a category)")
        if missing := int(columns[name].isna().sum()):
            raise ValueError(f"column {name!r} has {missing} missing values of {len(data)}; drop or impute them first")
    values = columns.to_numpy(float)
    if not np.isfinite(values).all():
        name = names[int(np.argmin(np.isfinite(values).all(axis=0)))]
        raise ValueError(f"column {name!r} holds infinite values; drop those rows first")
    centred = values - values.mean(axis=0)
    matrix = centred.T @ centred / max(len(values), 1)
    for name, variance, mean in zip(names, np.diag(matrix), values.mean(axis=0), strict=True):
        if variance <= 1e-20 * max(mean * mean, 1e-300):
            raise ValueError(f"column {name!r} is constant: it has no variance to explain; leave it out")
    return matrix, len(values)


def _from_matrix(data: pd.DataFrame, names: Sequence[str], n: int) -> NDArray[np.float64]:
    if n < 2:
        raise ValueError(f"n={n}: give the number of rows behind the covariance matrix")
    if list(map(str, data.index)) != list(map(str, data.columns)):
        raise ValueError("with n= the data must be a covariance matrix: the same names as index and columns")
    matrix = data.loc[list(names), list(names)].to_numpy(float)
    if not np.allclose(matrix, matrix.T, rtol=1e-6, atol=1e-10 * np.abs(matrix).max()):
        raise ValueError("the covariance matrix is not symmetric; fill both triangles")
    if (np.diag(matrix) <= 0).any():
        raise ValueError(
            f"variance of {names[int(np.argmin(np.diag(matrix)))]!r} in the covariance matrix is not positive"
        )
    return np.asarray((matrix + matrix.T) / 2)
