"""Spending a sum where it buys most: costs, the rule, the price at which the money is gone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.sample import nearest

__all__ = ["best_purchase", "price_of", "row_costs", "treated_share"]

Floats = npt.NDArray[np.float64]
_TIE = 1e-9  # ratios nearer to each other than this part are one


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


def treated_share(effect: Floats, cost: Floats, price: float, worth: float | None, margin: float = 0.0) -> Floats:
    """(n,) chance that a row is treated.

    1 where its effect pays and buys more for its cost than the price asks, `margin` where it pays and buys just that.
    """
    pays, rate = effect > 0 if worth is None else worth * effect > cost, effect / cost
    above = rate > price * (1 + _TIE)
    chance = np.where(above, 1.0, np.where(rate >= price * (1 - _TIE), margin, 0.0))
    return np.asarray(np.where(pays, chance, 0.0))


def price_of(effect: Floats, cost: Floats, budget: float, worth: float | None) -> tuple[float, float]:
    """The ratio of those for whom the money runs out, and the share of them it still pays for.

    0 and 0 where there is money for all who gain.
    """
    sure = treated_share(effect, cost, 0.0, worth) > 0
    rates, paid, money = effect[sure] / cost[sure], cost[sure], budget * len(effect)
    order = np.argsort(-rates, kind="stable")
    over = np.cumsum(paid[order]) > money * (1 + 1e-12)
    if not over.any():
        return 0.0, 0.0
    price = float(rates[order][np.argmax(over)])
    above = rates > price * (1 + _TIE)
    left = money - float(paid[above].sum())
    return price, float(np.clip(left / paid[~above & (rates >= price * (1 - _TIE))].sum(), 0.0, 1.0))


def best_purchase(effect: Floats, cost: Floats, money: float) -> float:
    """The most effect that a sum buys, the last row in part."""
    wanted = effect > 0
    order = np.argsort(-effect[wanted] / cost[wanted], kind="stable")
    spent = np.concatenate([[0.0], np.cumsum(cost[wanted][order])])
    bought = np.concatenate([[0.0], np.cumsum(effect[wanted][order])])
    return float(np.interp(money, spent, bought))
