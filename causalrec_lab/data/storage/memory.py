"""The way out of a database: what fits in memory, counted first; what does not, to a Parquet file."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from causalrec_lab.data.storage.connections import asked

if TYPE_CHECKING:
    from ibis.expr.types.relations import Table  # type: ignore[attr-defined]

__all__ = ["DoesNotFit", "free_bytes", "to_memory", "to_parquet"]

_EXACT = 2.0**53  # from here on float64 holds every other whole number
_LOOK = 1_000  # rows by which the bytes of a row are measured
_SHARE = 0.5  # of the free memory: estimators copy what they are given


class DoesNotFit(MemoryError):  # noqa: N818  (it is a state, as the reader meets it)
    """A table too large to be taken into memory; the message says how large, and the ways out."""


def to_memory(table: Table, *, limit_rows: int | None = None, limit_bytes: float | None = None) -> pd.DataFrame:
    """Take an Ibis table out of its database as a pandas frame, if it fits; rows are counted before any is moved.

    The bytes are rows x bytes of a row, measured on the first 1,000 rows as they lie in pandas. Frames from different
    databases come out alike: decimals as float64, true / false as bool, times to the microsecond, instants in UTC, text
    as pandas' own. Whole numbers with missing ones among them are float64, as in pandas; where one is beyond 2^53 (ids
    of 64 bits), which float64 cannot tell from its neighbour, the column is Int64, or UInt64, or beyond those text.

    Parameters
    ----------
    table
        A lazy table or expression of any backend.
    limit_rows
        At most so many rows; None: as many as fit.
    limit_bytes
        At most so many bytes; None: half of the memory that is free now.

    Raises
    ------
    DoesNotFit
        If there is more; nothing but the count and 1,000 rows was moved. It says how many rows and bytes there are,
        the limit, and the ways out.
    DatabaseLost
        If the database goes away meanwhile.
    """
    for name, limit in (("limit_rows", limit_rows), ("limit_bytes", limit_bytes)):
        if limit is not None and not limit > 0:
            raise ValueError(f"to_memory({name}={limit}): a limit is a number above 0, or None")
    rows = int(asked("to_memory", table.count().to_pandas))
    if limit_rows is not None and rows > limit_rows:
        raise DoesNotFit(_too_large(table, rows, f"the limit of {limit_rows:,} rows (limit_rows=)"))
    allowed = limit_bytes if limit_bytes is not None else _SHARE * free_bytes()
    if rows > _LOOK or limit_bytes is not None:
        few = _alike(asked("to_memory", table.limit(_LOOK).to_pandas), table)
        size = int(few.memory_usage(deep=True).sum() / max(len(few), 1) * rows)
        if size > allowed:
            why = "limit_bytes=" if limit_bytes is not None else "half of the memory that is free now; limit_bytes="
            raise DoesNotFit(_too_large(table, rows, f"the limit of {_words(allowed)} ({why})", size))
    frame = asked("to_memory", table.to_pandas)
    if blurred := [name for name in frame.columns if _blurred(frame[name], table.schema()[name])]:
        exact = table.mutate(**{name: table[name].cast("string") for name in blurred})
        frame = asked("to_memory", exact.to_pandas).pipe(_alike, exact)
        return _alike(frame.drop(columns=blurred), table.drop(*blurred)).assign(
            **{name: _whole(frame[name]) for name in blurred}
        )[list(table.columns)]
    return _alike(frame, table)


def to_parquet(table: Table, path: str | Path) -> Path:
    """Write an Ibis table of any size into one Parquet file on this machine, a million rows at a time.

    The file is written beside its place and moved there when it is whole: a database that goes away, a full disk or a
    killed process leaves what stood there before. MySQL and Spark hand over the whole answer at once, so that there
    it must fit in memory; on a cluster let Spark write, by ``connect(url).to_parquet(table, "s3://…")``.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    DatabaseLost
        If the database goes away meanwhile.
    """
    target = Path(path).expanduser()
    if not target.parent.is_dir():
        raise FileNotFoundError(f"to_parquet({str(path)!r}): folder {target.parent} does not exist; make it")
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    os.close(handle)
    part = Path(name)
    try:
        asked("to_parquet", lambda: _stream(table, part))
        part.chmod(0o666 & ~_umask())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target


def free_bytes() -> int:
    """Memory that is free now: what Linux calls available, less where a container's limit says so."""
    free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
        limit, used = (Path(f"/sys/fs/cgroup/memory.{word}").read_text().strip() for word in ("max", "current"))
    except (OSError, StopIteration):
        return free
    return min(free, int(limit) - int(used)) if limit != "max" else free


def _stream(table: Table, part: Path) -> None:
    import pyarrow.parquet as pq

    if table.get_backend().name == "duckdb":  # writes as it reads; and its batches do not work in ibis 12 on duckdb 2
        table.to_parquet(part)
        return
    with table.to_pyarrow_batches(chunk_size=1_000_000) as batches, pq.ParquetWriter(part, batches.schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _blurred(column: pd.Series[Any], kind: Any) -> bool:
    """Whether whole numbers came as float64, or will, and one is too large for it to be exact."""
    if kind.is_integer() or (kind.is_decimal() and not kind.scale):
        exact = pd.api.types.is_integer_dtype(column)
        return not exact and bool((pd.to_numeric(column, errors="coerce").abs() >= _EXACT).any())
    return False


def _whole(texts: pd.Series[Any]) -> pd.Series[Any]:
    """Whole numbers written out, in the smallest dtype that tells them all apart."""
    numbers = [None if pd.isna(text) else int(text.partition(".")[0]) for text in texts]
    for kind in ("Int64", "UInt64"):
        with contextlib.suppress(OverflowError, TypeError):
            whole: pd.Series[Any] = pd.Series(pd.array(numbers, dtype=kind), index=texts.index)
            return whole if texts.isna().any() else whole.astype(cast(Any, kind.lower()))
    return texts


def _alike(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Frames as every database gives them."""
    new: dict[str, Any] = {}
    for name, kind in table.schema().items():
        column = frame[name]
        if kind.is_decimal() or (kind.is_integer() and column.dtype == object):  # sums in DuckDB, one of them missing
            new[name] = column.astype("float64")
        elif kind.is_timestamp() and pd.api.types.is_datetime64_any_dtype(column):
            new[name] = (column if column.dt.tz is None else column.dt.tz_convert("UTC")).dt.as_unit("us")
        elif kind.is_string():
            new[name] = column.astype("str")
    return frame.assign(**new) if new else frame


def _words(size: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1000
    raise AssertionError


def _too_large(table: Table, rows: int, limit: str, size: int | None = None) -> str:
    about = "" if size is None else f", about {_words(size)} in memory"
    return (
        f"the table has {rows:,} rows x {len(table.columns)} columns{about}, more than {limit}; nothing was taken. "
        "Ways out: fewer columns (table.select(…); columns= in data.read); fewer rows (table.filter(…), "
        "table.limit(…)), or a sample of whole users (table.filter(table.user_id.hash() % 100 == 0)); clean, cut into "
        "sessions and aggregate there, and take the result (data.read(…, lazy=True)); write a file (data.to_parquet); "
        "or a higher limit"
    )
