"""Files that are whole or not there: written under another name, flushed, moved, and sealed with a checksum."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["FORMAT", "claimed", "read_sealed", "remove_partial", "write_sealed", "write_whole"]

FORMAT = 2
_PARTIAL = ".partial"
_log = logging.getLogger(__name__)


@contextmanager
def claimed(folder: Path | None) -> Iterator[None]:
    """Hold a folder for this run alone; the system lets go of it when the process ends, however it ends.

    Nothing is held where there is no folder or the system knows no such hold; a file system without it is warned of.

    Raises
    ------
    RuntimeError
        If another run holds it.
    """
    if folder is None or os.name != "posix":
        yield
        return
    import fcntl

    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _flush_folder(folder.parent)
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(f"{folder} is in use by another run; wait for its end, or take another folder") from None
        except OSError as error:
            _log.warning("%s cannot be held by one run (%s): see to it that no second run uses it", folder, error)
        yield
    finally:
        os.close(handle)


def write_whole(path: Path, content: bytes) -> None:
    """Write so that a kill, or power lost, at any moment leaves the file as it was before, or as it is after.

    The folder is flushed as well as the file: a new name is an entry of the folder, which power lost may take back.
    """
    partial = path.with_name(path.name + _PARTIAL)
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)  # noqa: PTH105  (one call that a test can make fail)
    _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    """Put a folder's names on disk, where the system lets a folder be flushed."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
        _log.warning("%s cannot be flushed (%s): power lost now may take back the last write", folder, error)
    finally:
        os.close(handle)


def remove_partial(folder: Path) -> None:
    """Remove what a kill left half written."""
    for left in folder.glob(f"*{_PARTIAL}"):
        left.unlink()


def write_sealed(path: Path, body: dict[str, Any]) -> None:
    """Write a JSON file that knows its format and its own checksum."""
    text = json.dumps(body)
    seal = hashlib.sha256(text.encode()).hexdigest()
    write_whole(path, json.dumps({"format": FORMAT, "sha256": seal, "body": body}).encode())


def read_sealed(path: Path) -> dict[str, Any]:
    """Read what `write_sealed` wrote.

    Raises
    ------
    ValueError
        If it is no JSON, was written in a newer format, or its content is not the one that was sealed.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        version, seal, body = found["format"], found["sha256"], found["body"]
    except (ValueError, KeyError, TypeError) as broken:
        raise ValueError(f"{path} is no state of a loop ({broken!r}); restore it, or begin in another folder") from None
    if version != FORMAT:
        raise ValueError(
            f"{path} has format {version!r}, this version reads {FORMAT}: read it with the version it is of"
        )
    if hashlib.sha256(json.dumps(body).encode()).hexdigest() != seal:
        raise ValueError(f"{path} was changed after it was written: its checksum differs; restore it")
    return dict(body)
