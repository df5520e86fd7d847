r"""Critical values that hold whatever the law of the true effects, given their variance.

A shrunk estimate is biased by b standard errors, b unknown but :math:`E[b^2] = m` known. The chance of missing is
:math:`r(b^2, c) = \Phi(-c - b) + \Phi(-c + b)`, and over all laws of b it is at most the least concave function of
:math:`b^2` above r (Armstrong, Kolesar and Plagborg-Moller 2022, Econometrica 90, "Robust empirical Bayes confidence
intervals", section 3).
"""

from __future__ import annotations

import math

__all__ = ["critical_value", "greatest_miss"]


def greatest_miss(m: float, critical: float) -> float:
    """Greatest chance of missing over all laws of the bias with second moment m."""
    from scipy.optimize import brentq

    def miss(t: float) -> float:
        root = math.sqrt(t)
        return _phi(-critical - root) + _phi(-critical + root)

    def slope(t: float) -> float:
        root = math.sqrt(t)
        return (_density(critical - root) - _density(critical + root)) / (2.0 * root)

    if critical < math.sqrt(3.0):  # r is concave from the start
        return miss(m)

    def tangent(t: float) -> float:  # where a line from t = 0 touches r
        return miss(t) - miss(0.0) - t * slope(t)

    touch = brentq(tangent, critical**2 / 2, (critical + 6.0) ** 2) if tangent(critical**2 / 2) < 0 else critical**2
    if m >= touch:
        return miss(m)
    return miss(0.0) + m * (miss(touch) - miss(0.0)) / touch


def critical_value(m: float, level: float = 0.95) -> float:
    """Half length, in standard errors, of an interval that misses at most 1 - level of the time.

    Parameters
    ----------
    m
        Mean square of the bias in standard errors, >= 0; 0 gives the usual normal value.
    level
        Confidence level in (0, 1).

    Raises
    ------
    ValueError
        If m is negative or the level none.
    """
    from scipy.optimize import brentq

    if not (m >= 0 and 0 < level < 1):
        raise ValueError(f"critical_value(m={m}, level={level}): a mean square is >= 0, a level lies in (0, 1)")
    high = 2.0 + math.sqrt(m) + math.sqrt((1.0 + m) / (1.0 - level))
    return float(brentq(lambda c: greatest_miss(m, c) - (1.0 - level), 1e-9, high))


def _phi(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


def _density(z: float) -> float:
    return math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
