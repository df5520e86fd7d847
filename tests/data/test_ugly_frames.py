"""Frames as they come: ids of two kinds, objects, indexes that repeat a column's name, missing ids; told, or borne."""

from __future__ import annotations

import uuid

import numpy as np
import pandas as pd
import pytest

from causalrec_lab import data
from causalrec_lab.data.storage.addresses import has_password, redacted

N = 40


@pytest.fixture
def events() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    log = pd.DataFrame(
        {
            "user_id": rng.integers(0, 4, N),
            "item_id": rng.integers(0, 5, N),
            "timestamp": pd.Timestamp(2024, 1, 1) + pd.to_timedelta(np.arange(N) * 7, unit="min"),
            "event": "view",
        }
    )
    log.loc[::3, "event"], log.loc[::7, "event"] = "click", "purchase"
    return log


CALLS = {
    "sessions": lambda log: data.sessions(log, "1h"),
    "as_of": lambda log: data.as_of(log[["user_id", "item_id", "timestamp"]], log),
    "decisions": lambda log: data.decisions(log, window="2h"),
    "eligible": lambda log: data.decisions(log, log[["user_id", "item_id", "timestamp"]], window="2h"),
    "negatives": lambda log: data.negatives(log, 1, exclude_seen=False),
    "bots": data.bots,
}
WHOLE = ("sessions", "as_of", "decisions", "eligible", "negatives")


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (lambda i: "7" if i == 0 else 7 + i, r"'7' \(str\).*astype\(str\)"),
        (lambda i: uuid.UUID(int=i), r"UUID.*astype\(str\)"),
    ],
    ids=["two kinds", "uuid"],
)
def test_ids_of_two_kinds_or_objects_are_told_and_not_compared(events, name, ids, said):
    mixed = events.assign(user_id=pd.Series([ids(int(i)) for i in events["user_id"]], dtype=object))
    with pytest.raises(ValueError, match=rf"column 'user_id' holds .*{said}"):
        CALLS[name](mixed)
    CALLS[name](mixed.assign(user_id=mixed["user_id"].astype(str)))


@pytest.mark.parametrize("name", WHOLE)
def test_a_missing_user_is_refused_and_not_taken_for_one(events, name):
    missing = events.assign(user_id=events["user_id"].where(events["user_id"] > 0))
    with pytest.raises(ValueError, match="'user_id' is missing in"):
        CALLS[name](missing)


@pytest.mark.parametrize("name", ["decisions", "as_of", "negatives", "sessions"])
def test_nor_in_a_table_of_a_database(events, name):
    missing = events.assign(user_id=events["user_id"].astype("Int64").where(events["user_id"] > 0))
    table = data.connect().create_table("missing", missing)
    with pytest.raises(ValueError, match="'user_id' is missing in"):
        CALLS[name](table)


@pytest.mark.parametrize("name", CALLS)
def test_a_column_that_stands_twice_is_refused(events, name):
    with pytest.raises(ValueError, match="'user_id' stands"):
        CALLS[name](pd.concat([events, events[["user_id"]]], axis=1))


def test_an_index_named_like_a_column_changes_nothing(events):
    named = events.set_index(events["user_id"])
    for call in (*CALLS.values(), lambda log: data.split_leave_one_out(log).test, lambda log: data.k_core(log, 2)):
        left, right = call(named), call(events)
        pd.testing.assert_frame_equal(left.reset_index(drop=True), right.reset_index(drop=True))


def test_ids_beyond_the_signed_integers_are_drawn_for(events):
    huge = events.assign(user_id=events["user_id"].astype("uint64") + np.uint64(2**63))
    made = data.decisions(huge, window="2h", draws=2)
    assert made["user_id"].dtype == "uint64"
    assert set(made["user_id"]) == set(huge["user_id"])


def test_times_finer_than_a_microsecond_say_how_to_cut_them(events):
    fine = events.assign(timestamp=events["timestamp"].astype("datetime64[ns]") + pd.Timedelta(7, "ns"))
    with pytest.raises(ValueError, match=r"finer than a microsecond.*dt\.floor\('us'\)"):
        data.sessions(fine)
    data.sessions(fine.assign(timestamp=fine["timestamp"].dt.floor("us").dt.as_unit("us")))


def impressions(**columns: list[object]) -> pd.DataFrame:
    at = pd.Timestamp(2024, 1, 1)
    shown = pd.DataFrame({"user_id": [1, 1, 2, 2], "item_id": [1, 2, 3, 1], "timestamp": at, "category": list("ABAA")})
    return shown.assign(**columns)


@pytest.mark.parametrize(
    ("columns", "options", "said"),
    [
        ({"category": ["A", "B", "A", "B"]}, {"comparable": "category"}, "1 items have more than one category"),
        ({"category": ["A", "B", None, "A"]}, {"comparable": "category"}, "'category' is missing in 1 rows"),
        ({"request": ["r", None, "s", "s"]}, {"request": "request"}, "'request' is missing in 1 rows"),
    ],
)
def test_impressions_whose_rows_would_be_lost_or_count_twice_are_refused(events, columns, options, said):
    shown = impressions(**columns)
    database = data.connect()
    for table in (lambda name, frame: frame, database.create_table):
        with pytest.raises(ValueError, match=said):
            data.decisions(table("events", events), impressions=table("shown", shown), draws=None, **options)


def test_negatives_want_events_and_categories():
    pairs = pd.DataFrame({"user_id": [1, 2], "item_id": [1, 2], "category": ["A", None]})
    with pytest.raises(ValueError, match="no events"):
        data.negatives(pairs.iloc[:0], 1)
    with pytest.raises(ValueError, match="'category' of events is missing for 1 items"):
        data.negatives(pairs, 1, law="in-category")


@pytest.mark.parametrize(
    "text",
    [
        "host=db user=u password=geheim1 dbname=x",
        "password = 'geh eim1'",
        "  POSTGRES://u:geheim1@127.0.0.1:1/x",
        "x?pwd=geh eim1",
    ],
)
def test_a_password_is_seen_in_other_spellings_of_an_address(text):
    assert has_password(text)
    assert "eim1" not in redacted(text)
    for call in (data.read, data.connect):
        with pytest.raises((ValueError, OSError), match=r"\*\*\*|psycopg") as error:
            call(text)
        assert "eim1" not in str(error.value)


def test_duckdb_takes_no_options_for_a_part_of_the_name(tmp_path):
    with pytest.raises(ValueError, match="no options"):
        data.connect(f"duckdb:///{tmp_path}/x.duckdb?token=geheim1")
    assert not list(tmp_path.iterdir())


def test_what_is_no_path_and_what_is_no_mapping_is_told(events, tmp_path):
    with pytest.raises(TypeError, match="a frame is read already"):
        data.read(events)
    with pytest.raises(TypeError, match="an address or an Ibis table, not NoneType"):
        data.read(None)
    events.to_csv(tmp_path / "log.csv", index=False)
    with pytest.raises(TypeError, match="give a dictionary"):
        data.read(tmp_path / "log.csv", ["user_id"])
    with pytest.raises(ValueError, match="both name your column 'user_id'"):
        data.read(tmp_path / "log.csv", {"who": "user_id", "what": "user_id"})


def decisions(n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(8)
    made = {"user_id": np.arange(n), "item_id": rng.integers(0, 9, n), "treated": rng.integers(0, 2, n)}
    return pd.DataFrame(made).assign(timestamp=pd.Timestamp(2024, 1, 1), propensity=0.5)


def test_a_report_on_one_arm_or_half_a_column_of_propensities_is_a_report():
    one_arm = data.quality_report(data.Dataset("log", decisions=decisions().assign(treated=1)))
    assert one_arm.findings["check"].iloc[0] == "no untreated rows"
    assert one_arm.overlap is None
    half = decisions()
    half["propensity"] = half["propensity"].where(half.index % 2 == 0)
    assert "missing" in set(data.quality_report(data.Dataset("log", decisions=half)).findings["check"])


def test_a_report_bears_an_index_named_like_a_column_and_refuses_a_column_twice(events):
    named = data.quality_report(data.Dataset("log", events=events.set_index(events["user_id"])))
    assert named.figures == data.quality_report(data.Dataset("log", events=events)).figures
    with pytest.raises(ValueError, match="quality_report: column 'event' stands more than once"):
        data.quality_report(data.Dataset("log", events=pd.concat([events, events[["event"]]], axis=1)))
    arrow = events.convert_dtypes(dtype_backend="pyarrow").assign(item_id=range(N))  # outcomes of pairs never shown
    assert "outcome without exposure" in set(data.quality_report(data.Dataset("log", events=arrow)).findings["check"])
    empty = data.quality_report(data.Dataset("log", events=events.iloc[:0]))
    assert empty.exposure is None
