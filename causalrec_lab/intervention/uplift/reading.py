"""How a table, its treatment and a score are read: once, for every figure of the room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.cate.scores import EffectScores, Predicted, effect_scores, predicted_effect
from causalrec_lab.causal.effects.inference import IGNORABILITY, OVERLAP, SUTVA
from causalrec_lab.causal.effects.nuisances.cross_fitting import Nuisances
from causalrec_lab.causal.effects.sample import nearest
from causalrec_lab.estimate import Estimate

__all__ = ["Score", "assumed", "few", "priority", "read", "score_of", "worded"]

FEW, FEW_EVENTS = 20, 5  # rows of an arm, and rows of the rarer outcome, below which a reader must know

Floats = npt.NDArray[np.float64]
Score = str | Predicted
_KNOWN = "P(treated), as given"


def read(
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    *,
    covariates: Sequence[str] = (),
    propensity: str | float | None = None,
    weights: str | None = None,
    cluster: str | None = None,
    level: float = 0.95,
    folds: int = 5,
    seed: int = 0,
) -> EffectScores:
    r"""Doubly robust scores of the rows; without covariates those of a randomised treatment.

    Then both outcome models are the arms' means and the propensity is the one given or the share treated, of all rows:

    .. math:: \Gamma_i = \bar Y_1 - \bar Y_0 + \frac{T_i - e_i}{e_i (1 - e_i)} (Y_i - \bar Y_{T_i})

    Parameters
    ----------
    frame
        Rows held out from whatever learned the score.
    treatment, outcome
        Columns: 0/1, and a number.
    covariates
        Columns known before treatment: needed where it was not randomised, and less noise where it was.
    propensity
        Column of P(treated = 1) where it differs from row to row and is known, or the one number.
    weights, cluster
        Columns of sampling weights, and of rows that err together (the user).
    level, folds, seed
        Confidence level; folds and seed of cross-fitting.

    Raises
    ------
    ValueError
        If a column is unknown, the treatment has one level, an outcome is missing, or a propensity lies outside (0, 1).
    """
    if propensity is not None and not isinstance(propensity, str):
        if not 0 < propensity < 1:
            raise ValueError(f"propensity={propensity}: the chance of treatment lies strictly between 0 and 1")
        frame, propensity = frame.assign(**{_KNOWN: float(propensity)}), _KNOWN
    scores = effect_scores(
        frame, treatment, outcome, covariates, propensity=propensity, weights=weights, cluster=cluster, level=level,
        folds=folds, seed=seed, clip=0.01 if propensity is None else 0.0,
    )  # fmt: skip
    return scores if covariates else replace(scores, fitted=_constant(scores))


def _constant(scores: EffectScores) -> Nuisances:
    """Means and shares of the whole table: no folds, so no order of the rows matters, and no share is clipped."""
    sample = scores.sample
    t, y, w = sample.treatment, sample.outcome, sample.weights
    share = sample.propensity if sample.propensity is not None else np.full(sample.n, np.average(t, weights=w))
    control, treated = (np.full(sample.n, np.average(y, weights=w * (t == arm))) for arm in (0, 1))
    return Nuisances(share, control, treated)


def few(scores: EffectScores, chosen: Floats, among: str) -> tuple[str, ...]:
    """Warning where an arm has hardly anybody, or hardly an event, among the rows chosen.

    Parameters
    ----------
    scores, chosen
        Scores; (n,) chance of each row to be among them.
    among
        Who they are, in words.
    """
    said, y = [], scores.sample.outcome
    for arm, name in ((1, "treated"), (0, "untreated")):
        own = chosen * (scores.sample.treatment == arm)
        rows, events = float(own.sum()), float(own @ (y == y.max()))
        if rows < FEW:
            said.append(f"{rows:.0f} {name} rows")
        elif scores.sample.binary_outcome and min(events, rows - events) < FEW_EVENTS:
            said.append(f"{min(events, rows - events):.0f} {name} rows of the rarer outcome")
    return (f"warning: only {' and '.join(said)} {among}; the interval is a poor guide",) if said else ()


def score_of(frame: pd.DataFrame, score: Score) -> Predicted:
    """A score by name, or as it is; where it has holes, they are named.

    Raises
    ------
    ValueError
        If there is no such column, or it holds no number in some row.
    """
    if not isinstance(score, str):
        return score if hasattr(score, "effect") else _whole("score", np.asarray(score, dtype=np.float64), len(frame))
    if score not in frame:
        raise ValueError(f"no column {score!r} to rank by; {nearest(score, [str(name) for name in frame])}")
    return _whole(score, frame[score].to_numpy(dtype=np.float64), len(frame))


def priority(scores: EffectScores, score: Score) -> tuple[Floats, tuple[str, ...]]:
    """(n,) what rows are ranked by, and what must be said of it."""
    values, notes = predicted_effect(scores, score_of(scores.frame, score))
    same = "every row has the same score: there is no order to judge"
    notes = (*notes, *few(scores, np.ones(scores.n), "in the table"))
    return values, (*notes, same) if np.ptp(values) == 0 else notes


def assumed(scores: EffectScores) -> tuple[str, ...]:
    """What a figure read from the scores rests on: ignorability only where covariates were given."""
    if not scores.sample.names:
        return "treatment was assigned at random, with the propensity used", SUTVA
    return IGNORABILITY, OVERLAP, "the propensity or the outcome model is right", SUTVA


def worded(scores: EffectScores, estimate: Estimate) -> Estimate:
    """The estimate with the assumptions of its scores."""
    return replace(estimate, assumptions=assumed(scores))


def _whole(name: str, values: Floats, rows: int) -> Floats:
    if values.shape != (rows,):
        raise ValueError(f"the score {name!r} has shape {values.shape}; give one number for each of {rows:,} rows")
    if not (good := np.isfinite(values)).all():
        row = int(np.argmin(good))
        raise ValueError(
            f"the score {name!r} is missing or infinite in {int((~good).sum())} rows, first at row {row}: score every "
            "row, or drop those without a score from the comparison and say so"
        )
    return values
