"""What a platform is made of: `Scenario`, its coefficients and its words.

A scenario is data, not code: a new domain is a new `Scenario` beside those in `presets`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from causalrec_lab.world.scenarios.closed import Closed
from causalrec_lab.world.scenarios.equations import Amount, Coefficients, Effect, Exposure, Retention, Stage, Touch
from causalrec_lab.world.scenarios.vocabulary import Case, Category, Cost, Segment, Voice
from causalrec_lab.world.scenarios.wellformed import check_scenario

if TYPE_CHECKING:
    from causalrec_lab.data.dataset import Dataset

__all__ = [
    "Amount",
    "Case",
    "Category",
    "Coefficients",
    "Cost",
    "Effect",
    "Exposure",
    "Retention",
    "Scenario",
    "Segment",
    "Stage",
    "Touch",
    "Voice",
]


@dataclass(frozen=True)
class Scenario(Closed):
    """A domain: its words, its units and its coefficients at each base rate.

    Parameters
    ----------
    name
        As `Platform.make` takes it.
    coefficients
        Base rate -> coefficients, all with the same stages; the first is the default ("realistic"), "common" the preset
        for validating estimators.
    amount, retention
        The two outcomes beside the funnel.
    cost
        The number an item carries, and what is earned by it.
    categories, colours, styles, uses
        Words of the text grammar.
    voice
        Frames of the text grammar.
    frame
        What surrounds a thumbnail: "film", "record", or nothing.
    segments
        Segment name -> the categories its users like, and who they are.
    regions
        Region names; each segment is a little commoner in some of them.
    age_activity, age_sensitivity
        Correlations of users' log activity and log cost sensitivity with age, in (-1, 1).
    taste
        Dimension K of tastes and item attributes.
    nodes
        Seasons in the law of decisions: equal spans of the year.
    popularity
        Exponent of the power law of item popularity; or an empirical curve, relative popularities at evenly spaced
        ranks from the most to the least popular item (two at least, all positive, never rising).
    activity
        Standard deviation of users' log activity; or an empirical curve, relative activities at evenly spaced quantiles
        from 0 to 1 (two at least, positive, never falling; the median user is given activity 1).
    shares
        Category -> share of the items, summing to 1; None gives each category as many.
    positions
        Share of the decisions at each position, the first first, summing to 1.
    examination
        Exponent of the examination curve: position k (0 first) is looked at with chance :math:`(k + 1)^{-exponent}`.
    defaults
        Dials a platform of this scenario is made with unless they are given: {"n_items": 2_000}, say.
    outcome
        The main outcome, what truth is about unless another is named; the last stage where left empty.
    attention
        The outcome policies are rewarded by unless another is named; the amount's stage where left empty.
    touches
        What may go with a recommendation beside nothing; () where nothing may. Numbered from 1 on, 0 is "none".
    case
        What a study of the platform needs to say: its goal, what it is worth.
    notes
        What was assumed where the scenario was made like a log.

    Raises
    ------
    ValueError
        If a field is empty, negative or out of its range, shares do not sum to 1, a category is unknown, categories
        differ in their numbers of words, an outcome follows no stage, or two columns have one name.
    """

    name: str
    coefficients: Mapping[str, Coefficients]
    amount: Amount
    retention: Retention
    cost: Cost
    categories: tuple[Category, ...]
    colours: tuple[str, ...]
    styles: tuple[str, ...]
    uses: tuple[str, ...]
    segments: Mapping[str, Segment]
    regions: tuple[str, ...]
    voice: Voice = field(default_factory=Voice)
    frame: str = ""
    taste: int = 8
    nodes: int = 4
    popularity: float | tuple[float, ...] = 0.9
    activity: float | tuple[float, ...] = 0.6
    shares: Mapping[str, float] | None = None
    positions: tuple[float, ...] = (0.5, 0.25, 0.15, 0.1)
    examination: float = 0.7
    age_activity: float = -0.2
    age_sensitivity: float = -0.25
    defaults: Mapping[str, Any] = field(default_factory=dict)
    outcome: str = ""
    attention: str = ""
    touches: tuple[Touch, ...] = ()
    case: Case | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Fill the two names left empty, and refuse what does not fit together."""
        check_scenario(self)
        super().__post_init__()
        if not self.outcome:
            object.__setattr__(self, "outcome", self.stages[-1])
        if not self.attention:
            object.__setattr__(self, "attention", self.amount.after)

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages, in the order of the funnel."""
        return tuple(stage.name for stage in next(iter(self.coefficients.values())).stages)

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Every outcome: the stages, the amount, the return, and what is earned where something is."""
        earned = () if self.cost.earned is None else (self.cost.earned,)
        return (*self.stages, self.amount.name, self.retention.name, *earned)

    @property
    def value(self) -> str:
        """The outcome a platform counts its gain in: what is earned, or the amount where nothing is sold."""
        return self.cost.earned or self.amount.name

    @property
    def touch_names(self) -> tuple[str, ...]:
        """What may go with a recommendation, by its number: "none" is 0."""
        return ("none", *(touch.name for touch in self.touches))

    @property
    def touch_costs(self) -> tuple[float, ...]:
        """What each costs, by its number, in `Touch.unit`."""
        return (0.0, *(touch.cost for touch in self.touches))

    @classmethod
    def from_dataset(
        cls,
        dataset: Dataset,
        *,
        outcome: str | None = None,
        treatment: str = "treated",
        covariates: Sequence[str] = (),
        text: str | None = None,
        base: str | Scenario = "ecommerce",
        confounding: float = 0.0,
        seed: int = 0,
    ) -> Scenario:
        r"""Scenario whose platform writes logs like this one, so that estimators can be judged where truth is known.

        From the log: how popular items and how active users are, the mix of categories, sizes; the share of decisions
        treated and how far logged columns (or stored propensities) foretell it; how often the outcome is reached in
        either arm, and how much of their contrast the logged columns explain; how much of the outcome the text says.
        Not from the log, because no log tells it: hidden confounding. `confounding` is assumed, and the effect is what
        remains of the contrast under that assumption, :math:`E[Y|T=1] - E[Y|T=0] = ATT + selection`; scenarios of
        several strengths are alike in all that was logged and differ in their truth. `notes` says all that was assumed.

        Parameters
        ----------
        dataset
            Decisions, slates with propensities, or events; else rows or a matrix of ratings in `extra`.
        outcome
            Column (or, in events, kind) that counts: 0/1, ratings of at most eleven values (a high one counts), or an
            amount. None: the base's main outcome, "reward", "rating" or "value", where there is one.
        treatment
            0/1 column of decisions.
        covariates
            Numeric columns of the rows that the exposure rule looked at; needed where no propensity is stored.
        text
            Column of text in the rows, items or users; None: "text" of items and users, else of the rows.
        base
            Scenario for everything the log does not tell: words, units, funnel.
        confounding
            The dial under which levels are matched, and the scenario's default.
        seed
            Of folds, samples and trial platforms.

        Raises
        ------
        ValueError
            If there is nothing to read, a named column is not there or holds no numbers, the treatment has a single
            class, or the outcome is constant or negative.
        """
        from causalrec_lab.world.alike.matching import scenario_like

        return scenario_like(
            dataset, outcome=outcome, treatment=treatment, covariates=covariates, text=text, base=base,
            confounding=confounding, seed=seed,
        )  # fmt: skip
