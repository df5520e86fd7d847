"""Targeted maximum likelihood: outcome surfaces tilted until the effect read off them is unbiased to first order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.averages.scores import Fitted, fit, to_estimate
from causalrec_lab.causal.effects.nuisances.ridge import expit, one_thread
from causalrec_lab.causal.effects.sample import Embeddings, Floats, read_sample
from causalrec_lab.estimate import Estimate

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["target", "tmle"]

_EDGE = 5e-4  # scaled surfaces stay this far inside (0, 1), where a log-odds is finite
_STEPS, _LONGEST = 100, 2.0  # Newton steps and the longest of them, in log-odds


@one_thread()
def tmle(
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    covariates: Sequence[str],
    *,
    embeddings: Embeddings | None = None,
    cluster: str | Sequence[str] | None = None,
    weights: str | None = None,
    estimand: str = "ATE",
    level: float = 0.95,
    seed: int = 0,
    folds: int = 5,
    groups: str | Sequence[str] | None = None,
    propensity: str | None = None,
    nuisance: str = "spline",
    clip: float = 0.01,
    trim: float | str | None = None,
    bounds: tuple[float, float] | None = None,
    graph: CausalGraph | None = None,
) -> Estimate:
    r"""Effect by cross-validated targeted maximum likelihood: doubly robust, and never outside the outcome's range.

    The outcome is scaled to [0, 1] (Gruber and van der Laan 2010) and each arm's cross-fitted surface moved by one
    number on the log-odds scale, fitted over all folds together with weights 1/e and 1/(1 - e) for the ATE, 1 and
    e/(1 - e) for the ATT:

    .. math:: \operatorname{logit} m^*_t(x) = \operatorname{logit} m_t(x) + \epsilon_t, \qquad
        \sum_{T_i = t} \omega_t(x_i) (Y_i - m^*_t(x_i)) = 0

    .. math:: \hat\tau_{ATE} = \frac1n \sum m^*_1 - m^*_0, \qquad
        \hat\tau_{ATT} = \frac{\sum T (m^*_1 - m^*_0)}{\sum T}

    Source: van der Laan and Rubin (2006); cross-validated, Zheng and van der Laan (2011). The error is that of the
    mean of the influence function, as for `aipw`.

    Parameters
    ----------
    frame, treatment, outcome, covariates, embeddings, cluster, weights, level, seed, folds, groups, propensity,
    nuisance, clip, trim, graph
        As in `aipw`.
    estimand
        "ATE" or "ATT".
    bounds
        Least and greatest outcome that can be, where known; otherwise those seen.

    Raises
    ------
    ValueError
        On the bad input that `aipw` refuses, the ATO, or outcomes outside the bounds.
    """
    if estimand == "ATO":
        raise ValueError("tmle has no estimand 'ATO': ask for 'ATE' or 'ATT', or weigh overlap by aipw or ipw")
    sample = read_sample(
        frame, treatment, outcome, covariates,
        embeddings=embeddings, cluster=cluster, weights=weights, estimand=estimand, groups=groups,
        propensity=propensity, graph=graph,
    )  # fmt: skip
    limits = _limits(frame[outcome].to_numpy(dtype=np.float64), bounds)
    shift = float(np.mean(frame[outcome].to_numpy(dtype=np.float64) - sample.outcome))  # what reading took off
    fitted = fit(sample, nuisance=nuisance, folds=folds, seed=seed, clip=clip, estimand=estimand, trim=trim)
    value, influence = target(fitted, estimand, (limits[0] - shift, limits[1] - shift))
    method = f"TMLE, {nuisance}, {folds}-fold cross-validated{', logged propensity' if propensity else ''}"
    return to_estimate(fitted, value, influence, estimand=estimand, level=level, method=method)


def target(fitted: Fitted, estimand: str, limits: tuple[float, float]) -> tuple[float, Floats]:
    """Value and influence of the targeted surfaces.

    Parameters
    ----------
    limits
        Least and greatest outcome, on the scale of the sample's.
    """
    sample, found = fitted.sample, fitted.nuisances
    t, w, e = sample.treatment, sample.weights, found.propensity
    low, width = limits[0], limits[1] - limits[0]
    y = (sample.outcome - low) / width
    one, zero = (t / e, (1 - t) / (1 - e)) if estimand == "ATE" else (t, (1 - t) * e / (1 - e))
    treated = _tilted((found.treated - low) / width, y, w * one)
    control = _tilted((found.control - low) / width, y, w * zero)
    share = w if estimand == "ATE" else w * t
    effect = width * (treated - control)
    value = float(share @ effect / share.sum())
    residual = width * (one * (y - treated) - zero * (y - control))
    return value, np.asarray((share * (effect - value) + w * residual) / share.mean())


def _limits(outcome: Floats, bounds: tuple[float, float] | None) -> tuple[float, float]:
    seen = float(outcome.min()), float(outcome.max())
    low, high = seen if bounds is None else bounds
    if bounds is not None and not (low <= seen[0] and seen[1] <= high and low < high):
        raise ValueError(
            f"bounds=({low}, {high}), but outcomes run from {seen[0]:.6g} to {seen[1]:.6g}; give bounds that hold them"
        )
    return (low, high) if high > low else (low - 0.5, low + 0.5)  # a constant outcome: any scale will do


def _tilted(surface: Floats, outcome: Floats, weights: Floats) -> Floats:
    """The surface moved on the log-odds scale until its weighted residuals sum to 0."""
    inside = np.clip(surface, _EDGE, 1 - _EDGE)
    start, shift = np.log(inside / (1 - inside)), 0.0
    for _ in range(_STEPS):
        mean = expit(start + shift)
        score, slope = float(weights @ (outcome - mean)), float(weights @ (mean * (1 - mean)))
        if abs(score) <= 1e-12 * weights.sum() or slope <= 0:
            break
        shift += float(np.clip(score / slope, -_LONGEST, _LONGEST))
    return expit(start + shift)
