"""Real data sets, table contracts, storage, cleaning, splits and quality: what stands before any estimate."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from causalrec_lab.data.dataset import About, Dataset

_HOME = {
    "About": "dataset",
    "Dataset": "dataset",
}

__all__ = ["About", "Dataset"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name in _HOME:
        return getattr(importlib.import_module(f"causalrec_lab.data.{_HOME[name]}"), name)
    raise AttributeError(f"module 'causalrec_lab.data' has no attribute {name!r}; it has {', '.join(sorted(__all__))}")


def __dir__() -> list[str]:
    """Public names."""
    return sorted(__all__)
