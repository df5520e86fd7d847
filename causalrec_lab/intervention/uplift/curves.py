r"""What treating in the order of a score gains, share by share: the uplift curve, the areas under it, uplift at k.

With :math:`\tau` the effect and :math:`u` the share treated, highest score S first,

.. math:: G(u) = E[\tau\, 1\{S \ge q_{1-u}\}], \quad \mathrm{AUUC} = \int_0^1 G(u)\,du, \quad
    \mathrm{Qini} = \int_0^1 (G(u) - u\,G(1))\,du, \quad \text{uplift at } k = G(k) / k

The curve is due to Radcliffe (2007, "Using control groups to target on predicted lift"), who drew counts; names and
normalisations differ from author to author (Gutierrez and Gérardy 2017, "Causal Inference and Uplift Modelling";
Devriendt, Van Belle, Guns and Verbeke 2020, "Learning to rank for uplift modeling"). Here all are means a row of the
table, in the outcome's unit, and the Qini is that of Yadlowsky et al. (2025): `effects.rate(kind="qini")` gives the
same number.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.cate.scores import EffectScores
from causalrec_lab.estimate import Estimate, z_value
from causalrec_lab.intervention.uplift.areas import area
from causalrec_lab.intervention.uplift.ranking import Ranking
from causalrec_lab.intervention.uplift.reading import Score, priority, read, score_of
from causalrec_lab.intervention.uplift.top_shares import halves, top_share

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["UpliftCurve", "curve", "curve_of"]

Floats = npt.NDArray[np.float64]
_GRID = np.linspace(0.05, 1.0, 20)


@dataclass(frozen=True)
class UpliftCurve:
    """A score's uplift curve.

    Parameters
    ----------
    scores
        Doubly robust scores of the rows.
    ranking
        The rows in the score's order.
    table
        Indexed by the share treated: gain (a row of the table), low, high, random; with a truth also truth (what this
        order gains) and best (what the order of the true effects gains).
    auuc, qini
        Areas, with intervals by their influence functions.
    resamples, seed
        Half-samples of the intervals around single points.
    notes
        What must be said of the score.
    """

    scores: EffectScores
    ranking: Ranking
    table: pd.DataFrame
    auuc: Estimate
    qini: Estimate
    resamples: int
    seed: int
    notes: tuple[str, ...]

    def at_k(self, k: float) -> Estimate:
        """Average effect among the share k of the rows with the highest scores, in the outcome's unit.

        Raises
        ------
        ValueError
            If k is no share in (0, 1].
        """
        return top_share(self.scores, self.ranking, k, self.resamples, self.seed, self.notes)

    def plot(self, ax: Axes | None = None) -> Axes:
        """The gain with its pointwise interval, the random line and, where it is known, the truth."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(5, 3.4))
        table = pd.concat([pd.DataFrame(0.0, index=[0.0], columns=self.table.columns), self.table])
        share = table.index.to_numpy()
        ax.plot(share, table["gain"], label=f"by the score, Qini {self.qini.value:.3g}")
        ax.fill_between(share, table["low"], table["high"], alpha=0.2)
        ax.plot(share, table["random"], color="0.6", label="at random")
        for name, style, said in (("truth", "--", "by the score, truth"), ("best", ":", "by the true effect, truth")):
            if name in table:
                ax.plot(share, table[name], style, color="0.35", label=said)
        ax.set(xlabel="share treated, highest score first", ylabel="gain a row")
        ax.legend(loc="best")
        return ax

    def _repr_html_(self) -> str:
        """Areas and the curve."""
        heads = "".join(
            f"<li>{html.escape(e.estimand)} {e.value:.4g} [{e.low:.4g}, {e.high:.4g}]</li>"
            for e in (self.auuc, self.qini)
        )
        shown = self.table.iloc[1::2].to_html(border=0, float_format=lambda value: f"{value:.4g}")
        return f'<div class="uplift"><ul>{heads}</ul>{shown}</div>'


def curve(
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    score: Score,
    *,
    truth: str | npt.ArrayLike | None = None,
    resamples: int = 200,
    seed: int = 0,
    **how: Any,
) -> UpliftCurve:
    r"""Draw the uplift curve of a score, :math:`u \mapsto G(u)`, with its areas.

    Parameters
    ----------
    frame, treatment, outcome
        Rows held out from whatever learned the score; columns 0/1 and a number.
    score
        Column, (n,) numbers or a `CateEstimate`: only their order counts, and ties are one step.
    truth
        Column or (n,) true effects of the rows, where a simulator knows them.
    resamples, seed
        Half-samples (Yadlowsky et al. 2025, section 3) of the pointwise interval, whole clusters drawn; at least 20.
    **how
        covariates, propensity, weights, cluster, level, folds as in `reading.read`: without covariates the treatment is
        taken as randomised.

    Raises
    ------
    ValueError
        If a column is unknown, the treatment has one level, a score or an outcome is missing, there are fewer than 20
        rows (or clusters), or fewer than 20 resamples.
    """
    score = score_of(frame, score) if isinstance(score, str) else score
    return curve_of(read(frame, treatment, outcome, seed=seed, **how), score, truth, resamples, seed)


def curve_of(
    scores: EffectScores, score: Score, truth: str | npt.ArrayLike | None, resamples: int, seed: int
) -> UpliftCurve:
    """The curve from scores already made: see `curve`."""
    values, notes = priority(scores, score)
    ranking, gamma = Ranking.of(values, scores.sample.weights), scores.row_scores
    gain = ranking.gain(gamma, _GRID)
    drawn = [ranking.gain(gamma, _GRID, half) for half in halves(scores, resamples, seed)]
    band = z_value(scores.level) * np.std(drawn, axis=0, ddof=1)
    columns = {"gain": gain, "low": gain - band, "high": gain + band, "random": _GRID * gain[-1]}
    if truth is not None:
        known = np.asarray(score_of(scores.frame, truth), dtype=np.float64)
        best = Ranking.of(known, scores.sample.weights)
        columns |= {"truth": ranking.gain(known, _GRID), "best": best.gain(known, _GRID)}
    table = pd.DataFrame(columns, index=pd.Index(_GRID, name="share"))
    found = {name: area(scores, ranking, name, notes) for name in ("AUUC", "Qini")}
    return UpliftCurve(scores, ranking, table, found["AUUC"], found["Qini"], resamples, seed, notes)
