"""What a platform writes down of its decisions: logs, streams of days, trials."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import overload

import numpy as np
import pandas as pd

from causalrec_lab.data.dataset import About, Dataset
from causalrec_lab.policy import BanditLog, Policy
from causalrec_lab.world.arguments import whole
from causalrec_lab.world.dials import Dials
from causalrec_lab.world.law.days import DAY, checked_days
from causalrec_lab.world.law.exposure import COVARIATES
from causalrec_lab.world.law.law import Law
from causalrec_lab.world.lists.slates import streamed_bandit_log
from causalrec_lab.world.logging.decisions import Draw, draw_decisions
from causalrec_lab.world.logging.experiments import draw_trial
from causalrec_lab.world.logging.logs import decision_table, event_table
from causalrec_lab.world.scenarios.scenario import Scenario
from causalrec_lab.world.writing.text import Texts

__all__ = ["Logbook"]


class Logbook(ABC):
    """The part of a `Platform` that logs decisions; everything here is a function of the law and a seed."""

    scenario: Scenario
    seed: int
    dials: Dials
    law: Law

    @property
    @abstractmethod
    def users(self) -> pd.DataFrame:
        """Users as the platform sees them."""

    @property
    @abstractmethod
    def items(self) -> pd.DataFrame:
        """Items as the platform sees them."""

    @property
    @abstractmethod
    def writing(self) -> Texts:
        """Texts, and how much they tell."""

    @abstractmethod
    def contexts(self) -> pd.DataFrame:
        """What policies see."""

    def log(self, n: int, seed: int = 0, *, pairs: str = "iid", propensity: str | None = "auto") -> Dataset:
        """Log n decisions of the platform's own exposure rule.

        Their moments are uniform over the law's days: the whole window, or the days of `Platform.on`. With `drift`,
        `cold` or `shock` each decision follows the law of its own day, and is about an item that is there on that day.

        Parameters
        ----------
        n
            Decisions.
        seed
            The log's own seed.
        pairs
            "iid", or "once" for every user and item at most once (see `draw_decisions`).
        propensity
            "auto": the true P(treated = 1) where `confounding` is 0, no column otherwise. "nominal": the column holds
            E[e | logged columns]. None: no column. `extra["propensity"]` says which: "true", "nominal" or "none".

        Returns
        -------
        Dataset with decisions (one row an eligible decision, in time order), events, items, users; `extra["text_r2"]`
        is the R^2 of h given both texts that the text dial reached in this population.

        Raises
        ------
        ValueError
            If n is not positive, "once" asks for too many rows, or an option is unknown.
        """
        return self._dataset(draw_decisions(self.law, n, seed, pairs=pairs), seed, propensity)

    def events(self, n: int, seed: int = 0) -> pd.DataFrame:
        """What happened in the n decisions of `log(n, seed)`, in time order: what a recommender trains on."""
        table = self.log(n, seed).events
        assert table is not None
        return table

    def trial(self, n: int, seed: int = 0, *, unit: str = "user", share: float = 0.5) -> Dataset:
        """Log n decisions whose treatment is randomised: a trial of showing against not showing.

        Parameters
        ----------
        n, seed
            Decisions, and the trial's own seed.
        unit
            What is randomised as a whole: "decision", "user" (a plain A/B test) or "week" (a switchback). With
            `carry_over` a trial over decisions is off for `truth.global_effect`, with `interference` one over users.
        share
            Share of the units that are treated.

        Returns
        -------
        As `log`, with the propensity of the trial.

        Raises
        ------
        ValueError
            If n is not positive, the unit is unknown, or the share leaves one arm empty.
        """
        return self._dataset(draw_trial(self.law, n, seed, unit, share), seed, "auto")

    @overload
    def stream(
        self, days: int | Iterable[int], per_day: int, seed: int = 0, *, policy: None = None, reward: str | None = None
    ) -> Dataset: ...

    @overload
    def stream(
        self, days: int | Iterable[int], per_day: int, seed: int = 0, *, policy: Policy, reward: str | None = None
    ) -> BanditLog: ...

    def stream(
        self,
        days: int | Iterable[int],
        per_day: int,
        seed: int = 0,
        *,
        policy: Policy | None = None,
        reward: str | None = None,
    ) -> Dataset | BanditLog:
        """Log a stretch of days, with the same number of decisions on each.

        Parameters
        ----------
        days
            Days of the window, 0 to 364.
        per_day, seed
            Decisions a day, and the stream's own seed; other days with the same seed are other draws.
        policy
            None logs the platform's own exposure rule. A policy logs rounds instead: each day it is asked with the
            contexts of that day, which carry the column `day`, and shows one item a round.
        reward
            Outcome of a shown item that counts; the scenario's `attention` by default.

        Returns
        -------
        As `log`; with a policy a `BanditLog` whose rounds are in time order.

        Raises
        ------
        ValueError
            If a day lies outside the window, per_day is not positive, a reward is named without a policy, or the policy
            shows what has not arrived.
        """
        per_day = whole("per_day", per_day)
        if policy is None and reward is not None:
            raise ValueError(f"reward={reward!r} is earned by what a policy shows; give policy=, or leave reward out")
        chosen = checked_days(days)
        law = self.law.on(chosen)
        rng = law.stream("moments of a stream", seed)
        moment = np.sort(np.repeat(chosen, per_day) * DAY + rng.integers(DAY, size=per_day * len(chosen)))
        if policy is not None:
            return streamed_bandit_log(law, policy, self.contexts(), moment, seed, reward)
        return self._dataset(draw_decisions(law, len(moment), seed, moment=moment), seed, "auto")

    def _dataset(self, draw: Draw, seed: int, propensity: str | None) -> Dataset:
        decisions, kind = decision_table(draw, propensity)
        told = self.writing.measured_r2
        about = About(
            title=f"{len(decisions):,} decisions of the simulated {self.scenario.name} platform",
            source=f"causalrec_lab.world, platform seed {self.seed}, log seed {seed}, {self.dials}",
            licence="made by this library; free to use",
            notes=f"propensity: {kind}; one row an eligible decision, treated or not; "
            f"both texts tell R^2 = {told:.2f} of the hidden trait",
        )
        return Dataset(
            name=self.scenario.name,
            decisions=decisions,
            events=event_table(decisions, self.law.funnel, self.scenario.amount),
            items=self.items,
            users=self.users,
            extra={"propensity": kind, "covariates": COVARIATES, "text_r2": told},
            about=about,
        )
