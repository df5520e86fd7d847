"""A domain is data: every preset keeps every promise, one built from nothing does, and what does not fit is refused."""

import ast
import inspect
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

import causalrec_lab.world
from causalrec_lab.data import schema
from causalrec_lab.world import Platform
from causalrec_lab.world.scenarios.presets import SCENARIOS, scenario
from causalrec_lab.world.scenarios.scenario import (
    Amount,
    Category,
    Coefficients,
    Cost,
    Effect,
    Exposure,
    Retention,
    Scenario,
    Segment,
    Stage,
    Voice,
)

SHOP = scenario("ecommerce")
N = 100_000
RATES = {  # of attention and main outcome in the logs of each preset at its realistic rates
    "ecommerce": {"click": (0.05, 0.15), "purchase": (0.01, 0.05)},
    "music": {"play": (0.1, 0.2), "save": (0.02, 0.07)},
    "video": {"play": (0.07, 0.16), "finish": (0.05, 0.12)},
    "news": {"open": (0.07, 0.16), "read": (0.04, 0.1)},
    "finance": {"open": (0.07, 0.16), "fund": (0.01, 0.05)},
    "health": {"start": (0.08, 0.2), "complete": (0.05, 0.13)},
    "education": {"start": (0.08, 0.2), "pass": (0.04, 0.1)},
    "library": {"hold": (0.2, 0.5), "borrow": (0.2, 0.5)},
}


def library() -> Scenario:
    """A public library's recommendations, from nothing but the classes of `scenario`."""
    lending = Coefficients(
        exposure=Exposure(-0.5, affinity_hat=0.5, log_popularity=0.3, activity=0.2, log_exposures=0.1, lottery=0.5),
        effect=Effect(base=0.8, tail=0.1, light=0.1, fatigue=0.3),
        stages=(
            Stage("notice", 0.8, affinity=1.0, hidden=0.8, treatment=1.0),
            Stage("hold", 0.4, affinity=0.8, cost=0.3, season=0.4),
            Stage("borrow", 1.2, affinity=0.3, hidden=0.8),
        ),
    )
    return Scenario(
        name="library",
        coefficients={"usual": lending},
        amount=Amount("pages_read", "borrow", "pages", -0.4, affinity=0.2, hidden=0.1, sigma=0.5, cost=0.9),
        retention=Retention("back_in_a_month", "borrow", -0.5, activity=0.3, reached=0.8, days=30),
        cost=Cost("pages", "pages", "haste"),
        categories=(
            Category("crime", ("mystery", "cold case"), ("village", "harbour"), ("plot", "detective"), 320.0, 0.9),
            Category("poetry", ("sonnet cycle", "elegy"), ("modern", "pastoral"), ("rhythm", "imagery"), 96.0, 0.3),
            Category("history", ("biography", "chronicle"), ("royal", "naval"), ("research", "prose"), 480.0, 0.6),
        ),
        colours=("red", "grey", "yellow"),
        styles=("short", "grand"),
        uses=("the beach", "the fireside"),
        segments={"escapists": Segment(("crime",), age=-0.3), "readers": Segment(("poetry", "history"), age=0.3)},
        regions=("old town", "suburbs", "villages"),
        voice=Voice(item="{title} in a {colour} cover, for {use}.", said="Borrowers write:"),
        taste=4,
        shares={"crime": 0.6, "poetry": 0.1, "history": 0.3},
        positions=(0.7, 0.3),
        defaults={"n_users": 900, "n_items": 250},
        attention="hold",
    )


EVERY = [
    *((preset, rate) for preset in SCENARIOS.values() for rate in preset.coefficients),
    (library(), "usual"),
]


@pytest.fixture(scope="module", params=EVERY, ids=lambda case: f"{case[0].name}-{case[1]}")
def platform(request):
    chosen, rate = request.param
    return Platform.make(chosen, seed=2, base_rate=rate, n_users=900, n_items=250, text_r2=0.5)


@pytest.fixture(scope="module")
def log(platform):
    return platform.log(N, seed=1)


def test_a_domain_takes_fewer_than_sixty_lines():
    assert len(inspect.getsource(library).splitlines()) < 60


@pytest.mark.parametrize("table", ["decisions", "events", "items", "users"])
def test_tables_keep_their_contract(log, table):
    assert schema.failures(log.table(table), table).empty


def test_tables_speak_the_scenario_s_words(platform, log):
    scenario = platform.scenario
    assert set(scenario.outcomes) | {scenario.cost.name, "position"} <= set(log.decisions)
    assert {scenario.cost.name, "category"} <= set(log.items)
    assert scenario.cost.sensitivity in log.users
    assert scenario.cost.sensitivity in platform.contexts()
    assert set(log.events["event"]) == set(scenario.stages)
    assert ("price" in log.items) == (scenario.name == "ecommerce")
    nouns = {category.name: category.nouns for category in scenario.categories}
    fits = [title.endswith(nouns[category]) for title, category in log.items[["title", "category"]].to_numpy()]
    assert all(fits)
    assert log.items["text"].str.contains(scenario.voice.said, regex=False).all()
    assert log.users["region"].isin(scenario.regions).all()


def test_funnel_is_monotone_and_amounts_begin_where_they_say(platform, log):
    scenario, decisions = platform.scenario, log.decisions
    assert (np.diff(decisions[list(scenario.stages)].to_numpy(), axis=1) <= 0).all()
    reached = decisions[scenario.amount.after] == 1
    np.testing.assert_array_equal(decisions[scenario.amount.name] > 0, reached)
    stage = log.events[log.events["event"] == scenario.amount.after]
    assert stage["value"].sum() == pytest.approx(decisions[scenario.amount.name].sum())


def test_outcome_rates_lie_in_their_bands(platform, log):
    scenario, decisions = platform.scenario, log.decisions
    if platform.dials.base_rate == "common":
        assert decisions[[scenario.attention, scenario.outcome]].mean().min() >= 0.2
        assert decisions["propensity"].between(0.1, 0.9).all()
        return
    for outcome, (low, high) in RATES[scenario.name].items():
        assert low < decisions[outcome].mean() < high, outcome
    assert set(RATES[scenario.name]) == {scenario.attention, scenario.outcome}
    assert 0.2 < decisions["treated"].mean() < 0.6
    assert decisions["propensity"].between(0.05, 0.95).mean() > 0.9


def test_closed_form_effects_equal_brute_force(platform):
    assert platform.truth.ate() == platform.truth.ate(platform.scenario.outcome)
    for outcome in platform.scenario.outcomes:
        drawn = platform.truth.coupled_outcomes(N, 1, outcome)
        effect = (drawn["y1"] - drawn["y0"]).to_numpy(float)
        truth = float(platform.truth.ate(outcome))
        assert abs(effect.mean() - truth) < 4 * effect.std() / np.sqrt(N), outcome
        of_treated = effect[drawn["treated"] == 1]
        error = of_treated.std() / np.sqrt(len(of_treated))
        assert abs(of_treated.mean() - float(platform.truth.att(outcome))) < 4 * error, outcome


def test_both_potential_outcomes_agree_with_the_observed(platform, log):
    for outcome in platform.scenario.outcomes:
        both = platform.truth.coupled_outcomes(N, 1, outcome)
        seen = np.where(both["treated"] == 1, both["y1"], both["y0"])
        np.testing.assert_array_equal(seen, log.decisions[outcome])


def test_positions_follow_one_law_in_both_arms(platform, log):
    for _, part in log.decisions.groupby("treated"):
        for position, share in enumerate(platform.scenario.positions):
            low, high = binom.ppf([1e-7, 1 - 1e-7], len(part), share)
            assert low <= (part["position"] == position).sum() <= high
    first, *others = (part for _, part in log.decisions.groupby("position"))
    stage, examined = platform.scenario.stages[0], platform.truth.examination()["value"]
    for part, chance in zip(others, examined[1:], strict=True):
        error = np.hypot(part[stage].sem(), chance * first[stage].sem())
        assert abs(part[stage].mean() - chance * first[stage].mean()) < 5 * error


def test_the_stored_propensity_is_the_one_drawn(platform, log):
    decisions = log.decisions
    assert log.extra["propensity"] == "true"
    np.testing.assert_array_equal(decisions["propensity"], platform.truth.propensity(decisions))
    for _, part in decisions.groupby(pd.qcut(decisions["propensity"], 10)):
        spread = np.sqrt((part["propensity"] * (1 - part["propensity"])).sum())
        assert abs(part["treated"].sum() - part["propensity"].sum()) < 5 * spread


def test_policies_are_rewarded_by_the_scenario_s_attention(platform):
    scenario = platform.scenario
    policy = platform.logging_policy(0.5)
    log = platform.slates(policy, 40_000, seed=3)
    value = float(platform.truth.policy_value(policy))
    assert value == float(platform.truth.policy_value(policy, scenario.attention))
    assert abs(log.reward.mean() - value) < 5 * log.reward.std() / np.sqrt(len(log))
    assert float(platform.truth.policy_value(platform.truth.best_policy())) > value
    frame = platform.experiment({"a": policy, "b": platform.logging_policy(2.0)}, 200, 1)
    columns = dict.fromkeys((scenario.attention, scenario.outcome, scenario.value))
    assert list(frame.columns) == ["user_id", "arm", f"pre_{scenario.attention}s", *columns]


def test_no_code_knows_a_scenario_by_name():
    words = {word for preset in SCENARIOS.values() for word in (preset.name, *preset.outcomes, preset.cost.name)}
    own_names = {"linear", "frontdoor", "staggered", "returning"}  # platforms of their own
    spoken = {
        (path.stem, node.value)
        for path in Path(causalrec_lab.world.__file__).parent.rglob("*.py")
        if path.stem not in own_names and path.parent.name != "scenarios"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in words
    }
    defaults = {(place, "ecommerce") for place in ("platform", "scenario", "matching", "comparison")}
    others = {
        ("population", "stream"),
        ("experiments", "share"),
        ("values", "share"),
    }  # a function, an argument, a column
    assert spoken - defaults == others


def test_what_is_left_empty_is_filled_and_dials_come_from_the_scenario():
    assert library().outcome == "borrow"
    assert replace(library(), attention="").attention == "borrow"  # the amount's stage
    assert library().value == "pages_read"
    assert SHOP.value == "revenue"
    platform = Platform.make(library(), n_items=40)
    assert (platform.dials.n_users, platform.dials.n_items) == (900, 40)
    with pytest.raises(TypeError, match="no dial 'n_user'; did you mean n_users"):
        Platform.make(replace(library(), defaults={"n_user": 5}))


def first_category(**changes):
    return {"categories": (replace(SHOP.categories[0], **changes), *SHOP.categories[1:])}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"segments": {"all": Segment(("shoe",))}}, r"segment 'all' likes \['shoe'\], no category; did you mean shoes"),
        ({"segments": {"all": ("shoes",)}}, r"segment 'all' is \('shoes',\); give a Segment"),
        ({"segments": {"all": Segment(())}}, "segment 'all' likes no category"),
        ({"segments": {}}, "it has no segments; give at least one"),
        ({"regions": ()}, "it has no regions"),
        ({"regions": "north"}, "regions='north' is no tuple"),
        ({"coefficients": {}}, "it has no coefficients"),
        (
            {"amount": replace(SHOP.amount, after="listen")},
            "'dwell' comes after 'listen', which is no stage; those are",
        ),
        ({"amount": replace(SHOP.amount, sigma=-1.0)}, r"amount.sigma=-1.0, a standard deviation; .* at least 0"),
        ({"amount": replace(SHOP.amount, name="click")}, "'click' names two things"),
        ({"retention": replace(SHOP.retention, name="treated")}, "'treated' is a column every platform has"),
        (first_category(nouns=("tee",)), r"\[1, 4\] nouns"),
        (first_category(name="bags"), r"categories \['bags'\] stand twice"),
        (first_category(cost=-3.0), r"category 'shirts' has price -3.0; .* positive number of EUR"),
        (first_category(peak=1.5), r"'shirts' has peak=1.5, a time of the year; .*\[0, 1\)"),
        ({"outcome": "purchases"}, "outcome='purchases' is no stage and no outcome; did you mean purchase"),
        ({"attention": "play"}, "attention='play' is no stage and no outcome; those are view, click"),
        ({"popularity": -0.5}, "popularity=-0.5, its exponent, must be a number of at least 0"),
        ({"popularity": (1.0, 2.0)}, "the curve of popularity does not fall"),
        ({"popularity": (1.0,)}, r"popularity=\(1.0,\) is neither a number nor a curve"),
        ({"activity": (0.0, 1.0)}, "the curve of activity holds 0.0; its numbers must be positive"),
        ({"activity": float("nan")}, "activity=nan"),
        ({"shares": {"shirts": 1.0}}, r"shares leaves out \['bags', .*give a share to every category"),
        ({"shares": {c.name: 0.2 for c in SHOP.categories}}, "shares sum to 1.6; they must sum to 1"),
        ({"shares": {c.name: 0.125 for c in SHOP.categories} | {"hats": 0}}, r"shares names \['hats'\], no category"),
        (
            {"shares": {c.name: 0.125 for c in SHOP.categories} | {"bags": -0.125, "home": 0.375}},
            r"shares holds \{'bags': -0.125\}; a share is at least 0",
        ),
        ({"positions": (0.5, 0.6)}, "positions sum to 1.1; .* must sum to 1"),
        ({"positions": (1.5, -0.5)}, "positions holds -0.5; a share is at least 0"),
        ({"examination": -1.0}, "examination=-1.0, an exponent"),
        ({"age_activity": 1.0}, r"age_activity=1.0, a correlation; give a number in \(-1, 1\)"),
        ({"taste": 0}, "taste=0: give a whole number of at least 1"),
        (
            {"voice": Voice(item="{titel}")},
            "voice.item has a slot 'titel', which nothing fills; it may have title, style",
        ),
        ({"voice": Voice(opinions=())}, "voice.opinions is empty"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_way_out(change, message):
    with pytest.raises(ValueError, match=f"scenario 'ecommerce': .*{message}"):
        replace(SHOP, **change)


def test_base_rates_must_share_their_funnel_and_clip_sensibly():
    usual = SHOP.coefficients["realistic"]
    with pytest.raises(ValueError, match=r"short: stages are \['view'\], elsewhere .*give all rates the same"):
        replace(SHOP, coefficients=SHOP.coefficients | {"short": replace(usual, stages=usual.stages[:1])})
    wide = replace(usual, exposure=replace(usual.exposure, clip=(0.0, 0.9)))
    with pytest.raises(ValueError, match=r"propensities are clipped to \(0.0, 0.9\)"):
        replace(SHOP, coefficients={"realistic": wide})


def test_a_missing_field_is_named():
    with pytest.raises(TypeError, match=r"missing .* 'amount'"):
        Scenario(name="empty", coefficients=SHOP.coefficients)


def test_a_platform_shows_its_dials():
    shown = Platform.make(seed=3, confounding=0.5)._repr_html_()
    assert "<th>confounding</th><td>0.5</td>" in shown
    assert shown == Platform.make(seed=3, confounding=0.5)._repr_html_()
