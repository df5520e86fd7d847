"""Policy, BanditLog and the checks on what a policy returns."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.policy import BanditLog, FixedPolicy, Policy, UniformPolicy, checked_probabilities


def log(**changes: object) -> BanditLog:
    values = {
        "contexts": np.zeros((3, 2)),
        "action": np.array([0, 1, 2]),
        "reward": np.array([0.0, 1.0, 0.5]),
        "propensity": np.array([0.5, 1.0, 0.1]),
        "n_actions": 3,
    }
    return BanditLog(**(values | changes))


def test_uniform_and_fixed_policies_keep_the_protocol() -> None:
    for policy in (UniformPolicy(4), FixedPolicy(np.full(4, 0.25))):
        assert isinstance(policy, Policy)
        np.testing.assert_allclose(checked_probabilities(policy.probabilities(np.zeros(5)), n=5, n_actions=4), 0.25)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        ([[0.5, 0.6]], r"row 0 with sum 1\.1"),
        ([[1.0, 0.0], [1.5, -0.5]], r"row 1, action 1: -0\.5"),
        ([[0.5, np.nan]], "row 0, action 1: nan"),
        ([0.5, 0.5], r"shape \(2,\)"),
    ],
)
def test_bad_probabilities_are_named(array: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        checked_probabilities(array)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"propensity": np.array([0.5, 1.7, 0.1])}, r"propensity has 1 bad values, first at row 1: 1\.7; .*\(0, 1\]"),
        ({"propensity": np.array([0.5, 0.0, 0.1])}, "first at row 1"),
        ({"action": np.array([0, 3, 1])}, r"action has 1 bad values, first at row 1: 3; actions are in \[0, 3\)"),
        ({"action": [1, 0.9, 1.9]}, r"action has 2 bad values, first at row 1: 0\.9; action holds whole numbers"),
        ({"action": np.array([1, None, 2], dtype=object)}, "action has 1 bad values, first at row 1: nan"),
        ({"position": [1, 2, 2.5]}, r"position has 1 bad values, first at row 2: 2\.5"),
        ({"reward": np.array([0.0, np.nan, 1.0])}, "reward has 1 bad values"),
        ({"reward": np.array([0.0, 1.0])}, "differ in length"),
        ({"position": np.array([1])}, "differ in length"),
    ],
)
def test_bad_logs_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        log(**changes)


def test_floats_that_are_whole_are_actions() -> None:
    assert log(action=[2.0, 0.0, 1.0]).action.tolist() == [2, 0, 1]


@pytest.mark.parametrize("contexts", [np.arange(6.0).reshape(3, 2), pd.DataFrame({"a": [1, 2, 3]}, index=[7, 8, 9])])
def test_take_selects_rounds(contexts: object) -> None:
    whole = log(contexts=contexts, position=np.array([1, 2, 3]))
    for rows in (np.array([2, 0]), np.array([True, False, True])):
        part = whole.take(rows)
        assert len(part) == 2
        np.testing.assert_array_equal(part.action, whole.action[rows])
        np.testing.assert_array_equal(part.position, whole.position[rows])
        np.testing.assert_array_equal(np.asarray(part.contexts), np.asarray(whole.contexts)[rows])
