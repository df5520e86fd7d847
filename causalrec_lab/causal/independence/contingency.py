r"""Many G tests on one table of categories: codes are made once, strata are remembered."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["Codes"]

Integers = NDArray[np.int64]


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

    def counts(self, columns: tuple[int, ...], mask: int) -> NDArray[np.float64]:
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
        return statistic, df, float(chdtrc(df, max(statistic, 0.0))) if df else 1.0


def _entropy(counts: NDArray[np.float64]) -> float:
    positive = counts[counts > 0]
    return float(positive @ np.log(positive))
