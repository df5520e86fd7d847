"""Expectations of every estimator over all logs there could be, against what theory says of them."""

import itertools

import numpy as np
import pytest

from causalrec_lab.intervention import BanditLog, ope

LOGGING = np.array([[0.6, 0.3, 0.1], [0.2, 0.3, 0.5]])  # by context
TARGET = np.array([[0.1, 0.3, 0.6], [0.5, 0.4, 0.1]])
REWARDS = np.array([[0.2, 0.5, 0.9], [0.7, 0.3, 0.4]])
MODEL = np.array([[0.4, 0.4, 0.6], [0.6, 0.2, 0.2]])  # a wrong one
CONTEXTS = np.array([0.25, 0.75])
WEIGHTS = TARGET / LOGGING
TRUTH = float(CONTEXTS @ (TARGET * REWARDS).sum(axis=1))
CLUSTERS = np.array([0, 1, 1])
ROUNDS = [
    (x, a, r, CONTEXTS[x] * LOGGING[x, a] * (REWARDS[x, a] if r else 1 - REWARDS[x, a]))
    for x, a, r in itertools.product(range(2), range(3), range(2))
]


def every_log(n=2):
    """(chance, log, context kinds) of all logs of n rounds."""
    for rounds in itertools.product(ROUNDS, repeat=n):
        kind, action, reward = (np.array(column) for column in list(zip(*rounds, strict=True))[:3])
        yield (
            np.prod([r[3] for r in rounds]),
            BanditLog(kind[:, None].astype(float), action, reward, LOGGING[kind, action], 3),
            kind,
        )


def moments(method, **options):
    """Mean and variance of the value, mean of the squared standard error and of the estimated bias, over all logs."""
    found = []
    for chance, log, kind in every_log():
        model = MODEL[kind] if method in ("dm", "dr", "sndr", "switch", "dros") else None
        logging = LOGGING[kind] if method == "mips" else None
        e = ope.evaluate(log, TARGET[kind], method, model, logging=logging, **options)
        found.append((chance, e.value, e.std_error**2, e.diagnostics.get("bias", np.nan)))
    chance, value, square, bias = np.array(found).T
    mean = chance @ value
    return mean, chance @ (value - mean) ** 2, chance @ square, chance @ bias


def shrunken_mean(weights, model=None):
    """Exact expectation of a linear estimator with these weights."""
    q = np.zeros_like(REWARDS) if model is None else model
    direct = (TARGET * q).sum(axis=1)
    return float(CONTEXTS @ (direct + (LOGGING * weights * (REWARDS - q)).sum(axis=1)))


@pytest.mark.parametrize("method", ["ips", "dr"])
def test_unbiased_estimators_have_the_truth_as_mean_and_their_variance_as_mean_square_error(method):
    mean, variance, square, _ = moments(method)
    assert mean == pytest.approx(TRUTH, abs=1e-12)
    assert square == pytest.approx(variance, rel=1e-10)


CLUSTER_WEIGHTS = np.column_stack([WEIGHTS[:, 0]] + [TARGET[:, 1:].sum(axis=1) / LOGGING[:, 1:].sum(axis=1)] * 2)


@pytest.mark.parametrize(
    ("method", "options", "weights", "model"),
    [
        ("clipped", {"parameter": 1.5}, np.minimum(WEIGHTS, 1.5), None),
        ("dm", {}, np.zeros_like(WEIGHTS), MODEL),
        ("switch", {"parameter": 2.0}, np.where(WEIGHTS <= 2.0, WEIGHTS, 0), MODEL),
        ("dros", {"parameter": 3.0}, 3 * WEIGHTS / (WEIGHTS**2 + 3), MODEL),
        ("mips", {"embeddings": CLUSTERS}, CLUSTER_WEIGHTS, None),
    ],
)
def test_biased_estimators_have_their_published_mean_and_say_their_bias(method, options, weights, model):
    mean, variance, square, bias = moments(method, **options)
    expected = shrunken_mean(weights, model)
    assert mean == pytest.approx(expected, abs=1e-12)
    assert abs(expected - TRUTH) > 0.02
    assert square == pytest.approx(variance, rel=1e-10)
    assert bias == pytest.approx(expected - TRUTH, abs=1e-12)  # the estimate of the bias is itself unbiased


def test_the_bias_from_direct_effects_is_the_one_of_the_formula():
    rows = np.repeat([0, 1], [1, 3])  # contexts in their shares
    found = ope.direct_effect_bias(TARGET[rows], LOGGING[rows], REWARDS[rows], CLUSTERS)
    assert found == pytest.approx(shrunken_mean(CLUSTER_WEIGHTS) - TRUTH, abs=1e-12)
    alike = REWARDS[:, [0, 1, 1]]  # actions 1 and 2 earn alike: no direct effect
    assert ope.direct_effect_bias(TARGET[rows], LOGGING[rows], alike[rows], CLUSTERS) == pytest.approx(0, abs=1e-12)
    assert ope.direct_effect_bias(TARGET[rows], LOGGING[rows], REWARDS[rows], np.arange(3)) == pytest.approx(0)


def two_logs():
    """All pairs of two-round logs of two policies in a world of one context and two actions."""
    chances, worth = np.array([[0.8, 0.2], [0.3, 0.7]]), np.array([0.3, 0.6])
    one = [
        [(a, r, p[a] * (worth[a] if r else 1 - worth[a])) for a, r in itertools.product(range(2), range(2))]
        for p in chances
    ]
    for rounds in itertools.product(one[0], one[0], one[1], one[1]):
        action, reward, chance = (np.array(column) for column in zip(*rounds, strict=True))
        logs = [
            BanditLog(np.zeros((2, 1)), action[own], reward[own], chances[k, action[own]], 2)
            for k, own in enumerate((slice(0, 2), slice(2, 4)))
        ]
        yield np.prod(chance), logs, [np.tile(p, (4, 1)) for p in chances]


@pytest.mark.parametrize(("method", "combine"), [("ips", "balanced"), ("dr", "balanced"), ("ips", "naive")])
def test_several_loggers_are_unbiased_with_the_variance_of_rounds_drawn_log_by_log(method, combine):
    target, model = np.tile([0.25, 0.75], (4, 1)), np.tile([0.1, 0.9], (4, 1))
    found = []
    for chance, logs, logging in two_logs():
        e = ope.evaluate(
            logs, target, method, model if method == "dr" else None,
            logging=logging if combine == "balanced" else None, combine=combine,
        )  # fmt: skip
        found.append((chance, e.value, e.std_error**2))
    chance, value, square = np.array(found).T
    assert chance @ value == pytest.approx(0.25 * 0.3 + 0.75 * 0.6, abs=1e-12)
    assert chance @ square == pytest.approx(chance @ (value - chance @ value) ** 2, rel=1e-10)
