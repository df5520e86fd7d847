"""T5: 500 random graphs with latents; adjustment and front-door answers against brute force over all sets.

The brute force shares nothing with the library: paths are listed one by one, and separations are networkx's.
"""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest

from causalrec_lab.causal import CausalGraph


def random_graph(seed: int) -> CausalGraph:
    rng = np.random.default_rng(seed)
    names = [f"v{i}" for i in range(int(rng.integers(4, 8)))]
    density = rng.uniform(0.2, 0.6)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :] if rng.random() < density]
    both = [f"{a} <-> {b}" for a, b in itertools.combinations(names, 2) if rng.random() < 0.12]
    ends = sorted(rng.choice(len(names), 2, replace=False))
    hidden = [n for i, n in enumerate(names) if i not in ends and rng.random() < 0.2]
    return CausalGraph([*names, *pairs, *both], hidden, names[ends[0]], names[ends[1]])


def as_networkx(graph: CausalGraph) -> nx.DiGraph:
    peer = nx.DiGraph(list(graph.edges))
    peer.add_nodes_from(graph.nodes)
    for a, b in graph.bidirected:
        peer.add_edges_from([(f"U{a}{b}", a), (f"U{a}{b}", b)])
    return peer


def subsets(names):
    return itertools.chain.from_iterable(itertools.combinations(names, k) for k in range(len(names) + 1))


def blocked(peer: nx.DiGraph, path: list[str], given: set[str]) -> bool:
    for a, b, c in zip(path, path[1:], path[2:], strict=False):
        collider = peer.has_edge(a, b) and peer.has_edge(c, b)
        if collider and not ({b} | nx.descendants(peer, b)) & given:
            return True
        if not collider and b in given:
            return True
    return False


def adjusts(peer: nx.DiGraph, t: str, y: str, given: set[str]) -> bool:
    """Shpitser, VanderWeele & Robins (2010), path by path."""
    directed = list(nx.all_simple_paths(peer, t, y))
    on_path = {n for path in directed for n in path} - {t}
    if given & set().union(*({n} | nx.descendants(peer, n) for n in on_path), set()):
        return False
    causal = {tuple(path) for path in directed}
    paths = [path for path in nx.all_simple_paths(peer.to_undirected(), t, y) if tuple(path) not in causal]
    return all(blocked(peer, path, given) for path in paths)


def is_frontdoor(peer: nx.DiGraph, t: str, y: str, given: set[str]) -> bool:
    """Pearl (2009), Definition 3.3.3."""
    if any(not given & set(path[1:-1]) for path in nx.all_simple_paths(peer, t, y)):
        return False
    no_t, no_z = peer.copy(), peer.copy()
    no_t.remove_edges_from(list(peer.out_edges(t)))
    no_z.remove_edges_from([edge for z in given for edge in peer.out_edges(z)])
    return not given or (nx.is_d_separator(no_t, {t}, given, set()) and nx.is_d_separator(no_z, given, {y}, {t}))


def minimal(sets):
    found: list[frozenset[str]] = []
    for candidate in sets:
        if not any(smaller <= set(candidate) for smaller in found):
            found.append(frozenset(candidate))
    return set(found)


@pytest.mark.parametrize("block", range(5))
def test_adjustment_and_frontdoor_sets_equal_brute_force(block):
    methods = set()
    for seed in range(100 * block, 100 * block + 100):
        graph = random_graph(seed)
        t, y, peer = graph.treatment, graph.outcome, as_networkx(graph)
        usable = [n for n in graph.observed if n not in (t, y)]
        by_adjustment = minimal(s for s in subsets(usable) if adjusts(peer, t, y, set(s)))
        reaches = nx.has_path(peer, t, y)
        by_frontdoor = minimal(s for s in subsets(usable) if is_frontdoor(peer, t, y, set(s))) if reaches else set()
        assert set(graph.adjustment_sets()) == by_adjustment, (seed, str(graph))
        assert set(graph.frontdoor_sets()) == by_frontdoor, (seed, str(graph))
        answer = graph.identify()
        methods.add(answer.method)
        assert answer.identified == (not reaches or bool(by_adjustment or by_frontdoor)), (seed, str(graph))
        for covariates in subsets(usable):
            problem = graph.adjustment_problem(covariates)
            assert (problem == "") == adjusts(peer, t, y, set(covariates)), (seed, str(graph), covariates)
    assert {"no directed path", "back-door adjustment", ""} <= methods


def test_frontdoor_and_instrument_occur_among_the_graphs():
    methods = [random_graph(seed).identify().method for seed in range(500)]
    assert {"front-door adjustment", "instrument"} <= set(methods)


def test_instruments_hold_by_definition_and_none_is_missed():
    for seed in range(150):
        graph = random_graph(seed)
        t, y, peer = graph.treatment, graph.outcome, as_networkx(graph)
        cut = peer.copy()
        cut.remove_edges_from(list(peer.out_edges(t)))
        below = nx.descendants(peer, t) | {t}
        usable = [n for n in graph.observed if n not in below and n != y]
        found = {(found.name, found.given) for found in graph.instruments()}
        for z in usable:
            others = [n for n in usable if n != z]
            separating = minimal(s for s in subsets(others) if nx.is_d_separator(cut, {z}, {y}, set(s)))
            relevant = {s for s in separating if not nx.is_d_separator(peer, {z}, {t}, set(s))}
            assert {given for name, given in found if name == z} == relevant, (seed, str(graph), z)
