"""Causal questions: graphs, identification, structural causal models, structural equation models, effect estimators.

A graph says what is assumed, and from it follows what can be answered and by which columns:

>>> from causalrec_lab.causal import CausalGraph
>>> asked = {"treatment": "shown", "outcome": "click"}
>>> graph = CausalGraph("taste -> shown; taste -> click; shown -> click", **asked)
>>> graph.adjustment_sets()
[frozenset({'taste'})]
>>> hidden = CausalGraph(graph.edges, latent=["taste"], **asked)
>>> hidden.identify().identified
False

`effects` estimates what is identified, `mediation` parts it by paths, `refute` tries to break it; `discover` searches
graphs in data, `StructuralCausalModel` answers do-queries and counterfactuals, `fit_sem` fits linear systems.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.causal import effects, mediation, refute
    from causalrec_lab.causal.discovery import (
        Discovery,
        Knowledge,
        PartialGraph,
        compare_structures,
        discover,
        equivalence_class,
    )
    from causalrec_lab.causal.graph.causal_graph import CausalGraph
    from causalrec_lab.causal.identification.adjustment import NotIdentifiedError
    from causalrec_lab.causal.identification.answers import Identification
    from causalrec_lab.causal.identification.instruments import Instrument
    from causalrec_lab.causal.identification.optimal import OptimalAdjustment
    from causalrec_lab.causal.identification.transport import Transport
    from causalrec_lab.causal.independence import Independence
    from causalrec_lab.causal.independence.falsification import Falsification, falsify
    from causalrec_lab.causal.scm.causation import probabilities_of_causation
    from causalrec_lab.causal.scm.decision import Decision
    from causalrec_lab.causal.scm.model import StructuralCausalModel
    from causalrec_lab.causal.sem import SemResult, fit_sem

_HOME = {
    "CausalGraph": "graph.causal_graph",
    "Decision": "scm.decision",
    "Discovery": "discovery.result",
    "Falsification": "independence.falsification",
    "Identification": "identification.answers",
    "Independence": "independence",
    "Instrument": "identification.instruments",
    "Knowledge": "discovery.knowledge",
    "NotIdentifiedError": "identification.adjustment",
    "OptimalAdjustment": "identification.optimal",
    "PartialGraph": "discovery.partial",
    "SemResult": "sem",
    "StructuralCausalModel": "scm.model",
    "Transport": "identification.transport",
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
    "refute",
]

__getattr__, __dir__ = doors(__name__, _HOME, ("effects", "mediation", "refute"))
