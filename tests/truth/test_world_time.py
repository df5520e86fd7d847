"""Time: each day has its own law, and its truth is that day's."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.policy import UniformPolicy
from causalrec_lab.world import Platform

SMALL = {"seed": 3, "n_users": 300, "n_items": 80, "base_rate": "common"}
N = 60_000


def make(**dials):
    return Platform.make(**{**SMALL, **dials})


def close(drawn, truth, band=5.0):
    """Whether a mean of drawn numbers lies within some standard errors of the truth, both errors counted."""
    error = np.hypot(np.std(drawn) / np.sqrt(len(drawn)), truth.std_error)
    return abs(np.mean(drawn) - truth.value) < band * error


def days_of(table):
    return (table["timestamp"] - pd.Timestamp("2025-01-01")).dt.days.to_numpy()


@pytest.fixture(scope="module")
def moving():
    return make(drift=0.1, cold=0.4, shock=1.5, shock_day=100, confounding=0.5)


@pytest.mark.parametrize("day", [0, 91, 105, 300])
def test_effects_on_a_day_equal_brute_force(moving, day):
    snapshot = moving.on(day)
    drawn = snapshot.truth.coupled_outcomes(N, 1, "click")
    effect = (drawn["y1"] - drawn["y0"]).to_numpy(float)
    assert close(effect, snapshot.truth.ate("click"))
    assert close(effect[drawn["treated"] == 1], snapshot.truth.att("click"))
    assert snapshot.truth.ate("click").std_error == 0


def test_effects_over_the_whole_window_equal_brute_force(moving):
    drawn = moving.truth.coupled_outcomes(4 * N, 1, "click")
    assert close((drawn["y1"] - drawn["y0"]).to_numpy(float), moving.truth.ate("click"))
    some = moving.on([5, 110, 111, 360])
    drawn = some.truth.coupled_outcomes(N, 1, "purchase")
    assert close((drawn["y1"] - drawn["y0"]).to_numpy(float), some.truth.ate("purchase"))


def test_potential_outcomes_of_a_log_are_those_of_each_row_s_day(moving):
    decisions = moving.log(4 * N, seed=1).decisions
    means = moving.truth.potential_outcomes(decisions, "click")
    drawn = moving.truth.coupled_outcomes(4 * N, 1, "click")
    for side in ("y0", "y1"):
        residual = (drawn[side] - means[side]).to_numpy(float)
        for key in (pd.qcut(means[side], 10).to_numpy(), days_of(decisions) // 40):
            for rows in pd.Series(residual).groupby(key).indices.values():
                own = residual[rows]
                assert abs(own.mean()) < 5 * own.std() / np.sqrt(len(own))


def test_the_season_of_a_day_is_all_that_moves_while_the_dials_are_off():
    platform = make()
    by_day = [platform.on(day).truth.ate("view").value for day in (0, 45, 90, 92)]
    assert by_day[0] == by_day[1] == by_day[2] != by_day[3]
    between = platform.on(91).truth.ate("view").value  # a quarter of that day lies in the first season
    assert between == pytest.approx(0.25 * by_day[0] + 0.75 * by_day[3])
    whole = platform.on(range(365)).truth.ate("view").value
    assert whole == pytest.approx(platform.truth.ate("view").value, abs=1e-12)


def test_tastes_walk_as_far_as_the_dial_says_and_keep_their_variance():
    drift = 0.08
    calendar = make(drift=drift, n_users=2_000).law.calendar
    v = calendar.population.v
    start = calendar.tastes(0) @ v.T
    for day in (1, 30, 364):
        now = calendar.tastes(day) @ v.T
        assert now.var() == pytest.approx(1, abs=1e-9)
        assert np.corrcoef(start.ravel(), now.ravel())[0, 1] == pytest.approx(1 / np.sqrt(1 + drift**2 * day), abs=0.02)
    again = make(drift=drift, n_users=2_000).law.calendar
    np.testing.assert_array_equal(again.tastes(364), calendar.tastes(364))  # whichever days were asked for before
    steps = [np.std((calendar.tastes(d + 1) - calendar.tastes(d)) @ v.T) for d in (0, 3)]
    np.testing.assert_allclose(steps, drift, rtol=0.05)


def test_a_recommender_that_is_not_trained_again_goes_stale_and_the_best_policy_does_not():
    platform = make(drift=0.1)
    policy = platform.logging_policy(0.2)
    stale = [platform.on(day).truth.policy_value(policy).value for day in (0, 60, 364)]
    assert stale[0] - stale[1] > 0.03
    assert stale[1] - stale[2] > 0.03
    best = [(truth := platform.on(day).truth).policy_value(truth.best_policy()).value for day in (0, 364)]
    assert abs(best[0] - best[1]) < 0.03
    year = platform.truth.policy_value(policy)
    assert stale[2] < year.value < stale[0]
    assert year.std_error == 0.0  # every user on every day


def test_late_items_are_in_no_decision_before_they_arrive():
    platform = make(cold=0.5)
    arrival = platform.items["arrival_day"].to_numpy()
    assert (arrival > 0).sum() == 40
    assert arrival.max() < 365
    decisions = platform.log(N, seed=2).decisions
    assert (arrival[decisions["item_id"]] <= days_of(decisions)).all()
    late = arrival[decisions["item_id"]] > 0
    assert 0.15 < late.mean() < 0.5
    assert (decisions.loc[late, "log_exposures"] == 0).all()  # no one saw them before
    popularity = platform.items["popularity"].to_numpy()
    assert (popularity[arrival > 0] == popularity.min()).all()
    on = days_of(decisions) == 200
    there = np.flatnonzero(arrival <= 200)
    assert set(decisions.loc[on, "item_id"]) <= set(there)
    assert "arrival_day" not in make().items
    same = make().log(N, seed=2).decisions
    kept = arrival[same["item_id"]] <= days_of(same)
    np.testing.assert_array_equal(same["item_id"][kept], decisions["item_id"][kept])  # only what must move moves


def test_policies_show_what_has_arrived():
    platform = make(cold=0.5)
    snapshot = platform.on(50)
    late = platform.items["arrival_day"].to_numpy() > 50
    chances = snapshot.logging_policy().probabilities(snapshot.contexts())
    assert (chances[:, late] == 0).all()
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    uniform = snapshot.eligible(UniformPolicy(80))
    log = snapshot.slates(uniform, 40_000, seed=1)
    assert not late[log.action].any()
    assert close(log.reward, snapshot.truth.policy_value(uniform))
    assert not late[snapshot.truth.best_policy(3).items].any()
    with pytest.raises(ValueError, match=r"item \d+, which arrives on day \d+, and it is day 50.*eligible"):
        snapshot.truth.policy_value(UniformPolicy(80))
    with pytest.raises(ValueError, match="arrives on day"):
        snapshot.slates(UniformPolicy(80), 10)


def test_a_shock_lasts_a_fortnight_and_moves_half_of_the_categories_up():
    calm, shocked = make(), make(shock=1.5, shock_day=100)
    for day in (99, 114):
        assert shocked.on(day).truth.ate("click") == calm.on(day).truth.ate("click")
    rates = [p.on(105).log(N, seed=1).decisions for p in (calm, shocked)]
    names = calm.items["category"].to_numpy()
    change = (
        rates[1]["view"].groupby(names[rates[1]["item_id"]]).mean()
        - rates[0]["view"].groupby(names[rates[0]["item_id"]]).mean()
    )
    assert (change > 0.05).sum() == (change < -0.05).sum() == len(change) // 2
    np.testing.assert_array_equal(rates[0]["treated"], rates[1]["treated"])


def test_streams_lie_in_their_days_and_other_days_are_other_draws():
    platform = make(drift=0.05)
    decisions = platform.stream(range(10, 13), 500, seed=4).decisions
    assert np.bincount(days_of(decisions))[10:].tolist() == [500, 500, 500]
    assert decisions["timestamp"].is_monotonic_increasing
    other = platform.stream(range(20, 23), 500, seed=4).decisions
    assert not decisions["user_id"].equals(other["user_id"])
    assert platform.stream(10, 5, seed=1).decisions.equals(platform.stream([10], 5, seed=1).decisions)
    np.testing.assert_array_equal(platform.truth.propensity(decisions), decisions["propensity"])


def test_a_stream_of_a_policy_earns_what_its_value_on_those_days_is():
    platform = make(drift=0.1, cold=0.3)
    policy, days = platform.logging_policy(0.5), range(200, 210)
    log = platform.stream(days, 5_000, seed=1, policy=policy)
    assert log.contexts["day"].tolist() == np.repeat(days, 5_000).tolist()
    assert close(log.reward, platform.on(days).truth.policy_value(policy))
    target = platform.eligible(UniformPolicy(80))
    weight = target.probabilities(log.contexts)[np.arange(len(log)), log.action] / log.propensity
    assert close(weight * log.reward, platform.on(days).truth.policy_value(target))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: p.on(365), r"days=\[365\].*0 to 364"),
        (lambda p: p.on([]), "give days of the window"),
        (lambda p: p.stream(range(3), 0), "per_day=0"),
        (lambda p: p.slates(p.logging_policy(), 5), "cold=0.4.*platform.on.*platform.stream"),
        (lambda p: p.experiment(dict.fromkeys("ab", p.logging_policy()), 5), "cold=0.4"),
        (lambda p: p.logging_policy().probabilities(p.contexts()), "no day is given"),
        (lambda p: p.truth.best_policy(), "changes from day to day.*platform.on"),
        (lambda p: p.log(50, pairs="once"), "pairs='once'.*cold > 0"),
        (lambda p: p.truth.potential_outcomes(p.log(5).decisions.drop(columns="timestamp")), "keep the column"),
    ],
)
def test_what_needs_a_day_says_so(moving, call, message):
    with pytest.raises(ValueError, match=message):
        call(moving)
