"""`Platform`: one structural causal model of a recommendation platform, whose truth is known."""

from __future__ import annotations

import html
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.data.dataset import About, Dataset
from causalrec_lab.policy import BanditLog, Policy
from causalrec_lab.world.decisions import Law, check_count, draw_decisions
from causalrec_lab.world.dials import Dials, coefficients
from causalrec_lab.world.experiments import run_experiment
from causalrec_lab.world.exposure import COVARIATES
from causalrec_lab.world.linear import LinearGaussian, linear_gaussian
from causalrec_lab.world.logs import decision_table, event_table
from causalrec_lab.world.outcomes import Funnel
from causalrec_lab.world.policies import SoftmaxPolicy
from causalrec_lab.world.population import draw_population, known_ids
from causalrec_lab.world.presets import scenario as find_scenario
from causalrec_lab.world.scenario import Coefficients, Scenario
from causalrec_lab.world.slates import bandit_log, slate_log
from causalrec_lab.world.tables import context_table, item_table, user_table
from causalrec_lab.world.text import Texts, bag_of_words
from causalrec_lab.world.truth import PlatformTruth

__all__ = ["Platform"]


class Platform:
    """A platform with a finite population, a declared law of decisions and a known truth.

    Make one with `Platform.make`; everything it gives is a function of its seed, its dials and the seed of the call.

    Parameters
    ----------
    scenario
        Domain.
    seed
        Seed of the population and its texts.
    dials
        What the study turned.
    """

    def __init__(self, scenario: Scenario, seed: int, dials: Dials) -> None:
        self.scenario = scenario
        self.seed = seed
        self.dials = dials
        chosen: Coefficients = coefficients(scenario, dials)
        self.rule = chosen.exposure
        self.funnel = Funnel(scenario, chosen.stages, chosen.effect, dials.exclusion)
        self.population = draw_population(scenario, dials.n_users, dials.n_items, seed)
        self.law = Law(self.population, self.funnel, self.rule, seed)

    @classmethod
    def make(cls, scenario: str | Scenario = "ecommerce", seed: int = 0, **dials: Any) -> Platform:
        """Make a platform.

        Parameters
        ----------
        scenario
            Name of a preset, or a `Scenario` of your own.
        seed
            Seed of the population: users, items, texts, earlier exposures.
        **dials
            Any of `Dials`: n_users, n_items, confounding, text_r2, vocabulary, zipf, paraphrase, overlap, effect,
            instrument, exclusion, base_rate. Each moves only what it says: the same seed gives the same users and
            items. What is not given is as in the scenario's `defaults`, else as in `Dials`.

        Raises
        ------
        ValueError
            If the scenario is unknown, the seed negative, or a dial out of range.
        TypeError
            If there is no such dial; the nearest names are offered.
        """
        if seed != int(seed) or seed < 0:
            raise ValueError(f"seed={seed!r}: give a whole number of at least 0")
        chosen = find_scenario(scenario)
        return cls(chosen, int(seed), Dials.named({**chosen.defaults, **dials}))

    @staticmethod
    def linear_gaussian(seed: int = 0, **options: float) -> LinearGaussian:
        """Make the linear-Gaussian preset, whose path coefficients are exact; see `linear.linear_gaussian`."""
        return linear_gaussian(seed, **options)

    @property
    def covariates(self) -> tuple[str, ...]:
        """Columns of decisions that close every back door where `confounding` is 0: the inputs of the exposure rule.

        The lottery z is not among them: it is an instrument, and adjusting for it amplifies the bias of a hidden
        confounder.
        """
        return COVARIATES

    @cached_property
    def writing(self) -> Texts:
        """Titles and texts, with how much they tell: `.model`, `.measured_r2`; strings are made when asked for."""
        dials = self.dials
        return Texts(self.population, dials.text_r2, dials.vocabulary, self.seed, dials.zipf, dials.paraphrase)

    @cached_property
    def users(self) -> pd.DataFrame:
        """Users as a platform sees them: no taste, no hidden trait; `text` holds their earlier reviews."""
        return user_table(self.population, self.writing)

    @cached_property
    def items(self) -> pd.DataFrame:
        """Items as a platform sees them: title, text, category, price, popularity."""
        return item_table(self.population, self.writing)

    def contexts(self) -> pd.DataFrame:
        """What policies see: one row a user in user order, numeric columns; actions are items in item order."""
        return context_table(self.population)

    def log(self, n: int, seed: int = 0, *, pairs: str = "iid", propensity: str | None = "auto") -> Dataset:
        """Log n decisions of the platform's own exposure rule.

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
        Dataset with decisions (one row an eligible decision, in time order), events, items, users.

        Raises
        ------
        ValueError
            If n is not positive, "once" asks for too many rows, or an option is unknown.
        """
        draw = draw_decisions(self.law, n, seed, pairs=pairs)
        decisions, kind = decision_table(draw, propensity)
        about = About(
            title=f"{n:,} decisions of the simulated {self.scenario.name} platform",
            source=f"causalrec_lab.world, platform seed {self.seed}, log seed {seed}, {self.dials}",
            licence="made by this library; free to use",
            notes=f"propensity: {kind}; one row an eligible decision, treated or not",
        )
        return Dataset(
            name=self.scenario.name,
            decisions=decisions,
            events=event_table(decisions, self.funnel, self.scenario.amount),
            items=self.items,
            users=self.users,
            extra={"propensity": kind, "covariates": self.covariates},
            about=about,
        )

    def events(self, n: int, seed: int = 0) -> pd.DataFrame:
        """What happened in the n decisions of `log(n, seed)`, in time order: what a recommender trains on."""
        table = self.log(n, seed).events
        assert table is not None
        return table

    def texts(self, decisions: pd.DataFrame) -> list[str]:
        """Text of each decision: the user's earlier reviews, then the item's text."""
        users = known_ids(decisions, "user_id", self.population.n_users).tolist()
        items = known_ids(decisions, "item_id", self.population.n_items).tolist()
        said, written = self.writing.users, self.writing.items
        return [f"{said[u]} {written[i]}" for u, i in zip(users, items, strict=True)]

    def text_features(self, decisions: pd.DataFrame, kind: str = "bag") -> npt.NDArray[np.float32]:
        """Word counts of each decision's two texts together, (n, words) float32; words of at least two texts.

        Raises
        ------
        ValueError
            If `kind` is not "bag": embeddings are the recommender's business.
        """
        if kind != "bag":
            raise ValueError(
                f"kind={kind!r}: the platform only counts words ('bag'); embed `texts(decisions)` for more"
            )
        users = known_ids(decisions, "user_id", self.population.n_users)
        return bag_of_words(self.writing, users, known_ids(decisions, "item_id", self.population.n_items))

    def logging_policy(self, temperature: float = 1.0) -> SoftmaxPolicy:
        """Plackett-Luce softmax over the platform's own scores.

        Raises
        ------
        ValueError
            If the temperature is not positive.
        """
        if not temperature > 0:
            raise ValueError(f"temperature={temperature!r}: give a positive number; small is greedy, large is uniform")
        return SoftmaxPolicy(self.population, temperature)

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
            If n or length is not positive, the reward is unknown, or the policy's probabilities are no distributions.
        """
        check_count(n)
        if length != int(length) or length < 1:
            raise ValueError(f"length={length!r}: a list has at least one slot")
        if length == 1:
            return bandit_log(self.law, policy, self.contexts(), n, seed, reward)
        return slate_log(self.law, policy, self.contexts(), n, seed, reward, length)

    def experiment(
        self,
        policies: Mapping[str, Policy],
        n: int,
        seed: int = 0,
        *,
        shares: Mapping[str, float] | None = None,
        visits: int = 1,
    ) -> pd.DataFrame:
        """Randomise n users to arms; in each visit the arm's policy shows one item.

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
            the number; with more visits `pre_clicks` explains more of them.

        Returns
        -------
        DataFrame with user_id, arm, the scenario's attention before the experiment (pre_clicks: the covariate for
        CUPED), and its attention, main outcome and value within (click, purchase, revenue).

        Raises
        ------
        ValueError
            If there are more users asked for than there are, fewer than two arms, or the shares are none.
        """
        return run_experiment(self.law, policies, self.contexts(), n, seed, shares, visits)

    @property
    def truth(self) -> PlatformTruth:
        """What a log does not tell."""
        return PlatformTruth(self)

    def _repr_html_(self) -> str:
        """Scenario, seed and dials."""
        cells = {"scenario": self.scenario.name, "seed": self.seed} | self.dials.__dict__
        rows = "".join(f"<tr><th>{name}</th><td>{html.escape(str(value))}</td></tr>" for name, value in cells.items())
        return f'<table class="platform"><tbody>{rows}</tbody></table>'

    def __repr__(self) -> str:
        return f"Platform({self.scenario.name!r}, seed={self.seed}, {self.dials})"
