"""An estimate's own interval at any level, and the p-value that agrees with it: `Law`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from causalrec_lab.estimate import Estimate, z_value

__all__ = ["Law", "Side", "law_of", "moving_together"]

_SYMMETRIC = 1e-6  # part of an interval by which its halves may differ and be one
_NORMAL = 1e-6  # part by which Student's interval must be longer than the normal one to be told from it
_LEAST = 1e-30  # shares of error that need not be told apart
_PARTS = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Side:
    r"""How far an interval goes to one side, by the share of error left there.

    :math:`\sum_k s_k\, t_{\nu_k}(1 - tail)`, Student's quantiles, of the normal law where :math:`\nu` is infinite.

    Parameters
    ----------
    parts
        Pairs of scale and degrees of freedom.
    """

    parts: _PARTS

    def reach(self, tail: float) -> float:
        """Distance of the end that leaves a share of error beyond it; nan where there is no valid one."""
        return sum(scale * _quantile(freedom, tail) if scale else 0.0 for scale, freedom in self.parts)

    def tail(self, distance: float) -> float:
        """Share of error beyond a distance >= 0: `reach` backwards, at most 1/2."""
        scales = [scale for scale, _ in self.parts]
        if any(math.isnan(scale) for scale in scales):
            return math.nan
        if distance <= 0 or math.inf in scales:
            return 0.5
        parts = [(scale, freedom) for scale, freedom in self.parts if scale]
        if not parts:
            return 0.0
        if len({freedom for _, freedom in parts}) == 1:
            return _beyond(parts[0][1], distance / sum(scale for scale, _ in parts))
        from scipy.optimize import brentq

        if self.reach(_LEAST) < distance:
            return _LEAST
        return math.exp(
            brentq(lambda log: self.reach(math.exp(log)) - distance, math.log(_LEAST), math.log(0.5), xtol=1e-12)
        )


@dataclass(frozen=True)
class Law:
    """A value and how far it may be off to either side.

    Parameters
    ----------
    value
        The estimate.
    centre
        From where both sides reach: the value, or the middle of an interval that does not hold it.
    below, above
        The sides.
    """

    value: float
    centre: float
    below: Side
    above: Side

    def ends(self, tail: float) -> tuple[float, float]:
        """Interval that leaves a share of error at each end."""
        return self.centre - self.below.reach(tail), self.centre + self.above.reach(tail)

    def p_not_above(self, threshold: float) -> float:
        """One-sided p-value against "no more than the threshold": below a tail where `ends` of it lies above."""
        sure = not any(scale for scale, _ in self.above.parts)
        if self.centre > threshold:
            return self.below.tail(self.centre - threshold)
        return 1.0 if sure else 1.0 - self.above.tail(threshold - self.centre)


def law_of(estimate: Estimate) -> Law:
    """Read an estimate's own interval.

    One symmetric about the value and longer than the normal one is Student's, with the degrees of freedom that its
    length tells; any other keeps its shape at other levels, each side stretched as that of a normal one.

    Parameters
    ----------
    estimate
        What was estimated.
    """
    low, high, value = estimate.low, estimate.high, estimate.value
    centre = (low + high) / 2 if value < low or value > high else value
    below, above = (
        (centre - low if math.isfinite(low) else math.inf),
        (high - centre if math.isfinite(high) else math.inf),
    )
    if math.isnan(low) or math.isnan(high):
        below = above = math.nan
    freedom = _freedom(below, above, estimate.std_error, estimate.level)
    unit = _quantile(freedom, (1 - estimate.level) / 2)
    return Law(value, centre, Side(((below / unit, freedom),)), Side(((above / unit, freedom),)))


def moving_together(laws: Sequence[Law], worths: Sequence[float]) -> Law:
    """Law of a weighted sum whose parts all err to the same side at once: the longest interval they allow.

    Parameters
    ----------
    laws
        Of the parts.
    worths
        What one unit of each is worth; a negative one turns its sides round.
    """
    below: list[tuple[float, float]] = []
    above: list[tuple[float, float]] = []
    for law, worth in zip(laws, worths, strict=True):
        sides = (law.below, law.above) if worth > 0 else (law.above, law.below)
        for into, side in zip((below, above), sides, strict=True):
            into += [(abs(worth) * scale, freedom) for scale, freedom in side.parts if worth]
    pairs = list(zip(laws, worths, strict=True))
    value, centre = (sum(w * getattr(law, name) for law, w in pairs if w) for name in ("value", "centre"))
    return Law(value, centre, Side(tuple(below)), Side(tuple(above)))


def _freedom(below: float, above: float, std_error: float, level: float) -> float:
    """Degrees of freedom that a symmetric interval's length tells; infinite where it tells none."""
    from scipy.special import stdtridf

    half = (below + above) / 2
    if not (std_error > 0 and math.isfinite(half)) or abs(below - above) > 2 * _SYMMETRIC * half:
        return math.inf
    ratio = half / std_error
    if ratio <= z_value(level) * (1 + _NORMAL):
        return math.inf
    if ratio >= _quantile(1.0, (1 - level) / 2):
        return 1.0
    return float(stdtridf((1 + level) / 2, ratio))


def _quantile(freedom: float, tail: float) -> float:
    from scipy.special import ndtri, stdtrit

    return -float(ndtri(tail) if math.isinf(freedom) else stdtrit(freedom, tail))


def _beyond(freedom: float, distance: float) -> float:
    from scipy.special import ndtr, stdtr

    return float(ndtr(-distance) if math.isinf(freedom) else stdtr(freedom, -distance))
