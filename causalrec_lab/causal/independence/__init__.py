"""What a graph claims about data: implied independencies, tests of them, and a falsification summary."""

from __future__ import annotations

from causalrec_lab.causal.independence.against_data import graph_test
from causalrec_lab.causal.independence.ci_tests import g_test, independence_test, linear_test
from causalrec_lab.causal.independence.claims import Independence, implied_independencies
from causalrec_lab.causal.independence.columns import refuse_infinite
from causalrec_lab.causal.independence.gcm import gcm_test
from causalrec_lab.causal.independence.multiplicity import benjamini_hochberg, holm

__all__ = [
    "Independence",
    "benjamini_hochberg",
    "g_test",
    "gcm_test",
    "graph_test",
    "holm",
    "implied_independencies",
    "independence_test",
    "linear_test",
    "refuse_infinite",
]
