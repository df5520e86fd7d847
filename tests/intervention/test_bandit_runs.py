"""Runs of bandits: regret from true means, published bounds, logs that carry propensities, the platform's own truth."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.intervention import bandit, ope
from causalrec_lab.policy import BanditLog, FixedPolicy, UniformPolicy
from causalrec_lab.world import Platform

ARMS = bandit.ArmEnvironment(np.array([0.2, 0.35, 0.6]))


@pytest.fixture(scope="module")
def platform():
    return Platform.make(seed=4, n_users=80, n_items=8, base_rate="common")


def test_regret_is_that_of_true_means():
    quiet = bandit.ArmEnvironment(np.array([0.0, 1.0]), noise=0.0)
    found = bandit.run(quiet, {"greedy": bandit.EpsilonGreedy(2, 0.0), "any": bandit.EpsilonGreedy(2, 1.0)}, 400, 40)
    curves = found.curves.set_index(["algorithm", "round"])["cumulative"]
    first = curves["greedy", 40]
    assert curves["greedy", 400] == first  # one batch of both, then never the worse one
    log = found.logs["any"][0].rounds
    assert curves["any", 400] == (log.action == 0).sum()


def test_ucb1_keeps_the_bound_of_its_theorem_and_thompson_beats_it():
    rounds, seeds = 600, 4
    found = bandit.run(ARMS, {"ucb": bandit.UCB1(3), "thompson": bandit.Thompson(3)}, rounds, 1, seeds=seeds)
    gaps = 0.6 - ARMS.means[:2]
    bound = 8 * np.log(rounds) * (1 / gaps).sum() + (1 + np.pi**2 / 3) * gaps.sum()
    table = found.table
    assert 0 < table.loc["ucb", "regret"] <= bound
    assert table.loc["thompson", "regret"] < table.loc["ucb", "regret"]
    assert table.loc["thompson", "seeds"] == seeds
    assert table.loc["thompson", "low"] < table.loc["thompson", "regret"] < table.loc["thompson", "high"]


def test_runs_repeat_and_leave_the_algorithms_alone():
    player = bandit.Thompson(3)
    one, two = (bandit.run(ARMS, {"t": player}, 200, 50, seed=3, seeds=2, keep=2) for _ in range(2))
    pd.testing.assert_frame_equal(one.curves, two.curves)
    assert player.rounds == 0
    assert one.learned["t"].rounds == 200
    assert len(one.logs["t"]) == 2
    assert set(bandit.run(ARMS, {"t": player}, 200, 50, seed=4).curves["seed"]) == {4}
    assert one._repr_html_() == two._repr_html_()
    with pytest.raises(ValueError, match="batches end after"):
        one.at(7)


def test_logs_carry_the_chances_that_drew_them():
    found = bandit.run(ARMS, {"t": bandit.Thompson(3, explore=0.3)}, 3_000, 300)
    log = found.logs["t"][0]
    assert len(log) == 3_000
    assert np.unique(log.batch).tolist() == list(range(10))
    shares = np.stack([np.bincount(log.rounds.action[log.batch == b], minlength=3) / 300 for b in range(10)])
    wanted = np.stack([log.chances[log.batch == b][0] for b in range(10)])
    assert np.abs(shares - wanted).max() < 5 * 0.5 / np.sqrt(300)
    value = ope.evaluate(log.rounds, FixedPolicy(np.array([0, 0, 1.0])), "snips")  # chapter 07 reads it as it is
    assert abs(value.value - 0.6) < 5 * value.std_error


def test_contexts_pay_where_arms_cross():
    world = bandit.ContextEnvironment(np.array([[0.0, 1.5], [0.0, -1.5], [0.2, 0.0]]))
    players = {"arms": bandit.Thompson(3), "logistic": bandit.LogisticTS(3), "linear": bandit.LinTS(3)}
    table = bandit.run(world, players, 2_000, 100, seeds=2).table["regret"]
    assert table["logistic"] < table["arms"] / 2
    assert table["linear"] < table["arms"] / 2
    normal = bandit.ContextEnvironment(world.coefficients, noise=0.5)
    assert normal.means(np.array([[1.0]])).tolist() == [[1.5, -1.5, 0.2]]


def test_a_bandit_that_learns_round_by_round_reads_its_contexts():
    """The first table of contexts has one row: nothing may be standardised away by it."""
    world = bandit.ContextEnvironment(np.array([[0.0, 2.0], [0.0, -2.0]]), noise=0.5)
    table = bandit.run(world, {"l": bandit.LinUCB(2), "any": bandit.EpsilonGreedy(2, 1.0)}, 400, 1, seed=3).table
    assert table.loc["l", "regret"] < table.loc["any", "regret"] / 5


def test_few_contexts_settle_features_that_scale_with_their_unit():
    few = np.array([[2.0, 5.0], [4.0, 5.0]])
    one, thousand = bandit.ContextFeatures.of(few), bandit.ContextFeatures.of(1_000 * few)
    np.testing.assert_allclose(one(few + 1.0), thousand(1_000 * (few + 1.0)), atol=1e-12)
    many = np.random.default_rng(0).normal(3.0, 2.0, size=(50, 1))
    np.testing.assert_allclose(bandit.ContextFeatures.of(many)(many)[:, 1].std(), 1.0)


def test_draws_of_a_bandit_are_not_those_of_its_world():
    class Keeps(bandit.LinTS):
        def _sampled(self, contexts, scale=1.0):
            drawn.append(self._rng().standard_normal(3))
            return super()._sampled(contexts, scale)

    drawn = []
    world = bandit.ContextEnvironment(np.zeros((2, 4)), noise=1.0)
    bandit.run(world, {"t": Keeps(2, items=np.eye(2), draws=5)}, 40, 10)
    met = [world.play(UniformPolicy(2), 10, step, 0)[0].rounds.contexts[0] for step in range(4)]
    assert not np.isclose(np.array(drawn)[:4, 0], np.array(met)[:, 0]).any()


def test_the_platform_s_best_policy_has_no_regret(platform):
    world = bandit.PlatformEnvironment(platform)
    means, best = world.means(), platform.truth.best_policy()
    assert means.max(axis=1).mean() == pytest.approx(platform.truth.policy_value(best).value)
    assert means.mean() == pytest.approx(platform.truth.policy_value(UniformPolicy(8)).value)
    log, shown = world.play(best, 50, 0, 1)
    np.testing.assert_allclose(shown[np.arange(50), log.rounds.action], shown.max(axis=1))
    rewards = world.play(UniformPolicy(8), 20_000, 0, 2)
    expected = rewards[1][np.arange(20_000), rewards[0].rounds.action]
    assert abs((rewards[0].rounds.reward - expected).mean()) < 5 * 0.5 / np.sqrt(20_000)


def test_every_bandit_learns_on_the_platform(platform):
    features = bandit.ContextFeatures.of(platform.contexts())
    items = np.log(platform.items[["price", "popularity"]].to_numpy(dtype=float))
    players = {
        "uniform": bandit.EpsilonGreedy(8, 1.0),
        "epsilon": bandit.EpsilonGreedy(8),
        "thompson": bandit.Thompson(8, explore=0.1),
        "linucb": bandit.LinUCB(8, alpha=0.5, features=features),
        "lints": bandit.LinTS(8, scale=0.3, features=features),
        "logistic": bandit.LogisticTS(8, features=features),
        "neural": bandit.NeuralLinear(8, features, items=items, draws=50),
    }
    found = bandit.run(platform, players, 1_600, 200)
    regret = found.table["regret"]
    assert (regret.drop("uniform") < regret["uniform"]).all()
    learned = platform.truth.policy_value(found.learned["logistic"]).value
    assert learned > platform.truth.policy_value(UniformPolicy(8)).value
    log = found.logs["logistic"][0]
    assert "user_id" in log.rounds.contexts
    ax = found.plot()
    assert len(ax.get_lines()) == len(players)


def test_a_recommender_s_embeddings_carry_over_to_items_never_shown():
    rng = np.random.default_rng(0)
    users, items = rng.normal(size=(300, 5)), rng.normal(size=(30, 5))

    class Embedder:
        def embed_users(self, user_ids):
            return users[np.asarray(user_ids)]

        def embed_items(self, item_ids=None):
            return items[np.asarray(item_ids)]

    player = bandit.NeuralLinear.of(Embedder(), np.arange(30), draws=50)
    shown = rng.integers(10, size=600)  # twenty items are never shown
    who = pd.DataFrame({"user_id": rng.integers(300, size=600)})
    reward = (users[who["user_id"]] * items[shown]).sum(axis=1) + rng.normal(size=600)
    player.update(BanditLog(who, shown, reward, None, 30))
    everybody = pd.DataFrame({"user_id": np.arange(300)})
    truth = users @ items.T
    chosen = (player.probabilities(everybody)[:, 10:] * truth[:, 10:]).sum(axis=1)
    new = player.probabilities(everybody)[:, 10:].sum(axis=1)
    assert chosen.sum() / new.sum() > 0.9 * truth[:, 10:].max(axis=1).mean()
    assert player.fresh().design.features is player.design.features


def test_what_forgets_follows_a_world_that_turns():
    class Turning:
        n_actions = 2

        def play(self, policy, n, step, seed):
            means = np.array([0.8, 0.2]) if step < 20 else np.array([0.2, 0.8])
            return bandit.ArmEnvironment(means).play(policy, n, step, seed)

    players = {"keeps": bandit.Thompson(2), "forgets": bandit.Thompson(2, discount=0.99)}
    table = bandit.run(Turning(), players, 2_000, 50, seeds=3).table["regret"]
    assert table["forgets"] < table["keeps"] / 2


def test_a_drifting_platform_moves_a_day_a_batch():
    platform = Platform.make(seed=4, n_users=40, n_items=6, drift=0.2)
    world = bandit.PlatformEnvironment(platform, first_day=10)
    assert np.abs(world.means(0) - world.means(100)).max() > 0.01
    found = bandit.run(world, {"t": bandit.Thompson(6, discount=0.99)}, 90, 30)
    assert found.table.loc["t", "regret"] > 0


def test_bad_input_is_named(platform):
    player = bandit.Thompson(3)
    for wrong in ({"batch": 0}, {"rounds": 0}, {"seeds": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            bandit.run(ARMS, {"t": player}, **{"rounds": 10, "batch": 5} | wrong)
    with pytest.raises(ValueError, match="3 actions, the world 8"):
        bandit.run(platform, {"t": player}, 10, 5)
    with pytest.raises(ValueError, match="at least one algorithm"):
        bandit.run(ARMS, {}, 10, 5)
    with pytest.raises(ValueError, match=r"chances lie in \[0, 1\]"):
        bandit.ArmEnvironment(np.array([0.5, 1.5]))
    with pytest.raises(ValueError, match="click"):
        bandit.PlatformEnvironment(platform, reward="clicks")
    log = bandit.run(ARMS, {"t": player}, 20, 10).logs["t"][0]
    with pytest.raises(ValueError, match="time order"):
        bandit.AdaptiveLog(log.rounds, log.batch[::-1], log.chances)
    with pytest.raises(ValueError, match="differs by"):
        bandit.AdaptiveLog(log.rounds, log.batch, np.full((20, 3), 1 / 3) * [1.5, 1.0, 0.5])
    with pytest.raises(ValueError, match="'u' is a UniformPolicy, which does not learn"):
        bandit.run(ARMS, {"u": UniformPolicy(3)}, 10, 5)
    with pytest.raises(ValueError, match="level=2"):
        bandit.run(ARMS, {"t": player}, 10, 5, level=2.0)
    with pytest.raises(ValueError, match="noise=-1"):
        bandit.ArmEnvironment(np.array([0.5, 0.5]), noise=-1.0)
    with pytest.raises(ValueError, match="finite"):
        bandit.ContextEnvironment(np.array([[0.0, np.nan], [0.0, 0.0]]))
    for wrong in ("best", True):
        with pytest.raises(ValueError, match="give a policy, the number of an action"):
            bandit.evaluate(log, wrong)
    with pytest.raises(ValueError, match=r"is a BanditLog; .*ope\.evaluate"):
        bandit.evaluate(log.rounds, 0)
