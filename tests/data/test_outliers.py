"""Tails: shares by brute force, Hill's index against the law the values were drawn from, the same in every database."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from causalrec_lab import data


@pytest.fixture(scope="module")
def amounts() -> pd.DataFrame:
    rng = np.random.default_rng(6)
    n = 20_000
    heavy = (1 - rng.uniform(size=n)) ** (-1 / 2.5)  # Pareto, index 2.5
    light = rng.exponential(size=n)
    light[:50] = np.nan
    return pd.DataFrame({"heavy": heavy, "light": light, "signed": rng.normal(size=n), "whole": rng.poisson(2.0, n)})


def test_shares_are_those_counted_by_hand(amounts):
    for row in data.tails(amounts, ["heavy", "light", "whole"], [0.5, 0.99]).itertuples():
        values = amounts[row.column].dropna().to_numpy()
        limit = np.quantile(values, row.quantile, method="inverted_cdf")
        above = values[values > limit]
        assert row.value == limit
        assert row.rows == len(above)
        assert row.share_of_rows == len(above) / len(values)
        assert row.share_of_mass == pytest.approx(above.sum() / values.sum(), rel=1e-9)
        assert row.taken == pytest.approx(1 - np.minimum(values, limit).sum() / values.sum(), rel=1e-6)
        assert row.index == pytest.approx(1 / np.log(above / limit).mean(), rel=1e-9)


def test_hills_index_finds_the_power_of_a_power_law(amounts):
    found = data.tails(amounts, "heavy", [0.9, 0.99])
    for row in found.itertuples():
        assert abs(row.index - 2.5) < 5 * 2.5 / np.sqrt(row.rows)  # its standard error is alpha / sqrt(k)
    mass = 0.1 ** (1 - 1 / 2.5)  # of a Pareto's upper tenth
    assert found["share_of_mass"].iloc[0] == pytest.approx(mass, rel=0.1)


def test_what_a_cap_takes_is_what_cleaning_takes(amounts):
    events = amounts.assign(user_id=range(len(amounts)), item_id=1, timestamp=1, event="view")
    capped, report = data.clean(events, cap={"heavy": 0.99})
    row = data.tails(amounts, "heavy", [0.99]).iloc[0]
    assert row["taken"] == pytest.approx(1 - capped["heavy"].sum() / amounts["heavy"].sum(), rel=1e-9)
    assert report["rows"].tolist() == [row["rows"]]


def test_values_on_both_sides_of_zero_have_no_mass(amounts):
    row = data.tails(amounts, "signed", [0.4]).iloc[0]
    assert np.isnan([row["share_of_mass"], row["taken"], row["index"]]).all()


def test_every_database_finds_the_same_tails(database, amounts):
    small = amounts.head(2_000)
    names = ["heavy", "light", "signed", "whole"]
    assert_frame_equal(data.tails(database.load(small, "tails_amounts"), names), data.tails(small, names), rtol=1e-9)


def test_what_has_no_tail_is_refused(amounts):
    with pytest.raises(ValueError, match="'text' is string, and only numbers"):
        data.tails(amounts.assign(text="a"), "text")
    with pytest.raises(ValueError, match="holds infinite values"):
        data.tails(amounts.assign(heavy=np.inf), "heavy")
    with pytest.raises(ValueError, match=r"a quantile lies in \(0, 1\)"):
        data.tails(amounts, "heavy", [99])
    with pytest.raises(ValueError, match="did you mean 'heavy'"):
        data.tails(amounts, "heavi")
    assert data.tails(amounts.assign(heavy=np.nan), "heavy").empty
