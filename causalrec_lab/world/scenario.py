"""What a platform is made of: `Scenario`, its coefficients and its words.

A scenario is data, not code: a new domain is a new `Scenario` beside those in `presets`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Amount", "Category", "Coefficients", "Effect", "Exposure", "Retention", "Scenario", "Stage"]


@dataclass(frozen=True)
class Stage:
    r"""One stage of the funnel: a logit, given that the stage before was reached.

    .. math:: \eta = c_0 + c_r r_{ui} + c_h h_{ui} + c_p \log pop_i + c_a a_u - c_m s_u \log(price_i / typical)
              + c_s season - c_f \log(1 + n_{ui}) + c_n 1\{n_{ui} = 0\} + c_\tau \tau_{ui} T

    Parameters
    ----------
    name
        Column of the log: 1 where this stage and all before it were passed.
    intercept, affinity, hidden, log_popularity, activity, price, season, fatigue, novelty, treatment
        The coefficients above, in that order; all on the logit scale.
    """

    name: str
    intercept: float
    affinity: float = 0.0
    hidden: float = 0.0
    log_popularity: float = 0.0
    activity: float = 0.0
    price: float = 0.0
    season: float = 0.0
    fatigue: float = 0.0
    novelty: float = 0.0
    treatment: float = 0.0


@dataclass(frozen=True)
class Exposure:
    r"""The platform's exposure rule, clipped to `clip`; :math:`\gamma` is the dial `confounding` times `hidden`.

    .. math:: e = \sigma(a_0 + a_1 \hat r + a_2 \log pop + a_3 a_u + a_5 \log(1 + n) + a_4 z + \gamma h)
    """

    intercept: float
    affinity_hat: float
    log_popularity: float
    activity: float
    log_exposures: float
    lottery: float
    hidden: float = 1.0
    clip: tuple[float, float] = (0.01, 0.99)


@dataclass(frozen=True)
class Effect:
    r"""Heterogeneous effect on the logit.

    .. math:: \tau_{ui} = b_0 - b_1 \log pop_i - b_2 (a_u - \bar a) - b_3 \log(1 + n_{ui})

    With positive `tail` and `light` it is larger for the long tail and for light users; with positive `fatigue` it
    turns negative for a pair that was shown often.
    """

    base: float
    tail: float
    light: float
    fatigue: float


@dataclass(frozen=True)
class Amount:
    r"""Hurdle log-normal amount in `unit`: 0, or after `after` :math:`\exp(c_0 + c_r r + c_h h + \sigma\epsilon)`."""

    name: str
    after: str
    unit: str
    intercept: float
    affinity: float
    hidden: float
    sigma: float


@dataclass(frozen=True)
class Retention:
    r"""Return next day, :math:`\sigma(c_0 + c_a a_u + c_y Y_{after})`: treatment acts only through `after`."""

    name: str
    after: str
    intercept: float
    activity: float
    reached: float


@dataclass(frozen=True)
class Category:
    """Words and prices of one category: what stands in titles, texts and the table of items."""

    name: str
    nouns: tuple[str, ...]
    materials: tuple[str, ...]
    aspects: tuple[str, ...]
    price: float
    peak: float  # time of the year with the highest demand, in [0, 1)


@dataclass(frozen=True)
class Coefficients:
    """Everything that decides exposure and outcomes; a scenario holds one set for each base rate."""

    exposure: Exposure
    effect: Effect
    stages: tuple[Stage, ...]


@dataclass(frozen=True)
class Scenario:
    """A domain: its words, its units and its coefficients at each base rate.

    Parameters
    ----------
    name
        As `Platform.make` takes it.
    coefficients
        Base rate -> coefficients; "realistic" is the default, "common" the preset for validating estimators.
    amount, retention
        The two outcomes beside the funnel.
    categories, colours, styles, uses
        Words of the text grammar.
    segments
        Segment name -> the categories its users like.
    regions
        Region names.
    currency
        Unit of price and revenue.
    taste
        Dimension K of tastes and item attributes.
    nodes
        Seasons in the law of decisions: equal spans of the year.
    popularity
        Exponent of the power law of item popularity.

    Raises
    ------
    ValueError
        If categories differ in their numbers of words, a segment likes no category, or an outcome follows no stage.
    """

    name: str
    coefficients: Mapping[str, Coefficients]
    amount: Amount
    retention: Retention
    categories: tuple[Category, ...]
    colours: tuple[str, ...]
    styles: tuple[str, ...]
    uses: tuple[str, ...]
    segments: Mapping[str, tuple[str, ...]]
    regions: tuple[str, ...]
    currency: str
    taste: int = 8
    nodes: int = 4
    popularity: float = 0.9

    def __post_init__(self) -> None:
        """Refuse words that do not fit together."""
        for words in ("nouns", "materials", "aspects"):
            if len(counts := {len(getattr(category, words)) for category in self.categories}) != 1:
                raise ValueError(f"scenario {self.name!r}: categories have {sorted(counts)} {words}; give each as many")
        names = {category.name for category in self.categories}
        for segment, likes in self.segments.items():
            if unknown := sorted(set(likes) - names):
                raise ValueError(
                    f"scenario {self.name!r}: segment {segment!r} likes {unknown}, no category; {sorted(names)}"
                )
        for rate, chosen in self.coefficients.items():
            stages = [stage.name for stage in chosen.stages]
            for beyond in (self.amount, self.retention):
                if beyond.after not in stages:
                    raise ValueError(
                        f"scenario {self.name!r}, {rate}: {beyond.name!r} comes after {beyond.after!r}, "
                        f"which is no stage; those are {stages}"
                    )
