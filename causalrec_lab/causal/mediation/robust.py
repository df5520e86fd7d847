"""Effects along paths by the efficient influence function: right if all but one of the models are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.diagnostics import check_overlap
from causalrec_lab.causal.effects.nuisances.cross_fitting import NUISANCES, clipped, cross_fit_propensity, design_matrix
from causalrec_lab.causal.effects.nuisances.folds import splits
from causalrec_lab.causal.effects.nuisances.ridge import one_thread
from causalrec_lab.causal.effects.sample import Embeddings, Floats, nearest
from causalrec_lab.causal.graph.causal_graph import CausalGraph
from causalrec_lab.causal.mediation.assembly import Mean, assembled, counts, overlap_notes, set_state, stage_notes
from causalrec_lab.causal.mediation.assumptions import ASSUMPTIONS
from causalrec_lab.causal.mediation.functional import Regime, conditional_means, regimes
from causalrec_lab.causal.mediation.result import PathEffects
from causalrec_lab.causal.mediation.sample import MediationSample, read_mediation
from causalrec_lab.causal.mediation.stages import Stage, fit_stage, stages_of

__all__ = ["multiply_robust"]

_TINY = 1e-6
_HEAVY = 0.05  # of an arm's weight in one row


@one_thread()
def multiply_robust(
    frame: pd.DataFrame,
    treatment: str,
    mediators: str | Sequence[str],
    outcome: str,
    covariates: Sequence[str],
    *,
    embeddings: Embeddings | None = None,
    cluster: str | Sequence[str] | None = None,
    weights: str | None = None,
    level: float = 0.95,
    seed: int = 0,
    folds: int = 5,
    graph: CausalGraph | None = None,
    set_to: Mapping[str, int] | None = None,
    nuisance: str = "linear",
    clip: float = 0.01,
) -> PathEffects:
    r"""Natural direct, indirect and path-specific effects, each stage's model corrected by weighted residuals.

    With :math:`\mu_k` the mean given the first k mediators, :math:`\mu_{K+1} = Y` and :math:`f_j` the chance of the
    j-th mediator's own value,

    .. math:: \hat\theta(t) = \frac1n \sum_i \mu_0 + \sum_{k=1}^{K+1} \frac{1\{T = t_k\}}{P(T = t_k | X)}
        \prod_{j < k} \frac{f_j(M_j | t_j, \cdot)}{f_j(M_j | t_k, \cdot)} \, (\mu_k - \mu_{k-1})

    Source: Tchetgen Tchetgen and Shpitser (2012) for one mediator (right if two of its three models are);
    Zhou (2022) for ordered ones (right if all but one of K + 2 are). Models are cross-fitted, so the error
    is that of the mean of the influence function.

    Parameters
    ----------
    frame, treatment, mediators, outcome, covariates, cluster, weights, level, graph, set_to
        As in `g_formula`.
    embeddings
        (n, d) array or several: ridge terms in every model, the penalty chosen inside each fold.
    seed, folds
        Of the cross-fitting; no fold splits a cluster.
    nuisance
        "linear" or "spline" terms of the covariates.
    clip
        Propensities of treatment are held inside [clip, 1 - clip].

    Raises
    ------
    ValueError
        As `g_formula`, on empty overlap, or where a fold has too few rows of a kind.
    """
    sample = read_mediation(
        frame, treatment, mediators, outcome, covariates,
        embeddings=embeddings, cluster=cluster, weights=weights, graph=graph,
    )  # fmt: skip
    if nuisance not in NUISANCES[:2]:
        raise ValueError(f"multiply_robust has no nuisance {nuisance!r}; {nearest(nuisance, NUISANCES[:2])}")
    state, stages = set_state(sample, set_to), stages_of(sample)
    raw = cross_fit_propensity(sample.base, nuisance=nuisance, folds=folds, seed=seed)
    check_overlap(sample.base, raw)
    e = clipped(raw, clip)
    predictions = _cross_fitted(sample, stages, design_matrix(sample.base.covariates, nuisance), folds, seed)
    found = [_mean(sample, predictions, regime, e) for regime in regimes(len(stages) - 1)]
    controlled = None if state is None else _controlled(sample, predictions, state, e)
    heaviest = max(weight for _, weight in found)
    return assembled(
        sample, [mean for mean, _ in found], controlled,
        level=level, method=f"multiply robust, {nuisance}, {folds}-fold cross-fitted",
        notes=(*overlap_notes(raw), *_notes(sample, stages, heaviest)),
        assumptions=(*ASSUMPTIONS, "all but one of the models are right"),
        diagnostics=counts(sample, stages) | {
            "propensity_min": float(e.min()), "propensity_max": float(e.max()), "max_weight_share": heaviest,
        },
    )  # fmt: skip


def _cross_fitted(
    sample: MediationSample, stages: tuple[Stage, ...], design: Floats, folds: int, seed: int
) -> list[Floats]:
    """Predictions of every stage, each row's by models that did not see it; strictly between 0 and 1 at risk."""
    E, base = sample.base.embeddings, sample.base
    found = [np.empty((2, 2**stage.place, sample.n)) for stage in stages]
    for train, test in splits(sample.n, folds, base.groups, base.treatment, seed):
        for stage, whole in zip(stages, found, strict=True):
            whole[:, :, test] = fit_stage(sample, stage, design, train, embeddings=E).predict(design[test], E[test])
    for stage, whole in zip(stages, found, strict=True):
        if stage.binary:
            np.clip(whole, _TINY, 1 - _TINY, out=whole)
            if stage.nested:
                whole[:, ::2] = 0.0
    return found


def _mean(sample: MediationSample, predictions: list[Floats], regime: Regime, e: Floats) -> tuple[Mean, float]:
    """One mean of the functional with its influence function, and the heaviest row's share of a stage's weight."""
    t, w, rows = sample.base.treatment, sample.base.weights, np.arange(sample.n)
    means = conditional_means(predictions, regime)
    own = [mean[sample.state(k), rows] for k, mean in enumerate(means)] + [sample.outcome]
    score, heaviest = own[0].copy(), 0.0
    for k, arm in enumerate(regime):
        weight = (t == arm) / (e if arm else 1 - e) * _ratio(sample, predictions, regime, k)
        score += weight * (own[k + 1] - own[k])
        heaviest = max(heaviest, float((w * weight).max() / (w @ weight)))
    value = float(w @ score / w.sum())
    return (value, w * (score - value)), heaviest


def _ratio(sample: MediationSample, predictions: list[Floats], regime: Regime, k: int) -> Floats:
    """(n,) chance of the first k mediators' own values under their own treatments, over that under the k-th stage's."""
    ratio = np.ones(sample.n)
    for j in range(k):
        if regime[j] != regime[k]:
            ratio *= _density(sample, predictions[j], j, regime[j]) / _density(sample, predictions[j], j, regime[k])
    return ratio


def _density(sample: MediationSample, prediction: Floats, j: int, arm: int) -> Floats:
    """(n,) chance of the j-th mediator's own value given the values before it."""
    chance = prediction[arm, sample.state(j), np.arange(sample.n)]
    return np.asarray(np.where(sample.mediators[:, j] == 1, chance, 1 - chance))


def _controlled(sample: MediationSample, predictions: list[Floats], state: int, e: Floats) -> Mean:
    """Controlled direct effect: treatment and mediators as one treatment of several values."""
    t, w, k = sample.base.treatment, sample.base.weights, len(predictions) - 1
    there, outcome = sample.state(k) == state, predictions[-1]
    score = outcome[1, state] - outcome[0, state]
    for arm, sign in ((1, 1.0), (0, -1.0)):
        chance = np.where(there, (e if arm else 1 - e), 1.0)
        for j in range(k):
            chance = chance * np.where(there, _density(sample, predictions[j], j, arm), 1.0)
        score = score + sign * (there & (t == arm)) / chance * (sample.outcome - outcome[arm, state])
    value = float(w @ score / w.sum())
    return value, w * (score - value)


def _notes(sample: MediationSample, stages: tuple[Stage, ...], heaviest: float) -> tuple[str, ...]:
    said = list(stage_notes(sample, stages))
    if heaviest > _HEAVY:
        said.append(f"warning: one row carries {heaviest:.0%} of a stage's weight; the effects hang on single rows")
    if d := sample.base.embeddings.shape[1]:
        said.append(f"{d} embedding dimensions enter every model by cross-fitted ridge")
    return tuple(said)
