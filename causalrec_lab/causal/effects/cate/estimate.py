"""`CateEstimate`: the effect of any row, with an interval where the method has one, and the average with its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.cate.coding import Coding, Scaling
from causalrec_lab.causal.effects.cate.scores import EffectScores, share_known
from causalrec_lab.causal.effects.sample import Embeddings, Floats
from causalrec_lab.estimate import Estimate, z_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["CateEstimate", "Rows"]


@dataclass(frozen=True)
class Rows:
    """Numbers of some rows: (n, p) covariates, (n, q) modifiers, (n, d) embeddings, and those of them that modify."""

    covariates: Floats
    modifiers: Floats
    embeddings: Floats
    readings: Floats


@dataclass(frozen=True)
class CateEstimate:
    r"""Conditional average effect, :math:`\hat\tau(x) = \hat E[Y(1) - Y(0) \mid X = x]`.

    Parameters
    ----------
    method
        The learner, in the field's words.
    scores
        Doubly robust scores of the rows learned from.
    covariates, modifiers, scaling
        How tables and embeddings become numbers.
    reads_embeddings
        Whether the effect may depend on the embeddings.
    model
        Effects of rows.
    ends
        Lower and upper ends of rows at a level, or None where the method has no valid interval.
    words
        What the interval covers, or why there is none.
    notes
        Warnings about the effects of single rows.
    """

    method: str
    scores: EffectScores
    covariates: Coding
    modifiers: Coding
    scaling: Scaling
    reads_embeddings: bool
    model: Callable[[Rows], Floats]
    ends: Callable[[Rows, float], tuple[Floats, Floats]] | None
    words: str
    notes: tuple[str, ...] = ()

    def effect(self, frame: pd.DataFrame, *, embeddings: Embeddings | None = None) -> Floats:
        """(n,) effects of the rows of a table, in the outcome's unit.

        The nuisances are cross-fitted, the effect itself is learned from all rows: for those it has seen their outcome,
        and the spread of its predictions flatters it. Judge it on rows held out.

        Parameters
        ----------
        frame
            Rows, old or new, with the covariates.
        embeddings
            Of these rows, if the estimate was learned with embeddings.

        Raises
        ------
        ValueError
            If a covariate is missing, not finite, has a level not met when learning, or embeddings do not fit.
        """
        return self.model(self._rows(frame, embeddings))

    def interval(
        self, frame: pd.DataFrame, *, embeddings: Embeddings | None = None, level: float | None = None
    ) -> Floats:
        """(n, 2) pointwise intervals of the rows of a table; `words` says what they cover.

        Raises
        ------
        ValueError
            If the method has no valid interval for single rows (the message says why and what has one), and as
            `effect`.
        """
        if self.ends is None:
            raise ValueError(
                f"{self.method} has no valid interval for single rows: {self.words}; average() and gates(...) have "
                'one, as do dr_learner(learner="linear"), r_learner(learner="linear") and causal_forest'
            )
        level = self.scores.level if level is None else level
        z_value(level)
        return np.column_stack(self.ends(self._rows(frame, embeddings), level))

    @property
    def has_interval(self) -> bool:
        """Whether `interval` answers."""
        return self.ends is not None

    def average(self) -> Estimate:
        """Average effect over the rows learned from: cross-fitted AIPW scores, never the mean of predictions."""
        return self.scores.average()

    def seen(self, scores: EffectScores) -> float:
        """Share of scored rows that this was learned from."""
        return share_known(scores, self.scores)

    def summary(self) -> pd.DataFrame:
        """One row: average with its interval, then how the predictions for the rows learned from spread."""
        average, predicted = self.average(), self._own_effects()
        row: dict[str, Any] = {
            "method": self.method, "average": average.value, "low": average.low, "high": average.high,
            "level": average.level, "n": average.n, "effect_sd": float(predicted.std()),
        }  # fmt: skip
        row |= {f"effect_q{q:02d}": float(np.quantile(predicted, q / 100)) for q in (5, 25, 50, 75, 95)}
        row |= {"share_positive": float(np.mean(predicted > 0)), "interval_for_rows": self.has_interval}
        return pd.DataFrame([row | dict(average.diagnostics)])

    def plot(self, ax: Axes | None = None, *, truth: Any = None) -> Axes:
        """Histogram of predicted effects with the average's interval, or predictions against the rows' true effects."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(5, 3.2))
        predicted, average = self._own_effects(), self.average()
        if truth is not None:
            ax.plot(truth, predicted, ".", alpha=0.25, markersize=3)
            ends = [float(np.min(truth)), float(np.max(truth))]
            ax.plot(ends, ends, "--", color="0.35", label="predicted = true")
            ax.set(xlabel="true effect", ylabel=f"predicted effect ({self.method})")
        else:
            ax.hist(predicted, bins=40, alpha=0.6)
            ax.axvspan(
                average.low, average.high, alpha=0.25, color="0.35", label=f"average, {average.level:.0%} interval"
            )
            ax.set(xlabel=f"predicted effect ({self.method})", ylabel="rows")
        ax.legend(loc="best")
        return ax

    def _own_effects(self) -> Floats:
        return self.effect(self.scores.frame, embeddings=self.scores.embeddings)

    def _rows(self, frame: pd.DataFrame, embeddings: Embeddings | None) -> Rows:
        E = self.scaling.matrix(embeddings, len(frame))
        readings = E if self.reads_embeddings else E[:, :0]
        return Rows(self.covariates.matrix(frame), self.modifiers.matrix(frame), E, readings)

    def _repr_html_(self) -> str:
        average = self.average()
        return (
            f'<table class="estimate"><tbody><tr><th>method</th><td>{self.method}</td></tr>'
            f"<tr><th>average [{average.level:.0%} interval]</th>"
            f"<td>{average.value:.4g} [{average.low:.4g}, {average.high:.4g}]</td></tr>"
            f"<tr><th>standard deviation of effects</th><td>{self._own_effects().std():.4g}</td></tr>"
            f"<tr><th>interval for rows</th><td>{self.words}</td></tr>"
            + "".join(f"<tr><th>note</th><td>{note}</td></tr>" for note in self.notes)
            + "</tbody></table>"
        )

    def __repr__(self) -> str:
        """Name the method and the average; the table stays out."""
        return f"CateEstimate({self.method}, {self.average()})"
