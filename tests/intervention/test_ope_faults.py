"""Logs that deceive: no overlap, one false propensity, no reward at all, few clusters, shifted rewards."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.intervention import BanditLog, UniformPolicy, ope

ACTIONS = 4


def fixed_log(n=400, seed=0):
    """A rule that always takes the same action in a context: every propensity is 1, every action is logged."""
    X = np.random.default_rng(seed).normal(size=(n, 2))
    action = (X[:, 0] > 0).astype(int) + 2 * (X[:, 1] > 0)
    return BanditLog(X, action, np.random.default_rng(seed + 1).binomial(1, 0.4, n), np.ones(n), ACTIONS)


def draw(n=4_000, seed=0, spread=1.0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    both = [np.exp(spread * X @ np.random.default_rng(k).normal(size=(2, ACTIONS))) for k in (1, 2)]
    logging, target = (p / p.sum(axis=1, keepdims=True) for p in both)
    action = (logging.cumsum(axis=1) < rng.uniform(size=(n, 1))).sum(axis=1).clip(max=ACTIONS - 1)
    reward = rng.binomial(1, 0.2 + 0.15 * action).astype(float)
    return BanditLog(X, action, reward, logging[np.arange(n), action], ACTIONS), target, logging


@pytest.mark.parametrize("method", ["ips", "snips", "dr"])
def test_a_rule_that_never_varied_cannot_tell_what_else_it_might_have_done(method):
    log = fixed_log()
    found = ope.evaluate(log, UniformPolicy(ACTIONS), method)  # all weights are 1/4, so that they do not vary at all
    assert any("weights average 0.25 where right propensities give 1" in note for note in found.notes)
    told = ope.evaluate(log, UniformPolicy(ACTIONS), method, logging=np.eye(ACTIONS)[log.action])
    assert told.diagnostics["unsupported_mass"] == pytest.approx(0.75)
    assert any("75.0% of the policy's choices are actions the log never took in that context" in n for n in told.notes)


def test_no_overlap_at_all():
    log = fixed_log()
    other = np.eye(ACTIONS)[(log.action + 1) % ACTIONS]
    found = ope.evaluate(log, other, "ips")
    assert found.value == 0
    assert any("weights average 0 where" in note and "far beyond chance" in note for note in found.notes)
    same = ope.evaluate(log, np.eye(ACTIONS)[log.action], "ips")
    assert same.value == pytest.approx(log.reward.mean())
    assert not any("warning" in note for note in same.notes)
    kinds = np.array([0, 0, 1, 1])
    clusters = ope.evaluate(log, other, "mips", embeddings=kinds, logging=np.eye(ACTIONS)[log.action])
    lost = (kinds[log.action] != kinds[(log.action + 1) % ACTIONS]).mean()
    assert clusters.diagnostics["unsupported_mass"] == pytest.approx(lost)
    assert clusters.diagnostics["mean_weight"] == pytest.approx(1 - lost)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_factor_on_one_action_is_seen_from_the_weights_alone(factor):
    log, target, _ = draw()
    favourite = int(target.mean(axis=0).argmax())
    p = np.where(log.action == favourite, np.minimum(log.propensity * factor, 1), log.propensity)
    notes = ope.evaluate(replace(log, propensity=p), target, "ips").notes
    assert any("warning" in n and ("add up" in n or "average" in n or "do not fit" in n) for n in notes)


def test_a_doubled_propensity_of_an_action_of_small_weight_is_named():
    rng, chances = np.random.default_rng(0), np.array([0.1, 0.3, 0.3, 0.3])
    action = rng.choice(ACTIONS, 20_000, p=chances)
    log = BanditLog(np.zeros((20_000, 1)), action, rng.uniform(size=20_000), chances[action], ACTIONS)
    target = np.tile([0.02, 0.18, 0.4, 0.4], (20_000, 1))
    doubled = replace(log, propensity=np.where(action == 0, 0.2, log.propensity))
    found = ope.evaluate(doubled, target, "ips")
    assert found.diagnostics["balance_ratio"] == pytest.approx(0.5, abs=0.05)
    assert any("the weights of 1 actions do not add up" in n and "(action 0: to 0." in n for n in found.notes)
    assert not any("warning" in n for n in ope.evaluate(log, target, "ips").notes)


def test_right_propensities_are_not_accused():
    accused = 0
    for seed in range(60):
        log, target, _ = draw(600, seed, spread=1.5)
        accused += any("propensities" in note for note in ope.evaluate(log, target, "ips").notes)
    assert accused <= 3  # each errs about once in a thousand


def test_rare_actions_not_logged_yet_are_no_false_propensities():
    accused = 0
    for seed in range(20):  # 300 actions, 300 rounds: a third is never logged, though all were on offer
        rng = np.random.default_rng(seed)
        log = BanditLog(np.zeros((300, 1)), rng.integers(300, size=300), rng.uniform(size=300), np.full(300, 1 / 300),
                        300)  # fmt: skip
        accused += any("are not those of the logging" in n for n in ope.evaluate(log, UniformPolicy(300), "ips").notes)
    assert accused == 0


def test_no_reward_at_all_is_ignorance_not_certainty():
    log, target, _ = draw(600)
    for method in ("ips", "snips", "dr", "clipped"):
        found = ope.evaluate(replace(log, reward=np.zeros(600)), target, method)
        assert (found.value, found.std_error) == (0, 0)
        assert any("that is ignorance, not certainty" in note for note in found.notes)
    assert not any("ignorance" in note for note in ope.evaluate(log, target, "ips").notes)


@pytest.mark.parametrize("method", ["dm", "dr", "sndr", "switch", "dros"])
@pytest.mark.parametrize("shift", [1e6, -300.0])
def test_a_shift_of_all_rewards_shifts_what_a_fitted_model_says(method, shift):
    log, target, _ = draw(800)
    plain, moved = (ope.evaluate(replace(log, reward=log.reward + s), target, method) for s in (0.0, shift))
    assert moved.value - shift == pytest.approx(plain.value, abs=1e-7)
    assert moved.std_error == pytest.approx(plain.std_error, rel=1e-4)


def test_few_clusters_are_read_by_student_s_t():
    from scipy import stats

    log, target, _ = draw(600)
    for clusters in (2, 5, 150):
        found = ope.evaluate(log, target, "ips", cluster=np.arange(600) % clusters)
        wide = stats.t.ppf(0.975, clusters - 1) * found.std_error
        assert found.high - found.value == pytest.approx(wide)
        assert any("to know it well" in note for note in found.notes) == (clusters < 20)


def test_the_interval_over_few_clusters_covers():
    inside = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        user = np.repeat(np.arange(6), 20)
        reward = rng.normal(size=6)[user] + rng.normal(size=120)
        log = BanditLog(np.zeros((120, 1)), rng.integers(2, size=120), reward, np.full(120, 0.5), 2)
        inside += ope.evaluate(log, np.tile([0.6, 0.4], (120, 1)), "ips", cluster=user).covers(0.0)
    assert inside >= 265  # 95 % of 300 but for one chance in a million; z in the place of t covers nine in ten


def test_rounds_of_a_cluster_share_a_fold():
    log, target, _ = draw(120)
    rows = np.repeat(np.arange(120), 8)
    again = log.take(rows)
    held = ope.cross_fitted_rewards(again, groups=rows)
    labels = np.random.default_rng(0).permutation(np.arange(120) % 5)
    test = labels[rows] == 2
    by_hand = ope.RewardModel.fit(again.take(~test), 0).predict(again.contexts[test])
    np.testing.assert_allclose(held[test], by_hand)
    found = ope.evaluate(again, target[rows], "dr", cluster=rows)
    assert found.value == ope.evaluate(again, target[rows], "dr", held, cluster=rows).value
    with pytest.raises(ValueError, match="folds=5; give a number between 2 and the 3 clusters"):
        ope.evaluate(log, target, "dr", cluster=np.arange(120) % 3)


def test_estimated_propensities_do_better_than_the_true_ones_not_worse():
    errors, covered = [], 0
    for seed in range(80):
        log, target, _ = draw(400, seed)
        truth = float((target * (0.2 + 0.15 * np.arange(ACTIONS))).sum(axis=1).mean())
        found = ope.evaluate(replace(log, propensity=None), target, "ips", propensity="estimate")
        errors.append([found.value - truth, ope.evaluate(log, target, "ips").value - truth])
        covered += found.covers(truth)
    estimated, true = np.sqrt((np.array(errors) ** 2).mean(axis=0))
    assert estimated < true
    assert covered >= 64  # of 80 at 95 %, fewer by chance less than once in a million


def test_the_bias_bound_counts_clusters():
    log, target, _ = draw(300)
    rows = np.repeat(np.arange(300), 5)
    once, again = (
        ope.evaluate(one, pi, "clipped", parameter=1.0, cluster=c).diagnostics["bias_bound"]
        for one, pi, c in ((log, target, None), (log.take(rows), target[rows], rows))
    )
    assert again == pytest.approx(once, rel=1e-9)


@pytest.mark.parametrize("method", ["clipped", "switch", "dros", "mips"])
def test_rounds_written_twice_in_their_cluster_change_no_choice(method):
    log, target, logging = draw(500, 5)
    rows = np.repeat(np.arange(500), 3)
    own = {"embeddings": np.array([0, 0, 1, 2])} if method == "mips" else {}
    own |= {"reward_model": np.full((500, ACTIONS), 0.3)} if method in ("switch", "dros") else {}
    thrice = own | ({"reward_model": np.full((1_500, ACTIONS), 0.3)} if "reward_model" in own else {})
    once = ope.evaluate(log, target, method, logging=logging, **own)
    again = ope.evaluate(log.take(rows), target[rows], method, logging=logging[rows], cluster=rows, **thrice)
    assert again.diagnostics["parameter"] == once.diagnostics["parameter"]
    assert again.value == pytest.approx(once.value, rel=1e-12)
    assert again.std_error == pytest.approx(once.std_error, rel=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"policy": [[0.25] * 4] * 60}, "a policy is something with .probabilities"),
        ({"log": pd.DataFrame({"a": [1]})}, "log= is a BanditLog or a list of them, not DataFrame"),
        ({"propensity": 0.25}, r"propensity= has shape \(\); give one value a round, shape \(60,\)"),
        ({"reward_model": len, "method": "dr"}, "reward_model= is a builtin_function_or_method"),
        ({"level": 1.5, "interval": "bootstrap"}, "level=1.5 is no confidence level"),
        ({"method": "dr", "folds": 60, "log": "short"}, "leave 9 to fit a reward model on, which needs 10"),
        ({"method": "mips", "embeddings": [0, 0, 1, 1], "parameter": 3}, "embeddings= are labels, 2 clusters of them"),
        ({"method": "mips", "embeddings": np.eye(4), "parameter": 2.5}, "parameter=2.5 clusters; give a whole number"),
    ],
)
def test_messages_name_the_thing(change, message):
    log, target, logging = draw(60)
    options = {"log": log, "policy": target, "method": "ips", "logging": logging} | change
    if isinstance(options["log"], str):
        options |= {"log": log.take(np.arange(10)), "policy": target[:10], "logging": None, "folds": 10}
    with pytest.raises(ValueError, match=message):
        ope.evaluate(**options)


def test_logs_of_different_columns_are_refused():
    log, target, _ = draw(60)
    wider = replace(log, contexts=np.zeros((60, 3)))
    with pytest.raises(ValueError, match="contexts with different columns: 2, 3"):
        ope.evaluate([log, wider], np.vstack([target, target]), "ips", combine="weighted")
    one, two = (replace(log, contexts=pd.DataFrame(log.contexts, columns=names)) for names in (["a", "b"], ["a", "c"]))
    with pytest.raises(ValueError, match=r"\('a', 'b'\), \('a', 'c'\)"):
        ope.evaluate([one, two], np.vstack([target, target]), "ips", combine="weighted")


def test_lists_too_are_refused_half_numbers_and_few_users():
    rng = np.random.default_rng(0)
    action = np.array([rng.permutation(5)[:3] for _ in range(60)])
    for wrong in (action + 0.5, np.where(action == 2, np.nan, action)):
        with pytest.raises(ValueError, match="values that are no item numbers, first in list 0"):
            ope.SlateLog(np.zeros((60, 1)), wrong, np.zeros((60, 3)), 5)
    flat, users = np.full((60, 5), 0.2), np.arange(60) % 4
    log = ope.SlateLog(np.zeros((60, 1)), action, rng.binomial(1, 0.3, (60, 3)), 5, user=users)
    plain, few = (ope.slate(log, flat, logging=flat, cluster=how) for how in (None, "user"))
    assert any("rests on 4 clusters" in note for note in few.notes)
    assert (few.high - few.low) / few.std_error == pytest.approx(2 * 3.182446, rel=1e-5)  # t, 3 degrees of freedom
    assert (plain.high - plain.low) / plain.std_error == pytest.approx(2 * 1.959964, rel=1e-5)
