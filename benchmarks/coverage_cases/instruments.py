"""Instrumental variables: the platform's lottery beside its LATE, and a simulated one without a straight line."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from causalrec_lab import Truth, world
from causalrec_lab.causal import effects
from coverage_cases.case import Case
from coverage_cases.populations import ROWS, SEED

__all__ = ["cases"]


@cache
def lottery() -> world.Platform:
    """The platform with a hidden confounder and a lottery twice as strong as its scenario's."""
    return world.Platform.make(
        seed=SEED, n_users=ROWS, n_items=ROWS, base_rate="common", confounding=1.0, instrument=2.0
    )


def clicks(seed: int) -> pd.DataFrame:
    """One log of decisions."""
    frame = lottery().log(ROWS, seed).decisions
    assert frame is not None
    return frame


def bent(seed: int) -> pd.DataFrame:
    """Draw an instrument whose probability and outcome bend in x, and compliers who are not like the rest.

    x uniform on [-1, 1]; P(z = 1) = .3 + .4 x^2; a quarter always takes, a quarter never, compliers are the rest; the
    effect on a complier is 2 + x, on an always-taker 5; outcomes fall with x^2. LATE = E[2 + x] = 2.
    """
    rng = np.random.default_rng([41, seed])
    x, u = rng.uniform(-1, 1, ROWS), rng.uniform(size=ROWS)
    z = (rng.uniform(size=ROWS) < 0.3 + 0.4 * x**2).astype(float)
    t = np.where(u < 0.25, 1.0, np.where(u < 0.5, 0.0, z))
    effect = np.where(u < 0.25, 5.0, 2.0 + x)
    y = effect * t - 3 * x**2 + 2 * (u < 0.25) + rng.standard_normal(ROWS)
    return pd.DataFrame({"x": x, "z": z, "t": t, "y": y})


def cases() -> list[Case]:
    """2SLS and the doubly robust LATE, and Anderson-Rubin's interval where the usual one also holds."""
    late = lottery().truth.late("click")
    covariates = list(lottery().covariates)

    def by_lottery(**options: str):
        return lambda log, seed: effects.iv(log, "treated", "click", covariates, instrument="z", seed=seed, **options)

    def by_bent(**options: str):
        return lambda log, seed: effects.iv(log, "t", "y", ["x"], instrument="z", seed=seed, **options)

    robust = {"method": "doubly-robust"}
    return [
        Case("iv 2SLS, platform lottery", clicks, by_lottery(interval="wald"), late),
        Case("iv 2SLS, Anderson-Rubin, platform lottery", clicks, by_lottery(interval="anderson-rubin"), late),
        Case("iv doubly robust, platform lottery", clicks, by_lottery(**robust), late),
        Case("iv doubly robust, bent surface", bent, by_bent(**robust), Truth(2.0)),
    ]
