r"""What time does to a platform: tastes that walk, items that arrive, a shock of demand.

Tastes walk at random from day to day, as in Rohde et al. (2018, "RecoGym", arXiv:1808.00720), and are scaled back so
that affinities keep variance 1: the dial moves whom a user likes, not how much is liked. The walk is built by Levy's
midpoints (Levy 1948, "Processus stochastiques et mouvement brownien"), so that any day costs at most ten draws and no
day depends on which others were asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.policy import Policy, checked_probabilities
from causalrec_lab.world.arguments import is_number
from causalrec_lab.world.people.population import Floats, Ints, Pairs, Population, stream

__all__ = [
    "DAY",
    "HORIZON",
    "SHOCK_DAYS",
    "ArrivedPolicy",
    "Calendar",
    "DatedPairs",
    "checked_days",
    "draw_arrivals",
    "unknown_until_arrival",
]

DAY = 86_400_000  # milliseconds
HORIZON = 365  # days of the window
SHOCK_DAYS = 14  # how long a shock lasts
_SPAN = 512  # power of two beyond the window, where the walk's first midpoint is taken


@dataclass(frozen=True, eq=False)
class Calendar:
    r"""The moving parts of a platform on each day d of the window, 0 to 364.

    .. math:: \theta_u(d) = c_d (\theta_u + drift \cdot W_u(d))

    with :math:`W_u` a random walk whose step changes affinities by standard deviation 1, and :math:`c_d` such that
    affinities over all pairs keep variance 1. The platform's own estimate of tastes stays that of day 0.

    Parameters
    ----------
    population
        Users and items of day 0.
    drift
        Standard deviation of an affinity's change in one day.
    shock, shock_day
        Logit by which the first stage moves on the 14 days from `shock_day` on: up for half of the categories, down for
        the others.
    arrival
        (n_items,) day on which each item arrives; 0 for those that are there from the start.
    seed
        The platform's seed.
    """

    population: Population
    drift: float
    shock: float
    shock_day: int
    arrival: Ints
    seed: int
    _known: dict[int, Floats] = field(default_factory=dict, repr=False)

    @cached_property
    def cold(self) -> bool:
        """Whether items arrive within the window."""
        return bool((self.arrival > 0).any())

    @property
    def moves(self) -> bool:
        """Whether any two days differ in more than their season."""
        return bool(self.drift or self.shock or self.cold)

    @cached_property
    def signs(self) -> Floats:
        """Which way the shock moves each category, shape (categories,): 1 or -1, half of each."""
        count = len(self.population.scenario.categories)
        return stream("shock", self.seed).permutation(np.where(np.arange(count) % 2 == 0, 1.0, -1.0))

    def arrived(self, day: int) -> Ints:
        """Items that are there on a day, in item order."""
        return np.flatnonzero(self.arrival <= day)

    def tastes(self, day: int) -> Floats:
        """True tastes of all users on a day, shape (n_users, K)."""
        theta, v = self.population.theta, self.population.v
        if not self.drift or day == 0:
            return theta
        items = v.T @ v / len(v)
        step = self.drift / np.sqrt(np.trace(items))
        moved = theta + step * self._walk(day)
        before, after = (float(np.sum((t @ items) * t)) for t in (theta, moved))
        return np.asarray(moved * np.sqrt(before / after))

    def demand(self, days: Ints | int, category: Ints) -> Floats:
        """Logit the shock adds to the first stage."""
        on = (np.asarray(days) >= self.shock_day) & (np.asarray(days) < self.shock_day + SHOCK_DAYS)
        return np.asarray(self.shock * on * self.signs[category])

    def eligible(self, items: Ints, days: Ints, rng: np.random.Generator) -> Ints:
        """Replace each item that has not arrived on its day by one that has, every one with equal chance."""
        late = np.flatnonzero(self.arrival[items] > days)
        order = np.argsort(self.arrival, kind="stable")
        count = np.searchsorted(self.arrival[order], days[late], side="right")
        chosen = items.copy()
        chosen[late] = order[(rng.random(len(late)) * count).astype(np.int64)]
        return chosen

    def _walk(self, day: int) -> Floats:
        """The random walk at a day: variance `day` in each coordinate; the last path of midpoints is kept."""
        shape = self.population.theta.shape
        path: dict[int, Floats] = {}

        def normal(at: int) -> Floats:
            return stream("tastes", self.seed, at).standard_normal(shape)

        left, right = 0, _SPAN
        low, high = np.zeros(shape), self._known.get(right)
        path[right] = high = np.sqrt(_SPAN) * normal(right) if high is None else high
        while True:
            middle = (left + right) // 2
            value = self._known.get(middle)
            if value is None:
                value = (low + high) / 2 + np.sqrt((right - left) / 4) * normal(middle)
            path[middle] = value
            if middle == day:
                break
            left, low, right, high = (middle, value, right, high) if day > middle else (left, low, middle, value)
        self._known.clear()
        self._known.update(path)
        return value


class DatedPairs(Pairs):
    """Pairs on given days: their affinity, demand and season are those of the day.

    Parameters
    ----------
    calendar
        What moves.
    users, items
        As in `Pairs`.
    days
        One day for all, or (n,) the day of each; None where days do not differ, or are not known.
    node
        Season of the pairs, one or (n,); None averages over seasons.
    """

    def __init__(
        self, calendar: Calendar, users: Ints, items: Ints, days: Ints | int | None, node: Ints | None
    ) -> None:
        super().__init__(calendar.population, users, items)
        self.calendar, self.days, self.node = calendar, days, node
        if calendar.shock and days is not None:
            self.demand = calendar.demand(days, self.category)

    @cached_property
    def affinity(self) -> Floats:
        r"""True affinity :math:`r_{ui}(d)` on its day.

        Raises
        ------
        ValueError
            If tastes walk and the day is not known.
        """
        calendar = self.calendar
        if not calendar.drift:
            return self._dot(self.population.theta, self.population.v)
        if self.days is None:
            raise ValueError("tastes walk (drift > 0) and the decisions have no 'timestamp'; keep that column")
        if np.ndim(self.days) == 0:
            return self._dot(calendar.tastes(int(self.days)), self.population.v)
        found = np.empty(len(self.users))
        for day, rows in _by_day(np.asarray(self.days)):
            found[rows] = np.einsum(
                "nk,nk->n", calendar.tastes(day)[self.users[rows]], self.population.v[self.items[rows]]
            )
        return found


def _by_day(days: Ints) -> Iterator[tuple[int, Ints]]:
    """Rows of each day that occurs, earliest first."""
    order = np.argsort(days, kind="stable")
    found, starts = np.unique(days[order], return_index=True)
    yield from zip(found.tolist(), np.split(order, starts[1:]), strict=True)


def checked_days(days: int | Iterable[int]) -> tuple[int, ...]:
    """Days of the window, each once, in order.

    Raises
    ------
    ValueError
        If there is none, or one lies outside 0 to 364.
    """
    given: Any = days
    asked = [given] if isinstance(given, str) or not isinstance(given, Iterable) else list(given)
    outside = [day for day in asked if not _is_day(day)]
    if outside or not asked:
        raise ValueError(f"days={outside or asked}: give days of the window, whole numbers from 0 to {HORIZON - 1}")
    return tuple(sorted({int(day) for day in asked}))


def _is_day(day: Any) -> bool:
    return is_number(day) and 0 <= day < HORIZON and day == int(day)


def draw_arrivals(n_items: int, cold: float, seed: int) -> Ints:
    """Day on which each item arrives: 0 for all but a share `cold`, whose days are uniform over 1 to 364."""
    arrival = np.zeros(n_items, dtype=np.int64)
    rng = stream("arrivals", seed)
    late = rng.permutation(n_items)[: round(cold * n_items)]
    arrival[late] = rng.integers(1, HORIZON, size=len(late))
    return arrival


def unknown_until_arrival(population: Population, arrival: Ints) -> Population:
    """A population whose late items have no past: never shown before, and as unpopular as the least popular item."""
    late = arrival > 0
    return replace(
        population,
        arrival=arrival,
        popularity=np.where(late, population.popularity.min(), population.popularity),
        log_popularity=np.where(late, population.log_popularity.min(), population.log_popularity),
    )


@dataclass(frozen=True, eq=False)
class ArrivedPolicy:
    """A policy kept to the items that have arrived.

    Parameters
    ----------
    policy
        Over the whole catalogue.
    arrival
        (n_items,) day of arrival.
    day
        The day; None reads the column `day` of the contexts, which a stream gives.
    spread
        True spreads the chance of items that have not arrived over the others, in proportion; False refuses it.

    Raises
    ------
    ValueError
        If no day is known, or (spread=False) an item that has not arrived has a chance, or no arrived item has one.
    """

    policy: Policy
    arrival: Ints
    day: int | None = None
    spread: bool = True

    def probabilities(self, contexts: pd.DataFrame) -> Floats:
        """(n, n_items) probabilities, 0 for what has not arrived."""
        if self.day is None and "day" not in contexts:
            raise ValueError("items arrive day by day (cold > 0), and no day is given: take platform.on(day) or stream")
        days = np.full(len(contexts), self.day) if self.day is not None else contexts["day"].to_numpy()
        chances = checked_probabilities(
            self.policy.probabilities(contexts), n=len(contexts), n_actions=len(self.arrival)
        )
        absent = self.arrival[None, :] > days[:, None]
        if not self.spread:
            self._refuse(chances, absent, days)
            return chances
        kept = np.where(absent, 0.0, chances)
        total = kept.sum(axis=1, keepdims=True)
        if (total <= 0).any():
            row = int(np.argmin(total))
            raise ValueError(f"row {row}: the policy gives no chance to any item that has arrived by day {days[row]}")
        return np.asarray(kept / total)

    def _refuse(self, chances: Floats, absent: npt.NDArray[np.bool_], days: Ints) -> None:
        early = np.argwhere((chances > 0) & absent)
        if len(early):
            row, item = early[0]
            raise ValueError(
                f"the policy gives a chance of {chances[row, item]:.3g} to item {item}, which arrives on day "
                f"{self.arrival[item]}, and it is day {days[row]}; take platform.eligible(policy)"
            )
