"""Effects of groups by predicted effect (GATES), and whether prediction and effect agree in them (calibration)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.cate.projection import projected, wald
from causalrec_lab.causal.effects.cate.scores import EffectScores, Predicted, predicted_effect
from causalrec_lab.estimate import Estimate, z_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Gates", "gates"]

_FEWEST = 10  # rows of a group below which its own error says little
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Gates:
    """Groups of rows by quantile of the predicted effect.

    Parameters
    ----------
    table
        Indexed by group (1 the lowest): n, predicted (mean prediction), value (mean score), std_error, low, high.
    difference
        Effect of the highest group less that of the lowest.
    p_equal
        That all groups have one effect: small if effects differ.
    p_calibrated
        That every group's effect is the predicted one: small if the prediction is off.
    calibration_error
        Root of the mean squared difference of effect and prediction over groups, less what noise alone makes of it.
    """

    table: pd.DataFrame
    difference: Estimate
    p_equal: float
    p_calibrated: float
    calibration_error: float

    def plot(self, ax: Axes | None = None, *, truth: npt.ArrayLike | None = None) -> Axes:
        """Calibration plot: effect by scores against predicted effect, group by group.

        Parameters
        ----------
        truth
            True average effect of each group, where it is known.
        """
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(4.2, 3.6))
        x, y = self.table["predicted"], self.table["value"]
        error = [y - self.table["low"], self.table["high"] - y]
        ax.errorbar(x, y, yerr=error, fmt="o", capsize=3, label="doubly robust scores")
        ends = [float(x.min()), float(x.max())]
        ax.plot(ends, ends, color="0.35", linewidth=1, label="effect = prediction")
        if truth is not None:
            ax.plot(x, np.asarray(truth, dtype=np.float64), "--", marker="x", color="0.35", label="truth")
        ax.set(xlabel="predicted effect (group mean)", ylabel="effect")
        ax.legend(loc="best")
        return ax


def gates(scores: EffectScores, effect: Predicted, *, groups: int = 5) -> Gates:
    r"""Average effect in each quantile group of a predicted effect, :math:`E[\Gamma \mid \hat\tau \in G_k]`.

    Sorted group average effects are due to Chernozhukov, Demirer, Duflo and Fernández-Val ("Generic machine learning
    inference on heterogeneous treatment effects", section 2). Where predictions tie, or leave
    a group fewer than 10 rows, there are fewer groups.

    Parameters
    ----------
    scores
        Scores of rows held out.
    effect
        `CateEstimate` or (n,) predictions.
    groups
        Quantile groups, of equal size.

    Raises
    ------
    ValueError
        If there are fewer than 2 groups or 10 rows a group, or predictions have another length, are not finite, or
        the same for every row.
    """
    if groups < 2 or groups != int(groups) or groups * _FEWEST > scores.n:
        raise ValueError(f"groups={groups} of {scores.n:,} rows: give a number of at least 2, and 10 rows a group")
    predicted, notes = predicted_effect(scores, effect)
    codes = _grouped(predicted, int(groups), scores.sample.weights > 0)
    count = int(codes.max()) + 1
    if count < 2:
        raise ValueError("the predicted effect is (almost) the same for every row, so there are no groups to compare")
    member = (codes[:, None] == np.arange(count)).astype(np.float64)
    value, covariance, influence = projected(scores, member)
    share = member.T @ scores.sample.weights
    expected = member.T @ (scores.sample.weights * predicted) / share
    error = np.sqrt(np.diag(covariance))
    half = z_value(scores.level) * error
    table = pd.DataFrame(
        {"n": member.sum(axis=0).astype(int), "predicted": expected, "value": value, "std_error": error,
         "low": value - half, "high": value + half},
        index=pd.RangeIndex(1, count + 1, name="group"),
    )  # fmt: skip
    difference = scores.estimate(
        float(value[-1] - value[0]), influence[:, -1] - influence[:, 0], "highest less lowest group",
        f"GATES of {count} groups, doubly robust scores", notes,
    )  # fmt: skip
    steps = np.diff(np.eye(count), axis=0)
    off = float(np.average((value - expected) ** 2 - error**2, weights=share))
    return Gates(
        table, difference, wald(steps @ value, steps @ covariance @ steps.T),
        wald(value - expected, covariance), math.sqrt(max(off, 0.0)),
    )  # fmt: skip


def _grouped(predicted: npt.NDArray[np.float64], groups: int, counted: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """(n,) number of each row's group from 0, the lowest; one too small joins its neighbour."""
    edges = np.unique(np.quantile(predicted, np.arange(1, groups) / groups))
    codes = np.searchsorted(edges, predicted, side="left").astype(np.int64)
    if predicted.std() <= _ROUNDING * float(np.abs(predicted).max()):
        return np.zeros_like(codes)
    while True:
        codes = np.unique(codes, return_inverse=True)[1].reshape(-1).astype(np.int64)
        size = np.bincount(codes[counted], minlength=int(codes.max()) + 1)
        small = int(size.argmin())
        if len(size) == 1 or size[small] >= _FEWEST:
            return codes
        codes = np.where(codes == small, small - 1 if small else 1, codes)
