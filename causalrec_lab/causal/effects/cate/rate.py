"""RATE: what treating those of the highest predicted effect first gains on treating at random."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.cate.scores import EffectScores, Predicted, predicted_effect
from causalrec_lab.causal.effects.sample import Floats, nearest
from causalrec_lab.estimate import Estimate, z_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Rate", "rate"]

KINDS = ("autoc", "qini")
_FEWEST = 20  # clusters (or rows) below which halves of them say nothing


@dataclass(frozen=True)
class Rate:
    r"""A prioritisation rule's targeting operator characteristic (TOC) and the area under it.

    Parameters
    ----------
    kind
        "autoc" or "qini".
    estimate
        The area, 0 if the rule ranks no better than chance, with its interval.
    curve
        Indexed by the share treated first: toc (average effect among them less that among all), low, high.
    p_value
        Two-sided, of an area of 0.
    """

    kind: str
    estimate: Estimate
    curve: pd.DataFrame
    p_value: float

    def plot(self, ax: Axes | None = None) -> Axes:
        """The TOC curve, or for Qini the gain per row of the table, with its pointwise interval."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(5, 3.2))
        share = self.curve.index.to_numpy()
        scale = share if self.kind == "qini" else np.ones_like(share)
        name = f"{self.kind.upper() if self.kind == 'autoc' else 'Qini'} {self.estimate.value:.3g}"
        ax.plot(share, self.curve["toc"] * scale, label=f"{name} [{self.estimate.low:.3g}, {self.estimate.high:.3g}]")
        ax.fill_between(share, self.curve["low"] * scale, self.curve["high"] * scale, alpha=0.2)
        ax.axhline(0, linestyle="--", color="0.35", label="ranking at random")
        said = "gain over random per row" if self.kind == "qini" else "effect above average"
        ax.set(xlabel="share treated, highest predicted effect first", ylabel=said)
        ax.legend(loc="best")
        return ax


def rate(scores: EffectScores, effect: Predicted, *, kind: str = "autoc", resamples: int = 200, seed: int = 0) -> Rate:
    r"""Rank-weighted average treatment effect of a prioritisation rule S.

    .. math:: \mathrm{TOC}(u) = E[\Gamma \mid F_S(S) \ge 1 - u] - E[\Gamma], \qquad
        \mathrm{AUTOC} = \int_0^1 \mathrm{TOC}(u)\,du, \quad \mathrm{Qini} = \int_0^1 u\,\mathrm{TOC}(u)\,du

    The error is that of the half-sample bootstrap (Yadlowsky, Fleming, Shah, Brunskill and Wager 2025, "Evaluating
    Treatment Prioritization Rules via Rank-Weighted Average Treatment Effects"); whole clusters are drawn. AUTOC looks
    at the few who gain most, Qini at the many. Tied predictions share the mean of their scores, so a constant
    prediction has the area 0.

    Parameters
    ----------
    scores
        Scores of rows held out: on training rows any rule looks good.
    effect
        `CateEstimate` or (n,) priorities (predicted effects, risks, minus costs): only their order counts.
    kind
        "autoc" or "qini".
    resamples, seed
        Half-samples and their seed.

    Raises
    ------
    ValueError
        If the kind is unknown, priorities have another length or are not finite, there are two cluster columns, fewer
        than 20 clusters, or fewer than 20 resamples.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r} of RATE; {nearest(kind, KINDS)}")
    if resamples < 20:
        raise ValueError(f"resamples={resamples}: a standard error needs at least 20 half-samples; 200 are usual")
    priority, notes = predicted_effect(scores, effect)
    order, tied = _ranking(priority)
    value, w = scores.row_scores[order], scores.sample.weights[order]
    grid = np.linspace(0.05, 1.0, 20)
    area, toc = _area(value, w, tied, kind, grid)
    halves = _halves(scores, resamples, seed)[:, order]
    drawn = [_area(value, w * half, tied, kind, grid) for half in halves]
    spread = float(np.std([found for found, _ in drawn], ddof=1))
    if np.ptp(priority) == 0:
        area, spread, notes = 0.0, 0.0, (*notes, "every row has the same priority: there is no order to judge")
    estimate = scores.estimate(area, np.zeros(scores.n), kind.upper() if kind == "autoc" else "Qini", "")
    estimate = _with_error(estimate, spread, resamples, notes)
    band = z_value(scores.level) * np.std([curve for _, curve in drawn], axis=0, ddof=1)
    curve = pd.DataFrame({"toc": toc, "low": toc - band, "high": toc + band}, index=pd.Index(grid, name="share"))
    return Rate(kind, estimate, curve, math.erfc(abs(area) / spread / math.sqrt(2)) if spread > 0 else 1.0)


def _with_error(estimate: Estimate, error: float, resamples: int, notes: tuple[str, ...]) -> Estimate:
    return Estimate(
        estimate.value, error, level=estimate.level, estimand=estimate.estimand,
        method=f"doubly robust scores, {resamples} half-samples", n=estimate.n, diagnostics=estimate.diagnostics,
        assumptions=estimate.assumptions, notes=(*notes, *estimate.notes),
    )  # fmt: skip


def _ranking(priority: Floats) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows by falling priority, and for each place the last place of its tie."""
    order = np.argsort(-priority, kind="stable")
    ranked = priority[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    return order, np.repeat(last, np.diff(last, prepend=-1))


def _area(value: Floats, weights: Floats, tied: npt.NDArray[np.int64], kind: str, grid: Floats) -> tuple[float, Floats]:
    """Area and curve of weighted scores in ranked order; a tie's places are filled by the tie's mean score."""
    mass, total = np.cumsum(weights), np.cumsum(weights * value)
    ends = tied[np.append(tied[1:] != tied[:-1], True)]
    share = np.concatenate([[0.0], mass[ends]]) / mass[-1]
    gained = np.concatenate([[0.0], total[ends]]) / mass[-1]
    place = mass / mass[-1]
    filled = total / mass[-1] if len(ends) == len(tied) else np.interp(place, share, gained)
    toc = filled / np.maximum(place, 1e-300) - gained[-1]
    height = toc if kind == "autoc" else toc * place
    at = np.interp(grid, share, gained) / grid - gained[-1]
    return float(weights @ height / mass[-1]), np.asarray(at)


def _halves(scores: EffectScores, resamples: int, seed: int) -> npt.NDArray[np.bool_]:
    """(resamples, n) masks, each of half the clusters (or rows)."""
    if len(scores.sample.clusters) > 1:
        raise ValueError(
            "rate draws halves of one cluster column; score the table with the one that matters (the user)"
        )
    codes = scores.sample.clusters[0] if scores.sample.clusters else np.arange(scores.n)
    count = int(codes.max()) + 1
    if count < _FEWEST:
        raise ValueError(f"{count} clusters or rows: halves of fewer than {_FEWEST} say nothing about the error")
    rng = np.random.default_rng(seed)
    return np.stack([(rng.permutation(count) < count // 2)[codes] for _ in range(resamples)])
