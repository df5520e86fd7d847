"""What the platform knows and a log does not: true effects, propensities, policy values, oracles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalrec_lab.estimate import Truth
from causalrec_lab.policy import Policy
from causalrec_lab.world.decisions import node_of
from causalrec_lab.world.exposure import propensity
from causalrec_lab.world.outcomes import check_outcome, outcome_link
from causalrec_lab.world.policies import TopPolicy, best_policy, policy_value
from causalrec_lab.world.population import Floats, Ints, Pairs, known_ids, stream

if TYPE_CHECKING:
    from causalrec_lab.world.platform import Platform

__all__ = ["PlatformTruth"]

BLOCK = 1 << 16  # pairs a block: its arrays stay in the processor's cache
EXACT_CELLS = 100_000_000  # beyond this many pairs, Monte Carlo
MONTE_CARLO = 2_000_000

Weights = Callable[[Pairs, int], Floats | float]


class PlatformTruth:
    r"""Truth of one platform.

    Averages over the population are sums over users x items x season nodes x lottery, in blocks of users; where there are
    more than 100 million pairs they are Monte-Carlo means over pairs drawn from the law, with conditional means of both
    potential outcomes (common random numbers taken to their limit), and carry a standard error.

    Every average effect is a weighted mean :math:`E[w_{ui}(Y(1) - Y(0))] / E[w_{ui}]`: w = 1 for the ATE, e for the ATT,
    :math:`\bar e(1 - \bar e)` for the ATO with :math:`\bar e = E_z[e]` (Li, Morgan & Zaslavsky 2018, JASA), and
    :math:`e(1) - e(0)` for the LATE of the lottery (Imbens & Angrist 1994, Econometrica).
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def ate(self, outcome: str = "purchase", over: str | pd.DataFrame = "population") -> Truth:
        """Average effect of being shown, E[Y(1) - Y(0)].

        Parameters
        ----------
        outcome
            A stage of the funnel, the amount, the return, or "revenue".
        over
            "population": the law of decisions. A table of decisions: the mean over its rows, given their season and lottery.

        Raises
        ------
        ValueError
            If the outcome is unknown, or `over` is neither "population" nor decisions of this platform.
        """
        return self._effect(outcome, over, lambda pairs, z: 1.0, lambda frame: np.ones(len(frame)))

    def att(self, outcome: str = "purchase", over: str | pd.DataFrame = "population") -> Truth:
        """Average effect on the treated, E[Y(1) - Y(0) | T = 1]; arguments as in `ate`."""
        rule = self._platform.rule
        return self._effect(
            outcome, over, lambda pairs, z: propensity(rule, pairs, z), lambda frame: frame["treated"].to_numpy(float)
        )

    def ato(self, outcome: str = "purchase", over: str | pd.DataFrame = "population") -> Truth:
        """Overlap-weighted average effect; arguments as in `ate`."""
        return self._effect(
            outcome, over, lambda pairs, z: self._overlap(pairs), lambda f: self._overlap(self._pairs(f))
        )

    def late(self, outcome: str = "purchase", over: str | pd.DataFrame = "population") -> Truth:
        """Average effect on the lottery's compliers; arguments as in `ate`.

        Raises
        ------
        ValueError
            If the lottery moves nobody (`instrument=0`): there are no compliers.
        """
        if self._platform.rule.lottery == 0:
            raise ValueError("instrument=0: the lottery moves no treatment, so there are no compliers and no LATE")
        return self._effect(outcome, over, lambda pairs, z: self._moved(pairs), lambda f: self._moved(self._pairs(f)))

    def propensity(self, decisions: pd.DataFrame) -> Floats:
        """True P(treated = 1) of each decision, hidden trait and lottery included, shape (n,)."""
        lottery = decisions["z"].to_numpy() if "z" in decisions else None
        pairs = self._pairs(decisions)
        if lottery is None:
            return 0.5 * (propensity(self._platform.rule, pairs, 0) + propensity(self._platform.rule, pairs, 1))
        return propensity(self._platform.rule, pairs, lottery)

    def potential_outcomes(self, decisions: pd.DataFrame, outcome: str = "purchase") -> pd.DataFrame:
        """Means of both potential outcomes of each decision, given pair, season and lottery: columns y0, y1."""
        check_outcome(self._platform.funnel, outcome)
        pairs, node, lottery = self._pairs(decisions), self._node(decisions), decisions.get("z", 0.0)
        link = outcome_link(self._platform.funnel, outcome, pairs)
        y0, y1 = self._platform.funnel.reached(pairs, link.stage, (0, 1), node=node, lottery=np.asarray(lottery))
        return pd.DataFrame(
            {"y0": link.offset + link.scale * y0, "y1": link.offset + link.scale * y1}, index=decisions.index
        )

    def policy_value(self, policy: Policy, reward: str = "click") -> Truth:
        """Value of showing one item by a policy; see `policies.policy_value`."""
        return policy_value(self._platform, policy, reward)

    def best_policy(self, k: int = 1, reward: str = "click") -> TopPolicy:
        """Policy that knows the truth; see `policies.best_policy`."""
        return best_policy(self._platform, k, reward)

    def _effect(
        self, outcome: str, over: str | pd.DataFrame, weights: Weights, row_weights: Callable[[pd.DataFrame], Floats]
    ) -> Truth:
        check_outcome(self._platform.funnel, outcome)
        if isinstance(over, pd.DataFrame):
            means = self.potential_outcomes(over, outcome)
            return Truth(float(np.average(means["y1"] - means["y0"], weights=row_weights(over))))
        if over != "population":
            raise ValueError(f"over={over!r}: give 'population' for the law of decisions, or a table of decisions")
        if self._exact:
            return Truth(self._summed(outcome, weights))
        return self._monte_carlo(outcome, weights)

    @property
    def _exact(self) -> bool:
        population = self._platform.population
        return population.n_users * population.n_items <= EXACT_CELLS

    def _summed(self, outcome: str, weights: Weights) -> float:
        above = below = 0.0
        for pairs in self._blocks():
            for z, effect in self._effects(outcome, pairs):
                weight = weights(pairs, z)
                above += float(np.sum(weight * effect))
                below += float(np.sum(np.broadcast_to(weight, effect.shape)))
        return above / below

    def _monte_carlo(self, outcome: str, weights: Weights) -> Truth:
        population = self._platform.population
        rng = stream("truth", self._platform.seed)
        above, below = np.zeros(MONTE_CARLO), np.zeros(MONTE_CARLO)
        for start in range(0, MONTE_CARLO, BLOCK):
            rows = slice(start, min(start + BLOCK, MONTE_CARLO))
            size = rows.stop - start
            pairs = population.at(
                rng.integers(population.n_users, size=size), rng.integers(population.n_items, size=size)
            )
            for z, effect in self._effects(outcome, pairs):
                weight = weights(pairs, z)
                above[rows] += weight * effect
                below[rows] += weight
        value = above.sum() / below.sum()
        return Truth(float(value), float(np.std(above - value * below) / below.mean() / np.sqrt(MONTE_CARLO)))

    def _effects(self, outcome: str, pairs: Pairs) -> Iterator[tuple[int, Floats]]:
        """(z, E[Y(1) - Y(0) | pair, z]) for both sides of the lottery; one computation where exclusion holds."""
        funnel = self._platform.funnel
        link = outcome_link(funnel, outcome, pairs)
        effect: Floats | None = None
        for z in (0, 1):
            if effect is None or funnel.exclusion:
                y0, y1 = funnel.reached(pairs, link.stage, (0, 1), lottery=z)
                effect = link.scale * (y1 - y0)
            yield z, effect

    def _blocks(self) -> Iterator[Pairs]:
        population = self._platform.population
        step = max(1, BLOCK // population.n_items)
        for start in range(0, population.n_users, step):
            yield population.block(np.arange(start, min(start + step, population.n_users)))

    def _overlap(self, pairs: Pairs) -> Floats:
        rule = self._platform.rule
        mean = 0.5 * (propensity(rule, pairs, 0) + propensity(rule, pairs, 1))
        return mean * (1.0 - mean)

    def _moved(self, pairs: Pairs) -> Floats:
        rule = self._platform.rule
        return propensity(rule, pairs, 1) - propensity(rule, pairs, 0)

    def _pairs(self, decisions: pd.DataFrame) -> Pairs:
        """Pairs of a table, by the ids in it."""
        population = self._platform.population
        users = known_ids(decisions, "user_id", population.n_users)
        return population.at(users, known_ids(decisions, "item_id", population.n_items))

    def _node(self, decisions: pd.DataFrame) -> Ints | None:
        if "timestamp" not in decisions:
            return None
        return node_of(decisions["timestamp"], self._platform.scenario.nodes)
