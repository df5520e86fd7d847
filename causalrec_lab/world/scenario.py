"""What a platform is made of: `Scenario` (coefficients and words) and `Dials` (what a study may turn).

A scenario is data, not code: a new domain is a new `Scenario` beside those in `presets`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

__all__ = ["Amount", "Category", "Coefficients", "Dials", "Effect", "Exposure", "Retention", "Scenario", "Stage"]


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


_RANGES: dict[str, tuple[float, float]] = {
    "n_users": (2, 10_000_000),
    "n_items": (2, 10_000_000),
    "confounding": (0.0, 3.0),
    "text_r2": (0.0, 0.95),
    "vocabulary": (18, 4_000),
    "overlap": (0.1, 1.0),
    "effect": (0.0, 3.0),
    "instrument": (0.0, 3.0),
    "exclusion": (-3.0, 3.0),
}
_MEANING = {
    "confounding": "0 closes the back door through the hidden trait, 1 is strong",
    "text_r2": "it is the share of the hidden trait's variance that the text tells; sampled words never tell all of it",
    "vocabulary": "it counts opinion phrases",
    "overlap": "1 is good overlap, 0.1 almost none",
}


@dataclass(frozen=True)
class Dials:
    r"""What a study may turn; everything else is the scenario's.

    Parameters
    ----------
    n_users, n_items
        Size of the finite population.
    confounding
        :math:`\gamma` of the exposure rule: how much exposure follows the hidden trait h.
    text_r2
        Target :math:`R^2` of h given the two texts, in [0, .95].
    vocabulary
        Opinion phrases the texts draw from (Zipf within each strength), 18 to 4,000.
    overlap
        Divides the slopes of the exposure rule: 1 as in the scenario, .1 almost deterministic exposure.
    effect
        Multiplies :math:`\tau_{ui}`; 0 makes every effect exactly zero.
    instrument
        Multiplies the lottery's coefficient in the exposure rule; 0 makes it irrelevant.
    exclusion
        Direct effect of the lottery on the first stage (logit); 0 keeps it a valid instrument.
    base_rate
        None or "realistic" for the scenario's own rates; "common" for frequent outcomes and propensities in [.1, .9].

    Raises
    ------
    ValueError
        If a dial lies outside its range, or the base rate is unknown.
    """

    n_users: int = 2_000
    n_items: int = 500
    confounding: float = 0.0
    text_r2: float = 0.7
    vocabulary: int = 60
    overlap: float = 1.0
    effect: float = 1.0
    instrument: float = 1.0
    exclusion: float = 0.0
    base_rate: str | None = None

    def __post_init__(self) -> None:
        """Refuse a dial that is out of its range."""
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
                why = f" ({_MEANING[name]})" if name in _MEANING else ""
                raise ValueError(f"{name}={value!r} is outside [{low:g}, {high:g}]{why}; give a number in that range")
            if name in ("n_users", "n_items", "vocabulary") and value != int(value):
                raise ValueError(f"{name}={value!r} is a count; give a whole number")

    @classmethod
    def named(cls, values: Mapping[str, Any]) -> Dials:
        """Dials from names and values; an unknown name is an error that offers the nearest ones."""
        known = [f.name for f in fields(cls)]
        for name in values:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=3) or known
                raise TypeError(f"the platform has no dial {name!r}; did you mean {', '.join(near)}?")
        return cls(**values)


def coefficients(scenario: Scenario, dials: Dials) -> Coefficients:
    """Coefficients of a scenario with the dials turned: slopes, effect and lottery scaled.

    Raises
    ------
    ValueError
        If the base rate is not one the scenario has.
    """
    rate = dials.base_rate or "realistic"
    if rate not in scenario.coefficients:
        known = list(scenario.coefficients)
        near = difflib.get_close_matches(rate, known, n=1) or known
        raise ValueError(f"base_rate={rate!r} is unknown to {scenario.name!r}; did you mean {' or '.join(near)}?")
    base = scenario.coefficients[rate]
    slopes = {
        name: getattr(base.exposure, name) / dials.overlap
        for name in ("affinity_hat", "log_popularity", "activity", "log_exposures")
    }
    exposure = replace(
        base.exposure,
        **slopes,
        lottery=base.exposure.lottery * dials.instrument,
        hidden=base.exposure.hidden * dials.confounding,
    )
    effect = Effect(*(dials.effect * getattr(base.effect, f.name) for f in fields(Effect)))
    return Coefficients(exposure, effect, base.stages)
