r"""Evidence that may be looked at every day: wealth of bets that nobody can win while nothing has changed.

Who bets against a true null multiplies a stake of 1 by factors of mean at most 1, so the wealth is a supermartingale
and by Ville's inequality :math:`P(\sup_t W_t \ge 1/\alpha) \le \alpha`, whenever one looks and stops (Ville 1939,
"Etude critique de la notion de collectif"; Waudby-Smith and Ramdas 2024, JRSS-B 86, "Estimating means of bounded random
variables by betting"). Wealth divided among several strategies is wealth again: that is how an unknown day of change
and an unknown size are paid for.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

__all__ = ["MeanBets", "ShiftBets", "log_mean_exp"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_SLOPES = np.array([-0.8, -0.4, -0.2, -0.1, 0.1, 0.2, 0.4, 0.8])
_SHARES = np.array([0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8])
_ROOM = 1e-9  # below it a bound is the mean itself, and a bet would be on the rounding


def log_mean_exp(values: Floats, axis: int | tuple[int, ...] | None = None) -> Floats:
    """Logarithm of the mean of exp(values), without overflow."""
    top = np.max(values, axis=axis, keepdims=True)
    found = np.log(np.mean(np.exp(values - top), axis=axis, keepdims=True)) + top
    return np.asarray(found.squeeze(axis) if axis is not None else found.reshape(()))


class ShiftBets:
    r"""Bets that numbers which ought to be uniform on (0, 1) have moved to one side, from some day on.

    A bet of slope :math:`\epsilon` multiplies by :math:`1 + \epsilon (2u - 1)`. The stake is divided evenly over the
    days on which a change may begin and over slopes; over groups of rounds it is divided by halves, one on "few groups
    moved" (the mean of their wealths) and one on "all moved" (the product).

    Parameters
    ----------
    horizon
        Days among which the stake is divided; later days are bet on with what the last one has.
    groups
        Number of groups of rounds that may move apart.
    """

    def __init__(self, horizon: int, groups: int = 1) -> None:
        self.days = 0
        self._wealth = np.zeros((horizon, groups, len(_SLOPES)))  # logarithms

    def read(self, uniforms: Floats, group: Ints | None = None) -> None:
        """Bet on one day's rounds.

        Parameters
        ----------
        uniforms
            (n,) in [0, 1]: uniform and independent while nothing changes.
        group
            (n,) group of each round; None where there is one.
        """
        self.days += 1
        gains = np.log1p(_SLOPES * (2.0 * uniforms[:, None] - 1.0))
        if group is None:
            self._wealth[: self.days] += gains.sum(axis=0)
            return
        for column in range(len(_SLOPES)):
            total = np.bincount(group, weights=gains[:, column], minlength=self._wealth.shape[1])
            self._wealth[: self.days, :, column] += total

    @property
    def by_start(self) -> Floats:
        """Logarithm of the wealth of each day of beginning, shape (horizon,)."""
        each = log_mean_exp(self._wealth, axis=2)
        if each.shape[1] == 1:
            return np.asarray(each[:, 0])
        return np.asarray(np.logaddexp(log_mean_exp(each, axis=1), each.sum(axis=1)) - math.log(2.0))

    @property
    def evidence(self) -> float:
        """Logarithm of the wealth; 0 at the start."""
        return float(log_mean_exp(self.by_start))

    @property
    def since(self) -> int:
        """The day, counted from 0, from which a change has the most wealth behind it."""
        return int(np.argmax(self.by_start[: max(self.days, 1)]))


class MeanBets:
    r"""Bets that bounded numbers have a mean above (or below) what is claimed.

    .. math:: W = \frac{1}{J} \sum_j \prod_i \{1 + \lambda_{ij} (x_i - m)\}, \quad
        \lambda_{ij} = c_j / (m - low_i) \; \text{or} \; {-c_j} / (high_i - m)

    Parameters
    ----------
    mean
        m, claimed.
    above
        True bets against "mean <= m", False against "mean >= m".
    """

    def __init__(self, mean: float, *, above: bool) -> None:
        self.mean, self.above = mean, above
        self._wealth = np.zeros(len(_SHARES))

    def read(self, values: Floats, low: Floats | float, high: Floats | float) -> None:
        """Bet on some rounds.

        Parameters
        ----------
        values
            (n,) numbers.
        low, high
            Their bounds, each one or (n,), known before the values are.
        """
        room = self.mean - np.asarray(low) if self.above else np.asarray(high) - self.mean
        away = values - self.mean if self.above else self.mean - values
        gain = np.divide(away, room, out=np.zeros_like(values), where=np.broadcast_to(room > _ROOM, values.shape))
        self._wealth += np.log(np.maximum(1.0 + _SHARES * gain[:, None], 1e-12)).sum(axis=0)

    @property
    def evidence(self) -> float:
        """Logarithm of the wealth; 0 at the start."""
        return float(log_mean_exp(self._wealth))
