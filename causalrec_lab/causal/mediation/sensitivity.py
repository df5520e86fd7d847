"""How strong a hidden confounder of mediator and outcome would have to be: bounds that need no model of it."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from causalrec_lab.causal.mediation.result import PathEffects
from causalrec_lab.estimate import z_value

__all__ = ["bounding_factor", "bounds", "mediational_e_value"]


def bounding_factor(rr_treatment: float, rr_outcome: float) -> float:
    r"""Bounding factor of a hidden confounder U, :math:`B = \frac{R_T R_Y}{R_T + R_Y - 1}`.

    Parameters
    ----------
    rr_treatment
        :math:`R_T`: at most by what factor some value of U is more frequent under one treatment than under the other,
        among rows with the same mediators and covariates. Both treatments moving the mediator makes it larger than 1
        even where the treatment is randomised, because the mediators are a collider.
    rr_outcome
        :math:`R_Y`: at most by what factor U moves the outcome's mean, given treatment, mediators and covariates.

    Raises
    ------
    ValueError
        If a ratio is below 1 or not finite.
    """
    for name, value in (("rr_treatment", rr_treatment), ("rr_outcome", rr_outcome)):
        if not 1 <= value < math.inf:
            raise ValueError(f"{name}={value}: give the ratio of the larger to the smaller, 1 or more and finite")
    return rr_treatment * rr_outcome / (rr_treatment + rr_outcome - 1)


def bounds(effects: PathEffects, rr_treatment: float, rr_outcome: float) -> pd.DataFrame:
    r"""Bounds on direct and indirect effect under a hidden confounder of mediators and outcome.

    .. math:: \frac{E[Y(1, M(0))]_{obs}}{B} \le E[Y(1, M(0))] \le B \, E[Y(1, M(0))]_{obs}

    while E[Y(0)] and E[Y(1)] stay, if treatment itself is unconfounded given the covariates.
    Source: Ding and VanderWeele (2016), and its mirror image with the treatments exchanged.

    Parameters
    ----------
    effects
        From `g_formula` or `multiply_robust`, outcome 0 or more.
    rr_treatment, rr_outcome
        Strength of the confounder; see `bounding_factor`.

    Returns
    -------
    DataFrame indexed by NDE and TIE: estimate, low, high (bounds), low_interval, high_interval (the bounds with their
    sampling error).

    Raises
    ------
    ValueError
        If a ratio is below 1, or the effects carry no positive means.
    """
    factor, half = bounding_factor(rr_treatment, rr_outcome), z_value(effects.total.level)
    nobody, crossed, everybody = _means(effects)

    def end(weights: tuple[float, float, float]) -> tuple[float, float]:
        w = np.array(weights)
        error = math.sqrt(max(float(w @ effects.covariance @ w), 0.0))
        return float(w @ np.array([nobody, crossed, everybody])), half * error

    rows = {}
    for name, sides in {
        "NDE": ((-1.0, 1 / factor, 0.0), (-1.0, factor, 0.0)),
        "TIE": ((0.0, -factor, 1.0), (0.0, -1 / factor, 1.0)),
    }.items():
        (low, below), (high, above) = map(end, sides)
        rows[name] = {
            "estimate": effects[name].value,
            "low": low,
            "high": high,
            "low_interval": low - below,
            "high_interval": high + above,
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def mediational_e_value(effects: PathEffects) -> pd.DataFrame:
    r"""Least strength of a hidden confounder that could explain an effect away: :math:`R + \sqrt{R (R - 1)}`.

    R is the effect as a ratio of means (turned over where below 1), :math:`E[Y(1, M(0))] / E[Y(0)]` for the direct and
    :math:`E[Y(1)] / E[Y(1, M(0))]` for the indirect effect. Both ratios of `bounding_factor` would have to be that
    large. Source: Smith and VanderWeele (2019), from the bound of Ding and VanderWeele (2016).

    Returns
    -------
    DataFrame indexed by NDE and TIE: ratio, e_value, and e_value_interval, that of the interval's end nearer to no
    effect (1 where it holds no effect).
    """
    means, z = np.array(_means(effects)), z_value(effects.total.level)
    rows = {}
    for name, (above, below) in {"NDE": (1, 0), "TIE": (2, 1)}.items():
        slope = np.zeros(3)
        slope[above], slope[below] = 1 / means[above], -1 / means[below]
        location = math.log(means[above] / means[below])
        half = z * math.sqrt(max(float(slope @ effects.covariance @ slope), 0.0))
        nearest_end = max(abs(location) - half, 0.0)
        ratios = math.exp(location), math.exp(abs(location)), math.exp(nearest_end)
        rows[name] = {"ratio": ratios[0], "e_value": _e_value(ratios[1]), "e_value_interval": _e_value(ratios[2])}
    return pd.DataFrame.from_dict(rows, orient="index")


def _e_value(ratio: float) -> float:
    return ratio + math.sqrt(ratio * (ratio - 1))


def _means(effects: PathEffects) -> tuple[float, float, float]:
    if not effects.means:
        raise ValueError("a linear model gives differences, no means; take g_formula or multiply_robust, or rho_curve")
    found = tuple(effects.means.values())
    if min(found) <= 0:
        raise ValueError(
            f"ratios need positive means; found {', '.join(f'{k} = {v:.3g}' for k, v in effects.means.items())}"
        )
    return found[0], found[1], found[2]
