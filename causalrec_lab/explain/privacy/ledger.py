"""The file of a budget: read and written by one process at a time, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from causalrec_lab.intervention.loop.durable import write_whole

__all__ = ["checked_loss", "held", "read_ledger", "write_ledger"]

FORMAT = 2


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
    """Write, with a checksum, so that a kill or a loss of power at any moment leaves the old ledger or the new one."""
    write_whole(path, (json.dumps({"format": FORMAT, **body, "sha256": _seal(body)}, indent=1) + "\n").encode())
    if os.name == "posix":  # else the file system may bring the old one back
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def checked_loss(row: dict[str, Any]) -> dict[str, Any]:
    """Give a release as it is written down.

    Raises
    ------
    ValueError
        If a number in it is negative or not finite: a loss is never undone, and never unknown.
    """
    for name in ("epsilon", "delta", "rho"):
        if isinstance(row[name], bool) or not isinstance(row[name], int | float) or not 0 <= row[name] < math.inf:
            raise ValueError(f"Budget: {name}={row[name]!r} of {row['release']!r} is no loss; it is finite and >= 0")
    return row


def _seal(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def read_ledger(path: Path) -> dict[str, Any] | None:
    """Read a ledger; None where there is none yet.

    Raises
    ------
    ValueError
        If the file is no ledger or was changed by hand: what was spent is then not known, and nothing may be spent on.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        body = dict(json.loads(text))
        seal, known = body.pop("sha256"), body.pop("format") == FORMAT
        known = known and {"epsilon", "delta", "accounting", "of", "releases"} == body.keys()
        known = known and all(checked_loss(row) for row in body["releases"])
    except (ValueError, KeyError, TypeError):
        known = False
    if not known:
        raise ValueError(f"{path.name} is no ledger of a budget: what was spent is not known; restore the file")
    if seal != _seal(body):
        raise ValueError(f"{path.name} was changed after it was written (its checksum differs); restore the file")
    return body
