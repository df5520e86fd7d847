"""T3: do-queries, with evidence and with several do's, against enumeration: equal to 1e-9.

The enumeration multiplies the whole truncated factorisation and shares no code with the library's elimination.
"""

from __future__ import annotations

import itertools
import string

import numpy as np
import pytest

from causalrec_lab.causal import CausalGraph, StructuralCausalModel
from causalrec_lab.causal.scm.discrete import DiscreteNetwork


def random_network(seed: int) -> StructuralCausalModel:
    rng = np.random.default_rng(seed)
    names = [f"v{i}" for i in range(int(rng.integers(3, 9)))]
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :] if rng.random() < 0.45]
    graph = CausalGraph([*names, *pairs])
    states = {n: tuple(f"s{k}" for k in range(int(rng.integers(2, 5)))) for n in graph.nodes}
    parents = {n: graph.parents(n) for n in graph.nodes}
    tables = {}
    for n in graph.nodes:
        shape = [len(states[m]) for m in (*parents[n], n)]
        tables[n] = rng.dirichlet(np.ones(shape[-1]), size=shape[:-1] or None).reshape(shape)
    return StructuralCausalModel(graph, DiscreteNetwork(states, parents, tables))


def enumerate_query(network: DiscreteNetwork, target: str, do: dict, given: dict) -> np.ndarray:
    """Truncated factorisation over the full joint table (Pearl 2009, section 1.3)."""
    names = list(network.nodes)
    joint = np.ones([len(network.states[n]) for n in names])
    for n in names:
        if n in do:
            table, family = np.eye(len(network.states[n]))[network.states[n].index(do[n])], [n]
        else:
            table, family = network.tables[n], [*network.parents[n], n]
        order = sorted(range(len(family)), key=lambda i: names.index(family[i]))
        shape = [len(network.states[m]) if m in family else 1 for m in names]
        joint = joint * table.transpose(order).reshape(shape)
    index = tuple(network.states[n].index(given[n]) if n in given else slice(None) for n in names)
    left = joint[index]
    kept = [n for n in names if n not in given]
    margin = left.sum(axis=tuple(i for i, n in enumerate(kept) if n != target))
    return margin / margin.sum()


def random_questions(model: StructuralCausalModel, rng: np.random.Generator, count: int):
    nodes = list(model.graph.nodes)
    states = model.mechanisms.states
    for k in range(count):
        target, *rest = rng.permutation(nodes).tolist()
        cut = min(k % 4, len(rest))  # none, one, two, three do's
        seen = rest[cut : cut + int(rng.integers(0, 3))]
        pick = {n: states[n][int(rng.integers(len(states[n])))] for n in rest}
        yield target, {n: pick[n] for n in rest[:cut]}, {n: pick[n] for n in seen}


@pytest.mark.parametrize("block", range(4))
def test_random_networks_equal_enumeration(block):
    asked = 0
    for seed in range(50 * block, 50 * block + 50):
        model = random_network(seed)
        for target, do, given in random_questions(model, np.random.default_rng(seed), 8):
            expected = enumerate_query(model.mechanisms, target, do, given)
            answer = model.query(target, do=do, given=given)
            assert list(answer.index) == list(model.mechanisms.states[target])
            assert np.abs(answer.to_numpy() - expected).max() < 1e-9, (seed, target, do, given)
            asked += bool(do) and bool(given)
    assert asked > 100


@pytest.mark.parametrize("name", ["asia", "sachs"])
def test_known_networks_equal_enumeration(name):
    model = StructuralCausalModel.example(name)
    asked = 0
    for target, do, given in random_questions(model, np.random.default_rng(1), 60):
        with np.errstate(invalid="ignore"):
            expected = enumerate_query(model.mechanisms, target, do, given)
        if np.isnan(expected).any():
            with pytest.raises(ValueError, match="probability 0"):
                model.query(target, do=do, given=given)
            continue
        assert np.abs(model.query(target, do=do, given=given).to_numpy() - expected).max() < 1e-9
        asked += 1
    assert asked > 40


def einsum_query(network: DiscreteNetwork, target: str, do: dict, given: dict) -> np.ndarray:
    """One einsum over the whole mutilated network, contraction order by numpy: no pruning, no elimination of ours."""
    letters = dict(zip(network.nodes, string.ascii_letters, strict=False))
    operands, terms = [], []
    for n in network.nodes:
        if n in do:
            operands.append(np.eye(len(network.states[n]))[network.states[n].index(do[n])])
            terms.append(letters[n])
        else:
            operands.append(network.tables[n])
            terms.append("".join(letters[m] for m in (*network.parents[n], n)))
        if n in given:
            operands.append(np.eye(len(network.states[n]))[network.states[n].index(given[n])])
            terms.append(letters[n])
    weights = np.einsum(f"{','.join(terms)}->{letters[target]}", *operands, optimize="greedy")
    return weights / weights.sum()


def test_alarm_equals_an_independent_contraction():
    model = StructuralCausalModel.example("alarm")
    for target, do, given in itertools.islice(random_questions(model, np.random.default_rng(2), 40), 40):
        with np.errstate(invalid="ignore"):
            expected = einsum_query(model.mechanisms, target, do, given)
        if not np.isnan(expected).any():
            assert np.abs(model.query(target, do=do, given=given).to_numpy() - expected).max() < 1e-9


def test_alarm_equals_enumeration_over_ancestors():
    model = StructuralCausalModel.example("alarm")
    for target, do, given in [
        ("VENTTUBE", {"DISCONNECT": "TRUE"}, {"VENTMACH": "LOW"}),
        ("PRESS", {"VENTTUBE": "HIGH"}, {"INTUBATION": "ESOPHAGEAL"}),
        ("CVP", {"LVFAILURE": "TRUE", "HYPOVOLEMIA": "FALSE"}, {"PCWP": "HIGH"}),
    ]:
        keep = {target, *do, *given, *model.graph.ancestors([target, *do, *given])}
        net = model.mechanisms
        part = DiscreteNetwork(net.states, net.parents, {n: t for n, t in net.tables.items() if n in keep})
        expected = enumerate_query(part, target, do, given)
        assert np.abs(model.query(target, do=do, given=given).to_numpy() - expected).max() < 1e-9
