"""How far an estimate may be off: Student's law at a fixed horizon, mixture boundaries for looks at any time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from causalrec_lab.intervention.experiment.early import as_normal, as_student
from causalrec_lab.intervention.experiment.units import Floats

__all__ = ["Law", "always_valid_p", "best_ratio", "mixture_critical", "mixture_law", "student", "welch_freedom"]


@dataclass(frozen=True, eq=False)
class Law:
    """Standard errors to either side that make the interval, the p-value of a distance, and words.

    Parameters
    ----------
    critical
        Half width of the interval in standard errors.
    p_value
        From |estimate| / standard error to a two-sided p-value.
    words
        What kind of interval it is.
    ends
        The interval itself, where it is not symmetric.
    """

    critical: float
    p_value: Callable[[float], float]
    words: str
    ends: tuple[float, float] | None = None


def student(freedom: float, level: float) -> Law:
    """Student's t with `freedom` degrees: valid for one look, at a time fixed beforehand."""
    from scipy.special import stdtr, stdtrit

    return Law(float(stdtrit(freedom, (1 + level) / 2)), lambda z: float(2 * stdtr(freedom, -abs(z))), "")


def welch_freedom(first: float, second: float, n_first: float, n_second: float) -> float:
    r"""Degrees :math:`(V_1 + V_2)^2 / (V_1^2/(n_1 - 1) + V_2^2/(n_2 - 1))` of two variances of means (Welch 1947)."""
    below = first**2 / (n_first - 1) + second**2 / (n_second - 1)
    return (first + second) ** 2 / below if below > 0 else n_first + n_second - 2


def mixture_critical(ratio: Floats | float, level: float) -> Floats:
    r"""Half width, in standard errors, of the normal mixture's confidence sequence.

    .. math:: \sqrt{(1 + 1/r) (\log(1 + r) + 2 \log(1/\alpha))}

    Source: Robbins (1970); for the mixture SPRT :math:`r = \tau^2 / se^2` (Johari, Koomen, Pekelis and Walsh 2022), for
    the asymptotic confidence sequence :math:`r = \rho^2 n` (Waudby-Smith et al. 2024, equation 3).

    Parameters
    ----------
    ratio
        r, growing with the information gathered.
    level
        Confidence level, kept at all times together.
    """
    r = np.asarray(ratio, dtype=np.float64)
    return np.asarray(np.sqrt((1 + 1 / r) * (np.log1p(r) - 2 * math.log(1 - level))))


def always_valid_p(z: Floats | float, ratio: Floats | float) -> Floats:
    r"""P-value that may be looked at at any time: :math:`\min(1, \sqrt{1 + r}\, e^{-z^2 r / (2 (1 + r))})`.

    Parameters
    ----------
    z, ratio
        Estimate over its standard error; r as in `mixture_critical`.
    """
    r = np.asarray(ratio, dtype=np.float64)
    return np.asarray(np.minimum(1.0, np.sqrt(1 + r) * np.exp(-np.square(z) * r / (2 * (1 + r)))))


def best_ratio(level: float) -> float:
    r"""The r at which the boundary is (nearly) tightest: :math:`-2\log\alpha + \log(1 - 2 \log\alpha)`.

    Source: Waudby-Smith et al. (2024), appendix on the choice of :math:`\rho`.
    """
    twice = -2 * math.log(1 - level)
    return twice + math.log(1 + twice)


def mixture_law(ratio: float, level: float, words: str, freedom: float) -> Law:
    """The mixture's law at one look, of an error known to `freedom` degrees; without any spread (ratio 0) no end."""
    if not ratio > 0:
        return Law(math.inf, lambda _: 1.0, words, (-math.inf, math.inf))
    critical = float(as_student(mixture_critical(ratio, level), freedom))
    return Law(critical, lambda z: float(always_valid_p(as_normal(z, freedom), ratio)), words)
