"""The parts of a doubly robust estimate that bound its bias: residual variance and the Riesz representer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from causalrec_lab.causal.effects.inference import ratio
from causalrec_lab.causal.effects.nuisances.cross_fitting import Nuisances, cross_fit
from causalrec_lab.causal.effects.sample import Floats, Sample

__all__ = ["Short", "short_parts", "short_parts_from"]


@dataclass(frozen=True, eq=False)
class Short:
    r"""A doubly robust estimate with :math:`\sigma^2 = E(Y - g)^2`, :math:`\nu^2 = E\alpha^2`, and influences, (n,).

    Parameters
    ----------
    estimand
        "ATE" or "ATT".
    value, influence
        The estimate and its influence function.
    sigma2, sigma2_influence
        Residual variance of the outcome.
    nu2, nu2_influence
        Second moment of the representer, by its own orthogonal score
        :math:`2 m(W, \alpha) - \alpha^2`.
    """

    estimand: str
    value: float
    influence: Floats
    sigma2: float
    sigma2_influence: Floats
    nu2: float
    nu2_influence: Floats


def short_parts(sample: Sample, estimand: str, **options: Any) -> Short:
    """Cross-fit the nuisances and take the parts; options go to `cross_fit`."""
    return short_parts_from(sample, cross_fit(sample, estimand=estimand, **options), estimand)


def short_parts_from(sample: Sample, found: Nuisances, estimand: str) -> Short:
    r"""Parts from nuisances, :math:`\alpha = T/e - (1-T)/(1-e)` (ATE), :math:`(T - (1-T)\frac{e}{1-e})/P(T=1)` (ATT).

    Parameters
    ----------
    sample, found, estimand
        The rows, their nuisances, "ATE" or "ATT".

    Raises
    ------
    ValueError
        If the outcome does not vary, or the estimate of :math:`\nu^2` is not positive.
    """
    t, y, w, e = sample.treatment, sample.outcome, sample.weights, found.propensity
    g = np.where(sample.treated, found.treated, found.control)
    if estimand == "ATE":
        alpha, m_alpha = t / e - (1 - t) / (1 - e), 1 / e + 1 / (1 - e)
        value, influence = ratio(w * (found.treated - found.control + alpha * (y - g)), w)
    else:
        share = float(np.average(t, weights=w))
        alpha, m_alpha = (t - (1 - t) * e / (1 - e)) / share, t / share**2 / (1 - e)
        value, influence = ratio(w * (t - (1 - t) * e / (1 - e)) * (y - found.control), w * t)
    sigma2, sigma2_influence = ratio(w * (y - g) ** 2, w)
    nu2, nu2_influence = ratio(w * (2 * m_alpha - alpha**2), w)
    if np.ptp(y) == 0:
        raise ValueError(
            f"the outcome is the same in all {sample.n:,} rows, so nothing can bias it; give one that varies"
        )
    if not nu2 > 0:
        raise ValueError(
            f"the second moment of the weights comes out as {nu2:.3g}, which it cannot be: overlap is too poor, or "
            f"rows are too few, to bound anything (propensities from {e.min():.2g} to {e.max():.2g}); raise clip, "
            "adjust for less, or restrict the population"
        )
    return Short(estimand, value, influence, sigma2, sigma2_influence, nu2, nu2_influence)
