"""`Words`: the people, things, verbs and outcomes of a domain, in one language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any

from causalrec_lab.causal.effects.columns import nearest
from causalrec_lab.explain.reasons.vocabulary import COMMON, DOMAINS, LANGUAGES
from causalrec_lab.world.scenarios.scenario import Scenario

__all__ = ["Words", "words"]


@dataclass(frozen=True)
class Words:
    """What a sentence is made with.

    Parameters
    ----------
    language
        "en" or "zh".
    people
        Whom the group consists of ("viewers").
    an_item, items
        What is recommended ("a video", "videos").
    acts
        Kind of event -> verb with {} for the titles ("watched {}"), from the weakest to the strongest. Kinds without a
        verb are never cited.
    outcomes
        Outcome -> what rises or falls ("the chance of watching it to the end").
    neutral
        Verb where the log tells no kinds of event.
    liking
        How a liked category is named, from {category} and {items} ("{category} videos").

    Raises
    ------
    ValueError
        If the language is unknown, or a verb has no place, or more than one, for the titles.
    """

    language: str
    people: str
    an_item: str
    items: str
    acts: Mapping[str, str]
    outcomes: Mapping[str, str]
    neutral: str
    liking: str = "{category}"

    def __post_init__(self) -> None:
        """Close the mappings, and refuse verbs without a place for titles."""
        _check_language(self.language)
        for verb in (self.neutral, *self.acts.values()):
            if verb.count("{}") != 1 or verb.replace("{}", "").count("{") or "“" in verb:
                raise ValueError(f"Words: the verb {verb!r} needs one {{}}, where the titles go, and no other braces")
        object.__setattr__(self, "acts", MappingProxyType(dict(self.acts)))
        object.__setattr__(self, "outcomes", MappingProxyType(dict(self.outcomes)))

    def verb(self, kind: str) -> str:
        """Verb of a kind of event; the neutral one where the log tells no kinds."""
        return self.acts.get(kind, self.neutral)

    def what(self, outcome: str, chance: bool) -> str:
        """What rises or falls; the outcome's own name where there are no words for it."""
        name = outcome.replace("_", " ")
        plain = name if not chance else f"the chance of {name}" if self.language == "en" else f"{name}的概率"
        return self.outcomes.get(outcome, plain)

    def having(self, **changes: Any) -> Words:
        """These words with some fields changed: `having(acts={"listened": "listened to {}"})`.

        Raises
        ------
        ValueError
            If there is no such field.
        """
        names = [field.name for field in fields(self)]
        if unknown := [name for name in changes if name not in names]:
            raise ValueError(f"Words has no {unknown[0]!r}; {nearest(unknown[0], names)}")
        return replace(self, **changes)


def words(scenario: str | Scenario | Words = "", language: str = "en") -> Words:
    """Words of a scenario by its name; neutral ones ("chose", "people", "item") where there are none of its own.

    Kinds of event that a domain does not name keep the verbs they have everywhere ("purchase": "bought {}").

    Parameters
    ----------
    scenario
        Its name, the scenario, or words of your own, given back as they are.
    language
        "en" or "zh".

    Raises
    ------
    ValueError
        If the language is unknown.
    """
    if isinstance(scenario, Words):
        return scenario
    _check_language(language)
    name = scenario.name if isinstance(scenario, Scenario) else str(scenario)
    common, own = COMMON[language], DOMAINS.get(name, {}).get(language, {})
    plain = {k: own.get(k, common[k]) for k in ("people", "an_item", "items", "neutral", "liking")}
    return Words(
        language, **plain, acts=_ordered(common["acts"], own), outcomes=common["outcomes"] | own.get("outcomes", {})
    )


def _ordered(common: Mapping[str, str], own: Mapping[str, Any]) -> dict[str, str]:
    """A domain's own verbs in their order; those it does not name come before them, as the weaker ones."""
    acts: Mapping[str, str] = own.get("acts", {})
    return {kind: verb for kind, verb in common.items() if kind not in acts} | dict(acts)


def _check_language(language: str) -> None:
    if language not in LANGUAGES:
        raise ValueError(f"language={language!r}: reasons are written in {', '.join(map(repr, LANGUAGES))}")
