"""What data from before tell for the size of an experiment: `measure`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.columns import as_list
from causalrec_lab.intervention.experiment.units import Floats, Integers, read_trial

__all__ = ["Pilot", "intracluster_correlation", "measure"]

_ARM, _HALVES = "__arm__", ("first", "second")


@dataclass(frozen=True)
class Pilot:
    """A metric before the experiment.

    Parameters
    ----------
    mean, std
        Of the metric; of a ratio, the standard deviation of its linearised values.
    correlation
        Root of the share of variance that CUPED takes away.
    icc
        Intracluster correlation, 0 where units are randomised.
    cluster_size, cluster_variation
        Mean units a cluster; coefficient of variation of that number.
    n
        Units seen.
    """

    mean: float
    std: float
    correlation: float = 0.0
    icc: float = 0.0
    cluster_size: float = 1.0
    cluster_variation: float = 0.0
    n: int = 0

    @property
    def effective_cluster_size(self) -> float:
        r"""Equal clusters' size that would cost as much: :math:`\bar m (1 + cv^2)` (Eldridge, Ashby and Kerry 2006)."""
        return self.cluster_size * (1 + self.cluster_variation**2)

    @property
    def design_effect(self) -> float:
        r"""Factor of the variance: :math:`1 + (\bar m (1 + cv^2) - 1) ICC`."""
        return 1 + (self.effective_cluster_size - 1) * self.icc

    def __str__(self) -> str:
        """One sentence."""
        groups = f", clusters of {self.cluster_size:.3g} with ICC {self.icc:.3g}" if self.cluster_size > 1 else ""
        return f"mean {self.mean:.4g}, standard deviation {self.std:.4g} over {self.n:,} units{groups}"


def measure(
    frame: pd.DataFrame,
    metric: str,
    *,
    denominator: str | None = None,
    cuped: str | Sequence[str] | None = None,
    unit: str | None = None,
    cluster: str | None = None,
    winsorise: float | None = None,
) -> Pilot:
    """Mean, spread, correlation with covariates and likeness within clusters, from data before the experiment.

    Parameters
    ----------
    frame, metric, denominator, cuped, unit, cluster, winsorise
        As in `analyse`, of a time as long as the experiment is to be.

    Raises
    ------
    ValueError
        On the bad input that `analyse` refuses.
    """
    columns = as_list(cuped)
    keys = frame[cluster or unit] if cluster or unit else pd.Series(np.arange(len(frame)), index=frame.index)
    halves = np.asarray(_HALVES)[pd.factorize(keys)[0] % 2]  # arms only so that the frame is read as analyse reads it
    trial = read_trial(
        frame.assign(**{_ARM: halves}), metric, _ARM, _HALVES[0],
        denominator=denominator, unit=unit, cluster=cluster, numeric=columns, winsorise=winsorise,
    )  # fmt: skip
    y = trial.numerator
    mean, values = float(y.mean()), y - y.mean()
    if trial.denominator is not None:
        below = float(trial.denominator.mean())
        mean = float(y.mean()) / below
        values = (y - mean * trial.denominator) / below
    left = _without(values, trial.table[columns].to_numpy(dtype=np.float64)) if columns else values
    share = float(left @ left / (values @ values)) if values @ values > 0 else 1.0
    icc, size, variation = (0.0, 1.0, 0.0) if trial.cluster is None else intracluster_correlation(left, trial.cluster)
    return Pilot(mean, float(values.std(ddof=1)), float(np.sqrt(max(1 - share, 0.0))), icc, size, variation, len(y))


def intracluster_correlation(values: Floats, cluster: Integers) -> tuple[float, float, float]:
    r"""ICC by analysis of variance, mean size of a cluster and its coefficient of variation.

    :math:`(MSB - MSW)/(MSB + (m_0 - 1) MSW)`, :math:`m_0 = (n - \sum m^2 / n)/(k - 1)`, not below 0 (Donner and
    Klar 2000).

    Parameters
    ----------
    values, cluster
        (n,) values; codes of their clusters.

    Raises
    ------
    ValueError
        If there is one cluster, or no cluster has two units.
    """
    m = np.bincount(cluster).astype(np.float64)
    k, n = len(m), len(values)
    if k < 2 or n == k:
        raise ValueError(
            f"{k} clusters of {n} units tell no intracluster correlation; give several, of two units or more"
        )
    means = np.bincount(cluster, weights=values) / m
    between = float(m @ (means - values.mean()) ** 2) / (k - 1)
    within = float(((values - means[cluster]) ** 2).sum()) / (n - k)
    typical = (n - float(m @ m) / n) / (k - 1)
    below = between + (typical - 1) * within
    icc = max((between - within) / below, 0.0) if below > 0 else 0.0
    return min(icc, 1 - 1e-9), float(m.mean()), float(m.std() / m.mean())


def _without(values: Floats, x: Floats) -> Floats:
    centred = x - x.mean(axis=0)
    return np.asarray(values - centred @ np.linalg.lstsq(centred, values, rcond=None)[0])
