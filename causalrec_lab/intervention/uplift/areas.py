"""The areas under an uplift curve: AUUC and Qini."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.cate.scores import EffectScores
from causalrec_lab.causal.effects.sample import nearest
from causalrec_lab.estimate import Estimate
from causalrec_lab.intervention.uplift.ranking import Ranking
from causalrec_lab.intervention.uplift.reading import Score, priority, read, score_of, worded

__all__ = ["AREAS", "area", "area_influence", "auuc", "qini"]

Floats = npt.NDArray[np.float64]
AREAS = ("AUUC", "Qini")


def auuc(frame: pd.DataFrame, treatment: str, outcome: str, score: Score, **how: Any) -> Estimate:
    r"""Area under the uplift curve, :math:`\int_0^1 G(u)\,du`; half the average effect if the score says nothing.

    Parameters
    ----------
    frame, treatment, outcome, score, **how
        As in `curve`, without truth and resamples: the interval is that of the influence function.

    Raises
    ------
    ValueError
        As `curve`.
    """
    return _read(frame, treatment, outcome, score, "AUUC", how)


def qini(frame: pd.DataFrame, treatment: str, outcome: str, score: Score, **how: Any) -> Estimate:
    r"""Area between the uplift curve and the random line, :math:`\int_0^1 (G(u) - u\,G(1))\,du`; 0 if it says nothing.

    Parameters
    ----------
    frame, treatment, outcome, score, **how
        As in `auuc`.

    Raises
    ------
    ValueError
        As `curve`.
    """
    return _read(frame, treatment, outcome, score, "Qini", how)


def area(scores: EffectScores, ranking: Ranking, what: str, notes: tuple[str, ...] = ()) -> Estimate:
    """AUUC or Qini of a ranking, with the error of its influence function."""
    value, influence = area_influence(scores, ranking, what)
    return worded(scores, scores.estimate(value, influence, what, f"{what}, doubly robust scores", notes))


def area_influence(scores: EffectScores, ranking: Ranking, what: str) -> tuple[float, Floats]:
    """Value and (n,) influence of an area.

    Raises
    ------
    ValueError
        If the area is unknown.
    """
    if what not in AREAS:
        raise ValueError(f"unknown area {what!r}; {nearest(what, AREAS)}")
    gamma, w = scores.row_scores, scores.sample.weights
    value, influence = ranking.area(gamma)
    if what == "AUUC":
        return value, influence
    mean = float(np.average(gamma, weights=w))
    return value - mean / 2, influence - w / w.mean() * (gamma - mean) / 2


def _read(
    frame: pd.DataFrame, treatment: str, outcome: str, score: Score, what: str, how: Mapping[str, Any]
) -> Estimate:
    known = score_of(frame, score)
    scores = read(frame, treatment, outcome, **how)
    values, notes = priority(scores, known)
    return area(scores, Ranking.of(values, scores.sample.weights), what, notes)
