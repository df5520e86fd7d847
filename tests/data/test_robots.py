"""Bots put into a platform's log are found for the reason they were made with, and people are left alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from causalrec_lab import data
from causalrec_lab.world import Platform

FLAGS = ["too_fast", "too_many", "never_sleeps", "too_regular", "one_track"]
START = pd.Timestamp("2025-03-01")
KINDS = {  # how a bot acts -> the flags it must raise
    "burst": ["too_fast"],
    "clockwork": ["too_regular"],
    "sleepless": ["never_sleeps"],
    "crawler": ["too_many", "never_sleeps"],
    "clicker": ["one_track"],
}


def gaps_of(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Seconds between one event and the next."""
    return {
        "burst": rng.uniform(0, 0.5, 150),
        "clockwork": 600 + rng.uniform(-20, 20, 120),
        "sleepless": rng.exponential(500, 400),
        "crawler": rng.exponential(25, 4_000),
        "clicker": rng.exponential(3_600 * 6, 200),
        "disguised": rng.exponential(3_600 * 12, 60),
    }[kind]


def bot(kind: str, user: int, rng: np.random.Generator) -> pd.DataFrame:
    gaps = gaps_of(kind, rng)
    items = np.full(len(gaps), 7) if kind == "clicker" else rng.integers(0, 300, len(gaps))
    times = START + pd.to_timedelta(np.cumsum(gaps), unit="s").floor("ms")
    return pd.DataFrame({"user_id": user, "item_id": items, "timestamp": times, "event": "view"})


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    events = Platform.make(seed=5, n_users=300, n_items=300).log(8_000, seed=2).events
    return events[["user_id", "item_id", "timestamp", "event"]]


@pytest.fixture(scope="module")
def log(people) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    injected = [bot(kind, 1_000 + 10 * place + copy, rng) for place, kind in enumerate(KINDS) for copy in range(4)]
    disguised = [bot("disguised", 2_000 + copy, rng) for copy in range(4)]
    return pd.concat([people, *injected, *disguised], ignore_index=True)


@pytest.fixture(scope="module")
def flags(log) -> pd.DataFrame:
    return data.bots(log).set_index("user_id")


def test_each_kind_of_bot_raises_its_own_flags(flags):
    for place, kind in enumerate(KINDS):
        raised = flags.loc[1_000 + 10 * place : 1_003 + 10 * place, FLAGS]
        assert raised[KINDS[kind]].all(axis=None), (kind, raised)
        assert flags.loc[raised.index, "bot"].all()


def test_recall_and_precision_and_what_no_pace_can_show(flags, people):
    true = (flags.index >= 1_000) & (flags.index < 2_000)
    found = flags["bot"].to_numpy()
    assert (found & true).sum() / true.sum() == 1
    assert (found & true).sum() / found.sum() >= 0.95  # people of a platform are seldom taken for bots
    assert not flags.loc[2_000:, "bot"].any()  # bots that act like people stay
    assert set(flags.index[flags.index < 1_000]) == set(people["user_id"])


def test_measures_are_the_plain_definitions(log, flags):
    for user in (0, 1_000, 1_011, 1_041):
        mine = log[log["user_id"] == user]
        times = mine["timestamp"]
        seconds = np.unique(times.dt.floor("s").to_numpy().astype("datetime64[s]").astype(np.int64))
        gaps = np.diff(seconds)
        hours = pd.DataFrame({"day": times.dt.date, "hour": times.dt.hour}).drop_duplicates()
        wanted = [
            len(mine),
            times.dt.floor("min").value_counts().max(),
            times.dt.floor("D").value_counts().max(),
            hours.groupby("day").size().max(),
            gaps.std() / gaps.mean(),
            mine["item_id"].nunique() / len(mine),
        ]
        names = ["events", "per_minute", "per_day", "hours", "variation", "distinct"]
        assert flags.loc[user, names].tolist() == pytest.approx(wanted, rel=1e-9)


def test_a_threshold_is_the_most_that_is_allowed_and_a_rule_can_be_off(log, flags):
    most = int(flags.loc[1_000, "per_minute"])
    at, below = (data.bots(log, most_per_minute=limit).set_index("user_id") for limit in (most, most - 1))
    assert not at.loc[1_000, "too_fast"]
    assert below.loc[1_000, "too_fast"]
    off = data.bots(
        log, most_per_minute=None, most_per_day=None, most_hours=None, least_variation=None, least_distinct=None
    )
    assert not off["bot"].any()


def test_dropping_them_is_a_step_of_cleaning_that_is_reported(log, people, flags):
    kept, report = data.clean(log, bots=flags.reset_index())
    line = report[report["step"] == "bot"].iloc[0]
    assert line["rows"] == log["user_id"].isin(flags.index[flags["bot"]]).sum()
    assert not kept["user_id"].isin(flags.index[flags["bot"]]).any()
    assert set(kept["user_id"]) == set(people["user_id"]) | set(range(2_000, 2_004))


def test_every_database_finds_the_same_bots(database, log, flags):
    table = database.load(log, "robots_events")
    found = data.to_memory(data.bots(table)).sort_values("user_id").set_index("user_id")
    found = found.astype(dict.fromkeys([*FLAGS, "bot"], bool))
    assert_frame_equal(found, flags, check_dtype=False, check_index_type=False, rtol=1e-9)


def test_a_pace_needs_a_clock(log):
    with pytest.raises(ValueError, match="timestamps are numbers, and a pace needs their unit"):
        data.bots(log.assign(timestamp=range(len(log))))
    with pytest.raises(ValueError, match="needs the columns"):
        data.bots(log.drop(columns="item_id"))
