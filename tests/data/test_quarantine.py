"""Broken rows are set apart with every reason; nothing is lost; a fault of the whole table still stops."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalrec_lab import data

N = 1_000
BREAKS = {
    "user_id": (None, "user_id is missing"),
    "treated": (2.0, "treated is not 0 or 1"),
    "propensity": (1.7, "propensity is outside (0, 1]"),
    "position": (-1.0, "position is negative"),
}


@pytest.fixture
def log() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "user_id": rng.integers(0, 90, N).astype(float),
            "item_id": np.arange(N),
            "timestamp": pd.Timestamp(2024, 1, 1) + pd.to_timedelta(np.arange(N), unit="min"),
            "treated": rng.integers(0, 2, N).astype(float),
            "propensity": rng.uniform(0.1, 0.9, N),
            "position": rng.integers(0, 9, N).astype(float),
        }
    )


def with_breaks(log: pd.DataFrame, rows: dict[str, list[int]]) -> pd.DataFrame:
    broken = log.copy()
    for column, places in rows.items():
        broken.loc[places, column] = BREAKS[column][0]
    return broken


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(BREAKS)), st.lists(st.integers(0, 59), unique=True, max_size=6)))
def test_kept_and_quarantined_are_what_was_given_and_every_reason_is_told(rows):
    n = 60
    frame = pd.DataFrame(
        {"user_id": np.arange(n) * 1.0, "item_id": 1, "timestamp": np.arange(n), "treated": [0.0, 1.0] * (n // 2)}
    ).assign(propensity=0.5, position=1.0)
    broken = with_breaks(frame, rows)
    kept, apart = data.schema.check(broken, "decisions", errors="quarantine")
    expected = {row: sorted(BREAKS[c][1] for c, places in rows.items() if row in places) for row in range(n)}
    expected = {row: reasons for row, reasons in expected.items() if reasons}
    assert {row: sorted(why.split("; ")) for row, why in zip(apart["row"], apart["reason"], strict=True)} == expected
    pd.testing.assert_frame_equal(kept, broken.drop(index=list(expected)).reset_index(drop=True))
    pd.testing.assert_frame_equal(
        apart[frame.columns].set_index(apart["row"]), broken.loc[apart["row"]], check_names=False
    )


def test_a_tenth_of_broken_rows_is_read_and_warned_of(log, tmp_path, caplog):
    rows = {"user_id": list(range(0, 300, 10)), "propensity": list(range(5, 705, 10))}
    with_breaks(log, rows).rename(columns={"user_id": "customer"}).to_csv(tmp_path / "log.csv", index=False)
    with caplog.at_level(logging.WARNING):
        own = data.read(tmp_path / "log.csv", {"user_id": "customer"}, "decisions", errors="quarantine")
    apart = own.extra["quarantine"]
    assert (len(own.decisions), len(apart)) == (900, 100)
    assert list(apart.columns) == [*log.rename(columns={"user_id": "customer"}).columns, "row", "reason"]
    assert set(apart["row"]) == {*rows["user_id"], *rows["propensity"]}
    assert "100 of 1000 rows quarantined (propensity is outside (0, 1]: 70, user_id is missing: 30)" in caplog.text
    with pytest.raises(data.SchemaError, match="in 30 of 1,000 rows, first at row 0"):
        data.read(tmp_path / "log.csv", {"user_id": "customer"}, "decisions")


def test_text_among_numbers_far_down_a_file_and_torn_lines_are_kept_apart_as_they_were(log, tmp_path):
    long = pd.concat([log] * 30, ignore_index=True).assign(item_id=np.arange(30 * N))
    lines = long.to_csv(index=False).splitlines()
    fields = lines[25_001].split(",")
    lines[25_001] = ",".join([*fields[:4], "often", *fields[5:]])  # DuckDB has guessed the type from rows before it
    lines[29_000] = "1,2"
    lines.append("1,2,3,4,5,6,7,8")
    (tmp_path / "log.csv").write_text("\n".join(lines) + "\n")
    own = data.read(tmp_path / "log.csv", table="decisions", errors="quarantine")
    apart = own.extra["quarantine"]
    assert len(own.decisions) + len(apart) == 30 * N + 1
    assert own.decisions["propensity"].dtype == "float64"
    assert apart["propensity"].iloc[0] == "often"
    assert apart[["row", "reason"]].iloc[0].tolist() == [25_000, "propensity is no number"]
    torn = apart[apart["row"] == -1]
    assert sorted(torn["text"]) == ["1,2", "1,2,3,4,5,6,7,8"]
    assert torn["line"].tolist() == [29_001, 30_002]
    assert torn["reason"].str.contains("cannot be taken apart: Expected Number of Columns: 6 Found").all()
    with pytest.raises(data.SchemaError, match=r"log.csv.*line 29,?001.*errors='quarantine'"):
        data.read(tmp_path / "log.csv", table="decisions")


def test_of_equal_keys_the_first_good_row_stays(log):
    twice = pd.concat([log, log.iloc[[3, 4]]], ignore_index=True)
    twice.loc[3, "propensity"] = 7.0
    kept, apart = data.schema.check(twice, "decisions", errors="quarantine")
    assert apart["row"].tolist() == [3, N + 1]
    assert apart["reason"].tolist() == ["propensity is outside (0, 1]", "user_id + item_id + timestamp repeats a key"]
    assert len(kept) == N


def test_times_in_another_format_are_set_apart_if_the_format_is_told(log, tmp_path):
    written = log["timestamp"].dt.strftime("%d/%m/%Y %H:%M")
    written.iloc[7], written.iloc[9] = "2024-01-01 00:07", "soon"
    log.assign(timestamp=written).to_csv(tmp_path / "log.csv", index=False)
    own = data.read(tmp_path / "log.csv", table="decisions", errors="quarantine", time_format="%d/%m/%Y %H:%M")
    apart = own.extra["quarantine"]
    assert apart["row"].tolist() == [7, 9]
    assert apart["timestamp"].tolist() == ["2024-01-01 00:07", "soon"]
    assert apart["reason"].tolist() == ["timestamp is no time"] * 2
    assert own.decisions["timestamp"].iloc[-1] == log["timestamp"].iloc[-1]


def test_faults_of_the_whole_table_still_stop(log):
    half, more = (log.assign(propensity=np.where(np.arange(N) < n, 3.0, 0.5)) for n in (N // 2, N // 2 + 1))
    assert len(data.schema.check(half, "decisions", errors="quarantine")[1]) == N // 2
    with pytest.raises(data.SchemaError, match=r"501 of 1,000 rows break .* more than half \(propensity is outside"):
        data.schema.check(more, "decisions", errors="quarantine")
    with pytest.raises(data.SchemaError, match=r"'user_id' .*is not there"):
        data.schema.check(log.drop(columns="user_id"), "decisions", errors="quarantine")
    with pytest.raises(data.SchemaError, match="single class"):
        data.schema.check(log.assign(treated=1), "decisions", errors="quarantine")
    with pytest.raises(ValueError, match="did you mean 'quarantine'"):
        data.schema.check(log, "decisions", errors="quarantin")


def test_nothing_broken_gives_an_empty_quarantine_and_own_columns_are_not_overwritten(log):
    kept, apart = data.schema.check(log, "decisions", errors="quarantine")
    pd.testing.assert_frame_equal(kept, log)
    assert apart.empty
    named = log.assign(row="mine", propensity=np.where(np.arange(N) == 4, 3.0, 0.5))
    apart = data.schema.check(named, "decisions", errors="quarantine")[1]
    assert apart[["row", "row_", "reason"]].iloc[0].tolist() == ["mine", 4, "propensity is outside (0, 1]"]
