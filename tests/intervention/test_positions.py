"""Examination of positions against the platform's truth, by every way there is to tell it; values corrected for it."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from causalrec_lab.intervention import BanditLog, FixedPolicy, UniformPolicy, ope
from causalrec_lab.world import Platform

N_ITEMS = 15


@pytest.fixture(scope="module")
def platform():
    return Platform.make(seed=8, n_users=1_000, n_items=N_ITEMS, base_rate="common")


@pytest.fixture(scope="module")
def log(platform):
    return lists(platform, platform.logging_policy(1.0), 16_000)


@pytest.fixture(scope="module")
def truth(platform):
    return platform.truth.examination(4)["value"].to_numpy()


def lists(platform, policy, n, seed=2, length=4):
    table = platform.slates(policy, n, seed=seed, length=length)
    return ope.SlateLog.from_frame(table, N_ITEMS, platform.contexts())


def fits(found, truth, within=4.5):
    """Whether no ratio is farther from the truth than chance allows."""
    error = np.sqrt(np.diag(found.covariance))
    return (np.abs(found.log_relative - np.log(truth[1:])) < within * error).all()


def test_a_randomised_ranker_that_is_known_tells_examination(platform, log, truth):
    found = ope.examination(log, logging=platform.logging_policy(1.0))
    assert found.method == "propensity"
    assert fits(found, truth)
    shares = log.reward.mean(axis=0)
    error = np.sqrt(np.diag(found.covariance))
    assert (np.abs(np.log(shares[1:] / shares[0]) - np.log(truth[1:])) > 3 * error)[-1]  # bare click rates mislead


def test_items_that_move_tell_examination_without_propensities(log, truth):
    found = ope.examination(log)
    assert found.method == "harvesting"
    assert fits(found, truth)
    table = found.table
    assert list(table.columns) == ["value", "std_error", "low", "high"]
    assert table.loc[0].tolist() == [1, 0, 1, 1]
    assert (table["low"] <= table["value"]).all()


def test_a_random_order_tells_it_from_bare_click_rates(platform, truth):
    log = lists(platform, UniformPolicy(N_ITEMS), 15_000)
    found = ope.examination(log, "random")
    assert fits(found, truth)
    rates = log.reward.mean(axis=0)
    np.testing.assert_allclose(found.relative, rates / rates[0])
    ratio = log.reward / rates - log.reward[:, :1] / rates[0]
    np.testing.assert_allclose(
        np.sqrt(np.diag(found.covariance)), (ratio.std(axis=0) / np.sqrt(len(log)))[1:], rtol=0.05
    )


def test_several_rankers_tell_it_and_one_deterministic_ranker_tells_nothing(platform, truth):
    rng = np.random.default_rng(3)
    users = rng.integers(300, size=40_000)
    score = rng.normal(size=(3, 300, N_ITEMS))
    score += 2 * platform.logging_policy(1.0).probabilities(platform.contexts().iloc[:300])
    orders = np.argsort(-score, axis=2)[:, :, :4]
    relevance = rng.uniform(0.1, 0.9, size=(300, N_ITEMS))

    def shown(ranker):
        action = orders[ranker, users]
        chance = truth * relevance[users[:, None], action]
        clicks = (rng.random(chance.shape) < chance).astype(float)
        return ope.SlateLog(pd.DataFrame({"user_id": users}), action, clicks, N_ITEMS, user=users)

    assert fits(ope.examination(shown(rng.integers(3, size=len(users)))), truth)
    alone = shown(np.zeros(len(users), dtype=int))
    with pytest.raises(ValueError, match=r"how much positions \[1, 2, 3\] are examined .* one deterministic ranker"):
        ope.examination(alone)
    with pytest.raises(ValueError, match="relevance and position cannot be told apart"):
        ope.examination(alone, "regression", features=np.broadcast_to(np.eye(4)[:, :3], (len(users), 4, 3)))


def test_one_swap_with_the_first_position_tells_its_partner(platform, truth):
    rng = np.random.default_rng(4)
    n = 40_000
    relevance = np.linspace(0.9, 0.3, 4)  # a ranker that knows: the best stands first
    partner, coin = rng.integers(1, 4, size=n), rng.random(n) < 0.5
    action = np.tile(np.arange(4), (n, 1))
    rows = np.flatnonzero(coin)
    action[rows, 0], action[rows, partner[rows]] = partner[rows], 0
    clicks = (rng.random((n, 4)) < truth * relevance[action]).astype(float)
    log = ope.SlateLog(np.arange(n)[:, None], action, clicks, 4)
    assert fits(ope.examination(log, swapped=partner), truth)
    assert not fits(ope.examination(log, "random"), truth)  # the rest of the list was not random
    with pytest.raises(ValueError, match="nothing was exchanged"):
        ope.examination(log, swapped=np.zeros(n, dtype=int))
    with pytest.raises(ValueError, match=r"one position in \[0, 4\)"):
        ope.examination(log, swapped=np.full(n, 9))


def em_curve(features, position, clicks, steps):
    """Examination by the EM algorithm of Wang et al. (2018), written plainly."""
    theta, beta = np.full(position.max() + 1, 0.8), np.zeros(features.shape[1])
    for _ in range(steps):
        gamma = 1 / (1 + np.exp(-features @ beta))
        seen = theta[position]
        looked = np.where(clicks == 1, 1.0, seen * (1 - gamma) / (1 - seen * gamma))
        liked = np.where(clicks == 1, 1.0, gamma * (1 - seen) / (1 - seen * gamma))
        theta = np.bincount(position, weights=looked) / np.bincount(position)
        theta[0] = 1.0  # relevance is the chance of a click at the first position
        hessian = (features * (gamma * (1 - gamma))[:, None]).T @ features
        beta = beta + np.linalg.solve(hessian, features.T @ (liked - gamma))
    return theta


def test_the_regression_climbs_to_the_summit_of_em(truth):
    rng = np.random.default_rng(5)
    n = 4_000
    x = rng.normal(size=(n, 2, 2))
    x = np.take_along_axis(x, np.argsort(-x.sum(axis=2) - rng.normal(size=(n, 2)), axis=1)[:, :, None], axis=1)
    chance = truth[:2] / (1 + np.exp(-(x @ [1.0, 0.5])))
    clicks = (rng.random((n, 2)) < chance).astype(float)
    log = ope.SlateLog(np.arange(n)[:, None], np.tile([0, 1], (n, 1)), clicks, 2)
    found = ope.examination(log, "regression", features=x)
    flat = np.column_stack([np.ones(2 * n), x.reshape(-1, 2)])
    curve = em_curve(flat, np.tile([0, 1], n), clicks.ravel(), 800)
    assert found.relative[1] == pytest.approx(curve[1], abs=1e-5)
    assert fits(found, truth[:2])


def test_a_model_that_misses_why_items_stand_on_top_bends_the_curve(platform, log, truth):
    chances = np.log(platform.logging_policy(1.0).probabilities(log.contexts))
    score = np.take_along_axis(chances, log.action, axis=1)[:, :, None]
    assert fits(ope.examination(log, "regression", features=score), truth)
    blind = ope.examination(log, "regression", features=np.zeros((len(log), 4, 0)))
    assert not fits(blind, truth)
    assert any("model of relevance alone" in note for note in blind.notes)


def test_intervals_are_those_of_repeated_logs(platform, truth):
    policy = platform.logging_policy(1.5)
    found = [ope.examination(lists(platform, policy, 1_500, seed=s, length=2), logging=policy) for s in range(60)]
    spread = np.std([one.log_relative[0] for one in found])
    claimed = np.mean([np.sqrt(one.covariance[0, 0]) for one in found])
    assert 0.7 < spread / claimed < 1.35
    users = [ope.examination(lists(platform, policy, 3_000, seed=s, length=2)) for s in range(60)]
    spread = np.std([one.log_relative[0] for one in users])
    assert 0.7 < spread / np.mean([np.sqrt(one.covariance[0, 0]) for one in users]) < 1.35


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "harvest"}, "did you mean 'harvesting'"),
        ({"method": "propensity"}, "needs logging="),
        ({"method": "regression", "features": np.zeros((2, 2))}, r"shape \(lists, positions, d\)"),
        ({"cluster": np.zeros(3)}, "cluster has 3 labels"),
    ],
)
def test_wrong_arguments_are_named(log, change, message):
    with pytest.raises(ValueError, match=message):
        ope.examination(log, **change)


def test_lists_of_one_position_and_negative_rewards_are_refused(log):
    one = ope.SlateLog(log.contexts, log.action[:, :1], log.reward[:, :1], N_ITEMS)
    with pytest.raises(ValueError, match="all lists have one position"):
        ope.examination(one)
    with pytest.raises(ValueError, match="rewards are clicks, or amounts"):
        ope.examination(ope.SlateLog(log.contexts, log.action, -log.reward, N_ITEMS))


def test_the_picture_and_the_page_say_the_same_every_time(log):
    found = ope.examination(log)
    assert found._repr_html_() == ope.examination(log)._repr_html_()
    axes = found.plot(truth=[1.0, 0.5, 0.4, 0.3])
    assert [line.get_linestyle() for line in axes.lines].count("--") == 1


@pytest.mark.parametrize("self_normalised", [False, True])
@pytest.mark.parametrize("position", [0, 2])
def test_values_from_all_positions_are_those_at_one(platform, log, truth, position, self_normalised):
    before, after = platform.logging_policy(1.0), platform.logging_policy(0.5)
    wanted = float(platform.truth.policy_value(after)) * truth[position]
    known, found = (
        ope.position_corrected(log, after, e, position=position, logging=before, self_normalised=self_normalised)
        for e in (truth, ope.examination(lists(platform, before, 10_000, seed=7), logging=before))
    )
    for estimate in (known, found):
        assert abs(estimate.value - wanted) < 4.5 * estimate.std_error
    assert found.std_error > known.std_error  # the curve's own error
    if position == 0:
        assert known.std_error < ope.evaluate(log.first, after, "ips").std_error  # more slots tell more


def test_rounds_logged_with_their_position_are_corrected():
    rng = np.random.default_rng(6)
    n, theta, gamma = 60_000, np.array([1.0, 0.5, 0.3]), np.array([0.2, 0.5, 0.8])
    old, new = np.array([[0.6, 0.3, 0.1], [0.2, 0.4, 0.4], [0.1, 0.3, 0.6]]), np.array([0.2, 0.2, 0.6])
    place = rng.integers(3, size=n)
    action = (old[place].cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    reward = (rng.random(n) < theta[place] * gamma[action]).astype(float)
    log = BanditLog(np.zeros((n, 1)), action, reward, old[place, action], 3, place)
    for normal in (False, True):
        found = ope.position_corrected(log, FixedPolicy(new), theta, self_normalised=normal)
        assert abs(found.value - new @ gamma) < 4.5 * found.std_error
    with pytest.raises(ValueError, match="holds no positions"):
        ope.position_corrected(BanditLog(log.contexts, action, reward, log.propensity, 3), FixedPolicy(new), theta)
    with pytest.raises(ValueError, match="examination has 2 positions"):
        ope.position_corrected(log, FixedPolicy(new), theta[:2])
    with pytest.raises(ValueError, match="one positive number a position"):
        ope.position_corrected(log, FixedPolicy(new), [1.0, 0.0, 1.0])


def test_few_clusters_give_student_s_interval():
    """Users whose taste shifts all their rounds: with six of them a normal interval covers too seldom."""
    theta, policy, inside, usual, runs = np.array([1.0, 0.5]), FixedPolicy(np.array([0.3, 0.7])), 0, 0, 300
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        user, place, action = np.repeat(np.arange(6), 60), rng.integers(2, size=360), rng.integers(2, size=360)
        liked = rng.uniform(0.1, 0.9, size=(6, 2))
        reward = (rng.random(360) < theta[place] * liked[user, action]).astype(float)
        log = BanditLog(np.zeros((360, 1)), action, reward, np.full(360, 0.5), 2, place)
        found = ope.position_corrected(log, policy, theta, cluster=user)
        inside += found.covers(0.5)
        usual += abs(found.value - 0.5) < 1.96 * found.std_error
    assert found.high - found.value == pytest.approx(student.ppf(0.975, 5) * found.std_error)
    assert any("6 clusters" in note for note in found.notes)
    assert inside >= 264  # binomial(300, .95): P(< 264) < 1e-6
    assert usual < 264
    curve = ope.Examination(np.log(theta[1:]), np.array([[0.04]]), "propensity", 1_000)
    both = ope.position_corrected(log, policy, curve, cluster=user)
    freedom = 5 * (both.std_error / both.diagnostics["std_error_given_examination"]) ** 4
    assert freedom > 5
    assert both.high - both.value == pytest.approx(student.ppf(0.975, freedom) * both.std_error)
    plain = ope.position_corrected(log, policy, theta)
    assert plain.high - plain.value == pytest.approx(1.959964 * plain.std_error)


def test_lists_need_the_policy_that_wrote_them(log, truth):
    with pytest.raises(ValueError, match="lists need logging="):
        ope.position_corrected(log, UniformPolicy(N_ITEMS), truth)
