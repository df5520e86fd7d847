"""A small log made here, so that these tests need no other room and no download; and the databases they run in."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest

from causalrec_lab import data

_HOW = "run them by tests/with_databases.sh make test, or `make test-databases`"


@dataclass
class Backend:
    """One database of the tests: `load` brings a frame into it, `url` opens it again (None: it cannot be)."""

    name: str
    connection: Any
    url: str | None = field(repr=False)

    def load(self, frame: pd.DataFrame, name: str) -> Any:
        """A table of the database with these rows, by the database's quickest way in; one of that name is replaced."""
        import ibis

        if self.name == "duckdb":
            return self.connection.create_table(name, frame, overwrite=True)
        if self.name == "pyspark":
            import pyarrow as pa

            rows = pa.Table.from_pandas(frame, preserve_index=False)  # NaN becomes NULL on this way
            self.connection._session.createDataFrame(rows).createOrReplaceTempView(name)
            return self.connection.table(name)
        self.connection.drop_table(name, force=True)
        schema = ibis.memtable(frame).schema()
        self.connection.create_table(name, schema=schema)
        if self.name == "mysql":  # which has no NaN
            rows = frame.astype(object).where(frame.notna(), None)
            self.connection.insert(name, ibis.memtable(rows, schema=schema))
            return self.connection.table(name)
        text = io.StringIO()
        frame.to_csv(text, index=False, header=False, na_rep="\\N")
        from psycopg import sql

        into = sql.SQL("COPY {} FROM STDIN WITH (FORMAT csv, NULL '\\N')").format(sql.Identifier(name))
        with self.connection.con.cursor() as cursor, cursor.copy(into) as copy:
            copy.write(text.getvalue())
        return self.connection.table(name)


@contextlib.contextmanager
def _opened(name: str, folder: Any) -> Iterator[Backend]:
    if name == "duckdb":
        url = f"duckdb:///{folder}/shop.duckdb"
        yield Backend(name, data.connect(url), url)
    elif name == "pyspark":
        if os.environ.get("CAUSALREC_TEST_SPARK") != "1":
            pytest.skip(
                "Spark takes a while: CAUSALREC_TEST_SPARK=1 turns its tests on (Java 17, pip install -e '.[spark]')"
            )
        if not (shutil.which("java") and importlib.util.find_spec("pyspark")):
            pytest.fail("CAUSALREC_TEST_SPARK=1, but java or pyspark is not there")
        settings = "spark.sql.shuffle.partitions=1&spark.default.parallelism=1&spark.driver.memory=1g"
        settings += "&spark.sql.codegen.wholeStage=false&spark.sql.codegen.factoryMode=NO_CODEGEN"  # few rows
        yield Backend(name, data.connect(f"pyspark://local[2]?{settings}&spark.sql.warehouse.dir={folder}"), None)
    else:
        variable = f"CAUSALREC_TEST_{name.upper()}"
        if not (url := os.environ.get(variable)):
            pytest.skip(f"{variable} names no server; {_HOW}")
        with _own_corner(name, url) as corner:
            yield Backend(name, data.connect(corner), corner)


@contextlib.contextmanager
def _own_corner(name: str, url: str) -> Iterator[str]:
    """A schema (PostgreSQL) or database (MySQL) of this run alone, so that runs beside it do no harm."""
    server, corner = data.connect(url), f"corner_{secrets.token_hex(6)}"
    server.create_database(corner)
    try:
        yield f"{url}/{corner}" if name == "postgres" else f"{url.rpartition('/')[0]}/{corner}"
    finally:
        if name == "postgres":
            server.drop_database(corner, cascade=True)
        else:
            server.drop_database(corner)
        server.disconnect()


def _database(request: pytest.FixtureRequest, factory: pytest.TempPathFactory) -> Iterator[Backend]:
    with _opened(request.param, factory.mktemp(request.param)) as backend:
        yield backend


@pytest.fixture(scope="session", params=["duckdb", "postgres", "pyspark"])
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """A database in which one expression must give the same frame as in every other."""
    yield from _database(request, tmp_path_factory)


@pytest.fixture(scope="session", params=["duckdb", "postgres", "mysql", "pyspark"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """A database that can be read from."""
    yield from _database(request, tmp_path_factory)


@pytest.fixture(scope="session", params=["postgres", "mysql"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """A database with users and passwords, that can go away."""
    yield from _database(request, tmp_path_factory)


@pytest.fixture
def decisions() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    n = 4_000
    x = rng.normal(size=n)
    propensity = 1 / (1 + np.exp(-0.8 * x))
    treated = (rng.uniform(size=n) < propensity).astype(int)
    click = (rng.uniform(size=n) < 0.2 + 0.1 * treated + 0.05 * (x > 0)).astype(int)
    return pd.DataFrame(
        {
            "user_id": rng.integers(0, 300, n),
            "item_id": rng.zipf(1.6, n) % 50,
            "timestamp": np.arange(n),
            "treated": treated,
            "propensity": propensity,
            "x": x,
            "click": click,
        }
    )


@pytest.fixture
def real():
    """Load a real data set, or skip with the library's own words where no source gives it."""

    def load(name: str, **options):
        try:
            return data.load(name, **options)
        except data.DataUnavailable as unavailable:
            pytest.skip(str(unavailable))

    return load
