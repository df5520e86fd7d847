"""A class drawn: every edge has the colour of what is said of it, and no two nodes share a place."""

from __future__ import annotations

import numpy as np

from causalrec_lab.causal.discovery import PartialGraph
from causalrec_lab.causal.discovery.drawing import ring


def test_drawing_colours_every_edge_by_what_is_said_of_it():
    found = PartialGraph(("a", "b", "c", "d"), (("a", "b"), ("c", "b")), (("c", "d"),))
    truth = PartialGraph(("a", "b", "c", "d"), (("b", "a"), ("c", "b")), (("a", "d"),))
    ax = found.plot(truth=truth, shares={frozenset("ab"): 0.25})
    kinds = {text.get_text() for text in ax.get_legend().get_texts()}
    assert kinds == {"right", "in another direction", "not in the truth", "missing"}
    assert len([text for text in ax.texts if text.get_text() == "25%"]) == 1
    assert len({tuple(np.round(at, 6)) for at in ring(found).values()}) == 4
