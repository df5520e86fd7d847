"""What a platform writes down of policies that show: rounds, lists, what goes beside an item, experiments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, overload

import pandas as pd

from causalrec_lab.policy import BanditLog, Policy
from causalrec_lab.world.arguments import real, whole
from causalrec_lab.world.law.days import ArrivedPolicy
from causalrec_lab.world.lists.slates import bandit_log, slate_log
from causalrec_lab.world.logging.experiments import run_experiment
from causalrec_lab.world.logging.logbook import Logbook
from causalrec_lab.world.touches.choosing import TouchPolicy, as_touch_policy
from causalrec_lab.world.touches.log import touch_log
from causalrec_lab.world.truths.policies import SoftmaxPolicy

__all__ = ["Showings"]


class Showings(Logbook):
    """The part of a `Platform` in which policies choose what is shown, and what goes beside it."""

    def logging_policy(self, temperature: float = 1.0) -> Policy:
        """Plackett-Luce softmax over the platform's own scores; with `cold`, over the items that have arrived.

        Raises
        ------
        ValueError
            If the temperature is not positive.
        """
        if not real("temperature", temperature) > 0:
            raise ValueError(f"temperature={temperature!r}: give a positive number; small is greedy, large is uniform")
        policy = SoftmaxPolicy(self.law.population, temperature)
        return self.eligible(policy) if self.law.calendar.cold else policy

    def eligible(self, policy: Policy) -> ArrivedPolicy:
        """A policy kept to the items that have arrived: the chance of the others is spread in proportion.

        The day is this platform's where it is one of `Platform.on(day)`, else that of the contexts' column `day`.
        """
        only = self.law.dates[0] if len(self.law.dates) == 1 else None
        return ArrivedPolicy(policy, self.law.calendar.arrival, only)

    @overload
    def slates(
        self, policy: Policy, n: int, seed: int = 0, *, length: Literal[1] = 1, reward: str | None = None
    ) -> BanditLog: ...

    @overload
    def slates(
        self, policy: Policy, n: int, seed: int = 0, *, length: int, reward: str | None = None
    ) -> BanditLog | pd.DataFrame: ...

    def slates(
        self, policy: Policy, n: int, seed: int = 0, *, length: int = 1, reward: str | None = None
    ) -> BanditLog | pd.DataFrame:
        """Log n rounds in which a policy chooses what is shown.

        Parameters
        ----------
        policy
            `probabilities(contexts)` over the catalogue, contexts as in `contexts()`.
        n, seed
            Rounds (users drawn uniformly) and the log's seed.
        length
            1 gives a `BanditLog`; more gives a table of lists, one row a slot (see `slates.slate_log`).
        reward
            Outcome of a shown item that counts; the scenario's `attention` (click, play) by default.

        Raises
        ------
        ValueError
            If n or length is not positive, the reward is unknown, the policy's probabilities are no distributions, or
            items arrive within the law's days.
        """
        n, length = whole("n", n), whole("length", length)
        chosen = self._settled(policy)
        if length == 1:
            return bandit_log(self.law, chosen, self.contexts(), n, seed, reward)
        return slate_log(self.law, chosen, self.contexts(), n, seed, reward, length)

    def experiment(
        self,
        policies: Mapping[str, Policy],
        n: int,
        seed: int = 0,
        *,
        shares: Mapping[str, float] | None = None,
        visits: int = 1,
        touches: Mapping[str, str | Policy] | None = None,
    ) -> pd.DataFrame:
        """Randomise n users to arms; in each visit the arm's policy shows one item, with or without a touch.

        Parameters
        ----------
        policies
            Arm -> policy, at least two.
        n, seed
            Users (each at most once) and the experiment's seed.
        shares
            Arm -> share of the users; equal shares by default.
        visits
            Visits a user. Outcomes are means over them, so that each arm's expectation is `truth.policy_value` whatever
            the number (`interference` off); with more visits `pre_clicks` explains more of them.
        touches
            Arm -> name of a touch, or a policy over touches; the arms that are not named show items alone. So arms may
            differ in their ranking, in what goes beside an item, or in both: {"control": ranking, "reason": ranking}
            with touches={"reason": "reason"}. What a touch does follows the exposures before the experiment, so that
            visits do not add to anybody's fatigue.

        Returns
        -------
        DataFrame with user_id, arm, the scenario's attention before the experiment (pre_clicks: the covariate for
        CUPED), and its attention, main outcome and value within (click, purchase, revenue);
        with `touches`, the return too, what else the scenario's case prices, and touch_cost, what a visit's touches
        cost.

        Raises
        ------
        ValueError
            If there are more users asked for than there are, fewer than two arms, the shares are none, a touch or an
            arm of `touches` is unknown, or items arrive within the law's days.
        """
        if not isinstance(policies, Mapping):
            raise TypeError(f"policies={policies!r}: give each arm's name and policy, as in {{'control': …, 'new': …}}")
        if not isinstance(touches or {}, Mapping):
            raise TypeError(f"touches={touches!r}: give each arm's name and touch, as in {{'new': 'reason'}}")
        settled = {name: self._settled(policy) for name, policy in policies.items()}
        beside = {arm: as_touch_policy(self.scenario, touch) for arm, touch in (touches or {}).items()}
        return run_experiment(self.law, settled, self.contexts(), n, seed, shares, visits, beside)

    def touch_policy(self, explore: float = 0.3) -> TouchPolicy:
        """What a platform logs touches with: what experience tells of them, and exploration; see `TouchPolicy`.

        Parameters
        ----------
        explore
            Share of the choices left to chance, in (0, 1]; 1 chooses among all with the same chance.

        Raises
        ------
        ValueError
            If the share lies outside (0, 1], or the scenario has no touches.
        """
        if not real("explore", explore, 0, 1) > 0:
            raise ValueError("explore=0: what is never tried cannot be valued from a log; give a share above 0")
        policy = TouchPolicy(self.scenario.touches, float(self.law.population.activity.mean()), explore)
        as_touch_policy(self.scenario, policy)
        return policy

    def touches(
        self, policy: str | Policy, n: int, seed: int = 0, *, reward: str | None = None, ranking: Policy | None = None
    ) -> BanditLog:
        """Log n rounds in which a policy chooses what goes with the item that is shown: nothing, a reason, a reminder.

        Touches act in the structural model (see `Touch`). Actions are numbered as in `scenario.touch_names`; what each
        costs stands in `scenario.touch_costs`. Logs of one seed and different rewards are of the same rounds. What a
        policy is worth is `truth.policy_value(ranking, touch=policy)`, and `experiment(..., touches=...)` compares it
        with others: a touch goes with a ranking, so values and experiments of rankings take it along.

        Parameters
        ----------
        policy
            `probabilities(contexts)` over `scenario.touch_names`; contexts are one row a round: the columns of
            `contexts()`, and item_id, the item's cost, log_popularity, affinity_hat and log_exposures of the pair. Or
            the name of a touch that is always taken.
        n, seed
            Rounds (users drawn uniformly) and the log's seed.
        reward
            Outcome that counts, the return and the amount among them; the scenario's `attention` by default.
        ranking
            Policy that chooses the item; `logging_policy()` by default. Its propensity is not in the log: both what
            logs and what is valued have the same ranking.

        Raises
        ------
        ValueError
            If the scenario has no touches, n is not positive, the touch or the reward is unknown, a policy's
            probabilities are no distributions, or items arrive within the law's days.
        """
        chosen = self._settled(self.logging_policy() if ranking is None else ranking)
        beside = as_touch_policy(self.scenario, policy)
        return touch_log(self.law, beside, chosen, self.contexts(), whole("n", n), seed, reward)

    def _settled(self, policy: Policy) -> Policy:
        """The policy, watched where items arrive; refused where they arrive while it runs."""
        if self.law.calendar.cold and self.law.changes:
            raise ValueError(
                f"cold={self.dials.cold:g}: items arrive while the policy runs; take platform.on(day) for one day, or "
                "platform.stream(days, per_day, policy=...)"
            )
        return self.law.allowed(policy)
