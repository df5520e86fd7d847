r"""What a list is worth that a policy draws: the truth of slate estimators.

Under the position-based model the value is a sum over users, positions and items,

.. math:: V(\pi) = \frac{1}{U} \sum_u \sum_k \alpha_k \sum_i P_u(i \text{ at } k) \, E[Y(1) | u, i, p_k],

with the exact chances of `rankings` and the examination :math:`p_k`. Where a click may end the reading (`abandonment`
:math:`a`), what stands above matters: lists are drawn and each position's mean is exact given the list, its user and
its moment,

.. math:: E[Y_k | list] = o_k + s_k \prod_{j<k} (1 - a \, p_j c_j),

with the chance :math:`c_j` of a click when examined, and :math:`o_k + s_k` what is earned where nobody has left.
Every policy meets the same users, moments and random numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from causalrec_lab.estimate import Truth
from causalrec_lab.policy import Policy, checked_probabilities
from causalrec_lab.world.arguments import whole
from causalrec_lab.world.law.law import Law
from causalrec_lab.world.law.outcomes import outcome_link
from causalrec_lab.world.lists.examination import examination
from causalrec_lab.world.lists.rankings import item_at_position
from causalrec_lab.world.lists.slates import ranked
from causalrec_lab.world.logging.decisions import draw_randomness
from causalrec_lab.world.people.population import Floats, Ints, stream
from causalrec_lab.world.truths.averages import BLOCK, EXACT_CELLS
from causalrec_lab.world.truths.policies import mean_over_users, shown_means

__all__ = ["slate_value"]

LISTS = 100_000  # drawn where what stands above matters


def slate_value(
    law: Law,
    contexts: pd.DataFrame,
    policy: Policy,
    length: int,
    reward: str | None = None,
    weights: Sequence[float] | None = None,
) -> Truth:
    r"""Value of a list drawn by a policy, the sum over positions of :math:`\alpha_k` times the reward.

    Summed over users, positions and items where they are not too many; beyond, over a random part of the users; with
    `abandonment` over drawn lists. What is not summed carries its standard error.

    Parameters
    ----------
    length
        Positions of the list.
    reward
        Outcome of a shown item that counts; the scenario's `attention` by default.
    weights
        (length,) weights :math:`\alpha_k`; 1 by default.

    Raises
    ------
    ValueError
        If the policy gives a chance to fewer items than the list is long, the reward is unknown or hangs on stock, the
        weights are not one finite number a position, or items arrive or tastes move while lists are drawn.
    """
    length = whole("length", length)
    reward = law.closed_form(law.funnel.scenario.attention if reward is None else reward)
    alpha = _checked(weights, length)
    watched = law.allowed(policy)
    if law.abandonment and length > 1:
        return _drawn(law, contexts, watched, alpha, reward)

    def values(law: Law, contexts: pd.DataFrame, users: Ints) -> Floats:
        return _values(law, contexts, users, watched, alpha, reward)

    cells = EXACT_CELLS // (10 * length)
    return mean_over_users(law, contexts, values, law.population.n_users * law.population.n_items <= cells, cells)


def _checked(weights: Sequence[float] | None, length: int) -> Floats:
    found = np.ones(length) if weights is None else np.asarray(weights, dtype=np.float64)
    if found.shape != (length,) or not np.isfinite(found).all():
        raise ValueError(f"weights={weights!r}: give one finite number for each of the {length} positions")
    return found


def _values(law: Law, contexts: pd.DataFrame, users: Ints, policy: Policy, alpha: Floats, reward: str) -> Floats:
    """Value of a list for each of some users, a few at a time, shape (users,)."""
    values, n_items = np.empty(len(users)), law.population.n_items
    items = law.catalogue(law.spans[0])
    examined = examination(law.funnel.scenario, np.arange(len(alpha)))
    step = max(1, BLOCK // (n_items * len(alpha)))
    for start in range(0, len(users), step):
        rows = users[start : start + step]
        chances = checked_probabilities(policy.probabilities(contexts.iloc[rows]), n=len(rows), n_actions=n_items)
        at = item_at_position(chances[:, items], len(alpha))
        unseen, seen = (shown_means(law, rows, reward, examined=one) for one in (0.0, 1.0))
        worth = np.einsum("uki,ui->uk", at, unseen) + examined * np.einsum("uki,ui->uk", at, seen - unseen)
        values[start : start + step] = worth @ alpha
    return values


def _drawn(law: Law, contexts: pd.DataFrame, policy: Policy, alpha: Floats, reward: str) -> Truth:
    """Mean over drawn lists of what each is expected to earn."""
    if law.changes:
        raise ValueError("lists change from day to day (drift, cold or shock): take platform.on(day).truth")
    rng, length = stream("slate value", law.seed, *law.dates[:1]), len(alpha)
    users = rng.integers(law.population.n_users, size=LISTS)
    items, _ = ranked(policy, contexts, users, law.population.n_items, length, rng)
    position = np.tile(np.arange(length), LISTS)
    draw = draw_randomness(law, np.repeat(users, length), items.ravel(), rng, position, shown=True)
    pairs = law.at(draw.users, draw.items, np.repeat(draw.moment[::length], length))
    examined = examination(law.funnel.scenario, position)
    link = outcome_link(law.funnel, reward, pairs)
    stages = (law.funnel.scenario.attention, link.stage)
    click, reached = (
        law.reached(pairs, stage, (1,), lottery=draw.lottery, examined=examined, carried=1)[0] for stage in stages
    )
    reading = np.cumprod(1.0 - law.abandonment * click.reshape(-1, length), axis=1)
    still = np.column_stack([np.ones(LISTS), reading[:, :-1]])
    earned = np.broadcast_to(link.offset, len(reached)).reshape(-1, length)
    earned = earned + still * np.reshape(link.scale * reached, (-1, length))
    worth = earned @ alpha
    return Truth(float(worth.mean()), float(worth.std(ddof=1) / np.sqrt(LISTS)))
