"""The project's own list of real data sets: what exists, under which terms, and how each file is recognised."""

from __future__ import annotations

import difflib
import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources

from causalrec_lab.data.dataset import About

__all__ = ["Entry", "RemoteFile", "about", "entry", "names", "nearest"]


@dataclass(frozen=True)
class RemoteFile:
    """One file: its path under a data folder, a public address, its size in bytes and its SHA-256."""

    path: str
    url: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Entry:
    """One data set of the registry."""

    name: str
    title: str
    licence: str
    citation: str
    official: str
    notes: str
    files: tuple[RemoteFile, ...]

    @property
    def about(self) -> About:
        """The entry as data sets carry it."""
        return About(self.title, self.official, self.licence, self.citation, self.notes)


def nearest(word: str, known: Iterable[str]) -> str:
    """Say which known names look like `word`, then list all of them: the tail of an error message."""
    known = sorted(map(str, known))
    close = difflib.get_close_matches(str(word).lower(), known, n=2, cutoff=0.5)
    hint = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
    return f"{hint}known are {', '.join(known)}"


@functools.cache
def _entries() -> dict[str, Entry]:
    raw = json.loads(resources.files("causalrec_lab.data").joinpath("registry.json").read_text(encoding="utf-8"))
    return {
        name: Entry(name=name, **{**values, "files": tuple(RemoteFile(**one) for one in values["files"])})
        for name, values in raw.items()
    }


def names() -> tuple[str, ...]:
    """Names that `load` knows, sorted."""
    return tuple(sorted(_entries()))


def entry(name: str) -> Entry:
    """Registry entry of one data set.

    Raises
    ------
    ValueError
        If the name is unknown; the message offers the nearest ones.
    """
    if name not in _entries():
        raise ValueError(f"unknown data set {name!r}: {nearest(name, _entries())}")
    return _entries()[name]


def about(name: str) -> About:
    """Source, licence, citation and traps of one data set, without loading it."""
    return entry(name).about
