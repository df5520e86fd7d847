"""Your own tables: CSV, Parquet and DuckDB through Ibis, brought under the names of the contracts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from causalrec_lab.data import schema
from causalrec_lab.data.connections import connect, table_names
from causalrec_lab.data.dataset import About, Dataset
from causalrec_lab.data.registry import nearest
from causalrec_lab.data.times import parse_times

if TYPE_CHECKING:
    from ibis.backends.sql import SQLBackend
    from ibis.expr.types.relations import Table  # type: ignore[attr-defined]

__all__ = ["read"]

_CSV = (".csv", ".csv.gz", ".tsv")
_PARQUET = (".parquet", ".pq")
_DATABASE = (".duckdb", ".ddb")


def read(
    path: str | Path,
    mapping: Mapping[str, str] | None = None,
    table: str = "events",
    *,
    source: str | None = None,
    time_format: str | None = None,
) -> Dataset:
    """Read one of your tables and check its contract.

    Parameters
    ----------
    path
        A CSV (``.csv``, ``.csv.gz``, ``.tsv``) or Parquet file, a DuckDB file, or a ``duckdb:///…`` address.
    mapping
        Contract name -> your column: ``{"user_id": "customer", "treated": "shown"}``. Other columns keep their names.
    table
        Which contract it is to keep: "events", "decisions", "items" or "users".
    source
        Table inside the database; may be left out if there is only one, or one named like `table`.
    time_format
        Format of timestamps given as text ("%d/%m/%Y"); None: ISO 8601, or the one format that reads them all.

    Returns
    -------
    `Dataset` with that one table.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the kind of file, the contract, a mapped column or the table inside the database is unknown, or timestamps
        given as text are in no single format, or read both month first and day first.
    SchemaError
        If the table breaks its contract: column, count, first offending row and value, the way out.

    Examples
    --------
    ``read("log.csv", mapping={"user_id": "customer", "treated": "shown"}, table="decisions")``
    """
    if table not in schema.KEYS:
        raise ValueError(f"read(table={table!r}): {nearest(table, schema.KEYS)}")
    frame = _renamed(
        _open(path, table, source, (mapping or {}).get("timestamp", "timestamp")), mapping or {}
    ).to_pandas()
    about = About(title=f"{table} read from {Path(str(path)).name}", source=str(path))
    tables: dict[str, Any] = {table: schema.check(_settled(frame, time_format), table)}
    return Dataset(Path(str(path)).stem, about=about, **tables)


def _open(path: str | Path, table: str, source: str | None, when: str) -> Table:
    text = str(path)
    if "://" in text:
        return _inside(connect(text), text, table, source)
    if not Path(text).is_file():
        raise FileNotFoundError(f"read({text!r}): there is no such file (looked from {Path.cwd().name}/)")
    kind = text.lower()
    if kind.endswith(_CSV):
        return _csv(text, when)
    if kind.endswith(_PARQUET):
        return connect().read_parquet(text)
    if kind.endswith(_DATABASE):
        return _inside(connect(f"duckdb:///{text}"), text, table, source)
    raise ValueError(f"read({text!r}): the name must end in one of {', '.join(_CSV + _PARQUET + _DATABASE)}")


def _csv(path: str, when: str) -> Table:
    """Leave dates as text: DuckDB guesses from a sample, and takes 01/02/2024 for the first of February."""
    rows = connect().read_csv(path)
    kind = rows.schema().get(when)
    if kind is not None and (kind.is_date() or (kind.is_timestamp() and kind.timezone is None)):
        return connect().read_csv(path, types={when: "VARCHAR"})
    return rows


def _inside(database: SQLBackend, address: str, table: str, source: str | None) -> Table:
    known = table_names(database)
    if source is None:
        source = table if table in known or len(known) != 1 else known[0]
    if source not in known:
        listed = nearest(source, known) if known else "it has no tables"
        raise ValueError(f"read({address!r}): no table {source!r} in the database: {listed}; name it by source=")
    return database.table(source)


def _renamed(rows: Table, mapping: Mapping[str, str]) -> Table:
    for name, yours in mapping.items():
        if yours not in rows.columns:
            swapped = (
                f" (mapping goes from contract name to yours: {{{yours!r}: {name!r}}}?)" if name in rows.columns else ""
            )
            raise ValueError(f"mapping {name!r}: there is no column {yours!r}{swapped}: {nearest(yours, rows.columns)}")
    taken = [name for name, yours in mapping.items() if name in rows.columns and name != yours]
    if taken and any(name not in mapping.values() for name in taken):
        raise ValueError(
            f"mapping: the table already has a column {taken[0]!r}; map it to another name too, or drop it"
        )
    return rows.rename(dict(mapping)) if mapping else rows


def _settled(frame: pd.DataFrame, time_format: str | None) -> pd.DataFrame:
    """Make true / false treatments 0/1, parse a timestamp left as text where every value is a time."""
    if "treated" in frame and frame["treated"].dtype == bool:
        frame = frame.astype({"treated": "int64"})
    given = frame.get("timestamp")
    if given is None or pd.api.types.is_numeric_dtype(given) or pd.api.types.is_datetime64_any_dtype(given):
        return frame
    times = parse_times(given, time_format)
    unread = (times.isna() & given.notna()).to_numpy()
    if unread.any():
        row = int(unread.argmax())
        raise schema.SchemaError(
            f"column 'timestamp' is no time in {int(unread.sum()):,} of {len(frame):,} rows, first at row {row}: "
            f"{given.iloc[row]!r}; correct it, or give the format as time_format='%d/%m/%Y'"
        )
    return frame.assign(timestamp=times)
