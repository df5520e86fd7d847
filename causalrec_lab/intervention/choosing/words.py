"""The decision in a sentence that agrees with its table."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.sample import nearest

__all__ = ["sentence"]

_NEEDED = ("effect", "effect_low", "effect_high", "cost", "gain", "gain_low", "gain_high", "p_harm", "decision")
_VERB = {"adopt": "Adopt", "reject": "Reject", "test further": "Test further"}


def sentence(
    table: pd.DataFrame,
    intervention: str | None = None,
    *,
    outcome: str = "the outcome",
    money: str = "",
    per: str = "",
) -> str:
    """What a table of `choose` says of one intervention: effect with interval, cost, gain, chance, in plain words.

    Every figure is the table's own, so sentence and table cannot disagree.

    Parameters
    ----------
    table
        From `choose`.
    intervention
        Which; by default the one of the best gain.
    outcome
        What the effect is an effect on: "clicks".
    money
        Unit of cost and gain: "dollars".
    per
        What a decision is: "visit".

    Raises
    ------
    ValueError
        If the table is no decision table or is empty, or has no such intervention.
    """
    if missing := [name for name in _NEEDED if name not in table]:
        raise ValueError(f"sentence: the table lacks {missing}; give what `choose` returned")
    if table.empty:
        raise ValueError("sentence: the table has no row; choose among one intervention at least")
    if intervention is not None and intervention not in [str(k) for k in table.index]:
        raise ValueError(f"no intervention {intervention!r}; {nearest(intervention, [str(k) for k in table.index])}")
    leading = int(table["gain"].to_numpy(dtype=np.float64, na_value=-math.inf).argmax())
    at = leading if intervention is None else [str(k) for k in table.index].index(intervention)
    name, row = table.index[at], table.iloc[at]
    unit = f" {money}" * bool(money) + f" a {per}" * bool(per)
    level = _percent(table)
    effect = f"it changes {outcome} by {_signed(row['effect'])}" + f" a {per}" * bool(per)
    return (
        f"{_VERB[str(row['decision'])]} '{name}': {effect} {_ends(row, 'effect', level)}, "
        f"costs {row['cost']:.4g}{unit} and gains {_signed(row['gain'])}{unit} {_ends(row, 'gain', level)}; "
        f"{_risk(row)}{_among(table, at == leading)}."
    )


def _percent(table: pd.DataFrame) -> str:
    """The level, if the table still knows it: operations of pandas may lose it, and 95 would be a guess."""
    level = table.attrs.get("level")
    return "" if level is None else f"{100 * level:.6g}% "


def _signed(number: float) -> str:
    return f"{number + 0.0:+.4g}"  # 0.0 takes the sign off -0


def _ends(row: pd.Series, what: str, level: str) -> str:
    low, high = row[f"{what}_low"], row[f"{what}_high"]
    return "(no valid interval)" if math.isnan(low) else f"({level}interval {_signed(low)} to {_signed(high)})"


def _risk(row: pd.Series) -> str:
    p = float(row["p_harm"])
    if math.isnan(p):
        return "how sure that is, is not known"
    return f"the one-sided p-value of no gain is {'below 0.001' if p < 0.001 else f'{p:.3f}'}"


def _among(table: pd.DataFrame, leads: bool) -> str:
    if len(table) == 1:
        return ""
    place, correction = "the best" if leads else "one", table.attrs.get("correction")
    if correction == "bonferroni":
        return f"; it is {place} of {len(table)}, and the intervals hold for all of them at once"
    return f"; it is {place} of {len(table)}" + ", which these intervals do not allow for" * (correction is not None)
