"""How far a behaviour head's probabilities can be believed: calibration error and slope, with intervals over users."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.recommender.evaluation.classification import checked_predictions

__all__ = ["calibration", "calibration_slope"]

Floats = npt.NDArray[np.float64]
BINS, STEPS = 10, 25
CELLS = 2**22  # weights held at a time


def calibration(
    users: Any, labels: Any, probabilities: Any, level: float = 0.95, replications: int = 1_000, seed: int = 0
) -> pd.DataFrame:
    r"""Expected calibration error and calibration slope of predicted probabilities.

    ECE: :math:`\sum_b \frac{n_b}{n} |\bar y_b - \bar p_b|` over ten bins of equal width (Guo et al. 2017, equation 3);
    chance alone keeps it above 0 in a finite sample, so that of a calibrated model is small, not nil. Slope: b of
    :math:`\mathrm{logit}\,P(y = 1) = a + b\,\mathrm{logit}\,p` (Cox 1958): 1 where probabilities are right, below 1
    where they are too far apart (over-fitted), above 1 where they are too close together.

    Parameters
    ----------
    users
        (n,) whose rows they are: intervals are over users.
    labels
        (n,) 0 or 1.
    probabilities
        (n,) predicted probability of 1.
    level, replications, seed
        Bayesian bootstrap over users (Rubin 1981).

    Returns
    -------
    DataFrame indexed by "ECE" and "calibration slope", columns value, low, high, users; the slope is NaN where all
    labels are the same, or where a cut of the probabilities parts them without a fault.

    Raises
    ------
    ValueError
        If lengths differ, a label is neither 0 nor 1, or a probability lies outside [0, 1].
    """
    y, p = checked_predictions(labels, probabilities)
    codes, found = pd.factorize(np.asarray(users))
    rng, rows = np.random.default_rng(seed), max(1, CELLS // len(y))
    values = [_both(y, p, np.ones((1, len(y))))]
    for start in range(0, replications, rows):
        drawn = rng.standard_exponential((min(rows, replications - start), len(found)))
        values.append(_both(y, p, drawn[:, codes]))
    ends = np.quantile(np.vstack(values[1:]), [(1 - level) / 2, (1 + level) / 2], axis=0)
    table = pd.DataFrame({"value": values[0][0], "low": ends[0], "high": ends[1], "users": float(len(found))})
    return table.set_axis(["ECE", "calibration slope"])


def _both(y: Any, p: Floats, weights: Floats) -> Floats:
    return np.column_stack([_errors(y.astype(float), p, weights), calibration_slope(y, p, weights)])


def calibration_slope(labels: Any, probabilities: Any, weights: Floats) -> Floats:
    """(replications,) slopes of the logistic regression of labels on logits, weights (replications, n); by Newton.

    NaN where there is no finite one: all labels are the same, all probabilities are, or a cut parts the labels.
    """
    y, p = checked_predictions(labels, probabilities)
    if y.all() or not y.any():
        return np.full(len(weights), np.nan)
    kept = np.clip(p, 1e-6, 1 - 1e-6)
    x = np.log(kept / (1 - kept))
    if np.ptp(x) < 1e-9:
        return np.full(len(weights), np.nan)
    start = _newton(y, x, np.ones((1, len(y))), np.zeros((1, 2)))
    return _newton(y, x, weights, np.repeat(np.nan_to_num(start), len(weights), axis=0))[:, 1]


def _newton(y: Any, x: Floats, weights: Floats, start: Floats) -> Floats:
    """(replications, 2) intercepts and slopes; NaN where the steps do not end."""
    powers, found = np.column_stack([np.ones_like(x), x, x**2]), start
    step = np.full_like(start, np.inf)
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(found[:, :1] + found[:, 1:] * x, -30, 30)))
        g0, g1 = ((weights * (y - chance)) @ powers[:, :2]).T
        s0, s1, s2 = ((weights * chance * (1 - chance)) @ powers).T
        scale = 1 / np.maximum(s0 * s2 - s1**2, 1e-12)
        step = np.column_stack([(s2 * g0 - s1 * g1) * scale, (s0 * g1 - s1 * g0) * scale])
        found = found + step
        if np.abs(step).max() < 1e-9:
            break
    return np.where(np.abs(step).max(axis=1, keepdims=True) < 1e-6, found, np.nan)


def _errors(y: Floats, p: Floats, weights: Floats) -> Floats:
    """Expected calibration error under each row of weights."""
    place = np.minimum((p * BINS).astype(int), BINS - 1)
    inside = np.eye(BINS)[place]
    gaps = np.abs((weights * (y - p)) @ inside)
    return np.asarray(gaps.sum(axis=1) / weights.sum(axis=1))
