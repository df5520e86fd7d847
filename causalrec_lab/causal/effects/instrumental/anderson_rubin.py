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
from scipy import linalg, optimize, stats

from causalrec_lab.causal.effects.instrumental.reduced_form import ReducedForm
from causalrec_lab.causal.effects.sample import Floats

__all__ = ["ConfidenceSet", "anderson_rubin", "smallest", "statistic"]

_GRID = 2_001
_ROUNDING = 1e-7  # of an effect: variances cancel to the sixteenth digit, so a smaller error cannot be told from none


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
    """Invert the test: in closed form with one instrument, else by the roots of a polynomial, its ends refined.

    Raises
    ------
    ValueError
        If the level is outside (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError(f"level={level} is no confidence level; give a number in (0, 1), such as 0.95")
    if (only := _exact(form)) is not None:
        return ConfidenceSet(((only, only),))
    critical = float(stats.chi2.ppf(level, form.count))
    return _quadratic(form, critical) if form.count == 1 else _cut(form, critical)


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


def _cut(form: ReducedForm, critical: float) -> ConfidenceSet:
    r"""Cut the line wherever :math:`\det[c V(\beta) - g g'] = 0`, g the gap and V its spread.

    The statistic passes c only there, at roots of a polynomial, so no piece and no gap is too narrow to be seen.
    """
    cuts = _roots(form, critical)
    scale = max(float(np.ptp(cuts)), 1.0) if len(cuts) else 1.0
    between = np.concatenate([cuts[:1] - scale, (cuts[1:] + cuts[:-1]) / 2, cuts[-1:] + scale])
    middle = between if len(cuts) else np.zeros(1)
    excess = _statistics(form, middle) - critical
    ends = [
        float(optimize.brentq(lambda effect: statistic(form, effect) - critical, middle[i], middle[i + 1]))
        for i in np.flatnonzero((excess[:-1] <= 0) != (excess[1:] <= 0))
    ]
    ends, first = [-math.inf, *ends, math.inf], 0 if excess[0] <= 0 else 1
    return ConfidenceSet(tuple((ends[i], ends[i + 1]) for i in range(first, len(ends) - 1, 2)))


def _roots(form: ReducedForm, critical: float) -> Floats:
    """Real parts of the roots, in order: those of complex ones cut where nothing changes, which does no harm."""
    (dd, dp, pp), d, p = form.blocks, form.outcome, form.treatment
    constant, slope, square = (
        critical * dd - np.outer(d, d),
        np.outer(d, p) + np.outer(p, d) - critical * (dp + dp.T),
        critical * pp - np.outer(p, p),
    )
    centre, scale = _frame(form)
    moved = constant + centre * slope + centre**2 * square, scale * (slope + 2 * centre * square), scale**2 * square
    eye, zero = np.eye(form.count), np.zeros((form.count, form.count))
    found = linalg.eigvals(np.block([[zero, eye], [-moved[0], -moved[1]]]), linalg.block_diag(eye, moved[2]))
    real = np.asarray(found[np.isfinite(found)].real, dtype=np.float64)
    return np.unique(centre + scale * real)


def _frame(form: ReducedForm) -> tuple[float, float]:
    """2SLS from the reduced form, and its error: where the set is narrow the grid is dense there."""
    weight: Floats = form.gram @ form.treatment
    centre = float(weight @ form.outcome / (weight @ form.treatment))
    dd, dp, pp = form.blocks
    spread = dd - centre * (dp + dp.T) + centre**2 * pp
    return centre, math.sqrt(max(float(weight @ spread @ weight), 1e-300)) / abs(float(weight @ form.treatment))


def _exact(form: ReducedForm) -> float | None:
    """The effect that explains the outcome without any error, where there is one: no test has a spread to judge by."""
    if not form.treatment.any():
        return None
    (dd, _, pp), (centre, scale) = form.blocks, _frame(form)
    unit = abs(centre) + math.sqrt(float(np.trace(dd)) / max(float(np.trace(pp)), 1e-300))
    return centre if scale <= _ROUNDING * unit or not dd.any() else None


def smallest(form: ReducedForm) -> tuple[float, float]:
    """Effect with the smallest statistic, and that statistic: the J of continuously updated GMM.

    Source: Hansen, Heaton and Yaron (1996). With K instruments that all move the outcome by one effect alone it is
    chi-square with K - 1 degrees of freedom.
    """
    if (only := _exact(form)) is not None:
        return only, 0.0
    centre, scale = _frame(form)
    grid = np.linspace(-math.pi / 2 + 1e-6, math.pi / 2 - 1e-6, _GRID)
    best = int(np.argmin(_statistics(form, centre + scale * np.tan(grid))))
    found = optimize.minimize_scalar(
        lambda angle: statistic(form, centre + scale * math.tan(angle)),
        bounds=(grid[max(best - 1, 0)], grid[min(best + 1, _GRID - 1)]),
        method="bounded",
    )
    return centre + scale * math.tan(float(found.x)), float(found.fun)
