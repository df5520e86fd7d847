"""The words of a domain: what items cost, who likes what, what its texts are written in, what its platform is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from causalrec_lab.world.scenarios.closed import Closed

__all__ = ["Case", "Category", "Cost", "Segment", "Voice"]


@dataclass(frozen=True)
class Cost:
    """What an item costs its user: a price, or the minutes it lasts.

    Parameters
    ----------
    name, unit
        Column of items and decisions, and its unit.
    sensitivity
        Column of users: how much the cost weighs with them (1 is typical).
    earned
        Outcome that is the cost of the items whose last stage was passed; None where nothing is sold.
    """

    name: str
    unit: str
    sensitivity: str
    earned: str | None = None


@dataclass(frozen=True)
class Segment:
    r"""Users who like the same categories.

    Parameters
    ----------
    likes
        Names of categories.
    age, female
        Slopes of the segment's log share in age (in standard deviations) and in being female; 0 for none.
    """

    likes: tuple[str, ...]
    age: float = 0.0
    female: float = 0.0


@dataclass(frozen=True)
class Category:
    """Words and typical cost of one category: what stands in titles, texts and the table of items."""

    name: str
    nouns: tuple[str, ...]
    materials: tuple[str, ...]
    aspects: tuple[str, ...]
    cost: float  # of its median item
    peak: float  # time of the year with the highest demand, in [0, 1)


@dataclass(frozen=True)
class Voice:
    """Frames of the text grammar, as format strings.

    Parameters
    ----------
    title
        Of an item, from {style}, {material}, {noun} and {colour}; its first letter is made a capital.
    item
        What an item's text begins with, from {title}, {a_colour} (with its article), {use} and the words of a title.
    said
        What stands between that and the opinions.
    review
        Head of a user's earlier review, from {colour}, {a_colour}, {noun}, {use}.
    opinions
        Frames of one opinion, from {aspect} and {phrase}.
    """

    title: str = "{style} {material} {noun}"
    item: str = "{title} in {colour}, meant for {use}."
    said: str = "Buyers write:"
    review: str = "On {a_colour} {noun} for {use}:"
    opinions: tuple[str, ...] = (
        "the {aspect} is {phrase}",
        "I found the {aspect} {phrase}",
        "the {aspect} feels {phrase}",
        "to me the {aspect} looks {phrase}",
        "{aspect}: {phrase}",
    )


@dataclass(frozen=True)
class Case(Closed):
    """What a study of the platform needs to say: what is to rise, and what that is worth.

    The benefit of an intervention is the sum over outcomes of `worth` times what it adds to their means, less what its
    touches cost.

    Parameters
    ----------
    goal
        One sentence.
    outcome
        Main outcome of the study, one of `Scenario.outcomes`.
    long_term
        The outcome that tells whether people stay.
    units
        Outcome -> what its mean counts, for both: "orders per recommendation", say.
    worth
        Outcome -> worth of one unit of it, for both: a stated assumption.
    unit
        Of worth and of the touches' costs.
    assumption
        Where the worth comes from, in one sentence.
    items, people
        What is recommended, and to whom, as a study calls them; both in the plural: "articles", "readers".
    """

    goal: str
    outcome: str
    long_term: str
    units: Mapping[str, str]
    worth: Mapping[str, float]
    unit: str
    assumption: str
    items: str = "items"
    people: str = "users"
