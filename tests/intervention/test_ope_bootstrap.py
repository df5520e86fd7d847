"""The bootstrap beside the analytic error it should agree with, plain, clustered and log by log."""

import numpy as np
import pytest

from causalrec_lab.intervention import BanditLog, ope

LOGGING, TARGET = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
WORTH = np.array([0.2, 0.5, 0.6])


def draw(n=800, seed=0):
    rng = np.random.default_rng(seed)
    action = rng.choice(3, n, p=LOGGING)
    log = BanditLog(np.zeros((n, 1)), action, rng.binomial(1, WORTH[action]), LOGGING[action], 3)
    return log, np.tile(TARGET, (n, 1)), np.tile(WORTH + 0.1, (n, 1))


@pytest.mark.parametrize("method", ["ips", "snips", "dm", "dr", "sndr"])
def test_it_agrees_with_the_analytic_error(method):
    log, target, model = draw()
    if method == "dm":
        model = model + np.random.default_rng(0).normal(size=model.shape)
    model = model if method in ("dm", "dr", "sndr") else None
    plain = ope.evaluate(log, target, method, model)
    found = ope.evaluate(log, target, method, model, interval="bootstrap", draws=4_000)
    assert found.value == plain.value
    assert found.std_error == pytest.approx(plain.std_error, rel=0.06)  # 4,000 draws know an error to 1.1 %
    assert found.low == pytest.approx(plain.low, abs=0.15 * plain.std_error)
    assert found.high == pytest.approx(plain.high, abs=0.15 * plain.std_error)


def test_clusters_are_drawn_whole():
    log, target, _ = draw()
    rows = np.repeat(np.arange(800), 4)
    again = log.take(rows)
    options = {"interval": "bootstrap", "draws": 3_000}
    clustered = ope.evaluate(again, target[rows], "snips", cluster=rows, **options)
    assert clustered.std_error == pytest.approx(ope.evaluate(log, target, "snips").std_error, rel=0.08)
    assert ope.evaluate(again, target[rows], "snips", **options).std_error < 0.6 * clustered.std_error


def test_clusters_of_unlike_size():
    log, target, _ = draw()
    cluster = np.random.default_rng(0).geometric(0.05, 800)
    plain = ope.evaluate(log, target, "snips", cluster=cluster)
    found = ope.evaluate(log, target, "snips", cluster=cluster, interval="bootstrap", draws=4_000)
    assert found.std_error == pytest.approx(plain.std_error, rel=0.15)


def test_several_logs_are_drawn_log_by_log():
    one, _, _ = draw(600, 1)
    two, _, _ = draw(200, 2)
    flat = np.full((800, 3), 1 / 3)
    policies = [np.tile(LOGGING, (800, 1)), np.tile(TARGET, (800, 1))]
    plain = ope.evaluate([one, two], flat, "ips", logging=policies)
    found = ope.evaluate([one, two], flat, "ips", logging=policies, interval="bootstrap", draws=4_000)
    assert found.std_error == pytest.approx(plain.std_error, rel=0.06)


def test_the_same_seed_gives_the_same_interval_and_bad_draws_are_refused():
    log, target, _ = draw()
    one, two, other = (ope.evaluate(log, target, "ips", interval="bootstrap", seed=s) for s in (1, 1, 2))
    assert one.interval == two.interval != other.interval
    with pytest.raises(ValueError, match="draws=1: a bootstrap needs"):
        ope.evaluate(log, target, "ips", interval="bootstrap", draws=1)
