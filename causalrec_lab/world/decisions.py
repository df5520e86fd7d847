"""The law of decisions, `Law`, and what is drawn from it, `Draw`.

Decisions are drawn independently from a declared law on the given population: a user and an item, each with equal
chance; a moment of the year, uniform (season node s has probability 1 / nodes); a fair lottery z; a position, by the
scenario's shares. Rows of one log are
therefore i.i.d. given the population, and ordinary standard errors are the right ones even though users and items
repeat. A log is written in time order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from causalrec_lab.world.examination import draw_positions, examination
from causalrec_lab.world.exposure import propensity
from causalrec_lab.world.outcomes import Funnel, amount_location, return_chances
from causalrec_lab.world.population import Floats, Ints, Pairs, Population, stream
from causalrec_lab.world.scenario import Exposure

__all__ = ["Draw", "Law", "check_count", "draw_decisions", "draw_randomness", "node_of", "timestamps"]

YEAR = 365 * 86_400_000  # milliseconds
START = pd.Timestamp("2025-01-01")


@dataclass(frozen=True, eq=False)
class Law:
    """Everything that decides what a log holds.

    Parameters
    ----------
    population
        Users and items.
    funnel
        Outcomes, dials turned.
    rule
        Exposure, dials turned.
    seed
        The platform's seed.
    """

    population: Population
    funnel: Funnel
    rule: Exposure
    seed: int


@dataclass(frozen=True, eq=False)
class Draw:
    r"""Decisions with the randomness behind both potential outcomes.

    Y(0) and Y(1) are functions of the *same* uniforms: stage s is passed under t where :math:`U_s < \sigma(\eta_s(t))`,
    the first one where :math:`U_0 < p_k \sigma(\eta_0(t))` with the examination of its position.
    Individual effects follow this coupling, which no data could identify.
    """

    law: Law
    users: Ints
    items: Ints
    position: Ints
    moment: Ints
    lottery: Ints
    u_treatment: Floats
    u_stage: Floats
    u_return: Floats
    noise: Floats

    @cached_property
    def pairs(self) -> Pairs:
        """What the pairs carry."""
        return self.law.population.at(self.users, self.items)

    @property
    def node(self) -> Ints:
        """Season of each decision."""
        return self.moment * self.law.funnel.scenario.nodes // YEAR

    @cached_property
    def propensity(self) -> Floats:
        """True P(T = 1) of each decision, given its lottery."""
        return propensity(self.law.rule, self.pairs, self.lottery)

    @cached_property
    def treated(self) -> Ints:
        """Treatment, 1 where the uniform lies below the propensity."""
        return (self.u_treatment < self.propensity).astype(np.int64)

    def outcomes(self, treated: Ints | int) -> dict[str, Floats | Ints]:
        """Potential outcomes under a treatment, by name, in the order of the funnel."""
        funnel, pairs = self.law.funnel, self.pairs
        season = funnel.season(self.node, pairs.category)
        tau = funnel.effect_logit(pairs) * treated
        alive = np.ones(len(self.users), dtype=bool)
        examined = examination(funnel.scenario, self.position)
        drawn: dict[str, Floats | Ints] = {}
        for number, stage in enumerate(funnel.stages):
            logit = funnel.stage_logit(stage, pairs, self.lottery) + stage.season * season + stage.treatment * tau
            alive = alive & (self.u_stage[number] * (1.0 + np.exp(-logit)) < (1.0 if number else examined))
            drawn[stage.name] = alive.astype(np.int64)
        return drawn | self._beyond(drawn)

    def _beyond(self, drawn: dict[str, Floats | Ints]) -> dict[str, Floats | Ints]:
        """Amount, return, and what is earned where something is sold, given the funnel."""
        funnel = self.law.funnel
        amount, retention = funnel.scenario.amount, funnel.scenario.retention
        size = np.exp(amount_location(funnel, self.pairs) + amount.sigma * self.noise)
        without, reached = return_chances(funnel, self.pairs)
        chance = np.where(drawn[retention.after] == 1, reached, without)
        beyond = {
            amount.name: size * drawn[amount.after],
            retention.name: (self.u_return < chance).astype(np.int64),
        }
        if (earned := funnel.scenario.cost.earned) is not None:
            beyond[earned] = self.law.population.cost[self.items] * drawn[funnel.names[-1]]
        return beyond


def draw_decisions(law: Law, n: int, seed: int, *, pairs: str = "iid", users: Ints | None = None) -> Draw:
    """Draw n decisions from the law.

    Parameters
    ----------
    law
        The platform's.
    n, seed
        Decisions, and the log's own seed.
    pairs
        "iid": users and items with replacement. "once": a random matching in which no user and no item stands twice;
        each row alone still follows the law, and intervals are right or, where n is near the population's size, wide.
    users
        (n,) users that are given instead of drawn; their items are drawn.

    Raises
    ------
    ValueError
        If n is not positive, `pairs` is unknown, or "once" asks for more rows than there are users or items.
    """
    check_count(n)
    rng = stream("decisions", law.seed, seed)
    drawn, items = _draw_pairs(law.population, n, pairs, rng)
    return draw_randomness(law, drawn if users is None else users, items, rng)


def draw_randomness(
    law: Law, users: Ints, items: Ints, rng: np.random.Generator, position: Ints | int | None = None
) -> Draw:
    """Give decisions their moments (in time order), lotteries and the uniforms behind treatment and outcomes.

    Parameters
    ----------
    position
        (n,) positions, or one for all; None draws them from the law.
    """
    n, scenario = len(users), law.funnel.scenario
    return Draw(
        law=law,
        users=users,
        items=items,
        moment=np.sort(rng.integers(YEAR, size=n)),
        lottery=rng.integers(2, size=n),
        u_treatment=rng.random(n),
        u_stage=rng.random((len(law.funnel.stages), n)),
        u_return=rng.random(n),
        noise=rng.standard_normal(n),
        position=draw_positions(scenario, n, rng) if position is None else np.broadcast_to(position, n),
    )


def check_count(n: int) -> None:
    """Refuse a number of rows that is none."""
    if n != int(n) or n <= 0:
        raise ValueError(f"n={n!r} decisions cannot be drawn; give a whole number of at least 1")


def _draw_pairs(population: Population, n: int, pairs: str, rng: np.random.Generator) -> tuple[Ints, Ints]:
    n_users, n_items = population.n_users, population.n_items
    if pairs == "iid":
        return rng.integers(n_users, size=n), rng.integers(n_items, size=n)
    if pairs != "once":
        raise ValueError(f"pairs={pairs!r} is no way to draw decisions; give 'iid' or 'once'")
    if n > min(n_users, n_items):
        raise ValueError(
            f"pairs='once' uses every user and item at most once, so n={n:,} needs as many of each, and there are "
            f"{n_users:,} users and {n_items:,} items; make the platform with n_users={n}, n_items={n}, "
            "or take pairs='iid'"
        )
    return rng.permutation(n_users)[:n], rng.permutation(n_items)[:n]


def timestamps(moment: Ints) -> pd.DatetimeIndex:
    """Timestamps from milliseconds since the start of the window's year."""
    return pd.DatetimeIndex(START.to_datetime64().astype("datetime64[ms]") + moment.astype("timedelta64[ms]"))


def node_of(timestamp: pd.Series, nodes: int) -> Ints:
    """Season node of logged moments: the inverse of how a log writes them."""
    start = START.to_datetime64().astype("datetime64[ms]")
    moment = (pd.to_datetime(timestamp).to_numpy().astype("datetime64[ms]") - start).astype(np.int64)
    return np.asarray(np.clip(moment * nodes // YEAR, 0, nodes - 1))
