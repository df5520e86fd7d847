r"""What could have been shown and was not: candidates of each request, sampled with known probability.

A request is a user at a time; a pool holds the items that could have been shown then. All pairs of a log would be
requests times items, so of each pool k draws are made with replacement, repeats dropped. An item of a pool of m is then
among them with probability

.. math:: \pi = 1 - (1 - 1/m)^k,

and weighted by :math:`1 / \pi` (Horvitz and Thompson 1952, "A generalization of sampling without replacement from a
finite universe", JASA 47) the sample stands for all of the pool: weighted means and weighted estimators are those of
the full table. Shown items are all kept, with weight 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from causalrec_lab.data.building.durations import block
from causalrec_lab.data.building.portable_draws import key, portable, scrambled

if TYPE_CHECKING:
    from ibis.expr.types.relations import Table  # type: ignore[attr-defined]

__all__ = ["blocks", "candidates", "pool_of", "requests_of_impressions", "visits"]

_PAIR = ("user_id", "item_id", "timestamp")


def blocks(times: Any, length: Any) -> Any:
    """Number of the window each time lies in; a single one where there is no window."""
    import ibis

    return ibis.literal(0, "int64") if length is None else block(times, length)


def requests_of_impressions(impressions: Table, request: str | None) -> Table:
    """Impressions with the time of their request: its earliest, where an id says which belong together."""
    if request is None:
        return impressions
    start = impressions.group_by(["user_id", request]).agg(timestamp=impressions.timestamp.min())
    return impressions.drop("timestamp").join(start, ["user_id", request])


def visits(events: Table, exposure: str, length: Any) -> tuple[Table, Table]:
    """Read an event log as visits: the first event of each user in each window, and what was shown in that window."""
    placed = events.mutate(block=block(events.timestamp, length))
    visit = placed.group_by(["user_id", "block"]).agg(timestamp=placed.timestamp.min())
    exposed = placed.filter(placed.event == exposure).select("user_id", "item_id", "block").distinct()
    return visit, exposed.join(visit, ["user_id", "block"]).select(*_PAIR, "block")


def pool_of(seen: Table, requests: Table, comparable: str) -> Table:
    """Items that could have been shown: columns block, category where it matters, and item_id.

    "shown": those shown to anybody in the same block of time; "category": those among them of a category; "available":
    all from the block where they are first seen to that where they are last seen.
    """
    if comparable != "available":
        return seen.select(*_strata(comparable), "item_id").distinct()
    life = seen.group_by("item_id").agg(first=seen.block.min(), last=seen.block.max())
    when = requests.select("block").distinct()
    alive = when.join(life, [when.block >= life["first"], when.block <= life["last"]])
    return alive.select("block", "item_id")


def candidates(requests: Table, shown: Table, pool: Table, comparable: str, draws: int | None, seed: int) -> Table:
    """Rows shown (treated 1, weight 1) and comparable ones not shown (treated 0, weight 1 / inclusion probability).

    Parameters
    ----------
    requests
        user_id, timestamp, block and, where it matters, category.
    shown
        user_id, item_id, timestamp of what was shown.
    pool
        As `pool_of` gives it.
    comparable
        Which of its rules the pool follows.
    draws
        k of the equation; None: every item of the pool.
    seed
        Of the draws.
    """
    import ibis

    strata = _strata(comparable)
    taken = shown.select(*_PAIR).distinct()
    asked = requests.select("user_id", "timestamp", *strata).distinct()
    if draws is None:
        others = asked.join(pool, strata).mutate(weight=ibis.literal(1.0))
    else:
        others = _drawn(asked, pool, strata, draws, seed)
    untreated = others.select(*_PAIR, "weight").anti_join(taken, list(_PAIR))
    rows = taken.mutate(treated=_whole(1), weight=ibis.literal(1.0))
    return rows.union(untreated.mutate(treated=_whole(0)).select(*_PAIR, "treated", "weight"))


def _drawn(asked: Table, pool: Table, strata: list[str], draws: int, seed: int) -> Table:
    import ibis

    placed = pool.mutate(
        place=ibis.row_number().over(group_by=strata, order_by=portable(pool.item_id)).cast("int64"),
        size=pool.count().over(group_by=strata).cast("int64"),
    )
    sizes = placed.select(*strata, "size").distinct()
    turns = ibis.memtable(pd.DataFrame({"turn": range(draws)}), schema={"turn": "int64"})
    asking = asked.join(sizes, strata).cross_join(turns)
    stratum = [key(asking[name]) for name in strata]
    number = scrambled(seed, key(asking.user_id), key(asking.timestamp), *stratum, asking.turn)
    found = asking.mutate(place=number % asking["size"]).join(placed.drop("size"), [*strata, "place"])
    missed = (1.0 - 1.0 / found["size"].cast("float64")) ** float(draws)
    return found.mutate(weight=1.0 / (1.0 - missed)).select(*_PAIR, "weight").distinct()


def _strata(comparable: str) -> list[str]:
    return ["block", "category"] if comparable == "category" else ["block"]


def _whole(value: int) -> Any:
    import ibis

    return ibis.literal(value, "int64")
