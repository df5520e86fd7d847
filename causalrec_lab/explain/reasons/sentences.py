"""From findings to a sentence: what is claimed, in which words. Nobody may change a clause: each is a claim."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from causalrec_lab.estimate import Estimate
from causalrec_lab.explain.reasons.domain_words import Words
from causalrec_lab.explain.reasons.figures import decimals, number_text
from causalrec_lab.explain.reasons.templates import TEMPLATES, Templates
from causalrec_lab.explain.reasons.titles import quoted, shown_title

__all__ = [
    "act_phrases",
    "effect_clause",
    "group_text",
    "is_told",
    "likes_text",
    "opening_clauses",
    "says_recommended",
    "written",
]

_PLACE = re.compile(r"(\d+) of (\d+)")


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
) -> tuple[str, ...]:
    """What is said of the user's history, as clauses that stand word for word or not at all.

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
        Of an item that was not recommended; one whose rank is among the first k was met before.
    popular
        Place and number of items, for somebody without a history.
    """
    template = TEMPLATES[words.language]
    if kind in ("cold", "lone"):
        more = () if popular is None else (_popular(template, words, *popular),)
        return (template.cold if kind == "cold" else template.lone, *more)
    if not acts:
        return ((template.unmet if rank <= k else template.unforced).format(rank=rank, k=k),)
    likes = likes_text(liked, words, topic) if liked else ""
    recommended, other = (template.partly, template.because)[needed], (template.forced, template.met)[rank <= k]
    pattern = recommended if kind == "history" else other
    done = template.acts.join(act_phrases(acts, words))
    return (pattern.format(acts=done, likes=likes, rank=rank, k=k),)


def says_recommended(opening: str, language: str) -> bool:
    """Whether an opening is that of an item which was recommended."""
    template = TEMPLATES[language]
    return not opening.startswith(tuple(part.split("{")[0] for part in (template.forced, template.met)))


def likes_text(liked: str, words: Words, topic: bool) -> str:
    """What is said of a liked category or topic, as it joins the acts before it."""
    template = TEMPLATES[words.language]
    name = {"category": shown_title(liked, "?"), "items": words.items}
    return (template.likes_topic if topic else template.likes).format(**name, liking=words.liking.format(**name))


def _popular(template: Templates, words: Words, place: int, count: int) -> str:
    return template.popular.format(people=words.people, items=words.items, place=place, count=count)


def act_phrases(acts: Sequence[tuple[str, str]], words: Words) -> list[str]:
    """One phrase a verb, with all its titles.

    Parameters
    ----------
    acts, words
        As in `opening_clauses`.
    """
    template = TEMPLATES[words.language]
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
    for chance, amount in template.amounts.items() if unit else ():
        pattern = pattern.replace(chance, amount)
    if high < 0:
        value, low, high = -value, -high, -low
    places = decimals(value, low, high)
    figure = template.figure.format(
        value=number_text(value, places), low=number_text(low, places), high=number_text(high, places),
        unit=_unit(unit, number_text(value, places), template),
    )  # fmt: skip
    return pattern.format(
        people=words.people, an_item=words.an_item, group=group_text(group, by, words), figure=figure,
        what=shown_title(words.what(outcome, not unit), "?"),
    )  # fmt: skip


def _unit(unit: str, number: str, template: Templates) -> str:
    """Name of a unit beside a number: one minute, two minutes."""
    if not unit:
        return template.point if number == "1" else template.points
    named = template.one.get(unit) if number == "1" else None
    return named or template.units.get(unit, shown_title(unit, "?"))


def written(clauses: Sequence[str], words: Words) -> str:
    """Clauses as one sentence, its first letter a capital."""
    template = TEMPLATES[words.language]
    text = template.between.join(clauses)
    return f"{text[:1].upper()}{text[1:]}{template.end}"
