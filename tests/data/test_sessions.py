"""Sessions are the plain definition, user by user, and the same wherever the log lives."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalrec_lab import data

ADDED = ["session", "session_id", "session_position"]


def random_log(seed: int, n: int = 150) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "user_id": pd.Series(rng.integers(0, 9, n)).map("User {}".format),
            "item_id": rng.integers(0, 6, n),
            "timestamp": rng.integers(0, 300, n),  # many ties
            "row": np.arange(n),
        },
        index=rng.permutation(n),
    )


@settings(max_examples=10, deadline=None)
@given(log=st.integers(0, 10_000).map(random_log), gap=st.sampled_from([1, 7, 7.5, 40]))
def test_sessions_are_the_plain_definition(log, gap):
    made = data.sessions(log, gap)
    assert made[log.columns.tolist()].equals(log)
    for _, rows in made.groupby("user_id"):
        session, place, last = 0, 0, -np.inf
        for row in rows.sort_values("timestamp", kind="stable").itertuples():
            new = row.timestamp > last + gap
            session, place, last = session + new, 1 if new else place + 1, row.timestamp
            assert (row.session, row.session_position) == (session, place)
    pairs = made.drop_duplicates(["user_id", "session"])
    assert sorted(pairs["session_id"]) == list(range(1, len(pairs) + 1))
    assert made.groupby("session_id")[["user_id", "session"]].nunique().eq(1).all(axis=None)


def dated(log: pd.DataFrame) -> pd.DataFrame:
    times = pd.Timestamp("2024-03-30 22:00") + pd.to_timedelta(log["timestamp"], unit="min")
    return log.assign(timestamp=times).reset_index(drop=True)


def test_the_same_sessions_wherever_the_log_lives(backend):
    log = dated(random_log(1, 600))
    table = backend.load(log, "session_events")
    for ties in (["row"], ["item_id", "row"]):
        ours, theirs = data.sessions(log, "7min", ties=ties), data.sessions(table, "7min", ties=ties)
        assert list(theirs.columns) == [*log.columns, *ADDED]
        found = theirs.to_pandas().sort_values("row", ignore_index=True)
        pd.testing.assert_frame_equal(found, ours, check_dtype=False)
    borders = data.sessions(table, pd.Timedelta("7min")).to_pandas().set_index("row")["session_id"]
    assert borders.sort_index().tolist() == ours["session_id"].tolist()  # ties never move them


def test_a_pause_as_long_as_the_gap_ends_no_session():
    times = pd.to_datetime(["2024-01-01 10:00:00", "2024-01-01 10:30:00", "2024-01-01 11:00:01"])
    log = pd.DataFrame({"user_id": 1, "timestamp": times})
    assert data.sessions(log)["session"].tolist() == [1, 1, 2]


@pytest.mark.parametrize(
    ("change", "gap", "words"),
    [
        ({}, "often", "'often' is no duration"),
        ({}, 30, "30 is no duration"),
        ({}, "-5min", "'-5min' is not positive"),
        ({}, "0s", "'0s' is not positive"),
        ({}, "1us", "finer than a millisecond"),
        ({"timestamp": 3}, "30min", "'30min' is no positive number"),
        ({"timestamp": pd.NaT}, "30min", "missing in 150 rows, first at row 0"),
        ({"user_id": None}, "30min", "'user_id' is missing in 150 rows"),
        ({"timestamp": "soon"}, "30min", "neither numeric nor datetime"),
        ({"session_id": 1}, "30min", "already have a column 'session_id'"),
    ],
)
def test_faults_are_named(change, gap, words):
    with pytest.raises(ValueError, match=words):
        data.sessions(dated(random_log(0)).assign(**change), gap)


def test_missing_columns_and_ties_are_named():
    with pytest.raises(ValueError, match=r"\['user_id'\] not there"):
        data.sessions(random_log(0).drop(columns="user_id"), 5)
    with pytest.raises(ValueError, match="did you mean 'item_id'"):
        data.sessions(random_log(0), 5, ties=["item"])
