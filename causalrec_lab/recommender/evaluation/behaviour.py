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
    labels are the same.

    Raises
    ------
    ValueError
        If lengths differ, a label is neither 0 nor 1, or a probability lies outside [0, 1].
    """
    y, p = checked_predictions(labels, probabilities)
    codes, found = pd.factorize(np.asarray(users))
    drawn = np.random.default_rng(seed).standard_exponential((replications, len(found)))
    weights = np.vstack([np.ones((1, len(y))), drawn[:, codes]])
    values = np.column_stack([_errors(y.astype(float), p, weights), calibration_slope(y, p, weights)])
    ends = np.quantile(values[1:], [(1 - level) / 2, (1 + level) / 2], axis=0)
    table = pd.DataFrame({"value": values[0], "low": ends[0], "high": ends[1], "users": float(len(found))})
    return table.set_axis(["ECE", "calibration slope"])


def calibration_slope(labels: Any, probabilities: Any, weights: Floats) -> Floats:
    """(replications,) slopes of the logistic regression of labels on logits, weights (replications, n); by Newton."""
    y, p = checked_predictions(labels, probabilities)
    if y.all() or not y.any():
        return np.full(len(weights), np.nan)
    kept = np.clip(p, 1e-6, 1 - 1e-6)
    x = np.log(kept / (1 - kept))
    if np.ptp(x) < 1e-9:
        return np.full(len(weights), np.nan)
    a, b = np.zeros((2, len(weights), 1))
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(a + b * x, -30, 30)))
        rest, curve = weights * (y - chance), weights * chance * (1 - chance)
        s0, s1, s2 = (np.sum(curve * x**power, axis=1, keepdims=True) for power in range(3))
        g0, g1 = rest.sum(axis=1, keepdims=True), (rest * x).sum(axis=1, keepdims=True)
        scale = 1 / np.maximum(s0 * s2 - s1**2, 1e-12)
        step = np.hstack([(s2 * g0 - s1 * g1) * scale, (s0 * g1 - s1 * g0) * scale])
        a, b = a + step[:, :1], b + step[:, 1:]
        if np.abs(step).max() < 1e-9:
            break
    return np.asarray(b[:, 0])


def _errors(y: Floats, p: Floats, weights: Floats) -> Floats:
    """Expected calibration error under each row of weights."""
    place = np.minimum((p * BINS).astype(int), BINS - 1)
    inside = np.eye(BINS)[place]
    gaps = np.abs((weights * (y - p)) @ inside)
    return np.asarray(gaps.sum(axis=1) / weights.sum(axis=1))
