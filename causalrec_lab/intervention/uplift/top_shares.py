"""Uplift at k: the average effect among those whom a score puts first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.cate.scores import EffectScores
from causalrec_lab.causal.effects.inference import report
from causalrec_lab.estimate import Estimate
from causalrec_lab.intervention.uplift.ranking import Ranking
from causalrec_lab.intervention.uplift.reading import Score, assumed, few, priority, read, score_of

__all__ = ["at_k", "checked_share", "halves", "top_share"]

Floats = npt.NDArray[np.float64]
_FEWEST = 20  # clusters (or rows) below which halves of them say nothing


def at_k(
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    score: Score,
    k: float = 0.1,
    *,
    resamples: int = 200,
    seed: int = 0,
    **how: Any,
) -> Estimate:
    r"""Average effect among the share k with the highest scores, :math:`G(k) / k`, in the outcome's unit.

    A tie that k cuts is entered in part, at random. The error is that of the half-sample bootstrap, in which the
    threshold moves too.

    Parameters
    ----------
    frame, treatment, outcome, score, resamples, seed, **how
        As in `curve`.
    k
        Share of the rows that can be treated.

    Raises
    ------
    ValueError
        As `curve`, or if k is no share in (0, 1].
    """
    checked_share(k)
    known = score_of(frame, score)
    scores = read(frame, treatment, outcome, seed=seed, **how)
    values, notes = priority(scores, known)
    return top_share(scores, Ranking.of(values, scores.sample.weights), k, resamples, seed, notes)


def top_share(
    scores: EffectScores, ranking: Ranking, k: float, resamples: int, seed: int, notes: tuple[str, ...] = ()
) -> Estimate:
    """Uplift at k from scores already made: see `at_k`."""
    share, gamma = checked_share(k), scores.row_scores
    if k * scores.n < 1:
        raise ValueError(f"k={k!r} of {scores.n:,} rows is less than one of them; give a larger share, or more rows")
    value = float(ranking.gain(gamma, share)[0] / k)
    drawn = [ranking.gain(gamma, share, half)[0] / k for half in halves(scores, resamples, seed)]
    chosen = ranking.treated(k)
    first = chosen * scores.sample.weights
    notes = (*notes, *(() if k == 1 else few(scores, chosen, f"among the first {k:.3g}")))
    return report(
        scores.sample, value, np.asarray(first * (gamma - value) / k),
        level=scores.level, estimand=f"uplift at {k:.3g}", diagnostics={"share": float(k)},
        method=f"doubly robust scores, {resamples} half-samples", notes=(*notes, *scores.notes),
        assumptions=assumed(scores), std_error=float(np.std(drawn, ddof=1)),
    )  # fmt: skip


def halves(scores: EffectScores, resamples: int, seed: int) -> Iterator[npt.NDArray[np.bool_]]:
    """(n,) masks, each of half the clusters (or rows), the same for the same seed.

    Raises
    ------
    ValueError
        If there are fewer than 20 resamples, or 20 clusters or rows.
    """
    if resamples < 20:
        raise ValueError(f"resamples={resamples}: a standard error needs at least 20 half-samples; 200 are usual")
    codes = scores.sample.clusters[0] if scores.sample.clusters else np.arange(scores.n)
    count = int(codes.max()) + 1
    if count < _FEWEST:
        raise ValueError(f"{count} clusters or rows: halves of fewer than {_FEWEST} say nothing about the error")
    rng = np.random.default_rng(seed)
    return ((rng.permutation(count) < count // 2)[codes] for _ in range(resamples))


def checked_share(k: float) -> Floats:
    """(1,) the share k.

    Raises
    ------
    ValueError
        If k is no share in (0, 1].
    """
    if isinstance(k, bool) or not 0 < k <= 1:
        raise ValueError(f"k={k!r}: give the share of rows that can be treated, in (0, 1], such as 0.1")
    return np.array([float(k)])
