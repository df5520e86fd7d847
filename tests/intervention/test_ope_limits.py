"""Shrunken estimators meet the plain ones at the ends of their numbers, and follow the published formulas between."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalrec_lab.intervention import BanditLog, ope

ACTIONS = 6


def draw(n=400, seed=0, shift=0.0):
    rng = np.random.default_rng(seed)
    logging, target = rng.dirichlet(np.ones(ACTIONS), n) * 0.9 + 0.1 / ACTIONS, rng.dirichlet(np.ones(ACTIONS), n)
    action = (logging.cumsum(axis=1) < rng.uniform(size=(n, 1))).sum(axis=1).clip(max=ACTIONS - 1)
    log = BanditLog(
        rng.normal(size=(n, 2)), action, rng.normal(1, 1, n) + shift, logging[np.arange(n), action], ACTIONS
    )
    return log, target, logging, rng.normal(1, 0.5, size=(n, ACTIONS))


@pytest.mark.parametrize(
    ("method", "end", "plain"),
    [
        ("clipped", np.inf, "ips"),
        ("switch", np.inf, "dr"),
        ("switch", 0.0, "dm"),
        ("dros", np.inf, "dr"),
        ("dros", 0.0, "dm"),
    ],
)
def test_the_ends_of_the_number(method, end, plain):
    log, target, _, q = draw()
    model = None if method == "clipped" else q
    found = ope.evaluate(log, target, method, model, parameter=end)
    other = ope.evaluate(log, target, plain, model)
    assert found.value == pytest.approx(other.value, rel=1e-12)
    assert found.std_error == pytest.approx(other.std_error, rel=1e-12)


@pytest.mark.parametrize("number", [0.5, 2.0, 7.0])
def test_published_formulas(number):
    log, target, _, q = draw()
    rows = np.arange(len(log))
    w, direct = target[rows, log.action] / log.propensity, (target * q).sum(axis=1)
    residual = log.reward - q[rows, log.action]
    each = {
        "clipped": np.minimum(w, number) * log.reward,
        "switch": direct + w * (w <= number) * residual,
        "dros": direct + number * w / (w**2 + number) * residual,
    }
    for method, rewards in each.items():
        found = ope.evaluate(log, target, method, None if method == "clipped" else q, parameter=number)
        assert found.value == pytest.approx(rewards.mean(), rel=1e-12)
        assert found.std_error == pytest.approx(rewards.std(ddof=1) / np.sqrt(len(log)), rel=1e-12)


def test_an_embedding_for_each_action_gives_ips_back_exactly():
    log, target, logging, _ = draw()
    plain = ope.evaluate(log, target, "ips")
    for unique in (np.arange(ACTIONS), np.array(list("abcdef"))):
        found = ope.evaluate(log, target, "mips", embeddings=unique)  # not even the logging policy is needed
        assert (found.value, found.std_error) == (plain.value, plain.std_error)
    one = ope.evaluate(log, target, "mips", embeddings=np.zeros(ACTIONS, dtype=int), logging=logging)
    assert one.value == pytest.approx(log.reward.mean())


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(-20, 20), st.sampled_from(["dr", "sndr", "switch", "dros", "dm"]))
def test_modelled_values_follow_a_shift_of_reward_and_model(seed, shift, method):
    log, target, _, q = draw(100, seed)
    moved = BanditLog(log.contexts, log.action, log.reward + shift, log.propensity, ACTIONS)
    options = {"parameter": 3.0} if method in ("switch", "dros") else {}
    plain, found = (
        ope.evaluate(log, target, method, q, **options),
        ope.evaluate(moved, target, method, q + shift, **options),
    )
    assert found.value == pytest.approx(plain.value + shift, abs=1e-8)
    assert found.std_error == pytest.approx(plain.std_error, rel=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["clipped", "dros"]), st.floats(0.1, 50), st.floats(1.01, 10))
def test_less_shrinkage_is_nearer_to_the_unbiased_weights(seed, method, number, factor):
    log, target, _, q = draw(100, seed)
    model = None if method == "clipped" else q
    strong, weak = (
        ope.evaluate(log, target, method, model, parameter=c).diagnostics["max_weight"]
        for c in (number, number * factor)
    )
    assert strong <= weak + 1e-12


def test_single_precision_gives_the_same_without_a_copy():
    log, target, _, q = draw(5_000)
    plain = ope.evaluate(log, target, "dr", q)
    found = ope.evaluate(log, target.astype(np.float32), "dr", q.astype(np.float32))
    assert found.value == pytest.approx(plain.value, abs=1e-6)
    assert found.std_error == pytest.approx(plain.std_error, rel=1e-5)


def test_dr_needs_little_memory_beyond_its_input():
    import tracemalloc

    rng = np.random.default_rng(0)
    target = np.full((50_000, 40), 1 / 40, dtype=np.float32)
    log = BanditLog(rng.normal(size=(50_000, 1)), rng.integers(40, size=50_000), rng.uniform(size=50_000),
                    np.full(50_000, 1 / 40), 40)  # fmt: skip
    model = rng.uniform(size=target.shape).astype(np.float32)
    tracemalloc.start()
    ope.evaluate(log, target, "dr", model)
    extra = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert extra < model.nbytes  # no float64 copy of either matrix, which would take twice that


def test_a_number_for_a_method_that_has_none_and_a_bad_one_are_refused():
    log, target, _, q = draw()
    with pytest.raises(ValueError, match="'ips' has no number to choose"):
        ope.evaluate(log, target, "ips", parameter=3.0)
    with pytest.raises(ValueError, match=r"tau=-1\.0: give a number from 0 to infinity"):
        ope.evaluate(log, target, "switch", q, parameter=-1.0)
    with pytest.raises(ValueError, match="give a number, or a rule that chooses it: 'slope'"):
        ope.evaluate(log, target, "switch", q, parameter="best")
    with pytest.raises(ValueError, match=r"unknown method 'swich'.*did you mean 'switch'"):
        ope.evaluate(log, target, "swich")
    with pytest.raises(ValueError, match="interval='exact'; known are"):
        ope.evaluate(log, target, "ips", interval="exact")
