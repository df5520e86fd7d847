"""The decision rows are consistent with each other."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
