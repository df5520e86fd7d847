"""Decisions are what they claim to be: treated and outcomes as in the log, and what was assumed is said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causalrec_lab import data


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
