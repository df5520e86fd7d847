"""Causal discovery: the class of graphs that a table and background knowledge leave open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.causal.discovery.comparison import compare_structures
    from causalrec_lab.causal.discovery.knowledge import Knowledge
    from causalrec_lab.causal.discovery.partial import PartialGraph, equivalence_class
    from causalrec_lab.causal.discovery.result import Discovery
    from causalrec_lab.causal.discovery.searching import discover

_HOME = {
    "Discovery": "result",
    "Knowledge": "knowledge",
    "PartialGraph": "partial",
    "compare_structures": "comparison",
    "discover": "searching",
    "equivalence_class": "partial",
}

__all__ = ["Discovery", "Knowledge", "PartialGraph", "compare_structures", "discover", "equivalence_class"]

__getattr__, __dir__ = doors(__name__, _HOME)
