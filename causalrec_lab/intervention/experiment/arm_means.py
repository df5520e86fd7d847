"""Each arm's mean, ratio or quantile with the covariance of their errors: what every contrast is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from causalrec_lab.estimate import z_value
from causalrec_lab.intervention.experiment.units import Floats, Integers, Trial

__all__ = ["ArmMeans", "clustered", "from_influence", "linearised_values", "quantile_values"]


@dataclass(frozen=True, eq=False)
class ArmMeans:
    """Estimates by arm, the control first.

    Parameters
    ----------
    means, covariance
        (A,) estimates; (A, A) covariance of their errors.
    units
        (A,) degrees of freedom plus one behind each variance: units, or equal clusters that would tell as much.
    largest
        (A,) share of an arm's variance that one unit (or cluster) carries.
    """

    means: Floats
    covariance: Floats
    units: Floats
    largest: Floats


def linearised_values(trial: Trial) -> Floats:
    r"""(n,) values whose arm means are the metric's and whose spread is its error.

    A mean is left as it is. A ratio :math:`R = \bar y / \bar d` becomes :math:`R + (y_i - R d_i) / \bar d` within its
    arm, the delta method (Deng, Knoblich and Lu 2018, section 2.2).
    """
    if trial.denominator is None:
        return trial.numerator
    n = np.bincount(trial.arm)
    below = np.bincount(trial.arm, weights=trial.denominator) / n
    ratio = np.bincount(trial.arm, weights=trial.numerator) / n / below
    R = ratio[trial.arm]
    return np.asarray(R + (trial.numerator - R * trial.denominator) / below[trial.arm])


def quantile_values(trial: Trial, p: float) -> Floats:
    r"""(n,) values whose arm means are the arm's p-quantiles and whose spread is their error.

    :math:`q + s (p - 1[y_i \le q])`, where s makes one standard error of the share below q as wide as the values
    it spans (Woodruff 1952): no density is estimated. Clusters widen the span (Deng, Knoblich and Lu 2018, section 4).

    Raises
    ------
    ValueError
        If p is outside (0, 1), so far out that the interval leaves an arm's values, or one value is so common that
        the quantile jumps.
    """
    if not 0 < p < 1:
        raise ValueError(f"quantile={p}: give a share in (0, 1), such as 0.5 for the median")
    values = np.empty(len(trial.arm))
    for k, name in enumerate(trial.arms):
        rows = trial.arm == k
        values[rows] = _spread_of_quantile(trial.numerator[rows], p, _part(trial.cluster, rows), name)
    return values


def _spread_of_quantile(y: Floats, p: float, cluster: Integers | None, name: str) -> Floats:
    q = float(np.quantile(y, p))
    below = (y <= q).astype(np.float64)
    error = float(np.sqrt(clustered((below - below.mean())[:, None] / len(y), cluster)[0, 0]))
    half = z_value(0.95) * error
    if error == 0 or p - half <= 0 or p + half >= 1:
        raise ValueError(f"arm {name!r} has too few values for its {p:g}-quantile; take more units or another quantile")
    low, high = np.quantile(y, [p - half, p + half])
    if (tied := float((y == q).mean())) > 2 * half:
        raise ValueError(
            f"{tied:.0%} of arm {name!r} have the value {q:g} at its {p:g}-quantile, which jumps and has no standard "
            f"error: compare the share above {q:g} as a rate instead"
        )
    return np.asarray(q - (below - below.mean()) * (high - low) / (2 * half))


def from_influence(
    arm: Integers, values: Floats, arms: int, cluster: Integers | None, weight: Floats | None = None
) -> ArmMeans:
    """Plain means of `values` by arm, with the variance of units or clusters.

    Parameters
    ----------
    weight
        (n,) what each row weighs in its cluster's share of the arm (a ratio's denominator); None: rows weigh the same.
    """
    n = np.bincount(arm, minlength=arms).astype(np.float64)
    means = np.bincount(arm, weights=values, minlength=arms) / n
    influence = (values - means[arm]) / n[arm]
    return summed(arm, influence, means, cluster, weight=weight)


def summed(
    arm: Integers,
    influence: Floats,
    means: Floats,
    cluster: Integers | None,
    *,
    correct: bool = True,
    weight: Floats | None = None,
) -> ArmMeans:
    r"""Means with the covariance of their influence values (which sum to 0 within each arm).

    Of clusters with shares :math:`w_g` of an arm the variance is the jackknife's,
    :math:`\frac{g - 1}{g} \sum (s_g / (1 - w_g))^2`, since a large cluster drags the mean to itself (Bell and McCaffrey
    2002; MacKinnon, Nielsen and Webb 2023), with :math:`1 / \sum w_g^2 - 1` degrees of freedom; equal clusters give
    g / (g - 1) and g - 1.

    Parameters
    ----------
    correct
        Whether to multiply by g / (g - 1) for g units of an arm.
    weight
        As in `from_influence`.
    """
    arms = len(means)
    if cluster is not None:
        return _of_clusters(arm, influence, means, cluster, weight)
    sums, owner = influence, arm
    g = np.bincount(owner, minlength=arms).astype(np.float64)
    squares = np.bincount(owner, weights=sums**2, minlength=arms)
    top = np.zeros(arms)
    np.maximum.at(top, owner, sums**2)
    share = np.divide(top, squares, out=np.zeros(arms), where=squares > 0)
    return ArmMeans(means, np.diag(squares * (g / (g - 1) if correct else 1.0)), g, share)


def _of_clusters(arm: Integers, influence: Floats, means: Floats, cluster: Integers, weight: Floats | None) -> ArmMeans:
    arms, (sums, owner) = len(means), _sums(arm, influence, cluster)
    g = np.bincount(owner, minlength=arms)
    size = np.bincount(cluster, weights=weight)
    share = size / np.bincount(owner, weights=size, minlength=arms)[owner]
    sums = sums / np.maximum(1 - share, 1e-9)
    squares = np.bincount(owner, weights=sums**2, minlength=arms)
    top = np.zeros(arms)
    np.maximum.at(top, owner, sums**2)
    largest = np.divide(top, squares, out=np.zeros(arms), where=squares > 0)
    equal = 1 / np.bincount(owner, weights=share**2, minlength=arms)
    return ArmMeans(means, np.diag(squares * (g - 1) / g), np.maximum(equal, 1.001), largest)


def clustered(influence: Floats, cluster: Integers | None) -> Floats:
    """(k, k) covariance of k sums of (n, k) influence values, by row or by cluster, times g / (g - 1)."""
    if cluster is not None:
        codes = np.unique(cluster, return_inverse=True)[1].reshape(-1)
        influence = np.column_stack([np.bincount(codes, weights=column) for column in influence.T])
    g = len(influence)
    return np.asarray(influence.T @ influence * g / (g - 1))


def _sums(arm: Integers, influence: Floats, cluster: Integers) -> tuple[Floats, Integers]:
    first = np.unique(cluster, return_index=True)[1]
    return np.asarray(np.bincount(cluster, weights=influence), dtype=np.float64), arm[first]


def _part(codes: Integers | None, rows: npt.NDArray[np.bool_]) -> Integers | None:
    return None if codes is None else codes[rows]
