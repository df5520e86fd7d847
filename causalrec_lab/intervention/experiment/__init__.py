"""Randomised experiments: how large, whether the arms are what was planned, and what they differ by."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from causalrec_lab.intervention.experiment.contrast import analyse
    from causalrec_lab.intervention.experiment.sample_ratio import SampleRatio, srm
    from causalrec_lab.intervention.experiment.size import Design, design

_HOME = {
    "Design": "size",
    "SampleRatio": "sample_ratio",
    "analyse": "contrast",
    "design": "size",
    "srm": "sample_ratio",
}

__all__ = ["Design", "SampleRatio", "analyse", "design", "srm"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    """Public names."""
    return sorted(__all__)
