"""CSV and Parquet files, one, many or a folder of them, as one lazy table in a DuckDB of this process."""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from causalrec_lab.data.schema import SchemaError
from causalrec_lab.data.storage.connections import connect

if TYPE_CHECKING:
    from ibis.expr.types.relations import Table  # type: ignore[attr-defined]

__all__ = ["CSV", "DATABASE", "PARQUET", "csv_lines_apart", "found_files", "guessed_wrong", "in_words", "open_files"]

CSV = (".csv", ".csv.gz", ".tsv")
PARQUET = (".parquet", ".pq")
DATABASE = (".duckdb", ".ddb")


def found_files(path: str | Path | Sequence[str | Path]) -> list[str]:
    """Files that a path, a pattern (``logs/2024-*.parquet``), a folder or a list of these names, in order.

    Raises
    ------
    FileNotFoundError
        If one of them names no file.
    ValueError
        If a name ends in nothing that can be read, or the files are of different kinds.
    """
    given = [path] if isinstance(path, (str, Path)) else list(path)
    found = [one for place in given for one in _places(str(place))]
    if not found:
        raise ValueError("read([]): the list names no file")
    for one in found:
        if not one.lower().endswith(CSV + PARQUET + DATABASE):
            raise ValueError(f"read({one!r}): the name must end in one of {', '.join(CSV + PARQUET + DATABASE)}")
    kinds = {_kind(one): one for one in found}
    if len(kinds) > 1 or ("database" in kinds and len(found) > 1):
        raise ValueError(f"read: files read as one table must be of one kind, not {' and '.join(kinds.values())}")
    return found


def open_files(files: Sequence[str], when: str, *, types: str = "sample", torn: str = "raise") -> Table:
    """Give files of one kind, with the same columns, as one lazy table; rows in the order of the files.

    Parameters
    ----------
    files
        What `found_files` gave.
    when
        Column of times: in CSV it is left as text. DuckDB guesses from a sample, takes 01/02/2024 for the first of
        February, and times without an offset among others for UTC.
    types
        "all": every row of a CSV decides the columns' types; "sample": the first 20,480.
    torn
        "apart": CSV lines that have more or fewer fields than the header are left out, for `csv_lines_apart`.

    Raises
    ------
    ValueError
        If the files differ in their columns.
    """
    names: Any = list(files)
    if _kind(files[0]) == "Parquet":
        return _same_columns(lambda: connect().read_parquet(names), files)
    options: dict[str, Any] = {"sample_size": -1} if types == "all" else {}
    if torn == "apart":
        options["store_rejects"] = True
    rows = _same_columns(lambda: connect().read_csv(names, **options), files)
    kind = rows.schema().get(when)
    if kind is not None and (kind.is_date() or kind.is_timestamp()):
        return connect().read_csv(names, types={when: "VARCHAR"}, **options)
    return rows


def guessed_wrong(error: Exception) -> bool:
    """Whether a CSV has a value that does not fit the type DuckDB guessed from its first rows."""
    return type(error).__name__ == "ConversionException" and "CSV" in str(error)


@contextmanager
def in_words(files: Any) -> Iterator[None]:
    """Tell what DuckDB finds wrong with files in one sentence with a way out.

    Raises
    ------
    SchemaError
        If a line of a CSV cannot be taken apart.
    ValueError
        If a file is not what its name says.
    """
    try:
        yield
    except Exception as error:
        if not isinstance(files, list) or type(error).__module__ not in ("_duckdb", "duckdb"):
            raise
        raise _told(error, files) from None


def _told(error: Exception, files: list[str]) -> ValueError:
    place = repr(files[0]) if len(files) == 1 else f"{len(files)} files, the first {files[0]!r}"
    text = str(error)
    line = re.search(r"Line: (\d+)", text)
    where = f"line {int(line[1]):,} of the file" if line else "a line of the file"
    if "utf-8" in text:
        return ValueError(
            f"read({place}): {where} is not UTF-8; turn the file into it: iconv -f latin1 -t utf-8 old.csv > new.csv "
            "(for latin1 write what the file is in: gb18030 where it is Chinese)"
        )
    if found := re.search(r"Expected Number of Columns: \d+ Found: \d+", text):
        return SchemaError(
            f"read({place}): {where} cannot be taken apart ({found[0]}); correct it (a comma or a quote inside a text "
            "needs quotes around the text), or set such lines apart by errors='quarantine'"
        )
    first = text.partition(":")[2].strip().splitlines()[0]
    return ValueError(f"read({place}): DuckDB cannot read it: {first}; see that it is what its name says")


def csv_lines_apart(rows: Table) -> pd.DataFrame:
    """Lines of CSV files that could not be taken apart when the table was last read: line, text, reason."""
    database: Any = rows.get_backend()
    try:
        apart = database.table("reject_errors").to_pandas()
    except Exception:  # no such table: nothing was set aside
        return pd.DataFrame(columns=["line", "text", "reason"])
    last = apart[apart["scan_id"] == apart["scan_id"].max()].drop_duplicates(["file_id", "line"])
    reason = "the line cannot be taken apart: " + last["error_message"].astype("str")
    return pd.DataFrame({"line": last["line"], "text": last["csv_line"], "reason": reason}).reset_index(drop=True)


def _places(place: str) -> list[str]:
    path = Path(place).expanduser()
    if path.is_dir():
        inside = [one for ending in (*PARQUET, *CSV) for one in sorted(path.rglob(f"*{ending}"))]
        if not inside:
            raise FileNotFoundError(
                f"read({place!r}): the folder holds no file that ends in {', '.join(PARQUET + CSV)}"
            )
        return [str(one) for one in inside]
    if path.is_file():
        return [str(path)]
    if matching := sorted(glob.glob(str(path), recursive=True)):  # noqa: PTH207 - patterns may be absolute
        return matching
    pattern = any(sign in place for sign in "*?[")
    what = "the pattern matches no file" if pattern else "there is no such file"
    raise FileNotFoundError(f"read({place!r}): {what} (looked from {Path.cwd().name}/)")


def _kind(file: str) -> str:
    name = file.lower()
    return "CSV" if name.endswith(CSV) else "Parquet" if name.endswith(PARQUET) else "database"


def _same_columns(opened: Callable[[], Table], files: Sequence[str]) -> Table:
    if len(files) == 1:
        return opened()
    first, *others = [(one, _columns(one)) for one in files]
    for name, columns in others:
        if columns != first[1]:
            apart = sorted(set(columns) ^ set(first[1])) or "their order"
            raise ValueError(f"read: {first[0]!r} and {name!r} differ in their columns ({apart}); read them one by one")
    return opened()


def _columns(file: str) -> tuple[str, ...]:
    database = connect()
    rows = database.read_parquet(file) if _kind(file) == "Parquet" else database.read_csv(file)
    return tuple(rows.columns)
