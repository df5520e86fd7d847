"""Which of two scores ranks better: paired on the same rows, so what both have in common does not blur it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.cate.scores import EffectScores
from causalrec_lab.causal.effects.inference import standard_error
from causalrec_lab.causal.effects.sample import nearest
from causalrec_lab.estimate import Estimate
from causalrec_lab.intervention.uplift.areas import AREAS, area_influence
from causalrec_lab.intervention.uplift.ranking import Ranking
from causalrec_lab.intervention.uplift.reading import Score, assumed, priority, read, score_of
from causalrec_lab.intervention.uplift.top_shares import checked_share, halves

__all__ = ["difference"]


def difference(
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    scores: Mapping[str, Score],
    *,
    by: str | float = "Qini",
    resamples: int = 200,
    seed: int = 0,
    **how: Any,
) -> dict[str, Estimate]:
    r"""How much better each score ranks than the first, on the same rows.

    .. math:: \hat\theta_a - \hat\theta_b, \qquad \widehat{se}^2 = \widehat{var}(\psi_a - \psi_b) / n

    For areas :math:`\psi` is their influence function; at a share k both are read from the same half-samples.

    Parameters
    ----------
    frame, treatment, outcome, resamples, seed, **how
        As in `curve`.
    scores
        Name -> score, at least two; the first is what the others are compared with.
    by
        "Qini", "AUUC", or a share k in (0, 1].

    Returns
    -------
    Name -> estimate of the difference, for every name but the first.

    Raises
    ------
    ValueError
        As `curve`, or if there are fewer than two scores, or `by` is unknown.
    """
    if len(scores) < 2:
        raise ValueError(f"difference: scores {list(scores)}; give at least two, the first to compare with")
    if isinstance(by, str) and by not in AREAS:
        raise ValueError(f"difference(by={by!r}): {nearest(by, AREAS)}, or a share of rows such as 0.1")
    known = {name: score_of(frame, score) for name, score in scores.items()}
    read_once = read(frame, treatment, outcome, seed=seed, **how)
    ranked = {name: _ranked(read_once, score) for name, score in known.items()}
    first, *others = ranked
    pair = _areas if isinstance(by, str) else _shares
    return {name: pair(read_once, ranked, name, first, by, resamples, seed) for name in others}


def _ranked(scores: EffectScores, score: Score) -> tuple[Ranking, tuple[str, ...]]:
    values, notes = priority(scores, score)
    return Ranking.of(values, scores.sample.weights), notes


def _areas(
    scores: EffectScores, ranked: Mapping[str, tuple[Ranking, Any]], name: str, base: str, by: Any, *_: int
) -> Estimate:
    (a, psi_a), (b, psi_b) = (area_influence(scores, ranked[key][0], by) for key in (name, base))
    error = standard_error(psi_a - psi_b, scores.sample.clusters)
    return _estimate(scores, ranked, name, base, a - b, error, by, "paired influence functions")


def _shares(
    scores: EffectScores, ranked: Mapping[str, tuple[Ranking, Any]], name: str, base: str, by: Any, *draws: int
) -> Estimate:
    share, gamma, (resamples, seed) = checked_share(by), scores.row_scores, draws

    def apart(half: Any = None) -> float:
        a, b = (ranked[key][0].gain(gamma, share, half)[0] for key in (name, base))
        return float((a - b) / by)

    error = float(np.std([apart(half) for half in halves(scores, resamples, seed)], ddof=1))
    said = f"{resamples} paired half-samples"
    return _estimate(scores, ranked, name, base, apart(), error, f"uplift at {by:.3g}", said)


def _estimate(
    scores: EffectScores,
    ranked: Mapping[str, Any],
    name: str,
    base: str,
    value: float,
    error: float,
    what: str,
    how: str,
) -> Estimate:
    return Estimate(
        value, error, level=scores.level, estimand=f"{what}, difference", method=f"{name} - {base}, {how}", n=scores.n,
        assumptions=assumed(scores), notes=tuple(dict.fromkeys((*ranked[name][1], *ranked[base][1], *scores.notes))),
    )  # fmt: skip
