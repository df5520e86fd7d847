"""Policies the platform itself has: its logging policy and the best one; `policy_value` judges any policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from causalrec_lab.estimate import Truth
from causalrec_lab.policy import Policy, checked_probabilities
from causalrec_lab.world.arguments import whole
from causalrec_lab.world.law.law import Law, Span
from causalrec_lab.world.law.outcomes import outcome_link
from causalrec_lab.world.people.population import Floats, Ints, Pairs, Population, known_ids, stream
from causalrec_lab.world.truths import averages
from causalrec_lab.world.truths.averages import summed

__all__ = [
    "SoftmaxPolicy",
    "TopPolicy",
    "best_policy",
    "mean_over_users",
    "mean_when_shown",
    "policy_value",
    "ranking_chances",
    "shown_means",
]

CELLS = 2_000_000  # probabilities held at once


@dataclass(frozen=True, eq=False)
class SoftmaxPolicy:
    r"""Softmax over the platform's scores.

    .. math:: \pi(i | u) \propto \exp((c_r \hat r_{ui} + c_p \log pop_i) / temperature)

    Drawn without replacement it is the Plackett-Luce ranking of Plackett (1975, Applied Statistics).
    """

    population: Population
    temperature: float = 1.0
    affinity: float = 1.0
    popularity: float = 0.5

    def probabilities(self, contexts: pd.DataFrame) -> Floats:
        """(n, n_items) probabilities of each user's items."""
        pairs = self.population.block(known_ids(contexts, "user_id", self.population.n_users))
        scores = self.affinity * pairs.affinity_hat + self.popularity * pairs.log_popularity
        scores /= self.temperature
        scores -= scores.max(axis=1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=1, keepdims=True)
        return scores


@dataclass(frozen=True, eq=False)
class TopPolicy:
    """Each user's own list of items, each with the same probability.

    Parameters
    ----------
    items
        (n_users, k) item numbers.
    n_items
        Size of the catalogue.
    """

    items: Ints
    n_items: int

    def probabilities(self, contexts: pd.DataFrame) -> Floats:
        """(n, n_items) probabilities: 1 / k on the user's list, 0 elsewhere."""
        rows = known_ids(contexts, "user_id", len(self.items))
        table = np.zeros((len(rows), self.n_items))
        np.put_along_axis(table, self.items[rows], 1.0 / self.items.shape[1], axis=1)
        return table


def shown_means(law: Law, users: Ints, reward: str, examined: float = 1.0) -> Floats:
    """E[reward | user, item, shown] for the items of the law's catalogue, shape (users, items).

    Averaged over the law's time and the lottery; the decision before was treated too. What a policy shows stands at the
    first position, or at one that is examined with another chance.
    """
    return mean_when_shown(law, partial(law.block, users), reward, examined)


def mean_when_shown(law: Law, pairs_in: Callable[[Span], Pairs], reward: str, examined: float = 1.0) -> Floats:
    """E[reward | pair, shown], as `shown_means`, of the pairs that are given for each span of the law's time."""
    total: Floats | float = 0.0
    for span in law.spans:
        pairs = pairs_in(span)
        link = outcome_link(law.funnel, reward, pairs)
        sides = (0, 1) if law.funnel.exclusion else (0,)
        reached = [law.reached(pairs, link.stage, (1,), lottery=z, examined=examined, carried=1)[0] for z in sides]
        total = total + span.share * (link.offset + link.scale * (sum(reached) / len(reached)))
    return np.asarray(total)


def policy_value(law: Law, contexts: pd.DataFrame, policy: Policy, reward: str | None = None) -> Truth:
    r"""Value of showing one item by a policy, :math:`\frac{1}{U} \sum_u \sum_i \pi(i | u) E[Y(1) | u, i]`.

    Summed over all pairs where there are at most 100 million; beyond, over all items of a random part of the users,
    with the standard error of their mean. Where days differ, each day has a part of the users of its own.

    Raises
    ------
    ValueError
        If the policy's probabilities are no distributions over the catalogue, the reward is unknown or hangs on stock,
        or an item that has not arrived has a chance.
    """
    reward = law.closed_form(law.funnel.scenario.attention if reward is None else reward)

    def values(law: Law, contexts: pd.DataFrame, users: Ints) -> Floats:
        return _values(law, contexts, users, policy, reward)

    return mean_over_users(law, contexts, values, summed(law), averages.EXACT_CELLS // 10)


def mean_over_users(
    law: Law, contexts: pd.DataFrame, values: Callable[[Law, pd.DataFrame, Ints], Floats], exact: bool, cells: int
) -> Truth:
    """Mean of what each user is worth: over all where `exact`, else over some, with the standard error of their mean.

    Parameters
    ----------
    values
        Worth of some users under a law and the contexts of its day, shape (users,).
    exact
        Whether all users are asked where days do not differ; where they do, each day has users of its own.
    cells
        Pairs of a user and an item that are asked otherwise.
    """
    rng, population = stream("policy value", law.seed), law.population
    if not law.changes:
        users = np.arange(population.n_users) if exact else _some_users(law, cells, rng)
        found = values(law, contexts, users)
        return Truth(float(found.mean()), float(np.sqrt(_sampling_variance(found, population.n_users))))
    days = law.dates
    drawn = []
    for day in days:
        users = np.sort(_some_users(law, cells // len(days), rng))
        drawn.append(values(law.on([day]), contexts.assign(day=day), users))
    error = np.sqrt(sum(_sampling_variance(found, population.n_users) for found in drawn)) / len(days)
    return Truth(float(np.mean([found.mean() for found in drawn])), float(error))


def _some_users(law: Law, cells: int, rng: np.random.Generator) -> Ints:
    """As many random users as a number of pairs allows, at least two."""
    part = max(2, cells // law.population.n_items)
    return rng.choice(law.population.n_users, size=min(part, law.population.n_users), replace=False)


def _sampling_variance(values: Floats, n_users: int) -> float:
    """Variance of the mean of a random part of the users, drawn without replacement: 0 where it is all of them."""
    return float(values.var(ddof=1) / len(values) * (1.0 - len(values) / n_users))


def _values(law: Law, contexts: pd.DataFrame, users: Ints, policy: Policy, reward: str) -> Floats:
    """Value of a policy for each of some users, a few at a time, shape (users,)."""
    values = np.empty(len(users))
    step = max(1, CELLS // law.population.n_items)
    for start in range(0, len(users), step):
        rows = slice(start, start + step)
        values[rows] = _user_values(law, contexts.iloc[users[rows]], users[rows], policy, reward)
    return values


def _user_values(law: Law, contexts: pd.DataFrame, users: Ints, policy: Policy, reward: str) -> Floats:
    chances, values = ranking_chances(law, contexts, policy), np.empty(len(users))
    step = max(1, averages.BLOCK // law.population.n_items)
    for start in range(0, len(users), step):
        rows = slice(start, start + step)
        values[rows] = np.einsum("ui,ui->u", chances[rows], shown_means(law, users[rows], reward))
    return values


def ranking_chances(law: Law, contexts: pd.DataFrame, policy: Policy) -> Floats:
    """Chance of each item of the law's catalogue, one row a context."""
    n_items = law.population.n_items
    chances = checked_probabilities(law.allowed(policy).probabilities(contexts), n=len(contexts), n_actions=n_items)
    return chances[:, law.catalogue(law.spans[0])] if law.calendar.cold else chances


def best_policy(law: Law, k: int = 1, reward: str | None = None) -> TopPolicy:
    """Policy that knows the truth: each user's k items of the highest mean reward when shown.

    Raises
    ------
    ValueError
        If k is not between 1 and the size of the catalogue, the reward hangs on stock, or the best items change from
        day to day.
    """
    population = law.population
    reward = law.closed_form(law.funnel.scenario.attention if reward is None else reward)
    if law.changes:
        raise ValueError("the best policy changes from day to day (drift, cold or shock); take platform.on(day).truth")
    items = law.catalogue(law.spans[0])
    if whole("k", k) > len(items):
        raise ValueError(f"k={k} items cannot be chosen from a catalogue of {len(items)}; give 1 to {len(items)}")
    k = whole("k", k)
    chosen = np.empty((population.n_users, k), dtype=np.int64)
    step = max(1, averages.BLOCK // population.n_items)
    for start in range(0, population.n_users, step):
        users = np.arange(start, min(start + step, population.n_users))
        means = shown_means(law, users, reward)
        top = np.argpartition(-means, k - 1, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(means, top, axis=1), axis=1, kind="stable")
        chosen[users] = items[np.take_along_axis(top, order, axis=1)]
    return TopPolicy(chosen, population.n_items)
