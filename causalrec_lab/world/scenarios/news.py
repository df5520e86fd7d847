"""The news scenario: view, open, read (to the end), share; minutes read; return next day.

The main outcome is that an article is read to its end. What it costs its reader is the minutes it takes. News age fast,
so that what was shown before tires more than elsewhere.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from causalrec_lab.world.scenarios.equations import Amount, Coefficients, Effect, Exposure, Retention, Stage, Touch
from causalrec_lab.world.scenarios.scenario import Case, Category, Cost, Scenario, Segment, Voice

__all__ = ["NEWS"]

_REALISTIC = Coefficients(
    exposure=Exposure(
        intercept=-1.4, affinity_hat=0.8, log_popularity=0.55, activity=0.3, log_exposures=0.1, lottery=0.8
    ),
    effect=Effect(base=1.0, tail=0.25, light=0.3, fatigue=0.9),
    stages=(
        Stage(
            "view", -0.8, affinity=1.0, hidden=1.0, log_popularity=0.5, activity=0.35, season=0.15, fatigue=0.6,
            novelty=0.3, treatment=1.3,
        ),
        Stage("open", -1.7, affinity=1.8, cost=0.1, fatigue=0.3),
        Stage("read", -0.3, affinity=0.6, hidden=1.0, cost=0.6, treatment=0.2),
        Stage("share", -2.2, affinity=0.5, hidden=0.4),
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
            _REALISTIC.stages, (0.6, 1.0, 1.1, 1.0), (1.0, 1.0, 0.5, 0.3), strict=True
        )
    ),
)  # fmt: skip

_DESKS = (
    Category("politics", ("report", "analysis", "interview", "background piece"),
             ("election", "parliament", "treaty", "budget", "council"),
             ("reporting", "sourcing", "structure", "headline", "language"), 5.0, 0.75),
    Category("economy", ("market report", "explainer", "company profile", "outlook"),
             ("trade", "energy", "housing", "labour", "central-bank"),
             ("explanation", "chart", "sourcing", "structure", "headline"), 4.5, 0.10),
    Category("science", ("study report", "long read", "question and answer", "portrait"),
             ("space", "ocean", "genome", "fossil", "particle"),
             ("explanation", "sourcing", "picture", "structure", "depth"), 7.0, 0.20),
    Category("culture", ("review", "essay", "festival diary", "obituary"),
             ("theatre", "cinema", "museum", "opera", "book"),
             ("judgement", "language", "picture", "structure", "depth"), 6.0, 0.85),
    Category("sport", ("match report", "live blog", "season preview", "column"),
             ("football", "cycling", "tennis", "handball", "athletics"),
             ("reporting", "table", "picture", "headline", "analysis"), 3.0, 0.45),
    Category("local", ("town notes", "council report", "street portrait", "calendar"),
             ("harbour", "market-square", "school", "bus-line", "riverside"),
             ("reporting", "map", "picture", "language", "detail"), 2.5, 0.55),
    Category("climate", ("field report", "data piece", "forecast", "reportage"),
             ("glacier", "forest", "drought", "coast", "heatwave"),
             ("chart", "explanation", "sourcing", "picture", "depth"), 6.5, 0.60),
    Category("technology", ("test", "guide", "launch report", "security notice"),
             ("phone", "network", "robot", "software", "battery"),
             ("explanation", "detail", "picture", "structure", "language"), 4.0, 0.70),
)  # fmt: skip

NEWS = Scenario(
    name="news",
    coefficients=MappingProxyType({"realistic": _REALISTIC, "common": _COMMON}),
    amount=Amount("reading_minutes", "open", "minutes", -0.5, affinity=0.15, hidden=0.1, sigma=0.6, cost=0.7),
    retention=Retention("returned", "open", intercept=-0.5, activity=0.5, reached=0.4),
    cost=Cost("reading_time", "minutes", "haste"),
    categories=_DESKS,
    colours=("calm", "lively", "sober", "dry", "warm", "plain", "wry", "urgent", "gentle", "formal"),
    styles=("brief", "in-depth", "illustrated", "annotated", "exclusive", "weekly", "first-hand", "comparative",
            "updated", "two-part"),
    uses=("the breakfast table", "the train ride", "a quiet evening", "the lunch break", "the weekend", "a classroom",
          "newcomers to the topic", "those who follow it closely"),
    voice=Voice(
        item="{title} in {a_colour} tone, written for {use}.",
        said="Readers write:",
        review="On {a_colour} {noun} for {use}:",
        opinions=("the {aspect} is {phrase}", "I found the {aspect} {phrase}", "the {aspect} reads {phrase}",
                  "to me the {aspect} seems {phrase}", "{aspect}: {phrase}"),
    ),
    segments=MappingProxyType({
        "headline readers": Segment(("politics", "economy"), age=0.3),
        "match followers": Segment(("sport", "local"), age=-0.1),
        "curious readers": Segment(("science", "climate", "technology"), age=-0.2),
        "weekend readers": Segment(("culture", "local", "science"), age=0.2),
    }),
    regions=("north", "east", "south", "west", "abroad"),
    popularity=1.1,
    activity=0.7,
    positions=(0.4, 0.25, 0.15, 0.12, 0.08),
    examination=0.6,
    outcome="read",
    attention="open",
    touches=(
        Touch(
            "reason", says="Because you read something like it: {title}.", cost=0.0001, unit="EUR",
            stages=MappingProxyType({"open": 0.25, "read": 0.1}), affinity=1.0, light=0.15,
        ),
        Touch(
            "nudge", says="Your evening briefing is there. It begins with: {title}.", cost=0.002, unit="EUR",
            stages=MappingProxyType({"view": 0.8}), retention=0.3, light=0.15, fatigue=1.1,
        ),
    ),
    case=Case(
        goal="More articles that are read to their end, and readers who come back the next day.",
        outcome="read",
        long_term="returned",
        units=MappingProxyType({"read": "articles read per recommendation", "returned": "returns next day"}),
        worth=MappingProxyType({"read": 0.02, "returned": 0.05}),
        unit="EUR",
        assumption="An article that is read is worth 0.02 EUR of subscriptions, a reader who is there the next day "
        "0.05 EUR; both are assumptions.",
        items="articles",
        people="readers",
    ),
)  # fmt: skip
