"""What cleaning takes away is what was broken, and the report says so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causalrec_lab import data


def test_cleaning_a_broken_copy_gives_the_whole_one_back(decisions):
    dirty = pd.concat([decisions, decisions.iloc[[5, 6]]], ignore_index=True)
    extra = decisions.iloc[:4].assign(timestamp=[-1, -2, -3, -4])
    extra.loc[0, "propensity"] = 1.7
    extra.loc[1, "treated"] = 3
    extra["user_id"] = extra["user_id"].where(extra.index != 2)
    extra.loc[3, "propensity"] = -0.2
    dirty = pd.concat([dirty, extra], ignore_index=True)
    with pytest.raises(data.SchemaError):
        data.schema.check(dirty, "decisions")
    clean, report = data.clean(dirty, "decisions")
    pd.testing.assert_frame_equal(data.schema.check(clean, "decisions"), decisions, check_dtype=False)
    found = report.set_index(["step", "column"])[["rows", "first_row"]].to_numpy().tolist()
    assert found == [[1, 4004], [2, 4002], [1, 4003], [2, 4000]]
    assert report["rows"].sum() == len(dirty) - len(clean)


def test_times_are_parsed_from_text_and_from_epochs():
    log = pd.DataFrame({"user_id": [1, 2, 3], "item_id": [1, 2, 3], "event": "view"})
    clean, report = data.clean(log.assign(timestamp=["2024-03-01", "2024-03-02 10:00", "soon"]), "events")
    assert clean["timestamp"].tolist() == [pd.Timestamp("2024-03-01"), pd.Timestamp("2024-03-02 10:00")]
    assert report.iloc[0].to_dict() == {
        "step": "missing or unreadable",
        "column": "timestamp",
        "rows": 1,
        "first_row": 2,
        "value": "soon",
    }
    clean, report = data.clean(log.assign(timestamp=[0, 1, 2]), "events", epoch="s")
    assert clean["timestamp"].iloc[1] == pd.Timestamp("1970-01-01 00:00:01")
    assert report.empty


def test_outliers_are_capped_only_where_asked(decisions):
    dwell = np.arange(len(decisions), dtype=float)
    clean, report = data.clean(decisions.assign(dwell=dwell), "decisions", cap={"dwell": 0.99})
    assert clean["dwell"].max() == np.quantile(dwell, 0.99, method="inverted_cdf")
    assert report["rows"].tolist() == [40]
    with pytest.raises(ValueError, match="did you mean 'click'"):
        data.clean(decisions, "decisions", cap={"clik": 0.99})
    with pytest.raises(ValueError, match="quantile"):
        data.clean(decisions, "decisions", cap={"x": 99})
    with pytest.raises(ValueError, match="did you mean 'events'"):
        data.clean(decisions, "event")


def test_both_ends_are_capped_by_quantiles_of_what_was_there_and_whole_numbers_stay_whole(decisions):
    dwell = np.arange(len(decisions))
    clean, report = data.clean(decisions.assign(dwell=dwell), "decisions", cap={"dwell": (0.01, 0.99)})
    assert clean["dwell"].dtype == dwell.dtype
    assert [clean["dwell"].min(), clean["dwell"].max()] == [39, 3959]
    assert report[["step", "rows", "first_row"]].to_numpy().tolist() == [
        ["capped at 3959", 40, 3960],
        ["raised to 39", 39, 0],
    ]


def test_quarantine_keeps_every_dropped_row_as_it_was(decisions):
    broken = decisions.astype({"timestamp": object})
    broken.loc[7, "timestamp"] = "soon"
    broken.loc[9, "propensity"] = np.inf
    broken = pd.concat([broken, broken.iloc[[11]]], ignore_index=True)
    broken["timestamp"] = "2024-01-01" + broken["timestamp"].map(
        lambda t: t if t == "soon" else f" 00:{t // 60 % 60:02}:{t % 60:02}"
    )
    clean, report, dropped = data.clean(broken, "decisions", quarantine=True)
    assert len(clean) + len(dropped) == len(broken)
    pd.testing.assert_frame_equal(dropped.drop(columns="reason"), broken.loc[dropped.index])
    assert dropped.loc[[7, 9, 4000], "reason"].tolist() == [
        "missing or unreadable: timestamp",
        "impossible value: propensity",
        "repeated key: user_id + item_id + timestamp",
    ]
    assert dropped["reason"].value_counts().sum() == report["rows"].sum()
    with pytest.raises(ValueError, match="has a column 'reason' already"):
        data.clean(decisions.assign(reason=""), "decisions", quarantine=True)


def test_of_equal_keys_the_first_in_the_order_asked_for_stays():
    log = pd.DataFrame(
        {"user_id": 1, "item_id": 2, "timestamp": 3, "event": "view", "price": [4.0, np.nan, 2.0, 2.0], "row": range(4)}
    )
    assert data.clean(log)[0]["row"].tolist() == [0]
    assert data.clean(log, order_by="price")[0]["row"].tolist() == [2]
    assert data.clean(log, order_by=["event", "row"])[0]["row"].tolist() == [0]
    with pytest.raises(ValueError, match=r"order_by='prise'\): did you mean 'price'"):
        data.clean(log, order_by="prise")


def test_clock_times_of_a_zone_become_utc_and_the_odd_hour_is_reported():
    times = ["2024-01-01 12:00", "2024-07-01 12:00", "2024-10-27 02:30", "2024-03-31 02:30"]
    log = pd.DataFrame({"user_id": range(4), "item_id": 1, "timestamp": pd.to_datetime(times), "event": "view"})
    clean, report = data.clean(log, time_zone="Europe/Berlin")
    utc = ["2024-01-01 11:00", "2024-07-01 10:00", "2024-10-27 00:30", "2024-03-31 01:30"]
    assert clean["timestamp"].tolist() == [pd.Timestamp(time) for time in utc]
    assert report[["rows", "first_row"]].to_numpy().tolist() == [[1, 2], [1, 3]]
    assert report["step"].str.contains("back|never").all()


@pytest.mark.parametrize(
    ("times", "options", "words"),
    [
        ([1_700_000_000], {"time_zone": "UTC"}, "are numbers, not clock times"),
        (["2024-01-01"], {"time_zone": "Europe/Berln"}, "did you mean 'Europe/Berlin'"),
        ([1], {"epoch": "m"}, "epoch='m'.*did you mean 'ms'"),
        ([1], {"cap": {"event": 0.9}}, "only numbers have outliers"),
        ([1], {"cap": {"user_id": (0.9, 0.1)}}, "lower quantile must lie below"),
        ([1], {"bots": pd.DataFrame({"user": [1]})}, "no column 'user_id'"),
    ],
)
def test_what_cannot_be_meant_is_refused(times, options, words):
    log = pd.DataFrame({"user_id": [1], "item_id": 1, "timestamp": times, "event": "view"})
    with pytest.raises(ValueError, match=words):
        data.clean(log, **options)


def test_only_tables_are_cleaned():
    with pytest.raises(TypeError, match="DataFrame or an Ibis table, not list"):
        data.clean([1, 2])
