"""The law of decisions: everything that decides what a log holds, and over which days of the window."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.policy import Policy
from causalrec_lab.world.law import stock
from causalrec_lab.world.law.days import DAY, HORIZON, ArrivedPolicy, Calendar, DatedPairs
from causalrec_lab.world.law.exposure import propensity
from causalrec_lab.world.law.outcomes import Funnel, check_outcome
from causalrec_lab.world.lists.examination import mean_examination
from causalrec_lab.world.people.population import Floats, Ints, Pairs, Population, stream
from causalrec_lab.world.scenarios.scenario import Exposure

__all__ = ["START", "YEAR", "Law", "Span", "moments_of", "timestamps"]

YEAR = HORIZON * DAY  # milliseconds
START = pd.Timestamp("2025-01-01")
CELLS = 2_000_000  # propensities held at once


@dataclass(frozen=True)
class Span:
    """A part of the law's time in which nothing changes: one day, and one season where a day has two.

    Parameters
    ----------
    day
        None where days do not differ.
    node
        Season; None averages over all seasons.
    share
        Of the law's time; shares sum to 1.
    """

    day: int | None
    node: int | None
    share: float


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
    calendar
        What moves from day to day.
    days
        Days the decisions fall on, each with the same chance; None for the whole window.
    carry_over
        Logit that the user's decision before, if treated, adds to the first stage.
    interference
        Share of a category's expected sales that is not in stock; 0 for unlimited stock.
    abandonment
        Chance that who clicks in a list reads no further.
    """

    population: Population
    funnel: Funnel
    rule: Exposure
    seed: int
    calendar: Calendar
    days: tuple[int, ...] | None = None
    carry_over: float = 0.0
    interference: float = 0.0
    abandonment: float = 0.0

    def at(self, users: Ints, items: Ints, moment: Ints | None = None) -> Pairs:
        """Pairs of a log, on the days of their moments; without moments, only what does not change is known."""
        if moment is None:
            return DatedPairs(self.calendar, users, items, None, None)
        node = moment * self.funnel.scenario.nodes // YEAR
        return DatedPairs(self.calendar, users, items, moment // DAY, node)

    def block(self, users: Ints, span: Span) -> Pairs:
        """All pairs of some users with every item that has arrived, in a span of the law's time."""
        return self.within(users[:, None], self.catalogue(span)[None, :], span)

    def catalogue(self, span: Span) -> Ints:
        """Items that are there in a span of the law's time, in item order."""
        return np.arange(self.population.n_items) if span.day is None else self.calendar.arrived(span.day)

    def within(self, users: Ints, items: Ints, span: Span) -> Pairs:
        """Some pairs in a span of the law's time."""
        if span.day is None and span.node is None:
            return Pairs(self.population, users, items)
        node = None if span.node is None else np.asarray(span.node)
        return DatedPairs(self.calendar, users, items, span.day, node)

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        """The law's time in spans in which nothing changes."""
        moves, nodes = self.calendar.moves, self.funnel.scenario.nodes
        if self.days is None and not moves:
            return (Span(None, None, 1.0),)
        shares: dict[tuple[int | None, int], float] = {}
        for day in self.dates:
            for node, share in _seasons_of(day, nodes):
                key = (day if moves else None, node)
                shares[key] = shares.get(key, 0.0) + share / len(self.dates)
        return tuple(Span(day, node, share) for (day, node), share in shares.items())

    @property
    def dates(self) -> tuple[int, ...]:
        """Days the decisions fall on."""
        return tuple(range(HORIZON)) if self.days is None else self.days

    @property
    def changes(self) -> bool:
        """Whether the law's days differ in more than their season."""
        return self.calendar.moves and len(set(self.dates)) > 1

    def allowed(self, policy: Policy) -> Policy:
        """A policy that is refused where it shows what has not arrived; the policy itself where nothing arrives.

        Raises
        ------
        TypeError
            If it is no policy.
        """
        if not isinstance(policy, Policy):
            raise TypeError(f"policy={policy!r} has no `probabilities(contexts)`; platform.logging_policy() gives one")
        if not self.calendar.cold:
            return policy
        return ArrivedPolicy(policy, self.calendar.arrival, None if self.changes else self.dates[0], spread=False)

    def on(self, days: Iterable[int]) -> Law:
        """The same law on other days."""
        return replace(self, days=tuple(days))

    def stream(self, purpose: str, seed: int) -> np.random.Generator:
        """Random generator of one purpose, independent over purposes, seeds and days of the law."""
        if self.days is None:
            return stream(purpose, self.seed, seed)
        first, last, count = self.days[0], self.days[-1], len(self.days)
        gaps = () if last - first == count - 1 else (zlib.crc32(repr(self.days).encode()),)
        return stream(purpose, self.seed, seed, 1 + first, count, *gaps)

    def moments(self, n: int, rng: np.random.Generator) -> Ints:
        """Moments of n decisions, in time order."""
        if self.days is None:
            return np.sort(rng.integers(YEAR, size=n))
        return np.sort(np.asarray(self.days)[rng.integers(len(self.days), size=n)] * DAY + rng.integers(DAY, size=n))

    def reached(
        self,
        pairs: Pairs,
        last: str,
        treated: Iterable[int | Ints],
        *,
        lottery: npt.ArrayLike = 0.0,
        examined: Floats | float | None = None,
        carried: npt.ArrayLike | None = None,
    ) -> list[Floats]:
        """P(stage `last` is reached) for each treatment, as `Funnel.reached`, with what the decision before carries.

        Parameters
        ----------
        examined
            As in `Funnel.reached`; None averages over positions.
        carried
            Whether the user's decision before was treated; None averages over the platform's own rule.
        """
        factor = mean_examination(self.funnel.scenario) if examined is None else examined
        asked = tuple(treated)

        def given(pairs: Pairs) -> list[Floats]:
            return self.funnel.reached(pairs, last, asked, node=pairs.node, lottery=lottery, examined=factor)

        if not self.carry_over:
            return given(pairs)
        if carried is not None:
            return given(pairs.moved(self.carry_over * np.asarray(carried, dtype=np.float64)))
        share = self.exposed_before[pairs.users]
        after, without = given(pairs.moved(self.carry_over)), given(pairs)
        return [share * one + (1.0 - share) * other for one, other in zip(after, without, strict=True)]

    @cached_property
    def exposed_before(self) -> Floats:
        """Chance that a user's decision before was treated, under the platform's own rule, shape (n_users,)."""
        population, found = self.population, np.empty(self.population.n_users)
        step = max(1, CELLS // population.n_items)
        for start in range(0, population.n_users, step):
            pairs = population.block(np.arange(start, min(start + step, population.n_users)))
            mean = 0.5 * (propensity(self.rule, pairs, 0) + propensity(self.rule, pairs, 1))
            found[start : start + step] = mean.mean(axis=1)
        return found

    @cached_property
    def sales(self) -> Floats:
        """Sales expected of each category in one decision, which stock is planned by, shape (categories,)."""
        return stock.expected_sales(self)

    def scarce(self, outcome: str) -> bool:
        """Whether limited stock can keep an outcome from happening."""
        return bool(self.interference) and self.stage_of(outcome) == self.funnel.names[-1]

    def stage_of(self, outcome: str) -> str:
        """Stage of the funnel an outcome hangs on."""
        scenario = self.funnel.scenario
        after = {scenario.amount.name: scenario.amount.after, scenario.retention.name: scenario.retention.after}
        return self.funnel.names[-1] if outcome == scenario.cost.earned else after.get(outcome, outcome)

    def closed_form(self, outcome: str | None) -> str:
        """Name of the outcome, if its means are those of single decisions.

        Raises
        ------
        ValueError
            If the outcome is unknown, or hangs on stock that other decisions share.
        """
        outcome = check_outcome(self.funnel, outcome)
        if self.scarce(outcome):
            raise ValueError(
                f"interference={self.interference:g}: {outcome!r} of one decision hangs on what others bought, so no "
                "mean over single decisions is its truth; take truth.direct_effect or truth.global_effect with n=, the "
                "number of decisions that share the stock"
            )
        return outcome


def _seasons_of(day: int, nodes: int) -> list[tuple[int, float]]:
    """Seasons of a day and the share of the day in each: seasons change within a day where nodes do not divide 365."""
    first, last = day * nodes // HORIZON, ((day + 1) * nodes - 1) // HORIZON
    edges = [max(day, node * HORIZON / nodes) for node in range(first, last + 1)] + [day + 1.0]
    return [(first + k, edges[k + 1] - edges[k]) for k in range(last - first + 1)]


def timestamps(moment: Ints) -> pd.DatetimeIndex:
    """Timestamps from milliseconds since the start of the window's year."""
    return pd.DatetimeIndex(START.to_datetime64().astype("datetime64[ms]") + moment.astype("timedelta64[ms]"))


def moments_of(timestamp: pd.Series) -> Ints:
    """Milliseconds since the start of the window of logged moments: how a log writes them, backwards.

    Clocks with a zone are read in UTC; a day beyond either end, as another zone's clock would have it, is its last.

    Raises
    ------
    ValueError
        If a time is missing, or no time of the window.
    """
    times = pd.to_datetime(timestamp, errors="coerce", utc=True, format="mixed").dt.tz_localize(None)
    if times.isna().any():
        row = int(np.argmax(times.isna().to_numpy()))
        raise ValueError(
            f"column 'timestamp' has no time at row {row}; drop that row, or the column to average over it"
        )
    start = START.to_datetime64().astype("datetime64[ms]")
    moment = (times.to_numpy().astype("datetime64[ms]") - start).astype(np.int64)
    outside = (moment < -DAY) | (moment >= YEAR + DAY)
    if outside.any():
        row = int(np.argmax(outside))
        raise ValueError(
            f"column 'timestamp' has {int(outside.sum())} times outside the window, {HORIZON} days from "
            f"{START:%Y-%m-%d} on, first at row {row}: {times.iloc[row]}; was the log made by another platform?"
        )
    return np.asarray(np.clip(moment, 0, YEAR - 1))
