"""Logs: what stands in them, what does not, and that they are what was drawn."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from causalrec_lab.data import schema
from causalrec_lab.world import Platform


@pytest.fixture(scope="module")
def platform():
    return Platform.make(seed=2, n_users=3_000, n_items=2_500)


@pytest.fixture(scope="module")
def log(platform):
    return platform.log(60_000, seed=1)


@pytest.mark.parametrize("table", ["decisions", "events", "items", "users"])
def test_tables_keep_their_contract(log, table):
    assert schema.failures(log.table(table), table).empty


def test_columns_are_those_of_the_contract_and_h_is_not_among_them(platform, log):
    assert list(log.decisions.columns) == [
        *("user_id", "item_id", "timestamp", "position", "z", "treated", "propensity"),
        *("view", "click", "cart", "purchase", "dwell", "returned", "revenue"),
        *("affinity_hat", "log_popularity", "activity", "log_exposures", "price"),
    ]
    assert platform.covariates == ("affinity_hat", "log_popularity", "activity", "log_exposures")
    assert "z" not in platform.covariates


@pytest.mark.parametrize("confounding", [0.0, 1.0])
def test_no_column_from_before_the_treatment_tells_of_h(confounding):
    platform = Platform.make(seed=2, n_users=3_000, n_items=2_500, confounding=confounding)
    decisions = platform.log(2_500, seed=3, pairs="once", propensity="nominal").decisions
    hidden = platform.truth.hidden(decisions)
    after = {"treated", "view", "click", "cart", "purchase", "dwell", "returned", "revenue", "timestamp"}
    for name in set(decisions.columns) - after:
        assert abs(np.corrcoef(decisions[name], hidden)[0, 1]) < 5 / np.sqrt(len(decisions)), name


def test_stored_propensities_are_those_drawn(platform, log):
    decisions = log.decisions
    np.testing.assert_array_equal(decisions["propensity"], platform.truth.propensity(decisions))
    assert log.extra["propensity"] == "true"
    for _, part in decisions.groupby(pd.qcut(decisions["propensity"], 20)):
        expected, spread = part["propensity"].sum(), np.sqrt((part["propensity"] * (1 - part["propensity"])).sum())
        assert abs(part["treated"].sum() - expected) < 5 * spread


def test_hidden_confounder_takes_the_propensity_away():
    platform = Platform.make(seed=2, confounding=1.0)
    log = platform.log(80_000, seed=1)
    assert "propensity" not in log.decisions
    assert "propensity" not in log.events
    assert log.extra["propensity"] == "none"
    nominal = platform.log(80_000, seed=1, propensity="nominal")
    assert nominal.extra["propensity"] == "nominal"
    stored, true = nominal.decisions["propensity"], platform.truth.propensity(nominal.decisions)
    assert np.abs(stored - true).max() > 0.2
    blocks = nominal.decisions.groupby(pd.qcut(stored, 10))
    for _, part in blocks:  # right given the tables: h is integrated out
        assert part["treated"].mean() == pytest.approx(part["propensity"].mean(), abs=0.04)


def test_nominal_is_the_true_one_without_a_hidden_confounder(platform, log):
    nominal = platform.log(60_000, seed=1, propensity="nominal")
    assert nominal.extra["propensity"] == "true"
    np.testing.assert_array_equal(nominal.decisions["propensity"], log.decisions["propensity"])
    assert "propensity" not in platform.log(100, seed=1, propensity=None).decisions


def test_same_seeds_same_log_other_seed_another(platform, log):
    again = Platform.make(seed=2, n_users=3_000, n_items=2_500).log(60_000, seed=1)
    for name, table in log.tables.items():
        pd.testing.assert_frame_equal(table, again.tables[name])
    assert not log.decisions["user_id"].equals(platform.log(60_000, seed=2).decisions["user_id"])


@pytest.mark.parametrize("outcome", ["view", "click", "cart", "purchase", "dwell", "returned", "revenue"])
def test_potential_outcomes_agree_with_the_observed(platform, log, outcome):
    both = platform.truth.coupled_outcomes(60_000, 1, outcome)
    np.testing.assert_array_equal(both["treated"], log.decisions["treated"])
    seen = np.where(both["treated"] == 1, both["y1"], both["y0"])
    np.testing.assert_array_equal(seen, log.decisions[outcome])


def test_outcomes_follow_the_funnel(log):
    decisions = log.decisions
    stages = decisions[["view", "click", "cart", "purchase"]].to_numpy()
    assert (np.diff(stages, axis=1) <= 0).all()
    np.testing.assert_array_equal(decisions["dwell"] > 0, decisions["click"] == 1)
    np.testing.assert_allclose(decisions["revenue"], decisions["price"] * decisions["purchase"])


def test_positions_follow_the_scenario_s_shares_in_both_arms_alike(platform, log):
    decisions = log.decisions
    shares = platform.scenario.positions
    for k, share in enumerate(shares):
        for _, part in decisions.groupby("treated"):
            low, high = binom.ppf([1e-7, 1 - 1e-7], len(part), share)
            assert low <= (part["position"] == k).sum() <= high
    assert decisions["position"].max() == len(shares) - 1
    for name in ("propensity", *platform.covariates, "z"):
        assert abs(np.corrcoef(decisions["position"], decisions[name])[0, 1]) < 5 / np.sqrt(len(decisions)), name


def test_first_stage_falls_with_position_as_the_truth_says_and_later_stages_do_not(platform):
    decisions = platform.log(200_000, seed=4).decisions
    examined = platform.truth.examination()["value"]
    assert examined[0] == 1
    assert (np.diff(examined) < 0).all()
    first = decisions.loc[decisions["position"] == 0, "view"]
    for k, part in decisions.groupby("position"):
        expected = examined[k] * first.mean()
        assert abs(part["view"].mean() - expected) < 5 * np.hypot(part["view"].sem(), examined[k] * first.sem())
    clicks = decisions[decisions["view"] == 1].groupby("position")["click"]
    assert (abs(clicks.mean() - clicks.mean()[0]) < 5 * np.hypot(clicks.sem(), clicks.sem()[0])).all()


def test_means_of_potential_outcomes_are_those_of_the_row_s_own_position(platform, log):
    rows, examined = log.decisions.head(50), platform.truth.examination(6)["value"]
    first = platform.truth.potential_outcomes(rows.assign(position=0), "click")
    fifth = platform.truth.potential_outcomes(rows.assign(position=4), "click")
    np.testing.assert_allclose(fifth, first * examined[4])
    mean = platform.truth.potential_outcomes(rows.drop(columns="position"), "click")
    np.testing.assert_allclose(mean, first * np.dot(platform.scenario.positions, examined[:4]))
    with pytest.raises(ValueError, match=r"'position' has 1 values that are no position, first at row 3: -1"):
        platform.truth.potential_outcomes(rows.assign(position=np.where(np.arange(50) == 3, -1, 0)))


def test_users_and_items_are_drawn_uniformly_and_the_lottery_is_fair(log):
    n = len(log.decisions)
    for column, count in (("user_id", 3_000), ("item_id", 2_500)):
        drawn = np.bincount(log.decisions[column], minlength=count)
        assert drawn.max() <= binom.ppf(1 - 1e-9, n, 1 / count)
        assert drawn.min() >= binom.ppf(1e-9, n, 1 / count)
    assert binom.ppf(1e-7, n, 0.5) <= log.decisions["z"].sum() <= binom.ppf(1 - 1e-7, n, 0.5)


def test_once_uses_every_user_and_item_at_most_once(platform):
    decisions = platform.log(2_500, seed=1, pairs="once").decisions
    assert decisions["user_id"].is_unique
    assert decisions["item_id"].is_unique


def test_events_are_the_stages_reached_in_time_order(platform, log):
    events, decisions = log.events, log.decisions
    assert events["timestamp"].is_monotonic_increasing
    counts = events["event"].value_counts()
    for stage in ("view", "click", "cart", "purchase"):
        assert counts[stage] == decisions[stage].sum()
    bought = events[events["event"] == "purchase"]
    assert bought["value"].sum() == pytest.approx(decisions["revenue"].sum())
    assert events["value"][events["event"] == "view"].isna().all()
    pd.testing.assert_frame_equal(platform.events(60_000, seed=1), events)
    viewed = decisions.loc[decisions["view"] == 1, "position"].value_counts()
    assert events.loc[events["event"] == "view", "position"].value_counts().equals(viewed)


def test_rates_are_plausible(log):
    rates = log.decisions[["treated", "view", "click", "cart", "purchase"]].mean()
    for name, (low, high) in {
        "treated": (0.2, 0.5),
        "view": (0.2, 0.5),
        "click": (0.05, 0.2),
        "cart": (0.02, 0.1),
        "purchase": (0.01, 0.05),
    }.items():
        assert low < rates[name] < high, name


def test_common_base_rate_is_fit_for_validating_estimators():
    decisions = Platform.make(seed=2, base_rate="common").log(50_000, seed=1).decisions
    assert decisions[["click", "purchase"]].mean().min() >= 0.2
    assert decisions["propensity"].between(0.1, 0.9).all()
    assert (decisions["propensity"].isin([0.1, 0.9])).mean() < 0.01
