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
    assert clean["dwell"].max() == pytest.approx(np.quantile(dwell, 0.99))
    assert report["rows"].tolist() == [40]
    with pytest.raises(ValueError, match="did you mean 'click'"):
        data.clean(decisions, "decisions", cap={"clik": 0.99})
    with pytest.raises(ValueError, match="quantile"):
        data.clean(decisions, "decisions", cap={"x": 99})
    with pytest.raises(ValueError, match="did you mean 'events'"):
        data.clean(decisions, "event")
