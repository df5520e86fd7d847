"""The front door: a hidden trait moves treatment and outcome, and all of the effect passes through mediators."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from causalrec_lab import Estimate, Truth, world
from causalrec_lab.causal import effects
from coverage_cases.case import Case
from coverage_cases.populations import ROWS

__all__ = ["Corridor", "cases"]


@dataclass(frozen=True)
class Corridor:
    """Y = g(M, w) + u + noise, M caused by T and w, T by w and the hidden u; all effects in closed form.

    `mediator` is "curved" (one number, its square counts), "levels" (one of three values), "two" (a number and a 0/1
    column) or "clustered" (as curved, in 400 clusters of 5 rows that share u and part of each noise).
    """

    mediator: str
    covariates: tuple[str, ...] = ("w0", "w1")

    @property
    def mediators(self) -> list[str]:
        """Columns that carry the effect."""
        return ["m", "k"] if self.mediator == "two" else ["m"]

    def draw(self, seed: int) -> pd.DataFrame:
        """One log of 2,000 rows."""
        rng = np.random.default_rng([ROWS, seed])
        cluster = np.arange(ROWS) // 5
        shared = rng.normal(size=(2, ROWS))[:, cluster] * (self.mediator == "clustered")
        u = rng.integers(0, 2, ROWS)[cluster if self.mediator == "clustered" else slice(None)]
        w = rng.uniform(-1, 1, (ROWS, 2))
        t = (rng.random(ROWS) < 1 / (1 + np.exp(-(0.5 * w[:, 0] - 0.4 * w[:, 1] + 1.2 * (u - 0.5))))).astype(int)
        k = (rng.random(ROWS) < 0.3 + 0.3 * t + 0.1 * w[:, 1]).astype(int)
        if self.mediator == "levels":
            m = (rng.random((ROWS, 2)) < (0.3 + 0.3 * t + 0.1 * w[:, 0])[:, None]).sum(1).astype(float)
            y = np.choose(m.astype(int), [0.0, 1.0, 0.5])
        else:
            m = 0.5 * w[:, 0] + (0.8 + 0.3 * w[:, 1]) * t + 0.6 * shared[0] + rng.normal(size=ROWS)
            y = m + 0.3 * m**2 * (self.mediator != "two") + 0.5 * k * (self.mediator == "two")
        y = y + u + 0.5 * w[:, 1] + 0.6 * shared[1] + rng.normal(size=ROWS)
        return pd.DataFrame({"w0": w[:, 0], "w1": w[:, 1], "t": t, "m": m, "k": k, "y": y, "cluster": cluster})

    @property
    def truth(self) -> Truth:
        """E[Y(1) - Y(0)], over w uniform on the square."""
        if self.mediator == "levels":  # two draws with chance p: one hit is worth 1, two are worth 1/2
            moment = 0.1**2 / 3
            return Truth(sum(sign * (2 * p - 1.5 * (p**2 + moment)) for sign, p in ((1, 0.6), (-1, 0.3))))
        return Truth(0.8 + (0.5 * 0.3 if self.mediator == "two" else 0.3 * (0.8**2 + 0.3**2 / 3)))

    def estimate(self, frame: pd.DataFrame, seed: int) -> Estimate:
        """The front door within strata of the covariates."""
        cluster = "cluster" if self.mediator == "clustered" else None
        return effects.front_door(frame, "t", "y", self.mediators, self.covariates, cluster=cluster, seed=seed)


def cases() -> list[Case]:
    """The platform's preset, without and with a path beside the mediator, and mediators of every kind."""
    found = [
        Case(
            f"front_door, preset, {name}",
            lambda seed, door=door: door.sample(ROWS, seed),
            lambda frame, seed: effects.front_door(frame, "shown", "purchase", "view", seed=seed),
            door.truth.front_door(),
        )
        for name, door in (("0/1 mediator", world.front_door(0)), ("its part only", world.front_door(0, direct=0.1)))
    ]
    for mediator in ("curved", "levels", "two", "clustered"):
        corridor = Corridor(mediator)
        found.append(Case(f"front_door, {mediator}", corridor.draw, corridor.estimate, corridor.truth))
    return found
