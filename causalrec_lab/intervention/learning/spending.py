"""Spending a sum where it buys most: costs, the rule, the price at which the money is gone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.sample import nearest

__all__ = ["best_purchase", "price_of", "row_costs", "treated_rows"]

Floats = npt.NDArray[np.float64]


def row_costs(frame: pd.DataFrame, costs: float | str) -> Floats:
    """(n,) cost of treating each row.

    Raises
    ------
    ValueError
        If the column is missing, or a cost is missing, not finite or not positive.
    """
    if isinstance(costs, str):
        if costs not in frame:
            raise ValueError(f"no column {costs!r} of costs; {nearest(costs, [str(c) for c in frame])}")
        found = frame[costs].to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        found = np.full(len(frame), float(costs))
    if (bad := ~((found > 0) & np.isfinite(found))).any():
        row = int(np.argmax(bad))
        raise ValueError(
            f"costs have {int(bad.sum())} values that are missing or not positive, first at row {row}: {found[row]}; "
            "the cost of treating somebody is a positive sum"
        )
    return found


def treated_rows(effect: Floats, cost: Floats, price: float, worth: float | None) -> npt.NDArray[np.bool_]:
    """(n,) whether a row is treated: its effect pays, and buys more for its cost than the price asks."""
    pays = effect > 0 if worth is None else worth * effect > cost
    return np.asarray(pays & (effect / cost > price))


def price_of(effect: Floats, cost: Floats, budget: float, worth: float | None) -> float:
    """The ratio that the first row without money has; 0 where there is money for all who gain."""
    wanted = treated_rows(effect, cost, 0.0, worth)
    rates = effect[wanted] / cost[wanted]
    order = np.argsort(-rates, kind="stable")
    over = np.cumsum(cost[wanted][order]) > budget * len(effect) * (1 + 1e-12)
    return float(rates[order][np.argmax(over)]) if over.any() else 0.0


def best_purchase(effect: Floats, cost: Floats, money: float) -> float:
    """The most effect that a sum buys, the last row in part."""
    wanted = effect > 0
    order = np.argsort(-effect[wanted] / cost[wanted], kind="stable")
    spent = np.concatenate([[0.0], np.cumsum(cost[wanted][order])])
    bought = np.concatenate([[0.0], np.cumsum(effect[wanted][order])])
    return float(np.interp(money, spent, bought))
