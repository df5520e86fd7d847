"""All arms against one control: Dunnett's critical value, and Simpson's rule that it and the looks are computed by."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from causalrec_lab.intervention.experiment.units import Floats

__all__ = ["dunnett", "simpson"]


def dunnett(shares: Sequence[float], level: float = 0.95) -> float:
    r"""Two-sided normal critical value of all arms against one control, at one level together.

    .. math:: P(\max_j |Z_j| \le c) = \int \varphi(z) \prod_j
        \left[\Phi\!\left(\frac{\lambda_j z + c}{\sqrt{1 - \lambda_j^2}}\right)
        - \Phi\!\left(\frac{\lambda_j z - c}{\sqrt{1 - \lambda_j^2}}\right)\right] dz,
        \quad \lambda_j^2 = \frac{n_j}{n_j + n_0}

    Source: Dunnett (1955). Smaller than Bonferroni's, since the contrasts share the control.

    Parameters
    ----------
    shares
        Shares of the arms, the control first, any scale.
    level
        Confidence level of all intervals together.

    Raises
    ------
    ValueError
        If there are fewer than two arms or a share is not positive.
    """
    from scipy.optimize import brentq
    from scipy.special import ndtr

    sizes = np.asarray(shares, dtype=np.float64)
    if len(sizes) < 2 or not (sizes > 0).all():
        raise ValueError(f"dunnett(shares={list(shares)}): give a positive share of the control and of each arm")
    loading = np.sqrt(sizes[1:] / (sizes[1:] + sizes[0]))[:, None]
    z = np.linspace(-8, 8, 801)
    weights = simpson(z) * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    left = np.sqrt(1 - loading**2)

    def beyond(c: float) -> float:
        inside = ndtr((loading * z + c) / left) - ndtr((loading * z - c) / left)
        return float(weights @ inside.prod(axis=0)) - level

    return float(brentq(beyond, 0.0, 9.0))


def simpson(points: Floats) -> Floats:
    """Simpson's weights of an odd number of evenly spaced points."""
    weights = np.full(len(points), 2.0)
    weights[1::2], weights[[0, -1]] = 4.0, 1.0
    return np.asarray(weights * (points[1] - points[0]) / 3)
