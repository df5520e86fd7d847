"""What cleaning takes away is what was broken, and the report says so; decisions are what they claim to be."""

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
    assert clean["dwell"].max() == pytest.approx(np.quantile(dwell, 0.99))
    assert report["rows"].tolist() == [40]
    with pytest.raises(ValueError, match="did you mean 'click'"):
        data.clean(decisions, "decisions", cap={"clik": 0.99})
    with pytest.raises(ValueError, match="quantile"):
        data.clean(decisions, "decisions", cap={"x": 99})
    with pytest.raises(ValueError, match="did you mean 'events'"):
        data.clean(decisions, "event")


def test_decisions_from_events_are_the_plain_definition():
    rng = np.random.default_rng(3)
    n = 400
    events = pd.DataFrame(
        {
            "user_id": rng.integers(0, 10, n),
            "item_id": rng.integers(0, 8, n),
            "timestamp": rng.permutation(n) / 4,
            "event": rng.choice(["view", "click", "purchase"], n, p=[0.6, 0.3, 0.1]),
        }
    )
    eligible = pd.DataFrame({"user_id": rng.integers(0, 10, 90), "item_id": rng.integers(0, 8, 90)})
    eligible["timestamp"] = rng.permutation(90)
    made = data.decisions(events, eligible, window=20)
    for row in made.itertuples():
        after = events["timestamp"].between(row.timestamp, row.timestamp + 20, inclusive="left")
        mine = events[after & (events["user_id"] == row.user_id) & (events["item_id"] == row.item_id)]
        seen = [int((mine["event"] == name).any()) for name in ("view", "click", "purchase")]
        assert seen == [row.treated, row.click, row.purchase]
    assert 0 < made["treated"].mean() < 1


def test_decisions_of_shown_rows_alone_are_refused():
    events = pd.DataFrame({"user_id": [1, 2], "item_id": [1, 1], "timestamp": [1, 2], "event": ["view", "view"]})
    with pytest.raises(data.SchemaError, match="single class"):
        data.decisions(events, events[["user_id", "item_id", "timestamp"]], outcomes=())
    with pytest.raises(ValueError, match="no event 'click'"):
        data.decisions(events, events[["user_id", "item_id", "timestamp"]])
