"""A table of one's own, judged in the terminal: its contract, then what its quality threatens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["inspect"]


def inspect(path: str, mapping: Mapping[str, str], table: str, **options: Any) -> tuple[bool, list[str]]:
    """Read a table with its broken rows set apart, and say what was found.

    Parameters
    ----------
    path, mapping, table
        As `causalrec_lab.data.read` takes them; `options` go there too.

    Returns
    -------
    Whether every row keeps the contract, and the lines to print.

    Raises
    ------
    ValueError, OSError, ImportError, MemoryError
        As `causalrec_lab.data.read` does.
    """
    from causalrec_lab.data import quality_report, read

    own = read(path, mapping, table, errors="quarantine", **options)
    apart = own.extra["quarantine"]
    kept = len(own.table(table))
    lines = [f"{own.about.source}: {kept + len(apart):,} rows read as {table}, {kept:,} keep the contract"]
    lines += [f"  {line}" for line in _reasons(apart)]
    lines += [own.about.notes] if own.about.notes else []
    for one in quality_report(own).findings.itertuples():
        lines += [f"{one.severity:7} {one.finding}", f"{'':7} threatens {one.threatens}; {one.what_to_do}"]
    return apart.empty, lines


def _reasons(apart: pd.DataFrame) -> list[str]:
    row, reason = (
        max(name for name in map(str, apart.columns) if name.rstrip("_") == word) for word in ("row", "reason")
    )
    return [
        f"{len(rows):,} x {why} (first at row {rows[row].iloc[0]})" for why, rows in apart.groupby(reason, sort=False)
    ]
