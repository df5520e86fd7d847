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
    values = np.array(matrix, dtype=np.float64)  # a copy, worked on in place: a million rows are a pass each
    peak = np.maximum(values.max(axis=0, initial=0.0), -values.min(axis=0, initial=0.0))
    values /= np.where(peak > 0, peak, 1.0)  # squares of it neither overflow nor vanish
    values -= values.mean(axis=0)
    spread = np.sqrt(np.einsum("ij,ij->j", values, values) / max(len(values), 1))
    alive = spread > noise
    values *= np.where(alive, 1 / np.where(alive, spread, 1.0), 0.0)
    return values
