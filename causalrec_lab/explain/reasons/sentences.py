"""From findings to a sentence: what is claimed, in which words, and which of them nobody may change."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from causalrec_lab.estimate import Estimate
from causalrec_lab.explain.reasons.domain_words import Words
from causalrec_lab.explain.reasons.figures import decimals, number_text
from causalrec_lab.explain.reasons.templates import TEMPLATES, Templates
from causalrec_lab.explain.reasons.titles import quoted, shown_title

__all__ = ["Clauses", "effect_clause", "group_text", "is_told", "likes_text", "opening_clauses", "written"]

_PLACE = re.compile(r"(\d+) of (\d+)")
_AROUND = "，, "


@dataclass(frozen=True)
class Clauses:
    """Clauses of a sentence, and the parts of them that are claims: these stand word for word or not at all."""

    clauses: tuple[str, ...]
    claims: tuple[str, ...]


def is_told(estimate: Estimate) -> bool:
    """Whether an effect can be told: its interval is a number at either end and does not cover 0."""
    low, high = estimate.low, estimate.high
    return bool(np.isfinite([low, high]).all()) and (low > 0 or high < 0)


def opening_clauses(
    kind: str,
    acts: Sequence[tuple[str, str]],
    liked: str,
    words: Words,
    *,
    needed: bool = True,
    topic: bool = False,
    rank: int = 0,
    k: int = 0,
    popular: tuple[int, int] | None = None,
) -> Clauses:
    """What is said of the user's history.

    Parameters
    ----------
    kind
        "history", "forced", "lone" or "cold", as in `Reasons`.
    acts
        (kind of event, shown title) of each cited item, the strongest evidence first.
    liked
        Category or topic, empty for none.
    words
        Of the domain.
    needed
        Whether the item falls out of the first k without what is cited.
    topic
        Whether `liked` is a topic.
    rank, k
        Of an item that was not recommended.
    popular
        Place and number of items, for somebody without a history.
    """
    template = TEMPLATES[words.language]
    if kind in ("cold", "lone"):
        opening = template.cold if kind == "cold" else template.lone
        more = () if popular is None else (_popular(template, words, *popular),)
        return Clauses((opening, *more), (opening, *more))
    if not acts:
        opening = template.unforced.format(rank=rank, k=k)
        return Clauses((opening,), (opening,))
    done = _acts(acts, words, template)
    likes = likes_text(liked, words, topic) if liked else ""
    openings = (template.partly, template.because)
    pattern = openings[needed] if kind == "history" else template.forced
    opening = pattern.format(acts=template.acts.join(done), likes=likes, rank=rank, k=k)
    claims = (*done, likes.strip(_AROUND)) if likes else tuple(done)
    return Clauses((opening,), claims if kind == "history" and needed else (opening,))


def likes_text(liked: str, words: Words, topic: bool) -> str:
    """What is said of a liked category or topic, as it joins the acts before it."""
    template = TEMPLATES[words.language]
    name = {"category": shown_title(liked, "?"), "items": words.items}
    return (template.likes_topic if topic else template.likes).format(**name, liking=words.liking.format(**name))


def _popular(template: Templates, words: Words, place: int, count: int) -> str:
    return template.popular.format(people=words.people, items=words.items, place=place, count=count)


def _acts(acts: Sequence[tuple[str, str]], words: Words, template: Templates) -> list[str]:
    """One phrase a verb, with all its titles."""
    by_verb: dict[str, list[str]] = {}
    for kind, title in acts:
        by_verb.setdefault(words.verb(kind), []).append(quoted(title))
    return [verb.replace("{}", template.join.join(titles)) for verb, titles in by_verb.items()]


def group_text(group: str, by: str, words: Words) -> str:
    """A group by its column and name: "activity: lowest third"."""
    template = TEMPLATES[words.language]
    name = shown_title(group, "?")
    if match := _PLACE.fullmatch(group):
        place, count = int(match[1]), int(match[2])
        named = template.parts.get(count)
        name = named[place - 1] if named and 1 <= place <= count else template.place.format(place=group)
    column = template.columns.get(by, shown_title(by, "?").replace("_", " "))
    return template.group.format(by=column, group=name)


def effect_clause(estimate: Estimate, group: str, by: str, outcome: str, unit: str, words: Words) -> str:
    """What is said of the group: that showing raises or lowers the outcome, or that this cannot be told.

    A chance is written in percentage points, another outcome in its unit. What lowers is written without a minus, its
    interval turned round.

    Parameters
    ----------
    estimate
        With a finite interval.
    group, by, outcome, unit
        As in `GroupEffects`.
    words
        Of the domain.
    """
    template, scale = TEMPLATES[words.language], 1.0 if unit else 100.0
    value, low, high = (scale * x for x in (estimate.value, estimate.low, estimate.high))
    pattern = template.raises if low > 0 else template.lowers if high < 0 else template.unsure
    if high < 0:
        value, low, high = -value, -high, -low
    places = decimals(value, low, high)
    figure = template.figure.format(
        value=number_text(value, places), low=number_text(low, places), high=number_text(high, places),
        unit=template.units.get(unit, shown_title(unit, "?")) if unit else template.points,
    )  # fmt: skip
    return pattern.format(
        people=words.people, an_item=words.an_item, group=group_text(group, by, words), figure=figure,
        what=shown_title(words.what(outcome, not unit), "?"),
    )  # fmt: skip


def written(clauses: Sequence[str], words: Words) -> str:
    """Clauses as one sentence, its first letter a capital."""
    template = TEMPLATES[words.language]
    text = template.between.join(clauses)
    return f"{text[:1].upper()}{text[1:]}{template.end}"
