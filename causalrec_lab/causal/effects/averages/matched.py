"""Nearest-neighbour matching with replacement, bias-corrected, with the error that matching has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.averages.least_squares import logistic_index
from causalrec_lab.causal.effects.averages.neighbours import nearest_rows, whitened
from causalrec_lab.causal.effects.diagnostics import overlap_diagnostics, overlap_notes, smd
from causalrec_lab.causal.effects.inference import IGNORABILITY, OVERLAP, SUTVA, report
from causalrec_lab.causal.effects.nuisances.blocks import ridge_of_bends, thirds
from causalrec_lab.causal.effects.nuisances.cross_fitting import NUISANCES, design_matrix
from causalrec_lab.causal.effects.nuisances.readings import embedding_indices
from causalrec_lab.causal.effects.nuisances.ridge import expit, fit_linear, one_thread
from causalrec_lab.causal.effects.nuisances.scale import standardised
from causalrec_lab.causal.effects.sample import Embeddings, Floats, Sample, nearest, read_sample
from causalrec_lab.estimate import Estimate

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["matching"]

DISTANCES = ("mahalanobis", "standardised", "propensity")
_SUPPORT = 10  # rows a term of the bias correction, below which intervals cover too little


@dataclass(frozen=True)
class _Matched:
    """What one pass over all matches leaves: each (n,), the last (n, m)."""

    used: Floats  # K_i: how much of others' imputations a row carries
    squared: Floats  # the same of squared shares
    outcome: Floats  # mean outcome of a row's matches in the other arm
    design: Floats  # mean of the regression's terms over these matches


@one_thread()
def matching(
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    covariates: Sequence[str],
    *,
    embeddings: Embeddings | None = None,
    cluster: str | Sequence[str] | None = None,
    weights: str | None = None,
    estimand: str = "ATE",
    level: float = 0.95,
    seed: int = 0,
    folds: int = 5,
    groups: str | Sequence[str] | None = None,
    matches: int = 1,
    distance: str = "mahalanobis",
    nuisance: str = "spline",
    bias_corrected: bool = True,
    graph: CausalGraph | None = None,
) -> Estimate:
    r"""Effect by imputing each row's other outcome from its nearest rows in the other arm, drawn with replacement.

    .. math:: \hat\tau = \frac1n \sum_i \hat\mu_1(x_i) - \hat\mu_0(x_i)
        + \frac1n \sum_i (2 T_i - 1)(1 + K_i)(Y_i - \hat\mu_{T_i}(x_i))

    :math:`K_i` counts how often row i stands in for another, a match among M counting 1/M; the regressions
    :math:`\hat\mu_t` take off the bias that inexact matches leave (Abadie and Imbens 2011). Without
    `bias_corrected` they are 0, which leaves a bias of the order :math:`n^{-1/p}` with p continuous covariates.
    The variance is that of Abadie and Imbens (2006, Econometrica), generalised to weights and ties:

    .. math:: \hat V = \frac{1}{n^2} \sum_i (\hat Y_i(1) - \hat Y_i(0) - \hat\tau)^2
        + \frac{1}{n^2} \sum_i (K_i^2 + 2 K_i - K'_i) \hat\sigma^2(x_i, T_i)

    with :math:`K'` the sum of squared shares and :math:`\hat\sigma^2` from the nearest rows of the same arm; a row's
    matches share by their sampling weights. (The bootstrap is not valid here: Abadie and Imbens 2008.) With `cluster`
    the error is that of the martingale representation (Abadie and Imbens 2012), summed within clusters.

    Parameters
    ----------
    frame, treatment, outcome, covariates, cluster, weights, level, seed, folds, groups, graph
        As in `regression`.
    embeddings
        (n, d) array or several: their two cross-fitted readings join the covariates, in the distance too.
    estimand
        "ATE" or "ATT".
    matches
        Matches a row, M. All that tie with the last one are taken.
    distance
        "mahalanobis", "standardised" (each covariate by its own standard deviation), or "propensity" (log-odds of a
        logistic propensity in the terms of `nuisance`).
    nuisance
        "spline" or "linear" terms of the regression that corrects the bias.
    bias_corrected
        Whether to correct.

    Raises
    ------
    ValueError
        On the bad input that `regression` refuses, an unknown distance, the ATO, no covariates, or more matches than
        an arm has rows.
    """
    if estimand == "ATO":
        raise ValueError("matching has no estimand 'ATO': ask for 'ATE' or 'ATT', or weigh overlap by aipw or ipw")
    sample = read_sample(
        frame, treatment, outcome, covariates, embeddings=embeddings, cluster=cluster, weights=weights,
        estimand=estimand, groups=groups, graph=graph,
    )  # fmt: skip
    sample = sample.take(sample.weights > 0)
    _check(sample, matches, distance, nuisance)
    X = sample.covariates
    if sample.embeddings.shape[1]:
        X = np.column_stack([X, embedding_indices(sample, folds=folds, seed=seed)])
    design = design_matrix(X, nuisance)
    index = logistic_index(sample, design[:, 1:])
    places = _places(X, index, distance, sample.weights)
    found = _match(sample, places, design, matches, estimand)
    surfaces = _surfaces(sample, design, 1 + X.shape[1])
    value, effects, influence = _effect(sample, found, design, surfaces, estimand, bias_corrected)
    own = np.where(sample.treated, design @ surfaces[1], design @ surfaces[0])
    residual = sample.outcome - (own if bias_corrected else 0.0)
    error = None if sample.clusters else _error(sample, found, places, effects - value, residual, matches, estimand)
    diagnostics = _diagnostics(sample, np.clip(expit(index), 1e-6, 1 - 1e-6), found, estimand)
    words = f"{'bias-corrected ' if bias_corrected else ''}matching, {matches} nearest by {distance} distance"
    return report(
        sample, value, influence, std_error=error,
        level=level, estimand=estimand, method=words, diagnostics=diagnostics,
        notes=_notes(sample, diagnostics, estimand, distance, bias_corrected, X.shape[1], design.shape[1]),
        assumptions=(IGNORABILITY, OVERLAP, SUTVA),
    )  # fmt: skip


def _check(sample: Sample, matches: int, distance: str, nuisance: str) -> None:
    if distance not in DISTANCES:
        raise ValueError(f"unknown distance {distance!r}; {nearest(distance, DISTANCES)}")
    if nuisance not in NUISANCES[:2]:
        raise ValueError(f"matching has no nuisance {nuisance!r}; {nearest(nuisance, NUISANCES[:2])}")
    if sample.covariates.shape[1] + sample.embeddings.shape[1] == 0:
        raise ValueError("matching needs covariates to match on; without any, naive() is the difference in means")
    smallest = int(min(sample.treated.sum(), (~sample.treated).sum()))
    if not 1 <= matches < smallest:
        raise ValueError(
            f"matches={matches}; the smaller arm has {smallest:,} rows: give at least 1 and fewer than that"
        )


def _places(X: Floats, index: Floats, distance: str, weights: Floats) -> Floats:
    if distance == "propensity":
        return index[:, None]
    return whitened(standardised(X), weights) if distance == "mahalanobis" else standardised(X)


def _match(sample: Sample, places: Floats, design: Floats, matches: int, estimand: str) -> _Matched:
    n, w = sample.n, sample.weights
    used, squared, outcome, terms = np.zeros(n), np.zeros(n), sample.outcome.copy(), design.copy()
    for arm in (True, False) if estimand == "ATE" else (True,):
        rows, donors = np.flatnonzero(sample.treated == arm), np.flatnonzero(sample.treated != arm)
        values = np.column_stack([sample.outcome[donors], design[donors]])
        for near in nearest_rows(places[rows], places[donors], matches):
            here = rows[near.rows]
            averages = near.mean(values, w[donors])
            outcome[here], terms[here] = averages[:, 0], averages[:, 1:]
            used[donors] += near.carried(w[here], w[donors])
            squared[donors] += near.carried(w[here] ** 2, w[donors], power=2)
    return _Matched(used, squared, outcome, terms)


def _surfaces(sample: Sample, design: Floats, straight: int) -> tuple[Floats, Floats]:
    bent, fitted = np.arange(design.shape[1]) >= straight, []
    for arm in (~sample.treated, sample.treated):
        D, y, w = design[arm], sample.outcome[arm], sample.weights[arm]
        labels = thirds(sample, np.flatnonzero(arm))
        fitted.append(fit_linear(D, y, w, ridge_of_bends(D, bent, y, w, labels, logistic=False)))
    return fitted[0], fitted[1]


def _effect(
    sample: Sample, found: _Matched, design: Floats, surfaces: tuple[Floats, Floats], estimand: str, corrected: bool
) -> tuple[float, Floats, Floats]:
    """Value, each row's imputed effect, and the influence of each row by the martingale representation."""
    t, w = sample.treated, sample.weights
    share = w if estimand == "ATE" else w * t
    control, treated = (design @ surface for surface in surfaces)
    moved = (design - found.design) * corrected
    imputed = found.outcome + np.where(t, moved @ surfaces[0], moved @ surfaces[1])
    effects = np.where(t, sample.outcome - imputed, imputed - sample.outcome)
    value = float(share @ effects / share.sum())
    residual = sample.outcome - np.where(t, treated, control)
    signed = np.where(t, 1.0, -1.0) * (share + found.used) * residual
    influence = (share * (treated - control - value) + signed) / share.mean()
    return value, effects, np.asarray(influence)


def _error(
    sample: Sample, found: _Matched, places: Floats, spread: Floats, residual: Floats, matches: int, estimand: str
) -> float:
    share = sample.weights if estimand == "ATE" else sample.weights * sample.treated
    noise = np.zeros(sample.n)
    for arm in (True, False):
        rows = np.flatnonzero(sample.treated == arm)
        neighbours = min(max(matches, 2), len(rows) - 1)
        alike = np.ones(len(rows))
        for near in nearest_rows(places[rows], places[rows], neighbours, own=True):
            here, count = rows[near.rows], near.total(alike)
            mean = near.mean(residual[rows, None], alike)[:, 0]
            noise[here] = count / (count + 1) * (residual[here] - mean) ** 2
    extra = (share + found.used) ** 2 - share**2 - found.squared
    return float(np.sqrt((share**2 @ spread**2 + extra @ noise) / share.sum() ** 2))


def _diagnostics(sample: Sample, e: Floats, found: _Matched, estimand: str) -> dict[str, float]:
    weight = (sample.weights if estimand == "ATE" else sample.weights * sample.treated) + found.used
    arms = [weight[arm] for arm in (sample.treated, ~sample.treated)]
    sizes = [float(arm.sum() ** 2 / (arm**2).sum()) for arm in arms]
    return overlap_diagnostics(sample, e, estimand) | {
        "ess_treated": sizes[0],
        "ess_control": sizes[1],
        "effective_sample_size": sum(sizes),
        "max_weight_share": max(float(arm.max() / arm.sum()) for arm in arms),
        "max_smd_after": float(np.abs(smd(sample, weight)).max(initial=0.0)),
        "share_never_used": float(np.mean(weight == 0)),
    }


def _notes(
    sample: Sample, found: dict[str, float], estimand: str, distance: str, corrected: bool, p: int, terms: int
) -> tuple[str, ...]:
    said, rows = list(overlap_notes(found, estimand)), int(min(sample.treated.sum(), (~sample.treated).sum()))
    if corrected and rows < _SUPPORT * terms:
        said.append(
            f"warning: the bias correction fits {terms} terms to {rows} rows of an arm; below some {_SUPPORT} "
            "rows a term the interval tends to be too short (nuisance='linear' has fewer terms)"
        )
    if not corrected and p > 1 and distance != "propensity":
        said.append(f"warning: {p} covariates matched without a bias correction: the interval leaves the bias out")
    if distance == "propensity":
        said.append(
            "the propensity is taken as known: for the ATE that is conservative, for the ATT it may err either way "
            "where the regression is wrong (Abadie and Imbens 2016)"
        )
    if sample.embeddings.shape[1]:
        said.append(f"{sample.embeddings.shape[1]} embedding dimensions enter as two cross-fitted ridge readings")
    return tuple(said)
