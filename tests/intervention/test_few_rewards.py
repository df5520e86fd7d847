"""Intervals where hardly a round earned anything: exact limits, invariances, coverage for learned policies."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from causalrec_lab.intervention import learning
from causalrec_lab.intervention.learning.few_rewards import effective_rewards, likelihood_ends, reach, reward_range
from causalrec_lab.policy import BanditLog, Policy

Floats = npt.NDArray[np.float64]


def test_no_reward_in_n_rounds_gives_the_exact_end_of_a_binomial() -> None:
    """Clopper and Pearson's upper end after no success in n is 1 - (alpha / 2)^(1 / n)."""
    for n, level in ((10, 0.95), (200, 0.95), (50, 0.8)):
        low, high = likelihood_ends(np.zeros(n), 0.0, 1.0, level)
        assert low == 0.0
        assert high == pytest.approx(1 - ((1 - level) / 2) ** (1 / n), rel=1e-4)


def test_of_ones_and_zeros_it_is_the_binary_divergence() -> None:
    x = np.repeat([0.0, 1.0], [36, 4])
    _, high = likelihood_ends(x, 0.0, 1.0, 0.95)
    p = x.mean()
    assert 40 * (p * math.log(p / high) + (1 - p) * math.log((1 - p) / (1 - high))) == pytest.approx(math.log(40), 1e-3)


def test_ends_follow_unit_sign_order_and_doubled_clusters() -> None:
    rng = np.random.default_rng(0)
    x = rng.random(40) ** 4
    low, high = likelihood_ends(x, 0.0, 1.0, 0.9)
    assert low < x.mean() < high
    np.testing.assert_allclose(likelihood_ends(7 - 3 * x, 4.0, 7.0, 0.9), (7 - 3 * high, 7 - 3 * low), rtol=1e-4)
    np.testing.assert_allclose(likelihood_ends(rng.permutation(x), 0.0, 1.0, 0.9), (low, high), rtol=1e-4)
    twice = likelihood_ends(np.repeat(x, 2), 0.0, 1.0, 0.9, np.repeat(np.arange(40), 2))
    np.testing.assert_allclose(twice, (low, high), rtol=1e-4)
    assert likelihood_ends(np.full(9, 0.3), 0.3, 0.3, 0.9) == (0.3, 0.3)


def test_nothing_reaches_beyond_the_reach() -> None:
    rng = np.random.default_rng(1)
    chances, model = rng.dirichlet(np.ones(3), 5), rng.random((5, 3))
    rarest = np.array([0.2, 0.5, math.inf])
    low, high = reach(chances, model, rarest, (0.0, 1.0), paired=True)
    mean = (chances * model).sum(axis=1)
    values = [
        mean[i] + chances[i, a] / p * (r - model[i, a]) - r
        for i in range(5) for a in (0, 1) for p in (rarest[a], 0.9) for r in (0.0, 0.4, 1.0)
    ]  # fmt: skip
    assert low <= min(values)
    assert max(values) <= high


def log_of(n: int, n_actions: int, rate: float, seed: int) -> BanditLog:
    rng = np.random.default_rng(seed)
    x, action = rng.normal(size=(n, 2)), rng.integers(n_actions, size=n)
    reward = (rng.random(n) < means(x, n_actions, rate)[np.arange(n), action]).astype(float)
    return BanditLog(x, action, reward, np.full(n, 1 / n_actions), n_actions)


def means(x: Floats, n_actions: int, rate: float) -> Floats:
    return np.asarray(rate * (1 + 0.8 * np.tanh(np.outer(x[:, 0], np.cos(np.arange(n_actions))))))


def worth(policy: Policy, n_actions: int, rate: float) -> float:
    x = np.random.default_rng(99).normal(size=(4_000, 2))
    return float((policy.probabilities(x) * means(x, n_actions, rate)).sum(axis=1).mean())


@pytest.mark.parametrize(("n_actions", "rate"), [(3, 0.02), (20, 0.05)])
def test_the_value_of_a_policy_learned_from_rare_rewards_is_covered(n_actions: int, rate: float) -> None:
    """Normal intervals covered three times in four here; these hold what they promise."""
    held = gain = usual = 0
    for seed in range(60):
        found = learning.tree_policy(log_of(500, n_actions, rate, seed), depth=1, candidates=5, seed=seed)
        true = worth(found, n_actions, rate)
        held += found.held_out.covers(true)
        gain += found.gain.covers(true - rate)
        usual += abs(found.held_out.value - true) < 1.96 * found.held_out.std_error
    assert min(held, gain) >= 46  # binomial(60, .95): P(< 46) < 1e-6
    assert usual < 50


def test_what_counts_as_a_reward() -> None:
    log = log_of(400, 4, 0.1, 0)
    chances = np.full((400, 4), 0.25)
    assert effective_rewards(log, chances) == pytest.approx(log.reward.sum())
    assert effective_rewards(replace(log, reward=-2 * log.reward), chances) == pytest.approx(log.reward.sum())
    assert effective_rewards(replace(log, reward=np.arange(400.0)), chances) == pytest.approx(400)
    assert effective_rewards(replace(log, reward=np.zeros(400)), chances) == 0.0
    assert reward_range(np.zeros(3)) == (0.0, 1.0)
    assert reward_range(np.array([0.0, 2.5]), np.array([-1.0])) == (-1.0, 2.5)


def test_a_log_that_earned_nothing_still_leaves_something_open() -> None:
    nothing = replace(log_of(600, 3, 0.1, 0), reward=np.zeros(600))
    found = learning.tree_policy(nothing, depth=1)
    assert found.held_out.low == 0.0
    assert found.held_out.high > 0.01
    flat = learning.tree_policy(replace(nothing, reward=np.full(600, 2.5)), depth=1)
    assert math.isnan(flat.held_out.high)
    assert "nothing tells how the value varies" in flat.gain.notes[-1]
