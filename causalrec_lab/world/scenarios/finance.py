"""The finance scenario: view, open, apply, fund in an app for saving; EUR deposited; return after 30 days.

Items are descriptions of plain products for saving. The main outcome is that a product is opened with a first deposit.
What it costs its saver is the least deposit that it takes: larger ones are applied for less often and funded with more.
Texts speak of how well a product is described, never of what it will earn; nothing here is advice.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from causalrec_lab.world.scenarios.equations import Amount, Coefficients, Effect, Exposure, Retention, Stage, Touch
from causalrec_lab.world.scenarios.scenario import Case, Category, Cost, Scenario, Segment, Voice

__all__ = ["FINANCE"]

_REALISTIC = Coefficients(
    exposure=Exposure(
        intercept=-1.4, affinity_hat=0.8, log_popularity=0.4, activity=0.25, log_exposures=0.25, lottery=0.8
    ),
    effect=Effect(base=0.9, tail=0.2, light=0.25, fatigue=0.6),
    stages=(
        Stage(
            "view", -0.9, affinity=1.0, hidden=1.0, log_popularity=0.35, activity=0.3, season=0.2, fatigue=0.3,
            novelty=0.1, treatment=1.3,
        ),
        Stage("open", -1.8, affinity=1.8, cost=0.1, fatigue=0.2),
        Stage("apply", -0.9, affinity=0.5, cost=0.4),
        Stage("fund", 0.0, affinity=0.3, hidden=1.0, cost=0.3, season=0.1, treatment=0.2),
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

_PRODUCTS = (
    Category("everyday saving", ("savings account", "call account", "round-up account", "shared account"),
             ("instant-access", "no-fee", "app-based", "tiered", "card-linked"),
             ("description", "fee table", "layout", "language", "example"), 10.0, 0.02),
    Category("term deposits", ("term deposit", "notice account", "savings bond", "ladder"),
             ("one-year", "two-year", "five-year", "renewable", "staggered"),
             ("description", "calendar", "fee table", "language", "example"), 500.0, 0.05),
    Category("index funds", ("fund plan", "world fund", "region fund", "sector fund"),
             ("broad", "equal-weight", "small-company", "dividend", "low-fee"),
             ("risk note", "chart", "fee table", "language", "glossary"), 50.0, 0.10),
    Category("bond funds", ("bond fund", "bond ladder", "municipal fund", "short-bond fund"),
             ("government", "company", "inflation-linked", "green", "mixed-term"),
             ("risk note", "chart", "fee table", "description", "glossary"), 80.0, 0.15),
    Category("pension saving", ("pension plan", "top-up plan", "workplace plan", "drawdown guide"),
             ("flexible", "state-supported", "portable", "guaranteed", "partial"),
             ("worksheet", "description", "fee table", "language", "example"), 60.0, 0.92),
    Category("home saving", ("home plan", "deposit plan", "building account", "repair fund"),
             ("first-home", "renovation", "cooperative", "energy-saving", "rental"),
             ("worksheet", "calendar", "description", "layout", "example"), 100.0, 0.30),
    Category("education saving", ("study plan", "training account", "book fund", "exchange fund"),
             ("school-year", "apprenticeship", "language-course", "degree", "evening-class"),
             ("worksheet", "description", "layout", "language", "example"), 25.0, 0.65),
    Category("mixed funds", ("mixed fund", "lifecycle fund", "balanced plan", "model portfolio"),
             ("cautious", "even", "stepwise", "rebalanced", "multi-asset"),
             ("risk note", "chart", "fee table", "language", "layout"), 50.0, 0.98),
)  # fmt: skip

FINANCE = Scenario(
    name="finance",
    coefficients=MappingProxyType({"realistic": _REALISTIC, "common": _COMMON}),
    amount=Amount("deposit", "fund", "EUR", 1.2, affinity=0.15, hidden=0.1, sigma=0.7, cost=0.8),
    retention=Retention("returned_day_30", "open", intercept=-0.3, activity=0.4, reached=0.4, days=30),
    cost=Cost("least_deposit", "EUR", "caution"),
    categories=_PRODUCTS,
    colours=("blue", "green", "grey", "white", "teal", "amber", "violet", "red", "black", "silver"),
    styles=("monthly", "yearly", "digital", "plain", "joint", "stepwise", "open-ended", "fixed-sum", "small-sum",
            "quarterly"),
    uses=("a rainy day", "a first flat", "a longer journey", "a new bicycle", "a year of study", "later years",
          "a kitchen repair", "a family celebration"),
    voice=Voice(
        item="{title} on {a_colour} page, with {use} as its example.",
        said="Savers write of the page:",
        review="On the page of {a_colour} {noun} for {use}:",
        opinions=("the {aspect} is {phrase}", "I found the {aspect} {phrase}", "the {aspect} seems {phrase}",
                  "to me the {aspect} looks {phrase}", "{aspect}: {phrase}"),
    ),
    segments=MappingProxyType({
        "cushion builders": Segment(("everyday saving", "term deposits"), age=0.1),
        "fund savers": Segment(("index funds", "mixed funds", "bond funds"), age=-0.1),
        "planners": Segment(("pension saving", "bond funds", "term deposits"), age=0.3),
        "goal savers": Segment(("home saving", "education saving", "everyday saving"), age=-0.3),
    }),
    regions=("north", "east", "south", "west", "islands"),
    popularity=0.8,
    activity=0.6,
    positions=(0.5, 0.3, 0.2),
    examination=0.5,
    outcome="fund",
    attention="open",
    touches=(
        Touch(
            "reason", says="Because you looked at something like it: {title}.", cost=0.002, unit="EUR",
            stages=MappingProxyType({"open": 0.25, "apply": 0.1}), affinity=1.0, light=0.15,
        ),
        Touch(
            "nudge", says="A reminder: you may read on about {title}.", cost=0.04, unit="EUR",
            stages=MappingProxyType({"view": 0.7}), retention=0.2, light=0.15, fatigue=1.3,
        ),
    ),
    case=Case(
        goal="More savers who find a plain product that suits a goal of theirs, and who are still there a month later.",
        outcome="fund",
        long_term="returned_day_30",
        units=MappingProxyType({
            "fund": "products funded per recommendation", "returned_day_30": "returns on day 30",
        }),
        worth=MappingProxyType({"fund": 8.0, "returned_day_30": 0.2}),
        unit="EUR",
        assumption="A funded product is worth 8 EUR to the platform over a year, a saver who is there after a month "
        "0.20 EUR; both are assumptions, and neither counts what the saver gains or loses.",
        items="products",
        people="savers",
    ),
)  # fmt: skip
