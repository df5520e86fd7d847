"""Doors of the rooms: a package's public names, imported when they are first asked for (PEP 562)."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["doors"]


def doors(
    package: str, home: Mapping[str, str], modules: Sequence[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Module-level `__getattr__` and `__dir__` of a package that opens without its contents.

    Parameters
    ----------
    package
        Its `__name__`.
    home
        Public name -> module it stands in, below the package ("baselines") or anywhere in the library
        ("causalrec_lab.policy").
    modules
        Modules below the package that are public themselves.
    """
    public = sorted({*home, *modules})

    def find(name: str) -> Any:
        if name in modules:
            return importlib.import_module(f"{package}.{name}")
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}; it has {', '.join(public)}")
        place = home[name]
        whole = place if place.startswith("causalrec_lab.") else f"{package}.{place}"
        return getattr(importlib.import_module(whole), name)

    return find, lambda: list(public)
