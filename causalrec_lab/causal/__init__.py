"""Causal questions: graphs, identification, structural causal models, structural equation models, effect estimators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.causal import effects, mediation
    from causalrec_lab.causal.adjustment import NotIdentifiedError
    from causalrec_lab.causal.graph import CausalGraph
    from causalrec_lab.causal.identification import Identification, Instrument
    from causalrec_lab.causal.independence import Independence
    from causalrec_lab.causal.scm.causation import probabilities_of_causation
    from causalrec_lab.causal.scm.decision import Decision
    from causalrec_lab.causal.scm.model import StructuralCausalModel
    from causalrec_lab.causal.sem import SemResult, fit_sem

_HOME = {
    "CausalGraph": "graph",
    "Decision": "scm.decision",
    "Identification": "identification",
    "Independence": "independence",
    "Instrument": "identification",
    "NotIdentifiedError": "adjustment",
    "SemResult": "sem",
    "StructuralCausalModel": "scm.model",
    "fit_sem": "sem",
    "probabilities_of_causation": "scm.causation",
}

__all__ = [
    "CausalGraph",
    "Decision",
    "Identification",
    "Independence",
    "Instrument",
    "NotIdentifiedError",
    "SemResult",
    "StructuralCausalModel",
    "effects",
    "fit_sem",
    "mediation",
    "probabilities_of_causation",
]

__getattr__, __dir__ = doors(__name__, _HOME, ("effects", "mediation"))
