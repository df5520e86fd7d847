"""Chosen beside randomised: what people picked themselves, set against what was drawn for them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab.data.quality.exposure import gini
from causalrec_lab.data.quality.rules import Finding, found

__all__ = ["of_selection", "selection"]

_SURE_OF_MEANS = 1e-4
_SURE_OF_DRAWS = 1e-6


def selection(events: pd.DataFrame) -> pd.DataFrame | None:
    r"""Compare chosen rows with randomised ones, where a 0/1 column `randomised` says which is which.

    Whether rows called random give every item the same chance is tested by :math:`\chi^2 = \sum_i (c_i - \bar c)^2 /
    \bar c` on the items that occur. Draws without replacement scatter less than the test allows for, so it errs to
    the side of trust.

    Returns
    -------
    DataFrame indexed by "chosen" and "randomised" (those that occur): rows, users, items, gini, top_tenth (share of
    the most frequent tenth of items), largest (an item's largest count over the mean count), p_value (of equal
    chances), and mean and sd of `value` where the events have one; None without the column.
    """
    if "randomised" not in events:
        return None
    parts = {"chosen": events[events["randomised"] != 1], "randomised": events[events["randomised"] == 1]}
    rows = {name: _described(part) for name, part in parts.items() if len(part)}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("rows are")


def _described(part: pd.DataFrame) -> dict[str, Any]:
    from scipy.stats import chi2

    counts = part["item_id"].value_counts()
    statistic = float(((counts - counts.mean()) ** 2).sum() / counts.mean())
    top = counts.head(math.ceil(len(counts) / 10)).sum() / counts.sum()
    row = {"rows": len(part), "users": part["user_id"].nunique(), "items": len(counts), "gini": gini(counts)}
    row |= {"top_tenth": float(top), "largest": float(counts.max() / counts.mean())}
    row |= {"p_value": float(chi2.sf(statistic, max(len(counts) - 1, 1)))}
    return row | ({"mean": part["value"].mean(), "sd": part["value"].std()} if "value" in part else {})


def of_selection(table: pd.DataFrame) -> Iterator[Finding]:
    """Findings about chosen rows beside randomised ones, and about draws that were not even."""
    if {"chosen", "randomised"} <= set(table.index) and "mean" in table:
        own, drawn = (_numbers(table, name) for name in ("chosen", "randomised"))
        error = math.sqrt(own["sd"] ** 2 / own["rows"] + drawn["sd"] ** 2 / drawn["rows"])
        gap = own["mean"] - drawn["mean"]
        if error > 0 and math.erfc(abs(gap) / error / math.sqrt(2)) < _SURE_OF_MEANS:
            sentence = (
                f"the mean value is {own['mean']:.2f} where people chose, {drawn['mean']:.2f} where rows were drawn"
            )
            yield from found("self-selection", abs(gap) / drawn["sd"], sentence)
    drawn = _numbers(table, "randomised") if "randomised" in table.index else {"p_value": 1.0}
    if drawn["p_value"] < _SURE_OF_DRAWS:
        sentence = f"rows called random are uneven over items: one has {drawn['largest']:.0f} times the mean count"
        yield from found("random in name", drawn["largest"], sentence)


def _numbers(table: pd.DataFrame, name: str) -> dict[str, float]:
    values = table.loc[[name]].to_numpy(dtype=np.float64)[0]
    return dict(zip(map(str, table.columns), values.tolist(), strict=True))
