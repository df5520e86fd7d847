r"""Outcomes: a funnel of logits, an amount behind a hurdle, and the return next day; all with two potential outcomes.

Every outcome has a mean of the form :math:`E[Y(t) | u, i] = A_{ui} + B_{ui} P_{stage}(t)`, where :math:`P_{stage}` is
the chance that a stage of the funnel is reached; so every effect is :math:`B_{ui} (P_{stage}(1) - P_{stage}(0))`, in
closed form.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from causalrec_lab.world.law.amounts import amount_mean
from causalrec_lab.world.law.exposure import sigmoid
from causalrec_lab.world.people.population import Floats, Ints, Pairs
from causalrec_lab.world.scenarios.scenario import Effect, Scenario, Stage, Touch

__all__ = ["Funnel", "Link", "check_outcome", "outcome_link"]


@dataclass(frozen=True)
class Funnel:
    """The stages of one platform with its dials turned.

    Parameters
    ----------
    scenario
        Words and shapes; its coefficients are replaced by the two below.
    stages
        Logits in order.
    effect
        The heterogeneous effect.
    exclusion
        Direct effect of the lottery on the first stage.
    touches
        What may go with a recommendation.
    """

    scenario: Scenario
    stages: tuple[Stage, ...]
    effect: Effect
    exclusion: float = 0.0
    touches: tuple[Touch, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Stage names in order."""
        return tuple(stage.name for stage in self.stages)

    def effect_logit(self, pairs: Pairs) -> Floats:
        """tau_ui on the logit scale; a stage takes it times its own `treatment`."""
        effect = self.effect
        mean_activity = float(pairs.population.activity.mean())
        tau = effect.base - effect.tail * pairs.log_popularity - effect.light * (pairs.activity - mean_activity)
        return tau - effect.fatigue * pairs.log_exposures

    def stage_logit(self, stage: Stage, pairs: Pairs, lottery: npt.ArrayLike = 0.0) -> Floats:
        """Logit of one stage at T = 0 and without season."""
        logit = stage.affinity * pairs.affinity
        logit += stage.intercept
        if stage.hidden:
            logit += stage.hidden * pairs.hidden
        if stage.cost:
            logit -= stage.cost * pairs.cost_pain
        if stage.log_popularity:
            logit += stage.log_popularity * pairs.log_popularity
        if stage.activity:
            logit += stage.activity * pairs.activity
        if stage.fatigue:
            logit -= stage.fatigue * pairs.log_exposures
        if stage.novelty:
            logit += stage.novelty * (pairs.exposures == 0)
        if stage.name in pairs.shifts:
            logit = logit + pairs.shifts[stage.name]
        if self.exclusion and stage is self.stages[0]:
            logit += self.exclusion * np.asarray(lottery, dtype=np.float64)
        return logit + pairs.demand if stage is self.stages[0] and np.any(pairs.demand) else logit

    def season(self, node: npt.ArrayLike, category: Ints) -> Floats:
        """Seasonal demand of categories: a cosine of the year with its peak where the category has it, in [-1, 1]."""
        peak = np.array([c.peak for c in self.scenario.categories])
        middle = (np.asarray(node) + 0.5) / self.scenario.nodes
        return np.asarray(np.cos(2 * np.pi * (middle - peak[category])))

    def reached(
        self,
        pairs: Pairs,
        last: str,
        treated: Iterable[int | Ints],
        node: Ints | None = None,
        lottery: npt.ArrayLike = 0.0,
        examined: Floats | float = 1.0,
    ) -> list[Floats]:
        """P(stage `last` and all before it are passed) for each treatment asked for.

        Parameters
        ----------
        pairs
            A log's pairs or a block.
        last
            Stage up to which the product goes.
        treated
            Treatments: 0, 1, or one array of them a pair.
        node
            Season of each pair; None averages over the law's seasons.
        lottery
            z; it only matters where exclusion is broken.
        examined
            Chance that the position is examined; 1 is the first position.
        """
        stages = self.stages[: self.names.index(last) + 1]
        logits = [self.stage_logit(stage, pairs, lottery) for stage in stages]
        tau = self.effect_logit(pairs)
        nodes = range(self.scenario.nodes) if node is None else [node]
        seasons = [self.season(at, pairs.category) for at in nodes]
        shifts = [None if isinstance(t, int) and t == 0 else tau * np.asarray(t, dtype=np.float64) for t in treated]
        chances = [_product(stages, logits, shift, seasons) for shift in shifts]
        return chances if isinstance(examined, float) and examined == 1.0 else [chance * examined for chance in chances]


def _product(stages: tuple[Stage, ...], logits: list[Floats], tau: Floats | None, seasons: list[Floats]) -> Floats:
    """Mean over seasons of the product of stage probabilities; a stage without season is computed once."""
    shifted = [
        (stage, logit if tau is None or not stage.treatment else logit + stage.treatment * tau)
        for stage, logit in zip(stages, logits, strict=True)
    ]
    seasonal = [(stage.season, logit) for stage, logit in shifted if stage.season]
    steady = [sigmoid(logit.copy()) for stage, logit in shifted if not stage.season]
    if not seasonal:
        return _chain(steady)
    total = sum(_chain([sigmoid(logit + weight * season) for weight, logit in seasonal]) for season in seasons)
    return _chain([np.asarray(total / len(seasons)), *steady])


def _chain(chances: list[Floats]) -> Floats:
    """Product, in the memory of the first."""
    first, *others = chances
    for other in others:
        np.multiply(first, other, out=first)
    return first


@dataclass(frozen=True)
class Link:
    """How an outcome hangs on the funnel: E[Y(t)] = offset + scale * P(stage reached under t)."""

    stage: str
    offset: Floats | float
    scale: Floats | float


def outcome_link(funnel: Funnel, outcome: str, pairs: Pairs) -> Link:
    """Offset and scale of an outcome for some pairs.

    Raises
    ------
    ValueError
        If the scenario has no such outcome; the message offers the nearest.
    """
    check_outcome(funnel, outcome)
    scenario = funnel.scenario
    amount, retention = scenario.amount, scenario.retention
    if outcome == amount.name:
        return Link(amount.after, 0.0, amount_mean(amount, np.asarray(amount_location(funnel, pairs))))
    if outcome == retention.name:
        without, reached = return_chances(funnel, pairs)
        return Link(retention.after, without, reached - without)
    if outcome == scenario.cost.earned:
        return Link(funnel.names[-1], 0.0, pairs.population.cost[pairs.items])
    return Link(outcome, 0.0, 1.0)


def check_outcome(funnel: Funnel, outcome: str | None, default: str | None = None) -> str:
    """Give the outcome back, or the default (the scenario's main outcome) for None.

    Raises
    ------
    ValueError
        If the scenario has no such outcome; the message offers the nearest.
    """
    if outcome is None:
        return default or funnel.scenario.outcome
    if outcome not in (known := funnel.scenario.outcomes):
        near = difflib.get_close_matches(str(outcome), known, n=3) or known
        raise ValueError(f"outcome {outcome!r} is unknown to {funnel.scenario.name!r}; did you mean {', '.join(near)}?")
    return outcome


def amount_location(funnel: Funnel, pairs: Pairs) -> Floats:
    """Mean of the score of an amount (without a curve, of its logarithm), given that it is not zero."""
    amount = funnel.scenario.amount
    location = amount.intercept + amount.affinity * pairs.affinity + amount.hidden * pairs.hidden
    return location + amount.cost * np.log(pairs.population.cost)[pairs.items] if amount.cost else location


def return_chances(funnel: Funnel, pairs: Pairs) -> tuple[Floats, Floats]:
    """P(return next day) where the stage it hangs on was not, and was, reached."""
    retention = funnel.scenario.retention
    logit = retention.intercept + retention.activity * pairs.activity
    if retention.name in pairs.shifts:
        logit = logit + pairs.shifts[retention.name]
    return sigmoid(logit.copy()), sigmoid(logit + retention.reached)
