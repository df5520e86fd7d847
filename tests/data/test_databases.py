"""The same table from every database; what does not fit stays there; missing drivers and wrong addresses are told."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from causalrec_lab import data
from causalrec_lab.data.storage.connections import table_names

MAPPING = {"user_id": "customer", "timestamp": "when", "treated": "shown"}
N = 3_000


@pytest.fixture(scope="module")
def log() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "customer": [f"c{i:03d}" for i in rng.integers(0, 400, N)],
            "item_id": np.arange(N),
            "when": pd.Timestamp(2024, 3, 1) + pd.to_timedelta(rng.integers(0, 10**6, N), unit="s"),
            "shown": rng.integers(0, 2, N),
            "click": rng.integers(0, 2, N),
            "dwell": np.where(rng.uniform(size=N) < 0.1, np.nan, rng.exponential(9, N)),
            "title": ["naïve; \"quoted\", 'twice'\n中文"] * N,
        }
    )


@pytest.fixture(scope="module")
def expected(log) -> pd.DataFrame:
    return log.rename(columns={yours: name for name, yours in MAPPING.items()})


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values("item_id", ignore_index=True)


def test_a_table_comes_out_as_it_went_in(database, log, expected):
    table = database.load(log, "shown_items")
    read = data.read(table, MAPPING, "decisions")
    pd.testing.assert_frame_equal(in_order(read.decisions), expected, check_dtype=False, rtol=1e-12)
    kinds = {name: str(kind) for name, kind in read.decisions.dtypes.items()}
    assert (kinds["timestamp"], kinds["user_id"], kinds["dwell"]) == ("datetime64[us]", "str", "float64")
    if database.url:
        database.load(log.head(5), "other")
        by_address = data.read(database.url, MAPPING, "decisions", source="shown_items", columns=["click"])
        five = ["user_id", "item_id", "timestamp", "treated", "click"]
        pd.testing.assert_frame_equal(in_order(by_address.decisions), expected[five], check_dtype=False)
        with pytest.raises(ValueError, match="no table 'shown_item' in the database: did you mean 'shown_items'"):
            data.read(database.url, source="shown_item")


def test_one_expression_gives_equal_frames_everywhere(database, log, expected):
    table = data.read(database.load(log, "shown_items"), MAPPING, "decisions", lazy=True)
    clicks = table.click.cast("float64")  # MySQL's mean of whole numbers has four decimals
    rates = table.group_by("treated").agg(n=table.count(), rate=clicks.mean(), longest=table.dwell.max())
    frame = data.to_memory(rates.order_by("treated"))
    groups = expected.groupby("treated")
    by_hand = pd.DataFrame({"n": groups.size(), "rate": groups["click"].mean(), "longest": groups["dwell"].max()})
    pd.testing.assert_frame_equal(frame, by_hand.reset_index(), check_dtype=False)


def test_broken_rows_are_set_apart_from_every_database(database, log):
    broken = log.assign(customer=log["customer"].mask(log["item_id"] % 10 == 4), chance=0.5)
    broken.loc[broken["item_id"] % 100 == 7, "chance"] = 1.5
    names = {**MAPPING, "propensity": "chance"}
    own = data.read(database.load(broken, "broken"), names, "decisions", errors="quarantine")
    apart = own.extra["quarantine"]
    assert (len(own.decisions), len(apart)) == (N - N // 10 - N // 100, N // 10 + N // 100)
    assert apart.groupby("reason").size().to_dict() == {
        "propensity is outside (0, 1]": N // 100,
        "user_id is missing": N // 10,
    }
    assert set(apart.loc[apart["reason"] == "user_id is missing", "item_id"] % 10) == {4}


def test_what_does_not_fit_is_counted_and_left(database, log):
    table = database.load(log, "shown_items")
    ways = r"3,000 rows x 7 columns.*limit of 100 rows \(limit_rows=\); nothing was taken.*columns=.*filter.*lazy=True"
    with pytest.raises(data.DoesNotFit, match=ways):
        data.read(table, MAPPING, "decisions", limit_rows=100)
    size = data.to_memory(table).memory_usage(deep=True).sum()
    with pytest.raises(data.DoesNotFit, match=r"about \d+\.\d kB in memory, more than the limit of 50\.0 kB"):
        data.to_memory(table, limit_bytes=50_000)
    assert len(data.to_memory(table, limit_bytes=1.2 * size, limit_rows=N)) == N
    with pytest.raises(ValueError, match="limit_rows=0"):
        data.to_memory(table, limit_rows=0)


def test_a_file_is_written_whole(database, log, tmp_path):
    table = database.load(log, "shown_items")
    path = data.to_parquet(table.order_by("item_id"), tmp_path / "out.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(path), log, check_dtype=False, rtol=1e-12)
    assert [one.name for one in tmp_path.iterdir()] == ["out.parquet"]
    assert len(data.read(path, MAPPING, "decisions").decisions) == N


def test_a_missing_driver_names_its_extra(monkeypatch):
    for address, package, extra in (
        ("postgres://u@h/d", "psycopg", "postgres"),
        ("mysql://u@h/d", "MySQLdb", "mysql"),
        ("pyspark://", "pyspark", "spark"),
    ):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(data.MissingDriver, match=rf"needs the package {package} .*pip install -e '\.\[{extra}\]'"):
            data.connect(address)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("oracle://host/d", r"known are duckdb.*data\.connect takes duckdb"),
        ("postgre://host/d", "did you mean 'postgres'"),
        ("pyspark://nonsense", "that is no Spark master"),
        ("postgres://u:p@h:port/d", "cannot be taken apart.*percent|cannot be taken apart.*%40"),
    ],
)
def test_wrong_addresses_say_how_they_go(address, words):
    with pytest.raises(ValueError, match=words):
        data.connect(address)


def test_a_schema_of_postgres_is_named_in_the_path(backend, log):
    if backend.name != "postgres":
        pytest.skip("only PostgreSQL has schemas in its address")
    server, _, corner = backend.url.rpartition("/")
    backend.load(log, "here")
    assert "here" in table_names(data.connect(f"{server}/{corner}"))
    assert "here" not in table_names(data.connect(server))


@pytest.mark.parametrize("address", ["sc://127.0.0.1:1/;token=s3ntinel", "spark://127.0.0.1:1"])
def test_a_cluster_that_does_not_answer_is_told_at_once(address):
    pytest.importorskip("pyspark")
    with pytest.raises(data.DatabaseUnreachable, match=r"refused.*master's address is right") as caught:
        data.connect(address)
    assert "s3ntinel" not in str(caught.value)
