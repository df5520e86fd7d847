"""Closed forms equal enumeration by hand and brute-force Monte Carlo."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.policy import UniformPolicy
from causalrec_lab.world import Platform
from causalrec_lab.world.truths import averages
from causalrec_lab.world.truths.groups import grouping

N = 200_000
OUTCOMES = ["view", "click", "cart", "purchase", "dwell", "returned", "revenue"]


@pytest.fixture(scope="module")
def platform():
    return Platform.make(seed=3, n_users=400, n_items=120, confounding=0.8)


@pytest.fixture(scope="module")
def decisions(platform):
    return platform.log(N, seed=1).decisions


def logistic(x):
    return 1 / (1 + math.exp(-x))


def by_hand(platform, user, item, node, treated, position=0):
    """P(click) and P(purchase) of one pair in one season, from the equations of the design, in plain Python."""
    p = platform.population
    r = sum(a * b for a, b in zip(p.theta[user], p.v[item], strict=True))
    h = p.h_user[user] + p.h_item[item]
    n = int(p.at(np.array([user]), np.array([item])).exposures[0])
    lp, a = p.log_popularity[item], p.activity[user]
    pain = p.cost_sensitivity[user] * p.log_cost_gap[item]
    effect = platform.funnel.effect
    tau = effect.base - effect.tail * lp - effect.light * (a - p.activity.mean()) - effect.fatigue * math.log(1 + n)
    season = math.cos(2 * math.pi * ((node + 0.5) / 4 - platform.scenario.categories[p.category[item]].peak))
    reached, product = [], (position + 1) ** -platform.scenario.examination
    for s in platform.funnel.stages:
        logit = s.intercept + s.affinity * r + s.hidden * h + s.log_popularity * lp + s.activity * a - s.cost * pain
        logit += s.season * season - s.fatigue * math.log(1 + n) + s.novelty * (n == 0) + s.treatment * tau * treated
        product *= logistic(logit)
        reached.append(product)
    return reached[1], reached[3]


def exposure_by_hand(platform, user, item, z):
    p, rule = platform.population, platform.rule
    r_hat = float(p.theta_hat[user] @ p.v_hat[item])
    n = int(p.at(np.array([user]), np.array([item])).exposures[0])
    logit = rule.intercept + rule.affinity_hat * r_hat + rule.log_popularity * p.log_popularity[item]
    logit += rule.activity * p.activity[user] + rule.log_exposures * math.log(1 + n) + rule.lottery * z
    return min(max(logistic(logit + rule.hidden * (p.h_user[user] + p.h_item[item])), 0.01), 0.99)


def test_small_platform_equals_the_sum_written_out_by_hand():
    platform = Platform.make(seed=4, n_users=6, n_items=9, confounding=0.7)
    rows = []
    for user, item, node, z, k in itertools.product(range(6), range(9), range(4), range(2), range(4)):
        effect = np.subtract(by_hand(platform, user, item, node, 1, k), by_hand(platform, user, item, node, 0, k))
        effect *= 4 * platform.scenario.positions[k]
        e = [exposure_by_hand(platform, user, item, side) for side in (0, 1)]
        rows.append([*effect, e[z], sum(e) / 2 * (1 - sum(e) / 2), e[1] - e[0]])
    click, purchase, *weights = np.array(rows).T
    for outcome, effect in (("click", click), ("purchase", purchase)):
        assert float(platform.truth.ate(outcome)) == pytest.approx(effect.mean(), abs=1e-12)
        for name, weight in zip(("att", "ato", "late"), weights, strict=True):
            expected = np.average(effect, weights=weight)
            assert float(getattr(platform.truth, name)(outcome)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_effects_equal_brute_force(platform, outcome):
    drawn = platform.truth.coupled_outcomes(N, 1, outcome)
    effect = (drawn["y1"] - drawn["y0"]).to_numpy(float)
    assert abs(effect.mean() - float(platform.truth.ate(outcome))) < 4 * effect.std() / math.sqrt(N)
    of_treated = effect[drawn["treated"] == 1]
    error = of_treated.std() / math.sqrt(len(of_treated))
    assert abs(of_treated.mean() - float(platform.truth.att(outcome))) < 4 * error


def test_overlap_and_complier_effects_equal_brute_force(platform, decisions):
    effect = platform.truth.coupled_outcomes(N, 1, "click").eval("y1 - y0").to_numpy(float)
    without = platform.truth.propensity(decisions.assign(z=0))
    lucky = platform.truth.propensity(decisions.assign(z=1))
    mean = (without + lucky) / 2
    for truth, weight in (
        (platform.truth.ato("click"), mean * (1 - mean)),
        (platform.truth.late("click"), lucky - without),
    ):
        value = np.average(effect, weights=weight)
        error = np.std(weight * (effect - value)) / weight.mean() / math.sqrt(N)
        assert abs(value - float(truth)) < 4 * error


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_means_of_potential_outcomes_equal_brute_force_in_every_tenth(platform, decisions, outcome):
    means = platform.truth.potential_outcomes(decisions, outcome)
    drawn = platform.truth.coupled_outcomes(N, 1, outcome)
    checked = 0
    for side in ("y0", "y1"):
        residual = (drawn[side] - means[side]).to_numpy(float)
        for rows in (
            pd.Series(residual).groupby(pd.qcut(means[side], 10, duplicates="drop").to_numpy()).indices.values()
        ):
            if (drawn[side].to_numpy()[rows] > 0).sum() < 200:
                continue  # too few for a normal band
            own = residual[rows]
            assert abs(own.mean()) < 5 * own.std() / math.sqrt(len(own))
            checked += 1
    assert checked >= 5


def test_effect_over_a_log_is_the_mean_of_its_rows(platform, decisions):
    some = decisions.head(5_000)
    rows = platform.truth.cate(some, "click")
    assert float(platform.truth.ate("click", over=some)) == pytest.approx(rows["value"].mean())
    treated = rows["value"][some["treated"] == 1].mean()
    assert float(platform.truth.att("click", over=some)) == pytest.approx(treated)
    sample, population = float(platform.truth.ate("click", over=decisions)), float(platform.truth.ate("click"))
    spread = platform.truth.cate(decisions, "click")["value"].std() / math.sqrt(N)
    assert 0 < abs(sample - population) < 4 * spread


@pytest.mark.parametrize("by", ["segment", "category", "activity", "price", "log_exposures", "affinity_hat"])
def test_conditional_effects_average_to_the_whole_and_equal_brute_force(platform, decisions, by):
    groups = platform.truth.cate(by, "click")
    assert list(groups.columns) == ["value", "std_error"]
    effect = platform.truth.coupled_outcomes(N, 1, "click").eval("y1 - y0").to_numpy(float)
    labels, codes = grouping(platform.population, by)
    group = codes(platform.population.at(decisions["user_id"].to_numpy(), decisions["item_id"].to_numpy()))
    assert list(groups.index) == labels
    for number, label in enumerate(labels):
        own = effect[group == number]
        assert abs(own.mean() - groups.loc[label, "value"]) < 4.5 * own.std() / math.sqrt(len(own)), label
    sizes = np.bincount(group, minlength=len(labels)) / N
    assert sizes @ groups["value"] == pytest.approx(float(platform.truth.ate("click")), abs=1e-3)


def test_effects_are_larger_for_the_long_tail_and_light_users_and_negative_under_fatigue():
    platform = Platform.make(seed=3)
    by_popularity = platform.truth.cate("popularity", "view")["value"]
    by_activity = platform.truth.cate("activity", "view")["value"]
    by_exposures = platform.truth.cate("log_exposures", "click")["value"]
    assert by_popularity.is_monotonic_decreasing
    assert by_activity.is_monotonic_decreasing
    assert by_exposures.is_monotonic_decreasing
    assert by_exposures.iloc[-1] < 0


def test_monte_carlo_takes_over_for_large_populations(platform, monkeypatch):
    exact = {name: float(getattr(platform.truth, name)("click")) for name in ("ate", "att", "ato", "late")}
    by_segment = platform.truth.cate("segment", "click")["value"]
    monkeypatch.setattr(averages, "EXACT_CELLS", 0)
    monkeypatch.setattr(averages, "DRAWS", 400_000)
    for name, value in exact.items():
        drawn = getattr(platform.truth, name)("click")
        assert 0 < drawn.std_error < 0.001
        assert abs(drawn.value - value) < 4 * drawn.std_error
    groups = platform.truth.cate("segment", "click")
    assert (abs(groups["value"] - by_segment) < 4.5 * groups["std_error"]).all()


@pytest.mark.parametrize("reward", ["click", "purchase", "revenue", "dwell"])
def test_policy_value_equals_what_its_log_earns(platform, reward):
    policy = platform.logging_policy(0.8)
    log = platform.slates(policy, 100_000, seed=2, reward=reward)
    error = log.reward.std() / math.sqrt(len(log))
    assert abs(log.reward.mean() - float(platform.truth.policy_value(policy, reward))) < 4 * error


def test_policy_value_equals_enumeration():
    platform = Platform.make(seed=4, n_users=6, n_items=9)
    rng = np.random.default_rng(0)
    table = rng.dirichlet(np.ones(9), size=6)

    class Table:
        def probabilities(self, contexts):
            return table[contexts["user_id"]]

    expected = np.mean(
        [
            sum(table[u, i] * by_hand(platform, u, i, node, 1)[0] for i in range(9))
            for u in range(6)
            for node in range(4)
        ]
    )
    assert float(platform.truth.policy_value(Table(), "click")) == pytest.approx(expected, abs=1e-12)


def test_best_policy_beats_every_other_and_knows_its_lists(platform):
    truth = platform.truth
    best = float(truth.policy_value(truth.best_policy()))
    others = [platform.logging_policy(0.1), platform.logging_policy(1.0), UniformPolicy(120), truth.best_policy(5)]
    assert all(best > float(truth.policy_value(policy)) for policy in others)
    assert float(truth.policy_value(truth.best_policy(120))) == pytest.approx(
        float(truth.policy_value(UniformPolicy(120)))
    )
    everyone = platform.contexts()
    np.testing.assert_allclose(truth.best_policy(5).probabilities(everyone).sum(axis=1), 1)
    for_money = truth.best_policy(reward="revenue")
    assert float(truth.policy_value(for_money, "revenue")) > float(truth.policy_value(truth.best_policy(), "revenue"))


def test_policy_value_of_a_large_population_has_a_standard_error(platform, monkeypatch):
    policy = platform.logging_policy(0.5)
    exact = float(platform.truth.policy_value(policy))
    monkeypatch.setattr(averages, "EXACT_CELLS", 40_000)
    drawn = platform.truth.policy_value(policy)
    assert 0 < drawn.std_error < 0.1
    assert abs(drawn.value - exact) < 4 * drawn.std_error
