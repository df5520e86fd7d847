r"""Two-way fixed effects, for comparison, with the weights that show what it averages where adoption is staggered.

.. math:: Y_{it} = \alpha_i + \lambda_t + \beta D_{it} + X_{it}'\delta + \epsilon_{it}, \qquad
    \hat\beta \to \sum_{g, t \ge g} w_{gt}\, ATT(g, t), \quad
    w_{gt} = \frac{n_{gt} \tilde D_{gt}}{\sum_{g', t' \ge g'} n_{g't'} \tilde D_{g't'}}

with :math:`\tilde D` the residual of treatment on unit and time effects. Weights can be negative (de Chaisemartin and
D'Haultfoeuille 2020, theorem 1), because units treated earlier serve as comparison (Goodman-Bacon 2021).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import linalg

from causalrec_lab.causal.effects.diagnosing.verdicts import judgement
from causalrec_lab.causal.effects.inference import SUTVA
from causalrec_lab.causal.effects.nuisances.ridge import one_thread
from causalrec_lab.causal.effects.panel.aggregation import covariance
from causalrec_lab.causal.effects.panel.reading import Panel, read_panel
from causalrec_lab.causal.effects.sample import Floats
from causalrec_lab.estimate import Estimate

__all__ = ["two_way", "two_way_weights"]

_STEPS, _CLOSE = 10_000, 1e-10
_NOTHING = "no outcome"
_GONE = 1e-10  # share of the treatment that covariates must leave


@one_thread()
def two_way(
    frame: pd.DataFrame,
    outcome: str,
    covariates: Sequence[str] = (),
    *,
    unit: str,
    time: str,
    cohort: str,
    cluster: str | None = None,
    weights: str | None = None,
    level: float = 0.95,
) -> Estimate:
    """Coefficient of treatment with unit and time effects: one number, right where one effect fits all.

    With staggered adoption and effects that grow it is no average of anybody's effect; the share of negative weights
    says how far it may stray, and `did` is the way out.

    Parameters
    ----------
    covariates
        Columns that change over time; those that do not are absorbed by the unit effects.
    frame, outcome, unit, time, cohort, cluster, weights, level
        As in `did`.

    Raises
    ------
    ValueError
        As `did`, or if unit and time effects, or they and covariates, determine the treatment.
    """
    panel = read_panel(
        frame, outcome, unit=unit, time=time, cohort=cohort, covariates=covariates, cluster=cluster, weights=weights,
        anticipation=0,
    )  # fmt: skip
    left, share = _residual(panel)
    value, influence = _slope(panel, left)
    negative = float(-np.minimum(share["weight"], 0.0).sum())
    diagnostics = {
        "negative_weight_sum": negative,
        "negative_weight_cells": float((share["weight"] < 0).mean()),
        "cohorts": float(len(panel.cohorts)),
        "units": float(panel.units),
        "clusters": float(panel.clusters.max() + 1),
    }
    said = (*_notes(panel, diagnostics), *panel.notes)
    return Estimate(
        value, math.sqrt(covariance(influence[:, None], panel.units)[0, 0]),
        level=level, estimand="ATT", method=f"two-way fixed effects, clustered by {cluster or 'unit'}", n=panel.rows,
        diagnostics=diagnostics, notes=(*said, judgement(diagnostics, said)),
        assumptions=(
            "parallel trends without treatment",
            "no anticipation",
            "one effect, the same for every cohort and period" if len(panel.cohorts) > 1 else "treatment stays",
            SUTVA,
        ),
    )  # fmt: skip


@one_thread()
def two_way_weights(
    frame: pd.DataFrame, *, unit: str, time: str, cohort: str, weights: str | None = None
) -> pd.DataFrame:
    """Weight that two-way fixed effects gives to every treated cohort and period; they sum to one.

    Returns
    -------
    DataFrame indexed by (cohort, time) with columns weight and share (the cell's part of treated unit-periods, which
    an average effect would weigh by).

    Raises
    ------
    ValueError
        As `two_way`.
    """
    panel = read_panel(
        frame.assign(**{_NOTHING: 0.0}), _NOTHING, unit=unit, time=time, cohort=cohort, covariates=(), cluster=None,
        weights=weights, anticipation=0,
    )  # fmt: skip
    return _residual(panel)[1]


def _residual(panel: Panel) -> tuple[Floats, pd.DataFrame]:
    """Residual of treatment on both effects, and the weights of the cells."""
    seen = np.isfinite(panel.outcome)
    treatment = np.where(seen, np.arange(panel.periods) >= panel.cohort[:, None], np.nan).astype(np.float64)
    left = _within(treatment[:, :, None], panel.weights)[:, :, 0]
    w = np.where(seen, panel.weights[:, None], 0.0)
    if not np.nansum(w * left**2) > 1e-10 * w.sum():
        raise ValueError(
            "unit and time effects determine the treatment: every unit is treated at the same time; add units treated "
            "later or never"
        )
    cells = [(int(g), t) for g in panel.cohorts for t in range(int(g), panel.periods)]
    parts = [(w[panel.cohort == g, t], left[panel.cohort == g, t]) for g, t in cells]
    rows = [
        (*cell, float(np.nansum(size * part)), float(size.sum()))
        for cell, (size, part) in zip(cells, parts, strict=True)
    ]
    cohort, period, weight, size = (np.array(column) for column in zip(*rows, strict=True))
    names = [[panel.labels[k] for k in numbers] for numbers in (cohort, period)]
    index = pd.MultiIndex.from_arrays(names, names=["cohort", "time"])
    return left, pd.DataFrame({"weight": weight / weight.sum(), "share": size / size.sum()}, index=index)


def _slope(panel: Panel, left: Floats) -> tuple[float, Floats]:
    """Coefficient and its influence, summed within clusters and scaled to units."""
    y = _within(panel.outcome[:, :, None], panel.weights)[:, :, 0]
    seen = np.isfinite(y)
    w = np.broadcast_to(panel.weights[:, None], y.shape)[seen]
    root, d, target = np.sqrt(w), left[seen], y[seen]
    if panel.covariates.shape[1] > 1:
        moving = np.where(seen[:, :, None], panel.covariates, np.nan)
        X = _within(moving, panel.weights)[seen]
        X = X[:, np.sqrt(np.mean(X**2, axis=0)) > _nothing(moving[seen])] * root[:, None]
        both = np.column_stack([d, target]) * root[:, None]
        d, target = ((both - X @ linalg.lstsq(X, both)[0]) / root[:, None]).T
    gram = float(w @ d**2)
    if not gram > _GONE * float(w @ left[seen] ** 2):
        raise ValueError(
            "covariates determine the treatment once unit and time effects are taken out; leave out its copy"
        )
    value = float((w * d) @ target) / gram
    error = w * d * (target - value * d) / gram * panel.units
    units = np.broadcast_to(np.arange(panel.units)[:, None], y.shape)[seen]
    return value, np.bincount(panel.clusters[units], weights=error).astype(np.float64)


def _nothing(columns: Floats) -> Floats:
    """(p,) size below which what unit and time effects leave of a column is rounding."""
    return np.asarray(1e-7 * columns.std(axis=0) + 1e-12 * np.abs(columns).max(axis=0))


def _within(values: Floats, weights: Floats) -> Floats:
    """Less unit and time means of (units, P, m) values, nan where not seen; exact at once where nothing is missing."""
    left = values.copy()
    scale = np.nanstd(left, axis=(0, 1)) + 1e-300
    w = weights[:, None, None]
    seen = np.isfinite(left)
    for _ in range(_STEPS):
        left -= np.nanmean(left, axis=1, keepdims=True)
        mean = np.nansum(left * w, axis=0) / (seen * w).sum(axis=0)
        left -= mean
        if (np.abs(mean).max(axis=0) <= _CLOSE * scale).all():
            return left
        if seen.all():
            return left
    raise ValueError("unit and time effects did not settle: the panel falls into parts that share no period")


def _notes(panel: Panel, found: dict[str, float]) -> tuple[str, ...]:
    said = []
    if len(panel.cohorts) > 1:
        level = "warning: " if found["negative_weight_sum"] > 0 else ""
        said.append(
            f"{level}adoption is staggered: effects of some units treated earlier are subtracted; weights of "
            f"{found['negative_weight_cells']:.0%} of treated cells are negative and sum to "
            f"-{found['negative_weight_sum']:.2f}, so if effects differ this is no average of them: use did"
        )
    if panel.names and panel.covariates.shape[1] == 1:
        said.append("covariates that do not change over time are absorbed by the unit effects; did uses them")
    return tuple(said)
