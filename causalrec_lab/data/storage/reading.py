"""Your own tables, from files and databases through one Ibis path, brought under the names of the contracts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

import pandas as pd

from causalrec_lab.data import schema
from causalrec_lab.data.dataset import About, Dataset
from causalrec_lab.data.registry import nearest
from causalrec_lab.data.storage.addresses import Address, has_password
from causalrec_lab.data.storage.column_types import Settled, numbers_from_text, settled, whole_again
from causalrec_lab.data.storage.connections import DatabaseLost, asked, connect, table_names
from causalrec_lab.data.storage.files import (
    CSV,
    DATABASE,
    PARQUET,
    csv_lines_apart,
    found_files,
    guessed_wrong,
    in_words,
    open_files,
)
from causalrec_lab.data.storage.memory import DoesNotFit, to_memory
from causalrec_lab.data.storage.pseudonyms import (
    TOLD,
    Keys,
    Pseudonymise,
    hidden,
    keys_of,
    masked_lines,
    placed,
    pseudonyms,
)
from causalrec_lab.data.storage.quarantine import reasons, set_apart

if TYPE_CHECKING:
    from ibis.expr.types.relations import Table  # type: ignore[attr-defined]

__all__ = ["read"]


class _Opened(NamedTuple):
    """A lazy table, its short name, what it was read from, and where that stands, without a password."""

    rows: Table
    name: str
    title: str
    place: str


@overload
def read(
    path: str | Path | Sequence[str | Path] | Table, mapping: Mapping[str, str] | None = ..., table: str = ..., *,
    source: str | None = ..., columns: Sequence[str] | None = ..., time_format: str | None = ...,
    time_zone: str | None = ..., utc: bool = ..., errors: Literal["raise", "warn", "quarantine"] = ...,
    limit_rows: int | None = ..., limit_bytes: float | None = ..., pseudonymise: Pseudonymise = ...,
    lazy: Literal[False] = ...,
) -> Dataset: ...  # fmt: skip


@overload
def read(
    path: str | Path | Sequence[str | Path] | Table, mapping: Mapping[str, str] | None = ..., table: str = ..., *,
    source: str | None = ..., columns: Sequence[str] | None = ..., lazy: Literal[True],
) -> Table: ...  # fmt: skip


def read(
    path: str | Path | Sequence[str | Path] | Table,
    mapping: Mapping[str, str] | None = None,
    table: str = "events",
    *,
    source: str | None = None,
    columns: Sequence[str] | None = None,
    time_format: str | None = None,
    time_zone: str | None = None,
    utc: bool = False,
    errors: Literal["raise", "warn", "quarantine"] = "raise",
    limit_rows: int | None = None,
    limit_bytes: float | None = None,
    pseudonymise: Pseudonymise = False,
    lazy: bool = False,
) -> Dataset | Table:
    """Read one of your tables, from wherever it is, and check its contract.

    Parameters
    ----------
    path
        A CSV (``.csv``, ``.csv.gz``, ``.tsv``) or Parquet file, a list, pattern (``logs/2024-*.parquet``) or folder of
        them; a DuckDB file; the address of a database as `connect` takes it; or an Ibis table, such as an expression
        that has cleaned and aggregated where the data lives.
    mapping
        Contract name -> your column: ``{"user_id": "customer", "treated": "shown"}``. Other columns keep their names.
    table
        Which contract it is to keep: "events", "decisions", "items" or "users".
    source
        Table inside the database; may be left out if there is only one, or one named like `table`.
    columns
        Only these of your columns, beside the mapped ones and the contract's key; None: all.
    time_format
        Format of timestamps given as text ("%d/%m/%Y"); None: ISO 8601, or the one format that reads them all.
    time_zone
        Zone whose clocks the timestamps show ("Europe/Berlin"). They become UTC, without a zone, as in `data.clean`;
        those that carry an offset are instants already. A clock time that happened twice is read as the first, one
        that never was by the offset before; how many there were is logged and stands in `Dataset.about.notes`.
    utc
        Short for ``time_zone="UTC"``: timestamps without an offset are UTC.
    errors
        What to do with rows that break the contract: "raise"; "warn" and keep them; or "quarantine": they are set apart
        in ``Dataset.extra["quarantine"]`` as they were read, with their place in `row` (from 0) and every reason in
        `reason`. Kept and quarantined rows together are all that were read. Lines of a CSV file that have more or fewer
        fields than its header stand there too, with row -1, their line in the file and their text.
    limit_rows, limit_bytes
        Passed to `to_memory`: a larger table is refused before it is moved. None: half of the memory that is free.
    pseudonymise
        Columns (contract name or yours) whose values become pseudonyms, the same in every table read with the same key:
        ``{"user_id": "MY_KEY"}`` names an environment variable, a `Path` a file, bytes the key itself; True is
        ``{"user_id": "CAUSALREC_PSEUDONYM_KEY"}``. No database knows HMAC: it is done here, right after the table is
        taken and before anything is checked, so that messages and the quarantine show pseudonyms; what a reader says
        of a raw line is held back. Other columns, free text among them, stay as they are: leave out by `columns` what
        names a person, and see `data.k_anonymity`.
    lazy
        Give the Ibis table under the contract's names, unread and unchecked, to go on inside the database.

    Returns
    -------
    `Dataset` with that one table, or an Ibis table if `lazy`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the kind of file, the contract, a mapped column or the table inside the database is unknown, or timestamps
        are in no single format, read both month first and day first, or mix time zones; if a column to pseudonymise is
        not there, its key is missing or shorter than 16 bytes, or it is asked for with `lazy`.
    SchemaError
        If the table breaks its contract: column, count, first offending row and value, the way out.
    MissingDriver, DatabaseUnreachable, DatabaseLost
        As `connect` and `to_memory` say.
    DoesNotFit
        If the table is larger than the limits; the message says how large, and the ways out.

    Examples
    --------
    ``read("log.csv", mapping={"user_id": "customer", "treated": "shown"}, table="decisions")``

    ``read("postgres://reader@db:5432/shop", {"user_id": "customer"}, source="clicks", errors="quarantine")``
    """
    path = _located(path)  # an address shows no password from here on, not even in a traceback with its variables
    _known(table, errors)
    if utc and time_zone not in (None, "UTC"):
        raise ValueError(f"read(time_zone={time_zone!r}, utc=True): utc is short for time_zone='UTC'; give one of them")
    names, keys = _names(mapping), keys_of(pseudonymise)
    if keys and lazy:
        raise ValueError("read(pseudonymise=…, lazy=True): no database makes pseudonyms; read without lazy")
    when = names.get("timestamp", "timestamp")
    opening = partial(_open, path, table, source, when)
    taking = partial(to_memory, limit_rows=limit_rows, limit_bytes=limit_bytes)
    with in_words(path):
        how = {"types": "all", "torn": "apart"} if errors == "quarantine" else {}
        opened = hidden(lambda: opening(how), keys, (ValueError, TypeError, OSError, ImportError))
        chosen = _chosen(opened.rows, names, table, columns)
        renamed = _renamed(chosen, names)  # a wrong mapping is told before anything is moved
        if lazy:
            return renamed
        keys = placed(keys, names, chosen.columns)
        again = lambda: _chosen(opening({"types": "all"}).rows, names, table, columns)  # noqa: E731
        raw = hidden(lambda: _taken(taking, chosen, again), keys, (DoesNotFit, DatabaseLost))
    raw = pseudonyms(raw, keys)
    frame = raw.rename(columns={yours: name for name, yours in names.items()})
    ready = settled(frame, time_format, "UTC" if utc else time_zone, errors)
    told = "; ".join(filter(None, (ready.notes, TOLD.format(columns=", ".join(keys)) if keys else "")))
    about = About(title=f"{table} read from {opened.title}", source=opened.place, notes=told)
    tables: dict[str, Any] = {}
    if errors != "quarantine":
        tables[table] = numbers_from_text(schema.check(ready.frame, table, errors=errors))
        return Dataset(opened.name, about=about, **tables)
    tables[table], apart = _parted(ready, raw, table, opened, keys)
    return Dataset(opened.name, about=about, extra={"quarantine": apart}, **tables)


def _names(mapping: Mapping[str, str] | None) -> dict[str, str]:
    if mapping is not None and not isinstance(mapping, Mapping):
        raise TypeError(
            f"read(mapping={mapping!r}): give a dictionary, contract name to your column, {{'user_id': 'customer'}}"
        )
    names = dict(mapping or {})
    for name, yours in names.items():
        if others := [other for other, theirs in names.items() if theirs == yours and other != name]:
            raise ValueError(
                f"mapping: {name!r} and {others[0]!r} both name your column {yours!r}; a column has one meaning"
            )
    return names


def _known(table: str, errors: str) -> None:
    for word, given, known in (("table", table, schema.KEYS), ("errors", errors, schema.ERRORS)):
        if given not in known:
            raise ValueError(f"read({word}={given!r}): {nearest(given, known)}")


def _taken(taking: Callable[[Table], pd.DataFrame], chosen: Table, again: Callable[[], Table]) -> pd.DataFrame:
    try:
        return taking(chosen)
    except Exception as error:
        if not guessed_wrong(error):
            raise
    return taking(again())


def _parted(
    ready: Settled, raw: pd.DataFrame, table: str, opened: _Opened, keys: Keys
) -> tuple[pd.DataFrame, pd.DataFrame]:
    lines = csv_lines_apart(opened.rows) if opened.title.lower().endswith(CSV) else None
    lines = masked_lines(lines) if keys else lines
    if lines is None or lines.empty or len(raw):  # else: no line of the file could be taken apart
        schema.missing_columns(ready.frame, table)
    kept, apart = set_apart(ready.frame, reasons(ready.frame, table, ready.unread), table, raw, lines)
    return schema.check(whole_again(numbers_from_text(kept)), table), apart


def _located(path: Any) -> Address | list[str] | Table:
    """Tell an address from files and from an Ibis table."""
    if type(path).__module__.startswith("ibis.expr.types"):
        return path
    if not isinstance(path, (str, Path, Sequence)):
        raise TypeError(
            f"read takes a path, an address or an Ibis table, not {type(path).__name__}; a frame is read already: "
            "rename its columns, then data.clean(frame, table), or data.schema.check(frame, table)"
        )
    if isinstance(path, str) and ("://" in path or has_password(path)):
        return Address.parse(path)
    return found_files(path)


def _open(path: Address | list[str] | Table, table: str, source: str | None, when: str, how: dict[str, str]) -> _Opened:
    if isinstance(path, list) and path[0].lower().endswith(DATABASE):
        path = Address("duckdb", path[0], path=path[0])
    if isinstance(path, list):
        place = path[0] if len(path) == 1 else f"{len(path)} files, the first {path[0]}"
        return _Opened(open_files(path, when, **how), Path(path[0]).stem, Path(path[0]).name, place)
    if isinstance(path, Address):
        rows, name = _inside(path, table, source)
        return _Opened(rows, name, name, f"{path.shown}, table {name}")
    if source is not None:
        raise ValueError(f"read(<Ibis table>, source={source!r}): the table is given already; leave source= out")
    name = path.get_name() if type(path.op()).__name__ == "DatabaseTable" else table
    return _Opened(path, name, f"an expression in {path.get_backend().name}", path.get_backend().name)


def _inside(address: Address, table: str, source: str | None) -> tuple[Table, str]:
    database: Any = connect(address)
    if source is not None and address.system == "pyspark" and ("/" in source or source.lower().endswith(PARQUET)):
        reader = database.read_csv if source.lower().endswith(CSV) else database.read_parquet
        return asked(f"read({address.shown!r})", lambda: reader(source)), Path(source).stem
    known = asked(f"read({address.shown!r})", lambda: table_names(database))
    if source is None:
        source = table if table in known or len(known) != 1 else known[0]
    if source not in known:
        listed = nearest(source, known) if known else "it has no tables"
        raise ValueError(f"read({address.shown!r}): no table {source!r} in the database: {listed}; name it by source=")
    return asked(f"read({address.shown!r})", lambda: database.table(source)), source


def _chosen(rows: Table, mapping: Mapping[str, str], table: str, columns: Sequence[str] | None) -> Table:
    """Leave out what was not asked for, in the order of the table."""
    if columns is None:
        return rows
    if isinstance(columns, str):
        raise ValueError(f"read(columns={columns!r}): give a list of names, [{columns!r}]")
    if unknown := [name for name in columns if name not in rows.columns]:
        raise ValueError(f"read(columns=…): there is no column {unknown[0]!r}: {nearest(unknown[0], rows.columns)}")
    wanted = {*columns, *mapping.values(), *(name for name in schema.required(table) if name not in mapping)}
    return rows.select(*(name for name in rows.columns if name in wanted))


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
