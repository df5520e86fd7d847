"""The front-door criterion: an effect that flows through observed, unconfounded mediators."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from causalrec_lab.causal.adjustment import causal_nodes, listed, observed_mask
from causalrec_lab.causal.separation import Dag, bits

if TYPE_CHECKING:
    from causalrec_lab.causal.graph import CausalGraph

__all__ = ["frontdoor_sets"]

MANY = 16  # candidates above which one set is given instead of all


def frontdoor_sets(
    graph: CausalGraph, treatment: str | None = None, outcome: str | None = None, *, limit: int = 1000
) -> list[frozenset[str]]:
    """All minimal front-door sets, smallest first (Pearl 1995; Pearl 2009, Definition 3.3.3).

    A set Z qualifies if it intercepts every directed path from treatment to outcome, no back-door path leads from the
    treatment to Z, and the treatment blocks every back-door path from Z to the outcome. The largest candidate
    is found by removing offenders until none is left (after Jeong, Tian & Bareinboim 2022).

    Returns
    -------
    Sets of names; empty where none qualifies or where no directed path leads to the outcome. Above 16 candidates only
    one set is given, with a warning.
    """
    t, y = graph.effect(treatment, outcome)
    if not causal_nodes(graph.dag, t, y):
        return []
    largest = _largest_frontdoor(graph, t, y)
    if not _is_frontdoor(graph.dag, t, y, largest):
        return []
    candidates = list(bits(largest))
    if len(candidates) > MANY:
        warnings.warn(f"{len(candidates)} front-door candidates: one set is given, not all", stacklevel=3)
        return [frozenset(graph.names(_shrunk(graph.dag, t, y, largest)))]
    return listed(graph, _minimal_subsets(graph.dag, t, y, candidates), limit, "front-door sets")


def _largest_frontdoor(graph: CausalGraph, t: int, y: int) -> int:
    reached = graph.dag.cut_outgoing(1 << t).connected(1 << t, 0)
    kept = observed_mask(graph) & ~(reached | 1 << t | 1 << y)
    while True:
        cut = graph.dag.cut_outgoing(kept)
        offenders = kept & cut.connected(1 << y, 1 << t)
        if not offenders:
            return kept
        kept &= ~offenders


def _is_frontdoor(dag: Dag, t: int, y: int, chosen: int) -> bool:
    through = Dag(tuple(p & ~chosen for p in dag.parents))  # walk on without leaving a chosen node
    if through.descendants(1 << t) >> y & 1:
        return False
    if dag.cut_outgoing(1 << t).connected(1 << t, 0) & chosen:
        return False
    return dag.cut_outgoing(chosen).separated(chosen, 1 << y, 1 << t)


def _minimal_subsets(dag: Dag, t: int, y: int, candidates: list[int]) -> Iterator[int]:
    found: list[int] = []
    for size in range(len(candidates) + 1):
        for combination in itertools.combinations(candidates, size):
            chosen = sum(1 << i for i in combination)
            if not any(smaller & chosen == smaller for smaller in found) and _is_frontdoor(dag, t, y, chosen):
                found.append(chosen)
                yield chosen


def _shrunk(dag: Dag, t: int, y: int, chosen: int) -> int:
    for i in bits(chosen):
        if _is_frontdoor(dag, t, y, chosen & ~(1 << i)):
            chosen &= ~(1 << i)
    return chosen
