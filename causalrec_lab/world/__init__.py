"""The simulated platform whose truth is known."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from causalrec_lab.world.dials import Dials
    from causalrec_lab.world.linear import LinearGaussian, linear_gaussian
    from causalrec_lab.world.platform import Platform
    from causalrec_lab.world.scenario import Scenario

_HOME = {
    "Dials": "dials",
    "LinearGaussian": "linear",
    "Platform": "platform",
    "Scenario": "scenario",
    "linear_gaussian": "linear",
}

__all__ = ["Dials", "LinearGaussian", "Platform", "Scenario", "linear_gaussian"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name in _HOME:
        return getattr(importlib.import_module(f"causalrec_lab.world.{_HOME[name]}"), name)
    raise AttributeError(f"module 'causalrec_lab.world' has no attribute {name!r}; it has {', '.join(sorted(__all__))}")


def __dir__() -> list[str]:
    """Public names."""
    return sorted(__all__)
