r"""Ranked lists that a policy shows, with exact propensities, and what they earn.

A list is drawn without replacement from the policy's own probabilities (Plackett 1975, "The Analysis of Permutations",
Applied Statistics 24), so the chance of its k-th item is :math:`\pi_k / (1 - \sum_{j<k} \pi_j)`. Positions are examined
as in `examination`, the first always; with `abandonment`, a click may end the reading of the list. Of what is not
examined no stage is passed.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from causalrec_lab.policy import BanditLog, Policy, checked_probabilities
from causalrec_lab.world.law.days import DAY
from causalrec_lab.world.law.law import Law, timestamps
from causalrec_lab.world.law.outcomes import check_outcome
from causalrec_lab.world.logging.decisions import Draw, draw_randomness
from causalrec_lab.world.people.population import Floats, Ints

__all__ = ["bandit_log", "drawn_actions", "ranked", "slate_log", "streamed_bandit_log"]

CELLS = 2_000_000  # probabilities held at once


def drawn_actions(
    policy: Policy, contexts: pd.DataFrame, users: Ints, n_items: int, rng: np.random.Generator
) -> tuple[Ints, Floats]:
    """One action a round and its exact probability.

    Parameters
    ----------
    policy
        Asked once for each user, in chunks.
    contexts
        One row a user, in user order.
    users
        (n,) user of each round.

    Raises
    ------
    ValueError
        If the policy's probabilities are no distributions over the catalogue.
    """
    action, propensity = np.empty(len(users), dtype=np.int64), np.empty(len(users))
    asked, which = np.unique(users, return_inverse=True)
    uniform, order = rng.random(len(users)), np.argsort(which, kind="stable")
    step = max(1, CELLS // n_items)
    for start in range(0, len(asked), step):
        rows = asked[start : start + step]
        chances = checked_probabilities(policy.probabilities(contexts.iloc[rows]), n=len(rows), n_actions=n_items)
        low, high = np.searchsorted(which[order], (start, start + step))
        rounds = order[low:high]
        local = which[rounds] - start
        action[rounds] = _inverse(chances, local, uniform[rounds])
        propensity[rounds] = chances[local, action[rounds]]
    return action, propensity


def _inverse(chances: Floats, row: Ints, uniform: Floats) -> Ints:
    """Column where each row's cumulative probability passes a uniform number, in one search over all rows."""
    edges = np.cumsum(chances, axis=1)
    edges /= edges[:, -1:]
    edges += np.arange(len(edges))[:, None]
    return np.asarray(np.searchsorted(edges.ravel(), row + uniform, side="right") - row * chances.shape[1])


def bandit_log(
    law: Law,
    policy: Policy,
    contexts: pd.DataFrame,
    n: int,
    seed: int,
    reward: str | None,
) -> BanditLog:
    """Log n rounds with one shown item each: user uniform, action by the policy, reward of the shown item."""
    reward = check_outcome(law.funnel, reward, law.funnel.scenario.attention)
    rng = law.stream("bandit", seed)
    users = rng.integers(law.population.n_users, size=n)
    action, propensity = drawn_actions(policy, contexts, users, law.population.n_items, rng)
    earned = draw_randomness(law, users, action, rng, position=0, shown=True).outcomes(1)[reward]
    return BanditLog(
        contexts=contexts.iloc[users].reset_index(drop=True),
        action=action,
        reward=np.asarray(earned, dtype=np.float64),
        propensity=propensity,
        n_actions=law.population.n_items,
        position=np.zeros(n, dtype=np.int64),
    )


def streamed_bandit_log(
    law: Law, policy: Policy, contexts: pd.DataFrame, moment: Ints, seed: int, reward: str | None
) -> BanditLog:
    """Log rounds with one shown item each at given moments; the policy is asked once a day, with the column `day`.

    Parameters
    ----------
    moment
        (n,) milliseconds since the start of the window, in time order.
    """
    reward = check_outcome(law.funnel, reward, law.funnel.scenario.attention)
    rng, n_items = law.stream("bandit", seed), law.population.n_items
    users, day = rng.integers(law.population.n_users, size=len(moment)), moment // DAY
    action, propensity, seen = np.empty(len(users), dtype=np.int64), np.empty(len(users)), []
    for today in np.unique(day).tolist():
        rows = slice(*np.searchsorted(day, (today, today + 1)))
        known = contexts.assign(day=today)
        watched = law.on([today]).allowed(policy)
        action[rows], propensity[rows] = drawn_actions(watched, known, users[rows], n_items, rng)
        seen.append(known.iloc[users[rows]])
    earned = draw_randomness(law, users, action, rng, position=0, shown=True, moment=moment).outcomes(1)[reward]
    return BanditLog(
        contexts=pd.concat(seen, ignore_index=True),
        action=action,
        reward=np.asarray(earned, dtype=np.float64),
        propensity=propensity,
        n_actions=n_items,
        position=np.zeros(len(users), dtype=np.int64),
    )


def slate_log(
    law: Law,
    policy: Policy,
    contexts: pd.DataFrame,
    n: int,
    seed: int,
    reward: str | None,
    length: int,
) -> pd.DataFrame:
    """Log n lists of `length` items each: one row a slot.

    Returns
    -------
    DataFrame with slate_id, user_id, timestamp, position (0 first), item_id, propensity (of the item, given the items
    above it), slate_propensity (of the whole list), reward.

    Raises
    ------
    ValueError
        If the list is longer than the items to which the policy gives a chance.
    """
    reward = check_outcome(law.funnel, reward, law.funnel.scenario.attention)
    rng = law.stream("slates", seed)
    users = rng.integers(law.population.n_users, size=n)
    items, propensity = ranked(policy, contexts, users, law.population.n_items, length, rng)
    position = np.tile(np.arange(length), n)
    draw = draw_randomness(law, np.repeat(users, length), items.ravel(), rng, position, shown=True)
    draw = replace(draw, moment=np.repeat(draw.moment[::length], length))  # a list has one moment
    draw = _abandoned(draw, length, law.stream("abandonment", seed)) if law.abandonment else draw
    return pd.DataFrame(
        {
            "slate_id": np.repeat(np.arange(n), length),
            "user_id": draw.users,
            "timestamp": timestamps(draw.moment),
            "position": position,
            "item_id": draw.items,
            "propensity": propensity.ravel(),
            "slate_propensity": np.repeat(propensity.prod(axis=1), length),
            "reward": np.asarray(draw.outcomes(1)[reward], dtype=np.float64),
        }
    )


def _abandoned(draw: Draw, length: int, rng: np.random.Generator) -> Draw:
    """The same draw where nobody examines what stands below the click that ended the reading."""
    clicked = np.asarray(draw.outcomes(1)[draw.law.funnel.scenario.attention]).reshape(-1, length)
    ended = (clicked == 1) & (rng.random(clicked.shape) < draw.law.abandonment)
    unread = (np.cumsum(ended, axis=1) - ended > 0).ravel()
    first = np.where(unread, np.inf, draw.u_stage[0])
    return replace(draw, u_stage=np.vstack([first, draw.u_stage[1:]]))


def ranked(
    policy: Policy, contexts: pd.DataFrame, users: Ints, n_items: int, length: int, rng: np.random.Generator
) -> tuple[Ints, Floats]:
    """Plackett-Luce lists of users by Gumbel's trick, and each item's probability given those above it: (n, length)."""
    items, propensity = np.empty((len(users), length), dtype=np.int64), np.empty((len(users), length))
    step = max(1, CELLS // n_items)
    for start in range(0, len(users), step):
        rows = users[start : start + step]
        chances = checked_probabilities(policy.probabilities(contexts.iloc[rows]), n=len(rows), n_actions=n_items)
        fewest = int((chances > 0).sum(axis=1).min())
        if fewest < length:
            raise ValueError(
                f"length={length}: the policy gives a chance to only {fewest} items for some user; "
                f"take length <= {fewest}, or a policy that can show more"
            )
        with np.errstate(divide="ignore"):
            scores = np.log(chances) + rng.gumbel(size=chances.shape)
        top = np.argsort(-scores, axis=1, kind="stable")[:, :length]
        picked = np.take_along_axis(chances, top, axis=1)
        above = np.cumsum(picked, axis=1) - picked
        items[start : start + step] = top
        propensity[start : start + step] = np.minimum(picked / (1.0 - above), 1.0)
    return items, propensity
