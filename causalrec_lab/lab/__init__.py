"""The bench the chapters stand on: start, theme, artefacts, findings, runs and reports.

>>> from causalrec_lab import lab  # doctest: +SKIP
>>> lab.start("06_treatment_effects", profile="smoke", seed=7)  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from causalrec_lab.lab.artefacts import load, save
    from causalrec_lab.lab.figures import show
    from causalrec_lab.lab.findings import decision, headline, real_data
    from causalrec_lab.lab.project import chapters, home
    from causalrec_lab.lab.refresh import refresh
    from causalrec_lab.lab.session import say, start
    from causalrec_lab.lab.theme import use_theme

_HOME = {
    "chapters": "project",
    "decision": "findings",
    "headline": "findings",
    "home": "project",
    "load": "artefacts",
    "real_data": "findings",
    "refresh": "refresh",
    "save": "artefacts",
    "say": "session",
    "show": "figures",
    "start": "session",
    "use_theme": "theme",
}

__all__ = [
    "chapters",
    "decision",
    "headline",
    "home",
    "load",
    "real_data",
    "refresh",
    "save",
    "say",
    "show",
    "start",
    "use_theme",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name in _HOME:
        value = getattr(importlib.import_module(f"causalrec_lab.lab.{_HOME[name]}"), name)
        globals()[name] = value  # a sub-module of the same name must not hide the function
        return value
    raise AttributeError(f"module 'causalrec_lab.lab' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    """Public names."""
    return sorted(__all__)
