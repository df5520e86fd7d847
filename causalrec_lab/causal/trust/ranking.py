"""From measured bias and coverage to an order of trust, by a rule that is told."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
import pandas as pd

from causalrec_lab.estimate import Estimate, z_value

__all__ = ["STANDINGS", "coverage_at", "rank"]

#: How an estimator stands where nothing is hidden, the best first.
STANDINGS = ("holds", "too short", "biased", "no interval", "fails")
_SLACK = 0.02  # below the level that a coverage may lie before it counts as short
_MOST_FAILED = 0.05


def rank(measured: pd.DataFrame, estimates: Mapping[str, Estimate], level: float) -> pd.DataFrame:
    """Order the estimators.

    The rule: first those whose interval held the truth as often as it says where nothing is hidden (its coverage's
    Wilson interval reaches the level less two points); then the others; within each, by root mean squared error
    averaged over the strengths of hidden confounding, each taken as equally likely.

    Parameters
    ----------
    measured
        As `twins.summarise` gives it; its smallest strength is where nothing is hidden.
    estimates
        Label -> estimate on the log, for those that could be computed there.
    level
        Confidence level of the intervals.

    Returns
    -------
    DataFrame indexed by estimator, the most to be trusted first: standing (of `STANDINGS`), rmse (averaged), coverage
    at each strength ("coverage, 0" …), at_this_size (coverage that a bias measured at the strongest hidden trait would
    leave an interval as long as the log's own), value, low, high on the log (nan where it failed there).
    """
    strengths = sorted({float(s) for s in measured.index.get_level_values("strength")})
    rows = {}
    for label in measured.index.get_level_values("estimator").unique():
        mine = measured.loc[label]
        found = estimates.get(label)
        rows[label] = {
            "standing": _standing(mine.loc[strengths[0]], level),
            "rmse": float(mine["rmse"].mean()),
            **{f"coverage, {s:g}": float(mine.loc[s, "coverage"]) for s in strengths},
            "at_this_size": coverage_at(found, float(mine.loc[strengths[-1], "bias"])),
            "value": found.value if found else np.nan,
            "low": found.low if found else np.nan,
            "high": found.high if found else np.nan,
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("estimator")
    table["standing"] = table["standing"].where(table["value"].notna(), "fails")
    order = table["standing"].map({"holds": 0, "too short": 1, "biased": 1, "no interval": 1, "fails": 2})
    return table.assign(order=order).sort_values(["order", "rmse"], kind="stable").drop(columns="order")


def coverage_at(estimate: Estimate | None, bias: float) -> float:
    r"""Coverage of an interval of the estimate's length under a bias: :math:`P(|Z + b / \widehat{se}| \le z)`.

    A bias does not shrink with the number of rows and a standard error does, so a large log's interval is lost to a
    bias that a small log's survives.
    """
    if estimate is None or not estimate.std_error > 0 or np.isnan(bias):
        return float("nan")
    shift, z, normal = bias / estimate.std_error, z_value(estimate.level), NormalDist()
    return normal.cdf(z - shift) - normal.cdf(-z - shift)


def _standing(mine: pd.Series[float], level: float) -> str:
    if mine["failed"] > _MOST_FAILED:
        return "fails"
    if np.isnan(mine["length"]):
        return "no interval"
    if mine["coverage_high"] >= level - _SLACK:
        return "holds"
    certain = mine["bias_low"] > 0 or mine["bias_high"] < 0
    return "biased" if certain and abs(mine["bias"]) > 0.25 * mine["sd"] else "too short"
