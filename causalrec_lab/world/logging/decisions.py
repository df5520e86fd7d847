"""What is drawn from the law of decisions: `Draw`.

Decisions are drawn independently from a declared law on the given population: a user and an item, each with equal
chance; a moment of the law's days, uniform; a fair lottery z; a position, by the scenario's shares. Rows of one log are
therefore i.i.d. given the population, and ordinary standard errors are the right ones even though users and items
repeat. A log is written in time order. With `carry_over` or `interference` outcomes also hang on the decisions before,
and rows are no longer independent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from causalrec_lab.world.arguments import whole
from causalrec_lab.world.law.amounts import amount_drawn
from causalrec_lab.world.law.days import DAY
from causalrec_lab.world.law.exposure import propensity
from causalrec_lab.world.law.law import YEAR, Law
from causalrec_lab.world.law.outcomes import amount_location, return_chances
from causalrec_lab.world.law.stock import available
from causalrec_lab.world.lists.examination import draw_positions, examination
from causalrec_lab.world.people.population import Floats, Ints, Pairs, Population
from causalrec_lab.world.touches.shifts import touched

__all__ = ["Draw", "draw_decisions", "draw_randomness"]


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
    before: Ints | int = 0  # whether the decision before a user's first one here was treated
    assigned: Ints | None = None  # treatments of an experiment; None where the platform's own rule decides
    chance: float = 1.0  # of the treatment in that experiment
    touch: Ints | int = 0  # what goes beside each item, by its number in the scenario; 0 is nothing

    @cached_property
    def pairs(self) -> Pairs:
        """What the pairs carry, on the days of their moments."""
        return touched(self.law.funnel, self.law.at(self.users, self.items, self.moment), self.touch)

    @property
    def node(self) -> Ints:
        """Season of each decision."""
        return self.moment * self.law.funnel.scenario.nodes // YEAR

    @property
    def day(self) -> Ints:
        """Day of the window of each decision."""
        return self.moment // DAY

    @cached_property
    def propensity(self) -> Floats:
        """True P(T = 1) of each decision, given its lottery."""
        if self.assigned is not None:
            return np.full(len(self.users), self.chance)
        return propensity(self.law.rule, self.pairs, self.lottery)

    @cached_property
    def treated(self) -> Ints:
        """Treatment: 1 where the uniform lies below the propensity, or as it was assigned."""
        return (self.u_treatment < self.propensity).astype(np.int64) if self.assigned is None else self.assigned

    @cached_property
    def carried(self) -> Ints:
        """Whether the decision before it of the same user was treated, (n,)."""
        order = np.argsort(self.users, kind="stable")  # in time order within users
        users, treated = self.users[order], self.treated[order]
        first = np.r_[True, users[1:] != users[:-1]]
        before = np.broadcast_to(self.before, len(users))[order]
        found = np.empty_like(treated)
        found[order] = np.where(first, before, np.r_[0, treated[:-1]])
        return found

    @cached_property
    def in_stock(self) -> npt.NDArray[np.bool_]:
        """Whether the item is there to be bought, given what the decisions before it bought, (n,)."""
        if not self.law.interference:
            return np.ones(len(self.users), dtype=bool)
        *_, (_, wanted) = self._passed(self.treated)
        return available(self.law, self.moment, self.items, wanted)

    def outcomes(self, treated: Ints | int) -> dict[str, Floats | Ints]:
        """Outcomes under a treatment, by name, in the order of the funnel; the decisions before it are as they were."""
        drawn: dict[str, Floats | Ints] = {name: alive.astype(np.int64) for name, alive in self._passed(treated)}
        if self.law.interference:
            last = self.law.funnel.names[-1]
            drawn[last] = drawn[last] * self.in_stock
        return drawn | self._beyond(drawn)

    def _passed(self, treated: Ints | int) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
        """Name of each stage, and who passed it and all before it, were nothing out of stock."""
        law, funnel = self.law, self.law.funnel
        pairs = self.pairs.moved(law.carry_over * self.carried.astype(np.float64)) if law.carry_over else self.pairs
        season = funnel.season(self.node, pairs.category)
        tau = funnel.effect_logit(pairs) * treated
        alive = np.ones(len(self.users), dtype=bool)
        examined = examination(funnel.scenario, self.position)
        for number, stage in enumerate(funnel.stages):
            logit = funnel.stage_logit(stage, pairs, self.lottery) + stage.season * season + stage.treatment * tau
            alive = alive & (self.u_stage[number] * (1.0 + np.exp(-logit)) < (1.0 if number else examined))
            yield stage.name, alive

    def _beyond(self, drawn: dict[str, Floats | Ints]) -> dict[str, Floats | Ints]:
        """Amount, return, and what is earned where something is sold, given the funnel."""
        funnel = self.law.funnel
        amount, retention = funnel.scenario.amount, funnel.scenario.retention
        size = amount_drawn(amount, np.asarray(amount_location(funnel, self.pairs)), self.noise)
        without, reached = return_chances(funnel, self.pairs)
        chance = np.where(drawn[retention.after] == 1, reached, without)
        beyond: dict[str, Floats | Ints] = {
            amount.name: size * drawn[amount.after],
            retention.name: (self.u_return < chance).astype(np.int64),
        }
        if (earned := funnel.scenario.cost.earned) is not None:
            beyond[earned] = self.law.population.cost[self.items] * drawn[funnel.names[-1]]
        return beyond


def draw_decisions(
    law: Law,
    n: int,
    seed: int,
    *,
    pairs: str = "iid",
    users: Ints | None = None,
    moment: Ints | None = None,
    purpose: str = "decisions",
) -> Draw:
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
    moment
        (n,) moments that are given instead of drawn, in time order.
    purpose
        Name of the random stream: draws of other purposes are independent.

    Raises
    ------
    ValueError
        If n is not positive, `pairs` is unknown, or "once" asks for more rows than there are users or items, or is
        asked for while items arrive.
    """
    n = whole("n", n)
    rng = law.stream(purpose, seed)
    drawn, items = _draw_pairs(law.population, n, pairs, rng)
    draw = draw_randomness(law, drawn if users is None else users, items, rng, moment=moment)
    if not law.calendar.cold:
        return draw
    if pairs == "once":
        raise ValueError("pairs='once' uses all items at any time, and with cold > 0 some come later; take pairs='iid'")
    late = law.stream("items of a log that had not arrived", seed)
    return replace(draw, items=law.calendar.eligible(items, draw.day, late))


def draw_randomness(
    law: Law,
    users: Ints,
    items: Ints,
    rng: np.random.Generator,
    position: Ints | int | None = None,
    *,
    shown: bool = False,
    moment: Ints | None = None,
) -> Draw:
    """Give decisions their moments (in time order), lotteries and the uniforms behind treatment and outcomes.

    Parameters
    ----------
    position
        (n,) positions, or one for all; None draws them from the law.
    shown
        True where a policy shows every item, so that every decision is treated; False leaves it to the law's own rule.
    moment
        (n,) moments in time order; None draws them from the law.
    """
    n, scenario = len(users), law.funnel.scenario
    draw = Draw(
        law=law,
        users=users,
        items=items,
        moment=law.moments(n, rng) if moment is None else moment,
        lottery=rng.integers(2, size=n),
        u_treatment=rng.random(n),
        u_stage=rng.random((len(law.funnel.stages), n)),
        u_return=rng.random(n),
        noise=rng.standard_normal(n),
        position=draw_positions(scenario, n, rng) if position is None else np.broadcast_to(position, n),
    )
    if shown:
        return replace(draw, assigned=np.ones(n, dtype=np.int64), before=1)
    if law.carry_over:
        return replace(draw, before=(rng.random(n) < law.exposed_before[users]).astype(np.int64))
    return draw


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
