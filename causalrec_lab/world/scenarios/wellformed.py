"""Whether a scenario's parts fit together; what does not is named, with its value and the way out."""

from __future__ import annotations

import difflib
import math
import string
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from causalrec_lab.world.arguments import is_number
from causalrec_lab.world.scenarios.equations import Touch
from causalrec_lab.world.scenarios.vocabulary import Case

if TYPE_CHECKING:
    from causalrec_lab.world.scenarios.scenario import Scenario

__all__ = ["check_scenario"]

#: Columns of the platform's own tables; no stage, amount or cost may take their names.
TAKEN = frozenset((
    "user_id", "item_id", "timestamp", "z", "treated", "propensity", "position", "affinity_hat", "log_popularity",
    "activity", "log_exposures", "event", "value", "age", "gender", "region", "segment", "text", "title", "category",
    "popularity", "arm", "slate_id", "slate_propensity", "reward", "touch", "touch_cost",
))  # fmt: skip
_SHAPES: dict[str, tuple[type, ...]] = {
    "coefficients": (Mapping,), "segments": (Mapping,), "defaults": (Mapping,), "categories": (tuple,),
    "positions": (tuple,), "colours": (tuple,), "styles": (tuple,), "uses": (tuple,), "regions": (tuple,),
    "touches": (tuple,),
}  # fmt: skip
_NEEDED = ("coefficients", "categories", "colours", "styles", "uses", "segments", "regions", "positions")

#: What fills each frame of the text grammar.
SLOTS = {
    "title": ("style", "material", "noun", "colour"),
    "item": ("title", "style", "material", "noun", "colour", "a_colour", "use"),
    "said": (),
    "review": ("colour", "a_colour", "noun", "use"),
    "opinions": ("aspect", "phrase"),
}
SUM_TO_ONE = 1e-6  # how far shares may stray


def check_scenario(scenario: Scenario) -> None:
    """Refuse a scenario whose parts do not fit together.

    Raises
    ------
    ValueError
        For the first thing that does not fit; `Scenario` lists what is looked at.
    """
    for problem in _problems(scenario):
        raise ValueError(f"scenario {scenario.name!r}: {problem}")


def _problems(scenario: Scenario) -> Iterable[str]:
    yield from _fields(scenario)
    yield from _words(scenario)
    yield from _people(scenario)
    yield from _stages(scenario)
    yield from _names(scenario)
    yield from _curve("popularity", scenario.popularity, falls=True)
    yield from _curve("activity", scenario.activity, falls=False)
    if scenario.amount.curve != ():
        yield from _curve("amount", scenario.amount.curve, falls=False)
    yield from _shares(scenario)
    yield from _touches(scenario)
    yield from _case(scenario)


def _fields(scenario: Scenario) -> Iterable[str]:
    for name, kinds in _SHAPES.items():
        if not isinstance(value := getattr(scenario, name), kinds):
            yield f"{name}={value!r} is no {kinds[0].__name__.lower()}; give one"
    for name in _NEEDED:
        if not len(getattr(scenario, name)):
            yield f"it has no {name}; give at least one"
    for name in ("taste", "nodes"):
        value = getattr(scenario, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            yield f"{name}={value!r}: give a whole number of at least 1"
    for name in ("age_activity", "age_sensitivity"):
        if not -1 < (value := getattr(scenario, name)) < 1:
            yield f"{name}={value!r}, a correlation; give a number in (-1, 1)"
    for name, what, value in (
        ("examination", "an exponent", scenario.examination),
        ("amount.sigma", "a standard deviation", scenario.amount.sigma),
        ("retention.days", "a number of days", scenario.retention.days),
    ):
        if not 0 <= value < math.inf:
            yield f"{name}={value!r}, {what}; give a number of at least 0"


def _words(scenario: Scenario) -> Iterable[str]:
    for words in ("nouns", "materials", "aspects"):
        counts = {len(getattr(category, words)) for category in scenario.categories}
        if len(counts) != 1 or 0 in counts:
            yield f"categories have {sorted(counts)} {words}; give each as many, one at least"
    yield from _frames(scenario)
    names = [category.name for category in scenario.categories]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        yield f"categories {twice} stand twice; give each its own name"
    for category in scenario.categories:
        if not category.cost > 0:
            yield (
                f"category {category.name!r} has {scenario.cost.name} {category.cost!r}; "
                f"give its typical {scenario.cost.name}, a positive number of {scenario.cost.unit}"
            )
        if not 0 <= category.peak < 1:
            yield f"category {category.name!r} has peak={category.peak!r}, a time of the year; give a number in [0, 1)"


def _frames(scenario: Scenario) -> Iterable[str]:
    for name, given in SLOTS.items():
        frames = getattr(scenario.voice, name)
        for frame in (frames,) if isinstance(frames, str) else frames:
            slots = {slot for _, slot, _, _ in string.Formatter().parse(frame) if slot is not None}
            if unknown := sorted(slots - set(given)):
                may = ", ".join(given) or "none"
                yield f"voice.{name} has a slot {unknown[0]!r}, which nothing fills; it may have {may}"
    if not scenario.voice.opinions:
        yield "voice.opinions is empty; give at least one frame"


def _people(scenario: Scenario) -> Iterable[str]:
    names = [category.name for category in scenario.categories]
    for name, segment in scenario.segments.items():
        if not hasattr(segment, "likes"):
            yield f"segment {name!r} is {segment!r}; give a Segment, as in Segment(likes=({names[0]!r},))"
        if not segment.likes:
            yield f"segment {name!r} likes no category; give at least one of {names}"
        if unknown := sorted(set(segment.likes) - set(names)):
            yield f"segment {name!r} likes {unknown}, no category; {_nearest(unknown[0], names)}"


def _stages(scenario: Scenario) -> Iterable[str]:
    stages = list(scenario.stages)
    if not stages:
        yield "its funnel has no stage; give at least one"
    for rate, chosen in scenario.coefficients.items():
        if [stage.name for stage in chosen.stages] != stages:
            yield f"{rate}: stages are {[s.name for s in chosen.stages]}, elsewhere {stages}; give all rates the same"
        low, high = chosen.exposure.clip
        if not 0 < low < high < 1:
            yield f"{rate}: propensities are clipped to {(low, high)}; give two numbers with 0 < low < high < 1"
    for beyond in (scenario.amount, scenario.retention):
        if beyond.after not in stages:
            yield f"{beyond.name!r} comes after {beyond.after!r}, which is no stage; {_nearest(beyond.after, stages)}"
    for role in ("outcome", "attention"):
        if (name := getattr(scenario, role)) and name not in scenario.outcomes:
            yield f"{role}={name!r} is no stage and no outcome; {_nearest(name, scenario.outcomes)}"


def _names(scenario: Scenario) -> Iterable[str]:
    columns = [*scenario.outcomes, scenario.cost.name, scenario.cost.sensitivity]
    for column in columns:
        if column in TAKEN:
            yield f"{column!r} is a column every platform has; name yours otherwise"
        if columns.count(column) > 1:
            yield f"{column!r} names two things; stages, amount, retention and cost each need a name of their own"


def _curve(name: str, value: float | Sequence[float], *, falls: bool) -> Iterable[str]:
    what, way = ("exponent", "fall") if falls else ("standard deviation", "rise")
    if isinstance(value, int | float):
        if isinstance(value, bool) or not 0 <= value < math.inf:
            yield f"{name}={value!r}, its {what}, must be a number of at least 0"
        return
    if not isinstance(value, tuple) or len(value) < 2:
        yield f"{name}={value!r} is neither a number nor a curve; give a tuple of at least two numbers"
    elif bad := [v for v in value if not 0 < v < math.inf]:
        yield f"the curve of {name} holds {bad[0]!r}; its numbers must be positive and finite"
    elif list(value) != sorted(value, reverse=falls):
        yield f"the curve of {name} does not {way} all the way; give it sorted"


def _shares(scenario: Scenario) -> Iterable[str]:
    if bad_shares := [share for share in scenario.positions if not share >= 0]:
        yield f"positions holds {bad_shares[0]!r}; a share is at least 0"
    if abs(sum(scenario.positions) - 1) > SUM_TO_ONE:
        yield f"positions sum to {sum(scenario.positions):.6g}; as shares of the decisions they must sum to 1"
    if scenario.shares is None:
        return
    shares, names = scenario.shares, [category.name for category in scenario.categories]
    if unknown := sorted(set(shares) - set(names)):
        yield f"shares names {unknown}, no category; {_nearest(unknown[0], names)}"
    if missing := sorted(set(names) - set(shares)):
        yield f"shares leaves out {missing}; give a share to every category, 0 for none"
    if bad := {name: share for name, share in shares.items() if not share >= 0}:
        yield f"shares holds {bad}; a share is at least 0"
    if abs(sum(shares.values()) - 1) > SUM_TO_ONE:
        yield f"shares sum to {sum(shares.values()):.6g}; they must sum to 1"


def _touches(scenario: Scenario) -> Iterable[str]:
    moved = (*scenario.stages,)
    given: tuple[Any, ...] = scenario.touches
    for number, touch in enumerate(given):
        if not isinstance(touch, Touch):
            yield f"touches holds {touch!r}; give each as Touch(name, says, cost, unit, stages)"
        if not isinstance(touch.name, str) or not touch.name:
            yield f"a touch is called {touch.name!r}; give it a word, an action is named by it"
        if touch.name in scenario.touch_names[: number + 1]:
            yield f"touch {touch.name!r} stands twice, or is what 0 is called; give each a name of its own"
        if not isinstance(touch.stages, Mapping):
            yield f"touch {touch.name!r} has stages={touch.stages!r}; give a mapping, a stage's name to what it adds"
        if unknown := sorted(set(touch.stages) - set(moved)):
            yield f"touch {touch.name!r} moves {unknown[0]!r}, which is no stage; {_nearest(unknown[0], moved)}"
        yield from (f"touch {touch.name!r} {problem}" for problem in _figures(touch))
    if len({other.unit for other in scenario.touches}) > 1:
        yield "touches have costs in several units; give all in one, so that they can be compared"


def _figures(touch: Any) -> Iterable[str]:
    """What is wrong with the numbers and the sentence of one."""
    if not (_finite(touch.cost) and touch.cost >= 0):
        yield f"has cost={touch.cost!r}; give a number of {touch.unit} of at least 0"
    weights = {name: getattr(touch, name) for name in ("retention", "affinity", "light", "fatigue")}
    for name, value in {**touch.stages, **weights}.items():
        if not _finite(value):
            yield f"has {name}={value!r}, a coefficient; give a finite number"
    try:
        touch.says.format(title="")
    except (KeyError, IndexError, ValueError, AttributeError):
        yield f"says {touch.says!r}, which cannot be filled in; write {{title}} where the item stands, no other {{}}"


def _finite(value: Any) -> bool:
    return is_number(value) and math.isfinite(value)


def _case(scenario: Scenario) -> Iterable[str]:
    case: Any = scenario.case
    if case is None:
        return
    if not isinstance(case, Case):
        yield f"case={case!r}; give a Case, or None where nothing was said about worth"
    for role in ("outcome", "long_term"):
        if (name := getattr(case, role)) not in scenario.outcomes:
            yield f"case.{role}={name!r} is no outcome; {_nearest(name, scenario.outcomes)}"
        for what in ("units", "worth"):
            if name not in getattr(case, what):
                yield f"case.{what} leaves out {name!r}; give it for the outcome and for the long term"
    if case.outcome == case.long_term:
        yield f"case.outcome and case.long_term are both {case.outcome!r}; the second guards the first, give another"
    for name, worth in case.worth.items():
        if name not in scenario.outcomes:
            yield f"case.worth prices {name!r}, which is no outcome; {_nearest(name, scenario.outcomes)}"
        if name not in case.units:
            yield f"case.units leaves out {name!r}, which case.worth prices; say what its mean counts"
        if not _finite(worth):
            yield f"case.worth[{name!r}]={worth!r}; give a finite number of {case.unit}"
    if unlike := sorted({touch.unit for touch in scenario.touches} - {case.unit}):
        yield f"touches cost {unlike[0]} and case.worth is in {case.unit}; give both in one unit"


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known := list(known), n=3)
    return f"did you mean {', '.join(near)}?" if near else f"those are {', '.join(known)}"
