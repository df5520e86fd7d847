"""The decision rows are consistent with each other."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, t

from causalrec_lab import Estimate
from causalrec_lab.intervention import choose


@settings(max_examples=100, deadline=None)
@given(st.floats(-1, 1), st.floats(0.01, 1), st.floats(-0.5, 0.5), st.floats(0.1, 20))
def test_every_column_tells_the_same_story(effect, error, cost, value):
    row = choose({"banner": Estimate(effect, error)}, {"banner": cost}, value=value).iloc[0]
    assert row["gain"] == pytest.approx(value * effect - cost)
    assert row["gain_low"] <= row["gain"] <= row["gain_high"]
    assert row["gain_low"] == pytest.approx(value * row["effect_low"] - cost)
    assert (row["gain_low"] > 0) == (row["p_harm"] < 0.025)
    assert row["decision"] == ("adopt" if row["gain_low"] > 0 else "reject" if row["gain_high"] < 0 else "test further")


def test_the_best_gain_stands_first_and_an_unknown_error_decides_nothing():
    table = choose({"a": Estimate(0.1, 0.01), "b": Estimate(0.3, math.nan, notes=("none",))}, 0.05)
    assert list(table.index) == ["b", "a"]
    assert table.loc["b", "decision"] == "test further"
    assert math.isnan(table.loc["b", "p_harm"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (({}, 0.0), "no estimates"),
        (({"a": Estimate(1, 1)}, {"b": 0.0}), r"no cost for \['a'\]"),
        (({"a": Estimate(1, 1)}, {"a": math.nan}), "the cost of 'a' is nan"),
        (({"a": Estimate(1, 1)}, math.inf), "the cost of 'a' is inf"),
    ],
)
def test_wrong_choices(arguments, message):
    with pytest.raises(ValueError, match=message):
        choose(*arguments)
    with pytest.raises(ValueError, match="value=0"):
        choose({"a": Estimate(1, 1)}, value=0)
    with pytest.raises(ValueError, match="value=inf"):
        choose({"a": Estimate(1, 1)}, value=math.inf)
    with pytest.raises(ValueError, match=r"level=95.* 95 % is 0\.95"):
        choose({"a": Estimate(1, 1)}, level=95)


def student(value, error, freedom, level=0.95):
    half = t.ppf((1 + level) / 2, freedom) * error
    return Estimate(value, error, (value - half, value + half), level)


def test_few_degrees_of_freedom_are_kept():
    """Six clusters: where the normal law is sure of a gain, Student's is not."""
    few = student(1.0, 0.45, 5)
    row = choose({"a": few}).iloc[0]
    assert (row["effect_low"], row["effect_high"]) == pytest.approx((few.low, few.high))
    assert row["p_harm"] == pytest.approx(t.sf(1 / 0.45, 5), rel=1e-6)
    assert row["decision"] == "test further"
    assert choose({"a": Estimate(1.0, 0.45)}).iloc[0]["decision"] == "adopt"
    other = choose({"a": few}, 0.2, value=3.0, level=0.8).iloc[0]
    assert other["gain_low"] == pytest.approx(3 * (1 - t.ppf(0.9, 5) * 0.45) - 0.2)
    assert other["p_harm"] == pytest.approx(t.sf((1 - 0.2 / 3) / 0.45, 5), rel=1e-6)
    both = choose({"a": few, "b": few}, correction="bonferroni").loc["a"]
    assert both["effect_low"] == pytest.approx(1 - t.ppf(1 - 0.0125, 5) * 0.45)
    assert both["p_harm"] == pytest.approx(2 * t.sf(1 / 0.45, 5), rel=1e-6)


def test_an_interval_that_is_not_symmetric_is_kept_and_the_p_value_agrees():
    far = Estimate(0.02, 0.01, (0.004, 0.12))
    row = choose({"a": far}, 0.01).iloc[0]
    assert (row["effect_low"], row["effect_high"]) == pytest.approx((0.004, 0.12))
    assert row["p_harm"] == pytest.approx(norm.sf(0.01 / 0.016 * 1.959964), rel=1e-4)
    harm = choose({"a": far}, 0.07).iloc[0]  # the cost is above: now the longer side tells
    assert harm["p_harm"] == pytest.approx(norm.cdf(0.05 / 0.1 * 1.959964), rel=1e-4)
    only = Estimate(0.02, math.nan, (0.004, 0.12), notes=("an interval alone",))
    assert choose({"a": only}, 0.01).iloc[0]["p_harm"] == pytest.approx(row["p_harm"])
    open_ended = choose({"a": Estimate(0.02, 0.01, (-math.inf, math.inf))}).iloc[0]
    assert (open_ended["p_harm"], open_ended["decision"]) == (0.5, "test further")


@settings(max_examples=100, deadline=None)
@given(
    st.floats(-1, 1), st.floats(0.01, 1), st.floats(0.01, 1), st.sampled_from([None, 1, 3, 40]),
    st.floats(-0.5, 0.5), st.sampled_from([0.5, 0.9, 0.95, 0.999]), st.integers(1, 3),
)  # fmt: skip
def test_interval_and_p_value_agree_for_every_shape(effect, below, above, freedom, cost, level, count):
    one = (
        Estimate(effect, below, (effect - below, effect + above))
        if freedom is None
        else student(effect, below, freedom)
    )
    table = choose({str(k): one for k in range(count)}, cost, level=level, correction="bonferroni")
    row, tail = table.iloc[0], (1 - level) / 2
    assert row["gain_low"] <= row["gain"] <= row["gain_high"]
    if abs(row["gain_low"]) > 1e-9:
        assert (row["gain_low"] > 0) == (row["p_harm"] < tail)
    if abs(row["gain_high"]) > 1e-9 and count == 1:
        assert (row["gain_high"] < 0) == (row["p_harm"] > 1 - tail)


def test_several_objectives_keep_their_own_intervals_too():
    aims = {"clicks": student(0.5, 0.1, 4), "returns": Estimate(0.2, 0.05, (0.15, 0.4))}
    row = choose({"a": aims}, objectives={"clicks": 2.0, "returns": -1.0}).iloc[0]
    low, high = 2 * aims["clicks"].low - 0.4, 2 * aims["clicks"].high - 0.15
    assert (row["effect"], row["effect_low"], row["effect_high"]) == pytest.approx((0.8, low, high))
    z = np.linspace(0.0, 1.0, 5)[1:]
    for cost in z:
        row = choose({"a": aims}, float(cost), objectives={"clicks": 2.0, "returns": -1.0}).iloc[0]
        level = 1 - 2 * min(row["p_harm"], 1 - row["p_harm"])
        again = choose({"a": aims}, float(cost), objectives={"clicks": 2.0, "returns": -1.0}, level=level).iloc[0]
        assert min(abs(again["gain_low"]), abs(again["gain_high"])) < 1e-6
