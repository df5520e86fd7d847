"""The video scenario: view, play, finish, like; minutes watched; return next day.

The main outcome is that a video is watched to its end. What it costs its viewer is the minutes it lasts: longer ones
are finished less often and watched longer.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from causalrec_lab.world.scenarios.equations import Amount, Coefficients, Effect, Exposure, Retention, Stage, Touch
from causalrec_lab.world.scenarios.scenario import Case, Category, Cost, Scenario, Segment, Voice

__all__ = ["VIDEO"]

_REALISTIC = Coefficients(
    exposure=Exposure(
        intercept=-1.6, affinity_hat=0.9, log_popularity=0.45, activity=0.3, log_exposures=0.2, lottery=0.8
    ),
    effect=Effect(base=1.0, tail=0.25, light=0.3, fatigue=0.8),
    stages=(
        Stage(
            "view", -0.9, affinity=1.1, hidden=1.0, log_popularity=0.45, activity=0.3, season=0.2, fatigue=0.5,
            novelty=0.2, treatment=1.3,
        ),
        Stage("play", -1.8, affinity=1.9, cost=0.1, fatigue=0.2),
        Stage("finish", -0.2, affinity=0.6, hidden=1.0, cost=0.7, treatment=0.2),
        Stage("like", -2.0, affinity=0.5, hidden=0.4),
    ),
)  # fmt: skip

_COMMON = Coefficients(
    exposure=Exposure(
        intercept=-0.5, affinity_hat=0.55, log_popularity=0.2, activity=0.1, log_exposures=0.1, lottery=0.8,
        hidden=0.9, clip=(0.1, 0.9),
    ),
    effect=_REALISTIC.effect,
    stages=tuple(
        replace(stage, intercept=intercept, affinity=affinity)
        for stage, intercept, affinity in zip(
            _REALISTIC.stages, (0.6, 1.0, 1.1, 1.2), (1.0, 1.0, 0.5, 0.3), strict=True
        )
    ),
)  # fmt: skip

_GENRES = (
    Category("documentary", ("portrait", "chronicle", "investigation", "field report"),
             ("archive", "interview", "eyewitness", "undercover", "observational"),
             ("narration", "camera work", "pacing", "editing", "research"), 22.0, 0.92),
    Category("comedy", ("sketch", "stand-up set", "sitcom pilot", "parody"),
             ("office", "family", "road-trip", "improvised", "musical"),
             ("timing", "dialogue", "cast", "script", "punchline"), 9.0, 0.05),
    Category("thriller", ("heist", "whodunit", "manhunt", "kidnapping story"),
             ("noir", "courtroom", "spy", "small-town", "submarine"),
             ("plot", "suspense", "ending", "soundtrack", "lead actor"), 35.0, 0.85),
    Category("cooking", ("recipe", "tasting", "bake-off", "kitchen tour"),
             ("street-food", "one-pot", "sourdough", "barbecue", "vegetarian"),
             ("explanation", "presenter", "close-up", "recipe idea", "editing"), 12.0, 0.96),
    Category("travel", ("city walk", "train journey", "road diary", "island guide"),
             ("alpine", "coastal", "desert", "night-market", "jungle"),
             ("scenery", "narration", "music", "pacing", "host"), 15.0, 0.48),
    Category("sports", ("highlight reel", "match recap", "training diary", "cup final"),
             ("football", "climbing", "cycling", "tennis", "swimming"),
             ("commentary", "camera work", "slow motion", "editing", "analysis"), 8.0, 0.40),
    Category("science", ("explainer", "experiment", "lecture", "lab visit"),
             ("space", "ocean", "brain", "fossil", "volcano"),
             ("explanation", "visual design", "narration", "pacing", "depth"), 11.0, 0.75),
    Category("animation", ("short", "fable", "fairy tale", "bedtime story"),
             ("hand-drawn", "stop-motion", "clay", "paper-cut", "pixel-art"),
             ("drawing", "voice acting", "music", "story", "character design"), 10.0, 0.98),
)  # fmt: skip

VIDEO = Scenario(
    name="video",
    coefficients=MappingProxyType({"realistic": _REALISTIC, "common": _COMMON}),
    amount=Amount("watch_minutes", "play", "minutes", -0.5, affinity=0.2, hidden=0.1, sigma=0.6, cost=0.85),
    retention=Retention("returned", "play", intercept=-0.9, activity=0.5, reached=0.5),
    cost=Cost("duration", "minutes", "impatience"),
    categories=_GENRES,
    colours=("black-and-white", "sunlit", "neon", "pastel", "sepia", "moonlit", "grainy", "saturated", "misty",
             "candlelit"),
    styles=("slow-burning", "fast-paced", "quirky", "poetic", "gritty", "light-hearted", "tense", "intimate", "epic",
            "deadpan"),
    uses=("lunch breaks", "family evenings", "the train ride home", "late nights", "rainy weekends",
          "language learners", "watch parties", "bedtime"),
    voice=Voice(
        item="{title} in {colour} pictures, made for {use}.",
        said="Viewers write:",
        review="On {a_colour} {noun} for {use}:",
        opinions=("the {aspect} is {phrase}", "I found the {aspect} {phrase}", "the {aspect} feels {phrase}",
                  "to me the {aspect} seems {phrase}", "{aspect}: {phrase}"),
    ),
    frame="film",
    segments=MappingProxyType({
        "binge watchers": Segment(("thriller", "comedy", "animation"), age=-0.4),
        "learners": Segment(("science", "documentary", "cooking"), age=0.3),
        "armchair travellers": Segment(("travel", "cooking", "documentary"), age=0.4, female=0.2),
        "fans": Segment(("sports", "comedy"), female=-0.4),
    }),
    regions=("north", "east", "south", "west", "abroad"),
    popularity=1.0,
    activity=0.65,
    positions=(0.45, 0.25, 0.18, 0.12),
    examination=0.6,
    outcome="finish",
    attention="play",
    touches=(
        Touch(
            "reason", says="Because you watched something like it: {title}.", cost=0.0002, unit="EUR",
            stages=MappingProxyType({"play": 0.25, "finish": 0.1}), affinity=1.0, light=0.15,
        ),
        Touch(
            "nudge", says="New tonight, waiting for you: {title}.", cost=0.003, unit="EUR",
            stages=MappingProxyType({"view": 0.8}), retention=0.3, light=0.15, fatigue=1.1,
        ),
    ),
    case=Case(
        goal="More minutes that are watched by choice, and viewers who come back the next day.",
        outcome="watch_minutes",
        long_term="returned",
        units=MappingProxyType({"watch_minutes": "minutes per recommendation", "returned": "returns next day"}),
        worth=MappingProxyType({"watch_minutes": 0.004, "returned": 0.05}),
        unit="EUR",
        assumption="An hour of watching is worth 0.24 EUR of subscriptions, a viewer who is there the next day 0.05 "
        "EUR; both are assumptions.",
        items="videos",
        people="viewers",
    ),
)  # fmt: skip
