"""CSV, Parquet and DuckDB give the same table; wrong addresses, files and mappings say the way out."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from causalrec_lab import data

MAPPING = {"user_id": "customer", "timestamp": "when", "treated": "shown"}


@pytest.fixture
def log() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer": ["a", "b", "c", "d"],
            "item_id": [1, 2, 3, 4],
            "when": pd.to_datetime(["2024-01-01 10:00", "2024-01-02 11:00", "2024-01-03 12:30", "2024-01-04 09:15"]),
            "shown": [True, False, True, False],
            "click": [0, 1, 0, 1],
        }
    )


@pytest.mark.parametrize("kind", ["csv", "parquet", "duckdb", "url"])
def test_every_storage_gives_the_same_decisions(kind, log, tmp_path):
    path = tmp_path / f"log.{kind}"
    if kind == "csv":
        log.to_csv(path, index=False)
    elif kind == "parquet":
        log.to_parquet(path)
    else:
        path = tmp_path / "shop.duckdb"
        database = data.connect(f"duckdb:///{path}")
        database.create_table("shown_items", log)
        database.create_table("other", log.head(1))
        database.disconnect()
        path = f"duckdb:///{path}" if kind == "url" else path
    source = "shown_items" if kind in ("duckdb", "url") else None
    read = data.read(path, mapping=MAPPING, table="decisions", source=source)
    expected = log.rename(columns={yours: name for name, yours in MAPPING.items()}).astype({"treated": "int64"})
    assert_frame_equal(read.decisions, expected, check_dtype=False)
    assert read.decisions["treated"].dtype == "int64"
    assert pd.api.types.is_datetime64_any_dtype(read.decisions["timestamp"])


def test_an_ibis_expression_stays_lazy_and_runs_in_duckdb(log):
    database = data.connect("duckdb://")
    table = database.create_table("log", log)
    rate = table.group_by("shown").agg(rate=table.click.mean()).order_by("shown")
    assert rate.to_pandas()["rate"].tolist() == [1.0, 0.0]


def test_a_broken_contract_is_named(log, tmp_path):
    log.assign(shown=1).to_csv(tmp_path / "log.csv", index=False)
    with pytest.raises(data.SchemaError, match="single class"):
        data.read(tmp_path / "log.csv", mapping=MAPPING, table="decisions")


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"user_id": "custmer"}, "did you mean 'customer'"),
        ({"customer": "user_id"}, r"mapping goes from contract name to yours: \{'user_id': 'customer'\}"),
        ({"item_id": "customer"}, "already has a column 'item_id'"),
    ],
)
def test_a_wrong_mapping_says_how_it_goes(mapping, words, log, tmp_path):
    log.to_csv(tmp_path / "log.csv", index=False)
    with pytest.raises(ValueError, match=words):
        data.read(tmp_path / "log.csv", mapping=mapping, table="decisions")


def test_wrong_addresses(tmp_path, log):
    with pytest.raises(ValueError, match=r"did you mean 'postgres'.*data.connect takes duckdb"):
        data.connect("postgre://host/shop")
    with pytest.raises(ValueError, match="no scheme"):
        data.connect("shop.duckdb")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        data.connect(f"duckdb:///{tmp_path}/nowhere/shop.duckdb")
    with pytest.raises(FileNotFoundError, match="no such file"):
        data.read(tmp_path / "log.csv")
    (tmp_path / "log.xlsx").write_text("")
    with pytest.raises(ValueError, match=r"must end in one of \.csv"):
        data.read(tmp_path / "log.xlsx")
    database = data.connect(f"duckdb:///{tmp_path}/shop.duckdb")
    database.create_table("orders", log)
    database.create_table("views", log)
    database.disconnect()
    with pytest.raises(ValueError, match=r"no table 'order' in the database: did you mean 'orders'"):
        data.read(tmp_path / "shop.duckdb", source="order")


def test_names_from_outside_are_never_pasted_into_sql(tmp_path, log):
    """A table or column name that is itself SQL is a name like any other."""
    name = 'x"; DROP TABLE orders; --'
    database = data.connect(f"duckdb:///{tmp_path}/shop.duckdb")
    database.create_table("orders", log)
    database.create_table(name, log.rename(columns={"customer": name}))
    database.disconnect()
    read = data.read(tmp_path / "shop.duckdb", {**MAPPING, "user_id": name}, "decisions", source=name)
    assert len(read.decisions) == len(log)
    assert len(data.connect(f"duckdb:///{tmp_path}/shop.duckdb").table("orders").to_pandas()) == len(log)


def test_the_sample_that_comes_with_the_project_reads_as_decisions():
    path = Path(__file__).parents[2] / "data" / "sample" / "decisions.csv"
    names = {"user_id": "customer", "item_id": "product", "timestamp": "decided_at", "treated": "shown"}
    read = data.read(path, {**names, "propensity": "chance_shown"}, "decisions")
    assert len(read.decisions) == 600
    assert data.overlap(read.decisions).p_value > 0.001


def small(start: int) -> pd.DataFrame:
    return pd.DataFrame({"user_id": [1, 2], "item_id": 1, "timestamp": [start, start + 1], "event": "view"})


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_many_files_are_one_table_in_their_order(kind, tmp_path):
    paths = [tmp_path / f"day={day}" / f"log.{kind}" for day in (1, 2, 3)]
    for start, path in enumerate(paths):
        path.parent.mkdir()
        small(10 * start).to_csv(path, index=False) if kind == "csv" else small(10 * start).to_parquet(path)
    times = [0, 1, 10, 11, 20, 21]
    for way in (paths, tmp_path, str(tmp_path / "*" / f"*.{kind}"), [str(path) for path in paths]):
        read = data.read(way)
        assert read.events["timestamp"].tolist() == times
        assert "3 files" in read.about.source
    assert data.read(paths[::-1]).events["timestamp"].tolist() == [20, 21, 10, 11, 0, 1]


def test_files_that_do_not_belong_together_are_refused(tmp_path):
    small(0).to_csv(tmp_path / "a.csv", index=False)
    small(0).rename(columns={"event": "what"}).to_csv(tmp_path / "b.csv", index=False)
    small(0).to_parquet(tmp_path / "c.parquet")
    with pytest.raises(ValueError, match=r"'.*a\.csv' and '.*b\.csv' differ in their columns \(\['event', 'what'\]\)"):
        data.read(str(tmp_path / "*.csv"))
    with pytest.raises(ValueError, match=r"must be of one kind, not .*(a|b)\.csv and .*c\.parquet"):
        data.read([tmp_path / "a.csv", tmp_path / "c.parquet"])
    with pytest.raises(FileNotFoundError, match="the pattern matches no file"):
        data.read(str(tmp_path / "z*.csv"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="the folder holds no file"):
        data.read(tmp_path / "empty")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", "user_id,item_id,timestamp,event\n1,2,3,Müller\n".encode("latin-1"), "not UTF-8.*iconv"),
        ("a.csv", b"user_id,item_id,timestamp,event\n", "the table has no rows"),
        ("a.csv", b"", "'user_id' .*is not there"),
        ("a.parquet", b"no Parquet", "DuckDB cannot read it.*what its name says"),
        ("a.duckdb", b"no database" * 99, "not a valid DuckDB database"),
    ],
)
def test_files_that_are_not_what_they_say(name, content, words, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=words):
        data.read(tmp_path / name)


def test_only_the_columns_asked_for_come(log, tmp_path):
    log.to_csv(tmp_path / "log.csv", index=False)
    read = data.read(tmp_path / "log.csv", MAPPING, "decisions", columns=[])
    assert list(read.decisions) == ["user_id", "item_id", "timestamp", "treated"]
    with pytest.raises(ValueError, match="no column 'clicks': did you mean 'click'"):
        data.read(tmp_path / "log.csv", MAPPING, "decisions", columns=["clicks"])
    with pytest.raises(ValueError, match=r"give a list of names, \['click'\]"):
        data.read(tmp_path / "log.csv", MAPPING, "decisions", columns="click")


def test_a_lazy_table_stands_under_the_contract_s_names_and_has_not_moved(log, tmp_path):
    log.to_parquet(tmp_path / "log.parquet")
    rows = data.read(tmp_path / "log.parquet", MAPPING, "decisions", lazy=True)
    assert rows.columns == ("user_id", "item_id", "timestamp", "treated", "click")
    read = data.read(rows.filter(rows.click == 1), table="decisions", errors="warn")
    assert read.decisions["user_id"].tolist() == ["b", "d"]
    with pytest.raises(ValueError, match="is given already"):
        data.read(rows, table="decisions", source="log")
