"""Slates and experiments: exact propensities, honest randomisation."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, chisquare

from causalrec_lab import BanditLog
from causalrec_lab.policy import FixedPolicy, Policy, UniformPolicy
from causalrec_lab.world import Platform
from causalrec_lab.world.law.outcomes import return_chances


@pytest.fixture(scope="module")
def platform():
    return Platform.make(seed=8, n_users=3_000, n_items=50)


def test_logging_policy_is_a_policy_of_softmax_scores(platform):
    policy = platform.logging_policy(0.5)
    assert isinstance(policy, Policy)
    contexts = platform.contexts()
    chances = policy.probabilities(contexts.iloc[[7, 3]])
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    pairs = platform.population.block(np.array([7, 3]))
    scores = (pairs.affinity_hat + 0.5 * pairs.log_popularity) / 0.5
    np.testing.assert_allclose(chances, np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True))


def test_actions_are_drawn_with_the_logged_propensity(platform):
    policy = platform.logging_policy(1.0)
    log = platform.slates(policy, 60_000, seed=1)
    assert isinstance(log, BanditLog)
    chances = policy.probabilities(log.contexts)
    np.testing.assert_allclose(log.propensity, chances[np.arange(len(log)), log.action])
    counts = np.bincount(log.action, minlength=50)
    expected = chances.sum(axis=0)
    assert (abs(counts - expected) < 5 * np.sqrt(expected)).all()
    weight = (1 / 50) / log.propensity
    assert abs(weight.mean() - 1) < 5 * weight.std() / np.sqrt(len(log))


def test_a_policy_never_shows_what_it_gives_no_chance(platform):
    distribution = np.zeros(50)
    distribution[[0, 20]] = 0.25, 0.75
    log = platform.slates(FixedPolicy(distribution), 20_000, seed=1)
    assert set(np.unique(log.action)) == {0, 20}
    assert binom.ppf(1e-7, 20_000, 0.25) <= (log.action == 0).sum() <= binom.ppf(1 - 1e-7, 20_000, 0.25)


def test_lists_are_plackett_luce_with_their_exact_propensity():
    platform = Platform.make(seed=8, n_users=2, n_items=4)
    distribution = np.array([0.1, 0.2, 0.3, 0.4])
    n = 30_000
    slots = platform.slates(FixedPolicy(distribution), n, seed=1, length=2)
    lists = slots["item_id"].to_numpy().reshape(n, 2)
    chance = {
        (i, j): distribution[i] * distribution[j] / (1 - distribution[i])
        for i, j in itertools.permutations(range(4), 2)
    }
    expected = np.array([chance[tuple(row)] for row in lists])
    np.testing.assert_allclose(slots["slate_propensity"].to_numpy()[::2], expected)
    np.testing.assert_allclose(slots["propensity"].to_numpy().reshape(n, 2).prod(axis=1), expected)
    counts = pd.Series(map(tuple, lists)).value_counts()
    assert chisquare([counts[key] for key in chance], [n * p for p in chance.values()]).pvalue > 1e-6


def test_examination_falls_with_position_as_declared(platform):
    slots = platform.slates(UniformPolicy(50), 30_000, seed=1, length=3)
    assert list(slots["position"][:3]) == [0, 1, 2]
    value = float(platform.truth.policy_value(UniformPolicy(50)))
    examined = platform.truth.examination(3)["value"]
    np.testing.assert_allclose(examined, np.arange(1, 4) ** -platform.scenario.examination)
    for position, part in slots.groupby("position"):
        expected = value * examined[position]
        assert abs(part["reward"].mean() - expected) < 5 * part["reward"].std() / np.sqrt(len(part))


def test_what_is_not_examined_is_not_viewed_and_users_may_still_return():
    platform = Platform.make("video", seed=8, n_users=3_000, n_items=50)
    slots = platform.slates(UniformPolicy(50), 40_000, seed=1, length=4, reward="returned")
    pairs = platform.population.block(np.arange(3_000))
    without, reached = return_chances(platform.funnel, pairs)
    viewed = platform.funnel.reached(pairs, "play", (1,))[0]
    for position, chance in platform.truth.examination(4)["value"].items():
        expected = float(np.mean(without + (reached - without) * chance * viewed))
        part = slots.loc[slots["position"] == position, "reward"]
        assert abs(part.mean() - expected) < 5 * part.sem()


def test_experiment_randomises_users_and_each_arm_earns_its_policy_value():
    platform = Platform.make(seed=8, n_users=20_000, n_items=50)
    arms = {"control": platform.logging_policy(1.0), "greedy": platform.logging_policy(0.2)}
    frame = platform.experiment(arms, 16_000, seed=1, shares={"control": 0.75, "greedy": 0.25})
    assert list(frame.columns) == ["user_id", "arm", "pre_clicks", "click", "purchase", "revenue"]
    assert frame["user_id"].is_unique
    greedy = (frame["arm"] == "greedy").sum()
    assert binom.ppf(1e-7, 16_000, 0.25) <= greedy <= binom.ppf(1 - 1e-7, 16_000, 0.25)
    for arm, part in frame.groupby("arm"):
        for reward in ("click", "purchase", "revenue"):
            truth = float(platform.truth.policy_value(arms[arm], reward))
            assert abs(part[reward].mean() - truth) < 5 * part[reward].std() / np.sqrt(len(part)), (arm, reward)
    before = frame.groupby("arm")["pre_clicks"]
    assert abs(before.mean().diff().iloc[-1]) < 5 * np.hypot(*before.sem())


def test_clicks_before_explain_clicks_within_and_more_visits_more():
    platform = Platform.make(seed=8, n_users=6_000, n_items=50)
    arms = {"a": platform.logging_policy(1.0), "b": platform.logging_policy(0.5)}
    explained = []
    for visits in (1, 10):
        frame = platform.experiment(arms, 6_000, seed=1, visits=visits)
        control = frame[frame["arm"] == "a"]
        explained.append(np.corrcoef(control["pre_clicks"], control["click"])[0, 1])
        truth = float(platform.truth.policy_value(arms["a"]))
        assert abs(control["click"].mean() - truth) < 5 * control["click"].std() / np.sqrt(len(control))
    assert explained[1] > explained[0] + 0.05 > 0.05


def test_same_seeds_same_rounds(platform):
    policy = platform.logging_policy()
    first, again, other = (platform.slates(policy, 500, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.action, again.action)
    np.testing.assert_array_equal(first.reward, again.reward)
    assert not np.array_equal(first.action, other.action)
    arms = {"a": policy, "b": UniformPolicy(50)}
    pd.testing.assert_frame_equal(platform.experiment(arms, 300, 1), platform.experiment(arms, 300, 1))
