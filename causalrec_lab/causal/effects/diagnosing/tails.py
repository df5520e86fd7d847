"""How heavy the tail of the weights is: whether an average by them has a variance at all."""

from __future__ import annotations

import numpy as np

from causalrec_lab.causal.effects.sample import Floats

__all__ = ["hill", "pareto_k"]

_LEAST = 20  # fewer different values in the tail tell no shape


def pareto_k(weights: Floats) -> float:
    r"""Shape k of the generalised Pareto tail of the weights: moments exist up to order 1/k.

    Above .5 their variance is infinite, above .7 an average by them cannot be relied on at any ordinary sample size;
    at or below 0 the tail is bounded. The tail is the largest :math:`\min(n/5, 3\sqrt n)` weights.
    Source: Vehtari, Simpson, Gelman, Yao and Gabry (2024), "Pareto smoothed importance sampling", section 2; the fit is
    that of Zhang and Stephens (2009), shrunk a little towards .5 as there.

    Parameters
    ----------
    weights
        (n,) weights of one arm, 0 or more, any scale.

    Returns
    -------
    k; nan where the tail has fewer than 20 different values (few rows, or all alike), which says nothing.

    Raises
    ------
    ValueError
        If a weight is missing, infinite or negative.
    """
    positive = _checked(weights)
    count = int(min(len(positive) / 5, 3 * np.sqrt(len(positive))))
    if count < _LEAST:
        return float("nan")
    top = np.sort(np.partition(positive, len(positive) - count - 1)[-count - 1 :])
    excess = top[1:] - top[0]
    excess = excess[excess > 1e-12 * max(abs(top[-1]), 1e-300)]
    if len(np.unique(excess)) < _LEAST:
        return float("nan")
    return _shape(excess)


def _shape(excess: Floats) -> float:
    """Zhang and Stephens' (2009) estimate of k from sorted excesses, their equations 7 to 10, b averaged on a grid."""
    n = len(excess)
    points = 30 + int(np.sqrt(n))
    quarter = excess[int(n / 4 + 0.5) - 1]
    b = 1 / excess[-1] + (1 - np.sqrt(points / (np.arange(1, points + 1) - 0.5))) / (3 * quarter)
    k = np.log1p(-b[:, None] * excess).mean(axis=1)
    likelihood = n * (np.log(-b / k) - k - 1)
    likelihood -= likelihood.max()
    mean = float(b @ np.exp(likelihood) / np.exp(likelihood).sum())
    shape = float(np.log1p(-mean * excess).mean())
    return (n * shape + 10 * 0.5) / (n + 10)


def hill(weights: Floats, top: int) -> float:
    r"""Hill's (1975) estimate of 1/tail index, :math:`\frac1k \sum_{i \le k} \log(w_{(i)}/w_{(k+1)})`.

    Parameters
    ----------
    weights
        (n,) positive weights.
    top
        k, how many of the largest count.

    Raises
    ------
    ValueError
        If `top` is not between 1 and n - 1, a weight among them is not positive, or one is missing or infinite.
    """
    values = np.sort(_checked(weights))[::-1]
    if not 1 <= top < len(values):
        raise ValueError(f"top={top}; give a number between 1 and {len(values) - 1}, one less than the weights")
    if not values[top] > 0:
        raise ValueError(f"the {top + 1} largest weights are not all positive ({values[top]}); give a smaller top")
    return float(np.mean(np.log(values[:top] / values[top])))


def _checked(weights: Floats) -> Floats:
    values = np.asarray(weights, dtype=np.float64)
    if (bad := ~(np.isfinite(values) & (values >= 0))).any():
        at = int(np.argmax(bad))
        raise ValueError(
            f"weights has {int(bad.sum())} values that are no weights, first at {at}: {values[at]}; weights are finite "
            "and 0 or more"
        )
    return values
