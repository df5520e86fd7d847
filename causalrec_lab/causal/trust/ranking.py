"""From measured bias and coverage to an order of trust, by a rule that is told."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
import pandas as pd

from causalrec_lab.estimate import Estimate, z_value

__all__ = ["STANDINGS", "coverage_at", "rank"]

#: How an estimator stands where nothing is hidden, the best first.
STANDINGS = ("holds", "undecided", "too short", "biased", "no interval", "fails")
_SLACK = 0.02  # below the level that a coverage may lie before it counts as short
_UNSURE = 0.15  # below the level that a coverage may still lie, so that nothing is decided: too few logs were drawn
_MOST_FAILED = 0.05


def rank(measured: pd.DataFrame, estimates: Mapping[str, Estimate], level: float, shrink: float = 1.0) -> pd.DataFrame:
    r"""Order the estimators.

    The rule: first those that are not shown to fall short where nothing is hidden (their coverage's Wilson interval
    reaches the level less two points); then the others; within each, by root mean squared error averaged over the
    strengths of hidden confounding, each taken as equally likely. A bias stays and a spread shrinks with more rows, so
    the error is that of a log of this one's length, :math:`\sqrt{b^2 + s \, \mathrm{sd}^2}` with
    :math:`b^2 = (\mathrm{rmse}^2 - \mathrm{sd}^2)_+` and s the twins' rows a row of the log.

    Parameters
    ----------
    measured
        As `twins.summarise` gives it; its smallest strength is where nothing is hidden.
    estimates
        Label -> estimate on the log, for those that could be computed there.
    level
        Confidence level of the intervals.
    shrink
        Rows of a twin's log over rows of the log.

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
            "rmse": _error(mine, shrink),
            **{f"coverage, {s:g}": float(mine.loc[s, "coverage"]) for s in strengths},
            "at_this_size": coverage_at(found, float(mine.loc[strengths[-1], "bias"])),
            "value": found.value if found else np.nan,
            "low": found.low if found else np.nan,
            "high": found.high if found else np.nan,
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("estimator")
    table["standing"] = table["standing"].where(table["value"].notna(), "fails")
    order = table["standing"].map(
        {"holds": 0, "undecided": 0, "too short": 1, "biased": 1, "no interval": 1, "fails": 2}
    )
    return table.assign(order=order).sort_values(["order", "rmse"], kind="stable").drop(columns="order")


def _error(mine: pd.DataFrame, shrink: float) -> float:
    """Root mean squared error of a log of the asked length, averaged over the strengths."""
    if shrink == 1:
        return float(mine["rmse"].mean())
    bias = (mine["rmse"] ** 2 - mine["sd"] ** 2).clip(lower=0)
    return float(np.sqrt(bias + shrink * mine["sd"] ** 2).mean())


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
        return "holds" if mine["coverage_low"] >= level - _UNSURE else "undecided"
    certain = mine["bias_low"] > 0 or mine["bias_high"] < 0
    return "biased" if certain and abs(mine["bias"]) > 0.25 * mine["sd"] else "too short"
