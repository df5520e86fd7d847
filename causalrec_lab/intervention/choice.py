"""Which intervention is worth it: effect, cost and gain in one row, consistent with each other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist

import pandas as pd

from causalrec_lab.estimate import Estimate

__all__ = ["choose"]


def choose(
    estimates: Mapping[str, Estimate],
    costs: Mapping[str, float] | float = 0.0,
    *,
    value: float = 1.0,
    level: float = 0.95,
) -> pd.DataFrame:
    r"""Set each intervention's gain beside its cost and say what follows.

    gain = value x effect - cost, with standard error value x se, so every column tells the same story: the
    gain's interval lies above 0 exactly where `p_harm` < (1 - level)/2.

    Parameters
    ----------
    estimates
        Intervention -> effect on the outcome, per decision.
    costs
        Intervention -> cost per decision in money, or one cost for all.
    value
        What one unit of outcome is worth, in money; positive.
    level
        Confidence level of the intervals.

    Returns
    -------
    DataFrame indexed by intervention, best gain first: effect, effect_low, effect_high, cost, gain, gain_low,
    gain_high, p_harm (one-sided p-value against "the gain is not positive"), decision ("adopt", "reject", "test
    further").

    Raises
    ------
    ValueError
        If there is nothing to choose from, a cost is missing or not finite, `value` is not positive and finite, or
        `level` is not in (0, 1).
    """
    if not estimates:
        raise ValueError("choose: no estimates; give at least one intervention")
    if not 0 < value < math.inf:
        raise ValueError(
            f"choose(value={value}): the worth of one unit of outcome is positive and finite; flip the outcome if less "
            "is better"
        )
    if not 0 < level < 1:
        raise ValueError(f"choose(level={level}): a confidence level lies between 0 and 1; 95 % is 0.95")
    if isinstance(costs, Mapping) and (missing := [name for name in estimates if name not in costs]):
        raise ValueError(f"choose: no cost for {missing}; give one a name, 0 where it is free")
    each = {name: float(costs[name] if isinstance(costs, Mapping) else costs) for name in estimates}
    if bad := [name for name, cost in each.items() if not math.isfinite(cost)]:
        raise ValueError(f"choose: the cost of {bad[0]!r} is {each[bad[0]]}; give a finite cost, 0 where it is free")
    rows = {name: _row(found, each[name], value, level) for name, found in estimates.items()}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("intervention")
    return table.sort_values("gain", ascending=False, kind="stable")


def _row(found: Estimate, cost: float, value: float, level: float) -> dict[str, float | str]:
    z = NormalDist().inv_cdf((1 + level) / 2)
    gain, error = value * found.value - cost, value * found.std_error
    low, high = gain - z * error, gain + z * error
    decision = "adopt" if low > 0 else "reject" if high < 0 else "test further"
    return {
        "effect": found.value,
        "effect_low": found.value - z * found.std_error,
        "effect_high": found.value + z * found.std_error,
        "cost": cost,
        "gain": gain,
        "gain_low": low,
        "gain_high": high,
        "p_harm": _one_sided(gain, error),
        "decision": decision,
    }


def _one_sided(gain: float, error: float) -> float:
    if math.isnan(error):
        return math.nan
    if error == 0:
        return 0.0 if gain > 0 else 1.0
    return NormalDist().cdf(-gain / error)
