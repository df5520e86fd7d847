"""Populations with exact effects: the platform's clicks, and surfaces with normal, heavy-tailed or clustered noise.

All have n = 2,000 rows, propensities in [.1, .9] and, where the outcome is 0 or 1, a rate of at least .2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab import Truth, world

__all__ = ["Clicks", "Surface", "platform_clicks", "surface"]

ROWS, SEED = 2_000, 11
ESTIMANDS = ("ATE", "ATT", "ATO")
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Clicks:
    """Clicks of the platform preset base_rate="common", one decision a user and item."""

    platform: world.Platform = field(hash=False, compare=False)
    treatment: str = "treated"
    outcome: str = "click"

    @property
    def covariates(self) -> list[str]:
        """What closes every back door."""
        return list(self.platform.covariates)

    def draw(self, seed: int) -> pd.DataFrame:
        """One log of 2,000 decisions."""
        frame = self.platform.log(ROWS, seed).decisions
        assert frame is not None
        return frame

    def truth(self, estimand: str) -> Truth:
        """The platform's own ATE, ATT or ATO."""
        found = self.platform.truth
        return {"ATE": found.ate, "ATT": found.att, "ATO": found.ato}[estimand](self.outcome)


@dataclass(frozen=True)
class Surface:
    """Y = m(x) + tau(x) T + noise with x uniform, a logistic propensity and tau(x) = 1 + (x0 + x0^2) / 2.

    `noise` is "normal", "heavy" (Student's t with 3 degrees of freedom), "clustered" (400 clusters of 5 rows share part
    of their noise and of their covariates) or "linear" (normal noise, m and tau without squares, for estimators that
    assume so).
    Columns: x0 .. x3, t, y, e (the propensity), cluster. `covariates` close every back door.
    """

    noise: str
    treatment: str = "t"
    outcome: str = "y"
    covariates: tuple[str, ...] = ("x0", "x1", "x2", "x3")

    @property
    def bend(self) -> float:
        """Whether the surface has squares and products."""
        return 0.0 if self.noise == "linear" else 1.0

    def effect(self, x0: Floats) -> Floats:
        """tau(x)."""
        return 1 + (x0 + self.bend * x0**2) / 2

    def draw(self, seed: int) -> pd.DataFrame:
        """One log of 2,000 rows."""
        rng = np.random.default_rng([ROWS, seed])
        cluster = np.arange(ROWS) // 5
        x = rng.uniform(-1, 1, (ROWS, 4))
        shared = np.zeros(ROWS)
        if self.noise == "clustered":
            x[:, :2] = rng.uniform(-1, 1, (ROWS, 2))[cluster]
            shared = rng.normal(size=ROWS)[cluster]
        noise = rng.standard_t(3, ROWS) if self.noise == "heavy" else rng.normal(size=ROWS)
        e = propensity(x[:, 0], x[:, 1], x[:, 2])
        t = (rng.uniform(size=ROWS) < e).astype(int)
        m = 2 * x[:, 0] - x[:, 1] + x[:, 3] + self.bend * (1.5 * x[:, 0] ** 2 + x[:, 1] * x[:, 2])
        y = m + self.effect(x[:, 0]) * t + shared + noise
        return pd.DataFrame(x, columns=list(self.covariates)).assign(t=t, y=y, e=e, cluster=cluster)

    def truth(self, estimand: str) -> Truth:
        """Exact effect, by Gauss-Legendre quadrature over the covariates of the propensity."""
        nodes, weights = np.polynomial.legendre.leggauss(40)
        x0, x1, x2 = np.meshgrid(nodes, nodes, nodes, indexing="ij")
        mass = weights[:, None, None] * weights[None, :, None] * weights[None, None, :]
        e = propensity(x0, x1, x2)
        tilt = {"ATE": np.ones_like(e), "ATT": e, "ATC": 1 - e, "ATO": e * (1 - e)}[estimand] * mass
        return Truth(float((tilt * self.effect(x0)).sum() / tilt.sum()))


def propensity(x0: Floats, x1: Floats, x2: Floats) -> Floats:
    """P(T = 1 | x), inside [.13, .87]."""
    return np.asarray(1 / (1 + np.exp(-(0.9 * x0 - 0.6 * x1 + 0.4 * x2))))


@cache
def platform_clicks() -> Clicks:
    """The platform, made once a process."""
    return Clicks(world.Platform.make(seed=SEED, n_users=ROWS, n_items=ROWS, base_rate="common"))


@cache
def surface(noise: str) -> Surface:
    """A surface by the name of its noise.

    Raises
    ------
    ValueError
        If there is no such surface.
    """
    if noise not in (known := ("normal", "heavy", "clustered", "linear")):
        raise ValueError(f"no surface {noise!r}; known are {', '.join(known)}")
    return Surface(noise)
