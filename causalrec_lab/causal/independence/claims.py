"""What a graph claims about data: independencies among observed columns."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from causalrec_lab.causal.graph.separation import bits, minimal_separators
from causalrec_lab.causal.identification.adjustment import observed_mask

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["Independence", "implied_independencies"]


@dataclass(frozen=True)
class Independence:
    """The claim that x and y are independent given a set."""

    x: str
    y: str
    given: tuple[str, ...] = ()

    def __str__(self) -> str:
        """``x _||_ y | a, b`` with the field's sign."""
        return f"{self.x} \u22a5 {self.y}" + (f" | {', '.join(self.given)}" if self.given else "")


def implied_independencies(graph: CausalGraph) -> tuple[Independence, ...]:
    """One independence for each pair of observed nodes that some observed set separates, with a smallest such set.

    Pairs that no observed set separates are left out. Each claim follows from the graph (Pearl 2009, Theorem 1.2.4);
    small sets are taken because tests with few conditions are strong, so the list is necessary for the graph, not
    sufficient: it is no basis from which every other independence would follow. Where rows were selected, the claims
    are those that hold among the selected rows.
    """
    out = []
    observed, rows = observed_mask(graph), graph.mask(graph.selected)
    for x, y in itertools.combinations(bits(observed), 2):
        separators = minimal_separators(graph.dag, x, y, observed & ~(1 << x | 1 << y), forced=rows)
        found = itertools.islice(separators, 200)
        if sets := [graph.names(mask) for mask in found]:
            given = min(sets, key=lambda names: (len(names), names))
            out.append(Independence(graph.nodes[x], graph.nodes[y], given))
    return tuple(out)
