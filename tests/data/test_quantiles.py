"""One quantile everywhere: the inverse of the empirical distribution function, and always one of the values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalrec_lab.data.cleaning.quantiles import place_of, quantile_of, quantiles_of


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=40), st.integers(1, 999))
def test_it_is_the_smallest_value_with_that_share_at_or_below_it(values, thousandths):
    found = quantile_of(np.array(values), thousandths / 1000)
    at_or_below = sum(value <= found for value in values)
    below = sum(value < found for value in values)
    assert at_or_below * 1000 >= thousandths * len(values) > below * 1000


def test_shares_are_read_as_they_are_written():
    assert 0.07 * 100 > 7  # so that rounding would give the 8th
    assert place_of(0.07, 100) == 7
    assert place_of(0.999, 10) == 10
    assert quantile_of(np.array([np.nan, 3.0, np.nan]), 0.5) == 3.0
    assert quantile_of(np.array([np.nan]), 0.5) is None


def test_a_database_finds_the_same(database):
    import pandas as pd

    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": np.where(rng.uniform(size=500) < 0.1, np.nan, rng.normal(size=500).round(1))})
    frame["n"] = rng.integers(0, 9, 500)
    table = database.load(frame, "quantile_values")
    shares = (0.001, 0.07, 0.25, 0.5, 0.9, 0.999)
    for name in ("x", "n"):
        assert quantiles_of(table, name, shares) == [quantile_of(frame[name], share) for share in shares]
    assert quantiles_of(table.filter(table.n > 99), "x", [0.5]) == [None]


def test_nan_is_no_value_in_a_database_either(backend):
    import ibis
    import pandas as pd

    table = backend.load(pd.DataFrame({"n": [1, 2, 3, 4]}), "quantile_nans")
    table = table.mutate(x=ibis.ifelse(table.n > 2, ibis.literal(float("nan")), table.n.cast("float64")))
    assert quantiles_of(table, "x", [0.99]) == [2.0]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_numpy_agrees(share):
    values = np.random.default_rng(1).normal(size=1_237)
    assert quantile_of(values, share) == np.quantile(values, share, method="inverted_cdf")
