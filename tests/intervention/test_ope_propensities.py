"""Propensities that are wrong, missing or none: what the log itself can say of them, and what it cannot."""

from dataclasses import replace

import numpy as np
import pytest

from causalrec_lab.intervention import BanditLog, FixedPolicy, UniformPolicy, ope

ACTIONS = 5


def draw(n=6_000, seed=0, offered=None):
    """Logged by a softmax of the context; with `offered`, the last action is on offer in that share of the rounds."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    logging = np.exp(X @ np.random.default_rng(1).normal(size=(2, ACTIONS)))
    if offered is not None:
        logging[rng.uniform(size=n) > offered, -1] = 0
    logging /= logging.sum(axis=1, keepdims=True)
    action = (logging.cumsum(axis=1) < rng.uniform(size=(n, 1))).sum(axis=1).clip(max=ACTIONS - 1)
    reward = 1.0 + action + rng.normal(size=n)
    return BanditLog(X, action, reward, logging[np.arange(n), action], ACTIONS), logging


def test_right_propensities_raise_no_alarm():
    alarms = 0
    for seed in range(60):
        log, logging = draw(2_000, seed)
        alarms += not ope.check_propensities(log).ok
        alarms += not ope.check_propensities(log, logging=logging).ok
    assert alarms <= 6  # 120 checks; each errs far less than once in a hundred


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.25])
def test_a_factor_on_one_action_is_found_and_measured(factor):
    log, logging = draw(20_000)
    p = np.where(log.action == 2, np.minimum(log.propensity * factor, 1), log.propensity)
    found = ope.check_propensities(log, propensity=p)
    assert not found.ok
    assert found.table.loc[2, "inverse_mean"] == pytest.approx(1 / factor, rel=0.08)
    noted = ope.evaluate(replace(log, propensity=p), FixedPolicy(np.eye(ACTIONS)[0]), "ips")
    if factor < 1:  # the policy never takes action 2, so its own weights cannot tell
        assert any("actions do not fit how often they were logged (action 2: a factor of" in n for n in noted.notes)
        assert noted.diagnostics["action_check_factor"] == pytest.approx(factor, rel=0.08)
    beside = ope.check_propensities(log, propensity=p, logging=logging)
    assert any("do not fit how often they were logged" in note for note in beside.notes)


def test_propensities_that_know_less_than_the_shares_are_not_the_policy_s():
    log, logging = draw()
    flat = ope.check_propensities(log, propensity=np.full(len(log), 1 / ACTIONS))
    assert flat.log_score_z < -4
    assert any("own shares foretell the choices better" in note for note in flat.notes)
    assert ope.check_propensities(log).log_score_z > 4
    shuffled = np.random.default_rng(0).permutation(log.propensity)  # a join gone wrong
    assert not ope.check_propensities(log, propensity=shuffled).ok
    found = ope.check_propensities(log, propensity=shuffled, logging=logging)
    assert any("differ from logging=" in note for note in found.notes)


def test_the_wrong_logging_policy_is_seen_by_shares_and_calibration():
    log, logging = draw()
    right = ope.check_propensities(log, logging=logging)
    assert (right.calibration["realised"] - right.calibration["expected"]).abs().max() < 5 * right.calibration[
        "std_error"
    ].max()
    wrong = ope.check_propensities(replace(log, propensity=None), logging=UniformPolicy(ACTIONS))
    assert any("not logged as often as logging= takes them" in note for note in wrong.notes)
    differ = ope.evaluate(log, UniformPolicy(ACTIONS), "ips", logging=UniformPolicy(ACTIONS))
    assert any("differ from logging= in 100.0% of the rounds" in note for note in differ.notes)
    right.plot()
    assert right._repr_html_() == ope.check_propensities(log, logging=logging)._repr_html_()


def test_an_action_not_always_on_offer_is_no_error_once_that_is_known():
    log, logging = draw(offered=0.5)
    blind, told = ope.check_propensities(log), ope.check_propensities(log, logging=logging)
    assert any("not on offer in every round, or their propensities are too large" in note for note in blind.notes)
    assert told.ok
    assert told.table.loc[ACTIONS - 1, "offered"] == pytest.approx(0.5, abs=0.03)
    assert not any("warning" in n for n in ope.evaluate(log, logging, "ips").notes)


def test_the_share_of_reward_at_stake_is_said_beside_the_mass():
    rng = np.random.default_rng(0)
    n = 5_000
    action = rng.integers(2, size=n)
    reward = np.where(action == 1, 4.0, 1.0) + rng.uniform(-1, 1, n)
    log = BanditLog(np.zeros((n, 1)), action, reward, np.full(n, 0.5), 3)
    target = FixedPolicy(np.array([0.5, 0.3, 0.2]))
    found = ope.evaluate(log, target, "ips")
    counted = 0.5 * 1 + 0.3 * 4
    assert found.diagnostics["unsupported_mass"] == pytest.approx(0.2)
    assert found.diagnostics["reward_at_stake"] == pytest.approx(0.2 * 5 / (counted + 0.2 * 5), abs=0.01)
    assert found.diagnostics["value_if_best"] - found.diagnostics["value_if_worst"] == pytest.approx(0.2 * 5, abs=0.01)
    assert any("up to" in note and "of its reward hangs on them" in note for note in found.notes)
    model = np.tile([1.0, 4.0, 10.0], (n, 1))
    by_model = ope.evaluate(log, target, "dr", model)
    assert by_model.diagnostics["reward_at_stake"] == pytest.approx(2.0 / (counted + 2.0))
    assert any("by the reward model 54.1% of its reward hangs on them" in note for note in by_model.notes)


def test_logs_alone_are_enough_and_that_is_said():
    log, logging = draw(8_000, 3)
    bare = replace(log, propensity=None)
    truth = float(np.arange(1, ACTIONS + 1).mean())  # what each action earns, chosen alike
    for method in ("ips", "snips", "dr"):
        found = ope.evaluate(bare, UniformPolicy(ACTIONS), method, propensity="estimate")
        assert abs(found.value - truth) < 5 * found.std_error
        assert any("their error is not in the interval" in note for note in found.notes)
    table = ope.estimated_probabilities(bare)
    assert np.abs(table - logging).mean() < 0.02
    assert ope.evaluate(bare, UniformPolicy(ACTIONS), "ips", logging=logging) == ope.evaluate(
        log, UniformPolicy(ACTIONS), "ips", logging=logging
    )
    with pytest.raises(ValueError, match="took a single action"):
        ope.estimated_probabilities(BanditLog(np.zeros((20, 1)), [0] * 20, np.zeros(20), None, 2))


def test_continuous_actions_are_refused_with_a_way_out():
    with pytest.raises(ValueError, match=r"action has 3 bad values.*continuous action.*effects\.dml"):
        BanditLog(np.zeros((3, 1)), [9.99, 4.5, 1.25], np.zeros(3), None, 3)
    cents = np.random.default_rng(0).permutation(500)
    log = BanditLog(np.zeros((500, 1)), cents, np.ones(500), np.full(500, 1 / 500), 500)
    found = ope.evaluate(log, UniformPolicy(500), "ips")
    assert any("cut them into a few bins" in n and "effects.dml" in n for n in found.notes)


def test_a_heavy_tail_of_rewards_is_said():
    log, logging = draw(3_000)
    one = log.reward.copy()
    one[7] = 20_000.0
    found = ope.evaluate(replace(log, reward=one), logging, "ips")
    assert found.diagnostics["max_round_share"] > 0.5
    assert any("rewards have a heavy tail" in note for note in found.notes)
