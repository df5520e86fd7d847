"""Decisions that touch each other: what the one before carries over, and stock that another has bought."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.world import Platform

SMALL = {"seed": 3, "n_users": 400, "n_items": 60, "base_rate": "common"}


def difference(decisions, outcome):
    groups = decisions.groupby("treated")[outcome]
    return groups.mean().diff()[1], np.hypot(*groups.sem())


def clustered(decisions, outcome, unit):
    """Difference in means and its error over units randomised as a whole (linearised)."""
    value, _ = difference(decisions, outcome)
    arm = decisions["treated"]
    centred = decisions[outcome] - decisions.groupby("treated")[outcome].transform("mean")
    score = centred * np.where(arm == 1, 1 / arm.mean(), -1 / (1 - arm.mean())) / len(arm)
    return value, np.sqrt((score.groupby(unit).sum() ** 2).sum())


@pytest.fixture(scope="module")
def carrying():
    return Platform.make(**SMALL, carry_over=1.0)


@pytest.fixture(scope="module")
def scarce():
    return Platform.make(**SMALL, interference=0.6)


def test_the_decision_before_is_the_same_user_s_and_acts_on_the_first_stage(carrying):
    plain = Platform.make(**SMALL)
    with_it, without = (p.log(100_000, seed=1).decisions for p in (carrying, plain))
    keys = ["user_id", "item_id", "timestamp", "treated"]
    pd.testing.assert_frame_equal(with_it[keys], without[keys])
    before = without.groupby("user_id")["treated"].shift()
    same = before == 0
    assert (with_it.loc[same, "view"] == without.loc[same, "view"]).all()  # nothing carried, nothing moved
    gain = (with_it["view"] - without["view"])[before == 1]
    assert gain.min() == 0
    assert gain.mean() > 0.05


@pytest.mark.parametrize("outcome", ["click", "purchase", "revenue"])
def test_the_direct_effect_under_carry_over_equals_brute_force(carrying, outcome):
    drawn = carrying.truth.coupled_outcomes(300_000, 2, outcome)
    effect = (drawn["y1"] - drawn["y0"]).to_numpy(float)
    truth = carrying.truth
    assert abs(effect.mean() - float(truth.ate(outcome))) < 5 * effect.std() / np.sqrt(len(effect))
    assert truth.direct_effect(outcome) == truth.ate(outcome)
    treated = effect[drawn["treated"] == 1]
    assert abs(treated.mean() - float(truth.att(outcome))) < 5 * treated.std() / np.sqrt(len(treated))


def test_under_carry_over_users_not_decisions_must_be_randomised(carrying):
    overall, direct = (float(effect("click")) for effect in (carrying.truth.global_effect, carrying.truth.ate))
    assert overall > 1.3 * direct
    users = carrying.trial(200_000, 3, unit="user").decisions
    value, error = clustered(users, "click", users["user_id"])
    assert abs(value - overall) < 5 * error
    decisions = carrying.trial(200_000, 3, unit="decision").decisions
    value, error = difference(decisions, "click")
    assert abs(value - direct) < 5 * error
    assert overall - value > 10 * error


def test_where_decisions_do_not_touch_direct_and_global_effects_are_the_ate():
    truth = Platform.make(**SMALL).truth
    assert truth.direct_effect("purchase") == truth.global_effect("purchase") == truth.ate("purchase")


def test_a_policy_shows_to_those_who_were_shown_something_before(carrying):
    policy = carrying.logging_policy(0.8)
    log = carrying.slates(policy, 60_000, seed=2)
    error = log.reward.std() / np.sqrt(len(log))
    assert abs(log.reward.mean() - float(carrying.truth.policy_value(policy))) < 5 * error


def test_no_shelf_sells_more_than_its_stock_and_only_the_last_stage_feels_it(scarce):
    plain = Platform.make(**SMALL)
    short, full = (p.log(30_000, seed=1).decisions for p in (scarce, plain))
    for column in ("treated", "view", "click", "cart"):
        pd.testing.assert_series_equal(short[column], full[column])
    assert (short["purchase"] <= full["purchase"]).all()
    week = (short["timestamp"] - pd.Timestamp("2025-01-01")).dt.days // 7
    category = scarce.population.category[short["item_id"]]
    sold = short.pivot_table(index=week, columns=category, values="purchase", aggfunc="sum", fill_value=0)
    planned = 0.4 * np.outer(np.bincount(week), scarce.law.sales)
    assert (sold.to_numpy() <= np.ceil(planned)).all()
    for _, rows in full.groupby([week, category]):  # first come, first served
        served, wanted = short.loc[rows.index, "purchase"].to_numpy(), rows["purchase"].to_numpy()
        np.testing.assert_array_equal(served, wanted * (np.cumsum(wanted) <= served.sum()))
    assert 0.36 < short["purchase"].sum() / full["purchase"].sum() < 0.42
    assert (short["revenue"] == short["price"] * short["purchase"]).all()


@pytest.mark.parametrize("n", [20_000, 200_000])
def test_scarcity_hardly_depends_on_the_length_of_a_log(n):
    short, full = (Platform.make(**SMALL, interference=x).log(n, seed=1).decisions["purchase"] for x in (0.5, 0.0))
    assert 0.46 < short.sum() / full.sum() < 0.52


def test_a_plain_test_over_users_is_off_for_the_global_effect_and_a_switchback_is_not(scarce):
    n, truth = 15_000, scarce.truth
    overall, direct = truth.global_effect("purchase", n=n), truth.direct_effect("purchase", n=n)
    assert 0 < overall.std_error < 0.001
    estimates = {
        unit: [difference(scarce.trial(n, seed, unit=unit).decisions, "purchase")[0] for seed in range(40)]
        for unit in ("user", "week")
    }
    for unit, values in estimates.items():
        error = np.hypot(np.std(values, ddof=1) / np.sqrt(len(values)), overall.std_error)
        if unit == "user":
            assert np.mean(values) - float(overall) > 6 * error  # a t of more than 6 over 40 trials
        else:
            assert abs(np.mean(values) - float(overall)) < 6 * error
    assert float(direct) > 1.3 * float(overall)


def test_the_direct_effect_under_scarcity_equals_brute_force(scarce):
    n, truth = 15_000, scarce.truth.direct_effect("purchase", n=15_000)
    means = [scarce.truth.coupled_outcomes(n, seed, "purchase").eval("y1 - y0").mean() for seed in range(30)]
    assert abs(np.mean(means) - truth.value) < 6.5 * np.hypot(np.std(means, ddof=1) / np.sqrt(30), truth.std_error)


def test_outcomes_that_hang_on_stock_have_no_truth_of_single_decisions(scarce):
    truth, decisions = scarce.truth, scarce.log(50).decisions
    for call in (
        lambda: truth.ate("purchase"),
        lambda: truth.late("revenue"),
        lambda: truth.cate("category"),
        lambda: truth.potential_outcomes(decisions, "purchase"),
        lambda: truth.ate("purchase", over=decisions),
        lambda: truth.path_effects("revenue"),
        lambda: truth.policy_value(scarce.logging_policy(), "purchase"),
        lambda: truth.best_policy(reward="revenue"),
    ):
        with pytest.raises(ValueError, match=r"interference=0.6.*global_effect with n="):
            call()
    with pytest.raises(ValueError, match="give n="):
        truth.global_effect("purchase")
    assert truth.ate("click") == Platform.make(**SMALL).truth.ate("click")  # a click takes nothing off the shelf


def test_trials_store_their_propensity_and_find_the_effect_where_decisions_do_not_touch():
    platform = Platform.make(**SMALL, confounding=1.0)
    trial = platform.trial(100_000, 1, unit="decision", share=0.3)
    assert trial.extra["propensity"] == "true"
    assert trial.decisions["propensity"].eq(0.3).all()
    value, error = difference(trial.decisions, "click")
    assert abs(value - float(platform.truth.ate("click"))) < 5 * error
    arms = platform.trial(20_000, 1, unit="user").decisions.groupby("user_id")["treated"].nunique()
    assert arms.eq(1).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: p.trial(10, unit="users"), "unit='users'.*did you mean 'user'"),
        (lambda p: p.trial(10, share=1.0), "share=1.0 of 400 units"),
        (lambda p: p.truth.global_effect("purchase", n=100, repeats=1), "repeats=1"),
        (lambda p: Platform.make(cold=0.2, carry_over=1.0), "cold=0.2 with carry_over=1"),
        (lambda p: Platform.make(cold=0.2, interference=0.5), "cold=0.2 with interference=0.5"),
        (lambda p: Platform.make(interference=1.0), r"interference=1.0 is outside \[0, 0.95\].*not in stock"),
        (lambda p: Platform.make(drift=-0.1), r"drift=-0.1 is outside \[0, 0.5\].*one day"),
        (lambda p: Platform.make(shock_day=365), r"shock_day=365 is outside \[0, 364\]"),
        (lambda p: Platform.make(shock_day=1.5), "shock_day=1.5 is a count"),
    ],
)
def test_wrong_input_is_named(scarce, call, message):
    with pytest.raises(ValueError, match=message):
        call(scarce)
