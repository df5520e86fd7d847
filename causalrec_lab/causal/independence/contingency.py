r"""Many G tests on one table of categories: codes are made once, strata are remembered."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["Codes", "sparse_moments"]

DENSE = 20  # rows that a cell must hold on average before the chi-square law of G is taken
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


class Codes:
    """A table of categories as whole numbers, with the counts that independence tests and scores need.

    Parameters
    ----------
    frame
        Columns of categories, without missing values.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self.n = len(frame)
        self.codes: list[Integers] = [pd.factorize(frame[name])[0].astype(np.int64) for name in frame.columns]
        self.levels = [int(column.max()) + 1 for column in self.codes]
        self._strata: dict[int, tuple[Integers, int]] = {0: (np.zeros(self.n, np.int64), 1)}

    def strata(self, mask: int) -> tuple[Integers, int]:
        """Give each row's stratum by the columns in `mask`, and how many strata hold rows."""
        if mask not in self._strata:
            last = mask.bit_length() - 1
            before, count = self.strata(mask ^ 1 << last)
            joint = before * self.levels[last] + self.codes[last]
            seen = np.flatnonzero(np.bincount(joint, minlength=count * self.levels[last]))
            dense = np.zeros(count * self.levels[last], np.int64)
            dense[seen] = np.arange(len(seen))
            self._strata[mask] = dense[joint], len(seen)
        return self._strata[mask]

    def counts(self, columns: tuple[int, ...], mask: int) -> Floats:
        """Counts by stratum of `mask` (first axis) and by the columns."""
        index, strata = self.strata(mask)
        shape = [strata]
        for i in columns:
            index = index * self.levels[i] + self.codes[i]
            shape.append(self.levels[i])
        return np.bincount(index, minlength=math.prod(shape)).reshape(shape).astype(float)

    def g(self, x: int, y: int, mask: int) -> tuple[float, float, float]:
        """Statistic, degrees of freedom and p-value of `ci_tests.g_test`, on column numbers and a mask."""
        from scipy.special import chdtrc

        seen = self.counts((x, y), mask)
        rows, columns = seen.sum(2), seen.sum(1)
        statistic = 2 * (_entropy(seen) - _entropy(rows) - _entropy(columns) + _entropy(rows.sum(1)))
        df = float((((rows > 0).sum(1) - 1) * ((columns > 0).sum(1) - 1)).sum())
        cells = int(((rows > 0).sum(1) * (columns > 0).sum(1)).sum())
        if df == 0:
            return statistic, df, 1.0
        if self.n < DENSE * cells:
            return statistic, df, _sparse(seen, rows, columns)
        return statistic, df, float(chdtrc(df, max(statistic, 0.0)))


def _sparse(seen: Floats, rows: Floats, columns: Floats) -> float:
    """p-value of Pearson's statistic, summed over strata, as a scaled chi-square with its own mean and variance."""
    from scipy.special import chdtrc

    n = rows.sum(1)
    expected = rows[:, :, None] * columns[:, None, :]
    squares = np.divide(seen**2, expected, out=np.zeros_like(seen), where=expected > 0).sum((1, 2))
    mean, variance = sparse_moments(rows, columns)
    if variance <= 1e-12 * mean:  # the margins leave one table only
        return 1.0
    statistic = float(((n - 1) * (squares - 1)).sum())
    return float(chdtrc(2 * mean**2 / variance, max(statistic * 2 * mean / variance, 0.0)))


def sparse_moments(rows: Floats, columns: Floats) -> tuple[float, float]:
    r"""Mean and variance of Pearson's :math:`X^2 (N - 1) / N`, summed over strata, where x and y are independent.

    They are exact for fixed margins, however few rows a cell holds (Lewis, Saunders & Westcott 1984); the mean is
    :math:`\sum (r - 1)(c - 1)`.

    Parameters
    ----------
    rows, columns
        Margins of each stratum: (strata, levels of x) and (strata, levels of y).
    """
    many = rows.sum(1) > 1  # a stratum of one row says nothing
    rows, columns = rows[many], columns[many]
    n = rows.sum(1)
    (v1, w1), (v2, w2) = _spread(rows, n), _spread(columns, n)
    first = np.divide(2 * n * (v1 - w1) * (v2 - w2), n - 3, out=np.zeros_like(n), where=n > 3)
    mean = (((rows > 0).sum(1) - 1) * ((columns > 0).sum(1) - 1)).sum()
    return float(mean), float((((n - 1) / n) ** 2 * (first + n**2 / (n - 1) * w1 * w2)).sum())


def _spread(margin: Floats, n: Floats) -> tuple[Floats, Floats]:
    levels = (margin > 0).sum(1)
    inverse = np.divide(1.0, margin, out=np.zeros_like(margin), where=margin > 0).sum(1)
    return (n - levels) * (levels - 1) / (n - 1), (n * inverse - levels**2) / np.maximum(n - 2, 1)


def _entropy(counts: Floats) -> float:
    positive = counts[counts > 0]
    return float(positive @ np.log(positive))
