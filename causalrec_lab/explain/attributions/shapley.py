r"""Shapley values by enumeration of all coalitions: exact, for few features and any value function.

.. math:: \phi_j = \sum_{S \subseteq F \setminus j} \frac{|S|! \, (d - |S| - 1)!}{d!} \left(v(S \cup j) - v(S)\right)

(Shapley 1953, "A Value for n-Person Games", Contributions to the Theory of Games II.)
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["MOST_FEATURES", "conditional_linear", "interventional_value", "shapley_values"]

Floats = npt.NDArray[np.float64]
Masks = npt.NDArray[np.bool_]
MOST_FEATURES = 12


def shapley_values(value: Callable[[Masks], Floats], features: int) -> tuple[Floats, Floats]:
    """Shapley values of d players.

    Parameters
    ----------
    value
        (d,) mask of the coalition to (n,) values, one a row that is explained.
    features
        d, at most 12: there are 2^d coalitions.

    Returns
    -------
    (n, d) values, and (n,) values of the empty coalition: they sum to the value of the whole one.

    Raises
    ------
    ValueError
        If d is not in 1..12.
    """
    if not 1 <= features <= MOST_FEATURES:
        raise ValueError(f"{features} features have 2^{features} coalitions; enumeration takes 1 to {MOST_FEATURES}")
    masks = (np.arange(2**features)[:, None] >> np.arange(features)) & 1 == 1
    found = np.stack([np.asarray(value(mask), dtype=np.float64) for mask in masks])
    size = masks.sum(axis=1)
    weight = 1.0 / (features * np.array([comb(features - 1, min(s, features - 1)) for s in range(features + 1)]))
    shares = []
    for place in range(features):
        without = np.flatnonzero(~masks[:, place])
        gained = found[without + 2**place] - found[without]
        shares.append(weight[size[without]] @ gained)
    return np.stack(shares, axis=1), found[0]


def interventional_value(
    function: Callable[[Floats], Floats], rows: Floats, background: Floats
) -> Callable[[Masks], Floats]:
    r""":math:`v(S) = E_b[f(x_S, b_{\bar S})]`: what is not in the coalition is drawn from the background, whatever x.

    Parameters
    ----------
    function
        (m, d) inputs to (m,) outputs.
    rows, background
        (n, d) and (b, d) inputs.
    """

    def value(mask: Masks) -> Floats:
        mixed = np.where(mask, rows[:, None, :], background[None, :, :])
        outputs = np.asarray(function(mixed.reshape(-1, rows.shape[1])), dtype=np.float64)
        return np.asarray(outputs.reshape(len(rows), len(background)).mean(axis=1))

    return value


def conditional_linear(
    slopes: Floats, intercept: float, rows: Floats, mean: Floats, covariance: Floats
) -> Callable[[Masks], Floats]:
    r""":math:`v(S) = E[f(X) \mid X_S = x_S]` of a linear f and Gaussian X: credit goes to whatever tells of the used.

    Parameters
    ----------
    slopes, intercept
        f(x) = intercept + slopes'x.
    rows
        (n, d) inputs that are explained.
    mean, covariance
        Of the inputs.
    """

    def value(mask: Masks) -> Floats:
        expected = np.tile(mean, (len(rows), 1))
        expected[:, mask] = rows[:, mask]
        if mask.any() and not mask.all():
            known = np.linalg.pinv(covariance[np.ix_(mask, mask)])
            expected[:, ~mask] += (rows[:, mask] - mean[mask]) @ known @ covariance[np.ix_(mask, ~mask)]
        return np.asarray(expected @ slopes + intercept)

    return value


def moments_of(background: pd.DataFrame) -> tuple[Floats, Floats]:
    """Mean and covariance of the inputs."""
    values: Any = background.to_numpy(dtype=np.float64)
    return values.mean(axis=0), np.atleast_2d(np.cov(values, rowvar=False))
