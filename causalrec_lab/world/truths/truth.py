"""What the platform knows and a log does not: true effects, propensities, policy values, oracles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from causalrec_lab.estimate import Truth
from causalrec_lab.world.arguments import whole
from causalrec_lab.world.law.exposure import propensity
from causalrec_lab.world.law.law import moments_of
from causalrec_lab.world.law.outcomes import check_outcome, outcome_link
from causalrec_lab.world.lists.examination import examination, positions_of
from causalrec_lab.world.logging.decisions import draw_decisions
from causalrec_lab.world.people.population import Floats, Pairs, known_ids
from causalrec_lab.world.truths.averages import effect_weight, mean_effects
from causalrec_lab.world.truths.groups import grouping
from causalrec_lab.world.truths.markets import market_effect
from causalrec_lab.world.truths.mediation import path_effects
from causalrec_lab.world.truths.ownership import check_own, lottery_of, treated_of
from causalrec_lab.world.truths.policy_truth import PolicyTruth

__all__ = ["PlatformTruth"]


class PlatformTruth(PolicyTruth):
    """Truth of one platform.

    Averages over the population are sums over users x items x season nodes x lottery. Where there are more than 100
    million pairs they are Monte-Carlo means over two million pairs drawn from the law, with the conditional means of
    both potential outcomes in place of outcomes (common random numbers at their limit), and carry a standard error.

    Take it from `Platform.truth`.
    """

    def ate(self, outcome: str | None = None, over: str | pd.DataFrame = "population") -> Truth:
        """Average effect of being shown, E[Y(1) - Y(0)].

        Parameters
        ----------
        outcome
            One of `scenario.outcomes`; the scenario's main outcome (purchase) by default.
        over
            "population": the law of decisions, which intervals are judged against. A table of decisions: the mean over
            its rows, given their season, lottery and position, which usual intervals over-cover.

        Raises
        ------
        ValueError
            If the outcome is unknown, or `over` is neither "population" nor decisions of this platform, one at least.
        """
        return self._average("ATE", outcome, over)

    def att(self, outcome: str | None = None, over: str | pd.DataFrame = "population") -> Truth:
        """Average effect on the treated, E[Y(1) - Y(0) | T = 1]; arguments as in `ate`."""
        return self._average("ATT", outcome, over)

    def ato(self, outcome: str | None = None, over: str | pd.DataFrame = "population") -> Truth:
        """Overlap-weighted average effect, weights e(1 - e) with e averaged over the lottery; arguments as in `ate`."""
        return self._average("ATO", outcome, over)

    def late(self, outcome: str | None = None, over: str | pd.DataFrame = "population") -> Truth:
        """Average effect on the lottery's compliers; arguments as in `ate`.

        Raises
        ------
        ValueError
            If the lottery moves nobody (`instrument=0`): there are no compliers.
        """
        if self._platform.rule.lottery == 0:
            raise ValueError("instrument=0: the lottery moves no treatment, so there are no compliers and no LATE")
        return self._average("LATE", outcome, over)

    def direct_effect(
        self, outcome: str | None = None, n: int | None = None, *, repeats: int = 20, seed: int = 0
    ) -> Truth:
        """Average effect of a decision's own treatment, the others as the platform's own rule has them.

        It is the ATE, and the only one of the two that stands where `interference` makes decisions share their stock.

        Parameters
        ----------
        outcome
            As in `ate`.
        n, repeats, seed
            Under interference: decisions that share the stock (required), logs drawn, their seed. The value then
            carries a Monte-Carlo error.

        Raises
        ------
        ValueError
            If n is needed and not given.
        """
        return market_effect(self._platform.law, "direct", outcome, n, repeats, seed)

    def global_effect(
        self, outcome: str | None = None, n: int | None = None, *, repeats: int = 20, seed: int = 0
    ) -> Truth:
        """Average outcome where every decision is treated minus where none is; arguments as in `direct_effect`.

        It is the ATE where decisions do not touch each other; with `carry_over` or `interference` it is what a rollout
        to everybody would do. Summed, or under interference by common random numbers with its standard error.
        """
        return market_effect(self._platform.law, "overall", outcome, n, repeats, seed)

    def path_effects(self, outcome: str | None = None, mediator: str | Sequence[str] | None = None) -> pd.DataFrame:
        """Natural direct and indirect effects through the stages of the funnel; see `mediation.path_effects`."""
        return path_effects(self._platform.law, outcome, mediator)

    def cate(self, by: str | pd.DataFrame, outcome: str | None = None, bins: int = 4) -> pd.DataFrame:
        """Average effects by group, or of each decision.

        Parameters
        ----------
        by
            A column of users, items or decisions: numeric ones are cut at their quantiles, `log_exposures` at 0, 1, 2,
            3+ earlier exposures. Or a table of decisions: the effect of each row, given its season, lottery and
            position.
        outcome
            As in `ate`.
        bins
            Groups of a numeric column.

        Returns
        -------
        DataFrame with columns value, std_error; indexed by group, or like the decisions.

        Raises
        ------
        ValueError
            If the column is unknown; the message offers the nearest.
        """
        outcome = self._platform.law.closed_form(outcome)
        if isinstance(by, pd.DataFrame):
            means = self.potential_outcomes(by, outcome)
            return pd.DataFrame({"value": means["y1"] - means["y0"], "std_error": 0.0}, index=by.index)
        labels, codes = grouping(self._platform.population, by, bins)
        value, error = mean_effects(self._platform.law, outcome, "ATE", codes, len(labels))
        return pd.DataFrame({"value": value, "std_error": error}, index=pd.Index(labels, name=by))

    def propensity(self, decisions: pd.DataFrame) -> Floats:
        """P(treated = 1) of each decision, (n,), by the platform's own rule: hidden trait included, and z where given.

        In a trial nobody follows that rule; its propensity is in its log.
        """
        pairs = self._pairs(decisions)
        if "z" not in decisions:
            return 0.5 * (propensity(self._platform.rule, pairs, 0) + propensity(self._platform.rule, pairs, 1))
        return propensity(self._platform.rule, pairs, lottery_of(decisions))

    def potential_outcomes(self, decisions: pd.DataFrame, outcome: str | None = None) -> pd.DataFrame:
        """Means of both potential outcomes of each decision, given pair, season, lottery and position: columns y0, y1.

        What the table does not have is averaged over.
        """
        law = self._platform.law
        outcome, timed = law.closed_form(outcome), self._in_time(decisions)
        places = positions_of(decisions)
        examined = None if places is None else examination(law.funnel.scenario, places)
        sides = (0, 1) if "z" not in decisions and law.funnel.exclusion else (None,)
        means = np.zeros((2, len(decisions)))
        for pairs, share in timed:
            link = outcome_link(law.funnel, outcome, pairs)
            for z in sides:
                lottery = lottery_of(decisions) if z is None and "z" in decisions else z or 0
                chances = law.reached(pairs, link.stage, (0, 1), lottery=lottery, examined=examined)
                means += share / len(sides) * (link.offset + link.scale * np.stack(chances))
        return pd.DataFrame({"y0": means[0], "y1": means[1]}, index=decisions.index)

    def coupled_outcomes(
        self, n: int, seed: int = 0, outcome: str | None = None, *, pairs: str = "iid"
    ) -> pd.DataFrame:
        """Both potential outcomes of each decision of `log(n, seed, pairs=pairs)`: columns treated, y0, y1.

        They share their uniforms. Individual effects, and whether a recommendation was necessary or sufficient, follow
        this coupling, which no data could identify: other couplings give every log the same distribution.
        """
        outcome = check_outcome(self._platform.funnel, outcome)
        draw = draw_decisions(self._platform.law, n, seed, pairs=pairs)
        y0, y1 = draw.outcomes(0)[outcome], draw.outcomes(1)[outcome]
        return pd.DataFrame({"treated": draw.treated, "y0": y0, "y1": y1})

    def text_oracle(self, decisions: pd.DataFrame) -> Floats:
        """E[h | both texts] of each decision, (n,): the most that a reader of the texts could know."""
        pairs, texts = self._pairs(decisions), self._platform.writing
        return np.asarray(texts.user_oracle[pairs.users] + texts.item_oracle[pairs.items])

    def text_r2(self) -> Truth:
        """Share of the variance of h over all pairs that both texts tell in this population: what the dial reached."""
        return Truth(self._platform.writing.measured_r2)

    def hidden(self, decisions: pd.DataFrame) -> Floats:
        """The hidden trait h of each decision, (n,): to judge what an embedding recovers; it stands in no log."""
        return np.asarray(self._pairs(decisions).hidden)

    def examination(self, positions: int | None = None) -> pd.DataFrame:
        """Chance that who still reads examines a position: columns value, std_error, indexed by position (0 first).

        Parameters
        ----------
        positions
            How many; those of the decisions by default.
        """
        scenario = self._platform.scenario
        places = np.arange(len(scenario.positions) if positions is None else whole("positions", positions))
        index = pd.Index(places, name="position")
        return pd.DataFrame({"value": examination(scenario, places), "std_error": 0.0}, index=index)

    def _average(self, estimand: str, outcome: str | None, over: str | pd.DataFrame) -> Truth:
        outcome = self._platform.law.closed_form(outcome)
        if isinstance(over, pd.DataFrame):
            return self._sample_average(estimand, outcome, over)
        asked: object = over
        if not isinstance(asked, str) or asked != "population":
            raise ValueError(f"over={over!r}: give 'population' for the law of decisions, or a table of decisions")
        value, error = mean_effects(self._platform.law, outcome, estimand)
        return Truth(float(value[0]), float(error[0]))

    def _sample_average(self, estimand: str, outcome: str, decisions: pd.DataFrame) -> Truth:
        if decisions.empty:
            raise ValueError("over= is a table without rows; give decisions, or 'population' for the law of decisions")
        means = self.potential_outcomes(decisions, outcome)
        effect = (means["y1"] - means["y0"]).to_numpy()
        if estimand == "ATT":
            weight = treated_of(decisions)
        else:
            weight = np.broadcast_to(
                effect_weight(estimand, self._platform.rule, self._pairs(decisions), 0), effect.shape
            )
        return Truth(float(np.average(effect, weights=weight)))

    def _in_time(self, decisions: pd.DataFrame) -> list[tuple[Pairs, float]]:
        """Pairs of a table on their days; without times, in every span of the law's time, and its share."""
        pairs, law = self._pairs(decisions), self._platform.law
        if "timestamp" in decisions:
            return [(law.at(pairs.users, pairs.items, moments_of(decisions["timestamp"])), 1.0)]
        if law.changes:
            raise ValueError("outcomes change from day to day (drift, cold or shock): keep the column 'timestamp'")
        return [(law.within(pairs.users, pairs.items, span), span.share) for span in law.spans]

    def _pairs(self, decisions: pd.DataFrame) -> Pairs:
        """Pairs of a table, by the ids in it."""
        population = self._platform.population
        users = known_ids(decisions, "user_id", population.n_users)
        pairs = population.at(users, known_ids(decisions, "item_id", population.n_items))
        check_own(decisions, pairs)
        return pairs
