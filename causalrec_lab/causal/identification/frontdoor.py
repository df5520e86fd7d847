"""The front-door criterion: an effect that flows through observed, unconfounded mediators."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from causalrec_lab.causal.graph.separation import Dag, bits
from causalrec_lab.causal.identification.adjustment import causal_nodes, listed, observed_mask

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["frontdoor_sets", "frontdoor_with_covariates"]


def frontdoor_sets(
    graph: CausalGraph, treatment: str | None = None, outcome: str | None = None, *, limit: int = 1000
) -> list[frozenset[str]]:
    """All minimal front-door sets, smallest first (Pearl 1995; Pearl 2009, Definition 3.3.3).

    A set Z qualifies if it intercepts every directed path from treatment to outcome, no back-door path leads from the
    treatment to Z, and the treatment blocks every back-door path from Z to the outcome. Within any pool of candidates
    the largest set that meets the last two is found by removing offenders until none is left (Jeong, Tian & Bareinboim
    2022); the pool holds a front-door set if that one intercepts all paths. So one minimal set is found quickly, and
    each other one lacks a member of it: the search goes on in the pools without that member.

    Returns
    -------
    Sets of names; empty where none qualifies, where rows were selected, or where no directed path leads to the outcome.
    """
    return listed(graph, _found(graph, *graph.effect(treatment, outcome)), limit, "front-door sets")


def smallest_frontdoor(graph: CausalGraph, treatment: str, outcome: str) -> tuple[str, ...]:
    """Smallest minimal front-door set, of the first 100 where there are more; empty where there is none."""
    sets = listed(graph, _found(graph, *graph.effect(treatment, outcome)), 100)
    return tuple(n for n in graph.nodes if n in sets[0]) if sets else ()


def _found(graph: CausalGraph, t: int, y: int) -> Iterator[int]:
    if graph.selected or not causal_nodes(graph.dag, t, y):
        return iter(())
    return _minimal_sets(graph.dag, t, y, observed_mask(graph) & ~(1 << t | 1 << y))


def frontdoor_with_covariates(
    graph: CausalGraph, treatment: str, outcome: str
) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    r"""Mediators Z and covariates W whose strata each have a front door, smallest W first; None where none is found.

    .. math:: P(y \mid do(t)) = \sum_w P(w) \sum_z P(z \mid t, w) \sum_{t'} P(y \mid t', z, w) P(t' \mid w)

    W holds no effect of the treatment, blocks every back-door path from treatment to Z, and together with the treatment
    every one from Z to the outcome (the conditional front door, Fulcher, Shpitser, Marealle & Tchetgen Tchetgen 2020).
    Z is sought among the nodes on causal paths. Above ten candidate covariates only all of them and none are tried.
    """
    t, y = graph.effect(treatment, outcome)
    dag = graph.dag
    before = observed_mask(graph) & ~dag.descendants(1 << t) & dag.ancestors(1 << t | 1 << y) & ~(1 << y)
    nodes, pool = list(bits(before)), observed_mask(graph) & causal_nodes(dag, t, y) & ~(1 << y)
    sizes = range(1, len(nodes) + 1) if len(nodes) <= MANY else [len(nodes)]
    for some in itertools.chain.from_iterable(itertools.combinations(nodes, size) for size in sizes):
        given = sum(1 << i for i in some)
        if chosen := _shrunk(dag, t, y, pool, given):
            return graph.names(chosen), graph.names(given)
    return None


MANY = 10  # candidate covariates above which not every subset is tried


def _minimal_sets(dag: Dag, t: int, y: int, pool: int) -> Iterator[int]:
    """Every minimal front-door set inside `pool`, each once."""
    found: set[int] = set()
    seen, todo = {pool}, [pool]
    while todo:
        within = todo.pop()
        chosen = _shrunk(dag, t, y, within)
        if not chosen:
            continue
        if chosen not in found:
            found.add(chosen)
            yield chosen
        smaller = {within & ~(1 << i) for i in bits(chosen)} - seen
        seen |= smaller
        todo += sorted(smaller)


def _largest(dag: Dag, t: int, y: int, pool: int, given: int = 0) -> int:
    """Largest part of `pool` without open back doors that also intercepts every directed path; 0 where it does not."""
    kept = pool & ~dag.cut_outgoing(1 << t).connected(1 << t, given)
    while offenders := kept & dag.cut_outgoing(kept).connected(1 << y, 1 << t | given):
        kept &= ~offenders
    through = Dag(tuple(p & ~kept for p in dag.parents))  # walk on without leaving a kept node
    return 0 if through.descendants(1 << t) >> y & 1 else kept


def _shrunk(dag: Dag, t: int, y: int, pool: int, given: int = 0) -> int:
    """One minimal front-door set inside `pool`, 0 where there is none."""
    chosen = _largest(dag, t, y, pool, given)
    for i in bits(chosen):
        if chosen >> i & 1:
            chosen = _largest(dag, t, y, chosen & ~(1 << i), given) or chosen
    return chosen
