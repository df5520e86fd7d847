"""Policies made from scores and estimates keep the protocol and do what their equation says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalrec_lab import Estimate
from causalrec_lab.intervention import (
    EffectPolicy,
    EpsilonPolicy,
    FixedPolicy,
    GreedyPolicy,
    Policy,
    SoftmaxPolicy,
    TiltedPolicy,
)

CONTEXTS = np.zeros((5, 2))
BASE = FixedPolicy(np.array([0.5, 0.3, 0.2]))
EFFECTS = {"book": Estimate(0.05, 0.01), "toy": Estimate(0.02, 0.02)}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=3, max_size=3), st.floats(0.05, 5))
def test_every_policy_gives_distributions(scores, strength):
    s = np.array(scores)
    policies = [
        GreedyPolicy(s),
        SoftmaxPolicy(s, strength),
        EpsilonPolicy(GreedyPolicy(s), 0.2),
        TiltedPolicy(BASE, s, strength),
    ]
    for policy in policies:
        assert isinstance(policy, Policy)
        p = policy.probabilities(CONTEXTS)
        assert p.shape == (5, 3)
        assert (p >= 0).all()
        np.testing.assert_allclose(p.sum(axis=1), 1)


def test_greedy_takes_the_best_and_shares_ties():
    np.testing.assert_allclose(GreedyPolicy(np.array([1.0, 3.0, 3.0])).probabilities(CONTEXTS)[0], [0, 0.5, 0.5])
    by_context = GreedyPolicy(lambda contexts: np.eye(3)[np.arange(len(contexts)) % 3])
    np.testing.assert_allclose(by_context.probabilities(CONTEXTS), np.eye(3)[np.arange(5) % 3])


def test_tilting_leans_by_the_exponent_and_zero_gives_the_base_back():
    s = np.array([0.0, 1.0, 2.0])
    p = TiltedPolicy(BASE, s, 0.7).probabilities(CONTEXTS)[0]
    assert p[1] / p[0] == pytest.approx(0.3 / 0.5 * np.exp(0.7))
    np.testing.assert_allclose(TiltedPolicy(BASE, s, 0.0).probabilities(CONTEXTS), BASE.probabilities(CONTEXTS))
    assert TiltedPolicy(FixedPolicy(np.array([0.5, 0.5, 0.0])), s).probabilities(CONTEXTS)[0, 2] == 0


def test_an_effect_policy_leans_by_effect_less_caution_and_cost():
    groups = ["book", "toy", "book"]
    policy = EffectPolicy(BASE, EFFECTS, groups, strength=10, costs={"book": 0.01, "toy": 0.0}, caution=1.0)
    np.testing.assert_allclose(policy.scores(), [0.03, 0.0, 0.03])
    p, base = policy.probabilities(CONTEXTS)[0], BASE.distribution
    assert p[0] / p[1] == pytest.approx(base[0] / base[1] * np.exp(10 * 0.03))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SoftmaxPolicy(np.zeros(3), 0), "temperature=0"),
        (lambda: EpsilonPolicy(BASE, 1.2), "epsilon=1.2"),
        (lambda: EffectPolicy(BASE, EFFECTS, ["book", "toy", "pen"]), r"no estimate for the action groups \['pen'\]"),
        (
            lambda: EffectPolicy(BASE, EFFECTS, ["book", "toy", "toy"], costs={"book": 1.0}),
            "no cost for the action group 'toy'",
        ),
        (
            lambda: EffectPolicy(BASE, {"a": Estimate(1, np.nan, notes=("none",))}, ["a"] * 3, caution=1),
            "has no standard error",
        ),
        (lambda: GreedyPolicy(np.array([1.0, np.nan])).probabilities(CONTEXTS), "not finite"),
        (lambda: GreedyPolicy(np.zeros((2, 3))).probabilities(CONTEXTS), r"shape \(2, 3\)"),
        (
            lambda: TiltedPolicy(BASE, np.array([np.inf, 0, 0])).probabilities(CONTEXTS),
            "not finite",
        ),
    ],
)
def test_wrong_policies(make, message):
    with pytest.raises(ValueError, match=message):
        make()
