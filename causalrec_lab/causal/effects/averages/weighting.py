"""Inverse-propensity weighting in Hajek's form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.averages.scores import check_arms
from causalrec_lab.causal.effects.averages.trimming import keep
from causalrec_lab.causal.effects.diagnostics import arm_weights, check_overlap, overlap_diagnostics, overlap_notes
from causalrec_lab.causal.effects.inference import IGNORABILITY, OVERLAP, SUTVA, ratio, report
from causalrec_lab.causal.effects.nuisances.cross_fitting import (
    NUISANCES,
    clipped,
    cross_fit_propensity,
    design_matrix,
    embedding_indices,
)
from causalrec_lab.causal.effects.nuisances.ridge import expit, fit_logistic, one_thread
from causalrec_lab.causal.effects.sample import Embeddings, Floats, Sample, nearest, read_sample
from causalrec_lab.estimate import Estimate

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["ipw"]

_PENALTY = 1e-3


@one_thread()
def ipw(
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
    propensity: str | None = None,
    nuisance: str = "spline",
    clip: float = 0.01,
    trim: float | str | None = None,
    graph: CausalGraph | None = None,
) -> Estimate:
    r"""Effect by weighting each arm to the target population, weights normalised within the arm (Hajek).

    .. math:: \hat\tau = \frac{\sum T \omega_1(e) Y}{\sum T \omega_1(e)}
        - \frac{\sum (1-T) \omega_0(e) Y}{\sum (1-T) \omega_0(e)}

    with :math:`\omega` of Li, Morgan and Zaslavsky (2018), table 1: 1/e and 1/(1 - e) for the ATE, 1 and e/(1 - e) for
    the ATT, overlap weights 1 - e and e for the ATO. Stabilised weights (:math:`P(T=1)/e`; Robins, Hernán and Brumback
    2000) differ by one factor an arm, which normalising takes out: the estimate is the same.

    A logistic propensity is fitted on all rows and its estimation enters the error through stacked estimating
    equations (Lunceford and Davidian 2004); a logged one is taken as known; a boosted one is cross-fitted and taken as
    known (usually too long an interval, without a guarantee).

    Parameters
    ----------
    frame, treatment, outcome, covariates, embeddings, cluster, weights, level, seed, folds, groups, graph
        As in `regression`.
    estimand
        "ATE", "ATT" or "ATO".
    propensity
        Column with the logged P(treated = 1); then no propensity is fitted.
    nuisance
        "spline", "linear" (terms of the logistic regression) or "boosted".
    clip
        Propensities are held inside [clip, 1 - clip] where the estimand divides by them (ATT: only below 1 - clip).
    trim
        Leave out rows with a propensity outside [trim, 1 - trim], or outside the cut that estimates best what is left
        ("optimal", Crump et al. 2009), and fit it anew on the rest (Li, Thomas and Li 2019); the effect is then that of
        the rows kept.

    Raises
    ------
    ValueError
        On the bad input that `regression` refuses, propensities outside (0, 1), or empty overlap.
    """
    sample = read_sample(
        frame, treatment, outcome, covariates,
        embeddings=embeddings, cluster=cluster, weights=weights, estimand=estimand, groups=groups,
        propensity=propensity, graph=graph,
    )  # fmt: skip
    if nuisance not in NUISANCES:
        raise ValueError(f"unknown nuisance {nuisance!r}; {nearest(nuisance, NUISANCES)}")
    raw, design = _propensity(sample, nuisance, folds, seed)
    check_overlap(sample, raw)
    kept = keep(raw, trim)
    if not kept.rows.all():
        check_arms(sample.treatment[kept.rows], f"trim={trim!r} leaves {int(kept.rows.sum()):,} rows, which")
        sample = sample.take(kept.rows)
        raw, design = _propensity(sample, nuisance, folds, seed)
    e = clipped(raw, clip, estimand)
    value, influence, slope = _hajek(sample, e, estimand)
    if design is not None:
        freedom = np.sqrt((sample.n - 1) / max(sample.n - design.shape[1], 1))  # as HC1 does for a regression
        influence = (influence + _estimated(sample, design, raw, slope * (raw == e))) * freedom
    diagnostics = overlap_diagnostics(sample, e, estimand) | {"share_clipped": float(np.mean(raw != e))}
    return report(
        sample, value, influence,
        level=level, estimand=kept.estimand(estimand), diagnostics=diagnostics,
        method=f"IPW, Hajek, {_source(sample, nuisance)} propensity",
        notes=(*_notes(sample, diagnostics, estimand, nuisance), *kept.notes),
        assumptions=(IGNORABILITY, OVERLAP, "the propensity model is right", SUTVA),
    )  # fmt: skip


def _propensity(sample: Sample, nuisance: str, folds: int, seed: int) -> tuple[Floats, Floats | None]:
    if sample.propensity is not None:
        return sample.propensity, None
    if nuisance == "boosted":
        return cross_fit_propensity(sample, nuisance=nuisance, folds=folds, seed=seed), None
    design = design_matrix(sample.covariates, nuisance)
    if sample.embeddings.shape[1]:
        design = np.column_stack([design, embedding_indices(sample, folds=folds, seed=seed)])
    link = fit_logistic(design, sample.treatment, sample.weights, np.full(design.shape[1], _PENALTY))
    return expit(design @ link), design


def _hajek(sample: Sample, e: Floats, estimand: str) -> tuple[float, Floats, Floats]:
    """Value, influence with e known, and the derivative of each row's term in its log-odds."""
    t, y, w = sample.treatment, sample.outcome, sample.weights
    one, zero = arm_weights(e, estimand)
    d_one, d_zero = _weight_slopes(e, estimand)
    value1, influence1 = ratio(w * t * one * y, w * t * one)
    value0, influence0 = ratio(w * (1 - t) * zero * y, w * (1 - t) * zero)
    slope1 = w * t * d_one * (y - value1) / (w * t * one).mean()
    slope0 = w * (1 - t) * d_zero * (y - value0) / (w * (1 - t) * zero).mean()
    return value1 - value0, influence1 - influence0, slope1 - slope0


def _weight_slopes(e: Floats, estimand: str) -> tuple[Floats, Floats]:
    if estimand == "ATE":
        return -(1 - e) / e, e / (1 - e)
    if estimand == "ATT":
        return np.zeros_like(e), e / (1 - e)
    return -e * (1 - e), e * (1 - e)


def _estimated(sample: Sample, design: Floats, e: Floats, slope: Floats) -> Floats:
    """What estimating the logistic propensity adds to the influence: E[slope x]' H^-1 x (T - e)."""
    n, w = sample.n, sample.weights
    hessian = (design * (w * e * (1 - e))[:, None]).T @ design / n + np.eye(design.shape[1]) * _PENALTY / n
    direction = np.linalg.solve(hessian, slope @ design / n)
    return np.asarray((design @ direction) * w * (sample.treatment - e))


def _source(sample: Sample, nuisance: str) -> str:
    return (
        "logged"
        if sample.propensity is not None
        else "cross-fitted boosted"
        if nuisance == "boosted"
        else f"logistic ({nuisance})"
    )


def _notes(sample: Sample, found: dict[str, float], estimand: str, nuisance: str) -> tuple[str, ...]:
    said = list(overlap_notes(found, estimand))
    if found["share_clipped"] > 0:
        said.append(f"{found['share_clipped']:.1%} of propensities were clipped, which trades variance for bias there")
    if sample.propensity is not None:
        said.append(
            "the logged propensity is taken as known: if it is nominal, it knows nothing of what was not logged"
        )
    elif nuisance == "boosted":
        said.append("the error takes the cross-fitted propensity as known: usually conservative, without a guarantee")
    if sample.embeddings.shape[1] and sample.propensity is None:
        said.append(f"{sample.embeddings.shape[1]} embedding dimensions enter as two cross-fitted ridge readings")
    return tuple(said)
