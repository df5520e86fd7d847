"""R-learner (Nie and Wager 2021) and DR-learner (Kennedy 2023): effects regressed on what nuisances leave over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from causalrec_lab.causal.effects.cate.estimate import CateEstimate, Rows
from causalrec_lab.causal.effects.cate.learning import Regression, fit_effect
from causalrec_lab.causal.effects.cate.linear_effect import LinearEffect, fit_linear_effect
from causalrec_lab.causal.effects.cate.problem import Problem, read_problem
from causalrec_lab.causal.effects.nuisances.ridge import one_thread
from causalrec_lab.causal.effects.sample import Embeddings, Floats
from causalrec_lab.estimate import z_value

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["OfModifiers", "dr_learner", "r_learner"]

_SHRUNK = "the effect is shrunk towards a constant as far as prediction gains by it, and that bias has no estimate"
_READ = (
    "embeddings enter the effect by ridge, whose bias has no estimate; name modifiers= to keep them to the nuisances"
)
_PROJECTED = "covers the best linear projection of the effect on the modifiers{weighted}, not a curved effect itself"


@dataclass(frozen=True)
class OfModifiers:
    """A regression on modifiers and embeddings, as a function of rows.

    Parameters
    ----------
    regression
        Of the effect.
    """

    regression: Regression

    def __call__(self, rows: Rows) -> Floats:
        """(n,) effects."""
        return self.regression.predict(rows.modifiers, rows.readings)


@one_thread()
def r_learner(
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    covariates: Sequence[str],
    *,
    embeddings: Embeddings | None = None,
    cluster: str | Sequence[str] | None = None,
    weights: str | None = None,
    level: float = 0.95,
    seed: int = 0,
    learner: str = "spline",
    modifiers: Sequence[str] | None = None,
    folds: int = 5,
    propensity: str | None = None,
    nuisance: str | None = None,
    graph: CausalGraph | None = None,
) -> CateEstimate:
    r"""Effect that explains what the treatment's residual moves of the outcome's residual.

    .. math:: \hat\tau = \arg\min_\tau \sum_i w_i \{ (Y_i - \hat m(X_i)) - (T_i - \hat e(X_i))\, \tau(X_i) \}^2

    with cross-fitted m and e (Nie and Wager 2021, "Quasi-oracle estimation of heterogeneous treatment effects"): a
    regression of the ratio of residuals with weights :math:`w (T - \hat e)^2`. Where the class of effects is too small
    it is fitted best where overlap is best.

    Parameters
    ----------
    frame, treatment, outcome, covariates, embeddings, cluster, weights, level, seed, folds, propensity, nuisance,
    graph
        As in `s_learner`; nuisances of a linear learner are splines unless said otherwise.
    learner
        "linear" (least squares, with intervals), "spline" (ridge) or "boosted".
    modifiers
        Covariates that the effect may depend on; all of them and the embeddings by default. Named, they are all that
        it depends on, and embeddings serve the nuisances alone.

    Raises
    ------
    ValueError
        As `s_learner`.
    """
    problem = read_problem(
        frame, treatment, outcome, covariates,
        embeddings=embeddings, cluster=cluster, weights=weights, level=level, seed=seed, learner=learner,
        modifiers=modifiers, folds=folds, propensity=propensity, nuisance=nuisance, graph=graph,
    )  # fmt: skip
    left = problem.scores.treatment_residual
    target, weight = problem.scores.outcome_residual / left, problem.scores.sample.weights * left**2
    return _learned(problem, "R-learner", target, weight, ", weighted by overlap")


@one_thread()
def dr_learner(
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    covariates: Sequence[str],
    *,
    embeddings: Embeddings | None = None,
    cluster: str | Sequence[str] | None = None,
    weights: str | None = None,
    level: float = 0.95,
    seed: int = 0,
    learner: str = "spline",
    modifiers: Sequence[str] | None = None,
    folds: int = 5,
    propensity: str | None = None,
    nuisance: str | None = None,
    graph: CausalGraph | None = None,
) -> CateEstimate:
    r"""Effect by regressing cross-fitted doubly robust scores on the modifiers: :math:`\hat E[\Gamma \mid V = v]`.

    The score's mean given V is the effect given V, whatever else confounds (Kennedy 2023, algorithm 1), so the
    modifiers may be any few of the covariates. With learner="linear" it is the best linear projection of the effect
    and has intervals (Semenova and Chernozhukov 2021).

    Parameters
    ----------
    frame, treatment, outcome, covariates, embeddings, cluster, weights, level, seed, learner, modifiers, folds,
    propensity, nuisance, graph
        As in `r_learner`.

    Raises
    ------
    ValueError
        As `s_learner`.
    """
    problem = read_problem(
        frame, treatment, outcome, covariates,
        embeddings=embeddings, cluster=cluster, weights=weights, level=level, seed=seed, learner=learner,
        modifiers=modifiers, folds=folds, propensity=propensity, nuisance=nuisance, graph=graph,
    )  # fmt: skip
    return _learned(problem, "DR-learner", problem.scores.row_scores, problem.scores.sample.weights, "")


def _learned(problem: Problem, name: str, target: Floats, weights: Floats, weighted: str) -> CateEstimate:
    sample, rows, method = problem.scores.sample, problem.rows, f"{name}, {problem.learner}"
    if problem.learner == "linear" and not rows.readings.shape[1]:
        line = fit_linear_effect(rows.modifiers, target, weights, sample.clusters)
        return _with_interval(problem, method, line, _PROJECTED.format(weighted=weighted))
    model = fit_effect(
        problem.learner, rows.modifiers, rows.readings, target, weights, sample.groups, seed=problem.seed
    )
    why = _READ if problem.learner == "linear" else _SHRUNK
    return problem.conclude(method, OfModifiers(model), why)


def _with_interval(problem: Problem, method: str, line: LinearEffect, words: str) -> CateEstimate:
    def ends(rows: Rows, level: float) -> tuple[Floats, Floats]:
        value, half = line.predict(rows.modifiers), z_value(level) * line.std_error(rows.modifiers)
        return value - half, value + half

    return problem.conclude(method, lambda rows: line.predict(rows.modifiers), words, ends)
