"""Wrong input: the thing, the value and the way out are in the message."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.policy import UniformPolicy
from causalrec_lab.world import Platform


@pytest.fixture(scope="module")
def platform():
    return Platform.make(seed=0, n_users=50, n_items=20)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"scenario": "ecomerce"}, ValueError, "'ecomerce' is unknown; did you mean ecommerce"),
        ({"confouding": 1.0}, TypeError, "no dial 'confouding'; did you mean confounding"),
        ({"text_r2": 0.99}, ValueError, r"text_r2=0.99 is outside \[0, 0.95\].*never tell all"),
        ({"overlap": 0}, ValueError, r"overlap=0 is outside \[0.1, 1\]"),
        ({"n_users": 1}, ValueError, "n_users=1 is outside"),
        ({"n_items": 20.5}, ValueError, "n_items=20.5 is a count"),
        ({"confounding": "high"}, ValueError, "confounding='high'"),
        ({"confounding": float("nan")}, ValueError, "confounding=nan"),
        ({"base_rate": "comon"}, ValueError, "base_rate='comon'.*did you mean common"),
        ({"seed": -1}, ValueError, "seed=-1"),
    ],
)
def test_platform_dials(arguments, error, message):
    with pytest.raises(error, match=message):
        Platform.make(**arguments)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: p.log(0), "n=0: give a whole number of at least 1"),
        (lambda p: p.log(2.5), "n=2.5"),
        (lambda p: p.log(21, pairs="once"), "n=21 needs as many of each.*50 users and 20 items.*n_items=21"),
        (lambda p: p.log(5, pairs="twice"), "pairs='twice'.*'iid' or 'once'"),
        (lambda p: p.log(5, propensity="true"), "propensity='true'.*'auto', 'nominal' or None"),
        (lambda p: p.truth.ate("purchases"), "outcome 'purchases' is unknown.*purchase"),
        (lambda p: p.truth.ate("click", over="log"), "over='log'.*'population'"),
        (lambda p: p.truth.cate("categorie"), "'categorie'.*category"),
        (lambda p: p.truth.propensity(pd.DataFrame({"item_id": [1]})), "'user_id' is missing"),
        (
            lambda p: p.truth.text_oracle(pd.DataFrame({"user_id": [1, 99], "item_id": [1, 1]})),
            "'user_id' has 1 ids.*row 1: 99.*0 to 49",
        ),
        (lambda p: p.truth.best_policy(21), "k=21.*catalogue of 20"),
        (lambda p: p.truth.policy_value(UniformPolicy(19)), r"shape \(50, 19\)"),
        (lambda p: p.logging_policy(0), "temperature=0"),
        (lambda p: p.slates(p.logging_policy(), 5, reward="clic"), "'clic'.*click"),
        (lambda p: p.slates(p.logging_policy(), 5, length=0), "length=0"),
        (lambda p: p.slates(p.truth.best_policy(2), 5, length=3), "length=3.*only 2 items"),
        (lambda p: p.slates(p.logging_policy(), -1), "n=-1"),
        (lambda p: p.experiment({"a": UniformPolicy(20)}, 10), "at least two arms"),
        (lambda p: p.experiment(dict.fromkeys("ab", UniformPolicy(20)), 51), "n=51 users.*has 50.*n_users=51"),
        (
            lambda p: p.experiment(dict.fromkeys("ab", UniformPolicy(20)), 9, shares={"a": 1.0}),
            r"shares are for \['a'\], the arms are \['a', 'b'\]",
        ),
        (
            lambda p: p.experiment(dict.fromkeys("ab", UniformPolicy(20)), 9, shares={"a": 0.9, "b": 0.9}),
            "sum to 1",
        ),
        (lambda p: p.text_features(p.log(5).decisions, kind="bert"), "kind='bert'"),
    ],
)
def test_calls(platform, call, message):
    with pytest.raises(ValueError, match=message):
        call(platform)


def test_an_irrelevant_lottery_has_no_compliers():
    with pytest.raises(ValueError, match="instrument=0"):
        Platform.make(n_users=10, n_items=10, instrument=0.0).truth.late()


def test_policies_see_contexts_by_user_id_in_any_order(platform):
    policy, contexts = platform.logging_policy(), platform.contexts()
    turned = contexts.iloc[::-1]
    np.testing.assert_array_equal(policy.probabilities(turned), policy.probabilities(contexts)[::-1])
    with pytest.raises(ValueError, match="user_id"):
        policy.probabilities(contexts.drop(columns="user_id"))
