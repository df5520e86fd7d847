"""Segments as numbers: estimates, their errors, and what is known of each segment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.estimate import Estimate

__all__ = ["described", "measured", "row_of"]

Floats = npt.NDArray[np.float64]


def measured(estimates: Mapping[Any, Estimate]) -> tuple[Floats, Floats]:
    """(K,) values and (K,) standard errors.

    Raises
    ------
    ValueError
        If a value or an error is not finite, or an error not positive.
    """
    for name, found in estimates.items():
        if not (0 < found.std_error < np.inf and np.isfinite(found.value)):
            raise ValueError(f"segment {name!r}: value {found.value}, standard error {found.std_error}; both must be "
                             "finite, the error positive: leave the segment out, or join it to another")  # fmt: skip
    return np.array([f.value for f in estimates.values()]), np.array([f.std_error for f in estimates.values()])


def described(segments: list[Any], features: pd.DataFrame | None) -> tuple[Floats, list[str]]:
    """(K, p) design, an intercept first, and the names of its columns.

    Raises
    ------
    ValueError
        If features lack a segment or have it twice, are not finite numbers, or one follows from the others.
    """
    one = np.ones((len(segments), 1))
    if features is None:
        return one, ["(intercept)"]
    if missing := [name for name in segments if name not in features.index]:
        raise ValueError(f"features lack the segments {missing[:5]}; give one row a segment, indexed by its name")
    rows = features.loc[segments]
    if len(rows) != len(segments):
        raise ValueError(f"features have {len(rows)} rows for {len(segments)} segments; give one row a segment")
    if words := [str(c) for c in features if not pd.api.types.is_numeric_dtype(features[c])]:
        raise ValueError(f"features {words} are no numbers; give a column of 0 and 1 for each level but one")
    X = np.column_stack([one, rows.to_numpy(dtype=np.float64, na_value=np.nan)])
    if not np.isfinite(X).all():
        raise ValueError("features hold values that are not finite; impute them and say so")
    length = np.linalg.norm(X, axis=0)
    rank = int(np.linalg.matrix_rank(X / np.where(length > 0, length, 1.0), tol=1e-10))
    if rank < min(X.shape):
        raise ValueError(f"features {list(map(str, features.columns))}: one is constant or follows from the others "
                         f"(rank {rank} of {X.shape[1]} with the intercept); leave it out")  # fmt: skip
    return X, ["(intercept)", *map(str, features.columns)]


def row_of(features: Mapping[str, float] | None, named: list[str]) -> Floats:
    """(p,) row of a new segment, an intercept first.

    Raises
    ------
    ValueError
        If a feature is missing, unknown or not finite.
    """
    given = {} if features is None else dict(features)
    if set(given) != set(named):
        raise ValueError(f"a new segment is described by {named}; given were {sorted(map(str, given))}")
    x = np.array([1.0, *(float(given[name]) for name in named)])
    if not np.isfinite(x).all():
        raise ValueError(f"a new segment's features are finite numbers; given were {given}")
    return x
