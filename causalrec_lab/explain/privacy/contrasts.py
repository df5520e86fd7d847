"""The difference of two arms over strata, from noisy sums, with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from causalrec_lab.explain.privacy.intervals import FIRST, SECOND, mean_of, quantile
from causalrec_lab.explain.privacy.noise import Kind

__all__ = ["Contrast", "contrast_of"]

Floats = npt.NDArray[np.float64]
CLEAR = 4.0  # a cell is told from 0 where its count is so many standard deviations of its noise


@dataclass(frozen=True)
class Contrast:
    """Difference of two means of p in [0, 1], in [-1, 1].

    Parameters
    ----------
    n
        Noisy number of users.
    value, low, high
        The difference and its interval.
    sampling, noise
        Variance from users drawn, and from noise; nan where the noise drowns a cell.
    """

    n: float
    value: float
    low: float
    high: float
    sampling: float
    noise: float


def contrast_of(sums: Floats, scale: float, kind: Kind, level: float) -> Contrast:
    r"""Adjusted difference :math:`\sum_s (n_s/n)(\bar p_{s1} - \bar p_{s0})` and its interval.

    By the delta method the estimate moves with the noisy sums :math:`C_{sak}` as :math:`\sum g_{sak} dC_{sak}`,
    :math:`g_{sak} = \alpha_{sa} + \beta_{sa} c_k` with

    .. math::
       \beta_{sa} = \pm \frac{n_s}{n\, n_{sa}}, \qquad
       \alpha_{sa} = \frac{\bar p_{s1} - \bar p_{s0} - \tau}{n} - \beta_{sa} \bar p_{sa}.

    A user's own part of that sum gives the sampling variance, and :math:`g` times the noise its law. Where a cell's
    count is less than 4 standard deviations of its noise, the delta method is not trusted: with one stratum the
    interval is the difference of two means', each at the level (1 + level) / 2; else it is all of [-1, 1].

    Parameters
    ----------
    sums
        (strata, 2, 3) noisy sums of ((1-p)^2, 2p(1-p), p^2), in users, by stratum and arm.
    scale, kind, level
        As in `mean_of`.
    """
    n_sa, s_sa, q_sa = sums.sum(axis=2), sums @ FIRST, sums @ SECOND
    n = float(n_sa.sum())
    of_noise = scale**2 * (2.0 if kind == "laplace" else 1.0)
    if (n_sa <= CLEAR * math.sqrt(3 * of_noise)).any():
        return _drowned(sums, scale, kind, level)
    p = np.clip(s_sa / n_sa, 0, 1)
    n_s = n_sa.sum(axis=1)
    gap = p[:, 1] - p[:, 0]
    value = float((n_s / n) @ gap)
    beta = np.array([-1.0, 1.0]) * (n_s[:, None] / n) / n_sa
    alpha = (gap - value)[:, None] / n - beta * p
    q = np.maximum(q_sa, n_sa * p**2)  # no variance is below 0
    sampling = max(0.0, float((alpha**2 * n_sa + 2 * alpha * beta * p * n_sa + beta**2 * q).sum()))
    g = alpha[..., None] + beta[..., None] * FIRST
    noise = of_noise * float((g**2).sum())
    laplace = kind == "laplace"
    normal = sampling + (0.0 if laplace else noise)
    half = quantile(normal, scale * np.abs(g).ravel() if laplace else np.zeros(0), level)
    return Contrast(n, value, max(-1.0, value - half), min(1.0, value + half), sampling, noise)


def _drowned(sums: Floats, scale: float, kind: Kind, level: float) -> Contrast:
    n = float(sums.sum())
    if len(sums) > 1:
        return Contrast(n, 0.0, -1.0, 1.0, math.nan, math.nan)
    zero, one = (mean_of(arm, scale, kind, (1 + level) / 2) for arm in sums[0])
    if zero.drowned and one.drowned:
        return Contrast(n, 0.0, -1.0, 1.0, math.nan, math.nan)
    ends = one.low - zero.high, one.high - zero.low
    return Contrast(n, one.value - zero.value, *ends, math.nan, math.nan)
