"""Values as they come: ids of 64 bits, commas for points, units mixed, dates written as numbers, true among missing."""

from __future__ import annotations

import pandas as pd
import pytest

from causalrec_lab import data

HEAD = "user_id,item_id,timestamp,event\n"


@pytest.fixture
def written(tmp_path):
    def write(text: str) -> str:
        (tmp_path / "log.csv").write_text(text)
        return str(tmp_path / "log.csv")

    return write


@pytest.mark.parametrize("big", [2**53 + 1, 2**63 - 1, 2**64 - 1], ids=["2^53 + 1", "2^63 - 1", "2^64 - 1"])
def test_ids_that_floating_point_would_merge_stay_apart(written, big):
    rows = "".join(f"{one},2,2024-01-01,view\n" for one in (big, big - 1, ""))
    events = data.read(written(HEAD + rows), errors="quarantine").events
    assert events["user_id"].tolist() == [big, big - 1]
    assert pd.api.types.is_integer_dtype(events["user_id"])


def test_ids_come_whole_from_a_database(backend):
    ids = [2**53 + 1, 2**53, None]
    table = backend.load(pd.DataFrame({"place": [0, 1, 2], "user_id": pd.array(ids, dtype="Int64")}), "big_ids")
    frame = data.to_memory(table.order_by("place"))
    assert frame["user_id"].dtype == "Int64"
    assert frame["user_id"].tolist()[:2] == ids[:2]
    assert frame["user_id"].isna().tolist() == [False, False, True]


def test_sums_with_a_missing_one_are_numbers():
    table = data.connect().create_table("sums", pd.DataFrame({"g": [1, 2], "n": pd.array([1, None], dtype="Int64")}))
    frame = data.to_memory(table.group_by("g").agg(total=table.n.sum()).order_by("g"))
    assert frame["total"].dtype == "float64"


@pytest.mark.parametrize("price", ["3,50", "$3.50", "free"])
def test_a_price_that_is_no_number_is_not_called_negative(price):
    items = pd.DataFrame({"item_id": [1, 2, 3], "price": ["4.5", price, "2"]})
    with pytest.raises(data.SchemaError, match=r"'price' is no number in 1 of 3 rows, first at row 1.*3\.50, not 3,50"):
        data.schema.check(items, "items")
    _, apart = data.schema.check(items, "items", errors="quarantine")
    assert apart["reason"].tolist() == ["price is no number"]


def test_a_date_written_as_a_number_is_read_where_a_format_says_so(written):
    path = written(HEAD + "1,2,20240131,view\n1,2,20240201,view\n")
    read = data.read(path, time_format="%Y%m%d").events
    assert read["timestamp"].tolist() == [pd.Timestamp(2024, 1, 31), pd.Timestamp(2024, 2, 1)]


@pytest.mark.parametrize("how", ["quarantine", "warn"])
def test_true_among_missing_treatments_becomes_a_number(written, how):
    path = written("user_id,item_id,timestamp,treated\n1,2,2024-01-01,true\n2,2,2024-01-01,false\n3,2,2024-01-01,\n")
    treated = data.read(path, table="decisions", errors=how).decisions["treated"]
    assert treated.dtype == ("int64" if how == "quarantine" else "float64")
    assert treated.tolist()[:2] == [1, 0]


def test_milliseconds_among_seconds_are_unreadable_and_not_in_the_year_55969(backend):
    rows = {"user_id": [1, 2, 3], "item_id": 1, "timestamp": [1_704_067_200, 1_704_067_200_000, 2**62], "event": "view"}
    frame = pd.DataFrame(rows)
    for log, take in ((frame, lambda made: made), (backend.load(frame, "units"), data.to_memory)):
        kept, report = data.clean(log, epoch="s")
        assert take(kept)["timestamp"].tolist() == [pd.Timestamp(2024, 1, 1)]
        assert report[["step", "column", "rows"]].to_numpy().tolist() == [["missing or unreadable", "timestamp", 2]]


@pytest.mark.parametrize("given", [[1704067200.1234567, 1704067300.7654321], ["2024-01-01T00:00:00.123456789"] * 2])
def test_cleaned_times_are_as_fine_as_every_database_keeps_them(given):
    frame = pd.DataFrame({"user_id": [1, 2], "item_id": 1, "timestamp": given, "event": "view"})
    cleaned, _ = data.clean(frame, epoch="s")
    assert cleaned["timestamp"].dtype == "datetime64[us]"
    assert (cleaned["timestamp"].dt.microsecond > 0).all()
    data.sessions(cleaned)


def test_cleaning_refuses_columns_that_stand_twice_and_bots_of_another_kind():
    frame = pd.DataFrame({"user_id": [1], "item_id": 1, "timestamp": [5], "event": "view"})
    with pytest.raises(ValueError, match="'timestamp' stands more than once"):
        data.clean(pd.concat([frame, frame[["timestamp"]]], axis=1))
    with pytest.raises(ValueError, match="'user_id' is a number in frame and text in bots"):
        data.clean(frame, bots=pd.DataFrame({"user_id": ["1"], "bot": [True]}))


def test_two_zones_for_one_column_are_refused(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,timestamp,event\n1,2,2025-01-01 00:00:00,view\n")
    with pytest.raises(ValueError, match="give one of them"):
        data.read(path, time_zone="Europe/Berlin", utc=True)
