"""Estimates do not depend on row order, units or offsets; what cannot be read as a number is refused."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.causal import effects

ESTIMATORS = {
    "regression": lambda *a, **k: effects.regression(*a, nuisance="spline", **k),
    "ipw": effects.ipw,
    "aipw": effects.aipw,
}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 4_000
    age = rng.integers(18, 80, n).astype(float)
    x = rng.normal(size=n)
    strength = ((age - 49) / 18) ** 2
    t = (rng.uniform(size=n) < 1 / (1 + np.exp(1 - strength - 0.5 * x))).astype(int)
    return pd.DataFrame({"age": age, "x": x, "t": t, "y": t + 2 * strength + x + rng.normal(size=n)})


@pytest.mark.parametrize("name", ESTIMATORS)
def test_row_order_changes_no_estimate_beyond_its_folds(frame, name):
    estimate = ESTIMATORS[name]
    as_it_is = estimate(frame, "t", "y", ["age", "x"])
    ordered = estimate(frame.sort_values("age"), "t", "y", ["age", "x"])
    assert abs(as_it_is.value - 1.0) < 0.15  # without its splines it is off by more than 1
    assert abs(ordered.value - as_it_is.value) < 0.5 * as_it_is.std_error
    assert ordered.std_error == pytest.approx(as_it_is.std_error, rel=0.1)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize(("unit", "offset"), [(1e-9, 0.0), (5.0, 1.7e9), (1e200, 0.0)])
def test_units_and_offsets_of_a_covariate_change_nothing(frame, name, unit, offset):
    estimate = ESTIMATORS[name]
    plain = estimate(frame, "t", "y", ["age", "x"])
    moved = estimate(frame.assign(x=offset + unit * frame["x"]), "t", "y", ["age", "x"])
    assert moved.value == pytest.approx(plain.value, abs=1e-4)
    assert moved.diagnostics["max_smd_after"] == pytest.approx(plain.diagnostics["max_smd_after"], abs=1e-4)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("offset", [1e6, 1e9])
def test_a_constant_added_to_the_outcome_changes_no_effect(frame, name, offset):
    estimate = ESTIMATORS[name]
    plain = estimate(frame, "t", "y", ["age", "x"])
    moved = estimate(frame.assign(y=frame["y"] + offset), "t", "y", ["age", "x"])
    assert (moved.value, moved.std_error) == pytest.approx((plain.value, plain.std_error), abs=1e-5)


def test_a_constant_covariate_is_dropped_and_does_no_harm(frame):
    plain = effects.aipw(frame, "t", "y", ["age", "x"])
    with_constant = effects.aipw(frame.assign(one=0.1 + 0.2), "t", "y", ["age", "x", "one"])
    assert with_constant.value == pytest.approx(plain.value, abs=1e-6)


def test_times_are_no_outcomes(frame):
    times = frame.assign(y=pd.date_range("2020", periods=len(frame)))
    with pytest.raises(ValueError, match=r"column 'y' holds times .* in a unit of your choice"):
        effects.naive(times, "t", "y")


def test_a_column_that_stands_twice_is_refused(frame):
    twice = pd.concat([frame, frame[["x"]]], axis=1)
    with pytest.raises(ValueError, match="column 'x' stands 2 times"):
        effects.aipw(twice, "t", "y", ["x"])


def test_weights_of_nothing_in_one_arm_are_refused(frame):
    with pytest.raises(ValueError, match="weights 'w' are 0 in every treated row"):
        effects.ipw(frame.assign(w=1.0 - frame["t"]), "t", "y", ["x"], weights="w")


@pytest.mark.parametrize("bad", [0.0, 1.5, np.nan])
def test_balance_refuses_what_is_no_propensity(frame, bad):
    propensity = np.full(len(frame), 0.5)
    propensity[7] = bad
    with pytest.raises(ValueError, match=r"1 values outside \(0, 1\), first at row 7"):
        effects.balance(frame, "t", ["x"], propensity)


def test_groups_carry_their_own_warnings_and_name_themselves(frame):
    n = len(frame)
    half = np.arange(n) < n // 2
    cluster = np.where(half, np.arange(n) % 4, 4 + np.arange(n) % 100)
    table = frame.assign(g=np.where(half, "a", "b"), c=cluster)
    found = effects.by_group(table, "t", "y", ["age", "x"], "g", cluster="c")
    assert any("only 4 clusters" in note for note in found["a"].notes)
    assert not any("clusters" in note for note in found["b"].notes)
    table.loc[:300, "g"] = np.nan
    with pytest.raises(ValueError, match="'g' has 301 missing values, first at row 0"):
        effects.by_group(table, "t", "y", ["x"], "g")
    lone = frame.assign(g=np.where(half, "a", "b"), c=np.where(half, 0, np.arange(n)))
    with pytest.raises(ValueError, match="group g = 'a'"):
        effects.by_group(lone, "t", "y", ["x"], "g", cluster="c")
