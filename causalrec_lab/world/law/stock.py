"""Limited stock: what one user buys, another cannot; so one decision's treatment moves another's outcome.

Items of a category lie on one shelf, which is filled anew every week with a share of what it would be expected to sell
under the platform's own rule; once it is empty, nothing of that category can be bought until the next week. The plan is
made for the traffic of the log, whose decisions share the shelves: so scarcity hardly depends on a log's length, as
long as a shelf sells several items a week (with much less than one, rounding to whole units keeps most shelves empty).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from causalrec_lab.world.law.days import DAY
from causalrec_lab.world.law.exposure import propensity
from causalrec_lab.world.people.population import Floats, Ints, stream

if TYPE_CHECKING:
    from causalrec_lab.world.law.law import Law

__all__ = ["WEEK", "available", "expected_sales", "stock"]

WEEK = 7 * DAY  # milliseconds between renewals
PLANNED_FOR = 500  # users from whom a shop plans its stock


def expected_sales(law: Law) -> Floats:
    """Sales of each category in one decision under the platform's own rule, shape (categories,).

    A mean over 500 users: a plan, part of the law, and no truth.
    """
    population = law.population
    users = stream("planning", law.seed).permutation(population.n_users)[:PLANNED_FOR]
    pairs, last = population.block(np.sort(users)), law.funnel.names[-1]
    y0, y1 = law.reached(pairs, last, (0, 1))
    exposed = 0.5 * (propensity(law.rule, pairs, 0) + propensity(law.rule, pairs, 1))
    of_items = (y0 + exposed * (y1 - y0)).mean(axis=0) / population.n_items
    categories = len(population.scenario.categories)
    return np.asarray(np.bincount(population.category, weights=of_items, minlength=categories))


def stock(law: Law, weeks: Ints) -> Ints:
    """Units on each shelf in each week, shape (weeks, categories), for decisions that fall into these weeks.

    The fraction of a unit is rounded up in its own share of the weeks.
    """
    planned = (1.0 - law.interference) * np.bincount(weeks)[:, None] * law.sales
    fraction = stream("stock", law.seed).random(len(law.sales))
    shift = np.arange(len(planned))[:, None] * 0.6180339887498949  # the golden ratio spreads fractions over the weeks
    return np.floor(planned + (fraction + shift) % 1.0).astype(np.int64)


def available(law: Law, moment: Ints, items: Ints, wanted: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Whether there is still stock when each decision comes, (n,).

    Parameters
    ----------
    moment
        (n,) milliseconds since the start of the window, in time order.
    wanted
        (n,) whether the decision would end in a sale if there is stock. Who comes first is served first.
    """
    weeks = moment // WEEK
    units = stock(law, weeks)
    shelf = weeks * units.shape[1] + law.population.category[items]
    order = np.argsort(shelf, kind="stable")
    taken = wanted[order].astype(np.int64)
    sold = np.cumsum(taken) - taken
    first = np.r_[True, shelf[order][1:] != shelf[order][:-1]]
    before = sold - np.maximum.accumulate(np.where(first, sold, 0))
    found = np.empty(len(items), dtype=bool)
    found[order] = before < units.ravel()[shelf[order]]
    return found
