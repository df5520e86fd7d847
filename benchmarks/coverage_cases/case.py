"""One row of the coverage table: how to draw a log, what to estimate on it, what is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from causalrec_lab import Estimate, Truth

__all__ = ["Case"]


@dataclass(frozen=True)
class Case:
    """An estimator on a population, judged against its own estimand.

    Parameters
    ----------
    label
        Row of the table, unique; `--only` searches in it.
    draw
        seed -> one log. Cases that share one callable share its logs.
    estimate
        (log, seed) -> estimate with an interval.
    truth
        The estimand's value.
    most
        Replications at most: 2,000 unless the estimator is slow (forests, networks: 100 or more).
    """

    label: str
    draw: Callable[[int], pd.DataFrame]
    estimate: Callable[[pd.DataFrame, int], Estimate]
    truth: Truth
    most: int = 2_000
