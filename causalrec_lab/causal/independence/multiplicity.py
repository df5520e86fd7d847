"""Many tests at once: Holm's familywise correction and Benjamini and Hochberg's false discovery rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["benjamini_hochberg", "holm"]


def holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Holm's (1979) step-down adjusted p-values, in the order given."""
    order = np.argsort(p_values, kind="stable")
    count = len(p_values)
    stepped = np.maximum.accumulate(p_values[order] * (count - np.arange(count)))
    out = np.empty(count)
    out[order] = np.minimum(stepped, 1.0)
    return out


def benjamini_hochberg(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Benjamini and Hochberg's (1995) step-up adjusted p-values, in the order given.

    Rejecting where they are below q keeps the expected share of false rejections below q, under independence or
    positive dependence of the tests (Benjamini & Yekutieli 2001).
    """
    order = np.argsort(p_values, kind="stable")
    count = len(p_values)
    stepped = np.minimum.accumulate((p_values[order] * count / np.arange(1, count + 1))[::-1])[::-1]
    out = np.empty(count)
    out[order] = np.minimum(stepped, 1.0)
    return out
