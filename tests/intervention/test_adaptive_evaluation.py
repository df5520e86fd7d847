"""Values of policies from logs of bandits: weights by hand, coverage where the usual mean is biased."""

import numpy as np
import pytest
from scipy import stats

from causalrec_lab.intervention import bandit
from causalrec_lab.intervention.bandit.allocation import round_weights
from causalrec_lab.intervention.bandit.evaluating import past_rewards
from causalrec_lab.policy import BanditLog, UniformPolicy

MEANS, REPLICATIONS = np.array([0.5, 0.5, 0.5]), 150


def logged(seed, *, explore=0.1, means=MEANS, rounds=600, batch=50):
    player = bandit.Thompson(len(means), explore=explore)
    return bandit.run(bandit.ArmEnvironment(means), {"t": player}, rounds, batch, seed=seed).logs["t"][0]


@pytest.fixture(scope="module")
def logs():
    return [logged(seed) for seed in range(REPLICATIONS)]


@pytest.mark.parametrize("weights", ["stable", "two-point", "minvar"])
def test_adaptive_weights_cover(logs, weights):
    found = [bandit.evaluate(log, 0, weights=weights) for log in logs]
    covered = sum(e.covers(0.5) for e in found)
    if weights != "minvar":  # least variance, and no theorem about its interval for a chance that hangs on luck
        assert covered >= stats.binom.ppf(1e-6, REPLICATIONS, 0.94)
    values = np.array([e.value for e in found])
    assert abs(values.mean() - 0.5) < 5 * values.std() / np.sqrt(REPLICATIONS)
    assert np.mean([e.std_error for e in found]) == pytest.approx(values.std(ddof=1), rel=0.3)


def test_sample_means_of_a_bandit_are_too_low(logs):
    """What had bad luck is not tried again, so its mean stays low (Nie, Tian, Taylor and Zou 2018)."""
    means = np.array([log.rounds.reward[log.rounds.action == 0].mean() for log in logs])
    assert means.mean() < 0.5 - 3 * means.std() / np.sqrt(len(means))


def test_scores_are_built_of_the_past_alone():
    log = logged(3, rounds=300)
    model = past_rewards(log, "action")
    assert (model[:50] == 0).all()
    before = log.batch < 4
    expected = [log.rounds.reward[before & (log.rounds.action == a)].mean() for a in range(3)]
    np.testing.assert_allclose(model[log.batch == 4][0], expected)
    later = log.rounds.reward.copy()
    later[log.batch >= 4] = 1 - later[log.batch >= 4]
    changed = BanditLog(log.rounds.contexts, log.rounds.action, later, log.rounds.propensity, 3)
    np.testing.assert_array_equal(past_rewards(bandit.AdaptiveLog(changed, log.batch, log.chances))[log.batch <= 4],
                                  model[log.batch <= 4])  # fmt: skip


def test_weights_are_those_of_the_paper():
    log = logged(4, rounds=200, explore=0.2)
    target = np.tile([0, 1.0, 0], (200, 1))
    chance = log.chances[:, 1]
    np.testing.assert_allclose(round_weights(log, target, "stable", 0.5), np.sqrt(chance))
    np.testing.assert_allclose(round_weights(log, target, "minvar", 0.5), chance)
    t = np.arange(1, 201)
    for decay in (0.0, 0.7):
        bad = t**-decay / (t**-decay + (200 ** (1 - decay) - t ** (1 - decay)) / (1 - decay))
        rate = chance / (200 - t + 1) + (1 - chance) * bad
        broken = rate * np.append(1, np.cumprod(1 - rate)[:-1])
        found = round_weights(log, target, "two-point", decay)
        np.testing.assert_allclose(found**2 / chance, broken, rtol=1e-9, atol=1e-15)
        assert broken.sum() == pytest.approx(1)
    constant = round_weights(log, target, "two-point", 0.0)  # a floor that stays: the constant rate
    np.testing.assert_allclose(constant / np.sqrt(chance), constant[0] / np.sqrt(chance[0]))


def test_a_log_that_did_not_adapt_needs_no_weights():
    world = bandit.ArmEnvironment(MEANS)
    log = bandit.run(world, {"any": bandit.EpsilonGreedy(3, 1.0)}, 400, 40).logs["any"][0]
    found = [bandit.evaluate(log, 1, weights=w) for w in ("stable", "minvar", "uniform", "two-point")]
    assert len({round(e.value, 12) for e in found[:3]}) == 1
    gamma = 3 * (log.rounds.action == 1) * log.rounds.reward
    plain = bandit.evaluate(log, 1, weights="uniform", reward_model="none")
    assert plain.value == pytest.approx(gamma.mean())
    assert plain.std_error == pytest.approx(gamma.std() / 20)
    assert any("warning" in note for note in plain.notes)


def test_contextual_policies_are_valued_where_the_bandit_went():
    world = bandit.ContextEnvironment(np.array([[0.0, 1.0, 0.0], [0.3, -1.0, 0.0], [0.0, 0.0, 1.0]]))
    far = world.means(np.random.default_rng(9).standard_normal((200_000, 2)))
    truth = far.mean(axis=0)
    covered = []
    for seed in range(12):
        player = bandit.LinTS(3, scale=0.4, explore=0.15)
        log = bandit.run(world, {"l": player}, 800, 100, seed=seed).logs["l"][0]
        found = bandit.evaluate(log, 2, seed=seed)
        covered.append(found.covers(truth[2]))
    assert sum(covered) >= stats.binom.ppf(1e-6, 12, 0.94)
    mixed = bandit.evaluate(log, UniformPolicy(3))
    assert abs(mixed.value - far.mean()) < 5 * mixed.std_error


def test_bad_input_is_named():
    log = logged(5, explore=0.0, means=np.array([0.1, 0.5, 0.9]), rounds=400, batch=200)
    with pytest.raises(ValueError, match="no action 3"):
        bandit.evaluate(log, 3)
    with pytest.raises(ValueError, match="'stable'"):
        bandit.evaluate(log, 0, weights="stabel")
    with pytest.raises(ValueError, match="'context'"):
        bandit.evaluate(log, 0, reward_model="contxt")
    with pytest.raises(ValueError, match="decay"):
        bandit.evaluate(log, 0, decay=1.0)
    stuck = bandit.AdaptiveLog(
        BanditLog(np.empty((5, 0)), [0] * 5, [1.0] * 5, [1.0] * 5, 2), np.arange(5), np.tile([1.0, 0.0], (5, 1))
    )
    with pytest.raises(ValueError, match="never had a chance"):
        bandit.evaluate(stuck, 1)
    half = bandit.evaluate(stuck, np.tile([1.0, 0.0], (5, 1)))
    assert half.diagnostics["rounds_without_support"] == 0


def test_a_weight_does_not_know_its_own_context():
    """One round a batch: a weight that follows its context values some contexts more, and the value is another's."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 1))
    right = np.where(x[:, 0] > 0, 0.1, 0.9)
    chances = np.column_stack([right, 1 - right])
    action = (rng.random(300) < chances[:, 1]).astype(int)
    log = BanditLog(x, action, x[:, 0] * action, chances[np.arange(300), action], 2)
    target = np.tile([0.5, 0.5], (300, 1))
    target[:, 0] = np.where(x[:, 0] > 1, 0.9, 0.5)
    target[:, 1] = 1 - target[:, 0]
    for batch in (np.arange(300), np.arange(300) // 5, np.arange(300) // 150):
        found = bandit.AdaptiveLog(log, batch, chances)
        for allocation in ("stable", "minvar"):
            before = round_weights(found, target, allocation, 0.5)
            for row in (7, 299):
                other = target.copy()
                other[row] = [0.01, 0.99]
                after = round_weights(found, other, allocation, 0.5)
                assert after[row] == before[row]
                assert (
                    allocation == "stable"
                    or row == 299
                    or (after[row + 1 : row + 3] != before[row + 1 : row + 3]).any()
                )


def test_one_round_a_batch_is_valued_without_bias():
    world = bandit.ContextEnvironment(np.array([[0.0, 1.5], [0.0, 0.2]]), noise=1.0)
    wanted, took = (lambda c: 1 / (1 + np.exp(-1.5 * c[:, 0]))), (lambda c: np.where(c[:, 0] > 0, 0.1, 0.9))
    x = np.random.default_rng(9).normal(size=(400_000, 1))
    truth = float((_Chance(wanted).probabilities(x) * world.means(x)).sum(axis=1).mean())
    off = []
    for seed in range(60):
        log = world.play(_Chance(took), 1_000, 0, seed)[0]
        log = bandit.AdaptiveLog(log.rounds, np.arange(1_000), log.chances)
        found = bandit.evaluate(log, _Chance(wanted), weights="minvar", reward_model="action")
        off.append(found.value - truth)
    assert abs(np.mean(off)) < 5 * np.std(off) / np.sqrt(60)  # by its own context it was .11 too low, 6.5 errors


class _Chance:
    def __init__(self, of):
        self.of = of

    def probabilities(self, contexts):
        first = self.of(np.asarray(contexts))
        return np.column_stack([first, 1 - first])
