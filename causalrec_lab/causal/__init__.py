"""Causal questions: graphs, identification, structural causal models, structural equation models, effect estimators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.causal import effects, mediation
    from causalrec_lab.causal.adjustment import NotIdentifiedError
    from causalrec_lab.causal.answers import Identification
    from causalrec_lab.causal.discovery import (
        Discovery,
        Knowledge,
        PartialGraph,
        compare_structures,
        discover,
        equivalence_class,
    )
    from causalrec_lab.causal.graph import CausalGraph
    from causalrec_lab.causal.independence import Independence
    from causalrec_lab.causal.independence.falsification import Falsification, falsify
    from causalrec_lab.causal.instruments import Instrument
    from causalrec_lab.causal.optimal import OptimalAdjustment
    from causalrec_lab.causal.scm.causation import probabilities_of_causation
    from causalrec_lab.causal.scm.decision import Decision
    from causalrec_lab.causal.scm.model import StructuralCausalModel
    from causalrec_lab.causal.sem import SemResult, fit_sem
    from causalrec_lab.causal.transport import Transport

_HOME = {
    "CausalGraph": "graph",
    "Decision": "scm.decision",
    "Discovery": "discovery.result",
    "Falsification": "independence.falsification",
    "Identification": "answers",
    "Independence": "independence",
    "Instrument": "instruments",
    "Knowledge": "discovery.knowledge",
    "NotIdentifiedError": "adjustment",
    "OptimalAdjustment": "optimal",
    "PartialGraph": "discovery.partial",
    "SemResult": "sem",
    "StructuralCausalModel": "scm.model",
    "Transport": "transport",
    "compare_structures": "discovery.comparison",
    "discover": "discovery.searching",
    "equivalence_class": "discovery.partial",
    "falsify": "independence.falsification",
    "fit_sem": "sem",
    "probabilities_of_causation": "scm.causation",
}

__all__ = [
    "CausalGraph",
    "Decision",
    "Discovery",
    "Falsification",
    "Identification",
    "Independence",
    "Instrument",
    "Knowledge",
    "NotIdentifiedError",
    "OptimalAdjustment",
    "PartialGraph",
    "SemResult",
    "StructuralCausalModel",
    "Transport",
    "compare_structures",
    "discover",
    "effects",
    "equivalence_class",
    "falsify",
    "fit_sem",
    "mediation",
    "probabilities_of_causation",
]

__getattr__, __dir__ = doors(__name__, _HOME, ("effects", "mediation"))
