"""Dictionaries of Open Bandit Pipeline in and out, in the layouts that package documents."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.intervention import BanditLog, UniformPolicy, ope
from causalrec_lab.world import Platform


def feedback(n=50, positions=None):
    rng = np.random.default_rng(0)
    pi = rng.dirichlet(np.ones(4), size=n)
    action = rng.integers(4, size=n)
    return {
        "n_rounds": n,
        "n_actions": 4,
        "context": rng.normal(size=(n, 3)),
        "action_context": rng.normal(size=(4, 2)),
        "action": action,
        "position": None if positions is None else rng.integers(positions, size=n),
        "reward": rng.integers(2, size=n),
        "expected_reward": rng.uniform(size=(n, 4)),
        "pi_b": pi[:, :, None],
        "pscore": pi[np.arange(n), action],
    }


def slates(n=6, length=3, items=5):
    rng = np.random.default_rng(1)
    action = np.argsort(rng.random((n, items)), axis=1)[:, :length]
    above = np.tile(1.0 / (items - np.arange(length)), (n, 1))
    cascade = np.cumprod(above, axis=1)
    return {
        "n_rounds": n,
        "n_unique_action": items,
        "slate_id": np.repeat(np.arange(n), length),
        "context": rng.normal(size=(n, 3)),
        "action_context": np.eye(items),
        "action": action.ravel(),
        "position": np.tile(np.arange(length), n),
        "reward": rng.uniform(size=n * length),
        "expected_reward_factual": rng.uniform(size=n * length),
        "pscore_cascade": cascade.ravel(),
        "pscore": np.repeat(cascade[:, -1], length),
        "pscore_item_position": np.full(n * length, 1 / items),
    }


def same(first, second):
    assert set(first) == set(second)
    for key, value in first.items():
        if value is None:
            assert second[key] is None
        else:
            np.testing.assert_allclose(second[key], value, err_msg=key)


@pytest.mark.parametrize("positions", [None, 3])
def test_single_actions_go_through_whole(positions):
    given = feedback(positions=positions)
    log = ope.from_obp(given)
    assert isinstance(log, BanditLog)
    same(given, ope.to_obp(log))
    same(given, ope.to_obp(ope.from_obp(ope.to_obp(log))))
    half = log.take(np.arange(50) < 20)
    np.testing.assert_array_equal(half.extra["expected_reward"], given["expected_reward"][:20])
    assert half.extra["action_context"].shape == (4, 2)
    value = ope.evaluate(log, given["pi_b"][:, :, 0], "ips").value
    assert value == pytest.approx(given["reward"].mean())


def test_what_real_logs_lack_may_be_missing_and_may_be_added():
    given = {key: value for key, value in feedback(positions=3).items() if key not in ("expected_reward", "pi_b")}
    log = ope.from_obp(given)
    same(given, ope.to_obp(log))
    truth = np.zeros((50, 4))
    assert (ope.to_obp(log, expected_reward=truth)["expected_reward"] == 0).all()
    bare = BanditLog(pd.DataFrame({"x": np.ones(2)}), [0, 1], [0, 1], None, 2)
    assert ope.to_obp(bare)["pscore"] is None
    assert ope.to_obp(bare)["action_context"].tolist() == [[1, 0], [0, 1]]


def test_lists_go_through_whole_in_any_order():
    given = slates()
    log = ope.from_obp(given)
    assert isinstance(log, ope.SlateLog)
    same(given, ope.to_obp(log))
    order = np.random.default_rng(2).permutation(18)
    mixed = {k: v[order] if isinstance(v, np.ndarray) and v.shape[:1] == (18,) else v for k, v in given.items()}
    same(given, ope.to_obp(ope.from_obp(mixed)))


def test_lists_from_the_dictionary_are_evaluated():
    log = ope.from_obp(slates())
    for method in ("standard", "independent", "reward_interaction"):  # the log's marginal chances are enough
        assert ope.slate(log, UniformPolicy(5), method).value == pytest.approx(log.reward.sum(axis=1).mean())


def test_the_platform_s_lists_go_there_and_back():
    platform = Platform.make(seed=3, n_users=30, n_items=6)
    policy = platform.logging_policy(1.0)
    table = platform.slates(policy, 200, seed=1, length=3)
    numbers = platform.contexts().select_dtypes("number")
    log = ope.SlateLog.from_frame(table, 6, numbers)
    back = ope.from_obp(ope.to_obp(log))
    np.testing.assert_allclose(back.propensity, log.propensity)
    np.testing.assert_array_equal(back.action, log.action)


def test_keys_that_are_missing_or_unknown_are_named():
    given = feedback()
    with pytest.raises(ValueError, match=r"lacks \['reward'\].*unknown are 'rewards' \(did you mean 'reward'\?\)"):
        ope.from_obp({("rewards" if k == "reward" else k): v for k, v in given.items()})
    with pytest.raises(ValueError, match=r"unknown keys 'user_idx'; leave them out with ignore=\['user_idx'\]"):
        ope.from_obp(given | {"user_idx": 3})
    assert len(ope.from_obp(given | {"user_idx": 3}, ignore=["user_idx"])) == 50
    with pytest.raises(ValueError, match=r"lacks \['n_unique_action'\]"):
        ope.from_obp({k: v for k, v in slates().items() if k != "n_unique_action"})
    with pytest.raises(ValueError, match=r"unknown keys \['pi_e'\]"):
        ope.to_obp(ope.from_obp(given), pi_e=np.zeros((50, 4)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_rounds": 49}, "n_rounds=49 beside 50"),
        ({"expected_reward": np.zeros((50, 3))}, r"expected_reward has shape \(50, 3\); it starts with \(50, 4\)"),
        ({"pi_b": np.zeros((49, 4, 1))}, r"pi_b has shape \(49, 4, 1\)"),
        ({"pscore": np.full(50, 1.5)}, "propensity has 50 bad values"),
        ({"action": np.full(50, 9)}, "action has 50 bad values"),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        ope.from_obp(feedback() | change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_rounds": 7}, "n_rounds=7 beside 6"),
        ({"pscore": np.full(18, 0.5)}, "not the product of their items' propensities"),
        ({"position": np.tile([0, 1, 3], 6)}, "lacks a position"),
        ({"action": np.zeros(18, dtype=int)}, "show an item twice"),
        ({"context": np.zeros((5, 3))}, "rows beside 6 lists"),
        ({"expected_reward_factual": np.zeros(17)}, r"expected_reward_factual has shape \(17,\)"),
    ],
)
def test_lists_that_break_the_contract_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        ope.from_obp(slates() | change)


def test_lists_of_unequal_length_have_no_such_dictionary():
    log = ope.SlateLog(np.zeros((2, 1)), [[0, 1], [1, -1]], np.zeros((2, 2)), 3)
    with pytest.raises(ValueError, match="lists differ in length"):
        ope.to_obp(log)
