"""What goes beside an item: it acts in the structural model, its propensities are exact, its truth is what happens."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from causalrec_lab.policy import FixedPolicy, UniformPolicy
from causalrec_lab.world import Platform
from causalrec_lab.world.scenarios.presets import SCENARIOS, scenario

N = 300_000


@pytest.fixture(scope="module", params=SCENARIOS)
def platform(request):
    return Platform.make(request.param, seed=4, n_users=400, n_items=60)


@pytest.fixture(scope="module")
def shop():
    return Platform.make(seed=4, n_users=600, n_items=80, base_rate="common")


class OnlyTheNew:
    """A nudge for items never shown before, else a reason or nothing."""

    def probabilities(self, contexts):
        new = contexts["log_exposures"].to_numpy() == 0
        return np.where(new[:, None], [0.0, 0.0, 1.0], [0.25, 0.75, 0.0])


class FirstTime:
    """A nudge for items never shown before, else nothing."""

    def probabilities(self, contexts):
        new = contexts["log_exposures"].to_numpy() == 0
        return np.where(new[:, None], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0])


def test_every_scenario_names_its_touches_and_what_they_are_worth(platform):
    scenario = platform.scenario
    assert scenario.touch_names == ("none", "reason", "nudge")
    assert scenario.touch_costs[0] == 0
    assert 0 < scenario.touch_costs[1] < scenario.touch_costs[2]
    case = scenario.case
    assert case.goal.endswith(".")
    assert case.items != "items"
    assert case.people != "users"
    assert set(case.units) == set(case.worth) == {case.outcome, case.long_term}
    assert {touch.unit for touch in scenario.touches} == {case.unit}
    for touch in scenario.touches:
        assert touch.says.format(title="X") != touch.says


@pytest.mark.parametrize("touch", ["reason", "nudge"])
def test_truth_is_what_a_large_simulation_shows(platform, touch):
    scenario, ranking = platform.scenario, platform.logging_policy(0.7)
    for reward in scenario.outcomes:
        drawn = platform.touches(touch, N, 1, reward=reward, ranking=ranking).reward
        value = platform.truth.policy_value(ranking, reward, touch=touch)
        assert value.std_error == 0
        assert abs(drawn.mean() - float(value)) < 5 * drawn.std() / np.sqrt(N), reward
        none = float(platform.truth.policy_value(ranking, reward, touch="none"))
        assert none == pytest.approx(float(platform.truth.policy_value(ranking, reward)), rel=1e-9)
        effect = platform.truth.touch_effect(touch, reward, ranking=ranking)
        assert float(effect) == pytest.approx(float(value) - none, rel=1e-6)
        assert (float(effect) > 0) == (reward != scenario.stages[0] or touch == "nudge"), reward


def test_a_mixed_policy_is_valued_as_its_rounds_are_rewarded(shop):
    for policy in (OnlyTheNew(), shop.touch_policy(), UniformPolicy(3)):
        log = shop.touches(policy, N, 2, reward="returned")
        value = float(shop.truth.policy_value(shop.logging_policy(), "returned", touch=policy))
        assert abs(log.reward.mean() - value) < 5 * log.reward.std() / np.sqrt(N)
        costs = np.array(shop.scenario.touch_costs)[log.action]
        cost = float(shop.truth.policy_value(shop.logging_policy(), "touch_cost", touch=policy))
        assert abs(costs.mean() - cost) < 5 * costs.std() / np.sqrt(N)


def test_propensities_are_exact_and_observed_columns_explain_them(shop):
    policy = shop.touch_policy(0.3)
    log = shop.touches(policy, 60_000, 1)
    chances = policy.probabilities(log.contexts)
    np.testing.assert_array_equal(log.propensity, chances[np.arange(len(log)), log.action])
    assert log.n_actions == 3
    assert chances.min() >= 0.1
    for action in range(3):
        part = chances[:, action]
        spread = np.sqrt((part * (1 - part)).sum())
        assert abs((log.action == action).sum() - part.sum()) < 5 * spread
    pairs = shop.population.at(*(log.contexts[name].to_numpy() for name in ("user_id", "item_id")))
    np.testing.assert_array_equal(log.contexts["affinity_hat"], pairs.affinity_hat)
    np.testing.assert_array_equal(log.contexts["log_exposures"], pairs.log_exposures)
    assert set(shop.contexts()) <= set(log.contexts)
    assert all(pd.api.types.is_numeric_dtype(dtype) for dtype in log.contexts.dtypes)


def test_rounds_follow_the_ranking(shop):
    only = FixedPolicy(np.eye(80)[7])
    assert set(shop.touches("none", 500, 1, ranking=only).contexts["item_id"]) == {7}


def test_a_reason_helps_where_it_is_true_and_a_nudge_tires(platform):
    truth, uniform = platform.truth, UniformPolicy(platform.dials.n_items)
    attention = platform.scenario.attention
    by_liking = truth.touch_effect("reason", attention, by="affinity_hat", ranking=uniform)["value"]
    assert by_liking.is_monotonic_increasing
    assert by_liking.iloc[-1] > 3 * max(by_liking.iloc[0], 0)
    seen = truth.touch_effect("nudge", platform.scenario.retention.name, by="log_exposures", ranking=uniform)["value"]
    assert seen.is_monotonic_decreasing
    assert seen.iloc[0] > 0 > seen.iloc[-1]
    for touch in ("reason", "nudge"):
        by_activity = truth.touch_effect(touch, attention, by="activity", ranking=uniform)["value"]
        assert by_activity.iloc[0] > by_activity.iloc[-1]


def test_effects_by_group_are_those_of_the_rounds_and_average_to_the_whole(shop):
    segments = shop.users["segment"]
    table = shop.truth.touch_effect("nudge", "click", by=segments)
    pd.testing.assert_frame_equal(table, shop.truth.touch_effect("nudge", "click", by="segment").loc[table.index])
    assert float(shop.truth.touch_effect("nudge", "click")) == pytest.approx((table["value"] * table["share"]).sum())
    seen = shop.truth.touch_effect("nudge", "view", by="log_exposures")
    log = shop.touches(UniformPolicy(3), N, 3, reward="view")
    exposures = np.minimum(np.expm1(log.contexts["log_exposures"]).round(), 3)
    for number, value in enumerate(seen["value"]):
        here = exposures.to_numpy() == number
        arms = [log.reward[here & (log.action == action)] for action in (0, 2)]
        error = np.hypot(*(arm.std() / np.sqrt(len(arm)) for arm in arms))
        assert abs(arms[1].mean() - arms[0].mean() - value) < 5 * error, number


def test_no_effect_means_none_and_plain_means_mislead(shop):
    flat = Platform.make(seed=4, n_users=100, n_items=30, effect=0.0)
    for touch in ("reason", "nudge"):
        assert float(flat.truth.touch_effect(touch, "purchase")) == 0
    log = shop.touches(shop.touch_policy(), N, 1, reward="purchase")
    plain = log.reward[log.action == 1].mean() - log.reward[log.action == 0].mean()
    truth = float(shop.truth.touch_effect("reason", "purchase"))
    assert plain > 1.5 * truth
    weights = [(log.action == action) / log.propensity for action in (0, 1)]
    score = (weights[1] - weights[0]) * log.reward
    assert abs(score.mean() - truth) < 5 * score.std() / np.sqrt(N)


def test_rounds_of_one_seed_are_the_same_whatever_is_counted(shop):
    first, other = (shop.touches(shop.touch_policy(), 400, 5, reward=name) for name in ("click", "purchase"))
    pd.testing.assert_frame_equal(first.contexts, other.contexts)
    np.testing.assert_array_equal(first.action, other.action)
    assert (other.reward <= first.reward).all()
    again = shop.touches(shop.touch_policy(), 400, 5)
    np.testing.assert_array_equal(first.reward, again.reward)
    assert (shop.touches(shop.touch_policy(), 400, 6).action != first.action).any()


def test_a_reason_pays_and_a_nudge_only_for_those_who_are_not_tired_of_it(platform):
    case, ranking, truth = platform.scenario.case, platform.logging_policy(), platform.truth

    def net(touch):
        cost = float(truth.policy_value(ranking, "touch_cost", touch=touch))
        return sum(w * float(truth.policy_value(ranking, o, touch=touch)) for o, w in case.worth.items()) - cost

    targeted = FirstTime()
    assert net("reason") > net("none")
    assert net(targeted) > max(net("none"), net("nudge"))


def test_an_experiment_compares_rankings_and_what_goes_beside_them():
    platform = Platform.make(seed=4, n_users=6_000, n_items=40)
    ranking, other = platform.logging_policy(), platform.logging_policy(0.2)
    arms = {"control": ranking, "ranking": other, "reason": ranking, "nudge": ranking}
    touches = {"reason": "reason", "nudge": OnlyTheNew()}
    frame = platform.experiment(arms, 6_000, 1, visits=20, touches=touches)
    assert list(frame)[-3:] == ["revenue", "returned", "touch_cost"]
    plain = platform.experiment(arms, 6_000, 1, visits=20)
    untouched = frame["arm"].isin(["control", "ranking"])
    shared = ["user_id", "arm", "pre_clicks", "click", "purchase", "revenue"]
    assert list(plain) == shared
    pd.testing.assert_frame_equal(frame.loc[untouched, shared], plain[untouched])
    assert (frame.loc[untouched, "touch_cost"] == 0).all()
    for arm, part in frame.groupby("arm"):
        for outcome in ("click", "purchase", "returned", "touch_cost"):
            value = platform.truth.policy_value(arms[arm], outcome, touch=touches.get(arm, "none"))
            assert abs(part[outcome].mean() - float(value)) <= 5 * part[outcome].sem() + 1e-12, (arm, outcome)


def test_only_a_part_of_the_users_is_asked_where_pairs_are_many(shop, monkeypatch):
    exact = {by: shop.truth.touch_effect("reason", "click", by=by) for by in ("segment", "category")}
    whole = shop.truth.policy_value(shop.logging_policy(), touch=OnlyTheNew())
    monkeypatch.setattr("causalrec_lab.world.touches.values.CELLS", 20_000)
    part = shop.truth.policy_value(shop.logging_policy(), touch=OnlyTheNew())
    assert 0 < abs(float(part) - float(whole)) < 5 * part.std_error
    for by, table in exact.items():
        some = shop.truth.touch_effect("reason", "click", by=by)
        assert (some["std_error"] > 0).all()
        assert (abs(some["value"] - table["value"]) < 5 * some["std_error"]).all()


def test_touches_on_days_that_differ():
    platform = Platform.make(seed=4, n_users=300, n_items=40, drift=0.05, cold=0.3).on([100, 200])
    with pytest.raises(ValueError, match="items arrive while the policy runs"):
        platform.touches("nudge", 100)
    today = platform.on(100)
    log = today.touches("nudge", 100_000, 1)
    value = float(today.truth.policy_value(today.logging_policy(), touch="nudge"))
    assert abs(log.reward.mean() - value) < 5 * log.reward.std() / np.sqrt(len(log))
    drifting = Platform.make(seed=4, n_users=300, n_items=40, drift=0.05).on([100, 200])
    effect = drifting.truth.touch_effect("nudge", "view")
    rewards = [drifting.touches(touch, 200_000, 1, reward="view").reward for touch in ("none", "nudge")]
    error = np.hypot(effect.std_error, rewards[0].std() * np.sqrt(2 / 200_000))
    assert abs(rewards[1].mean() - rewards[0].mean() - float(effect)) < 5 * error


def test_the_error_of_an_effect_over_days_is_that_of_the_users_each_day_asked(monkeypatch):
    days = range(0, 360, 30)
    drifting = [Platform.make(seed=seed, n_users=60, n_items=15, drift=0.2).on(days) for seed in range(30)]
    exact = [p.truth.touch_effect("nudge", "view", by="activity", bins=2) for p in drifting]
    monkeypatch.setattr("causalrec_lab.world.touches.values.CELLS", 15 * len(days) * 20)  # 20 users a day
    found = [p.truth.touch_effect("nudge", "view", by="activity", bins=2) for p in drifting]
    assert all((table["std_error"] < 1e-15).all() for table in exact)
    score = np.concatenate([(a["value"] - b["value"]) / a["std_error"] for a, b in zip(found, exact, strict=True)])
    assert 0.55 < np.sqrt(np.mean(score**2)) < 1.45  # chi-squared with 60 degrees: p < 1e-6 on either side


def test_a_nudge_may_sell_what_is_not_in_stock(shop):
    scarce = Platform.make(seed=4, n_users=400, n_items=30, base_rate="common", interference=0.6)
    with pytest.raises(ValueError, match="hangs on what others bought"):
        scarce.truth.touch_effect("nudge", "purchase")
    rewards = [scarce.touches(name, 60_000, 1, reward="purchase").reward.mean() for name in ("none", "nudge")]
    plenty = [scarce.touches(name, 60_000, 1, reward="cart").reward.mean() for name in ("none", "nudge")]
    assert rewards[1] - rewards[0] < 0.5 * (plenty[1] - plenty[0])


def test_a_scenario_with_touches_travels_and_holds_still():
    shop = scenario("ecommerce")
    assert pickle.loads(pickle.dumps(shop)) == shop
    with pytest.raises(TypeError):
        shop.touches[0].stages["click"] = 5.0
    with pytest.raises(TypeError):
        shop.case.worth["purchase"] = 5.0


def test_an_experiment_counts_what_the_case_prices():
    shop = scenario("ecommerce")
    case = replace(
        shop.case, outcome="cart", units={**shop.case.units, "cart": "carts"}, worth={"cart": 1.0, "returned": 0.1}
    )
    platform = Platform.make(replace(shop, case=case), 4, n_users=60, n_items=20)
    frame = platform.experiment(dict.fromkeys("ab", platform.logging_policy()), 60, touches={"b": "nudge"})
    assert set(case.worth) <= set(frame)


def test_the_shares_of_chance_are_those_drawn(shop):
    log = shop.touches(FixedPolicy(np.array([0.2, 0.3, 0.5])), 20_000, 1)
    for action, share in enumerate((0.2, 0.3, 0.5)):
        low, high = binom.ppf([1e-7, 1 - 1e-7], len(log), share)
        assert low <= (log.action == action).sum() <= high
