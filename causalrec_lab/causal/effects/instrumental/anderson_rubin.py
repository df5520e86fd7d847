r"""Confidence sets that hold however weak the instrument is: the Anderson-Rubin test, inverted.

.. math:: AR(\beta) = (\hat\delta - \beta\hat\pi)'
    [V_{\delta\delta} - \beta (V_{\delta\pi} + V_{\pi\delta}) + \beta^2 V_{\pi\pi}]^{-1} (\hat\delta - \beta\hat\pi)

At the true effect it is chi-square with K degrees of freedom whatever the first stage (Anderson and Rubin 1949; the
robust form of Stock and Wright 2000). All :math:`\beta` that are not refused make the set: an interval, the whole line,
two rays, or, with more instruments than treatments, nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from causalrec_lab.causal.effects.instrumental.reduced_form import ReducedForm
from causalrec_lab.causal.effects.sample import Floats

__all__ = ["ConfidenceSet", "anderson_rubin", "smallest", "statistic"]

_GRID = 2_001


@dataclass(frozen=True)
class ConfidenceSet:
    """A set of effects that a test does not refuse.

    Parameters
    ----------
    pieces
        (low, high) of its pieces from left to right; ends may be infinite; none where every effect is refused.
    """

    pieces: tuple[tuple[float, float], ...]

    @property
    def hull(self) -> tuple[float, float]:
        """The shortest interval that holds the set; (nan, nan) where it is empty."""
        return (self.pieces[0][0], self.pieces[-1][1]) if self.pieces else (math.nan, math.nan)

    @property
    def bounded(self) -> bool:
        """Whether the set is not empty and ends on both sides."""
        return bool(self.pieces) and all(math.isfinite(end) for end in self.hull)

    def covers(self, value: float) -> bool:
        """Whether an effect is in the set."""
        return any(low <= value <= high for low, high in self.pieces)

    def __str__(self) -> str:
        """The set in a mathematician's notation."""
        if not self.pieces:
            return "empty"
        if self.pieces == ((-math.inf, math.inf),):
            return "the whole line"
        return " or ".join(
            f"{'(' if math.isinf(low) else '['}{low:.4g}, {high:.4g}{')' if math.isinf(high) else ']'}"
            for low, high in self.pieces
        )


def statistic(form: ReducedForm, effect: float) -> float:
    """Anderson-Rubin statistic at one effect; chi-square with K degrees of freedom where it is the true one."""
    return float(_statistics(form, np.array([effect]))[0])


def _statistics(form: ReducedForm, effect: Floats) -> Floats:
    """Statistic at each of (m,) effects."""
    dd, dp, pp = form.blocks
    gap = form.outcome - effect[:, None] * form.treatment
    beta = effect[:, None, None]
    spread = dd - beta * (dp + dp.T) + beta**2 * pp
    return np.asarray(np.einsum("mk,mk->m", gap, np.linalg.solve(spread, gap[:, :, None])[:, :, 0]))


def anderson_rubin(form: ReducedForm, level: float) -> ConfidenceSet:
    """Invert the test: in closed form with one instrument, else on a grid of angles with its ends refined.

    Raises
    ------
    ValueError
        If the level is outside (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError(f"level={level} is no confidence level; give a number in (0, 1), such as 0.95")
    critical = float(stats.chi2.ppf(level, form.count))
    return _quadratic(form, critical) if form.count == 1 else _scanned(form, critical)


def _quadratic(form: ReducedForm, critical: float) -> ConfidenceSet:
    r"""Solve :math:`(\delta - \beta\pi)^2 \le c\,(V_{\delta\delta} - 2\beta V_{\delta\pi} + \beta^2 V_{\pi\pi})`."""
    (dd, dp, pp), d, p = (float(b[0, 0]) for b in form.blocks), float(form.outcome[0]), float(form.treatment[0])
    a, b, c = p**2 - critical * pp, -2 * (d * p - critical * dp), d**2 - critical * dd
    inside = b**2 - 4 * a * c
    if a == 0:  # the first stage is exactly at its critical value: a ray
        if b == 0:
            return ConfidenceSet(((-math.inf, math.inf),))
        return ConfidenceSet(((-math.inf, -c / b),) if b > 0 else ((-c / b, math.inf),))
    if inside < 0:  # a > 0 cannot be here: the point estimate is never refused
        return ConfidenceSet(((-math.inf, math.inf),))
    low, high = sorted(((-b - math.sqrt(inside)) / (2 * a), (-b + math.sqrt(inside)) / (2 * a)))
    if a > 0:
        return ConfidenceSet(((low, high),))
    return ConfidenceSet(((-math.inf, low), (high, math.inf)))


def _scanned(form: ReducedForm, critical: float) -> ConfidenceSet:
    """Walk the line by angle, so that it has ends, and refine every crossing by bisection."""
    centre, scale = _frame(form)

    def excess(angle: float) -> float:
        return statistic(form, centre + scale * math.tan(angle)) - critical

    edge = math.pi / 2 - 1e-6
    grid = np.linspace(-edge, edge, _GRID)
    values = _statistics(form, centre + scale * np.tan(grid)) - critical
    crossings = [
        float(optimize.brentq(excess, grid[i], grid[i + 1])) for i in np.flatnonzero(values[:-1] * values[1:] < 0)
    ]
    ends = [-math.inf, *(centre + scale * math.tan(angle) for angle in crossings), math.inf]
    first = 0 if values[0] <= 0 else 1
    return ConfidenceSet(tuple((ends[i], ends[i + 1]) for i in range(first, len(ends) - 1, 2)))


def _frame(form: ReducedForm) -> tuple[float, float]:
    """2SLS from the reduced form, and its error: where the set is narrow the grid is dense there."""
    weight: Floats = form.gram @ form.treatment
    centre = float(weight @ form.outcome / (weight @ form.treatment))
    dd, dp, pp = form.blocks
    spread = dd - centre * (dp + dp.T) + centre**2 * pp
    return centre, math.sqrt(max(float(weight @ spread @ weight), 1e-300)) / abs(float(weight @ form.treatment))


def smallest(form: ReducedForm) -> tuple[float, float]:
    """Effect with the smallest statistic, and that statistic: the J of continuously updated GMM.

    Source: Hansen, Heaton and Yaron (1996). With K instruments that all move the outcome by one effect alone it is
    chi-square with K - 1 degrees of freedom.
    """
    centre, scale = _frame(form)
    grid = np.linspace(-math.pi / 2 + 1e-6, math.pi / 2 - 1e-6, _GRID)
    best = int(np.argmin(_statistics(form, centre + scale * np.tan(grid))))
    found = optimize.minimize_scalar(
        lambda angle: statistic(form, centre + scale * math.tan(angle)),
        bounds=(grid[max(best - 1, 0)], grid[min(best + 1, _GRID - 1)]),
        method="bounded",
    )
    return centre + scale * math.tan(float(found.x)), float(found.fun)
