"""What each epsilon costs in the length of an interval: told before a row is looked at."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from causalrec_lab.explain.privacy.contributions import checked_bounds
from causalrec_lab.explain.privacy.intervals import FIRST, quantile
from causalrec_lab.explain.privacy.noise import check_loss

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Price", "price"]


@dataclass(frozen=True, eq=False)
class Price:
    """Interval length by epsilon.

    Parameters
    ----------
    table
        One row an epsilon: epsilon, length, without_noise, times (length over without_noise), worth_users (users who
        would give this length without noise).
    n
        Users it is for.
    level
        Of the intervals.
    what
        "mean" or "difference of two arms".
    """

    table: pd.DataFrame
    n: int
    level: float
    what: str

    def plot(self, ax: Axes | None = None) -> Axes:
        """Length against epsilon, and the length without noise as a dashed line."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(5, 3))
        ax.plot(self.table["epsilon"], self.table["length"], marker="o", label="with noise")
        ax.axhline(self.table["without_noise"].iloc[0], linestyle="--", color="0.35", label="without noise")
        ax.set(xscale="log", xlabel="epsilon", ylabel=f"length of the {self.level:.0%} interval", ylim=(0, None))
        ax.legend(loc="best")
        return ax

    def __str__(self) -> str:
        """One line."""
        first = self.table.iloc[0]
        return (
            f"{self.what} of {self.n:,} users: at epsilon {first['epsilon']:g} the {self.level:.0%} interval is "
            f"{first['times']:.3g} times as long as without noise"
        )

    def _repr_html_(self) -> str:
        """The line and the table."""
        return f"<p>{html.escape(str(self))}</p>{self.table.round(4).to_html(index=False)}"


def price(
    n: int,
    std: float,
    bounds: tuple[float, float],
    *,
    epsilons: Sequence[float] = (0.1, 0.3, 1, 3, 10),
    centre: float | None = None,
    arms: int = 1,
    level: float = 0.95,
) -> Price:
    r"""Length of the interval of `mean` or `effect` at each epsilon, from what is known before.

    The noise on a mean of n users has variance
    :math:`\frac{2 w^2}{\epsilon^2 n^2} \sum_k (c_k - \mu)^2, c = (0, 1/2, 1)`, with range w and mean :math:`\mu` as a
    share of it; the sampling :math:`\sigma^2 / n`. So the price falls as 1/n beside an error that falls as
    :math:`1/\sqrt n`: twice the users halve what privacy costs.

    Parameters
    ----------
    n
        Users, in all arms.
    std
        Standard deviation of a user's value, in the unit of the bounds.
    bounds
        Declared bounds.
    epsilons
        To be compared; Laplace noise.
    centre
        Mean of the values; None: the middle of the bounds.
    arms
        1 for a mean, 2 for the difference of two arms of n / 2 users each.
    level
        Of the intervals.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """
    low, high = checked_bounds(bounds, "privacy.price")
    middle = (low + high) / 2 if centre is None else float(centre)
    if n < 2 or arms not in (1, 2) or not 0 < std <= (high - low) / 2 or not low <= middle <= high:
        raise ValueError(
            f"privacy.price(n={n}, std={std}, centre={middle}, arms={arms}): n is from 2 on, arms 1 or 2, the centre "
            f"within the bounds and std in (0, {(high - low) / 2:g}], half of their range"
        )
    width, each = high - low, n / arms
    weights = width * abs(FIRST - (middle - low) / width) / each
    sampled = arms * std**2 / each
    plain = 2 * quantile(sampled, (), level)
    rows = []
    for epsilon in epsilons:
        check_loss(epsilon, who="privacy.price")
        length = 2 * quantile(sampled, list(weights / epsilon) * arms, level)
        rows.append((epsilon, length, plain, length / plain, math.floor(n * (plain / length) ** 2)))
    table = pd.DataFrame(rows, columns=["epsilon", "length", "without_noise", "times", "worth_users"])
    return Price(table, int(n), level, "mean" if arms == 1 else "difference of two arms")
