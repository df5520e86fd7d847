"""A table in a file as people have them: CSV with any usual separator, or Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_table"]

_NO_TABLES = (
    ".xlsx",
    ".xls",
    ".xlsm",
    ".ods",
    ".json",
    ".jsonl",
    ".feather",
    ".pkl",
    ".pickle",
    ".zip",
    ".sav",
    ".dta",
)
_PARQUET = (".parquet", ".pq")


class _UnclearError(ValueError):
    """A table that can be read in more than one way."""


def read_table(path: Path, wanted: Sequence[str] = ()) -> pd.DataFrame:
    """Read a CSV or Parquet file.

    The separator is a comma unless the first line then has none of the wanted columns and has them by a semicolon or
    a tab; with semicolons, a decimal comma is read as one where it makes numbers of words.

    Parameters
    ----------
    path
        The file; a CSV may be compressed (.gz).
    wanted
        Columns that are looked for, by which separators are told apart.

    Raises
    ------
    ValueError
        If it is no file, no such table, has no rows, or two columns of one name.
    """
    import pandas as pd

    if not path.is_file():
        raise ValueError(f"{path} is no file; give a CSV or Parquet table with one row a decision")
    if path.suffix.lower() in _NO_TABLES:
        raise ValueError(f"{path} is no CSV or Parquet table; save it as one of these (in a spreadsheet: CSV UTF-8)")
    try:
        frame = pd.read_parquet(path) if path.suffix.lower() in _PARQUET else _csv(path, wanted)
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not in UTF-8; save it so (in a spreadsheet: CSV UTF-8)") from None
    except _UnclearError:
        raise
    except (ValueError, OSError) as error:
        raise ValueError(f"{path} cannot be read as a table: {error}") from error
    if frame.empty:
        raise ValueError(f"{path} has no rows")
    return frame


def _head(path: Path, separator: str) -> list[str]:
    """Names in the first line, as they stand there."""
    import pandas as pd

    first = pd.read_csv(
        path, nrows=1, sep=separator, header=None, skipinitialspace=True, dtype=str, encoding="utf-8-sig"
    )
    return [str(name) for name in first.iloc[0].dropna()]


def _check_head(path: Path, names: Sequence[str]) -> None:
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise _UnclearError(
            f"{path} has more than one column called {twice[0]!r}, and which is meant cannot be told; rename them"
        )


def _csv(path: Path, wanted: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    separator = ","
    header = pd.read_csv(path, nrows=0, skipinitialspace=True).columns
    if not set(wanted) & set(header):
        found = {sep: pd.read_csv(path, nrows=0, sep=sep).columns for sep in (";", "\t")}
        separator = next((sep for sep, names in found.items() if set(wanted) & set(names)), separator)
    _check_head(path, _head(path, separator))
    frame = pd.read_csv(path, sep=separator, skipinitialspace=True, low_memory=False)
    if separator == ";":
        for name in frame.columns[[kind.kind not in "biufcmM" for kind in frame.dtypes]]:
            words = frame[name].astype("string")
            if words.dropna().str.fullmatch(r"[-+]?\d*,\d+|[-+]?\d+").all() and words.str.contains(",").any():
                frame[name] = pd.to_numeric(words.str.replace(",", ".")).astype("float64")
    return frame
