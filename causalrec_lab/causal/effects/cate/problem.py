"""From a learner's arguments to what it learns from: `Problem`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from causalrec_lab.causal.effects.cate.basis import Basis
from causalrec_lab.causal.effects.cate.coding import Coding, Scaling
from causalrec_lab.causal.effects.cate.estimate import CateEstimate, Rows
from causalrec_lab.causal.effects.cate.scores import EffectScores, effect_scores
from causalrec_lab.causal.effects.nuisances.cross_fitting import NUISANCES
from causalrec_lab.causal.effects.sample import Embeddings, Floats, nearest

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["Problem", "read_problem"]

_SUPPORT = 10  # rows a term, below which the curves of an effect follow single rows


@dataclass(frozen=True)
class Problem:
    """Scores, coded rows and codings of one estimation of effects.

    Parameters
    ----------
    scores
        Doubly robust scores of the rows.
    rows
        Their numbers.
    covariates, modifiers, scaling
        How new rows become such numbers.
    chosen
        Whether modifiers were named: then the effect depends on them alone, and not on embeddings.
    learner, seed
        Kind of regression, seed.
    """

    scores: EffectScores
    rows: Rows
    covariates: Coding
    modifiers: Coding
    scaling: Scaling
    chosen: bool
    learner: str
    seed: int

    def conclude(
        self,
        method: str,
        model: Callable[[Rows], Floats],
        words: str,
        ends: Callable[[Rows, float], tuple[Floats, Floats]] | None = None,
    ) -> CateEstimate:
        """The estimate of a learned model."""
        return CateEstimate(
            method, self.scores, self.covariates, self.modifiers, self.scaling, not self.chosen, model, ends, words,
            self._notes(),
        )  # fmt: skip

    def _notes(self) -> tuple[str, ...]:
        """Whether rows are too few for the curves of an effect."""
        if self.learner != "spline":
            return ()
        treated = self.scores.sample.treated
        rows = int(min(treated.sum(), (~treated).sum()))
        terms = 1 + Basis.learn(self.rows.modifiers, bent=True).columns(self.rows.modifiers).shape[1]
        if rows >= _SUPPORT * terms:
            return ()
        said = (
            f"warning: effects of single rows bend in {terms} terms learned from {rows} rows of the smaller arm; below "
            f"some {_SUPPORT} rows a term they can be far off, farthest for rows unlike those learned from: "
            "learner='linear' bends less and has intervals; average() is not touched by it"
        )
        return (said,)


def read_problem(
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
) -> Problem:
    """Check the arguments, cross-fit the nuisances and code the rows.

    Nuisances are as flexible as the learner, and splines where the learner is linear: a simple effect needs no simple
    confounding.

    Raises
    ------
    ValueError
        As `effect_scores`, if the learner is unknown, there is no covariate nor embedding, or a modifier is no
        covariate.
    """
    if learner not in NUISANCES:
        raise ValueError(f"unknown learner {learner!r}; {nearest(learner, NUISANCES)}")
    chosen = _modifiers(covariates, modifiers)
    scores = effect_scores(
        frame, treatment, outcome, covariates,
        embeddings=embeddings, cluster=cluster, weights=weights, level=level, seed=seed, folds=folds,
        propensity=propensity, nuisance=nuisance or ("spline" if learner == "linear" else learner), graph=graph,
    )  # fmt: skip
    if not len(covariates) and embeddings is None:
        raise ValueError(
            "covariates=[] and no embeddings: the effect has nothing to depend on; use aipw for the average"
        )
    coding, narrowed, scaling = Coding.learn(frame, covariates), Coding.learn(frame, chosen), Scaling.learn(embeddings)
    E = scaling.matrix(embeddings, len(frame))
    rows = Rows(coding.matrix(frame), narrowed.matrix(frame), E, E if modifiers is None else E[:, :0])
    return Problem(scores, rows, coding, narrowed, scaling, modifiers is not None, learner, seed)


def _modifiers(covariates: Sequence[str], modifiers: Sequence[str] | None) -> list[str]:
    if modifiers is None:
        return list(covariates)
    if isinstance(modifiers, str) or not len(modifiers):
        raise ValueError(f"modifiers={modifiers!r}: give a list of covariates, or None for all of them")
    for name in modifiers:
        if name not in covariates:
            raise ValueError(f"modifier {name!r} is no covariate; {nearest(name, list(covariates))}, or add it to them")
    return list(modifiers)
