"""What callers give: numpy's numbers, numbers that are none, tables that are not this platform's, tiny catalogues."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.policy import UniformPolicy
from causalrec_lab.world import Dials, Platform, Scenario, front_door, linear_gaussian, rollout
from causalrec_lab.world.truths import averages

NO_NUMBERS = ["5", None, float("nan"), float("inf"), True, 2.5, [5]]


@pytest.fixture(scope="module")
def platform():
    return Platform.make(seed=0, n_users=50, n_items=20)


def test_numpy_numbers_and_whole_floats_are_numbers(platform):
    given = Dials(n_users=np.int64(50), n_items=20.0, confounding=np.float32(0.5), instrument=np.int32(1))
    assert given == Dials(n_users=50, n_items=20, confounding=0.5, instrument=1)
    assert [type(x) for x in (given.n_users, given.n_items, given.confounding)] == [int, int, float]
    assert platform.log(1e2, seed=np.int64(3)).decisions.equals(platform.log(100, seed=3).decisions)
    assert Platform.make(seed=np.float64(2), n_users=9, n_items=9).seed == 2
    assert platform.on(3.0).law.days == platform.on(np.int64(3)).law.days == (3,)


@pytest.mark.parametrize("value", NO_NUMBERS)
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("seed", lambda p, v: Platform.make(seed=v)),
        ("n_users", lambda p, v: Platform.make(n_users=v)),
        ("n", lambda p, v: p.log(v)),
        ("seed", lambda p, v: p.log(5, seed=v)),
        ("n", lambda p, v: p.trial(v)),
        ("n", lambda p, v: p.slates(UniformPolicy(20), v)),
        ("length", lambda p, v: p.slates(UniformPolicy(20), 5, length=v)),
        ("visits", lambda p, v: p.experiment(dict.fromkeys("ab", UniformPolicy(20)), 9, visits=v)),
        ("per_day", lambda p, v: p.stream([1], v)),
        ("k", lambda p, v: p.truth.best_policy(v)),
        ("bins", lambda p, v: p.truth.cate("age", bins=v)),
        ("n", lambda p, v: front_door().sample(v)),
        ("seed", lambda p, v: front_door(v)),
        ("seed", lambda p, v: linear_gaussian(0).sample(5, v)),
        ("seed", lambda p, v: rollout(v)),
        ("seed", lambda p, v: rollout().panel(v)),
        ("periods", lambda p, v: rollout(periods=v)),
    ],
)
def test_what_is_no_whole_number_is_named(platform, name, call, value):
    with pytest.raises(ValueError, match=f"{name}="):
        call(platform, value)


@pytest.mark.parametrize("value", ["5", None, float("nan"), True, [float("nan")], [1, "a"], "abc", 2.5])
def test_what_is_no_day_is_named(platform, value):
    with pytest.raises(ValueError, match="give days of the window"):
        platform.on(value)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda p: p.truth.ate(5), ValueError, "outcome 5 is unknown"),
        (lambda p: p.truth.policy_value(UniformPolicy(20), ""), ValueError, "outcome '' is unknown"),
        (lambda p: p.truth.cate(None), ValueError, "no column None"),
        (lambda p: Platform.make(base_rate=5), ValueError, "base_rate=5"),
        (lambda p: Platform.make(base_rate=""), ValueError, "base_rate=''"),
        (lambda p: p.truth.policy_value(None), TypeError, "policy=None has no `probabilities"),
        (lambda p: p.experiment([UniformPolicy(20)] * 2, 9), TypeError, "give each arm's name and policy"),
        (
            lambda p: p.experiment(dict.fromkeys("ab", UniformPolicy(20)), 9, shares={"a": np.nan, "b": 0.5}),
            ValueError,
            "sum to 1",
        ),
        (lambda p: p.truth.path_effects(mediator=5), ValueError, "mediator='5' is no stage"),
        (lambda p: p.truth.ate(over=np.arange(3)), ValueError, "give 'population'"),
        (lambda p: p.slates("best", 5), TypeError, "policy='best' has no"),
        (lambda p: p.stream(1, 5, reward="click"), ValueError, "reward='click' is earned by what a policy shows"),
        (lambda p: p.trial(50, share=None), ValueError, "share=None"),
        (lambda p: p.trial(50, share=float("nan")), ValueError, "share=nan"),
        (lambda p: p.logging_policy("hot"), ValueError, "temperature='hot'"),
        (lambda p: rollout(growth=float("nan")), ValueError, "growth=nan"),
        (lambda p: rollout(adopt=(4.5, 7)), ValueError, "adopt=4.5"),
        (lambda p: front_door(confounding="much"), ValueError, "confounding='much'"),
        (lambda p: linear_gaussian(noise=float("inf")), ValueError, "noise=inf"),
    ],
)
def test_wrong_words_and_numbers(platform, call, error, message):
    with pytest.raises(error, match=message):
        call(platform)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"user_id": 1.5}, "'user_id' has 9 ids.*row 0: 1.5"),
        ({"item_id": "sofa"}, "'item_id' has 9 ids.*sofa"),
        ({"position": np.inf}, "'position' has 9 values.*inf"),
        ({"position": "top"}, "'position' has 9 values.*top"),
        ({"z": 2}, "'z' has 9 values that are not 0 or 1.*2"),
        ({"z": np.nan}, "'z' has 9 values"),
        ({"timestamp": pd.Timestamp("1999-05-01")}, "'timestamp' has 9 times outside the window.*1999"),
        ({"timestamp": "noon"}, "'timestamp' has no time at row 0"),
        ({"treated": 0}, "nobody is treated"),
        ({"treated": 0.5}, "'treated' has 9 values that are not 0 or 1"),
    ],
)
def test_tables_that_are_none_of_decisions(change, message):
    platform = Platform.make(seed=0, n_users=50, n_items=20, exclusion=0.2)
    with pytest.raises(ValueError, match=message):
        platform.truth.att(over=platform.log(9).decisions.assign(**change))


def test_tables_without_rows_or_treatment(platform):
    decisions = platform.log(9).decisions
    with pytest.raises(ValueError, match="without rows"):
        platform.truth.ate(over=decisions.iloc[:0])
    with pytest.raises(ValueError, match="'treated' is missing"):
        platform.truth.att(over=decisions.drop(columns="treated"))


def test_clocks_with_a_zone_are_the_same_moments(platform):
    decisions = platform.log(300).decisions
    local = decisions.assign(timestamp=decisions["timestamp"].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"))
    with warnings.catch_warnings(action="error"):
        told = platform.truth.potential_outcomes(local)
    pd.testing.assert_frame_equal(told, platform.truth.potential_outcomes(decisions))


def test_a_data_set_is_no_table_and_a_table_no_data_set(platform):
    logged = platform.log(300)
    with pytest.raises(TypeError, match="a Dataset has one in `decisions`"):
        platform.truth.propensity(logged)
    with pytest.raises(TypeError, match="a DataFrame is no Dataset"):
        Scenario.from_dataset(logged.decisions)
    with pytest.raises(TypeError, match=r"covariates='activity' is one word; give a list: \['activity'\]"):
        Scenario.from_dataset(logged, covariates="activity")
    with pytest.raises(ValueError, match="'click' is the outcome; leave it out"):
        Scenario.from_dataset(logged, outcome="click", covariates=["activity", "click"])


def test_a_trial_and_a_log_of_one_seed_are_independent(platform):
    log, trial = platform.log(4000, seed=3).decisions, platform.trial(4000, seed=3, unit="decision").decisions
    for column in ("user_id", "z", "view"):
        assert abs(np.corrcoef(log[column], trial[column])[0, 1]) < 0.1


def test_words_are_made_once_for_all_days(platform):
    assert platform.on(3).writing is platform.on([4, 5]).writing is platform.writing


def test_a_far_position_costs_nothing(platform):
    decisions = platform.log(9).decisions.assign(position=10**12)
    means = platform.truth.potential_outcomes(decisions, "view")
    first = platform.truth.potential_outcomes(decisions.assign(position=0), "view")
    np.testing.assert_allclose(means / first, (10**12 + 1.0) ** -platform.scenario.examination)


def test_another_platform_s_log_is_refused(platform):
    for other in (
        Platform.make(seed=1, n_users=50, n_items=20),
        Platform.make("music", seed=0, n_users=40, n_items=20),
    ):
        with pytest.raises(ValueError, match="was the log made by another platform"):
            platform.truth.ate(over=other.log(30).decisions)
    own = platform.log(30).decisions
    scaled = own.assign(activity=(own["activity"] - 1) / 2, log_popularity=0.0)
    assert platform.truth.ate(over=scaled).value == platform.truth.ate(over=own).value
    assert np.isfinite(platform.truth.propensity(own[["user_id", "item_id"]])).all()
    single = own.astype(dict.fromkeys(platform.covariates, "float32"))
    assert platform.truth.ate(over=single).value == platform.truth.ate(over=own).value


@pytest.mark.parametrize("n_items", [2, 8])
def test_a_catalogue_of_one_item_a_category_has_words_and_pictures(n_items):
    with np.errstate(all="raise"):
        platform = Platform.make("music", n_users=2, n_items=n_items)
        assert len(platform.items["text"]) == n_items
        assert len(set(platform.items["title"].str.split().str[0])) > (1 if n_items > 2 else 0)
        assert platform.thumbnails.std() > 0


def test_a_sum_over_all_users_has_no_error_and_one_over_some_has(monkeypatch):
    drifting = Platform.make(seed=0, n_users=50, n_items=20, drift=0.1).on([1, 2])
    value = drifting.truth.policy_value(UniformPolicy(20))
    days = [drifting.on(day).truth.policy_value(UniformPolicy(20)).value for day in (1, 2)]
    assert value.value == pytest.approx(np.mean(days))
    assert value.std_error == 0.0
    monkeypatch.setattr(averages, "EXACT_CELLS", 20 * 10 * 2 * 20)  # twenty users a day
    part = drifting.truth.policy_value(UniformPolicy(20))
    assert 0 < part.std_error < 0.05
    assert abs(part.value - value.value) < 5 * part.std_error


def test_windows_of_other_days_are_other_draws(platform):
    several = [platform.on(days).log(200).decisions for days in ([0, 5], [0, 6], [0, 1])]
    users = [tuple(decisions["user_id"]) for decisions in several]
    assert len(set(users)) == 3


def test_a_plain_frame_of_ids_is_enough(platform):
    assert len(platform.truth.hidden(pd.DataFrame({"user_id": [0, 1], "item_id": [1, 2]}))) == 2


@pytest.mark.parametrize("day", [None, 40, (3, 9)])
def test_a_platform_travels_to_another_process(day):
    made = Platform.make("music", seed=4, n_users=60, n_items=24, drift=0.05)
    there = made if day is None else made.on(day)
    back = pickle.loads(pickle.dumps(there))
    assert back.scenario == there.scenario
    assert back.truth.ate() == there.truth.ate()
    pd.testing.assert_frame_equal(back.log(50, seed=1).decisions, there.log(50, seed=1).decisions)
