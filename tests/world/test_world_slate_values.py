"""What lists are worth: chances of items at positions against enumeration, values against logs."""

import itertools

import numpy as np
import pytest

from causalrec_lab.policy import FixedPolicy
from causalrec_lab.world import Platform
from causalrec_lab.world.lists import rankings


def softmax(scores):
    lifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return lifted / lifted.sum(axis=1, keepdims=True)


def enumerated(chances, length):
    """Chance of each item at each position, list by list."""
    found = np.zeros((length, len(chances)))
    for one in itertools.permutations(range(len(chances)), length):
        chance, left = 1.0, 1.0
        for item in one:
            chance, left = chance * chances[item] / left, left - chances[item]
        for position, item in enumerate(one):
            found[position, item] += chance
    return found


@pytest.mark.parametrize("length", [1, 2, 3, 5])
def test_items_at_positions_are_those_of_all_lists(length):
    chances = softmax(np.random.default_rng(1).normal(size=(6, 5)))
    found = rankings.item_at_position(chances, length)
    np.testing.assert_allclose(found, [enumerated(row, length) for row in chances], atol=1e-14)


@pytest.mark.parametrize("spread", [0.1, 3.0, 30.0])
def test_the_race_agrees_with_the_sets_however_uneven_the_policy(spread):
    chances = softmax(spread * np.random.default_rng(2).normal(size=(20, 9)))
    race = rankings._by_race(chances, 4, *rankings._nodes(chances, 4))
    np.testing.assert_allclose(race, rankings._by_sets(chances, 4), atol=1e-13)


def test_a_long_catalogue_has_whole_distributions_at_every_position():
    chances = softmax(np.random.default_rng(3).normal(size=(5, 300)))
    found = rankings.item_at_position(chances, 5)
    np.testing.assert_allclose(found.sum(axis=2), 1.0, atol=1e-12)
    np.testing.assert_allclose(found[:, 0], chances, atol=1e-14)
    second = chances * ((chances / (1 - chances)).sum(axis=1, keepdims=True) - chances / (1 - chances))
    np.testing.assert_allclose(found[:, 1], second, atol=1e-14)


def test_propensities_stay_exact_where_little_is_left():
    chances = np.array([[1 - 3e-15, 1e-15, 2e-15]])
    found = rankings.propensities_given_above(chances, np.array([[0, 1, 2]]))
    np.testing.assert_allclose(found, [[1 - 3e-15, 1 / 3, 1.0]], rtol=1e-12)


def test_shorter_lists_end_with_minus_one():
    chances = softmax(np.random.default_rng(4).normal(size=(2, 4)))
    found = rankings.propensities_given_above(chances, np.array([[2, 1, -1], [0, -1, -1]]))
    assert found[0, 2] == found[1, 1] == found[1, 2] == 1.0
    assert found[0, 1] == pytest.approx(chances[0, 1] / (1 - chances[0, 2]))


def test_a_list_longer_than_what_the_policy_shows_is_refused():
    with pytest.raises(ValueError, match="a chance to only 2 items at row 0; take length <= 2"):
        rankings.item_at_position(np.array([[0.5, 0.5, 0.0]]), 3)


DIALS = [{}, {"abandonment": 1.0}, {"abandonment": 0.6, "base_rate": "common", "exclusion": 0.5}, {"carry_over": 1.0}]


@pytest.mark.parametrize("dials", DIALS, ids=str)
@pytest.mark.parametrize("reward", [None, "returned"])
def test_logs_earn_what_the_truth_says(dials, reward):
    platform = Platform.make(seed=8, n_users=1_000, n_items=30, **dials)
    policy, weights = platform.logging_policy(1.0), [1.0, 0.5, 0.4]
    truth = platform.truth.slate_value(policy, 3, reward, weights=weights)
    log = platform.slates(policy, 30_000, seed=3, length=3, reward=reward)
    earned = log["reward"].to_numpy().reshape(-1, 3) @ weights
    error = np.hypot(earned.std() / np.sqrt(len(earned)), truth.std_error)
    assert abs(earned.mean() - truth.value) < 5 * error
    assert (truth.std_error > 0) == ("abandonment" in dials)


def test_a_list_of_one_is_a_single_action():
    platform = Platform.make(seed=8, n_users=500, n_items=30, abandonment=0.7)
    policy = platform.logging_policy(1.0)
    assert platform.truth.slate_value(policy, 1).value == pytest.approx(platform.truth.policy_value(policy).value)


def test_who_leaves_after_a_click_clicks_once():
    free, ended = (Platform.make(seed=8, n_users=500, n_items=30, abandonment=a) for a in (0.0, 1.0))
    policy = free.logging_policy(1.0)
    first, second = (p.slates(policy, 5_000, seed=1, length=4) for p in (free, ended))
    clicks = second.groupby("slate_id")["reward"].sum()
    assert clicks.max() == 1
    np.testing.assert_array_equal(clicks == 1, first.groupby("slate_id")["reward"].sum() > 0)  # the first one stands
    assert free.truth.slate_value(policy, 4).value > ended.truth.slate_value(policy, 4).value + 0.1


def test_the_sum_over_users_is_the_average_of_each_list():
    platform = Platform.make(seed=8, n_users=40, n_items=4)
    policy = FixedPolicy(np.array([0.1, 0.2, 0.3, 0.4]))
    at = enumerated(np.array([0.1, 0.2, 0.3, 0.4]), 2)
    alone = [float(platform.truth.policy_value(FixedPolicy(row))) for row in np.eye(4)]
    examined = platform.truth.examination(2)["value"].to_numpy()
    assert platform.truth.slate_value(policy, 2).value == pytest.approx(examined @ at @ alone)


def test_wrong_weights_are_named():
    platform = Platform.make(seed=8, n_users=40, n_items=4)
    with pytest.raises(ValueError, match="one finite number for each of the 2 positions"):
        platform.truth.slate_value(platform.logging_policy(), 2, weights=[1.0])
