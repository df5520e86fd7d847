"""Cleaning a table where it lives gives, row for row, what cleaning the frame gives, in every database."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from causalrec_lab import data

SAME = ["step", "column", "rows"]


def nasty(n: int = 600) -> pd.DataFrame:
    """Missing, infinite and impossible values, text for numbers, other alphabets, equal keys and equal times."""
    rng = np.random.default_rng(8)
    price = rng.pareto(1.5, n).round(2)
    price[rng.uniform(size=n) < 0.05] = np.nan
    price[[3, 4]] = [-1.0, np.inf]
    propensity = rng.uniform(size=n)
    propensity[[5, 6, 7]] = [0.0, 1.0, 1.5]
    return pd.DataFrame(
        {
            "user_id": pd.Series(rng.choice(["ada", "Ärzte", "王", "o'neil", "x y"], n)).where(
                rng.uniform(size=n) > 0.02
            ),
            "item_id": rng.integers(0, 4, n),
            "timestamp": pd.Timestamp("2024-03-30 12:00") + pd.to_timedelta(rng.integers(0, 40, n), unit="h"),
            "event": rng.choice(["view", "click"], n),
            "price": price,
            "propensity": propensity,
            "age": rng.choice(["20", "31.5", "-2", "130", "old", " 44 ", "1e1"], n),
            "treated": rng.choice([0, 1, 2], n, p=[0.5, 0.48, 0.02]),
            "row": np.arange(n),
        }
    )


def both(table, frame, **options):
    """Cleaned table, report and dropped rows of the database, beside those of the frame."""
    cleaned, report, dropped = data.clean(table, quarantine=True, **options)
    found = [data.to_memory(part).sort_values("row", ignore_index=True) for part in (cleaned, dropped)]
    wanted, told, left = data.clean(frame, quarantine=True, **options)
    return (found[0], report, found[1]), (
        wanted.sort_values("row", ignore_index=True),
        told,
        left.reset_index(drop=True),
    )


def assert_same(found, wanted):
    for one, other in ((found[0], wanted[0]), (found[2], wanted[2])):
        assert_frame_equal(one, other, check_dtype=False, check_column_type=False)
    assert_frame_equal(found[1][SAME], wanted[1][SAME])
    assert (found[1]["first_row"] == -1).all()


@pytest.fixture(scope="module")
def log() -> pd.DataFrame:
    return nasty()


@pytest.fixture(scope="module")
def table(backend, log):
    return backend.load(log, "cleaning_events")


WAYS = {
    "the first as they stand": {"order_by": "row"},
    "the first by a column with gaps and ties": {"order_by": ["price", "row"]},
    "capped at both ends": {"order_by": "row", "cap": {"price": (0.07, 0.93), "item_id": 0.5}},
    "clocks of a zone": {"order_by": "row", "time_zone": "Europe/Berlin"},
}


@pytest.mark.parametrize("way", WAYS)
def test_one_cleaning_in_memory_and_in_a_database(way, table, log):
    found, wanted = both(table, log, **WAYS[way])
    assert_same(found, wanted)
    assert 0 < len(found[0]) < len(log)
    assert len(found[0]) + len(found[2]) == len(log)


def test_without_an_order_the_same_rows_stay_everywhere(table, log):
    found = data.to_memory(data.clean(table)[0]).sort_values("row", ignore_index=True)
    order = ["price", "propensity", "treated", "row"]  # numbers before text, as the table has them; age is text
    assert_frame_equal(
        found, data.clean(log, order_by=order)[0].sort_values("row", ignore_index=True), check_dtype=False
    )


def test_the_cleaned_table_is_lazy_and_the_report_small(table):
    cleaned, report = data.clean(table)
    assert type(cleaned).__module__.startswith("ibis")
    assert cleaned.columns == table.columns
    assert report["step"].tolist() == [
        "missing or unreadable",
        *["impossible value"] * 4,
        "repeated key",
    ]
    assert report["value"].tolist()[1:3] == ["0.0", "2"]


def test_nan_is_missing_and_null_too(backend):
    import ibis

    frame = pd.DataFrame(
        {"user_id": [1.0, 2, 3, 4], "item_id": 1, "timestamp": [1, 2, 3, 4], "event": "view", "row": range(4)}
    )
    frame["price"] = [1.0, 2.0, 3.0, 9.0]
    table = backend.load(frame, "cleaning_nans")
    nan = ibis.literal(float("nan"))
    table = table.mutate(
        user_id=ibis.ifelse(table.row == 0, nan, table.user_id), price=ibis.ifelse(table.row == 1, nan, table.price)
    )
    cleaned, report = data.clean(table, cap={"price": 0.5})
    assert report[["column", "rows"]].to_numpy().tolist() == [["user_id", 1], ["price", 1]]
    frame = data.to_memory(cleaned).sort_values("row")
    assert frame["row"].tolist() == [1, 2, 3]
    assert frame["price"].tolist()[1:] == [3.0, 3.0]
    assert np.isnan(frame["price"].iloc[0])


EPOCHS = {
    "s": [1_700_000_000, 0, -5],
    "ms": [1_700_000_000_123, 1, -1_500],
    "us": [1_700_000_000_123_456, 1, -1_500_001],
    "ns": [1_700_000_000_123_456_000, 1_000, -1_500_001_000],
}


@pytest.mark.parametrize("unit", EPOCHS)
@pytest.mark.parametrize("kind", ["int64", "float64"])
def test_numbers_since_1970_become_times(unit, kind, database):
    if kind == "float64" and unit in ("us", "ns"):
        pytest.skip("a float has no such digits")
    frame = pd.DataFrame({"user_id": 1, "item_id": 1, "timestamp": EPOCHS[unit], "event": "view", "row": range(3)})
    frame = frame.astype({"timestamp": kind})
    found, wanted = both(database.load(frame, f"epochs_{unit}_{kind}"), frame, epoch=unit)
    assert found[0]["timestamp"].tolist() == [time.floor("us") for time in wanted[0]["timestamp"]]


def written(times) -> pd.DataFrame:
    return pd.DataFrame({"user_id": 1, "item_id": 1, "timestamp": times, "event": "view", "row": range(len(times))})


TEXTS = {
    "iso": (["2024-02-29T10:11:12.5", "2023-02-29", "soon", "2024-12-31", "2024-01-01 24:00", None, ""], {}),
    "day first": (["29/2/2024 1:02", "13/12/2024 23:59", "soon"], {"time_format": "%d/%m/%Y %H:%M"}),
    "dots and digits": (["31.01.2024-101112.000250", "x"], {"time_format": "%d.%m.%Y-%H%M%S.%f"}),
}


@pytest.mark.parametrize("way", ["iso", "day first"])
def test_text_is_read_as_times_and_what_is_none_is_reported(way, database):
    times, options = TEXTS[way]
    found, wanted = both(database.load(written(times), f"texts_{way.split()[0]}"), written(times), **options)
    assert_same(found, wanted)
    assert len(found[0]) == 2


def test_instants_with_an_offset_become_utc_and_offsets_that_differ_are_refused(backend):
    times = ["2024-01-01T10:00:00+05:30", "2024-01-01T10:00:00.25+0530"]
    cleaned, _ = data.clean(backend.load(written(times), "offsets"))
    found = sorted(data.to_memory(cleaned)["timestamp"])
    assert found == [pd.Timestamp("2024-01-01 04:30:00"), pd.Timestamp("2024-01-01 04:30:00.25")]
    with pytest.raises(ValueError, match=r"different time zones: none, \+0530, \+05:30; time_zone="):
        data.clean(backend.load(written([*times, "2024-01-01T10:00:00"]), "mixed"))
    frame = written([*times, "2024-07-01T10:00:00", "2024-10-27 02:30", None])
    found, wanted = both(backend.load(frame, "zones"), frame, time_zone="Europe/Berlin")
    assert_same(found, wanted)
    assert sorted(found[0]["timestamp"])[-2:] == [pd.Timestamp("2024-07-01 08:00"), pd.Timestamp("2024-10-27 00:30")]
    z = data.clean(backend.load(written(["2024-01-01T10:00:00Z", "2024-01-01T11:00:00+00:00"]), "zulu"))[0]
    assert sorted(data.to_memory(z)["timestamp"].dt.hour) == [10, 11]


def test_a_time_in_another_format_is_asked_about(backend):
    table = backend.load(written(["2024-01-01", "13/01/2024"]), "formats")
    with pytest.raises(ValueError, match=r"'13/01/2024' does not read as ISO 8601; .*time_format"):
        data.clean(table)
    with pytest.raises(ValueError, match=r"'2024-01-01' does not read as %d/%m/%Y"):
        data.clean(table, time_format="%d/%m/%Y")
    with pytest.raises(ValueError, match=r"%B is not known or stands twice; known are %Y"):
        data.clean(table, time_format="%d %B %Y")
    with pytest.raises(ValueError, match="the column is string, and only numbers"):
        data.clean(table.drop("timestamp"), cap={"event": 0.9})


def test_items_have_another_key_and_a_table_may_be_clean(database):
    items = pd.DataFrame({"item_id": ["b", "a", "a"], "price": [1.0, 2.0, 3.0], "row": range(3)})
    table = database.load(items, "cleaning_items")
    cleaned, _, dropped = data.clean(table, "items", quarantine=True)
    assert sorted(data.to_memory(cleaned)["row"]) == [0, 1]
    assert data.to_memory(dropped)["reason"].tolist() == ["repeated key: item_id"]
    assert data.clean(cleaned, "items")[1].empty


SHOP = functools.cache(data.connect)
rows = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", None]),
        st.sampled_from([1, 2]),
        st.sampled_from([0.0, 1.0, np.nan]),
        st.floats(-2, 8) | st.sampled_from([np.nan, np.inf, -np.inf]),
    ),
    min_size=1,
    max_size=12,
)


@settings(deadline=None, max_examples=12)
@given(rows, st.floats(0.01, 0.99))
def test_any_small_table_is_cleaned_alike(given_rows, share):
    frame = pd.DataFrame(given_rows, columns=["user_id", "item_id", "timestamp", "dwell"])
    frame = frame.astype({"user_id": "str", "timestamp": "float64", "dwell": "float64"}).assign(
        event="view", row=range(len(frame))
    )
    table = SHOP().create_table("events", frame, overwrite=True)
    assert_same(*both(table, frame, order_by=["dwell", "row"], cap={"dwell": share}))


def test_users_flagged_as_bots_are_dropped_by_flags_from_memory_or_from_the_database(backend):
    frame = pd.DataFrame({"user_id": [1, 2, 3, 3], "item_id": 1, "timestamp": [1, 2, 3, 3], "event": "view"})
    frame = frame.assign(row=range(4))
    flags = pd.DataFrame({"user_id": [1, 3, 9], "bot": [False, True, True]})
    table, stored = backend.load(frame, "cleaning_bots"), backend.load(flags, "cleaning_flags")
    for given_flags in (flags, stored):
        cleaned, report, dropped = data.clean(table, bots=given_flags, quarantine=True)
        assert sorted(data.to_memory(cleaned)["row"]) == [0, 1]
        assert report[SAME].to_numpy().tolist() == [["bot", "user_id", 2]]
        assert data.to_memory(dropped)["reason"].tolist() == ["bot: user_id"] * 2
        in_memory, told = data.clean(frame, bots=given_flags)
        assert in_memory["row"].tolist() == [0, 1]
        assert told[SAME].to_numpy().tolist() == [["bot", "user_id", 2]]


def test_instants_keep_their_zone_unless_one_clock_is_asked_for(backend):
    times = pd.to_datetime(["2024-01-01T10:00:00.25+05:30", "2024-07-01T12:00:00.75+05:30"])
    table = backend.load(written(times), "instants")
    kept = data.to_memory(data.clean(table)[0]).sort_values("row", ignore_index=True)
    if backend.name == "pyspark":
        pytest.skip("Spark hands instants out as UTC without a zone, so that no zone may be given for them")
    assert (kept["timestamp"] == times).all()
    found, wanted = both(table, written(times), time_zone="Asia/Kolkata")
    assert_same(found, wanted)
    assert found[0]["timestamp"].iloc[0] == pd.Timestamp("2024-01-01 04:30:00.25")
