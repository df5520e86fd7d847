r"""From ATT(g, t) to fewer numbers: simple, by cohort, by time since treatment, by calendar time.

Weighted means with weights from cohort shares :math:`\pi_g`, whose sampling is in the error (Callaway and Sant'Anna
2021, Journal of Econometrics): for :math:`\theta = \sum_k w_k ATT_k`, :math:`w_k = \pi_k / \sum_j \pi_j`,

.. math:: \psi = \sum_k w_k \psi_k + \sum_k (1\{G = g_k\} - \pi_k)(ATT_k - \theta) / \sum_j \pi_j
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from causalrec_lab.causal.effects.panel.group_time import Cells
from causalrec_lab.causal.effects.panel.reading import Panel
from causalrec_lab.causal.effects.sample import Floats, nearest
from causalrec_lab.estimate import z_value

__all__ = ["AGGREGATIONS", "Aggregate", "Shares", "aggregate", "cohort_shares", "covariance", "sup_t"]

AGGREGATIONS = ("simple", "group", "dynamic", "calendar")
_DRAWS = 20_000


@dataclass(frozen=True)
class Shares:
    """Share of units in each cohort, and its influence values.

    Parameters
    ----------
    share
        (P + 1,) weight share by number of first treated period.
    influence
        (clusters, P + 1) sums within clusters.
    """

    share: Floats
    influence: Floats


@dataclass(frozen=True)
class Aggregate:
    """Effects along one axis and their mean.

    Parameters
    ----------
    keys
        (k,) cohort number, time since treatment, or period number.
    effects, influence
        (k,) effects and (clusters, k) influence sums.
    average, average_influence
        The overall mean and its (clusters,) influence sums.
    """

    keys: Floats
    effects: Floats
    influence: Floats
    average: float
    average_influence: Floats


def cohort_shares(panel: Panel) -> Shares:
    """Shares of the cohorts among the units."""
    member = (panel.cohort[:, None] == np.arange(panel.periods + 1)) * panel.weights[:, None]
    share = member.mean(axis=0)
    clusters = int(panel.clusters.max()) + 1
    sums = [np.bincount(panel.clusters, weights=column, minlength=clusters) for column in (member - share).T]
    return Shares(share, np.column_stack(sums))


def aggregate(cells: Cells, shares: Shares, since: Floats, kind: str) -> Aggregate:
    """Average the cells.

    Parameters
    ----------
    since
        (m,) time since treatment of each cell; negative before it.
    kind
        "simple" (one number: all treated cells by cohort size), "group" (each cohort's mean over its treated periods),
        "dynamic" (each time since treatment, before it too), "calendar" (each period).

    Raises
    ------
    ValueError
        If the kind is unknown, or no cell is after treatment.
    """
    if kind not in AGGREGATIONS:
        raise ValueError(f"unknown aggregation {kind!r}; {nearest(kind, AGGREGATIONS)}")
    after = since >= 0
    if not after.any():
        raise ValueError(
            "no treated period has a comparison; use control='not yet', or add units treated later or never"
        )
    if kind == "simple":
        value, psi = _weighted(cells, shares, np.flatnonzero(after))
        return Aggregate(np.array([0.0]), np.array([value]), psi[:, None], value, psi)
    axis = {"group": cells.cohort, "dynamic": since, "calendar": cells.period}[kind].astype(np.float64)
    keys = np.unique(axis if kind == "dynamic" else axis[after])
    members = [np.flatnonzero((axis == key) & (after | (kind == "dynamic"))) for key in keys]
    if kind == "group":
        values = np.array([cells.att[rows].mean() for rows in members])
        influence = np.column_stack([cells.influence[:, rows].mean(axis=1) for rows in members])
        average, psi = _combine(values, influence, shares, keys.astype(np.int64))
        return Aggregate(keys, values, influence, average, psi)
    values, influence = _each(cells, shares, members)
    used = keys >= 0
    return Aggregate(keys, values, influence, float(values[used].mean()), influence[:, used].mean(axis=1))


def _each(cells: Cells, shares: Shares, members: Sequence[np.ndarray]) -> tuple[Floats, Floats]:
    found = [_weighted(cells, shares, rows) for rows in members]
    return np.array([value for value, _ in found]), np.column_stack([psi for _, psi in found])


def _weighted(cells: Cells, shares: Shares, rows: np.ndarray) -> tuple[float, Floats]:
    return _combine(cells.att[rows], cells.influence[:, rows], shares, cells.cohort[rows])


def _combine(values: Floats, influence: Floats, shares: Shares, cohort: np.ndarray) -> tuple[float, Floats]:
    share = shares.share[cohort]
    weight = share / share.sum()
    average = float(weight @ values)
    return average, influence @ weight + shares.influence[:, cohort] @ (values - average) / share.sum()


def covariance(influence: Floats, units: int) -> Floats:
    """(k, k) covariance of effects from (clusters, k) influence sums."""
    clusters = len(influence)
    if clusters < 2:
        raise ValueError("all units are in one cluster, so nothing tells how the estimate varies; give at least 20")
    return np.asarray(clusters / (clusters - 1) * influence.T @ influence / units**2)


def sup_t(spread: Floats, level: float, seed: int) -> float:
    """Critical value of a band that holds for all effects at once.

    The quantile of the largest |t|. A multiplier bootstrap with Gaussian multipliers draws from the normal law with the
    estimated covariance exactly, so that law is drawn from directly (Callaway and Sant'Anna 2021 use other
    multipliers; Montiel Olea and Plagborg-Moller 2019, the plug-in sup-t band, this law).
    """
    error, one = np.sqrt(np.diag(spread)), z_value(level)
    alive = error > 0
    if alive.sum() <= 1:
        return one
    scaled = spread[np.ix_(alive, alive)] / np.outer(error[alive], error[alive])
    values, vectors = np.linalg.eigh(scaled)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    draws = np.random.default_rng(seed).standard_normal((_DRAWS, len(values)))
    return max(float(np.quantile(np.abs(draws @ root.T).max(axis=1), level)), one)
