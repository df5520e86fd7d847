"""Splits of a table in a database are the splits of the frame, row for row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causalrec_lab import data

PARTS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def log() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    n = 1_200
    hours = pd.to_timedelta(rng.integers(0, 200, n), unit="h")  # many ties
    items = rng.integers(0, 40, n)
    return pd.DataFrame(
        {
            "user_id": np.concatenate([rng.integers(0, 60, n - 3), [90, 91, 91]]),
            "item_id": np.where(items % 2, "Item ", "item ") + pd.Series(items).astype(str),
            "timestamp": pd.Timestamp("2024-01-01") + hours,
            "row": np.arange(n),
        }
    )


@pytest.fixture(scope="module")
def table(backend, log):
    return backend.load(log, "split_events")


WAYS = {
    "leave one out": lambda events: data.split_leave_one_out(events, ties=["row"]),
    "ties by text": lambda events: data.split_leave_one_out(events, ties=["item_id", "row"], k_core=12),
    "shares": lambda events: data.split_temporal(events, (0.7, 0.2, 0.1)),
    "cuts": lambda events: data.split_temporal(events, cuts=("2024-01-04", "2024-01-07"), k_core=12),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_split_in_a_database_is_that_of_the_frame(way, table, log):
    ours, theirs = WAYS[way](log), WAYS[way](table)
    assert (repr(ours), ours.sizes) == (repr(theirs), theirs.sizes)
    for part in PARTS:
        assert list(getattr(theirs, part).columns) == list(log.columns)
        rows = getattr(theirs, part).to_pandas().sort_values("row", ignore_index=True)
        expected = getattr(ours, part).sort_values("row", ignore_index=True)
        pd.testing.assert_frame_equal(rows, expected, check_dtype=False)


def test_the_core_in_a_database_is_that_of_the_frame(table, log):
    kept = data.k_core(table, 16)
    assert sorted(kept.to_pandas()["row"]) == data.k_core(log, 16)["row"].tolist()
    with pytest.raises(ValueError, match=r"k_core\(k=900\) leaves none of the 1,200 events"):
        data.k_core(table, 900)


def test_ties_have_an_order_of_their_own_where_rows_have_none(table, log):
    last = data.split_leave_one_out(table).test.to_pandas().set_index("user_id")["item_id"]
    by_item = data.split_leave_one_out(log, ties=["item_id"]).test.set_index("user_id")["item_id"]
    pd.testing.assert_series_equal(last.sort_index(), by_item.sort_index(), check_dtype=False)


def test_faults_are_named_without_reading_the_table(table):
    with pytest.raises(ValueError, match=r"\['timestamp'\] not there"):
        data.split_temporal(table.drop("timestamp"))
    with pytest.raises(ValueError, match="'timestamp' is neither numeric nor datetime but string"):
        data.split_leave_one_out(table.mutate(timestamp=table.item_id))
    with pytest.raises(ValueError, match="leaves test empty"):
        data.split_temporal(table, cuts=("2024-01-04", "2030-01-01"))
    with pytest.raises(ValueError, match="has a time zone"):
        data.split_temporal(table, cuts=("2024-01-04T00:00Z", "2030-01-01T00:00Z"))
    with pytest.raises(ValueError, match="no rows"):
        data.split_temporal(table.filter(table.row < 0))
    with pytest.raises(ValueError, match=r"'timestamp' is missing in 1,200 rows; data\.clean"):
        data.split_temporal(table.mutate(timestamp=table.timestamp.nullif(table.timestamp)))
    with pytest.raises(ValueError, match="did you mean 'item_id'"):
        data.split_leave_one_out(table, ties=["item"])
    with pytest.raises(TypeError, match="a pandas DataFrame or an Ibis table, not dict"):
        data.split_temporal({"user_id": [1], "item_id": [1], "timestamp": [1]})
