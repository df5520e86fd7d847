"""What the effect depends on, tested: projections of doubly robust scores on columns, or on a predicted effect."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.cate.coding import Coding
from causalrec_lab.causal.effects.cate.linear_effect import clustered_covariance
from causalrec_lab.causal.effects.cate.scores import EffectScores, Predicted, predicted_effect
from causalrec_lab.causal.effects.sample import Floats
from causalrec_lab.estimate import Estimate, z_value

__all__ = ["Heterogeneity", "Projection", "best_linear_projection", "heterogeneity_test", "projected", "wald"]


@dataclass(frozen=True)
class Projection:
    """Coefficients of the effect on columns.

    Parameters
    ----------
    table
        Indexed by column ("average effect" first: the columns are centred): coefficient, std_error, low, high, p_value.
    p_value
        Of all columns together: that the effect does not differ with any of them (Wald).
    """

    table: pd.DataFrame
    p_value: float


@dataclass(frozen=True)
class Heterogeneity:
    """Best linear predictor of the effect given a predicted effect.

    Parameters
    ----------
    average
        Average effect.
    slope
        1 where predicted differences are true ones, less where they are exaggerated, 0 where they say nothing.
    p_value
        One-sided, that the slope is not positive: small if the prediction finds real differences.
    """

    average: Estimate
    slope: Estimate
    p_value: float


def best_linear_projection(scores: EffectScores, columns: Sequence[str]) -> Projection:
    r"""Regression of the scores on centred columns, and whether any of them matters.

    .. math:: \beta = \arg\min E[\{\Gamma - \beta_0 - \beta'(V - \bar V)\}^2]

    The scores are orthogonal to errors of their nuisances, so the (clustered) sandwich holds as if they were known
    (Semenova and Chernozhukov 2021, "Debiased machine learning of conditional average treatment effects"). Small-sample
    factor n / (n - m).

    Parameters
    ----------
    scores
        Scores of any rows: nothing was learned but nuisances, which did not see them.
    columns
        Columns of the table; categories enter by level.

    Raises
    ------
    ValueError
        If there are no columns, one is missing, not finite, or columns are collinear.
    """
    if isinstance(columns, str) or not len(columns):
        raise ValueError(f"columns={columns!r}: give a list of column names")
    coding = Coding.learn(scores.frame, columns)
    V = coding.matrix(scores.frame)
    V = V - np.average(V, axis=0, weights=scores.sample.weights)
    scale = V.std(axis=0)
    if np.linalg.matrix_rank(V / np.where(scale > 0, scale, 1.0)) < V.shape[1]:
        raise ValueError(f"columns {list(coding.names)} are collinear or constant; leave one of them out")
    beta, covariance, _ = projected(scores, np.column_stack([np.ones(scores.n), V]))
    error = np.sqrt(np.diag(covariance))
    half = z_value(scores.level) * error
    p = [math.erfc(abs(b) / s / math.sqrt(2)) for b, s in zip(beta, error, strict=True)]
    table = pd.DataFrame(
        {"coefficient": beta, "std_error": error, "low": beta - half, "high": beta + half, "p_value": p},
        index=pd.Index(["average effect", *coding.names], name="column"),
    )
    return Projection(table, wald(beta[1:], covariance[1:, 1:]))


def heterogeneity_test(scores: EffectScores, effect: Predicted) -> Heterogeneity:
    r"""Whether a predicted effect foretells real differences.

    .. math:: \Gamma = \beta_1 + \beta_2 (\hat\tau(X) - \overline{\hat\tau}) + \varepsilon

    the best linear predictor of Chernozhukov, Demirer, Duflo and Fernández-Val ("Generic machine learning inference on
    heterogeneous treatment effects", section 2), on doubly robust scores in place of their weighted regression.

    Parameters
    ----------
    scores
        Scores of rows held out.
    effect
        `CateEstimate` or (n,) predictions.

    Raises
    ------
    ValueError
        If predictions have another length, are not finite, or are the same for every row.
    """
    predicted, notes = predicted_effect(scores, effect)
    centred = predicted - np.average(predicted, weights=scores.sample.weights)
    if predicted.std() <= 1e-12 * max(float(np.abs(predicted).max()), 1e-300):
        raise ValueError("the predicted effect is the same for every row, so there is no slope; nothing was foretold")
    beta, _, influence = projected(scores, np.column_stack([np.ones(scores.n), centred]))
    average, slope = (
        scores.estimate(float(beta[k]), influence[:, k], name, "doubly robust scores on a predicted effect", notes)
        for k, name in enumerate(("ATE", "slope on the predicted effect"))
    )
    return Heterogeneity(average, slope, 0.5 * math.erfc(slope.value / slope.std_error / math.sqrt(2)))


def projected(scores: EffectScores, design: Floats) -> tuple[Floats, Floats, Floats]:
    """Weighted least squares of the scores: coefficients, (clustered) covariance, (n, m) influence function."""
    w = scores.sample.weights[:, None]
    bread = np.linalg.inv(design.T @ (design * w) / scores.n)
    beta = bread @ (design.T @ (w[:, 0] * scores.row_scores)) / scores.n
    influence = (design * w * (scores.row_scores - design @ beta)[:, None]) @ bread
    influence *= math.sqrt(scores.n / max(scores.n - design.shape[1], 1))
    return beta, clustered_covariance(influence, scores.sample.clusters), influence


def wald(values: Floats, covariance: Floats) -> float:
    r"""p-value of :math:`\theta = 0` by :math:`\theta' \Sigma^{-1} \theta \sim \chi^2`."""
    from scipy.stats import chi2

    statistic = float(values @ np.linalg.pinv(covariance, hermitian=True) @ values)
    return float(chi2.sf(statistic, np.linalg.matrix_rank(covariance, hermitian=True)))
