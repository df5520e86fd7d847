"""The file of a budget: read and written by one process at a time, whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from causalrec_lab.intervention.loop.durable import write_whole

__all__ = ["held", "read_ledger", "write_ledger"]

FORMAT = 1


@contextmanager
def held(path: Path | None) -> Iterator[None]:
    """Hold the ledger alone; a second process waits. Nothing is held where there is no file, or no such hold."""
    if path is None or os.name != "posix":
        yield
        return
    import fcntl

    lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def write_ledger(path: Path, body: dict[str, Any]) -> None:
    """Write so that a kill at any moment leaves the old ledger or the new one."""
    write_whole(path, (json.dumps({"format": FORMAT, **body}, indent=1) + "\n").encode())


def read_ledger(path: Path) -> dict[str, Any] | None:
    """Read a ledger; None where there is none yet.

    Raises
    ------
    ValueError
        If the file is no ledger: what was spent is then not known, and nothing may be spent on.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        body = dict(json.loads(text))
        known = body["format"] == FORMAT and isinstance(body["releases"], list)
        known = known and {"epsilon", "delta", "accounting", "of"} <= body.keys()
    except (ValueError, KeyError, TypeError):
        known = False
    if not known:
        raise ValueError(f"{path.name} is no ledger of a budget: what was spent is not known; restore the file")
    return body
