"""Bandits against closed forms, quadrature and enumeration."""

import copy
import math

import numpy as np
import pytest
from scipy import integrate, optimize, special

from causalrec_lab.intervention import bandit
from causalrec_lab.intervention.bandit.winning import chance_of_best_by_row
from causalrec_lab.policy import BanditLog

A = 4
ITEMS = np.random.default_rng(1).normal(size=(A, 2))


def ones(contexts):
    return np.column_stack([np.ones(len(contexts)), contexts])


def some(seed, n=120, width=2):
    rng = np.random.default_rng(seed)
    contexts, action = rng.normal(size=(n, width)), rng.integers(A, size=n)
    return BanditLog(contexts, action, (rng.random(n) < 0.2 + 0.15 * action).astype(float), None, A)


def players(**floor):
    return {
        "epsilon": bandit.EpsilonGreedy(A, 0.2, **floor),
        "ucb": bandit.UCB1(A, **floor),
        "beta": bandit.Thompson(A, **floor),
        "normal": bandit.Thompson(A, "normal", **floor),
        "linucb": bandit.LinUCB(A, **floor),
        "lints": bandit.LinTS(A, **floor),
        "lints shared": bandit.LinTS(A, items=ITEMS, **floor),
        "logistic": bandit.LogisticTS(A, **floor),
        "logistic shared": bandit.LogisticTS(A, items=ITEMS, **floor),
        "neural": bandit.NeuralLinear(A, ones, **floor),
        "neural shared": bandit.NeuralLinear(A, ones, items=ITEMS, **floor),
    }


@pytest.mark.parametrize("name", players())
def test_probabilities_are_those_of_a_fixed_policy_until_it_learns(name):
    player, log = players(explore=0.2)[name], some(0)
    before = player.probabilities(log.contexts)
    other = player.fresh()
    other.update(some(1))
    np.testing.assert_array_equal(player.probabilities(log.contexts), before)
    player.update(log)
    after = player.probabilities(log.contexts)
    np.testing.assert_array_equal(player.probabilities(log.contexts), after)
    assert np.abs(after - before).max() > 0.01
    np.testing.assert_allclose(after.sum(axis=1), 1)
    assert after.min() >= 0.2 / A - 1e-12
    assert isinstance(copy.deepcopy(player).probabilities(log.contexts), np.ndarray)


@pytest.mark.parametrize("name", ["epsilon", "ucb", "beta", "normal", "linucb", "lints", "lints shared", "neural"])
def test_batches_add_up_and_discounts_weigh(name):
    parts = [some(2), some(3), some(4)]
    whole = BanditLog(
        np.concatenate([p.contexts for p in parts]),
        np.concatenate([p.action for p in parts]),
        np.concatenate([p.reward for p in parts]),
        None,
        A,
    )
    for discount in (1.0, 0.98):
        steps, once = (players(discount=discount)[name] for _ in range(2))
        for player in (steps, once):  # features settle on the same contexts
            player.probabilities(parts[0].contexts)
        for part in parts:
            steps.update(part)
        once.update(whole)
        steps.updates = once.updates  # the same draws
        np.testing.assert_allclose(steps.probabilities(whole.contexts), once.probabilities(whole.contexts), atol=1e-9)


def test_the_beta_posterior_is_integrated_not_drawn():
    player = bandit.Thompson(2)
    player.update(BanditLog(np.empty((1, 0)), [1], [1.0], None, 2))
    assert player.probabilities(np.empty((1, 0)))[0, 1] == pytest.approx(2 / 3, abs=1e-3)  # E[1 - U] under Beta(2, 1)
    rng = np.random.default_rng(0)
    many = bandit.Thompson(12)
    action = rng.integers(12, size=900)
    many.update(BanditLog(np.empty((900, 0)), action, (rng.random(900) < 0.02 * action).astype(float), None, 12))
    alpha, beta = many.posterior()
    drawn = np.bincount(rng.beta(alpha, beta, size=(100_000, 12)).argmax(axis=1), minlength=12) / 100_000
    np.testing.assert_allclose(many.probabilities(np.empty((1, 0)))[0], drawn, atol=6e-3)


def test_normal_values_win_as_often_as_they_should():
    mean, spread = np.array([[0.0, 0.3], [0.0, 5.0], [1.0, 1.0]]), np.array([[1.0, 0.5], [1.0, 1.0], [1e-6, 2.0]])
    found = chance_of_best_by_row(mean, spread, special.ndtr)
    exact = special.ndtr((mean[:, 0] - mean[:, 1]) / np.hypot(*spread.T))
    np.testing.assert_allclose(found[:, 0], exact, atol=2e-3)


def test_normal_thompson_has_the_conjugate_posterior():
    player, log = bandit.Thompson(A, "normal", prior=(0.5, 3.0), noise=0.4), some(5)
    player.update(log)
    mean, spread = player.posterior()
    pulls = np.bincount(log.action, minlength=A)
    sums = np.bincount(log.action, weights=log.reward, minlength=A)
    np.testing.assert_allclose(mean, (1.5 + sums) / (3 + pulls))
    np.testing.assert_allclose(spread, 0.4 / np.sqrt(3 + pulls))


def test_linucb_is_ridge_regression_and_its_bound():
    log, player = some(6), bandit.LinUCB(A, alpha=0.7, prior=2.0, features=ones)
    player.update(log)
    fresh = np.random.default_rng(0).normal(size=(50, 2))
    index = np.empty((50, A))
    for a in range(A):
        rows = log.action == a
        z = ones(log.contexts[rows])
        cover = np.linalg.inv(2 * np.eye(3) + z.T @ z)
        index[:, a] = ones(fresh) @ cover @ z.T @ log.reward[rows]
        index[:, a] += 0.7 * np.sqrt(np.einsum("ij,jk,ik->i", ones(fresh), cover, ones(fresh)))
    np.testing.assert_array_equal(player.probabilities(fresh).argmax(axis=1), index.argmax(axis=1))
    mean, spread = player.moments(fresh)
    np.testing.assert_allclose(mean + 0.7 * spread, index)


def test_shared_features_are_one_regression():
    log, player = some(7), bandit.LinTS(A, items=ITEMS, features=ones)
    player.update(log)
    scaled = np.column_stack([np.ones(A), (ITEMS - ITEMS.mean(axis=0)) / ITEMS.std(axis=0)])
    phi = np.stack([np.kron(x, v) for x, v in zip(ones(log.contexts), scaled[log.action], strict=True)])
    theta = np.linalg.solve(np.eye(9) + phi.T @ phi, phi.T @ log.reward)
    np.testing.assert_allclose(player.moments(log.contexts)[0][np.arange(120), log.action], phi @ theta)
    given = bandit.LinTS(A, features=lambda x: np.stack([[np.kron(r, v) for v in scaled] for r in ones(x)]))
    given.update(log)
    np.testing.assert_allclose(given.moments(log.contexts)[0], player.moments(log.contexts)[0])


def test_logistic_posterior_against_quadrature_and_a_minimiser():
    rng = np.random.default_rng(8)
    x = rng.normal(size=(300, 1))
    log = BanditLog(
        x, np.zeros(300, dtype=int), (rng.random(300) < special.expit(0.8 * x[:, 0])).astype(float), None, 2
    )
    player = bandit.LogisticTS(2, features=lambda c: np.asarray(c), prior=1.5)
    player.update(log)
    mode, cover = player.belief(1)

    def density(theta):
        value = x[:, 0] * theta
        return np.exp(-0.75 * theta**2 - (np.logaddexp(0, value) - log.reward * value).sum() + 170)

    moment = [integrate.quad(lambda t, k=k: t**k * density(t), -1, 3)[0] for k in range(3)]
    mean = moment[1] / moment[0]
    assert mode[0, 0] == pytest.approx(mean, abs=0.02)
    assert np.sqrt(cover[0, 0, 0]) == pytest.approx(np.sqrt(moment[2] / moment[0] - mean**2), rel=0.03)
    best = optimize.minimize_scalar(
        lambda t: -np.log(density(t)), bounds=(-1, 3), method="bounded", options={"xatol": 1e-9}
    )
    assert mode[0, 0] == pytest.approx(best.x, abs=1e-6)
    assert (mode[1], cover[1, 0, 0]) == (0, pytest.approx(1 / 1.5))  # nothing was learned of the other


def test_logistic_batches_keep_what_was_learned():
    one, two = bandit.LogisticTS(A, features=ones), bandit.LogisticTS(A, features=ones)
    first, second = some(9, n=2_000), some(10, n=2_000)
    one.update(first)
    one.update(second)
    two.update(
        BanditLog(
            np.concatenate([first.contexts, second.contexts]),
            np.concatenate([first.action, second.action]),
            np.concatenate([first.reward, second.reward]),
            None,
            A,
        )
    )
    np.testing.assert_allclose(one.belief(3)[0], two.belief(3)[0], atol=0.02)
    np.testing.assert_allclose(one.belief(3)[1], two.belief(3)[1], rtol=0.05, atol=1e-4)


def test_a_logistic_bandit_forgets_what_it_has_not_seen_for_long():
    """An action that was bad once: its evidence sinks, and what is left is the prior, as for a linear bandit."""
    rng = np.random.default_rng(0)
    found = bandit.LogisticTS(2, discount=0.9)
    x = np.ones((200, 1))
    bad = BanditLog(x, np.ones(200, dtype=int), np.zeros(200), np.full(200, 0.5), 2)
    found.update(bad)
    before = found.moments(x[:1])
    assert before[0][0, 1] < -1
    for _ in range(3):
        found.update(BanditLog(x, np.zeros(200, dtype=int), (rng.random(200) < 0.5) * 1.0, np.full(200, 0.5), 2))
    mean, spread = found.moments(x[:1])
    assert mean[0, 1] == pytest.approx(0.0, abs=1e-6)
    assert spread[0, 1] == pytest.approx(1.0, abs=1e-6)  # (1, 0): the column does not vary


def test_neural_linear_has_the_normal_inverse_gamma_posterior():
    log, player = some(11), bandit.NeuralLinear(A, ones, prior=2.0, noise=(3.0, 1.0))
    player.update(log)
    shape, rate = player.variances()
    for a in range(A):
        rows = log.action == a
        z, r = ones(log.contexts[rows]), log.reward[rows]
        mean = np.linalg.solve(2 * np.eye(3) + z.T @ z, z.T @ r)
        left = ((r - z @ mean) ** 2).sum() + 2 * mean @ mean
        assert (shape[a], rate[a]) == (3 + rows.sum() / 2, pytest.approx(1 + left / 2))
    rng = np.random.default_rng(0)
    where = log.contexts[:3]
    mean, spread = player.moments(where)
    sigma = np.sqrt(rate / rng.standard_gamma(shape, size=(60_000, 1, A)))
    drawn = (mean + spread * sigma * rng.standard_normal((60_000, 3, A))).argmax(axis=2)
    counted = np.stack([(drawn == a).mean(axis=0) for a in range(A)], axis=1)
    np.testing.assert_allclose(player.probabilities(where), counted, atol=0.012)


def test_the_floor_sinks_as_asked():
    player = bandit.UCB1(A, explore=0.4, decay=0.5)
    player.update(some(12))
    assert player.probabilities(np.empty((1, 0))).min() == pytest.approx(0.4 * 121**-0.5 / A)


def test_ucb_tries_each_once_and_ties_are_shared():
    player = bandit.UCB1(A)
    np.testing.assert_allclose(player.probabilities(np.empty((1, 0))), 1 / A)
    player.update(BanditLog(np.empty((2, 0)), [0, 1], [1.0, 0.0], None, A))
    np.testing.assert_allclose(player.probabilities(np.empty((1, 0)))[0], [0, 0, 0.5, 0.5])


def test_bad_input_is_named():
    log = some(13)
    with pytest.raises(ValueError, match=r"epsilon=1.2.*\[0, 1\]"):
        bandit.EpsilonGreedy(A, 1.2)
    with pytest.raises(ValueError, match="at least two"):
        bandit.UCB1(1)
    for player in (bandit.Thompson(A), bandit.UCB1(A), bandit.LogisticTS(A)):
        with pytest.raises(ValueError, match=r"outside \[0, 1\], first at round 0: 2"):
            player.update(BanditLog(log.contexts[:1], [0], [2.0], None, A))
    with pytest.raises(ValueError, match="no rounds"):
        bandit.LinTS(A).update(log.take(np.array([], dtype=np.int64)))
    with pytest.raises(ValueError, match="3 actions, the bandit 4"):
        bandit.LinTS(A).update(BanditLog(log.contexts[:1], [0], [1.0], None, 3))
    for name in ("linucb", "logistic", "neural"):
        player = players()[name]
        player.update(log)
        with pytest.raises(ValueError, match="before"):
            player.probabilities(np.zeros((2, 7)))
    with pytest.raises(ValueError, match="actions are in"):
        BanditLog(log.contexts[:1], [A], [1.0], None, A)
    with pytest.raises(ValueError, match="reward"):
        BanditLog(log.contexts[:1], [0], [np.nan], None, A)
    with pytest.raises(ValueError, match="discount"):
        bandit.UCB1(A, discount=0.0)
    with pytest.raises(ValueError, match="items have shape"):
        bandit.LinUCB(A, items=np.zeros((2, 2)))
    with pytest.raises(ValueError, match="known are 'binary'"):
        bandit.Thompson(A, "poisson")
    for count in (float("nan"), "three", 2.5):
        with pytest.raises(ValueError, match="at least two"):
            bandit.UCB1(count)
    for prior in ((math.nan, 1.0), (1.0, math.inf)):
        with pytest.raises(ValueError, match="prior="):
            bandit.Thompson(A, "normal", prior)
