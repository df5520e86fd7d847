"""Confidence sequences: intervals that hold at all looks together."""

from __future__ import annotations

import math

import numpy as np

from causalrec_lab.causal.effects.columns import nearest
from causalrec_lab.intervention.experiment.arm_means import ArmMeans
from causalrec_lab.intervention.experiment.early import worth
from causalrec_lab.intervention.experiment.laws import Law, best_ratio, mixture_law, welch_freedom
from causalrec_lab.intervention.experiment.units import Floats, Trial

__all__ = ["SEQUENTIAL", "binomial_sequence", "exact_difference", "exact_p", "information_ratio", "sequential_law"]

SEQUENTIAL = ("asymptotic", "mixture", "exact")


def information_ratio(
    kind: str, n: Floats | float, variance: Floats | float, horizon: float | None, scale: float | None, level: float
) -> Floats:
    r"""The mixture's r at n units and squared error `variance`: :math:`r^* n / n_{horizon}`, or :math:`\tau^2 / se^2`.

    Parameters
    ----------
    kind
        "asymptotic" or "mixture".
    n, variance
        Units in both arms, for uneven arms what they are `worth`: r must grow as the information does; squared error.
    horizon, scale, level
        As in `analyse`.

    Raises
    ------
    ValueError
        If what tunes the boundary is missing or not positive.
    """
    if kind == "asymptotic":
        if horizon is None or not horizon > 0:
            raise ValueError(
                f"sequential='asymptotic' with horizon={horizon}: give the units in both arms at which the interval is "
                "to be tightest (design(...).n), fixed before the data: a boundary tuned to what came in is none"
            )
        return np.asarray(best_ratio(level) * np.asarray(n, dtype=np.float64) / horizon)
    if scale is None or not scale > 0:
        raise ValueError(
            f"sequential='mixture' with effect_scale={scale}: give the size of effects you expect (a standard "
            "deviation of past effects), fixed before the data"
        )
    return np.asarray(scale**2 / np.asarray(variance, dtype=np.float64))


def binomial_sequence(ones: Floats, n: Floats, level: float) -> tuple[Floats, Floats]:
    r"""Ends of the confidence sequence of a probability, exact at every n.

    .. math:: \{p : B(1 + k, 1 + n - k) \ge \alpha\, p^k (1 - p)^{n - k}\ \text{does not fail}\}

    that is all p whose likelihood is at least :math:`\alpha` times that of the uniform mixture (Robbins 1970); by
    Ville's inequality the true p leaves it with probability at most :math:`\alpha`, ever.

    Parameters
    ----------
    ones, n
        Successes and trials so far, arrays of one shape.
    level
        Confidence level.
    """
    from scipy.special import betaln, xlog1py, xlogy

    k, n = np.asarray(ones, dtype=np.float64), np.asarray(n, dtype=np.float64)
    bar = betaln(1 + k, 1 + n - k) + math.log(1 - level)
    peak = np.divide(k, n, out=np.full_like(n, 0.5), where=n > 0)
    ends = []
    for edge in (0.0, 1.0):
        outside, inside = np.full_like(peak, edge), peak.copy()
        for _ in range(60):  # halving: the likelihood falls from its peak to either side
            middle = (outside + inside) / 2
            kept = xlogy(k, middle) + xlog1py(n - k, -middle) >= bar
            inside, outside = np.where(kept, middle, inside), np.where(kept, outside, middle)
        ends.append(outside)
    return ends[0], ends[1]


def exact_difference(ones: Floats, n: Floats, level: float) -> tuple[Floats, Floats]:
    """Ends of the difference of two probabilities, from a sequence of each at half the error.

    Parameters
    ----------
    ones, n
        (..., 2) successes and trials: the control, then the treated arm.
    """
    low, high = binomial_sequence(ones, n, (1 + level) / 2)
    return low[..., 1] - high[..., 0], high[..., 1] - low[..., 0]


def sequential_law(
    kind: str | None, plain: ArmMeans, found: ArmMeans, k: int, trial: Trial,
    horizon: float | None, scale: float | None, level: float,
) -> Law | None:  # fmt: skip
    """Law of `analyse(sequential=...)`, None for a fixed horizon.

    Parameters
    ----------
    kind, horizon, scale, level
        As in `analyse`.
    plain, found
        Means as they are; those the contrast is made of, with `steady_means` variances.
    k, trial
        Number of the arm; the experiment.

    Raises
    ------
    ValueError
        If the kind is unknown, untuned, or "exact" for a metric that is not 0 and 1.
    """
    if kind is None:
        return None
    if kind not in SEQUENTIAL:
        raise ValueError(f"unknown sequential={kind!r}; {nearest(kind, SEQUENTIAL)}")
    words = f", {kind} confidence sequence"
    V, units = found.covariance, found.units
    variance = float(V[k, k] + V[0, 0] - 2 * V[k, 0])
    size = np.asarray(np.bincount(trial.arm)[[0, k]], dtype=np.float64)
    if kind != "exact":
        r = information_ratio(kind, float(worth(size)), variance, horizon, scale, level) if variance > 0 else 0.0
        return mixture_law(float(r), level, words, welch_freedom(V[k, k], V[0, 0], units[k], units[0]))
    y = trial.numerator
    if trial.denominator is not None or trial.cluster is not None or found is not plain or not np.isin(y, (0, 1)).all():
        raise ValueError("sequential='exact' is for a plain metric of 0 and 1, a row a unit; take 'asymptotic'")
    ones = np.asarray(np.bincount(trial.arm, weights=y)[[0, k]], dtype=np.float64)
    low, high = exact_difference(ones, size, level)
    return Law(math.nan, lambda _: exact_p(ones, size), words, (float(low), float(high)))


def exact_p(ones: Floats, n: Floats) -> float:
    """Always-valid p-value of equal probabilities: 1 - the level at which the exact interval reaches 0."""
    low, high = 0.0, 1.0 - 1e-12
    for _ in range(50):
        middle = (low + high) / 2
        ends = exact_difference(ones, n, middle)
        held = float(ends[0]) <= 0 <= float(ends[1])  # a higher level has a wider interval
        low, high = (low, middle) if held else (middle, high)
    return 1 - low
