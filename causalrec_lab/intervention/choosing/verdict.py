"""Which intervention is worth it: effect, cost and gain in one row, consistent with each other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from causalrec_lab.causal.effects.sample import nearest
from causalrec_lab.estimate import Estimate
from causalrec_lab.intervention.choosing.own_intervals import Law, law_of, moving_together

__all__ = ["choose"]

_CORRECTIONS = ("none", "bonferroni")
Effects = Mapping[str, Estimate] | Mapping[str, Mapping[str, Estimate]]


def choose(
    estimates: Effects,
    costs: Mapping[str, float] | float = 0.0,
    objectives: Mapping[str, float] | None = None,
    *,
    value: float = 1.0,
    level: float = 0.95,
    correction: str = "none",
) -> pd.DataFrame:
    r"""Set each intervention's gain beside its cost and say what follows.

    gain = value x effect - cost, and each effect keeps its own interval: Student's where it carries few degrees of
    freedom, one-sided lengths where it is not symmetric, at other levels as `own_intervals.law_of` says. Every column
    tells the same story: the gain's interval lies above 0 exactly where `p_harm` < (1 - level)/2.

    With several objectives the effect is :math:`\sum_j w_j \hat\theta_j` in money. How their estimates move together is
    not known, so they are taken to err to the same side at once, with the error :math:`\sum_j |w_j|\,\widehat{se}_j`;
    for a shorter interval value the weighted sum as one outcome of each row. `pareto` compares them without prices.

    The best of many is chosen for its luck too. `correction="bonferroni"` divides the error rate by the number of
    interventions (any dependence; Dunn 1961, Journal of the American Statistical Association 56), so that the intervals
    hold for all at once, the chosen one among them.

    Parameters
    ----------
    estimates
        Intervention -> effect on the outcome, per decision; with `objectives`, intervention -> objective -> effect.
    costs
        Intervention -> cost per decision in money, or one cost for all.
    objectives
        Objective -> what one unit of it is worth in money; negative where less is better. `value` multiplies all.
    value
        What one unit of outcome is worth, in money; positive.
    level
        Confidence level of the intervals.
    correction
        "none", or "bonferroni" for choosing among many.

    Returns
    -------
    DataFrame indexed by intervention, best gain first: effect, effect_low, effect_high, cost, gain, gain_low,
    gain_high, p_harm (one-sided p-value against "the gain is not positive"), decision ("adopt", "reject", "test
    further"); with objectives, one column more for each of them.

    Raises
    ------
    ValueError
        If there is nothing to choose from, an effect or cost is missing or not finite, `value` is not positive and
        finite, `level` is not in (0, 1), the correction is unknown, or an objective is unknown, missing or without a
        worth.
    """
    _check(estimates, value, level, correction)
    if isinstance(costs, Mapping) and (missing := [name for name in estimates if name not in costs]):
        raise ValueError(f"choose: no cost for {missing}; give one a name, 0 where it is free")
    each = {name: float(costs[name] if isinstance(costs, Mapping) else costs) for name in estimates}
    if bad := [name for name, cost in each.items() if not math.isfinite(cost)]:
        raise ValueError(f"choose: the cost of {bad[0]!r} is {each[bad[0]]}; give a finite cost, 0 where it is free")
    trials = len(estimates) if correction == "bonferroni" else 1
    effects = {name: _effect(name, found, objectives) for name, found in estimates.items()}
    if bad := [name for name, law in effects.items() if not math.isfinite(law.value)]:
        raise ValueError(f"choose: the effect of {bad[0]!r} is {effects[bad[0]].value}; there is nothing to decide on")
    rows = {name: _row(effects[name], each[name], value, level, trials) for name in estimates}
    if objectives is not None:
        rows = {name: row | {j: estimates[name][j].value for j in objectives} for name, row in rows.items()}  # type: ignore[index]
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("intervention")
    table = table.sort_values("gain", ascending=False, kind="stable")
    table.attrs = {"level": level, "value": value, "correction": correction}
    return table


def _check(estimates: Mapping[str, Any], value: float, level: float, correction: str) -> None:
    if not estimates:
        raise ValueError("choose: no estimates; give at least one intervention")
    if not 0 < value < math.inf:
        raise ValueError(
            f"choose(value={value}): the worth of one unit of outcome is positive and finite; flip the outcome if less "
            "is better"
        )
    if not 0 < level < 1:
        raise ValueError(f"choose(level={level}): a confidence level lies between 0 and 1; 95 % is 0.95")
    if correction not in _CORRECTIONS:
        raise ValueError(f"choose: unknown correction {correction!r}; {nearest(correction, _CORRECTIONS)}")


def _effect(name: str, found: Any, objectives: Mapping[str, float] | None) -> Law:
    """Effect and how far it may be off: of one outcome, or of several at their worths."""
    if objectives is None:
        if isinstance(found, Mapping):
            raise ValueError(
                f"choose: {name!r} has effects on {sorted(found)}; give objectives= with the worth of one unit of each"
            )
        return law_of(found)
    if not isinstance(found, Mapping):
        raise ValueError(f"choose(objectives=...): {name!r} has a single estimate; give objective -> estimate")
    if not objectives:
        raise ValueError("choose(objectives={}): give the worth of one objective at least")
    for objective, worth in objectives.items():
        if objective not in found:
            raise ValueError(f"choose: {name!r} has no objective {objective!r}; {nearest(objective, sorted(found))}")
        if not math.isfinite(worth):
            raise ValueError(f"choose: one unit of {objective!r} is worth {worth}; give a finite number")
    if unpriced := sorted(set(found) - set(objectives)):
        raise ValueError(f"choose: no worth for {unpriced} of {name!r}; give one, 0 where it does not count")
    return moving_together([law_of(found[j]) for j in objectives], list(objectives.values()))


def _row(effect: Law, cost: float, value: float, level: float, trials: int) -> dict[str, float | str]:
    below, above = effect.ends((1 - level) / (2 * trials))
    low, high = value * below - cost, value * above - cost
    return {
        "effect": effect.value,
        "effect_low": below,
        "effect_high": above,
        "cost": cost,
        "gain": value * effect.value - cost,
        "gain_low": low,
        "gain_high": high,
        "p_harm": min(trials * effect.p_not_above(cost / value), 1.0),
        "decision": "adopt" if low > 0 else "reject" if high < 0 else "test further",
    }
