"""Where files come from: a folder you name, the mirror, the cache, a download; each checked by its SHA-256."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from causalrec_lab.data.registry import Entry, RemoteFile, entry

__all__ = ["MIRROR_VARIABLE", "ChecksumMismatch", "DataUnavailable", "cache_folders", "fetch", "locate"]

MIRROR_VARIABLE = "CAUSALREC_DATA_MIRROR"
_SECONDS_TO_CONNECT = 10
_log = logging.getLogger(__name__)


class DataUnavailable(OSError):  # noqa: N818 - the state of the data, which callers go on from
    """No source could give a file; the message says which were tried and the way out."""


class ChecksumMismatch(DataUnavailable):
    """A file is there but is not the registered one; nothing was deleted."""


def cache_folders() -> tuple[Path, ...]:
    """Folders searched for cached files; a download is written to the first.

    In a checkout the first is its own ``data/raw``; the user's cache of the operating system follows.
    """
    from pooch.utils import os_cache

    user = Path(os_cache("causalrec_lab"))
    checkout = Path(__file__).resolve().parents[2]
    return (checkout / "data" / "raw", user) if (checkout / "pyproject.toml").is_file() else (user,)


def fetch(name: str, root: str | Path | None = None) -> dict[str, Path]:
    """Give every file of a data set, downloading what no folder has.

    Parameters
    ----------
    name
        A name of the registry.
    root
        A folder laid out like the registry's paths, tried first.

    Returns
    -------
    Registry path -> checked local file.

    Raises
    ------
    ValueError
        If the name is unknown.
    DataUnavailable
        If a file can be had nowhere, or (`ChecksumMismatch`) is not the registered one.
    """
    known = entry(name)
    return {file.path: locate(known, file.path, root) for file in known.files}


def locate(known: Entry, path: str, root: str | Path | None = None) -> Path:
    """Give one checked file of a data set; see `fetch`."""
    file = next(one for one in known.files if one.path == path)
    tried: list[str] = []
    for label, folder in _folders(root):
        candidate = folder / path
        if candidate.is_file():
            return _checked(candidate, file, label)
        tried.append(f"{label} ({_short(candidate)}: {'no such file' if folder.is_dir() else 'no such folder'})")
    if MIRROR_VARIABLE not in os.environ:
        tried.append(f"mirror ({MIRROR_VARIABLE} is not set)")
    return _download(known, file, cache_folders()[0] / path, tried)


def _folders(root: str | Path | None) -> Iterator[tuple[str, Path]]:
    if root is not None:
        yield "root", Path(root)
    if mirror := os.environ.get(MIRROR_VARIABLE):
        yield "mirror", Path(mirror)
    yield from (("cache", folder) for folder in cache_folders())


def _checked(candidate: Path, file: RemoteFile, label: str) -> Path:
    found = _sha256(candidate, candidate.stat().st_mtime_ns)
    if found != file.sha256:
        raise ChecksumMismatch(
            f"{candidate} ({label}) is not the registered file: expected SHA-256 {file.sha256} ({file.bytes:,} bytes), "
            f"found {found} ({candidate.stat().st_size:,} bytes). Nothing was deleted. Move that file away to have it "
            f"fetched again, or put the right one there; it comes from {file.url}"
        )
    return candidate


@functools.lru_cache(maxsize=256)
def _sha256(path: Path, _changed: int) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _download(known: Entry, file: RemoteFile, target: Path, tried: list[str]) -> Path:
    """Download beside the target, check, then move: a killed or wrong download never takes the target's name."""
    arriving = target.with_name(target.name + ".unverified")
    if not arriving.is_file():
        _log.info("downloading %s (%s bytes) from %s", file.path, f"{file.bytes:,}", file.url)
        try:
            _retrieve(file, arriving)
        except (OSError, ValueError) as problem:  # requests' errors are OSErrors
            _log.debug("download failed", exc_info=True)
            _sweep(arriving.parent, cache_folders()[0])
            reason = f"download ({file.url}: {type(problem).__name__})"
            raise DataUnavailable(_way_out(known, file, [*tried, reason])) from None  # the cause is two pages long
    _checked(arriving, file, "download")
    return arriving.replace(target)


def _sweep(folder: Path, cache: Path) -> None:
    """Take away the empty folders that a failed download has made inside the cache."""
    with contextlib.suppress(OSError):  # the first that is not empty ends it
        while folder.is_relative_to(cache):
            folder.rmdir()
            folder = folder.parent


def _retrieve(file: RemoteFile, arriving: Path) -> None:
    from pooch.core import retrieve
    from pooch.downloaders import HTTPDownloader
    from pooch.utils import get_logger
    from tqdm.auto import tqdm

    get_logger().setLevel("WARNING")
    name = Path(file.path).name
    quiet = True if os.environ.get("TQDM_DISABLE", "") not in ("", "0") else None  # None: a bar on terminals only
    with tqdm(total=file.bytes, unit="B", unit_scale=True, desc=name, disable=quiet, leave=False) as bar:
        downloader = HTTPDownloader(progressbar=bar, timeout=_SECONDS_TO_CONNECT)  # type: ignore[no-untyped-call]
        retrieve(file.url, None, fname=arriving.name, path=arriving.parent, downloader=downloader)


def _short(path: Path) -> str:
    """Path with the user's home as ~, since messages end up in notebooks that are passed on."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def _way_out(known: Entry, file: RemoteFile, tried: list[str]) -> str:
    return (
        f"data set {known.name!r} is unavailable: {file.path} was not found. Tried: {'; '.join(tried)}. "
        f"Way out: connect to the network, or put the file into a folder as {file.path} and name that folder in "
        f"{MIRROR_VARIABLE} or as root=. Its home is {known.official}"
    )
