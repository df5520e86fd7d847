"""Policies learned from logs: gradients, exact searches, held-out values against truth, and what is refused."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import check_grad

from causalrec_lab.causal.effects.cate.tree_search import best_tree
from causalrec_lab.intervention import UniformPolicy, learning
from causalrec_lab.intervention.learning.objective import Objective
from causalrec_lab.intervention.learning.tree_search import Question, best_action_tree, decide
from causalrec_lab.policy import BanditLog
from causalrec_lab.world import Platform

CHANCES = np.array([0.5, 0.3, 0.2])


def means(x):
    """(n, 3) chances of a reward: the best action is 0 where x0 <= 0, else 2 where x1 > 0, else 1."""
    low, high = x[:, 0] <= 0, x[:, 1] > 0
    best = np.where(low, 0, np.where(high, 2, 1))
    return 0.2 + 0.4 * (best[:, None] == np.arange(3))


def drawn(n, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    action = rng.choice(3, size=n, p=CHANCES)
    reward = (rng.random(n) < means(x)[np.arange(n), action]).astype(float)
    return BanditLog(x, action, reward, CHANCES[action], 3)


def value(policy, n=40_000):
    x = np.random.default_rng(99).normal(size=(n, 3))
    return float((policy.probabilities(x) * means(x)).sum(axis=1).mean())


@pytest.mark.parametrize(
    ("caution", "kl", "penalty", "cluster"),
    [(0.0, 0.0, 0.0, None), (1.5, 0.0, 0.1, None), (0.7, 0.3, 0.01, None), (1.5, 0.2, 0.01, np.arange(30) // 7)],
)
def test_the_gradient_is_that_of_finite_differences(caution, kl, penalty, cluster):
    rng = np.random.default_rng(0)
    before = rng.dirichlet(np.ones(4), size=30)
    before[:, 3] = 0.0  # an action without support
    before /= before.sum(axis=1, keepdims=True)
    climb = Objective(
        rng.normal(size=(30, 3)), rng.normal(size=(4, 2)), before, rng.normal(size=(30, 4)), caution, kl, penalty,
        cluster,
    )  # fmt: skip
    at = rng.normal(size=6)
    found = check_grad(lambda t: climb.loss(t)[0], lambda t: climb.loss(t)[1], at)
    assert found < 1e-6 * max(1.0, np.abs(climb.loss(at)[1]).max())


def test_the_unit_of_the_reward_does_not_matter():
    """Cents or thousands: the same policy, with costs and the weight of the divergence in the same unit."""
    log = drawn(1_500)
    plain = learning.softmax_policy(log, kl=0.01, costs=[0.0, 0.1, 0.0], cluster=np.arange(1_500) // 3)
    for unit in (1e-6, 1e3):
        scaled = replace(log, reward=log.reward * unit)
        found = learning.softmax_policy(
            scaled, kl=0.01 * unit, costs=[0.0, 0.1 * unit, 0.0], cluster=np.arange(1_500) // 3
        )
        np.testing.assert_allclose(found.policy.coefficients, plain.policy.coefficients, atol=1e-3)
        assert found.diagnostics["objective"] == pytest.approx(plain.diagnostics["objective"] * unit, rel=1e-4)
        tree = learning.tree_policy(replace(log, reward=log.reward * unit * 1e-6), depth=2)
        assert tree.policy.rules() == learning.tree_policy(log, depth=2).policy.rules()


def test_a_rare_reward_is_not_drowned_in_the_penalty():
    log = drawn(30_000)
    rare = replace(log, reward=log.reward * (np.random.default_rng(1).random(len(log)) < 0.02))  # 4 to 12 in a thousand
    worth, plain = (value(learning.softmax_policy(one, penalty=p)) for one, p in ((rare, 1e-3), (rare, 0.0)))
    assert worth > 0.9 * plain > 0.9 * 0.45


def test_equal_trees_are_settled_by_order_not_by_rounding():
    rng = np.random.default_rng(3)
    x, scores = rng.normal(size=200), rng.normal(size=(200, 3))
    for matrix in (np.column_stack([-x, x]), np.column_stack([x, -x, x**3])):
        tree, _ = best_action_tree(matrix, scores, depth=1, min_leaf=1, candidates=None)
        assert tree.column == 0
    ties = np.column_stack([np.repeat([0.0, 1.0], 100), np.tile([0.0, 1.0], 100)])
    tree, total = best_action_tree(ties, 0.1 * np.ones((200, 2)), depth=2, min_leaf=1, candidates=None)
    assert (tree, total) == (0, pytest.approx(20.0))


def enumerated(matrix, scores):
    """The best depth-2 tree's sum, by trying every pair of questions and every action."""
    splits = [matrix[:, j] <= t for j in range(matrix.shape[1]) for t in np.unique(matrix[:, j])[:-1]]

    def side(rows):
        leaf = scores[rows].sum(axis=0).max()
        cuts = [
            scores[rows & s].sum(axis=0).max() + scores[rows & ~s].sum(axis=0).max()
            for s in splits if (rows & s).any() and (rows & ~s).any()
        ]  # fmt: skip
        return max([leaf, *cuts])

    return max(side(s) + side(~s) for s in splits)


def test_the_tree_is_the_best_of_all_trees():
    rng = np.random.default_rng(1)
    for _ in range(5):
        matrix, scores = rng.integers(0, 4, size=(25, 2)).astype(float), rng.normal(size=(25, 3))
        tree, total = best_action_tree(matrix, scores, depth=2, min_leaf=1, candidates=None)
        assert total == pytest.approx(enumerated(matrix, scores))
        assert scores[np.arange(25), decide(tree, matrix)].sum() == pytest.approx(total)


def test_two_actions_give_the_tree_of_the_treatment_effects():
    rng = np.random.default_rng(2)
    matrix, gains = rng.normal(size=(60, 3)), rng.normal(size=60)
    for depth, few in itertools.product((0, 1, 2), (1, 8)):
        mine = best_action_tree(matrix, np.column_stack([0 * gains, gains]), depth=depth, min_leaf=few, candidates=None)
        assert mine[1] == pytest.approx(best_tree(matrix, gains, depth=depth, min_leaf=few, candidates=None)[1])


def test_a_tree_finds_the_questions_that_made_the_world():
    found = learning.tree_policy(drawn(6_000), depth=2, candidates=31)
    assert found.policy.rules().splitlines()[0].startswith("if x0 <= ")
    assert value(found) > 0.55  # the best rule earns .6, the logging policy .33, one action for all .4
    assert found.held_out.covers(value(found))
    assert found.gain.low > 0
    assert found.features == ("x0", "x1", "x2")
    costly = learning.tree_policy(drawn(6_000), depth=1, costs=[0.0, 0.0, 0.5])
    assert "action 2" not in costly.policy.rules()


def test_a_softmax_policy_earns_more_than_the_log_and_less_than_it_promises():
    found = learning.softmax_policy(drawn(4_000), caution=0.0, penalty=0.0)
    assert value(found) > 0.45
    assert found.held_out.covers(value(found))
    assert found.optimism > 0
    assert "flatters" in found.training_value.notes[0]
    assert found.support == 1.0
    again = learning.softmax_policy(drawn(4_000), caution=0.0, penalty=0.0)
    np.testing.assert_array_equal(again.policy.coefficients, found.policy.coefficients)


def test_caution_and_divergence_keep_a_policy_near_the_log():
    log = drawn(1_500)
    near = [learning.softmax_policy(log, kl=kl).diagnostics["divergence"] for kl in (0.0, 0.05, 0.5)]
    assert near[0] > near[1] > near[2]
    bold, shy = (learning.softmax_policy(log, caution=c).training_value.std_error for c in (0.0, 8.0))
    assert shy < bold


def test_action_features_share_what_is_learned():
    found = learning.softmax_policy(drawn(2_000), action_features=[[0.0], [1.0], [2.0]])
    assert found.policy.coefficients.shape == (4, 1)
    assert value(found) > value(UniformPolicy(3))


def test_what_the_log_never_took_is_never_wanted():
    log = drawn(2_000)
    log = replace(log.take(log.action < 2), propensity=None)
    log = replace(log, propensity=np.where(log.action == 0, 0.625, 0.375))
    found = learning.softmax_policy(log)
    assert found.probabilities(log.contexts)[:, 2].max() == 0.0
    with pytest.raises(ValueError, match=r"no chance to .* logged actions, first action"):
        learning.softmax_policy(log, base=_Only(2, 3))
    told = learning.tree_policy(log, base=UniformPolicy(3), groups=["a", "a", "b"])
    assert 0 < told.support <= 1.0


class _Only:
    def __init__(self, action, n_actions):
        self.row = np.eye(n_actions)[action]

    def probabilities(self, contexts):
        return np.tile(self.row, (len(contexts), 1))


def test_held_out_intervals_cover_what_a_learned_policy_is_worth():
    """The winner's curse is in the training value; the held-out interval keeps its level (90 %) over 60 logs."""
    inside = promised = 0
    for seed in range(60):
        found = learning.tree_policy(drawn(240, seed), depth=2, candidates=5, level=0.9, seed=seed)
        worth = value(found, 8_000)
        inside += found.held_out.covers(worth)
        promised += found.training_value.value > worth
    assert inside >= 38  # binomial(60, .9): P(< 38) < 1e-6
    assert promised >= 50  # no bias: binomial(60, .5), P(>= 50) < 1e-6


def test_a_gain_that_rests_on_few_rounds_says_so():
    log = drawn(3_000)
    rare = replace(log, reward=log.reward * (np.arange(3_000) % 300 == 0))
    for found in (learning.tree_policy(drawn(120)), learning.tree_policy(rare)):
        for e in (found.held_out, found.gain):
            assert "by empirical likelihood" in e.notes[-1]
            assert not any("the interval is too short" in note for note in e.notes)
            assert e.low <= e.value <= e.high
        assert 0 <= found.held_out.high - found.held_out.value > 1.96 * found.held_out.std_error
        assert "by empirical likelihood" in found._repr_html_()
    plain = learning.tree_policy(drawn(3_000), costs=0.0)
    assert plain.gain.notes == ()
    assert "warning" not in plain._repr_html_()


def test_groups_choose_among_the_base_policy_s_choices():
    log = drawn(3_000)
    found = learning.tree_policy(log, groups=["left", "right", "right"], depth=1)
    chances = found.probabilities(log.contexts[:50])
    right = chances[:, 0] == 0
    assert right.any()
    np.testing.assert_allclose(
        chances[right, 1] / chances[right, 2], found.policy.base.distribution[1] / found.policy.base.distribution[2]
    )
    named = pd.DataFrame(log.contexts, columns=["x", "y", "z"]).assign(kind=np.where(log.contexts[:, 2] > 0, "p", "q"))
    asked = learning.tree_policy(replace(log, contexts=named), columns=["x", "kind"], depth=2)
    assert asked.features == ("x", "kind=q")
    with pytest.raises(ValueError, match=r"no column 'yy' to ask about.*'y'"):
        learning.tree_policy(replace(log, contexts=named), columns=["yy"])


def test_a_policy_travels_without_pickle(tmp_path):
    log = drawn(1_000)
    frame = pd.DataFrame(log.contexts, columns=["x", "y", "z"]).assign(kind=np.where(log.contexts[:, 2] > 0, "p", "q"))
    log = replace(log, contexts=frame)
    for k, found in enumerate((learning.softmax_policy(log), learning.tree_policy(log))):
        back = learning.load(found.save(tmp_path / str(k)))
        np.testing.assert_array_equal(back.probabilities(frame), found.probabilities(frame))
    leaning = learning.softmax_policy(log, base=UniformPolicy(3))
    leaning.save(tmp_path / "leaning")
    with pytest.raises(ValueError, match="leans on the one that ran"):
        learning.load(tmp_path / "leaning")
    back = learning.load(tmp_path / "leaning", base=UniformPolicy(3))
    np.testing.assert_array_equal(back.probabilities(frame), leaning.probabilities(frame))
    with pytest.raises(FileNotFoundError, match=r"policy\.json"):
        learning.load(tmp_path / "nowhere")
    words = tmp_path / "0" / "policy.json"
    words.write_text(json.dumps(json.loads(words.read_text()) | {"kind": "forest"}))
    with pytest.raises(ValueError, match="unknown kind of policy 'forest'"):
        learning.load(tmp_path / "0")


def test_on_the_platform_a_learned_policy_lies_between_the_logging_and_the_best_one():
    platform = Platform.make(seed=3, n_users=1_500, n_items=6, base_rate="common")
    today = platform.logging_policy(temperature=4.0)
    log = platform.slates(today, 8_000, seed=0)
    found = learning.softmax_policy(log, base=today, cluster=log.contexts["user_id"])
    worth, runs, best = (float(platform.truth.policy_value(p)) for p in (found, today, platform.truth.best_policy()))
    assert runs < worth < best
    assert found.gain.covers(worth - runs)
    assert "user_id" not in found.features
    assert "held-out value" in found._repr_html_()
    assert found.summary().index[0] == "training value (optimistic)"
    assert found.plot(truth=worth).get_xlabel() == "policy value"


LOG = drawn(60)


@pytest.mark.parametrize(
    ("log", "options", "message"),
    [
        (LOG.take(np.array([0])), {}, "has 1 rounds"),
        (replace(LOG, propensity=None), {}, "no propensities"),
        (LOG, {"held_out": 1.0}, "held_out=1.0"),
        (LOG, {"held_out": 0.05}, "take a longer log"),
        (LOG, {"caution": -1.0}, "caution=-1"),
        (LOG, {"costs": [1.0, 2.0]}, "costs have shape"),
        (LOG, {"action_features": np.eye(2)}, "action_features have shape"),
        (LOG, {"cluster": np.arange(3)}, "cluster has shape"),
    ],
)
def test_logs_and_options_nothing_can_be_learned_from(log, options, message):
    with pytest.raises(ValueError, match=message):
        learning.softmax_policy(log, **options)


def test_trees_nobody_can_grow():
    for options, message in [
        ({"depth": 3}, "depth=3"), ({"min_leaf": 0}, "min_leaf=0"), ({"groups": ["a"]}, "groups has 1 entries"),
        ({"columns": []}, "columns="),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=message):
            learning.tree_policy(LOG, **options)
    for row, message in (([0.5, 0.5], "expected"), ([1.0, 1.0, 1.0], "do not sum to 1")):
        with pytest.raises(ValueError, match=message):
            learning.tree_policy(LOG, base=FixedRow(row))
    assert isinstance(Question(0, 1.0, 0, 1), Question)


class FixedRow:
    def __init__(self, row):
        self.row = np.array(row)

    def probabilities(self, contexts):
        return np.tile(self.row, (len(contexts), 1))
