"""The health scenario: view, start, complete in a wellbeing app; minutes practised; return next day.

Items are short exercises and lessons anybody may take. The main outcome is that one is completed. What it costs its
user is the minutes it lasts. Texts speak of how a lesson is made, never of what it does to a body; nothing here is
advice.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from causalrec_lab.world.scenarios.equations import Amount, Coefficients, Effect, Exposure, Retention, Stage, Touch
from causalrec_lab.world.scenarios.scenario import Case, Category, Cost, Scenario, Segment, Voice

__all__ = ["HEALTH"]

_REALISTIC = Coefficients(
    exposure=Exposure(
        intercept=-1.3, affinity_hat=0.9, log_popularity=0.35, activity=0.25, log_exposures=0.3, lottery=0.8
    ),
    effect=Effect(base=1.0, tail=0.2, light=0.35, fatigue=0.5),
    stages=(
        Stage(
            "view", -0.8, affinity=1.0, hidden=1.0, log_popularity=0.35, activity=0.35, season=0.25, fatigue=0.2,
            novelty=0.1, treatment=1.3,
        ),
        Stage("start", -1.6, affinity=1.7, cost=0.3, fatigue=0.1),
        Stage("complete", 0.1, affinity=0.6, hidden=1.0, cost=0.6, treatment=0.2),
    ),
)  # fmt: skip

_COMMON = Coefficients(
    exposure=Exposure(
        intercept=-0.5,
        affinity_hat=0.55,
        log_popularity=0.2,
        activity=0.1,
        log_exposures=0.15,
        lottery=0.8,
        hidden=0.9,
        clip=(0.1, 0.9),
    ),
    effect=_REALISTIC.effect,
    stages=tuple(
        replace(stage, intercept=intercept, affinity=affinity)
        for stage, intercept, affinity in zip(_REALISTIC.stages, (0.5, 1.0, 1.1), (1.0, 1.0, 0.5), strict=True)
    ),
)

_PRACTICES = (
    Category("sleep", ("wind-down", "sleep story", "evening routine", "sound bath"),
             ("rain", "forest", "harp", "whisper", "night-train"),
             ("voice", "pace", "sound", "instruction", "length"), 18.0, 0.92),
    Category("breathing", ("breathing exercise", "pause", "counting practice", "humming practice"),
             ("box", "slow", "nasal", "wave", "candle"),
             ("voice", "pace", "instruction", "timer", "picture"), 4.0, 0.05),
    Category("stretching", ("stretch", "mobility round", "floor sequence", "desk break"),
             ("shoulder", "hip", "back", "wrist", "ankle"),
             ("instruction", "camera angle", "pace", "music", "variation"), 9.0, 0.15),
    Category("walking", ("walk", "stair round", "nature tour", "city loop"),
             ("park", "riverside", "morning", "hill", "listening"),
             ("voice", "route idea", "pace", "music", "length"), 25.0, 0.40),
    Category("strength", ("workout", "circuit", "chair session", "balance round"),
             ("band", "bodyweight", "towel", "kettlebell", "wall"),
             ("instruction", "camera angle", "music", "variation", "pace"), 20.0, 0.03),
    Category("focus", ("meditation", "body scan", "attention practice", "single-task round"),
             ("seated", "open-eye", "bell", "sky-gazing", "label"),
             ("voice", "pace", "sound", "instruction", "silence"), 10.0, 0.70),
    Category("journaling", ("journal prompt", "gratitude list", "letter exercise", "week review"),
             ("three-line", "morning-page", "memory", "question", "picture"),
             ("question", "layout", "example", "length", "language"), 7.0, 0.98),
    Category("cooking", ("recipe lesson", "kitchen skill", "menu plan", "market tour"),
             ("lentil", "soup", "breakfast", "herb", "oven"),
             ("instruction", "picture", "shopping list", "pace", "variation"), 15.0, 0.60),
)  # fmt: skip

HEALTH = Scenario(
    name="health",
    coefficients=MappingProxyType({"realistic": _REALISTIC, "common": _COMMON}),
    amount=Amount("practice_minutes", "start", "minutes", -0.4, affinity=0.15, hidden=0.1, sigma=0.5, cost=0.85),
    retention=Retention("returned", "start", intercept=-0.9, activity=0.5, reached=0.6),
    cost=Cost("duration", "minutes", "time_pressure"),
    categories=_PRACTICES,
    colours=("soft", "bright", "quiet", "lively", "warm", "clear", "deep", "airy", "steady", "mellow"),
    styles=("guided", "gentle", "five-step", "seasonal", "playful", "classic", "silent", "partner", "outdoor",
            "beginner-friendly"),
    uses=("the start of the day", "a coffee break", "the way home", "rainy afternoons", "the end of the day",
          "travel days", "a small room", "a free weekend"),
    voice=Voice(
        item="{title} with {a_colour} sound, made for {use}.",
        said="Participants write:",
        review="On {a_colour} {noun} for {use}:",
        opinions=("the {aspect} is {phrase}", "I found the {aspect} {phrase}", "the {aspect} feels {phrase}",
                  "to me the {aspect} seems {phrase}", "{aspect}: {phrase}"),
    ),
    segments=MappingProxyType({
        "movers": Segment(("walking", "strength", "stretching"), age=-0.1),
        "evening people": Segment(("sleep", "breathing", "journaling"), age=0.1),
        "quiet minds": Segment(("focus", "breathing"), age=0.2),
        "home cooks": Segment(("cooking", "walking")),
    }),
    regions=("north", "east", "south", "west", "islands"),
    popularity=0.8,
    activity=0.65,
    positions=(0.5, 0.3, 0.2),
    examination=0.5,
    outcome="complete",
    attention="start",
    touches=(
        Touch(
            "reason", says="Because you practised something like it: {title}.", cost=0.0005, unit="EUR",
            stages=MappingProxyType({"start": 0.25, "complete": 0.1}), affinity=1.0, light=0.2,
        ),
        Touch(
            "nudge", says="A gentle reminder, if you have a moment: {title}.", cost=0.006, unit="EUR",
            stages=MappingProxyType({"view": 0.9}), retention=0.3, light=0.2, fatigue=1.1,
        ),
    ),
    case=Case(
        goal="More practices that are completed by choice, and people who come back because they like to.",
        outcome="complete",
        long_term="returned",
        units=MappingProxyType({"complete": "practices completed per recommendation", "returned": "returns next day"}),
        worth=MappingProxyType({"complete": 0.15, "returned": 0.1}),
        unit="EUR",
        assumption="A completed practice is worth 0.15 EUR of subscriptions, a return next day 0.10 EUR; both are "
        "assumptions, and neither speaks of anybody's health.",
        items="practices",
        people="participants",
    ),
)  # fmt: skip
