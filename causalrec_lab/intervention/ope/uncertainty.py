"""How far the value of a policy may be off: an analytic standard error, and a bootstrap by option."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.intervention.ope.round_rewards import RoundRewards

__all__ = ["bootstrapped", "cluster_codes", "standard_error", "student_ends", "unit_sums"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
_CHUNK = 4_000_000  # draws of a unit held at once


def cluster_codes(cluster: npt.NDArray[Any] | None, n: int) -> Integers | None:
    """Codes 0, 1, ... of the clusters of n rounds, or None without clusters.

    Raises
    ------
    ValueError
        If there is not one label a round, a label is missing, or there is a single cluster.
    """
    if cluster is None:
        return None
    if len(cluster) != n:
        raise ValueError(f"cluster has {len(cluster)} labels for {n} rounds; give one a round")
    codes = pd.factorize(np.asarray(cluster))[0]
    if (lost := codes < 0).any():
        raise ValueError(
            f"cluster is missing for {int(lost.sum())} of {n} rounds, first at row {int(lost.argmax())}; label "
            "them, or drop these rounds from the log"
        )
    if codes.max() < 1:
        raise ValueError("all rounds are in one cluster, so nothing tells how the value varies")
    return np.asarray(codes, dtype=np.int64)


def standard_error(influence: Floats, codes: Integers | None = None, strata: Integers | None = None) -> float:
    r"""Standard error of a value whose error is the mean of `influence`.

    :math:`\sqrt{\tfrac{G}{G-1} \sum_g s_g^2} / n` with :math:`s_g` the sums within clusters (rounds, where there are
    none). Rounds of several logs are drawn log by log, so that only what varies within a log counts: influence is
    centred in each stratum.

    Parameters
    ----------
    influence
        (n,) influence values with mean 0.
    codes
        (n,) cluster codes, or None.
    strata
        (n,) which log each round is from, or None.
    """
    sums = unit_sums(influence, codes, strata)
    return math.sqrt(float(sums @ sums)) / len(influence)


def student_ends(value: float, std_error: float, codes: Integers | None, level: float) -> tuple[float, float] | None:
    """Interval by Student's t with one degree of freedom fewer than there are clusters; None without clusters.

    Few clusters tell their own spread badly; t makes up for most of it (Cameron and Miller 2015, section VI).

    Parameters
    ----------
    value, std_error
        The estimate and its standard error over clusters.
    codes
        (n,) cluster codes, or None.
    level
        Confidence level in (0, 1).
    """
    if codes is None:
        return None
    from scipy.special import stdtrit

    half = float(stdtrit(int(codes.max()), (1 + level) / 2)) * std_error
    return value - half, value + half


def unit_sums(influence: Floats, codes: Integers | None = None, strata: Integers | None = None) -> Floats:
    """(units,) sums whose squares add up to the variance times n squared; arguments as in `standard_error`."""
    if strata is not None:
        sizes = np.bincount(strata)
        centre = np.bincount(strata, weights=influence) / np.maximum(sizes, 1)
        influence = influence - centre[strata]
        if codes is None:
            return np.asarray(influence * np.sqrt(sizes / np.maximum(sizes - 1, 1))[strata])
    sums = influence if codes is None else np.bincount(codes, weights=influence)
    return np.asarray(sums * math.sqrt(len(sums) / (len(sums) - 1)))


def bootstrapped(
    found: RoundRewards,
    codes: Integers | None,
    strata: Integers | None,
    *,
    level: float,
    draws: int,
    seed: int,
) -> tuple[float, tuple[float, float]]:
    """Standard error and percentile interval of the value over resampled rounds.

    Clusters are drawn whole where there are any (the pairs cluster bootstrap of Cameron, Gelbach and Miller 2008);
    otherwise rounds, within their log. A draw in which the policy takes no logged action has no self-normalised value
    and is left out.

    Parameters
    ----------
    found
        The estimate's round rewards; parameters, models and propensities are kept as they are.
    codes, strata
        (n,) cluster codes and log of each round, or None.
    level
        Confidence level in (0, 1).
    draws, seed
        Number of resamples, and the seed of them.

    Raises
    ------
    ValueError
        If fewer than 2 draws are asked for.
    """
    if draws < 2:
        raise ValueError(f"draws={draws}: a bootstrap needs at least 2 resamples, such as 1000")
    terms, rng = found.terms, np.random.default_rng(seed)
    units = np.column_stack([terms, np.ones(len(terms))])
    if codes is not None:
        units = np.column_stack([np.bincount(codes, weights=column) for column in units.T])
        strata = None
    parts = [units] if strata is None else [units[strata == k] for k in range(int(strata.max()) + 1)]
    totals = sum((_resampled_sums(part, draws, rng) for part in parts), np.zeros((draws, units.shape[1])))
    values = found.of_means(totals[:, :-1] / totals[:, -1:])
    values = values[np.isfinite(values)]
    tail = (1 - level) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(values.std(ddof=1)), (float(low), float(high))


def _resampled_sums(units: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """(draws, k) sums of the units drawn with replacement."""
    size, sums, step = len(units), [], max(1, _CHUNK // max(len(units), 1))
    for start in range(0, draws, step):
        rows = min(step, draws - start)
        drawn = rng.integers(size, size=(rows, size))
        drawn += size * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * size).reshape(rows, size)
        sums.append(counts.astype(np.float64) @ units)
    return np.concatenate(sums)
