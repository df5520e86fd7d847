"""Instruments: what moves the treatment and reaches the outcome through it alone."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from causalrec_lab.causal.graph.separation import bits, minimal_separators
from causalrec_lab.causal.identification.adjustment import observed_mask

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["Instrument", "instruments"]


@dataclass(frozen=True)
class Instrument:
    """A variable that moves the treatment and reaches the outcome through it alone, given `given`."""

    name: str
    given: frozenset[str] = frozenset()

    def __str__(self) -> str:
        """``z`` or ``z | a, b``."""
        return self.name + (f" | {', '.join(sorted(self.given))}" if self.given else "")


def instruments(
    graph: CausalGraph, treatment: str | None = None, outcome: str | None = None, *, limit: int = 1000
) -> list[Instrument]:
    """Instruments for the effect, each with a minimal set it must be conditioned on, smallest sets first.

    z is an instrument given W if W holds no descendant of the treatment, z and the treatment are dependent given W, and
    z and the outcome are d-separated given W once the edges out of the treatment are removed (Brito & Pearl 2002; van
    der Zander, Textor & Liskiewicz 2015, whose ancestral instruments these are). In selected rows all of this is asked
    given the selection too, which must not follow from the treatment.

    An instrument alone identifies no distribution: see `Identification`.
    """
    t, y = graph.effect(treatment, outcome)
    cut = graph.dag.cut_outgoing(1 << t)
    below, rows = graph.dag.descendants(1 << t), graph.mask(graph.selected)
    if rows & below:
        return []
    usable = observed_mask(graph) & ~(below | 1 << y)
    out = [
        Instrument(graph.nodes[z], frozenset(graph.names(given)))
        for z in bits(usable)
        for given in itertools.islice(minimal_separators(cut, z, y, usable & ~(1 << z), forced=rows), limit)
        if not graph.dag.separated(1 << z, 1 << t, given | rows)
    ]
    return sorted(out, key=lambda found: (len(found.given), found.name, sorted(found.given)))
