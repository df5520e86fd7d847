"""Splits: disjoint, complete, without a look into the future, and equal to the plain definition user by user."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalrec_lab import data

logs = st.integers(0, 10_000).map(lambda seed: random_log(seed))


def random_log(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(60, 200))
    return pd.DataFrame(
        {
            "user_id": rng.integers(0, 12, n),
            "item_id": rng.integers(0, 15, n),
            "timestamp": rng.integers(0, 40, n),  # many ties
            "row": np.arange(n),
        }
    )


@settings(max_examples=30, deadline=None)
@given(log=logs)
def test_leave_one_out_is_the_plain_definition(log):
    split = data.split_leave_one_out(log)
    for _, rows in log.groupby("user_id"):
        order = rows.sort_values("timestamp", kind="stable")["row"].tolist()
        cut = len(order) - 2 if len(order) >= 3 else len(order)
        expected = (order[:cut], order[cut : cut + 1], order[cut + 1 :])
        parts = (split.train, split.validation, split.test)
        assert tuple(p.loc[p["row"].isin(order), "row"].tolist() for p in parts) == expected


@settings(max_examples=30, deadline=None)
@given(log=logs)
def test_temporal_never_trains_on_the_future_and_loses_no_row(log):
    split = data.split_temporal(log, (0.6, 0.2, 0.2))
    assert split.train["timestamp"].max() < split.validation["timestamp"].min()
    assert split.validation["timestamp"].max() < split.test["timestamp"].min()
    rows = pd.concat([split.train, split.validation, split.test])["row"]
    assert sorted(rows) == log["row"].tolist()


def test_temporal_shares_and_cuts():
    log = pd.DataFrame({"user_id": 1, "item_id": range(1000), "timestamp": np.random.default_rng(0).permutation(1000)})
    split = data.split_temporal(log, (0.7, 0.2, 0.1))
    assert [len(part) for part in (split.train, split.validation, split.test)] == [700, 200, 100]
    split = data.split_temporal(log, cuts=(500, 900))
    assert [len(part) for part in (split.train, split.validation, split.test)] == [500, 400, 100]
    dated = log.assign(timestamp=pd.Timestamp("2024-01-01") + pd.to_timedelta(log["timestamp"], unit="h"))
    assert len(data.split_temporal(dated, cuts=("2024-01-02", "2024-01-03")).train) == 24


@settings(max_examples=30, deadline=None)
@given(log=logs, k=st.integers(2, 6))
def test_k_core_is_the_largest_part_with_k_events_each(log, k):
    kept, users, items = log, None, None
    while True:  # the plain definition, one user or item at a time
        users, items = kept["user_id"].value_counts(), kept["item_id"].value_counts()
        rare_user, rare_item = users[users < k].index[:1], items[items < k].index[:1]
        if not len(rare_user) and not len(rare_item):
            break
        kept = kept[~kept["user_id"].isin(rare_user) & ~kept["item_id"].isin(rare_item)]
    if kept.empty:
        with pytest.raises(ValueError, match="leaves none"):
            data.k_core(log, k)
    else:
        assert data.k_core(log, k)["row"].tolist() == kept["row"].tolist()


def test_an_empty_part_is_an_error_that_says_the_way_out():
    short = pd.DataFrame({"user_id": [1, 1, 2], "item_id": [1, 2, 3], "timestamp": [1, 2, 3]})
    with pytest.raises(ValueError, match=r"leaves validation, test empty .*give more events"):
        data.split_leave_one_out(short)
    with pytest.raises(ValueError, match="leaves train, validation empty"):
        data.split_temporal(short.assign(timestamp=5))
    with pytest.raises(ValueError, match="leaves test empty"):
        data.split_temporal(short, cuts=(2, 9))


def test_wrong_shares_cuts_and_columns():
    log = random_log(0)
    with pytest.raises(ValueError, match="sum to 1"):
        data.split_temporal(log, (0.8, 0.1, 0.2))
    with pytest.raises(ValueError, match="before the second"):
        data.split_temporal(log, cuts=(9, 2))
    with pytest.raises(ValueError, match=r"\['timestamp'\] not there"):
        data.split_temporal(log.drop(columns="timestamp"))
    with pytest.raises(ValueError, match="first at row 3"):
        data.split_leave_one_out(log.assign(timestamp=log["timestamp"].where(log.index != 3)))


def test_a_sequence_without_a_clock_is_not_cut_in_time(real):
    with pytest.raises(ValueError, match="use split_leave_one_out"):
        data.split_temporal(real("ml-1m").events)


def test_ml_1m_leave_one_out_has_the_papers_sizes(real):
    split = data.split_leave_one_out(real("ml-1m").events)
    assert [len(p) for p in (split.train, split.validation, split.test)] == [999_611 - 2 * 6_040, 6_040, 6_040]


@pytest.mark.parametrize("split", [data.split_leave_one_out, data.split_temporal])
def test_times_left_as_text_are_not_sorted_as_text(split):
    log = pd.DataFrame({"user_id": 1, "item_id": range(4), "timestamp": ["11", "9", "10", "8"]})
    with pytest.raises(ValueError, match=r"'timestamp' is neither.*first at row 0: '11'.*pd\.to_datetime"):
        split(log)


@pytest.mark.parametrize("fractions", [(0.8, 0.2), (1.0,), (0.8, float("nan"), 0.2), (0.4, 0.3, 0.2, 0.1)])
def test_shares_are_three_positive_numbers(fractions):
    with pytest.raises(ValueError, match="three positive shares"):
        data.split_temporal(random_log(0), fractions)


@pytest.mark.parametrize(
    ("zone", "cuts", "words"),
    [
        ("UTC", ("2024-01-02", "2024-01-03"), r"'2024-01-02' has no time zone.*tz='UTC'"),
        (None, ("2024-01-02T00:00Z", "2024-01-03T00:00Z"), "'2024-01-02T00:00Z' has a time zone"),
        (None, ("soon", "2024-01-03"), "'soon' is no time"),
        (None, (5, 9), "5 is no time"),
    ],
)
def test_cuts_that_cannot_be_compared_with_the_times_are_named(zone, cuts, words):
    times = pd.date_range("2024-01-01", periods=96, freq="h", tz=zone)
    log = pd.DataFrame({"user_id": 1, "item_id": range(96), "timestamp": times})
    with pytest.raises(ValueError, match=words):
        data.split_temporal(log, cuts=cuts)


def test_cuts_as_text_on_numeric_times_are_named_and_zoned_cuts_work():
    with pytest.raises(ValueError, match="'2024-01-02' is no number"):
        data.split_temporal(random_log(0), cuts=("2024-01-02", "2024-01-03"))
    times = pd.date_range("2024-01-01", periods=96, freq="h", tz="UTC")
    log = pd.DataFrame({"user_id": 1, "item_id": range(96), "timestamp": times})
    split = data.split_temporal(log, cuts=("2024-01-02T00:00Z", "2024-01-03T02:00+02:00"))
    assert [len(part) for part in (split.train, split.validation, split.test)] == [24, 24, 48]
