"""`load`: one real data set by name, from checked files."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from causalrec_lab.data.dataset import Dataset
from causalrec_lab.data.registry import entry, nearest
from causalrec_lab.data.sources import locate

__all__ = ["load"]

_LOADERS = {
    "asos": ("experiments", "asos"),
    "clothing_reviews": ("reviews", "clothing_reviews"),
    "coat": ("ratings", "coat"),
    "hillstrom": ("experiments", "hillstrom"),
    "holzinger": ("measurements", "holzinger"),
    "kuairec": ("ratings", "kuairec"),
    "lalonde": ("experiments", "lalonde"),
    "ml-100k": ("movielens", "ml_100k"),
    "ml-1m": ("movielens", "ml_1m"),
    "open_bandit": ("open_bandit", "open_bandit"),
    "sachs": ("measurements", "sachs"),
}


def load(name: str, root: str | Path | None = None, **options: Any) -> Dataset:
    """Load a real data set; its files are looked for and checked, and downloaded where no folder has them.

    Sources are tried in this order: `root`, the folder named by ``CAUSALREC_DATA_MIRROR``, the cache, the file's public
    address. Every file is compared with its SHA-256.

    Parameters
    ----------
    name
        One of `names()`: "ml-1m", "ml-100k", "open_bandit", "coat", "hillstrom", "asos", "lalonde", "sachs",
        "holzinger", "clothing_reviews", "kuairec".
    root
        Folder laid out like the registry's paths (``<root>/ml-1m/ml-1m.txt``).
    **options
        ``load("open_bandit", campaign="men" | "women", policy="random" | "bts")``;
        ``load("lalonde", treated="nsw_dw" | "nsw", controls="nsw_dw" | "nsw" | "cps" | "cps2" | "cps3" | "psid" | …)``.

    Returns
    -------
    `Dataset` with its tables and `about` (source, licence, citation, traps).

    Raises
    ------
    ValueError
        If the name or an option's value is unknown; the nearest valid ones are offered.
    TypeError
        If an option is unknown to this data set.
    DataUnavailable
        If no source gives a file, or a file is not the registered one.
    """
    known = entry(name)
    module, function = _LOADERS[name]
    loader: Callable[..., Dataset] = getattr(importlib.import_module(f"causalrec_lab.data.loaders.{module}"), function)
    accepted = [p for p in inspect.signature(loader).parameters if p not in ("about", "file")]
    for option in options:
        if option not in accepted:
            raise TypeError(
                f"load({name!r}) has no option {option!r}: {nearest(option, accepted) if accepted else 'it has none'}"
            )
    return loader(known.about, partial(locate, known, root=root), **options)
