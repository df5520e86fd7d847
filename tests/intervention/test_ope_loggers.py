"""Several logging policies: the balanced mixture, the weighted average, and what each needs."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.intervention import BanditLog, FixedPolicy, ope

WORTH = np.array([0.2, 0.5, 0.8])
POLICIES = [np.array([0.9, 0.08, 0.02]), np.array([0.05, 0.15, 0.8])]
TARGET = FixedPolicy(np.array([0.1, 0.1, 0.8]))
TRUTH = float(TARGET.distribution @ WORTH)
LOGGING = [FixedPolicy(p) for p in POLICIES]


def two_logs(seed, sizes=(1_500, 500)):
    rng = np.random.default_rng(seed)
    logs = []
    for p, n in zip(POLICIES, sizes, strict=True):
        action = rng.choice(3, n, p=p)
        logs.append(BanditLog(rng.normal(size=(n, 1)), action, rng.binomial(1, WORTH[action]), p[action], 3))
    return logs


def test_balanced_weighs_by_the_mixture():
    logs = two_logs(0)
    mixture = 0.75 * POLICIES[0] + 0.25 * POLICIES[1]
    action, reward = (np.concatenate([getattr(log, name) for log in logs]) for name in ("action", "reward"))
    found = ope.evaluate(logs, TARGET, "ips", logging=LOGGING)
    assert found.value == pytest.approx((TARGET.distribution[action] / mixture[action] * reward).mean(), rel=1e-12)
    given = ope.evaluate(logs, TARGET, "ips", propensity=mixture[action])
    assert given.value == found.value
    assert given.std_error == found.std_error
    assert found.n == 2_000
    assert "balanced over 2 logs" in found.method


def test_one_log_with_the_mixture_s_propensities_is_the_same_value():
    logs = two_logs(1)
    mixture = 0.75 * POLICIES[0] + 0.25 * POLICIES[1]
    action, reward = (np.concatenate([getattr(log, name) for log in logs]) for name in ("action", "reward"))
    whole = BanditLog(np.zeros((2_000, 1)), action, reward, mixture[action], 3)
    single, several = ope.evaluate(whole, TARGET, "ips"), ope.evaluate(logs, TARGET, "ips", logging=LOGGING)
    assert single.value == pytest.approx(several.value, rel=1e-12)
    assert several.std_error < single.std_error  # what differs between the logs was fixed beforehand


@pytest.mark.parametrize("method", ["ips", "snips", "dr", "clipped"])
def test_weighted_is_the_average_by_inverse_variance(method):
    logs = two_logs(2)
    options = {"parameter": 8.0} if method == "clipped" else {}
    model = np.tile(WORTH + 0.1, (2_000, 1)) if method == "dr" else None
    apart = [ope.evaluate(log, TARGET, method, None if model is None else model[: len(log)], **options) for log in logs]
    trust = np.array([e.std_error**-2.0 for e in apart])
    found = ope.evaluate(logs, TARGET, method, model, combine="weighted", **options)
    assert found.value == pytest.approx(trust @ [e.value for e in apart] / trust.sum(), rel=1e-10)
    assert found.std_error == pytest.approx(trust.sum() ** -0.5, rel=1e-10)
    assert any("carry" in note and "%" in note for note in found.notes)
    assert any("one log alone has an effective sample size of" in note for note in found.notes) == (method != "clipped")
    if method == "clipped":
        bias = trust @ [e.diagnostics["bias"] for e in apart] / trust.sum()
        assert found.diagnostics["bias"] == pytest.approx(bias, rel=1e-8)


def test_balanced_is_nearer_the_truth_than_naive_and_its_interval_holds():
    errors, covered = [], 0
    for seed in range(150):
        logs = two_logs(seed, (300, 100))
        naive, balanced = (
            ope.evaluate(logs, TARGET, "ips", logging=None if how == "naive" else LOGGING, combine=how)
            for how in ("naive", "balanced")
        )
        errors.append([naive.value - TRUTH, balanced.value - TRUTH])
        covered += balanced.covers(TRUTH)
    naive, balanced = (np.array(errors) ** 2).mean(axis=0)
    assert balanced < 0.3 * naive
    assert covered >= 127  # of 150 at 95 %, fewer by chance once in a million


def test_propensities_estimated_over_all_logs_are_those_of_the_mixture():
    logs = [replace(log, propensity=None) for log in two_logs(3, (3_000, 3_000))]
    found = ope.evaluate(logs, TARGET, "snips", propensity="estimate")
    assert found.value == pytest.approx(ope.evaluate(logs, TARGET, "snips", logging=LOGGING).value, abs=0.01)
    assert any("estimated by multinomial" in note for note in found.notes)


def test_clusters_count_in_the_weights_of_the_logs():
    logs = two_logs(6)
    doubled = [logs[0].take(np.repeat(np.arange(1_500), 2)), logs[1]]  # every round of the first log stands twice
    cluster = np.concatenate([np.repeat(np.arange(1_500), 2), np.arange(1_500, 2_000)])
    plain = ope.evaluate(logs, TARGET, "ips", combine="weighted")
    found = ope.evaluate(doubled, TARGET, "ips", combine="weighted", cluster=cluster)
    assert found.value == pytest.approx(plain.value, rel=1e-9)
    assert found.std_error == pytest.approx(plain.std_error, rel=0.02)
    by_log = np.repeat([0, 1], [1_500, 500])  # one cluster a log: nothing to tell them apart by
    assert ope.evaluate(logs, TARGET, "ips", combine="weighted", cluster=by_log).value == plain.value


@pytest.mark.parametrize("combine", ["balanced", "weighted", "naive"])
def test_the_direct_method_needs_no_propensities(combine):
    logs, model = two_logs(5), np.tile(WORTH, (2_000, 1))
    found = ope.evaluate(logs, TARGET, "dm", model, combine=combine)
    assert found.value == pytest.approx(TRUTH)
    bare = [replace(log, propensity=None) for log in logs]
    assert ope.evaluate(bare, TARGET, "dm", model, combine=combine).value == pytest.approx(TRUTH)


def test_what_is_missing_is_said():
    logs = two_logs(4)
    with pytest.raises(ValueError, match=r"combine='balanced' weighs by the mixture.*combine='weighted'"):
        ope.evaluate(logs, TARGET, "ips")
    with pytest.raises(ValueError, match="policy of each of the 2 logs"):
        ope.evaluate(logs, TARGET, "ips", logging=LOGGING[:1])
    with pytest.raises(ValueError, match="holds 2 policies for a single log"):
        ope.evaluate(logs[0], TARGET, "ips", logging=LOGGING)
    with pytest.raises(ValueError, match="combine='best'; known are"):
        ope.evaluate(logs, TARGET, "ips", combine="best")
    with pytest.raises(ValueError, match=r"have \[2, 3\] actions"):
        ope.evaluate([logs[0], BanditLog(np.zeros((2, 1)), [0, 1], [0, 1], None, 2)], TARGET)
    with pytest.raises(ValueError, match="no logs to evaluate on"):
        ope.evaluate([], TARGET)
    frame = replace(logs[0], contexts=pd.DataFrame({"x": np.zeros(1_500)}))
    with pytest.raises(ValueError, match="some logs have contexts in a DataFrame"):
        ope.evaluate([frame, logs[1]], TARGET, logging=LOGGING)
