"""Off-policy values against enumeration, algebra and the peer's written formulas."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalrec_lab.intervention import BanditLog, FixedPolicy, GreedyPolicy, UniformPolicy, ope

ACTIONS = 4
REWARDS = np.array([[0.1, 0.3, 0.5, 0.2], [0.6, 0.2, 0.1, 0.4], [0.3, 0.3, 0.3, 0.7]])  # E[r | context kind, action]
LOGGING = np.array([[0.4, 0.3, 0.2, 0.1], [0.1, 0.4, 0.4, 0.1], [0.25, 0.25, 0.25, 0.25]])
TARGET = np.array([[0.1, 0.2, 0.6, 0.1], [0.7, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.7]])
TRUTH = float((TARGET * REWARDS).sum(axis=1).mean())


def draw(n, seed):
    rng = np.random.default_rng(seed)
    kind = rng.integers(3, size=n)
    action = (LOGGING[kind].cumsum(axis=1) < rng.uniform(size=(n, 1))).sum(axis=1)
    reward = (rng.uniform(size=n) < REWARDS[kind, action]).astype(float)
    return BanditLog(np.eye(3)[kind][:, :2], action, reward, LOGGING[kind, action], ACTIONS), kind


@pytest.mark.parametrize("method", ope.METHODS)
def test_every_method_hits_the_enumerated_value(method):
    log, kind = draw(20_000, 1)
    found = ope.evaluate(log, TARGET[kind], method, embeddings=np.arange(ACTIONS) if method == "mips" else None)
    assert abs(found.value - TRUTH) < 4 * max(found.std_error, 0.003)
    assert abs(log.reward.mean() - TRUTH) > 10 * found.std_error  # the log's own mean is another policy's value


def test_values_are_the_peers_formulas():
    log, kind = draw(500, 2)
    pi, q, rows = TARGET[kind], np.random.default_rng(0).uniform(size=(500, ACTIONS)), np.arange(500)
    w, direct = pi[rows, log.action] / log.propensity, np.average(q, weights=pi, axis=1)
    residual = w * (log.reward - q[rows, log.action])
    peer = {
        "ips": (w * log.reward).mean(),
        "snips": (w * log.reward).mean() / w.mean(),
        "dm": direct.mean(),
        "dr": (direct + residual).mean(),
        "sndr": direct.mean() + residual.mean() / w.mean(),
    }
    for method, value in peer.items():
        found = ope.evaluate(log, pi, method, q if method in ("dm", "dr", "sndr") else None)
        assert found.value == pytest.approx(value, rel=1e-12)
    each = direct + residual
    assert ope.evaluate(log, pi, "dr", q).std_error == pytest.approx(each.std(ddof=1) / np.sqrt(500), rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(-5, 5), st.floats(0.1, 10))
def test_self_normalised_values_follow_shift_and_scale_of_the_reward(seed, shift, scale):
    log, kind = draw(200, seed)
    moved = BanditLog(log.contexts, log.action, shift + scale * log.reward, log.propensity, ACTIONS)
    plain, found = (ope.evaluate(one, TARGET[kind], "snips") for one in (log, moved))
    assert found.value == pytest.approx(shift + scale * plain.value, abs=1e-9)
    assert found.std_error == pytest.approx(scale * plain.std_error, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("method", ["ips", "snips"])
def test_the_logging_policy_is_worth_what_it_earned(method):
    log, kind = draw(1_000, 3)
    assert ope.evaluate(log, LOGGING[kind], method).value == pytest.approx(log.reward.mean())


def test_a_policy_object_and_its_probabilities_give_the_same():
    log, _ = draw(300, 4)
    policy = FixedPolicy(np.array([0.1, 0.2, 0.3, 0.4]))
    assert ope.evaluate(log, policy, "ips") == ope.evaluate(log, policy.probabilities(log.contexts), "ips")


def test_a_fitted_reward_model_is_used_and_dr_survives_a_bad_one():
    log, kind = draw(20_000, 5)

    class Bad:
        def predict(self, contexts):
            return np.full((len(contexts), ACTIONS), 9.0)

    assert ope.evaluate(log, TARGET[kind], "dm", Bad()).value == pytest.approx(9.0)
    found = ope.evaluate(log, TARGET[kind], "dr", Bad())
    assert abs(found.value - TRUTH) < 4 * found.std_error


def test_the_reward_model_learns_what_each_action_earns():
    log, kind = draw(30_000, 6)
    np.testing.assert_allclose(ope.cross_fitted_rewards(log), REWARDS[kind], atol=0.06)


def test_contexts_of_a_frame_are_read_without_its_identifiers():
    log, kind = draw(4_000, 7)
    frame = pd.DataFrame({"user_id": np.arange(4_000), "kind": np.array(["x", "y", "z"])[kind]})
    named = BanditLog(frame, log.action, log.reward, log.propensity, ACTIONS)
    assert ope.evaluate(named, TARGET[kind], "dr").value == pytest.approx(
        ope.evaluate(log, TARGET[kind], "dr").value, abs=0.01
    )


def test_a_level_means_the_same_in_fitting_and_in_predicting():
    level, rng = np.repeat(["a", "b", "c"], 1_000), np.random.default_rng(0)
    log = BanditLog(
        pd.DataFrame({"level": level}), rng.integers(0, 2, 3_000), (level == "b") * 1.0, np.full(3_000, 0.5), 2
    )
    model = ope.RewardModel.fit(log)
    found = model.predict(pd.DataFrame({"level": ["b", "c", "d"]}))
    assert found[0] == pytest.approx(1, abs=0.01)
    assert found[1] == pytest.approx(0, abs=0.01)
    assert found[2] == pytest.approx(model.predict(pd.DataFrame({"level": ["a"]}))[0])
    with pytest.raises(ValueError, match=r"lack the columns \['level'\]"):
        model.predict(pd.DataFrame({"other": ["a"]}))


def test_a_level_rarer_than_the_folds_does_not_stop_cross_fitting():
    rng = np.random.default_rng(0)
    contexts = pd.DataFrame({"level": ["rare", *rng.choice(["a", "b"], 499)]})
    log = BanditLog(contexts, rng.integers(0, 2, 500), rng.uniform(size=500), np.full(500, 0.5), 2)
    found = ope.evaluate(log, UniformPolicy(2))
    assert found.value == pytest.approx(log.reward.mean(), abs=4 * found.std_error)


def test_missing_propensities_are_an_error_and_estimated_ones_are_said():
    log, kind = draw(6_000, 8)
    bare = BanditLog(log.contexts, log.action, log.reward, None, ACTIONS)
    with pytest.raises(ValueError, match=r"holds no propensities.*propensity='estimate'"):
        ope.evaluate(bare, TARGET[kind], "ips")
    found = ope.evaluate(bare, TARGET[kind], "snips", propensity="estimate")
    assert abs(found.value - TRUTH) < 4 * found.std_error
    assert any("estimated by multinomial" in note for note in found.notes)
    assert ope.evaluate(bare, TARGET[kind], "ips", propensity=log.propensity) == ope.evaluate(log, TARGET[kind], "ips")
    assert ope.evaluate(bare, TARGET[kind], "dm").n == 6_000  # the direct method needs none


def test_actions_that_were_never_logged_are_said_with_their_share():
    log, _ = draw(2_000, 9)
    wider = BanditLog(log.contexts, log.action, log.reward, log.propensity, ACTIONS + 1)
    found = ope.evaluate(wider, UniformPolicy(ACTIONS + 1), "ips")
    assert found.diagnostics["unsupported_mass"] == pytest.approx(0.2)
    assert any("20.0% of the policy's choices are actions the log never took" in note for note in found.notes)
    assert not any("are not those of the logging policy" in note for note in found.notes)


def test_propensities_wrong_by_a_factor_are_noticed_and_right_ones_are_not():
    log, kind = draw(5_000, 10)
    half = BanditLog(log.contexts, log.action, log.reward, log.propensity / 2, ACTIONS)
    assert any("are not those of the logging policy" in n for n in ope.evaluate(half, TARGET[kind], "ips").notes)
    assert not any("warning" in n for n in ope.evaluate(log, TARGET[kind], "ips").notes)


def test_a_small_effective_sample_is_said():
    log, _ = draw(60, 11)
    found = ope.evaluate(log, GreedyPolicy(np.array([0.0, 0.0, 0.0, 1.0])), "snips")
    assert found.diagnostics["effective_sample_size"] < 30
    assert any(note.startswith("warning: the effective sample size") for note in found.notes)


def test_rounds_of_one_user_err_together():
    log, kind = draw(500, 12)
    rows = np.repeat(np.arange(500), 4)
    again = log.take(rows)
    plain = ope.evaluate(log, TARGET[kind], "ips").std_error
    clustered = ope.evaluate(again, TARGET[kind][rows], "ips", cluster=rows).std_error
    assert clustered == pytest.approx(plain, rel=1e-9)
    assert ope.evaluate(again, TARGET[kind][rows], "ips").std_error < 0.6 * plain


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "magic"}, "unknown method 'magic'"),
        ({"policy": np.full((300, 3), 1 / 3)}, r"shape \(300, 3\); expected \(300, 4\)"),
        ({"policy": np.full((300, 4), 0.3)}, "do not sum to 1, first row 0 with sum 1.2"),
        ({"reward_model": np.zeros((300, 2))}, r"reward predictions have shape \(300, 2\)"),
        ({"reward_model": "forest"}, "the only word known is 'auto'"),
        ({"propensity": "guess"}, "the only word known is 'estimate'"),
        ({"propensity": np.full(300, 1.7)}, "propensity has 300 bad values, first at row 0: 1.7"),
        ({"cluster": np.zeros(7)}, "cluster has 7 labels for 300 rounds"),
    ],
)
def test_wrong_input(change, message):
    log, kind = draw(300, 13)
    options = {"policy": TARGET[kind], "method": "dr"} | change
    with pytest.raises(ValueError, match=message):
        ope.evaluate(log, **options)


def test_missing_clusters_and_reward_predictions_are_refused():
    log, kind = draw(20, 14)
    cluster = np.where(np.arange(20) < 18, 1.0, np.nan)
    with pytest.raises(ValueError, match="cluster is missing for 2 of 20 rounds, first at row 18"):
        ope.evaluate(log, TARGET[kind], "ips", cluster=cluster)
    rewards = np.zeros((20, ACTIONS))
    rewards[3, 1] = np.nan
    with pytest.raises(ValueError, match="gave 1 values that are not finite, first at row 3, action 1: nan"):
        ope.evaluate(log, TARGET[kind], "dr", rewards)


def test_obp_dictionary_there_and_back():
    log, _ = draw(50, 14)
    feedback = ope.to_obp(log)
    assert {"n_rounds", "n_actions", "context", "action", "position", "reward", "pscore"} <= set(feedback)
    back = ope.from_obp(feedback)
    np.testing.assert_array_equal(back.action, log.action)
    np.testing.assert_array_equal(back.propensity, log.propensity)
    with pytest.raises(ValueError, match=r"lacks \['reward'\]"):
        ope.from_obp({k: v for k, v in feedback.items() if k != "reward"})
    with pytest.raises(ValueError, match="'city'"):
        ope.to_obp(BanditLog(pd.DataFrame({"city": ["a"] * 50}), log.action, log.reward, None, ACTIONS))
