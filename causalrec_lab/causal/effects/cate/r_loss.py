"""The R-loss of predicted effects on held-out rows: which learner foretells effects best, without knowing any."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.cate.scores import EffectScores, Predicted, predicted_effect
from causalrec_lab.causal.effects.inference import standard_error
from causalrec_lab.estimate import z_value

__all__ = ["r_loss"]


def r_loss(scores: EffectScores, effects: Mapping[str, Predicted]) -> pd.DataFrame:
    r"""Loss of each prediction, and what it gains on the best constant effect.

    .. math:: L(\tau) = \frac1n \sum_i \{ (Y_i - \hat m_i) - (T_i - \hat e_i)\, \tau(X_i) \}^2

    Its expectation is smallest at the true effect (Nie and Wager 2021, "Quasi-oracle estimation of heterogeneous
    treatment effects"; to choose learners by: Schuler et al. 2018). Most of it is noise that no effect explains, so
    differences are what to read.

    Parameters
    ----------
    scores
        Scores of rows held out.
    effects
        Label -> `CateEstimate` or (n,) predictions.

    Returns
    -------
    DataFrame indexed by label, best first: loss, gain (of the constant effect's loss less this one), its std_error, low
    and high at the scores' level, r_score (gain as a share of the constant's loss).

    Raises
    ------
    ValueError
        If there are no effects, or a prediction has another length or is not finite.
    """
    if not effects:
        raise ValueError('r_loss needs predictions: {"r-learner": estimate, ...}')
    w, y, t = scores.sample.weights, scores.outcome_residual, scores.treatment_residual
    constant = float((w * t * y).sum() / (w * t * t).sum())
    base = w * (y - constant * t) ** 2
    rows = {}
    for label, effect in effects.items():
        loss = w * (y - t * predicted_effect(scores, effect)[0]) ** 2
        gain = float(np.mean(base - loss))
        error = standard_error(base - loss - gain, scores.sample.clusters)
        half = z_value(scores.level) * error
        rows[label] = {
            "loss": float(loss.mean()), "gain": gain, "std_error": error, "low": gain - half, "high": gain + half,
            "r_score": gain / float(base.mean()),
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("effect").sort_values("loss")
