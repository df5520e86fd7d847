r"""What recommendations are worth with what goes beside them: the truth of policies over touches.

.. math:: V(\rho, \pi) = \frac{1}{U} \sum_u \sum_i \rho(i | u) \sum_k \pi(k | u, i) \, E[Y(k) | u, i]

with the ranking :math:`\rho`, the policy over touches :math:`\pi`, and :math:`Y(k)` the outcome of an item that is
shown with touch k. Pairs that the ranking never shows are left out, so that a short list is judged at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab.estimate import Truth
from causalrec_lab.policy import Policy, checked_probabilities
from causalrec_lab.world.law.law import Law
from causalrec_lab.world.people.population import Floats, Ints, Pairs, stream
from causalrec_lab.world.touches.choosing import offer_contexts, touch_number
from causalrec_lab.world.touches.shifts import TOUCH_COST, touched
from causalrec_lab.world.truths.groups import grouping
from causalrec_lab.world.truths.policies import mean_over_users, mean_when_shown, ranking_chances

__all__ = ["touch_effect", "touch_value"]

CELLS = 10_000_000  # pairs that are summed; beyond, a random part of the users is asked
BLOCK = 1 << 18  # pairs asked about at once


@dataclass(frozen=True, eq=False)
class _Offers:
    """Recommendations that can happen: pairs with their chance under the ranking; `row` numbers the users asked."""

    row: Ints
    users: Ints
    items: Ints
    chance: Floats


def touch_value(law: Law, contexts: pd.DataFrame, ranking: Policy, touch: Policy, reward: str | None = None) -> Truth:
    """Value of showing one item by a ranking, with a touch by a policy.

    Summed over all pairs where there are at most ten million; beyond, over all items of a random part of the users,
    with the standard error of their mean.

    Parameters
    ----------
    reward
        An outcome, the scenario's `attention` by default; or "touch_cost".

    Raises
    ------
    ValueError
        If a policy's probabilities are no distributions, or the reward is unknown or hangs on stock.
    """
    if reward != TOUCH_COST:
        reward = law.closed_form(law.funnel.scenario.attention if reward is None else reward)

    def values(law: Law, contexts: pd.DataFrame, users: Ints) -> Floats:
        found = np.zeros(len(users))
        for offers in _offers(law, contexts, users, ranking):
            worth = _worth(law, contexts, offers, touch, reward)
            found += np.bincount(offers.row, weights=offers.chance * worth, minlength=len(users))
        return found

    return mean_over_users(law, contexts, values, _summed(law), CELLS)


def touch_effect(
    law: Law,
    contexts: pd.DataFrame,
    ranking: Policy,
    name: str,
    reward: str | None = None,
    by: str | Sequence[Any] | None = None,
    bins: int = 4,
) -> pd.DataFrame:
    r"""Effect of a touch on what is shown, :math:`E_\rho[Y(k) - Y(none)]`, by group.

    Returns
    -------
    DataFrame with columns value, std_error (0 where summed) and share of the recommendations, indexed by group; one row
    where `by` is None. Groups that are never shown anything have no value.

    Raises
    ------
    ValueError
        If the touch, the reward or the column is unknown, or labels are not one a user.
    """
    number = touch_number(law.funnel.scenario, name)
    reward = law.closed_form(law.funnel.scenario.attention if reward is None else reward)
    labels, codes = _groups(law, by, bins)
    above, below = [], []  # one entry a day the law is asked about, (users asked, groups)
    for today, known, users in _asked(law, contexts):
        size = len(users) * len(labels)
        sums = np.zeros((2, size))
        for offers in _offers(today, known, users, ranking):
            cell = offers.row * len(labels) + codes(law.population.at(offers.users, offers.items))
            gain = _means(today, offers, number, reward) - _means(today, offers, 0, reward)
            sums[0] += np.bincount(cell, weights=offers.chance * gain, minlength=size)
            sums[1] += np.bincount(cell, weights=offers.chance, minlength=size)
        above.append(sums[0].reshape(len(users), -1))
        below.append(sums[1].reshape(len(users), -1))
    return _ratios(np.array(above), np.array(below), law.population.n_users, labels)


def _ratios(above: Floats, below: Floats, n_users: int, labels: list[Any]) -> pd.DataFrame:
    """Ratios of sums over days and users, (days, users asked, groups), with the error of a random part of the users.

    Each day asks users of its own, drawn without replacement: the days' errors add up, and each is 0 where it asks all.
    """
    asked, shown = above.shape[1], below.sum(axis=(0, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        value = above.sum(axis=(0, 1)) / shown
        variance = (above - value * below).var(axis=1, ddof=1).sum(axis=0) * asked * (1.0 - asked / n_users)
        error = np.sqrt(variance) / shown
    return pd.DataFrame(
        {"value": value, "std_error": error, "share": shown / shown.sum()}, index=pd.Index(labels, name="group")
    )


def _groups(law: Law, by: str | Sequence[Any] | None, bins: int) -> tuple[list[Any], Callable[[Pairs], Ints]]:
    if by is None:
        return ["all"], lambda pairs: np.zeros(len(pairs.users), dtype=np.int64)
    if isinstance(by, str):
        return grouping(law.population, by, bins)
    given, n_users = np.asarray(by), law.population.n_users
    if given.shape != (n_users,):
        raise ValueError(f"by= has labels of shape {given.shape}; give one a user, ({n_users},), or a column's name")
    if (gap := pd.isna(given)).any():
        row = int(np.argmax(gap))
        raise ValueError(f"by= has no label for {int(gap.sum())} users, first for user {row}; give those a group, too")
    code, labels = pd.factorize(given, sort=True)
    return labels.tolist(), lambda pairs: code[pairs.users]


def _summed(law: Law) -> bool:
    population = law.population
    return not law.changes and population.n_users * population.n_items * len(law.spans) <= CELLS


def _asked(law: Law, contexts: pd.DataFrame) -> Iterator[tuple[Law, pd.DataFrame, Ints]]:
    """The law on each of its days, what policies see on it, and which users are asked: all, or a random part."""
    population, rng = law.population, stream("touch effect", law.seed)
    if _summed(law):
        yield law, contexts, np.arange(population.n_users)
        return
    days = law.dates if law.changes else (None,)
    part = max(2, min(population.n_users, CELLS // population.n_items // len(days)))
    for day in days:
        users = rng.choice(population.n_users, size=part, replace=False)
        yield (law, contexts, users) if day is None else (law.on([day]), contexts.assign(day=day), users)


def _offers(law: Law, contexts: pd.DataFrame, users: Ints, ranking: Policy) -> Iterator[_Offers]:
    """What a ranking can show to some users, a few users at a time."""
    items = law.catalogue(law.spans[0])
    step = max(1, BLOCK // law.population.n_items)
    for start in range(0, len(users), step):
        some = users[start : start + step]
        chances = ranking_chances(law, contexts.iloc[some], ranking)
        row, column = np.nonzero(chances)
        yield _Offers(start + row, some[row], items[column], chances[row, column])


def _worth(law: Law, contexts: pd.DataFrame, offers: _Offers, touch: Policy, reward: str) -> Floats:
    """E[reward] of each recommendation, over the touches that a policy gives a chance."""
    names = law.funnel.scenario.touch_names
    seen = offer_contexts(law.population, contexts, offers.users, offers.items)
    chances = checked_probabilities(touch.probabilities(seen), n=len(seen), n_actions=len(names))
    if reward == TOUCH_COST:
        return np.asarray(chances @ np.array(law.funnel.scenario.touch_costs))
    found = np.zeros(len(seen))
    for number in range(len(names)):
        here = np.flatnonzero(chances[:, number])
        part = _Offers(offers.row[here], offers.users[here], offers.items[here], offers.chance[here])
        found[here] += chances[here, number] * _means(law, part, number, reward)
    return found


def _means(law: Law, offers: _Offers, touch: int, reward: str) -> Floats:
    """E[reward | pair, shown with a touch] of each recommendation."""
    if not len(offers.users):
        return np.zeros(0)
    return mean_when_shown(
        law, lambda span: touched(law.funnel, law.within(offers.users, offers.items, span), touch), reward
    )
