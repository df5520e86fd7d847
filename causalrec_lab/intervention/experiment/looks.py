"""A few planned looks: boundaries that spend the error in portions (Lan and DeMets), and what peeking costs."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.columns import nearest
from causalrec_lab.estimate import z_value
from causalrec_lab.intervention.experiment.many_arms import simpson
from causalrec_lab.intervention.experiment.units import Floats

__all__ = [
    "NEAREST",
    "SPENDING",
    "Boundary",
    "apart",
    "crossing",
    "group_sequential",
    "peeking_error",
    "spending_boundary",
]

SPENDING = ("obrien-fleming", "pocock")
NEAREST = 1e-3  # least share of the information that a look must add for the recursion to see it
_GRID = 401  # points of Simpson's rule between the boundaries


@dataclass(frozen=True, eq=False)
class Boundary:
    """A group-sequential plan: looks and how far an estimate must be from 0 at each.

    Parameters
    ----------
    information
        Shares of the planned information at the looks, the last 1.
    critical
        Two-sided critical values of z at the looks.
    spent
        Error spent up to each look.
    kind, level
        Spending function; confidence level of the whole.
    """

    information: tuple[float, ...]
    critical: tuple[float, ...]
    spent: tuple[float, ...]
    kind: str
    level: float

    @property
    def table(self) -> pd.DataFrame:
        """One row a look: information, critical value, error spent, nominal p."""
        from scipy.special import ndtr

        nominal = 2 * ndtr(-np.array(self.critical))
        columns = {
            "information": self.information,
            "critical": self.critical,
            "spent": self.spent,
            "nominal_p": nominal,
        }
        return pd.DataFrame(columns, index=pd.RangeIndex(1, len(self.critical) + 1, name="look"))

    def power(self, drift: float) -> float:
        """Chance that a boundary is crossed when the final z has mean `drift`."""
        return float(crossing(self.information, self.critical, drift)[-1])


def group_sequential(looks: int | Sequence[float], kind: str = "obrien-fleming", *, level: float = 0.95) -> Boundary:
    r"""Boundaries for a few planned looks that spend the error in portions (Lan and DeMets 1983).

    Each side spends by time t (share of the information), with :math:`\alpha` its half of 1 - level:
    :math:`2 - 2\Phi(z_{\alpha/2} / \sqrt t)` ("obrien-fleming": little early, almost nothing lost at the end) or
    :math:`\alpha \log(1 + (e - 1) t)` ("pocock": evenly). Exact, by the recursion of Armitage, McPherson and Rowe
    (1969).

    Parameters
    ----------
    looks
        Number of evenly spaced looks, or the shares of information at them, rising to at most 1.
    kind, level
        Spending function; confidence level.

    Raises
    ------
    ValueError
        If the kind is unknown or the looks do not rise within (0, 1].
    """
    if kind not in SPENDING:
        raise ValueError(f"unknown spending {kind!r}; {nearest(kind, SPENDING)}")
    t = _shares(looks)
    if t[-1] > 1 + 1e-12:
        raise ValueError(f"looks={looks!r}: give a number >= 1, or shares of information that rise within (0, 1]")
    return spending_boundary(t.tolist(), t.tolist(), kind, level)


def spending_boundary(information: Sequence[float], time: Sequence[float], kind: str, level: float) -> Boundary:
    """Boundary whose error is spent by another clock than the information's, which then need not end at 1.

    Parameters
    ----------
    information
        Rising information at the looks, any scale.
    time
        Share of the plan at the looks, within (0, 1], by which error is spent.
    kind, level
        As in `group_sequential`.
    """
    return _boundary(tuple(map(float, information)), tuple(map(float, time)), kind, level)


@functools.lru_cache(maxsize=64)
def _boundary(information: tuple[float, ...], time: tuple[float, ...], kind: str, level: float) -> Boundary:
    from scipy.optimize import brentq
    from scipy.special import ndtr

    t, spending, side = np.asarray(information), np.asarray(time), (1 - level) / 2
    late = 2 * ndtr(-z_value(1 - side) / np.sqrt(spending)), side * np.log1p((math.e - 1) * spending)
    spent = 2 * np.asarray(late[SPENDING.index(kind)])
    walk, found = _Walk(), []
    for k in range(len(t)):
        portion = spent[k] - (spent[k - 1] if k else 0.0)
        step = walk.step(float(t[k]))
        c = float(brentq(lambda c, step=step, portion=portion: step.outside(c) - portion, 0.0, 40.0, xtol=1e-10))
        found.append(c)
        walk = step.keep(c)
    return Boundary(information, tuple(found), tuple(map(float, spent)), kind, level)


def crossing(information: Sequence[float], critical: Sequence[float], drift: float = 0.0) -> Floats:
    r"""(looks,) chance that :math:`|Z_k| > c_k` at look k or before, for :math:`Z_k \sim N(\delta\sqrt{t_k}, 1)`.

    Parameters
    ----------
    information, critical
        Shares of information at the looks; critical values there.
    drift
        Mean of z at full information; 0 gives the error.
    """
    walk, total, found = _Walk(drift=drift), 0.0, []
    _shares(information)
    for t, c in zip(information, critical, strict=True):
        step = walk.step(float(t))
        total += step.outside(float(c))
        found.append(total)
        walk = step.keep(float(c))
    return np.asarray(found)


def peeking_error(looks: int | Sequence[float], level: float = 0.95) -> float:
    """Chance that a test made for one look is "significant" at some look when there is no effect.

    Parameters
    ----------
    looks
        Number of evenly spaced looks, or shares of information.
    level
        Of the fixed-horizon interval.
    """
    t = _shares(looks)
    return float(crossing(t.tolist(), [z_value(level)] * len(t))[-1])


def _shares(looks: int | Sequence[float]) -> Floats:
    """Shares of information, each far enough from the one before."""
    t = np.arange(1, looks + 1) / looks if isinstance(looks, int) else np.asarray(looks, dtype=np.float64)
    if len(t) == 0 or not (np.diff(t, prepend=0.0) > 0).all():
        raise ValueError(f"looks={looks!r}: give a number >= 1, or shares of information that rise within (0, 1]")
    if (np.diff(t, prepend=0.0) < 0.9 * NEAREST * t).any():
        k = int(np.argmax(np.diff(t, prepend=0.0) < 0.9 * NEAREST * t))
        raise ValueError(
            f"look {k + 1} at {t[k]:.6g} of the information adds less than {NEAREST:.1%} of it; look less often"
        )
    return np.asarray(t)


def apart(time: Floats, information: Floats, least: float) -> npt.NDArray[np.bool_]:
    """Looks that may spend error: later than the one before, and with `least` of their information new.

    Parameters
    ----------
    time, information
        (looks,) share of the plan, information; neither falls.
    least
        Share of a look's information that must be new.
    """
    used, last = np.zeros(len(time), dtype=bool), -1
    for k in range(len(time)):
        used[k] = last < 0 or (time[k] > time[last] and information[k] - information[last] >= least * information[k])
        last = k if used[k] else last
    return used


@dataclass(frozen=True, eq=False)
class _Walk:
    """Density of the score process at a look, on the part of the line where no boundary was crossed."""

    points: Floats | None = None
    mass: Floats | None = None
    time: float = 0.0
    drift: float = 0.0

    def step(self, time: float) -> _Step:
        """The next look, at a share of the information."""
        return _Step(self, time)


@dataclass(frozen=True, eq=False)
class _Step:
    walk: _Walk
    time: float

    def outside(self, c: float) -> float:
        """Chance to be outside +-c at this look, having been inside before."""
        from scipy.special import ndtr

        edge, walk = c * math.sqrt(self.time), self.walk
        spread, shift = math.sqrt(self.time - walk.time), walk.drift * (self.time - walk.time)
        at, mass = (np.zeros(1), np.ones(1)) if walk.points is None or walk.mass is None else (walk.points, walk.mass)
        tails = ndtr((at + shift - edge) / spread) + ndtr((-edge - at - shift) / spread)
        return float(mass @ tails)

    def keep(self, c: float) -> _Walk:
        """The walk after this look, having stayed inside +-c."""
        edge, walk = c * math.sqrt(self.time), self.walk
        spread, shift = math.sqrt(self.time - walk.time), walk.drift * (self.time - walk.time)
        edge = min(edge, 9 * math.sqrt(self.time) + abs(walk.drift) * self.time)
        points = np.linspace(-edge, edge, _GRID)
        at, mass = (np.zeros(1), np.ones(1)) if walk.points is None or walk.mass is None else (walk.points, walk.mass)
        far = (points[:, None] - at[None, :] - shift) / spread
        density = np.exp(-(far**2) / 2) @ mass / (spread * math.sqrt(2 * math.pi))
        return _Walk(points, density * simpson(points), self.time, walk.drift)
