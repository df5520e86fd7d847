"""Times given as text: one format a column, the same from memory and from a file, and no silent month for a day."""

from __future__ import annotations

import pandas as pd
import pytest

from causalrec_lab import data

JANUARY = [pd.Timestamp(2020, 1, day) for day in (11, 12, 13, 14)]


def from_memory(times, _folder, **options):
    return data.clean(table_of(times), "events", **options)[0]["timestamp"].tolist()


def from_csv(times, folder, **options):
    table_of(times).to_csv(folder / "log.csv", index=False)
    return data.read(folder / "log.csv", **options).events["timestamp"].tolist()


def from_parquet(times, folder, **options):
    table_of(times).to_parquet(folder / "log.parquet")
    return data.read(folder / "log.parquet", **options).events["timestamp"].tolist()


def table_of(times) -> pd.DataFrame:
    return pd.DataFrame({"user_id": range(len(times)), "item_id": 1, "timestamp": times, "event": "view"})


every_way = pytest.mark.parametrize("read", [from_memory, from_csv, from_parquet])


@every_way
@pytest.mark.parametrize("written", ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d %B %Y", "%Y/%m/%d", "%Y-%m-%d"])
def test_one_row_settles_the_order_of_all(read, written, tmp_path):
    assert read([day.strftime(written) for day in JANUARY], tmp_path) == JANUARY


@every_way
def test_a_column_that_reads_both_ways_asks_for_the_format(read, tmp_path):
    times = ["01/01/2020", "01/02/2020", "05/06/2020"]
    with pytest.raises(ValueError, match=r"'timestamp' reads both as %m/%d/%Y and as %d/%m/%Y.*row 1: '01/02/2020'"):
        read(times, tmp_path)
    told = read(times, tmp_path, time_format="%d/%m/%Y")
    assert told == [pd.Timestamp(2020, 1, 1), pd.Timestamp(2020, 2, 1), pd.Timestamp(2020, 6, 5)]
    assert read(times, tmp_path, time_format="%m/%d/%Y")[2] == pd.Timestamp(2020, 5, 6)


@every_way
def test_a_column_in_two_formats_is_refused_at_its_first_odd_row(read, tmp_path):
    with pytest.raises(ValueError, match=r"not in one format.*row 2 does not read as %d/%m/%Y.*'12/31/2020'"):
        read(["13/01/2020", "14/01/2020", "12/31/2020"], tmp_path)
    with pytest.raises(ValueError, match=r"not in one format.*row 1 .*'2020-01-14'"):
        read(["13/01/2020", "2020-01-14", "15/01/2020"], tmp_path)


@every_way
def test_iso_times_may_vary_in_precision_and_equal_readings_are_no_riddle(read, tmp_path):
    mixed = read(["2024-03-01T10:00:00.5", "2024-03-02", "2024-03-03 11:00"], tmp_path)
    assert mixed == [
        pd.Timestamp("2024-03-01 10:00:00.5"),
        pd.Timestamp("2024-03-02"),
        pd.Timestamp("2024-03-03 11:00"),
    ]
    assert read(["01/01/2020", "02/02/2020"], tmp_path) == [pd.Timestamp(2020, 1, 1), pd.Timestamp(2020, 2, 2)]


def test_what_is_no_time_is_dropped_by_cleaning_and_refused_by_reading(tmp_path):
    times = ["soon", "12/01/2020", "13/01/2020"]
    clean, report = data.clean(table_of(times), "events")
    assert clean["timestamp"].tolist() == JANUARY[1:3]
    assert report[["rows", "first_row", "value"]].to_numpy().tolist() == [[1, 0, "soon"]]
    for read in (from_csv, from_parquet):
        with pytest.raises(data.SchemaError, match=r"'timestamp' is no time in 1 of 3 rows, first at row 0: 'soon'"):
            read(times, tmp_path)


@every_way
def test_days_and_months_of_one_digit_and_half_days_are_read(read, tmp_path):
    assert read(["1/2/2020", "13/2/2020"], tmp_path) == [pd.Timestamp(2020, 2, 1), pd.Timestamp(2020, 2, 13)]
    times = read(["1/2/2020 9:05:01 PM", "1/13/2020 8:00:00 AM"], tmp_path)
    assert times == [pd.Timestamp("2020-01-02 21:05:01"), pd.Timestamp("2020-01-13 08:00:00")]


def test_instants_with_their_offsets_keep_their_order(tmp_path):
    times = from_csv(["2024-10-27T01:30:00+02:00", "2024-10-27T01:45:00+01:00"], tmp_path)
    assert times[1] - times[0] == pd.Timedelta(minutes=75)


def test_zones_that_differ_are_named():
    with pytest.raises(ValueError, match=r"'timestamp' has times of different time zones.*utc=True"):
        data.clean(table_of(["2024-10-27T01:30:00+02:00", "2024-10-27T01:45:00+01:00"]), "events")


def test_a_given_format_that_does_not_read_a_time_is_refused():
    with pytest.raises(ValueError, match=r"row 1 does not read as %m/%d/%Y: '13/01/2020'"):
        data.clean(table_of(["12/01/2020", "13/01/2020"]), "events", time_format="%m/%d/%Y")


@pytest.mark.parametrize("times", [["soon", "later"], [None, None], ["soon", None]])
def test_a_column_without_a_time_is_dropped_whole_and_reported(times):
    clean, report = data.clean(table_of(times), "events")
    assert clean.empty
    assert report["rows"].tolist() == [2]


MIXED = ["2024-10-27T01:30:00+02:00", "2024-10-27T01:45:00", "2024-10-27T00:45:00Z"]


def from_file(way, times, folder, **options):
    return (from_csv if way == "csv" else from_parquet)(times, folder, **options)


@pytest.mark.parametrize("way", ["csv", "parquet"])
def test_a_column_that_mixes_zones_is_refused_and_put_on_one_clock_when_told_how(way, tmp_path):
    with pytest.raises(ValueError, match=r"different time zones: .*no offset in 1 .*'2024-10-27T01:45:00'.*utc=True"):
        from_file(way, MIXED, tmp_path)
    utc = [pd.Timestamp("2024-10-26 23:30"), pd.Timestamp("2024-10-27 01:45"), pd.Timestamp("2024-10-27 00:45")]
    assert from_file(way, MIXED, tmp_path, utc=True) == utc
    berlin = [utc[0], pd.Timestamp("2024-10-26 23:45"), utc[2]]
    assert from_file(way, MIXED, tmp_path, time_zone="Europe/Berlin") == berlin


@pytest.mark.parametrize("way", ["csv", "parquet"])
def test_offsets_that_differ_but_are_all_there_name_instants(way, tmp_path):
    times = from_file(way, ["2024-06-01T10:00:00+02:00", "2024-06-01T10:00:00-05:00"], tmp_path)
    assert times == [pd.Timestamp("2024-06-01 08:00", tz="UTC"), pd.Timestamp("2024-06-01 15:00", tz="UTC")]


@pytest.mark.parametrize("way", ["csv", "parquet"])
def test_clock_times_that_were_twice_or_never_are_read_by_rule_and_said(way, tmp_path, caplog):
    times = ["2024-03-31 01:59", "2024-03-31 02:30", "2024-03-31 03:00", "2024-10-27 02:30", "2024-10-27 03:00"]
    frame = table_of(times if way == "csv" else pd.to_datetime(times))
    path = tmp_path / f"log.{way}"
    frame.to_csv(path, index=False) if way == "csv" else frame.to_parquet(path)
    own = data.read(path, time_zone="Europe/Berlin")
    expected = ["2024-03-31 00:59", "2024-03-31 01:30", "2024-03-31 01:00", "2024-10-27 00:30", "2024-10-27 02:00"]
    assert own.events["timestamp"].tolist() == list(map(pd.Timestamp, expected))
    for words in (caplog.text, own.about.notes):
        assert "1 on a clock time that never was" in words
        assert "1 on a clock turned back" in words
    assert "clock times of Europe/Berlin" in own.about.notes
    clean = data.clean(table_of(pd.to_datetime(times)), "events", time_zone="Europe/Berlin")[0]
    assert clean["timestamp"].tolist() == own.events["timestamp"].tolist()


def test_zones_that_cannot_be_applied_say_so(tmp_path):
    with pytest.raises(ValueError, match=r"did you mean .*'Europe/Berlin'"):
        from_csv(["2024-01-01"], tmp_path, time_zone="Europe/Belin")
    with pytest.raises(ValueError, match=r"timestamps are numbers, not clock times \(first 5\)"):
        from_csv([5, 6], tmp_path, time_zone="Europe/Berlin")
