"""Columns on one scale, whatever their unit and offset."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["FLOAT32", "standardised"]

Floats = npt.NDArray[np.float64]

DOUBLE = 1e-13  # relative spread below which a column of doubles is rounding noise
FLOAT32 = 1e-7  # the same for single precision, in which embeddings come


def standardised(matrix: npt.NDArray[Any], *, noise: float = DOUBLE) -> Floats:
    """Columns with mean 0 and standard deviation 1; a constant column becomes 0, since it must not divide.

    Parameters
    ----------
    matrix
        (n, p) finite numbers.
    noise
        Spread, relative to a column's largest value, up to which it counts as constant.
    """
    values = np.asarray(matrix, dtype=np.float64)
    peak = np.abs(values).max(axis=0, initial=0.0)
    unit = values / np.where(peak > 0, peak, 1.0)  # squares of it neither overflow nor vanish
    centred = unit - unit.mean(axis=0)
    spread = centred.std(axis=0)
    alive = spread > noise
    return np.asarray(np.where(alive, centred / np.where(alive, spread, 1.0), 0.0))
