"""How a log moves over time: rates in ten equal parts, and how much of each is by new users and of new items."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab.data.quality.rules import Finding, found

__all__ = ["drift", "of_drift", "of_novelty", "over_time"]

PARTS = 10
_SURE = 1e-6
_ENOUGH = 50  # rows a part


def over_time(table: pd.DataFrame, measures: list[str]) -> pd.DataFrame | None:
    """Cut a log into ten parts of equal rows, in time order, and describe each.

    Parameters
    ----------
    table
        With `timestamp`.
    measures
        Numeric columns whose mean to follow.

    Returns
    -------
    DataFrame indexed by part (1 to 10): from, rows, new_users, new_items (share of its rows by a user, or of an item,
    that no earlier part has), and the mean of each measure; None without a clock, or with fewer than 50 rows a part.
    """
    if "timestamp" not in table or table.attrs.get("timestamp") == "order within the user":
        return None
    kept = table[table["timestamp"].notna()]
    if len(kept) < PARTS * _ENOUGH:
        return None
    ordered = kept.sort_values("timestamp", kind="stable", ignore_index=True)
    part = pd.Series(np.arange(len(ordered)) * PARTS // len(ordered) + 1, name="part")
    grouped = ordered.groupby(part)
    columns: dict[str, Any] = {"from": grouped["timestamp"].min(), "rows": grouped.size()}
    for name, key in (("new_users", "user_id"), ("new_items", "item_id")):
        if key in ordered:
            first = part.groupby(pd.factorize(ordered[key])[0]).transform("min")
            columns[name] = (first == part).groupby(part).mean()
    return pd.DataFrame(columns | {name: grouped[name].mean() for name in measures})


def drift(table: pd.DataFrame, steps: pd.DataFrame, measures: list[str]) -> pd.DataFrame:
    r"""How far each measure moves over the parts, and whether chance would move it so far.

    .. math:: \chi^2 = \sum_k n_k (\bar y_k - \bar y)^2 / s^2

    on nine degrees of freedom: the homogeneity test of ten means with one variance (for a 0/1 measure: Pearson's).

    Returns
    -------
    DataFrame indexed by measure: mean, lowest, highest, relative (range over mean), p_value.
    """
    from scipy.stats import chi2

    rows = {}
    for name in measures:
        values, means = table[name].dropna(), steps[name]
        spread = float(values.var())
        statistic = float((steps["rows"] * (means - values.mean()) ** 2).sum() / spread) if spread > 0 else 0.0
        low, high, mean = float(means.min()), float(means.max()), float(values.mean())
        relative = (high - low) / abs(mean) if mean else 0.0
        p_value = float(chi2.sf(statistic, PARTS - 1))
        rows[name] = {"mean": mean, "lowest": low, "highest": high, "relative": relative, "p_value": p_value}
    columns = ["mean", "lowest", "highest", "relative", "p_value"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("measure")


def of_drift(table: pd.DataFrame) -> Iterator[Finding]:
    """Findings about rates that move."""
    for name, row in table[table["p_value"] < _SURE].iterrows():
        sentence = (
            f"{name} moves over time: its mean goes from {row['lowest']:.3g} to {row['highest']:.3g} between tenths"
        )
        yield from found("rates drift", float(row["relative"]), sentence)


def of_novelty(steps: pd.DataFrame) -> Iterator[Finding]:
    """Findings about the end of the log: who and what is new there."""
    last = steps.iloc[-1]
    for check, name in (("new users", "new_users"), ("new items", "new_items")):
        if name in steps:
            of = "by users" if name == "new_users" else "of items"
            yield from found(
                check, float(last[name]), f"{last[name]:.0%} of the last tenth of the rows are {of} not met before"
            )
