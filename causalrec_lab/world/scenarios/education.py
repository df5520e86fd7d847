"""The education scenario: view, start, complete, pass; minutes studied; return after a week.

Items are lessons of open courses. The main outcome is that the test at a lesson's end is passed. What a lesson costs
its learner is the minutes it lasts.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from causalrec_lab.world.scenarios.equations import Amount, Coefficients, Effect, Exposure, Retention, Stage, Touch
from causalrec_lab.world.scenarios.scenario import Case, Category, Cost, Scenario, Segment, Voice

__all__ = ["EDUCATION"]

_REALISTIC = Coefficients(
    exposure=Exposure(
        intercept=-1.3, affinity_hat=0.8, log_popularity=0.35, activity=0.3, log_exposures=0.25, lottery=0.8
    ),
    effect=Effect(base=0.9, tail=0.2, light=0.3, fatigue=0.5),
    stages=(
        Stage(
            "view", -0.8, affinity=1.0, hidden=1.0, log_popularity=0.35, activity=0.35, season=0.25, fatigue=0.2,
            novelty=0.1, treatment=1.3,
        ),
        Stage("start", -1.5, affinity=1.7, cost=0.2, fatigue=0.1),
        Stage("complete", 0.1, affinity=0.6, cost=0.6),
        Stage("pass", 0.6, affinity=0.3, hidden=1.0, treatment=0.2),
    ),
)  # fmt: skip

_COMMON = Coefficients(
    exposure=Exposure(
        intercept=-0.5, affinity_hat=0.55, log_popularity=0.2, activity=0.1, log_exposures=0.15, lottery=0.8,
        hidden=0.9, clip=(0.1, 0.9),
    ),
    effect=_REALISTIC.effect,
    stages=tuple(
        replace(stage, intercept=intercept, affinity=affinity)
        for stage, intercept, affinity in zip(
            _REALISTIC.stages, (0.5, 1.0, 1.2, 1.3), (1.0, 1.0, 0.5, 0.3), strict=True
        )
    ),
)  # fmt: skip

_SUBJECTS = (
    Category("mathematics", ("lesson", "proof walk", "problem set", "quiz"),
             ("algebra", "geometry", "probability", "calculus", "number-theory"),
             ("explanation", "pace", "exercise", "notation", "example"), 25.0, 0.75),
    Category("programming", ("tutorial", "project", "debugging session", "code review"),
             ("loop", "database", "graph", "recursion", "web"),
             ("explanation", "code example", "exercise", "pace", "feedback"), 35.0, 0.80),
    Category("languages", ("dialogue", "listening lesson", "grammar unit", "vocabulary round"),
             ("Spanish", "Mandarin", "French", "Arabic", "German"),
             ("voice", "pace", "exercise", "example", "feedback"), 15.0, 0.02),
    Category("history", ("lecture", "source reading", "map lesson", "timeline"),
             ("antique", "medieval", "modern", "maritime", "archive"),
             ("narration", "source material", "picture", "structure", "depth"), 30.0, 0.90),
    Category("biology", ("lab demonstration", "animation", "field lesson", "case lesson"),
             ("cell", "ecology", "plant", "evolution", "neuron"),
             ("explanation", "picture", "structure", "pace", "depth"), 20.0, 0.30),
    Category("music theory", ("ear training", "harmony unit", "score reading", "rhythm drill"),
             ("chord", "scale", "counterpoint", "cadence", "metre"),
             ("sound example", "explanation", "exercise", "pace", "feedback"), 12.0, 0.95),
    Category("economics", ("model lesson", "data exercise", "debate", "case discussion"),
             ("market", "trade", "game", "labour", "growth"),
             ("explanation", "chart", "example", "structure", "exercise"), 28.0, 0.20),
    Category("writing", ("workshop", "editing lesson", "style unit", "reading circle"),
             ("essay", "story", "letter", "report", "poem"),
             ("example", "exercise", "feedback", "structure", "language"), 22.0, 0.65),
)  # fmt: skip

EDUCATION = Scenario(
    name="education",
    coefficients=MappingProxyType({"realistic": _REALISTIC, "common": _COMMON}),
    amount=Amount("study_minutes", "start", "minutes", -0.4, affinity=0.15, hidden=0.1, sigma=0.5, cost=0.85),
    retention=Retention("returned_day_7", "start", intercept=-0.5, activity=0.4, reached=0.5, days=7),
    cost=Cost("duration", "minutes", "time_pressure"),
    categories=_SUBJECTS,
    colours=("lively", "calm", "visual", "concise", "playful", "rigorous", "friendly", "hands-on", "steady", "curious"),
    styles=("introductory", "advanced", "recorded", "interactive", "self-paced", "bilingual", "revised", "annotated",
            "group", "evening"),
    uses=("first-year students", "the summer break", "a study group", "the train ride", "exam week", "late starters",
          "a rainy weekend", "teachers"),
    voice=Voice(
        item="{title} in {a_colour} style, made for {use}.",
        said="Learners write:",
        review="On {a_colour} {noun} for {use}:",
        opinions=("the {aspect} is {phrase}", "I found the {aspect} {phrase}", "the {aspect} feels {phrase}",
                  "to me the {aspect} seems {phrase}", "{aspect}: {phrase}"),
    ),
    segments=MappingProxyType({
        "problem solvers": Segment(("mathematics", "programming", "economics"), age=-0.2),
        "linguists": Segment(("languages", "writing"), age=0.1),
        "explorers": Segment(("biology", "history", "economics"), age=0.1),
        "makers": Segment(("music theory", "programming", "writing")),
    }),
    regions=("north", "east", "south", "west", "abroad"),
    popularity=0.8,
    activity=0.65,
    positions=(0.5, 0.25, 0.15, 0.1),
    examination=0.5,
    outcome="pass",
    attention="start",
    touches=(
        Touch(
            "reason", says="Because you studied something like it: {title}.", cost=0.0005, unit="EUR",
            stages=MappingProxyType({"start": 0.25, "complete": 0.1}), affinity=1.0, light=0.2,
        ),
        Touch(
            "nudge", says="Your next step is ready whenever you are: {title}.", cost=0.02, unit="EUR",
            stages=MappingProxyType({"view": 0.8}), retention=0.3, light=0.2, fatigue=1.1,
        ),
    ),
    case=Case(
        goal="More lessons that end in a passed test, and learners who are still learning a week later.",
        outcome="pass",
        long_term="returned_day_7",
        units=MappingProxyType({"pass": "tests passed per recommendation", "returned_day_7": "returns on day 7"}),
        worth=MappingProxyType({"pass": 0.5, "returned_day_7": 0.3}),
        unit="EUR",
        assumption="A passed test is worth 0.50 EUR to whoever pays for the courses, a learner who is there a week "
        "later 0.30 EUR; both are assumptions.",
        items="lessons",
        people="learners",
    ),
)  # fmt: skip
