"""Coverage of policy values and of experiments with CUPED, in exact binomial bands (p < 1e-6)."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from causalrec_lab.intervention import BanditLog, experiment, ope

REPLICATIONS, ROUNDS, ACTIONS = 200, 3_000, 6
LOW, HIGH = binom.ppf([5e-7, 1 - 5e-7], REPLICATIONS, 0.95)


def softmax(logits):
    lifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return lifted / lifted.sum(axis=1, keepdims=True)


def rewards(X):
    slopes = np.random.default_rng(1).uniform(-1, 1, size=(X.shape[1], ACTIONS))
    return 1 / (1 + np.exp(-(X @ slopes - 0.5)))


def draw(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(ROUNDS, 3))
    q = rewards(X)
    logging, target = softmax(-1.5 * q), softmax(3 * q)
    action = (logging.cumsum(axis=1) < rng.uniform(size=(ROUNDS, 1))).sum(axis=1).clip(max=ACTIONS - 1)
    chosen = np.arange(ROUNDS), action
    reward = (rng.uniform(size=ROUNDS) < q[chosen]).astype(float)
    return BanditLog(X, action, reward, logging[chosen], ACTIONS), target


@pytest.fixture(scope="module")
def truth():
    q = rewards(np.random.default_rng(99).normal(size=(1_000_000, 3)))
    return float((softmax(3 * q) * q).sum(axis=1).mean())


def test_intervals_of_the_unbiased_methods_cover_the_policys_value(truth):
    covered = dict.fromkeys(("ips", "snips", "dr", "sndr"), 0)
    for seed in range(REPLICATIONS):
        log, target = draw(seed)
        model = ope.cross_fitted_rewards(log, seed=seed)
        for method in covered:
            covered[method] += ope.evaluate(log, target, method, model).covers(truth)
    assert all(LOW <= count <= HIGH for count in covered.values()), covered


def test_choosing_the_best_of_many_policies_on_one_log_overstates_it(truth):
    """The winner's curse, and its cure: read the best policy's value from a log that did not choose it."""
    overstated, held_out = [], []
    for seed in range(60):
        (log, _), (other, _) = draw(seed), draw(10_000 + seed)
        rng = np.random.default_rng(seed)
        equals = [rng.permutation(ACTIONS) for _ in range(20)]  # a policy: action k for the k-th sixth of the users

        def probabilities(contexts, order):
            band = np.searchsorted([-0.97, -0.43, 0.0, 0.43, 0.97], contexts[:, 0])
            return np.eye(ACTIONS)[order[band]]

        values = [ope.evaluate(log, probabilities(log.contexts, order), "snips").value for order in equals]
        best = equals[int(np.argmax(values))]
        far = np.random.default_rng(5).normal(size=(50_000, 3))
        value = float((probabilities(far, best) * rewards(far)).sum(axis=1).mean())
        overstated.append(max(values) - value)
        held_out.append(ope.evaluate(other, probabilities(other.contexts, best), "snips").value - value)
    assert np.mean(overstated) > 5 * np.std(overstated) / np.sqrt(60)
    assert abs(np.mean(held_out)) < 4 * np.std(held_out) / np.sqrt(60)


@pytest.mark.parametrize("cuped", [None, "before"])
def test_experiments_cover_their_effect_with_and_without_cuped(cuped):
    covered = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        before = rng.poisson(2.0, size=600)
        arm = np.where(rng.uniform(size=600) < 0.3, "boost", "control")
        sales = (rng.uniform(size=600) < 0.2 + 0.05 * before.clip(max=6) + 0.1 * (arm == "boost")).astype(float)
        frame = pd.DataFrame({"arm": arm, "before": before, "sales": sales})
        covered += experiment.analyse(frame, "sales", cuped=cuped, shares={"boost": 0.3, "control": 0.7})[
            "boost"
        ].covers(0.1)
    low, high = binom.ppf([5e-7, 1 - 5e-7], 400, 0.95)
    assert low <= covered <= high


def test_the_sample_ratio_check_finds_a_loss_of_seven_in_a_hundred_and_seldom_cries_wolf():
    rng = np.random.default_rng(3)
    even, lost = rng.binomial(20_000, 0.5, size=2_000), rng.binomial(20_000, 0.465 / 0.965, size=2_000)
    false_alarms, found = (sum(experiment.srm([a, 20_000 - a]).mismatch for a in counts) for counts in (even, lost))
    assert false_alarms <= binom.ppf(1 - 1e-6, 2_000, 0.001)
    assert found >= 0.9 * 2_000
