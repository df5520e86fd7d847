r"""Ratios of sums by group, gaps between them, and intervals that hold for one group or for all at once.

With contributions :math:`a_{cg}, b_{cg}` of cluster c (a user, a provider) to group g,

.. math:: \hat R_g = \sum_c a_{cg} / \sum_c b_{cg}, \qquad \psi_{cg} = (a_{cg} - \hat R_g b_{cg}) / \bar b_g,

and the covariance of the :math:`\hat R_g` is that of the mean of :math:`\psi` over clusters, each :math:`\psi_{cg}`
times :math:`\sqrt{n_g (n-1) / (n_g - 1) n}` where :math:`n_g` of the n clusters have something of group g: the variance
of a group's mean then is the usual one, with :math:`n_g - 1`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalrec_lab.estimate import z_value
from causalrec_lab.explain.fairness.groups import Floats

__all__ = ["Ratios", "critical_value", "ratios"]

_DRAWS = 20_000


@dataclass(frozen=True, eq=False)
class Ratios:
    """Values and their influence functions.

    Parameters
    ----------
    value
        (groups,) ratios; nan where there is nothing to divide by.
    influence
        (clusters, groups) with mean 0; nan where a single cluster, or nothing at all, tells of no spread.
    clusters
        (groups,) clusters that a value rests on.
    """

    value: Floats
    influence: Floats
    clusters: Floats

    @property
    def covariance(self) -> Floats:
        """(groups, groups) covariance of the errors."""
        n = len(self.influence)
        return np.asarray(self.influence.T @ self.influence / (n * max(n - 1, 1)))

    @property
    def std_error(self) -> Floats:
        """(groups,) standard errors."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))

    def minus(self, other: Ratios) -> Ratios:
        """Differences, the two on the same clusters."""
        return Ratios(self.value - other.value, self.influence - other.influence, self._least(other))

    def log_over(self, other: Ratios) -> Ratios:
        """Logarithms of quotients; nan where a side is not positive."""
        good = (self.value > 0) & (other.value > 0)
        mine, theirs = (np.where(good, r.value, np.nan) for r in (self, other))
        return Ratios(np.log(mine / theirs), self.influence / mine - other.influence / theirs, self._least(other))

    def half(self, level: float, simultaneous: bool, seed: int) -> Floats:
        """(groups,) half widths: the critical value times the error, widened to Student's where clusters are few."""
        from scipy.special import stdtrit

        student = stdtrit(np.maximum(self.clusters - 1, 1), (1 + level) / 2) / z_value(level)
        return np.asarray(critical_value(self.covariance, level, simultaneous, seed) * student * self.std_error)

    def repeated(self, group: int, times: int) -> Ratios:
        """One group's ratio, so many times: the reference of all."""
        at = np.full(times, group)
        return Ratios(self.value[at], self.influence[:, at], self.clusters[at])

    def _least(self, other: Ratios) -> Floats:
        return np.minimum(self.clusters, other.clusters)


def ratios(above: Floats, below: Floats) -> Ratios:
    """Ratios of column sums with their influence functions.

    Parameters
    ----------
    above, below
        (clusters, groups) contributions.
    """
    total = below.sum(axis=0)
    there = np.where(total > 0, total, np.nan)
    value = above.sum(axis=0) / there
    n, held = len(below), (below > 0).sum(axis=0).astype(np.float64)
    told = (held > 1) & (above != 0).any(axis=0)
    factor = np.sqrt(held / np.where(told, held - 1, np.nan) * (n - 1) / n)
    return Ratios(value, factor * (above - value * below) / (there / n), held)


def critical_value(covariance: Floats, level: float, simultaneous: bool, seed: int = 0) -> float:
    r"""Half-width of intervals in standard errors.

    One at a time it is the normal quantile. Simultaneously it is the `level` quantile of :math:`\max_g |Z_g|` for
    :math:`Z \sim N(0, \text{correlation})`, by simulation: the sup-t band (Montiel Olea and Plagborg-Moller 2019,
    "Simultaneous Confidence Bands", Journal of Applied Econometrics 34), which is never wider than Bonferroni's.
    """
    if not simultaneous:
        return z_value(level)
    spread = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    alive = np.isfinite(spread) & (spread > 0)
    if alive.sum() < 2:
        return z_value(level)
    correlation = covariance[np.ix_(alive, alive)] / np.outer(spread[alive], spread[alive])
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    drawn = np.random.default_rng(seed).standard_normal((_DRAWS, alive.sum())) @ root.T
    return max(float(np.quantile(np.abs(drawn).max(axis=1), level)), z_value(level))
