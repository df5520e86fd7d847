r"""Group-time effects ATT(g, t) and their influence functions.

.. math:: ATT(g, t) = E\Big[\Big(\frac{G_g}{E[G_g]} - \frac{\frac{p_g(X) C}{1 - p_g(X)}}{E[\frac{p_g(X) C}{1 - p_g(X)}]}
    \Big) \big(Y_t - Y_{b} - m_{g,t}(X)\big)\Big]

Callaway and Sant'Anna (2021, J. Econometrics): b is the last period before treatment (and anticipation), C marks the
comparison units, :math:`p_g` is the probability of being in cohort g rather than a comparison, and :math:`m_{g,t}` the
comparison units' expected change. Right if either model is. Embeddings enter both (see `text`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.causal.effects.nuisances.ridge import expit, fit_linear, fit_logistic
from causalrec_lab.causal.effects.nuisances.scale import standardised
from causalrec_lab.causal.effects.panel.reading import Panel
from causalrec_lab.causal.effects.panel.text import Told, UnitText
from causalrec_lab.causal.effects.sample import Floats, Integers

__all__ = ["Cells", "group_time"]

Mask = npt.NDArray[np.bool_]
_SLIGHT = 1e-8
_ALONE = 1e-6  # from leverage 1: rounding


@dataclass(frozen=True)
class Cells:
    r"""m group-time effects.

    Parameters
    ----------
    cohort, period
        (m,) numbers of the cohort's first treated period and of the period compared with its base.
    att
        (m,) effects.
    influence
        (clusters, m) sums of influence values within clusters: the error of att is their sum over `units`.
    treated, control
        (m,) units compared.
    heaviest
        (m,) largest share of the comparison's weight that one unit holds.
    base
        (m,) numbers of the periods compared with.
    """

    cohort: Integers
    period: Integers
    att: Floats
    influence: Floats
    treated: Integers
    control: Integers
    heaviest: Floats
    base: Integers


@dataclass(frozen=True)
class _Comparison:
    """What two groups share whatever the period: rows, design, weights, fitted odds."""

    rows: Integers
    group: Mask
    design: Floats
    weights: Floats
    odds: Floats
    scores: Floats  # (n, q) influence of the propensity's coefficients
    told: Told | None = None  # with embeddings: nuisances out of fold


def group_time(panel: Panel, *, control: str, base: str, anticipation: int) -> Cells:
    """Every ATT(g, t) that has a comparison, before treatment too.

    Raises
    ------
    ValueError
        If no cell has a comparison unit, or covariates tell a cohort from its comparison units without error.
    """
    found: list[tuple[Any, ...]] = []
    influence: list[Floats] = []
    known: dict[tuple[Any, ...], _Comparison | None] = {}
    clusters = int(panel.clusters.max()) + 1
    moving = panel.covariates.shape[1] > 1 or (panel.text is not None and not panel.text.fixed())
    for g in panel.cohorts:
        for t in range(panel.periods):
            before = _base(int(g), t, base, anticipation)
            if before is None or before == t:
                continue
            rule = panel.periods if control == "never" else min(max(t, before) + anticipation + 1, panel.periods)
            seen = np.isfinite(panel.outcome[:, t]) & np.isfinite(panel.outcome[:, before])
            key = (int(g), rule, before if moving else -1, seen.tobytes())
            if key not in known:
                known[key] = _compare(panel, int(g), rule, before, seen)
            if (two := known[key]) is None:
                continue
            change = panel.outcome[two.rows, t] - panel.outcome[two.rows, before]
            att, psi = _effect(two, change)
            scaled = psi * (panel.units / len(psi))
            influence.append(
                np.bincount(panel.clusters[two.rows], weights=scaled, minlength=clusters).astype(np.float64)
            )
            weight = two.weights * two.odds * ~two.group
            heaviest = weight.max() / weight.sum()
            found.append((g, t, att, two.group.sum(), (~two.group).sum(), heaviest, before))
    if not found:
        raise ValueError(_nobody(control))
    columns = [np.array(column) for column in zip(*found, strict=True)]
    return Cells(
        cohort=columns[0], period=columns[1], att=columns[2], influence=np.column_stack(influence),
        treated=columns[3], control=columns[4], heaviest=columns[5], base=columns[6],
    )  # fmt: skip


def _nobody(control: str) -> str:
    way_out = (
        "control='not yet' has more of them" if control == "never" else "add units that are treated later or never"
    )
    return (
        f"control={control!r}: no cohort has comparison units that, like its own, are seen both in a period and in its "
        f"base; {way_out}, and units must stand in more than one period"
    )


def _base(g: int, t: int, base: str, anticipation: int) -> int | None:
    last = g - anticipation - 1
    if base == "varying" and t <= last:
        return t - 1 if t > 0 else None
    return last


def _compare(panel: Panel, g: int, rule: int, before: int, seen: Mask) -> _Comparison | None:
    group = panel.cohort == g
    rows = np.flatnonzero(seen & (group | ((panel.cohort >= rule) & ~group)))
    mine, w = group[rows], panel.weights[rows]
    if not (w[mine].sum() > 0 and w[~mine].sum() > 0):
        return None
    X = standardised(panel.base_covariates(before)[rows])
    design = np.column_stack([np.ones(len(rows)), X[:, X.any(axis=0)]])
    if min(mine.sum(), (~mine).sum()) < design.shape[1]:
        raise ValueError(
            f"cohort {panel.labels[g]} has {mine.sum()} units against {(~mine).sum()} comparison units, fewer than the "
            f"{design.shape[1]} terms of the covariates; merge cohorts or use fewer covariates"
        )
    if panel.text is not None:
        return _read(panel, panel.text, g, rows, before, mine, design)
    if design.shape[1] == 1:
        odds = np.full(len(rows), float(w[mine].sum() / w[~mine].sum()))
        return _Comparison(rows, mine, design, w, odds, np.empty((len(rows), 0)))
    try:
        beta = fit_logistic(design, mine.astype(np.float64), w, np.full(design.shape[1], _SLIGHT))
    except ValueError as error:
        raise ValueError(f"cohort {panel.labels[g]} against its comparison units: {error}") from error
    e = np.clip(expit(design @ beta), 1e-9, 1 - 1e-9)
    _check_overlap(panel, g, e, mine)
    hessian = (design * (w * e * (1 - e))[:, None]).T @ design / len(rows)
    bread = np.linalg.pinv(hessian, hermitian=True)
    leverage = w * e * (1 - e) * ((design @ bread) * design).sum(axis=1) / len(rows)
    scores = design * _left_out(w * (mine - e), leverage)[:, None] @ bread
    return _Comparison(rows, mine, design, w, e / (1 - e), scores)


def _check_overlap(panel: Panel, g: int, odds: Floats, mine: Mask) -> None:
    if odds[mine].min() >= odds[~mine].max():
        raise ValueError(
            f"cohort {panel.labels[g]} has no overlap with its comparison units: the covariates tell them apart "
            "without error; drop the covariate that decides the cohort, or keep only units that could be in both"
        )


def _read(panel: Panel, text: UnitText, g: int, rows: Integers, before: int, mine: Mask, design: Floats) -> _Comparison:
    """The comparison with embeddings as they were in the base period."""
    w = panel.weights[rows]
    try:
        told = Told.deal(text, design, text.before(rows, before), mine, w, panel.clusters[rows])
        odds = told.odds()
    except ValueError as error:
        raise ValueError(f"cohort {panel.labels[g]} against its comparison units: {error}") from error
    _check_overlap(panel, g, odds, mine)
    return _Comparison(rows, mine, design, w, odds, np.empty((len(rows), 0)), told)


def _effect(two: _Comparison, change: Floats) -> tuple[float, Floats]:
    """ATT and its influence on one change, nuisances' estimation included (Sant'Anna and Zhao 2020).

    Each part is divided by one minus its leverage, as if its row were left out (HC3, MacKinnon and White 1985): else
    errors are too small where few comparison units carry most of the weight. Plain means, whose leverage is no more
    than their weights, take its root (HC2), which makes them the usual variances.
    """
    treated, control = two.weights * two.group, two.weights * two.odds * ~two.group
    if two.told is not None:
        left = change - two.told.expected(change)
        (one, psi), (zero, phi) = _mean(treated, left, 0.5), _mean(control, left, 0.5)
        return one - zero, psi - phi
    if two.design.shape[1] == 1:
        (one, psi), (zero, phi) = _mean(treated, change, 0.5), _mean(control, change, 0.5)
        return one - zero, psi - phi
    X, w0 = two.design, two.weights * ~two.group
    left = change - X @ fit_linear(X, change, w0, np.zeros(X.shape[1]))
    (one, psi), (zero, phi) = _mean(treated, left, 1.0), _mean(control, left, 1.0)
    bread = np.linalg.pinv((X * w0[:, None]).T @ X / len(left), hermitian=True)
    leverage = w0 * ((X @ bread) * X).sum(axis=1) / len(left)
    by_line = (X * _left_out(w0 * left, leverage)[:, None]) @ bread  # (n, q) influence of the line's coefficients
    tilt = (treated / treated.mean() - control / control.mean()) @ X / len(left)
    by_odds = (control / control.mean() * (left - zero)) @ X / len(left)
    return one - zero, np.asarray(psi - phi - by_line @ tilt - two.scores @ by_odds)


def _left_out(residual: Floats, leverage: Floats) -> Floats:
    """Residuals as if their rows had been left out; a row that alone decides a term is met exactly and has none."""
    alone = leverage > 1 - _ALONE
    return np.asarray(np.where(alone, 0.0, residual / np.where(alone, 1.0, 1 - leverage)))


def _mean(weights: Floats, values: Floats, power: float) -> tuple[float, Floats]:
    share = weights / weights.sum()
    centre = float(share @ values)
    left = np.where(share < 1, (values - centre) / np.maximum(1 - share, 1e-9) ** power, 0.0)
    return centre, np.asarray(share * left * len(values))
