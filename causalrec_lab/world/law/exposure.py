r"""The exposure rule: :math:`T \sim \mathrm{Bernoulli}(e)`, :math:`T(z) = 1\{U_T < e(z)\}`.

.. math:: e(z) = \sigma(a_0 + a_1 \hat r_{ui} + a_2 \log pop_i + a_3 a_u + a_5 \log(1 + n_{ui}) + a_4 z + \gamma h_{ui})

clipped to the scenario's bounds. Relevance times exposure follows Saito et al. (2020, WSDM); a recommendation as a
treatment with two potential outcomes follows Sato et al. (2020, "Unbiased Learning for the Causal Effect of
Recommendation", RecSys). With :math:`a_4 > 0` the lottery moves treatment one way only: there are no defiers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from causalrec_lab.world.people.population import Floats, Pairs
from causalrec_lab.world.scenarios.scenario import Exposure

__all__ = ["COVARIATES", "nominal_propensity", "propensity", "sigmoid"]

COVARIATES = ("affinity_hat", "log_popularity", "activity", "log_exposures")


def sigmoid(logit: Floats) -> Floats:
    """1 / (1 + exp(-x)), overwriting its argument: blocks stay in the processor's cache."""
    np.negative(logit, out=logit)
    np.exp(logit, out=logit)
    logit += 1.0
    return np.reciprocal(logit, out=logit)


def propensity(rule: Exposure, pairs: Pairs, lottery: npt.ArrayLike) -> Floats:
    """True P(T = 1 | pair, z), with the hidden trait.

    Parameters
    ----------
    rule
        Coefficients, dials turned.
    pairs
        A log's pairs or a block.
    lottery
        z: 0, 1 or one value a pair.
    """
    logit = _visible(rule, pairs, lottery)
    if rule.hidden:
        logit += rule.hidden * pairs.hidden
    return np.clip(sigmoid(logit), *rule.clip)


def nominal_propensity(rule: Exposure, pairs: Pairs, lottery: npt.ArrayLike, nodes: int = 40) -> Floats:
    r"""P(T = 1 | logged columns) :math:`= E_h[e(x, z, h)]` with h ~ N(0, 1), by Gauss-Hermite quadrature.

    It is what a careful platform could store: right given the tables, wrong as a propensity once h also moves the
    outcome.
    """
    visible = _visible(rule, pairs, lottery)
    if not rule.hidden:
        return np.clip(sigmoid(visible), *rule.clip)
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    total = np.zeros_like(visible)
    for point, weight in zip(points, weights / weights.sum(), strict=True):
        total += weight * np.clip(sigmoid(visible + rule.hidden * point), *rule.clip)
    return total


def _visible(rule: Exposure, pairs: Pairs, lottery: npt.ArrayLike) -> Floats:
    logit = rule.affinity_hat * pairs.affinity_hat
    logit += rule.intercept + rule.log_popularity * pairs.log_popularity
    logit += rule.activity * pairs.activity
    logit += rule.log_exposures * pairs.log_exposures
    logit += rule.lottery * np.asarray(lottery, dtype=np.float64)
    return logit
