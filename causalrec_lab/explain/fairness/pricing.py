"""What a promise to a group costs, by the truth or by an estimate: value against the share that is asked."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.estimate import Estimate, Truth
from causalrec_lab.explain.fairness.exposure import Weights
from causalrec_lab.explain.fairness.groups import Floats
from causalrec_lab.explain.fairness.reranked import RankedPolicy
from causalrec_lab.explain.fairness.reranking import rerank

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Case", "PriceCurve", "price_of_fairness"]


@dataclass(frozen=True, eq=False)
class Case:
    """One platform (or log) on which a promise is priced.

    Parameters
    ----------
    scores
        (users, items) that lists are ranked by.
    groups
        One label an item.
    value
        What a policy is worth: `platform.truth.policy_value`, or a function that reads a log by `ope.evaluate`.
    """

    scores: npt.ArrayLike
    groups: npt.ArrayLike
    value: Callable[[RankedPolicy], Truth | Estimate | float]


@dataclass(frozen=True, eq=False)
class PriceCurve:
    """Value by the share asked for, over cases.

    Parameters
    ----------
    table
        One row a share: given (share of attention), value, low, high; price (part of the value that is lost against
        ranking by score), price_low, price_high.
    group, method
        Who was promised what, and how it was kept.
    n
        Cases.
    level
        Confidence level of the intervals, over cases; prices are paired.
    notes
        What to know.
    """

    table: pd.DataFrame
    group: str
    method: str
    n: int
    level: float
    notes: tuple[str, ...] = ()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the price of each share with its interval."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(5, 3))
        t = self.table
        sides = np.clip(np.nan_to_num([t["price"] - t["price_low"], t["price_high"] - t["price"]]), 0, None)
        ax.errorbar(t["given"], 100 * t["price"], yerr=100 * sides, fmt="o-", capsize=3, label=self.method)
        ax.axhline(0, color="0.35", linestyle=":")
        ax.set_xlabel(f"share of attention that {self.group} gets")
        ax.set_ylabel("value lost (%)")
        ax.legend(loc="best", frameon=False)
        return ax

    def _repr_html_(self) -> str:
        """The table and what to know."""
        said = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        return f"{self.table.round(4).to_html(border=0, escape=True)}<ul>{said}</ul>"


def price_of_fairness(
    cases: Sequence[Case],
    k: int,
    group: str,
    shares: Sequence[float],
    *,
    method: str = "amortised",
    weights: Weights = "log2",
    level: float = 0.95,
) -> PriceCurve:
    r"""Rank every case under each least share of a group, and value the lists as the policies they are.

    The price of a share is :math:`1 - V(\text{share}) / V(0)`, its interval Student's over cases. It is not that of the
    scores: where scores are wrong about a group, keeping its share may cost less than they say, or nothing.

    Parameters
    ----------
    cases
        One a seed.
    k
        Places of a list.
    group
        Who is promised a share.
    shares
        Least shares; 0 is added as what the others are set against.
    method, weights
        As in `rerank`.
    level
        Confidence level.

    Raises
    ------
    ValueError
        If there is no case, a share cannot be kept (see `rerank`), or a ranking by score is worth nothing.
    """
    if not cases:
        raise ValueError("price_of_fairness: there is no case; give one Case at least")
    asked = sorted({0.0, *map(float, shares)})
    value, given = np.empty((len(cases), len(asked))), np.empty((len(cases), len(asked)))
    for row, case in enumerate(cases):
        for column, share in enumerate(asked):
            how = method if share > 0 else "prefix"  # nothing asked: ranked by score
            found = rerank(case.scores, case.groups, k, least_share={group: share}, method=how, weights=weights)
            worth = case.value(found.policy)
            value[row, column] = worth.value if isinstance(worth, Truth | Estimate) else float(worth)
            given[row, column] = float(found.table["after"][group])
    if (value[:, 0] <= 0).any():
        raise ValueError("ranking by score is worth nothing in some case, so no price can be a part of it")
    price = 1 - value / value[:, :1]
    columns = {"given": given.mean(axis=0), **_over_cases(value, "value", "", level)}
    columns |= _over_cases(price, "price", "price_", level)
    table = pd.DataFrame(columns, index=pd.Index(asked, name="least share"))
    notes = () if len(cases) > 1 else ("one case: no interval over cases; give several seeds",)
    return PriceCurve(table, group, method, len(cases), level, notes)


def _over_cases(values: Floats, name: str, side: str, level: float) -> dict[str, Floats]:
    """Mean over cases with Student's interval; nan ends for a single case."""
    from scipy.special import stdtrit

    n, mean = len(values), values.mean(axis=0)
    half = np.full(len(mean), np.nan)
    if n > 1:
        half = stdtrit(n - 1, (1 + level) / 2) * values.std(axis=0, ddof=1) / np.sqrt(n)
    return {name: mean, f"{side}low": mean - half, f"{side}high": mean + half}
