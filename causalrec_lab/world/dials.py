"""What a study may turn on a platform: `Dials`, and the coefficients of a scenario with them turned."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from causalrec_lab.world.arguments import is_number
from causalrec_lab.world.scenarios.scenario import Coefficients, Effect, Scenario

__all__ = ["Dials", "coefficients"]

_RANGES: dict[str, tuple[float, float]] = {
    "n_users": (2, 10_000_000),
    "n_items": (2, 10_000_000),
    "confounding": (0.0, 3.0),
    "text_r2": (0.0, 0.95),
    "vocabulary": (18, 4_000),
    "zipf": (0.0, 2.0),
    "paraphrase": (0.0, 1.0),
    "overlap": (0.1, 1.0),
    "effect": (0.0, 3.0),
    "instrument": (0.0, 3.0),
    "exclusion": (-3.0, 3.0),
    "drift": (0.0, 0.5),
    "cold": (0.0, 0.9),
    "shock": (-3.0, 3.0),
    "shock_day": (0, 364),
    "carry_over": (-3.0, 3.0),
    "interference": (0.0, 0.95),
    "abandonment": (0.0, 1.0),
}
_COUNTS = ("n_users", "n_items", "vocabulary", "shock_day")
_MEANING = {
    "confounding": "0 closes the back door through the hidden trait, 1 is strong",
    "text_r2": "it is the share of the hidden trait's variance that the text tells; sampled words never tell all of it",
    "vocabulary": "it counts opinion phrases",
    "zipf": "0 makes all phrases equally frequent, 1 is Zipf's law",
    "paraphrase": "it is the share of opinions written as whole sentences",
    "overlap": "1 is good overlap, 0.1 almost none",
    "drift": "it is the standard deviation of an affinity's change in one day",
    "cold": "it is the share of items that arrive after day 0",
    "shock_day": "the window has days 0 to 364",
    "interference": "it is the share of a category's expected sales that is not in stock",
    "abandonment": "it is the chance that a click ends the reading of a list",
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
    zipf
        Exponent of the phrases' frequencies within a strength: 1 is Zipf's law, 0 makes them equally frequent.
    paraphrase
        Share of opinions written as a whole sentence that names no quality ("I have told everyone about it") instead of
        a phrase of the vocabulary, in [0, 1]. Like vocabulary and zipf it changes words only, never what they tell.
    overlap
        Divides the slopes of the exposure rule: 1 as in the scenario, .1 almost deterministic exposure.
    effect
        Multiplies :math:`\tau_{ui}`, of touches too; 0 makes every effect exactly zero.
    instrument
        Multiplies the lottery's coefficient in the exposure rule; 0 makes it irrelevant.
    exclusion
        Direct effect of the lottery on the first stage (logit); 0 keeps it a valid instrument.
    base_rate
        None for the scenario's own rates ("realistic"); "common" for frequent outcomes and propensities in [.1, .9].
    drift
        Standard deviation of an affinity's change in one day: tastes walk at random, keeping their variance, while the
        platform's own estimate of them stays that of day 0.
    cold
        Share of the catalogue that arrives one by one between day 1 and day 364; until then such an item is in no
        decision. It has never been shown before, and its popularity is the lowest there is.
    shock, shock_day
        Logit by which the first stage moves on the 14 days from `shock_day` on: up in half of the categories, down in
        the others.
    carry_over
        Logit that a user's decision before this one, if it was treated, adds to the first stage.
    interference
        Share of a category's expected sales that is not in stock in a week: who comes too late passes no last stage
        (see `stock`).
    abandonment
        Chance that who clicks in a list reads no further: 0 is the position-based model, 1 the cascade of Craswell,
        Zoeter, Taylor and Ramsey (2008, WSDM) on examined positions. It touches lists of `slates` only.

    Raises
    ------
    ValueError
        If a dial lies outside its range, the base rate is unknown, or `cold` is turned together with `carry_over` or
        `interference`.
    """

    n_users: int = 2_000
    n_items: int = 500
    confounding: float = 0.0
    text_r2: float = 0.7
    vocabulary: int = 60
    zipf: float = 1.0
    paraphrase: float = 0.0
    overlap: float = 1.0
    effect: float = 1.0
    instrument: float = 1.0
    exclusion: float = 0.0
    base_rate: str | None = None
    drift: float = 0.0
    cold: float = 0.0
    shock: float = 0.0
    shock_day: int = 180
    carry_over: float = 0.0
    interference: float = 0.0
    abandonment: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a dial that is out of its range."""
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not is_number(value) or not low <= value <= high:
                why = f" ({_MEANING[name]})" if name in _MEANING else ""
                raise ValueError(f"{name}={value!r} is outside [{low:g}, {high:g}]{why}; give a number in that range")
            if name in _COUNTS and value != int(value):
                raise ValueError(f"{name}={value!r} is a count; give a whole number")
            plain = int(value) if name in _COUNTS else getattr(value, "item", lambda value=value: value)()
            object.__setattr__(self, name, plain)  # numpy's numbers become Python's
        for name in ("carry_over", "interference"):
            if self.cold and getattr(self, name):
                raise ValueError(
                    f"cold={self.cold:g} with {name}={getattr(self, name):g}: what a decision leaves behind is stated "
                    "for a catalogue that does not change; turn one of the two"
                )

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
    rate = next(iter(scenario.coefficients)) if dials.base_rate is None else dials.base_rate
    if rate not in scenario.coefficients:
        known = list(scenario.coefficients)
        near = difflib.get_close_matches(str(rate), known, n=1) or known
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
