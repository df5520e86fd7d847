"""Causal questions: graphs, identification, structural causal models, structural equation models, effect estimators."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from causalrec_lab.causal import effects
    from causalrec_lab.causal.adjustment import NotIdentifiedError
    from causalrec_lab.causal.graph import CausalGraph
    from causalrec_lab.causal.identification import Identification, Instrument
    from causalrec_lab.causal.independence import Independence
    from causalrec_lab.causal.scm.model import StructuralCausalModel
    from causalrec_lab.causal.sem import SemResult, fit_sem

_HOME = {
    "CausalGraph": "causalrec_lab.causal.graph",
    "Identification": "causalrec_lab.causal.identification",
    "Independence": "causalrec_lab.causal.independence",
    "Instrument": "causalrec_lab.causal.identification",
    "NotIdentifiedError": "causalrec_lab.causal.adjustment",
    "SemResult": "causalrec_lab.causal.sem",
    "StructuralCausalModel": "causalrec_lab.causal.scm.model",
    "fit_sem": "causalrec_lab.causal.sem",
}

__all__ = [
    "CausalGraph",
    "Identification",
    "Independence",
    "Instrument",
    "NotIdentifiedError",
    "SemResult",
    "StructuralCausalModel",
    "effects",
    "fit_sem",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    if name == "effects":
        return importlib.import_module("causalrec_lab.causal.effects")
    raise AttributeError(
        f"module 'causalrec_lab.causal' has no attribute {name!r}; it has {', '.join(sorted(__all__))}"
    )


def __dir__() -> list[str]:
    """Public names."""
    return sorted(__all__)
