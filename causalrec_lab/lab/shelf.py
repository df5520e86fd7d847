"""Which real data sets there are, which are at hand, and fetching them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from causalrec_lab.data.registry import Entry, entry, names
from causalrec_lab.data.sources import MIRROR_VARIABLE, DataUnavailable, cache_folders, fetch

__all__ = ["at_hand", "fetch_all", "shelf"]


def shelf() -> list[tuple[Entry, bool]]:
    """Every data set of the registry, and whether all its files lie in the mirror or a cache (sums not yet checked)."""
    return [(found, at_hand(found)) for found in map(entry, names())]


def at_hand(found: Entry) -> bool:
    """Tell whether a file of that name lies in the mirror or a cache, for every file of a data set."""
    mirror = os.environ.get(MIRROR_VARIABLE)
    folders = ([Path(mirror)] if mirror else []) + list(cache_folders())
    return all(any((folder / file.path).is_file() for folder in folders) for file in found.files)


def fetch_all(wanted: Sequence[str] | None = None) -> dict[str, str]:
    """Fetch and check data sets; give the fault of each, empty where it is at hand.

    Parameters
    ----------
    wanted
        Data sets by name; None means all.

    Raises
    ------
    ValueError
        If a name is unknown, before anything is fetched; the nearest are offered.
    """
    faults = {}
    for found in [entry(name) for name in wanted or names()]:
        try:
            fetch(found.name)
            faults[found.name] = ""
        except DataUnavailable as error:
            faults[found.name] = str(error)
    return faults
