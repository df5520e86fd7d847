"""Effects along paths by g-computation: a logistic model for each stage, and the sum over what they imply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.nuisances.cross_fitting import NUISANCES, design_matrix, ridge_of_design
from causalrec_lab.causal.effects.nuisances.ridge import expit, fit_logistic, one_thread
from causalrec_lab.causal.effects.sample import Embeddings, Floats, nearest
from causalrec_lab.causal.graph.causal_graph import CausalGraph
from causalrec_lab.causal.mediation.assembly import Mean, assembled, counts, overlap_notes, set_state, stage_notes
from causalrec_lab.causal.mediation.assumptions import ASSUMPTIONS
from causalrec_lab.causal.mediation.functional import Regime, conditional_means, reached, regimes
from causalrec_lab.causal.mediation.readings import with_readings
from causalrec_lab.causal.mediation.result import PathEffects
from causalrec_lab.causal.mediation.sample import MediationSample, read_mediation
from causalrec_lab.causal.mediation.stages import FittedStage, Stage, fit_stage, stage_terms, stages_of

__all__ = ["g_formula"]


@one_thread()
def g_formula(
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
) -> PathEffects:
    r"""Natural direct, indirect and path-specific effects from fitted stage models (the parametric g-formula).

    .. math:: \hat\theta(t) = \frac1n \sum_i \sum_m \hat E[Y | t_{K+1}, m, X_i] \prod_k \hat P(m_k | t_k, m_{<k}, X_i)

    Source: Imai, Keele and Tingley (2010); VanderWeele (2015), chapters 2 and 5. Where they simulate mediators, the
    states of binary ones are summed. The error is that of stacked estimating equations (delta method): the models'
    scores and the sampling of X, clusters kept whole.

    Parameters
    ----------
    frame
        One row an eligible decision.
    treatment, mediators, outcome
        Columns: 0 or 1; columns of 0 or 1 in the order in which they happen; 0 or 1, or a number.
    covariates
        Columns from before the treatment that drive two or more of treatment, mediators and outcome.
    embeddings
        (n, d) array or several. Cross-fitted ridge readings of them, one for the treatment and one a stage, join the
        covariates; their own estimation error is not in the interval.
    cluster
        Column or two whose rows err together.
    weights
        Column of sampling weights.
    level, seed, folds
        Confidence level; seed and number of folds for embeddings.
    graph
        Roles that contradict it are refused; see `problem`.
    set_to
        Mediator -> 0 or 1: adds "CDE", the controlled direct effect with the mediators set so; those not named to 1.
    nuisance
        "linear" or "spline" terms of the covariates.

    Raises
    ------
    ValueError
        On a column that is unknown or in two roles, a mediator that is constant, missing or not binary, a stage that an
        arm never reaches or that covariates separate, or a graph that says otherwise.
    """
    sample = read_mediation(
        frame, treatment, mediators, outcome, covariates,
        embeddings=embeddings, cluster=cluster, weights=weights, graph=graph,
    )  # fmt: skip
    if nuisance not in NUISANCES[:2]:
        raise ValueError(f"g_formula has no nuisance {nuisance!r}; {nearest(nuisance, NUISANCES[:2])}")
    state = set_state(sample, set_to)
    stages, design = stages_of(sample), design_matrix(sample.base.covariates, nuisance)
    if sample.base.embeddings.shape[1]:
        design = with_readings(sample, stages, design, folds, seed)
    everyone, none = np.arange(sample.n), np.empty((sample.n, 0))
    fitted = [fit_stage(sample, stage, design, everyone) for stage in stages]
    predictions = [model.predict(design, none) for model in fitted]
    errors = [_Errors(sample, model, design, prediction) for model, prediction in zip(fitted, predictions, strict=True)]
    means = [_mean(sample, predictions, regime, errors) for regime in regimes(len(stages) - 1)]
    controlled = None if state is None else _controlled(sample, predictions[-1], state, errors[-1])
    return assembled(
        sample, means, controlled,
        level=level, method=f"g-formula, logistic stages ({nuisance})",
        notes=(*overlap_notes(_propensity(sample, design)), *_notes(sample, stages)),
        assumptions=(*ASSUMPTIONS, "every stage's model is right"), diagnostics=counts(sample, stages),
    )  # fmt: skip


def _propensity(sample: MediationSample, design: Floats) -> Floats:
    """(n,) chance of the treatment given the design: not used for the effects, only to see whether the arms overlap."""
    base = sample.base
    try:
        ridge = ridge_of_design(base, design, np.arange(base.n), base.treatment, logistic=True)
        return expit(design @ fit_logistic(design, base.treatment, base.weights, ridge))
    except ValueError:  # the covariates tell the arms apart without error
        return base.treatment


class _Errors:
    """How the error of one stage's coefficients enters a mean: scores through the inverse Hessian, arm by arm."""

    def __init__(self, sample: MediationSample, model: FittedStage, design: Floats, prediction: Floats) -> None:
        stage, w, arm = model.stage, sample.base.weights, sample.base.treatment
        self.design, self.model, self.prediction = design, model, prediction
        self.terms = stage_terms(sample, stage, design)
        own = prediction[arm.astype(int), sample.state(stage.place), np.arange(sample.n)]
        self.score = w * stage.at_risk * (stage.target - own)
        self.curvature = w * stage.at_risk * (own * (1 - own) if stage.binary else 1.0)
        self.arm = arm

    def influence(self, t: int, slope: Floats) -> Floats:
        """(n,) share of each row in the error of a mean whose derivative in each prediction is `slope`."""
        n, stage = len(self.arm), self.model.stage
        if stage.binary:
            slope = slope * self.prediction[t] * (1 - self.prediction[t])
        if stage.nested:
            slope = slope * (np.arange(len(slope)) % 2)[:, None]
        gradient = np.concatenate([slope.sum(axis=0) @ self.design, slope.sum(axis=1) @ stage.states()]) / n
        inside = self.arm == t
        hessian = (self.terms * (self.curvature * inside)[:, None]).T @ self.terms + np.diag(self.model.penalty)
        return np.asarray((self.terms @ np.linalg.solve(hessian, gradient)) * self.score * inside * n)


def _mean(sample: MediationSample, predictions: list[Floats], regime: Regime, errors: list[_Errors]) -> Mean:
    """One mean of the functional and its influence function."""
    w, means, chances = sample.base.weights, conditional_means(predictions, regime), reached(predictions, regime)
    value = float(w @ means[0][0] / w.sum())
    influence = w * (means[0][0] - value)
    for k, (t, error) in enumerate(zip(regime, errors, strict=True)):
        rise = means[k + 1][1::2] - means[k + 1][::2] if k + 1 < len(regime) else 1.0
        influence = influence + error.influence(t, w * chances[k] * rise)
    return value, influence


def _controlled(sample: MediationSample, prediction: Floats, state: int, error: _Errors) -> Mean:
    """Controlled direct effect with the mediators in one state."""
    w, difference = sample.base.weights, prediction[1, state] - prediction[0, state]
    value = float(w @ difference / w.sum())
    slope = np.zeros_like(prediction[0])
    slope[state] = w
    return value, w * (difference - value) + error.influence(1, slope) - error.influence(0, slope)


def _notes(sample: MediationSample, stages: tuple[Stage, ...]) -> tuple[str, ...]:
    said = list(stage_notes(sample, stages))
    if d := sample.base.embeddings.shape[1]:
        said.append(f"{d} embedding dimensions enter as {len(stages) + 1} cross-fitted ridge readings, taken as given")
    return tuple(said)
