"""Intervals that hold the noise beside the sampling: the law of normal + Laplace, and what the sums tell of a mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from causalrec_lab.estimate import z_value
from causalrec_lab.explain.privacy.noise import Kind, Mechanism

__all__ = ["Mean", "count_half", "mean_of", "quantile"]

Floats = npt.NDArray[np.float64]
FIRST = np.array([0.0, 0.5, 1.0])  # of ((1-p)^2, 2p(1-p), p^2): what gives the sum of p,
SECOND = np.array([0.0, 0.0, 1.0])  # and of its square
_STEP = 0.05
_T = np.arange(_STEP, 60.0, _STEP) - _STEP / 2


def quantile(variance: float, scales: Sequence[float] | Floats, level: float) -> float:
    r"""Half width that holds `level` of normal plus independent Laplace noise.

    From the characteristic function :math:`\phi(t) = e^{-v t^2/2} \prod_j (1 + b_j^2 t^2)^{-1}` by
    :math:`F(x) = 1/2 + \pi^{-1} \int_0^\infty \phi(t) \sin(t x) / t \, dt` (Gil-Pelaez 1951), to about 1e-3 of the
    standard deviation.

    Parameters
    ----------
    variance
        Of the normal part.
    scales
        :math:`b_j` of the Laplace parts.
    level
        Share in (0, 1).
    """
    b2 = np.asarray(scales, dtype=np.float64) ** 2
    b2 = b2[b2 > 0]
    spread = math.sqrt(variance + 2 * b2.sum())
    if spread == 0:
        return 0.0
    if not b2.size:
        return z_value(level) * spread
    logs = -0.5 * variance / spread**2 * _T**2 - np.log1p(np.outer(b2 / spread**2, _T**2)).sum(axis=0)
    weights = np.exp(logs) / _T * (2 * _STEP / math.pi)
    low, high = 0.0, 12.0 + 2 * abs(math.log(1 - level))
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if float((weights * np.sin(_T * middle)).sum()) < level else (low, middle)
    return (low + high) / 2 * spread


def count_half(mechanism: Mechanism, level: float) -> int:
    r"""Least whole number h with :math:`P(|noise| \le h) \ge level`.

    Discrete Laplace: :math:`P(|x| > h) = 2 e^{-(h+1)/s} / (1 + e^{-1/s})`; discrete Gaussian: summed.
    """
    s = mechanism.scale
    if mechanism.kind == "laplace":
        return max(0, math.ceil(s * math.log(2 / ((1 - level) * (1 + math.exp(-1 / s))))) - 1)
    support = np.arange(0, math.ceil(12 * s) + 2)
    chances = np.exp(-(support**2) / (2 * s**2))
    both = np.where(support == 0, 1, 2) * chances
    return int(np.searchsorted(np.cumsum(both) / both.sum(), level))


@dataclass(frozen=True)
class Mean:
    """A mean of p in [0, 1] over users, from three noisy sums.

    Parameters
    ----------
    n
        Noisy number of users.
    value, low, high
        The mean and its interval; [0, 1] where the noise drowns the users.
    sampling, noise
        Variance of the mean from users drawn, and from noise.
    """

    n: float
    value: float
    low: float
    high: float
    sampling: float
    noise: float

    @property
    def drowned(self) -> bool:
        """Whether nothing could be told."""
        return (self.low, self.high) == (0.0, 1.0)


def mean_of(sums: Floats, scale: float, kind: Kind, level: float) -> Mean:
    r"""Mean of p and the set of values that the noisy sums do not refuse.

    With n, s, q the noisy number, sum and sum of squares, :math:`T(\mu) = s - \mu n` has mean 0 at the truth and
    variance :math:`q - 2 \mu s + \mu^2 n + \sigma^2 \sum_j (c_j - \mu)^2`; the interval is
    :math:`\{\mu : |T(\mu)| \le k\, sd(\mu)\}` (Fieller 1954), k being the quantile of normal + Laplace over its
    standard deviation. It is wider than a Wald interval where n is small against the noise, and all of [0, 1] where n
    might be 0.

    Parameters
    ----------
    sums
        (3,) noisy sums of ((1-p)^2, 2p(1-p), p^2), in users.
    scale
        Scale of the noise on each, in users.
    kind
        Its law.
    level
        Of the interval.
    """
    n, s, q = float(sums.sum()), float(FIRST @ sums), float(SECOND @ sums)
    of_noise = scale**2 * (2.0 if kind == "laplace" else 1.0)
    if n <= 0:
        return Mean(n, 0.5, 0.0, 1.0, math.nan, math.nan)
    value = min(1.0, max(0.0, s / n))
    q = max(q, 2 * value * s - value**2 * n)  # no variance is below 0
    sampled = max(0.0, q - 2 * value * s + value**2 * n)
    noise = of_noise * float(((FIRST - value) ** 2).sum())
    scales = scale * np.abs(FIRST - value) if kind == "laplace" else np.zeros(0)
    normal = sampled + (0.0 if kind == "laplace" else noise)
    whole = sampled + noise
    k2 = (quantile(normal, scales, level) / math.sqrt(whole)) ** 2 if whole > 0 else z_value(level) ** 2
    a = n**2 - k2 * (n + 3 * of_noise)
    b = -2 * s * n + k2 * (2 * s + 3 * of_noise)
    c = s**2 - k2 * (q + 1.25 * of_noise)
    under = b**2 - 4 * a * c
    parts = sampled / n**2, noise / n**2
    if a <= 0 or under < 0:
        return Mean(n, value, 0.0, 1.0, *parts)
    low, high = ((-b - math.sqrt(under)) / (2 * a), (-b + math.sqrt(under)) / (2 * a))
    return Mean(n, value, min(value, max(0.0, low)), max(value, min(1.0, high)), *parts)
