"""`Platform`: one structural causal model of a recommendation platform, whose truth is known."""

from __future__ import annotations

import copy
import html
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.world.arguments import whole
from causalrec_lab.world.designs.frontdoor import FrontDoor, front_door
from causalrec_lab.world.designs.linear import LinearGaussian, linear_gaussian
from causalrec_lab.world.designs.returning import Retention, retention
from causalrec_lab.world.designs.staggered import Rollout, rollout
from causalrec_lab.world.dials import Dials, coefficients
from causalrec_lab.world.law.days import Calendar, checked_days, draw_arrivals, unknown_until_arrival
from causalrec_lab.world.law.exposure import COVARIATES
from causalrec_lab.world.law.law import Law
from causalrec_lab.world.law.outcomes import Funnel
from causalrec_lab.world.logging.showings import Showings
from causalrec_lab.world.people.population import draw_population, known_ids
from causalrec_lab.world.people.tables import context_table, item_table, user_table
from causalrec_lab.world.scenarios.presets import scenario as find_scenario
from causalrec_lab.world.scenarios.scenario import Coefficients, Scenario
from causalrec_lab.world.touches.shifts import turned
from causalrec_lab.world.truths.truth import PlatformTruth
from causalrec_lab.world.writing.text import Texts, bag_of_words
from causalrec_lab.world.writing.thumbnails import draw_thumbnails

__all__ = ["Platform"]


class Platform(Showings):
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
        self.funnel = Funnel(
            scenario, chosen.stages, chosen.effect, dials.exclusion, turned(scenario.touches, dials.effect)
        )
        arrival = draw_arrivals(dials.n_items, dials.cold, seed)
        drawn = draw_population(scenario, dials.n_users, dials.n_items, seed)
        self.population = unknown_until_arrival(drawn, arrival) if dials.cold else drawn
        calendar = Calendar(self.population, dials.drift, dials.shock, int(dials.shock_day), arrival, seed)
        law = Law(self.population, self.funnel, self.rule, seed, calendar)
        self.law = replace(law, carry_over=dials.carry_over, interference=dials.interference)
        self.law = replace(self.law, abandonment=dials.abandonment)

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
            instrument, exclusion, base_rate, drift, cold, shock, shock_day, carry_over, interference, abandonment. Each
            moves only what it says: the same seed gives the same users and items. What is not given is as in the
            scenario's `defaults`, else as in `Dials`.

        Raises
        ------
        ValueError
            If the scenario is unknown, the seed negative, or a dial out of range.
        TypeError
            If there is no such dial; the nearest names are offered.
        """
        chosen = find_scenario(scenario)
        return cls(chosen, whole("seed", seed, least=0), Dials.named({**chosen.defaults, **dials}))

    @staticmethod
    def linear_gaussian(seed: int = 0, **options: float) -> LinearGaussian:
        """Make the linear-Gaussian preset, whose path coefficients are exact; see `linear.linear_gaussian`."""
        return linear_gaussian(seed, **options)

    @staticmethod
    def front_door(seed: int = 0, **options: Any) -> FrontDoor:
        """Make the front-door preset: all of the effect flows through one mediator; see `frontdoor.front_door`."""
        return front_door(seed, **options)

    @staticmethod
    def retention(seed: int = 0, **options: Any) -> Retention:
        """Make the retention preset: daily decisions that tire or please; see `returning.retention`."""
        return retention(seed, **options)

    @staticmethod
    def rollout(seed: int = 0, **options: Any) -> Rollout:
        """Make the rollout preset: regions adopt on different days; see `staggered.rollout`."""
        return rollout(seed, **options)

    def on(self, days: int | Iterable[int]) -> Platform:
        """The platform on one day of the window, or on several, each with the same chance.

        Its logs have moments of those days, and its truth is that of those days: their season, and with `drift`,
        `cold` or `shock` their tastes, catalogue and demand. Users, items, texts and the platform's own estimates are
        the same. The platform itself is on all 365 days.

        Parameters
        ----------
        days
            0 to 364.

        Raises
        ------
        ValueError
            If a day lies outside the window.
        """
        snapshot = copy.copy(self)
        snapshot.__dict__["writing"] = self.writing  # words are the same on all days, and made once
        snapshot.law = self.law.on(checked_days(days))
        return snapshot

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
    def thumbnails(self) -> npt.NDArray[np.uint8]:
        """Picture of each item, (n_items, 16, 16, 3), drawn from its attributes; see `thumbnails.gallery` to look."""
        return draw_thumbnails(self.population, self.writing.item_colours, self.seed)

    @cached_property
    def users(self) -> pd.DataFrame:
        """Users as a platform sees them: no taste, no hidden trait; `text` holds their earlier reviews."""
        return user_table(self.population, self.writing)

    @cached_property
    def items(self) -> pd.DataFrame:
        """Items as a platform sees them: title, text, category, price, popularity; with `cold`, their arrival_day."""
        table = item_table(self.population, self.writing)
        return table.assign(arrival_day=self.population.arrival) if self.dials.cold else table

    def contexts(self) -> pd.DataFrame:
        """What policies see: one row a user in user order, numeric columns; actions are items in item order."""
        return context_table(self.population)

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

    @property
    def truth(self) -> PlatformTruth:
        """What a log does not tell."""
        return PlatformTruth(self)

    def _repr_html_(self) -> str:
        """Scenario, seed and dials."""
        cells = {"scenario": self.scenario.name, "seed": self.seed} | self.dials.__dict__ | self._when
        rows = "".join(f"<tr><th>{name}</th><td>{html.escape(str(value))}</td></tr>" for name, value in cells.items())
        return f'<table class="platform"><tbody>{rows}</tbody></table>'

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another process as what it was made from, and be made again there."""
        return _remade, (self.scenario, self.seed, self.dials, self.law.days)

    def __repr__(self) -> str:
        when = "".join(f", {name}: {value}" for name, value in self._when.items())
        return f"Platform({self.scenario.name!r}, seed={self.seed}, {self.dials}{when})"

    @property
    def _when(self) -> dict[str, str]:
        days = self.law.days
        if days is None:
            return {}
        return {"day": str(days[0])} if len(days) == 1 else {"days": f"{days[0]} to {days[-1]} ({len(days)})"}


def _remade(scenario: Scenario, seed: int, dials: Dials, days: tuple[int, ...] | None) -> Platform:
    made = Platform(scenario, seed, dials)
    return made if days is None else made.on(days)
