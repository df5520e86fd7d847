"""S-, T- and X-learner (Künzel, Sekhon, Bickel and Yu 2019): effects out of outcome surfaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.cate.basis import Basis
from causalrec_lab.causal.effects.cate.estimate import CateEstimate, Rows
from causalrec_lab.causal.effects.cate.learning import DAMPING, Regression, fit_effect, fit_surface, shrunken
from causalrec_lab.causal.effects.cate.problem import Problem, read_problem
from causalrec_lab.causal.effects.nuisances.ridge import expit, one_thread
from causalrec_lab.causal.effects.sample import Embeddings, Floats

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["s_learner", "t_learner", "x_learner"]

_WHY = "the surfaces are regularised to predict outcomes, and the bias this puts into their difference has no estimate"


@one_thread()
def s_learner(
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
    r"""Effect from a single surface that has the treatment as a column, :math:`\mu(x, 1) - \mu(x, 0)`.

    "spline" and "linear" hold one ridge penalty over the treatment's products with the modifiers, chosen by
    generalised cross-validation, so that effects differ as far as the data insist (the idea of a penalty of its own
    for what is causal: Imai and Ratkovic 2013); "boosted" is one ensemble of trees.

    Parameters
    ----------
    frame, treatment, outcome, covariates, embeddings, cluster, weights, level
        As in `aipw`.
    seed, folds, propensity, nuisance
        Of the cross-fitted nuisances behind `average()`.
    learner
        "spline", "linear" or "boosted".
    modifiers
        Covariates that the effect may depend on; all of them and the embeddings by default.
    graph
        What is believed about the world: a covariate that is an effect of the treatment in it is refused.

    Raises
    ------
    ValueError
        As `aipw`, for an unknown learner, a modifier that is no covariate, or modifiers with boosted trees.
    """
    problem = read_problem(
        frame, treatment, outcome, covariates,
        embeddings=embeddings, cluster=cluster, weights=weights, level=level, seed=seed, learner=learner,
        modifiers=modifiers, folds=folds, propensity=propensity, nuisance=nuisance, graph=graph,
    )  # fmt: skip
    if learner == "boosted" and modifiers is not None:
        raise ValueError(
            's_learner(learner="boosted") cannot hold modifiers= apart; use learner="spline" or dr_learner'
        )
    fit = _one_ensemble if learner == "boosted" else _one_surface
    return problem.conclude(f"S-learner, {learner}", fit(problem), _WHY)


@one_thread()
def t_learner(
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
    r"""Effect as the difference of two surfaces, one learned in each arm: :math:`\hat\mu_1(x) - \hat\mu_0(x)`.

    Parameters
    ----------
    frame, treatment, outcome, covariates, embeddings, cluster, weights, level, seed, learner, folds, propensity,
    nuisance, graph
        As in `s_learner`.
    modifiers
        Must be None: two surfaces share nothing that could be kept from depending on a column.

    Raises
    ------
    ValueError
        As `s_learner`, or if modifiers are given.
    """
    if modifiers is not None:
        raise ValueError("t_learner has a surface for each arm and cannot hold modifiers= apart; use dr_learner")
    problem = read_problem(
        frame, treatment, outcome, covariates,
        embeddings=embeddings, cluster=cluster, weights=weights, level=level, seed=seed, learner=learner,
        folds=folds, propensity=propensity, nuisance=nuisance, graph=graph,
    )  # fmt: skip
    control, treated = (_arm_surface(problem, arm) for arm in (False, True))

    def effect(rows: Rows) -> Floats:
        return treated.predict(rows.covariates, rows.embeddings) - control.predict(rows.covariates, rows.embeddings)

    return problem.conclude(f"T-learner, {learner}", effect, _WHY)


@one_thread()
def x_learner(
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
    r"""Effect learned in each arm from the outcome less the other arm's (cross-fitted) surface, and averaged.

    .. math:: \tilde D_1 = Y - \hat\mu_0(X), \quad \tilde D_0 = \hat\mu_1(X) - Y, \qquad
        \hat\tau(x) = \hat e(x)\, \hat\tau_0(x) + (1 - \hat e(x))\, \hat\tau_1(x)

    It helps where one arm is far larger than the other.

    Parameters
    ----------
    frame, treatment, outcome, covariates, embeddings, cluster, weights, level, seed, learner, folds, propensity,
    nuisance, graph
        As in `s_learner`.
    modifiers
        Covariates that the effect may depend on: they must be all that it depends on, for the arms differ in the rest.

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
    sample, fitted, rows = problem.scores.sample, problem.scores.fitted, problem.rows
    among_control = _arm_effect(problem, False, fitted.treated - sample.outcome)
    among_treated = _arm_effect(problem, True, sample.outcome - fitted.control)
    share = fit_surface(
        learner, rows.covariates, rows.embeddings, sample.treatment, sample.weights, sample.groups,
        binary=True, seed=seed,
    )  # fmt: skip

    def effect(new: Rows) -> Floats:
        e = np.clip(share.predict(new.covariates, new.embeddings), 0.0, 1.0)
        by_control = among_control.predict(new.modifiers, new.readings)
        return np.asarray(e * by_control + (1 - e) * among_treated.predict(new.modifiers, new.readings))

    return problem.conclude(f"X-learner, {learner}", effect, _WHY)


def _arm_surface(problem: Problem, arm: bool) -> Regression:
    sample, rows, mine = problem.scores.sample, problem.rows, problem.scores.sample.treated == arm
    return fit_surface(
        problem.learner, rows.covariates[mine], rows.embeddings[mine], sample.outcome[mine], sample.weights[mine],
        [codes[mine] for codes in sample.groups], binary=sample.binary_outcome, seed=problem.seed,
    )  # fmt: skip


def _arm_effect(problem: Problem, arm: bool, target: Floats) -> Regression:
    sample, rows, mine = problem.scores.sample, problem.rows, problem.scores.sample.treated == arm
    return fit_effect(
        problem.learner, rows.modifiers[mine], rows.readings[mine], target[mine], sample.weights[mine],
        [codes[mine] for codes in sample.groups], seed=problem.seed,
    )  # fmt: skip


@dataclass(frozen=True)
class _Surface:
    """One ridge surface with a column of its own for the treatment and its products with the modifiers."""

    main: Basis
    products: Basis
    coefficients: Floats
    logistic: bool

    def __call__(self, rows: Rows) -> Floats:
        means = [self._mean(rows, np.full(len(rows.covariates), arm)) for arm in (0.0, 1.0)]
        return means[1] - means[0]

    def _mean(self, rows: Rows, treatment: Floats) -> Floats:
        eta = np.column_stack(_blocks(self.main, self.products, rows, treatment)) @ self.coefficients
        return expit(eta) if self.logistic else np.asarray(eta)


def _one_surface(problem: Problem) -> _Surface:
    sample, rows, bent = problem.scores.sample, problem.rows, problem.learner == "spline"
    main = Basis.learn(rows.covariates, bent=bent)
    products = Basis.learn(rows.modifiers, bent=bent, damping=DAMPING)
    free, penalised = _blocks(main, products, rows, sample.treatment)
    found = shrunken(
        free, penalised, sample.outcome, sample.weights, sample.groups, logistic=sample.binary_outcome
    )  # fmt: skip
    return _Surface(main, products, found, sample.binary_outcome)


def _blocks(main: Basis, products: Basis, rows: Rows, treatment: Floats) -> tuple[Floats, Floats]:
    half = (treatment - 0.5)[:, None]
    free = np.column_stack([np.ones(len(half)), main.columns(rows.covariates), treatment])
    moved = np.column_stack([products.columns(rows.modifiers), rows.readings])
    return free, np.column_stack([half * moved, rows.embeddings])


def _one_ensemble(problem: Problem) -> _Ensemble:
    sample, rows = problem.scores.sample, problem.rows
    model = fit_surface(
        "boosted", np.column_stack([rows.covariates, sample.treatment]), rows.embeddings, sample.outcome,
        sample.weights, sample.groups, binary=sample.binary_outcome, seed=problem.seed,
    )  # fmt: skip
    return _Ensemble(model)


@dataclass(frozen=True)
class _Ensemble:
    """Trees that have the treatment among their columns."""

    model: Regression

    def __call__(self, rows: Rows) -> Floats:
        ones = np.ones(len(rows.covariates))
        means = [
            self.model.predict(np.column_stack([rows.covariates, arm * ones]), rows.embeddings) for arm in (0.0, 1.0)
        ]
        return means[1] - means[0]
