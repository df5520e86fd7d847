"""Mechanisms out of pgmpy's fitted networks."""

from __future__ import annotations

from typing import Any

import numpy as np

from causalrec_lab.causal.graph.causal_graph import CausalGraph
from causalrec_lab.causal.scm.discrete import DiscreteNetwork
from causalrec_lab.causal.scm.gaussian import GaussianSystem

__all__ = ["from_pgmpy"]


def from_pgmpy(model: Any) -> tuple[CausalGraph, DiscreteNetwork | GaussianSystem]:
    """Give graph and mechanisms of a pgmpy network; it is read, never changed.

    Raises
    ------
    ValueError
        If it has no distributions, or is neither discrete nor linear-Gaussian.
    """
    graph = CausalGraph.from_networkx(model)
    cpds = {str(cpd.variable): cpd for cpd in getattr(model, "cpds", None) or ()}
    if absent := [node for node in graph.nodes if node not in cpds]:
        raise ValueError(f"the pgmpy model has no distribution for {absent[0]!r}; add_cpds or fit it first")
    if all(hasattr(cpd, "state_names") and hasattr(cpd, "get_values") for cpd in cpds.values()):
        return graph, _discrete(graph, cpds)
    if all(hasattr(cpd, "beta") and hasattr(cpd, "std") for cpd in cpds.values()):
        return graph, _gaussian(graph, cpds)
    raise ValueError(f"cannot read a {type(model).__name__}; give a discrete or a linear-Gaussian Bayesian network")


def _discrete(graph: CausalGraph, cpds: dict[str, Any]) -> DiscreteNetwork:
    states, parents, tables = {}, {}, {}
    for node in graph.nodes:
        cpd = cpds[node]
        states[node] = tuple(cpd.state_names[node])
    for node in graph.nodes:
        cpd = cpds[node]
        above = tuple(cpd.variables[1:])
        shape = [len(cpd.state_names[v]) for v in cpd.variables]
        table = np.moveaxis(np.asarray(cpd.get_values(), float).reshape(shape), 0, -1)
        for axis, parent in enumerate(above):  # each table may list its parent's states in an order of its own
            table = table.take([list(cpd.state_names[parent]).index(s) for s in states[parent]], axis=axis)
        parents[node], tables[node] = above, table
    return DiscreteNetwork(states, parents, tables)


def _gaussian(graph: CausalGraph, cpds: dict[str, Any]) -> GaussianSystem:
    p = len(graph.nodes)
    B, a, v = np.zeros((p, p)), np.zeros(p), np.zeros(p)
    for i, node in enumerate(graph.nodes):
        cpd = cpds[node]
        beta = np.asarray(cpd.beta, float).ravel()
        a[i], v[i] = beta[0], float(cpd.std) ** 2
        B[i, [graph.nodes.index(str(e)) for e in cpd.evidence]] = beta[1:]
    return GaussianSystem(graph.nodes, B, a, v)
