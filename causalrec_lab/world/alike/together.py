"""Which items are taken by the same users: in a log, on a platform like it, and by chance."""

from __future__ import annotations

import numpy as np
import pandas as pd

from causalrec_lab.world.alike.rows import Rows
from causalrec_lab.world.alike.shape import interactions
from causalrec_lab.world.alike.statistics import co_lifts
from causalrec_lab.world.people.population import Floats, Ints, stream
from causalrec_lab.world.platform import Platform

__all__ = ["lifts_of", "platform_interactions", "taken_together"]

MOST_USERS = 2_000
_FEWEST = 1.5  # items a user, below which nothing is taken together


def taken_together(rows: Rows, platform: Platform, seed: int) -> dict[str, Floats]:
    """Log2 lifts of pairs of items in the log, on the platform, and on the platform if tastes did not matter.

    Parameters
    ----------
    rows
        The log; its users are a sample of 2,000 where there are more.
    platform
        As many users of it take as many items each on average, by their activity; see `platform_interactions`.
    seed
        Of the samples.

    Returns
    -------
    "log", "platform" and "independence"; empty where the log has no users, or one item each.
    """
    found = _pairs(rows, seed)
    if found is None:
        return {}
    users, items = found
    each = len(np.unique(users * (int(items.max()) + 1) + items)) / len(np.unique(users))
    if each < _FEWEST:
        return {}
    lifts = {"log": co_lifts(users, items)}
    n = min(len(np.unique(users)), platform.population.n_users)
    for name, taste in (("platform", 1.0), ("independence", 0.0)):
        lifts[name] = co_lifts(*platform_interactions(platform, each, n, seed, taste=taste))
    return lifts


def lifts_of(lifts: Floats) -> tuple[float, float]:
    """Mean and standard deviation of log2 lifts; nan where no pair was frequent enough."""
    return (float(lifts.mean()), float(lifts.std())) if len(lifts) else (float("nan"), float("nan"))


def platform_interactions(
    platform: Platform, each: float, n_users: int, seed: int, *, taste: float = 1.0
) -> tuple[Ints, Ints]:
    r"""Codes of users and items of what a platform's users would take: an ordinary log of interactions.

    A user takes items in proportion to activity, `each` on average, without repeats, by Plackett and Luce's rule with
    scores :math:`taste \cdot \hat r_{ui} + \log pop_i`: what is popular and what the platform thinks they like.

    Parameters
    ----------
    platform
        Whose population it is.
    each
        Items a user, on average.
    n_users
        Users, the population's first ones.
    seed
        Of the draw.
    taste
        Weight of the platform's own affinities; 0 makes items independent given popularity and activity.
    """
    population, rng = platform.population, stream("likeness interactions", seed)
    active = population.activity[:n_users]
    count = np.clip(np.rint(each * active / active.mean()), 1, population.n_items).astype(np.int64)
    items: list[Ints] = []
    for start in range(0, n_users, 200):
        users = np.arange(start, min(start + 200, n_users))
        score = taste * (population.theta_hat[users] @ population.v_hat.T) + population.log_popularity
        order = np.argsort(-(score + rng.gumbel(size=score.shape)), axis=1)
        items.extend(row[:k] for row, k in zip(order, count[users], strict=True))
    return np.repeat(np.arange(n_users), count), np.concatenate(items).astype(np.int64)


def _pairs(rows: Rows, seed: int) -> tuple[Ints, Ints] | None:
    taken = interactions(rows)
    if not {"user_id", "item_id"} <= set(taken) or not len(taken):
        return None
    users, items = (pd.factorize(taken[key])[0].astype(np.int64) for key in ("user_id", "item_id"))
    if users.max() >= MOST_USERS:
        chosen = stream("likeness users", seed).choice(int(users.max()) + 1, size=MOST_USERS, replace=False)
        kept = np.isin(users, chosen)
        users, items = users[kept], items[kept]
    return users, items
