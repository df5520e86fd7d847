"""Doubly robust scores: a noisy but unbiased reading of each row's effect, on which everything here rests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.diagnostics import check_overlap, overlap_diagnostics, overlap_notes, r_squared
from causalrec_lab.causal.effects.inference import IGNORABILITY, OVERLAP, SUTVA, ratio, report
from causalrec_lab.causal.effects.nuisances.cross_fitting import NUISANCES, Nuisances, cross_fit
from causalrec_lab.causal.effects.nuisances.ridge import one_thread
from causalrec_lab.causal.effects.sample import Embeddings, Floats, Sample, nearest, read_sample
from causalrec_lab.estimate import Estimate, z_value

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["EffectScores", "Predicted", "effect_scores", "predicted_effect", "share_known"]

_APART = 0.9  # share of rows with values of their own above which values tell rows apart
_SEEN = 0.5  # share of rows known from training above which an evaluation is called what it is


class Predictor(Protocol):
    """What foretells effects: a `CateEstimate`."""

    def effect(self, frame: pd.DataFrame, *, embeddings: Embeddings | None = None) -> Floats:
        """(n,) effects of the rows of a table."""
        ...

    def seen(self, scores: EffectScores) -> float:
        """Share of scored rows it was learned from."""
        ...


Predicted = Predictor | npt.ArrayLike


@dataclass(frozen=True)
class EffectScores:
    r"""Scores of the rows of one table, by nuisances that did not see them.

    .. math:: \Gamma_i = \hat m_1 - \hat m_0 + \frac{T_i - \hat e}{\hat e (1 - \hat e)} (Y_i - \hat m_{T_i}), \qquad
        E[\Gamma_i \mid X_i] = \tau(X_i)

    if either nuisance is right (Robins, Rotnitzky and Zhao 1994).

    Parameters
    ----------
    frame, embeddings
        The table and the embeddings as they were given.
    sample
        Its checked arrays.
    fitted
        Cross-fitted nuisances.
    level
        Confidence level of what is read from the scores.
    method
        How they were made.
    columns
        Treatment, outcome and covariates, by which training rows are known again.
    """

    frame: pd.DataFrame
    embeddings: Embeddings | None
    sample: Sample
    fitted: Nuisances
    level: float
    method: str
    columns: tuple[str, ...]

    @property
    def n(self) -> int:
        """Rows."""
        return self.sample.n

    @property
    def row_scores(self) -> Floats:
        """(n,) scores of the effect."""
        t, e = self.sample.treatment, self.fitted.propensity
        prediction = np.where(self.sample.treated, self.fitted.treated, self.fitted.control)
        weight = (t - e) / (e * (1 - e))
        return np.asarray(self.fitted.treated - self.fitted.control + weight * (self.sample.outcome - prediction))

    @property
    def outcome_residual(self) -> Floats:
        r"""(n,) :math:`Y - \hat m(X)` with :math:`m = e m_1 + (1 - e) m_0`."""
        e = self.fitted.propensity
        return np.asarray(self.sample.outcome - e * self.fitted.treated - (1 - e) * self.fitted.control)

    @property
    def treatment_residual(self) -> Floats:
        r"""(n,) :math:`T - \hat e(X)`."""
        return np.asarray(self.sample.treatment - self.fitted.propensity)

    @property
    def notes(self) -> tuple[str, ...]:
        """Warnings about overlap, weights and clusters."""
        return overlap_notes(overlap_diagnostics(self.sample, self.fitted.propensity, "ATE"), "ATE") + self.sample.notes

    def average(self) -> Estimate:
        """Average effect: the mean of the scores, with the (clustered) error of that mean."""
        value, influence = ratio(self.sample.weights * self.row_scores, self.sample.weights)
        return self.estimate(value, influence, "ATE", self.method)

    def estimate(
        self, value: float, influence: Floats, estimand: str, method: str, notes: Sequence[str] = ()
    ) -> Estimate:
        """Something read from the scores, with its influence function, as an `Estimate`."""
        found = overlap_diagnostics(self.sample, self.fitted.propensity, "ATE")
        prediction = np.where(self.sample.treated, self.fitted.treated, self.fitted.control)
        found["outcome_r2"] = r_squared(self.sample.outcome, prediction, self.sample.weights)
        return report(
            self.sample, value, influence,
            level=self.level, estimand=estimand, method=method, diagnostics=found,
            notes=(*overlap_notes(found, "ATE"), *notes),
            assumptions=(IGNORABILITY, OVERLAP, "the propensity or the outcome model is right", SUTVA),
        )  # fmt: skip


@one_thread()
def effect_scores(
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
    folds: int = 5,
    groups: str | Sequence[str] | None = None,
    propensity: str | None = None,
    nuisance: str = "spline",
    clip: float = 0.01,
    graph: CausalGraph | None = None,
) -> EffectScores:
    """Doubly robust scores of a table: made once, read by every evaluation and by the policy tree.

    For an evaluation the table holds rows that the evaluated effect was not learned from.

    Parameters
    ----------
    frame, treatment, outcome, covariates, embeddings, cluster, weights, level, seed, folds, groups, propensity,
    nuisance, clip, graph
        As in `aipw`.

    Raises
    ------
    ValueError
        As `aipw`.
    """
    if nuisance not in NUISANCES:
        raise ValueError(f"unknown nuisance {nuisance!r}; {nearest(nuisance, NUISANCES)}")
    z_value(level)
    sample = read_sample(
        frame, treatment, outcome, covariates,
        embeddings=embeddings, cluster=cluster, weights=weights, groups=groups, propensity=propensity, graph=graph,
    )  # fmt: skip
    fitted = cross_fit(sample, nuisance=nuisance, folds=folds, seed=seed, clip=clip)
    check_overlap(sample, fitted.propensity)
    known = ", logged propensity" if propensity is not None else ""
    method = f"AIPW, {nuisance}, {folds}-fold cross-fitted{known}"
    return EffectScores(frame, embeddings, sample, fitted, level, method, (treatment, outcome, *covariates))


def predicted_effect(scores: EffectScores, effect: Predicted) -> tuple[Floats, tuple[str, ...]]:
    """(n,) predicted effects of scored rows and what must be said of them; an estimate is asked, an array is checked.

    Raises
    ------
    ValueError
        If an array has another length or is not finite.
    """
    if hasattr(effect, "effect"):
        known: Any = effect
        values, share = known.effect(scores.frame, embeddings=scores.embeddings), known.seen(scores)
        said = f"warning: {share:.0%} of these rows trained the estimate, which flatters it; score rows held out"
        return values, (said,) if share > _SEEN else ()
    values = np.asarray(effect, dtype=np.float64)
    if values.shape != (scores.n,) or not np.isfinite(values).all():
        raise ValueError(
            f"predicted effects have shape {values.shape} for {scores.n:,} scored rows, or are not all finite; give "
            "one number a row, or the CateEstimate itself"
        )
    return values, ()


def share_known(scores: EffectScores, learned: EffectScores) -> float:
    """Share of scored rows that are among those learned from, in whatever order, by the values they were learned by.

    Where values do not tell rows apart the index must agree too.
    """
    columns = [name for name in learned.columns if name in scores.frame.columns]
    if not columns:
        return 0.0
    values = _fingerprint(learned.frame, columns, index=False)
    alike = len(np.unique(values)) < _APART * len(values)
    found, known = (_fingerprint(table.frame, columns, index=alike) for table in (scores, learned))
    return float(np.isin(found, known).mean())


def _fingerprint(frame: pd.DataFrame, columns: Sequence[str], *, index: bool) -> npt.NDArray[np.uint64]:
    kinds = {name: np.float64 if pd.api.types.is_numeric_dtype(frame[name]) else str for name in columns}
    hashed = pd.util.hash_pandas_object(frame[list(kinds)].astype(kinds), index=index)
    return np.asarray(hashed.to_numpy(), dtype=np.uint64)
