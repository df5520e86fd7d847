"""Causal forest (Athey, Tibshirani and Wager 2019), by EconML, on residuals of our own nuisances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.cate.estimate import CateEstimate, Rows
from causalrec_lab.causal.effects.cate.problem import Problem, read_problem
from causalrec_lab.causal.effects.nuisances.ridge import one_thread
from causalrec_lab.causal.effects.sample import Embeddings, Floats

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["causal_forest"]

_SUBSAMPLE = 5_000  # rows of a tree: its cost is theirs, and small subsamples keep the intervals honest
_HALF = 0.45  # share of the rows a tree may have at most: intervals need less than half
_TREES_A_BAG = 4  # trees that share a half-sample, from whose spread the interval comes
_HONEST = (
    "covers the effect itself where the forest is large and the effect smooth; it is pointwise, and too short where "
    "the effect bends between leaves"
)
_CLUSTERED = "the forest draws single rows, and rows of a cluster tell less than as many of their own"


@one_thread()
def causal_forest(
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
    modifiers: Sequence[str] | None = None,
    folds: int = 5,
    propensity: str | None = None,
    nuisance: str = "spline",
    trees: int = 400,
    min_leaf: int = 10,
    graph: CausalGraph | None = None,
) -> CateEstimate:
    r"""Effect by an honest forest that is grown where the residuals' slope differs.

    The forest solves :math:`E[\{(Y - \hat m) - (T - \hat e)\,\tau(x) - c(x)\}\,(T - \hat e, 1)' \mid X = x] = 0`
    with weights from trees whose splits and leaves come from different halves of each subsample. Its intervals are
    those of bootstrapped little bags (Athey, Tibshirani and Wager 2019, section 4).

    Parameters
    ----------
    frame, treatment, outcome, covariates, embeddings, cluster, weights, level, seed, modifiers, folds, propensity,
    nuisance, graph
        As in `dr_learner`; embeddings are columns of the forest unless modifiers are named.
    trees
        Trees, a multiple of 4.
    min_leaf
        Least rows of a leaf, of either half.

    Raises
    ------
    ValueError
        As `dr_learner`, or if `trees` is no positive multiple of 4 or `min_leaf` not positive.
    """
    if trees < _TREES_A_BAG or trees % _TREES_A_BAG or min_leaf < 1:
        raise ValueError(
            f"trees={trees!r}, min_leaf={min_leaf!r}: give a multiple of 4 trees and at least 1 row a leaf"
        )
    problem = read_problem(
        frame, treatment, outcome, covariates,
        embeddings=embeddings, cluster=cluster, weights=weights, level=level, seed=seed, learner=nuisance,
        modifiers=modifiers, folds=folds, propensity=propensity, nuisance=nuisance, graph=graph,
    )  # fmt: skip
    problem = replace(problem, learner="forest")  # it bends in no terms
    forest = _grown(problem, trees, min_leaf)

    def effect(rows: Rows) -> Floats:
        return np.asarray(forest.predict(_columns(rows)), dtype=np.float64).reshape(-1)

    def ends(rows: Rows, level: float) -> tuple[Floats, Floats]:
        low, high = forest.predict_interval(_columns(rows), alpha=1 - level)
        return np.asarray(low, dtype=np.float64).reshape(-1), np.asarray(high, dtype=np.float64).reshape(-1)

    method = f"causal forest, {trees} trees"
    if problem.scores.sample.clusters:
        return problem.conclude(method, effect, _CLUSTERED)
    return problem.conclude(method, effect, _HONEST, ends)


def _grown(problem: Problem, trees: int, min_leaf: int) -> Any:
    from econml.grf import CausalForest

    scores, n = problem.scores, problem.scores.n
    kind: Any = CausalForest
    forest = kind(
        n_estimators=trees, criterion="het", min_samples_leaf=min_leaf, max_samples=min(_HALF, _SUBSAMPLE / n),
        subforest_size=_TREES_A_BAG, honest=True, inference=True, n_jobs=1, random_state=problem.seed,
    )  # fmt: skip
    uneven = np.ptp(scores.sample.weights) > 0
    forest.fit(
        _columns(problem.rows), scores.treatment_residual[:, None], scores.outcome_residual[:, None],
        sample_weight=scores.sample.weights if uneven else None,
    )  # fmt: skip
    return forest


def _columns(rows: Rows) -> Floats:
    return np.column_stack([rows.modifiers, rows.readings])
