"""Policies the platform itself has: its logging policy and the best one; `policy_value` judges any policy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from causalrec_lab.estimate import Truth
from causalrec_lab.policy import Policy, checked_probabilities
from causalrec_lab.world import averages
from causalrec_lab.world.averages import summed
from causalrec_lab.world.decisions import Law
from causalrec_lab.world.outcomes import Funnel, check_outcome, outcome_link
from causalrec_lab.world.population import Floats, Ints, Pairs, Population, known_ids, stream

__all__ = ["SoftmaxPolicy", "TopPolicy", "best_policy", "policy_value", "shown_means"]

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


def shown_means(funnel: Funnel, pairs: Pairs, reward: str) -> Floats:
    """E[reward | pair, shown], averaged over seasons and the lottery."""
    link = outcome_link(funnel, reward, pairs)
    reached = [funnel.reached(pairs, link.stage, (1,), lottery=z)[0] for z in ((0, 1) if funnel.exclusion else (0,))]
    return np.asarray(link.offset + link.scale * (sum(reached) / len(reached)))


def policy_value(law: Law, contexts: pd.DataFrame, policy: Policy, reward: str | None = None) -> Truth:
    r"""Value of showing one item by a policy, :math:`\frac{1}{U} \sum_u \sum_i \pi(i | u) E[Y(1) | u, i]`.

    Summed over all pairs where there are at most 100 million; beyond, over all items of a random part of the users,
    with the standard error of their mean.

    Raises
    ------
    ValueError
        If the policy's probabilities are no distributions over the catalogue, or the reward is unknown.
    """
    population = law.population
    reward = check_outcome(law.funnel, reward, law.funnel.scenario.attention)
    users, exact = np.arange(population.n_users), summed(law)
    if not exact:
        part = max(2, averages.EXACT_CELLS // (10 * population.n_items))
        users = stream("policy value", law.seed).choice(
            population.n_users, size=min(part, population.n_users), replace=False
        )
    values = np.empty(len(users))
    step = max(1, CELLS // population.n_items)
    for start in range(0, len(users), step):
        rows = slice(start, start + step)
        values[rows] = _user_values(law, contexts.iloc[users[rows]], users[rows], policy, reward)
    return Truth(float(values.mean()), 0.0 if exact else float(values.std() / np.sqrt(len(values))))


def _user_values(law: Law, contexts: pd.DataFrame, users: Ints, policy: Policy, reward: str) -> Floats:
    """Value of a policy for each of some users, shape (users,)."""
    population = law.population
    chances = checked_probabilities(policy.probabilities(contexts), n=len(users), n_actions=population.n_items)
    values = np.empty(len(users))
    step = max(1, averages.BLOCK // population.n_items)
    for start in range(0, len(users), step):
        rows = slice(start, start + step)
        means = shown_means(law.funnel, population.block(users[rows]), reward)
        values[rows] = np.einsum("ui,ui->u", chances[rows], means)
    return values


def best_policy(law: Law, k: int = 1, reward: str | None = None) -> TopPolicy:
    """Policy that knows the truth: each user's k items of the highest mean reward when shown.

    Raises
    ------
    ValueError
        If k is not between 1 and the size of the catalogue.
    """
    population = law.population
    reward = check_outcome(law.funnel, reward, law.funnel.scenario.attention)
    if not 1 <= k <= population.n_items:
        raise ValueError(
            f"k={k} items cannot be chosen from a catalogue of {population.n_items}; give 1 to {population.n_items}"
        )
    chosen = np.empty((population.n_users, k), dtype=np.int64)
    step = max(1, averages.BLOCK // population.n_items)
    for start in range(0, population.n_users, step):
        users = np.arange(start, min(start + step, population.n_users))
        means = shown_means(law.funnel, population.block(users), reward)
        top = np.argpartition(-means, k - 1, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(means, top, axis=1), axis=1, kind="stable")
        chosen[users] = np.take_along_axis(top, order, axis=1)
    return TopPolicy(chosen, population.n_items)
