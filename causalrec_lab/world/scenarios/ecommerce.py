"""The shopping scenario: view, click, cart, purchase; seconds on the page; EUR."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from causalrec_lab.world.scenarios.equations import Amount, Coefficients, Effect, Exposure, Retention, Stage, Touch
from causalrec_lab.world.scenarios.scenario import Case, Category, Cost, Scenario, Segment

__all__ = ["ECOMMERCE"]

_REALISTIC = Coefficients(
    exposure=Exposure(
        intercept=-1.5, affinity_hat=0.8, log_popularity=0.5, activity=0.3, log_exposures=0.3, lottery=0.8
    ),
    effect=Effect(base=1.0, tail=0.25, light=0.3, fatigue=0.6),
    stages=(
        Stage(
            "view", -1.1, affinity=1.3, hidden=1.0, log_popularity=0.45, activity=0.3, season=0.3, fatigue=0.3,
            novelty=0.1, treatment=1.3,
        ),
        Stage("click", -2.4, affinity=2.1, cost=0.2, fatigue=0.2),
        Stage("cart", -0.9, affinity=0.5, cost=0.5),
        Stage("purchase", -0.3, affinity=0.3, hidden=1.0, cost=0.5, season=0.2, treatment=0.2),
    ),
)  # fmt: skip

_COMMON = Coefficients(
    exposure=Exposure(
        intercept=-0.55, affinity_hat=0.55, log_popularity=0.2, activity=0.1, log_exposures=0.15, lottery=0.8,
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

_SHOP = (
    Category("shirts", ("shirt", "blouse", "tee", "polo"), ("linen", "cotton", "flannel", "silk", "jersey"),
             ("collar", "fabric", "fit", "stitching", "cut"), 35.0, 0.35),
    Category("dresses", ("dress", "midi dress", "wrap dress", "gown"), ("silk", "cotton", "satin", "lace", "viscose"),
             ("drape", "neckline", "lining", "fit", "hem"), 70.0, 0.42),
    Category("knitwear", ("jumper", "cardigan", "turtleneck", "vest"), ("wool", "cashmere", "merino", "mohair",
             "cotton"),
             ("knit", "warmth", "texture", "fit", "ribbing"), 60.0, 0.90),
    Category("coats", ("coat", "parka", "trench", "blazer"), ("wool", "down", "waxed cotton", "tweed", "gabardine"),
             ("lining", "cut", "closure", "warmth", "zip"), 140.0, 0.88),
    Category("shoes", ("sneaker", "loafer", "ankle boot", "sandal"), ("leather", "suede", "canvas", "mesh", "nubuck"),
             ("sole", "grip", "fit", "insole", "upper"), 90.0, 0.55),
    Category("bags", ("tote", "backpack", "shoulder bag", "satchel"), ("leather", "canvas", "nylon", "suede", "raffia"),
             ("strap", "zip", "lining", "pocket layout", "clasp"), 85.0, 0.65),
    Category("jewellery", ("ring", "necklace", "bracelet", "pair of earrings"), ("silver", "gold", "pearl",
             "brass", "enamel"),
             ("clasp", "finish", "setting", "weight", "polish"), 55.0, 0.95),
    Category("home", ("throw", "cushion", "vase", "lamp"), ("linen", "ceramic", "oak", "glass", "wool"),
             ("finish", "weight", "colour", "shape", "build"), 45.0, 0.75),
)  # fmt: skip

ECOMMERCE = Scenario(
    name="ecommerce",
    coefficients=MappingProxyType({"realistic": _REALISTIC, "common": _COMMON}),
    amount=Amount("dwell", "click", "seconds", intercept=3.6, affinity=0.25, hidden=0.1, sigma=0.8),
    retention=Retention("returned", "click", intercept=-1.4, activity=0.5, reached=0.5),
    cost=Cost("price", "EUR", "price_sensitivity", earned="revenue"),
    categories=_SHOP,
    colours=("navy", "ivory", "charcoal", "olive", "rust", "blush", "black", "sand", "cobalt", "burgundy"),
    styles=("relaxed", "tailored", "classic", "sporty", "vintage", "minimal", "bold", "rustic", "delicate",
            "oversized"),
    uses=("everyday wear", "the office", "evenings out", "weekend trips", "cold mornings", "summer holidays",
          "celebrations", "long walks"),
    segments=MappingProxyType({
        "wardrobe builders": Segment(("shirts", "knitwear", "coats"), female=0.2),
        "occasion shoppers": Segment(("dresses", "jewellery", "shoes"), age=-0.35, female=0.5),
        "commuters": Segment(("bags", "shoes", "coats"), female=-0.3),
        "nesters": Segment(("home", "knitwear"), age=0.45),
    }),
    regions=("north", "east", "south", "west", "islands"),
    outcome="purchase",
    attention="click",
    touches=(
        Touch(
            "reason", says="Because you bought something like it: {title}.", cost=0.002, unit="EUR",
            stages=MappingProxyType({"click": 0.25, "purchase": 0.1}), affinity=1.0, light=0.15,
        ),
        Touch(
            "nudge", says="A reminder by mail: {title} is still there for you.", cost=0.03, unit="EUR",
            stages=MappingProxyType({"view": 0.8}), retention=0.3, light=0.15, fatigue=1.1,
        ),
    ),
    case=Case(
        goal="More visitors who find something to buy, without tiring those who come back.",
        outcome="purchase",
        long_term="returned",
        units=MappingProxyType({"purchase": "orders per recommendation", "returned": "returns next day"}),
        worth=MappingProxyType({"purchase": 12.0, "returned": 0.1}),
        unit="EUR",
        assumption="An order leaves a margin of 12 EUR after goods and delivery, a visit next day is worth 0.10 EUR of "
        "advertising that need not be bought; both are assumptions.",
        items="products",
        people="shoppers",
    ),
)  # fmt: skip
