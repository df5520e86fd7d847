"""A decision problem as it is asked: actions, utilities, costs and evidence, checked against the model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causalrec_lab.causal.graph.causal_graph import CausalGraph
from causalrec_lab.causal.graph.notation import nearest
from causalrec_lab.causal.scm.discrete import DiscreteNetwork
from causalrec_lab.causal.scm.gaussian import GaussianSystem

__all__ = ["Problem", "Utility", "problem_of"]

Floats = NDArray[np.float64]
Utility = Mapping[str, Any] | pd.Series


@dataclass(frozen=True)
class Problem:
    """What is chosen, what it is worth, and what is known.

    Parameters
    ----------
    actions
        Label -> what it sets.
    terms
        Nodes and their utilities: an array over the nodes' joint states, or a weight a unit (Gaussian).
    costs
        Label -> cost, subtracted.
    given
        Evidence, in the world after the action.
    """

    actions: Mapping[str, Mapping[str, Any]]
    terms: Sequence[tuple[tuple[str, ...], Floats]]
    costs: Mapping[str, float]
    given: Mapping[str, Any]


def problem_of(
    mechanisms: DiscreteNetwork | GaussianSystem,
    graph: CausalGraph,
    actions: str | Mapping[str, Mapping[str, Any]],
    utility: Utility,
    given: Mapping[str, Any],
    costs: Mapping[str, float],
) -> Problem:
    """Read a decision problem; see `StructuralCausalModel.decide`.

    Raises
    ------
    ValueError
        On an unknown node, state or label, fewer than two actions, a utility or cost that is missing or not finite, or
        evidence that follows from an action.
    """
    named = _named(actions, mechanisms.states if isinstance(mechanisms, DiscreteNetwork) else {})
    for label, cost in costs.items():
        if label not in named:
            raise ValueError(f"costs: no action {label!r}; {nearest(label, named)}")
        if not math.isfinite(cost):
            raise ValueError(f"costs: {label!r} costs {cost}; give a finite number")
    _refuse_later(graph, named, given)
    return Problem(named, _terms(mechanisms, utility, graph), costs, given)


def _named(
    actions: str | Sequence[str] | Mapping[str, Mapping[str, Any]], states: Mapping[str, Sequence[Any]]
) -> dict[str, dict[str, Any]]:
    """Label -> what it sets: given so, or every state of a node.

    Raises
    ------
    ValueError
        If fewer than two actions are left to choose from.
    """
    if isinstance(actions, str):
        known = states.get(actions, ())
        if not known:
            raise ValueError(f"actions: {actions!r} is a number without states; give label -> {{node: value, …}}")
        shown = str if len(set(map(str, known))) == len(known) else repr  # 1 beside "1"
        named = {f"{actions} = {shown(state)}": {actions: state} for state in known}
    elif isinstance(actions, Mapping):
        named = {str(label): dict(do) for label, do in actions.items()}
        if len(named) < len(actions):
            raise ValueError(f"actions: two labels read alike: {', '.join(map(repr, actions))}")
    else:
        raise ValueError("actions: give a node, all of whose states are tried, or a mapping label -> {node: value, …}")
    if len(named) < 2:
        raise ValueError(f"a decision needs two actions or more; these are {list(named)}")
    return named


def _refuse_later(graph: CausalGraph, actions: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]) -> None:
    """Refuse evidence that an action sets or brings about."""
    for label, do in actions.items():
        for node in given:
            if node in do:
                raise ValueError(f"action {label!r} sets {node!r}, which is also given; a node has one role")
            if node in graph.descendants(do):
                raise ValueError(
                    f"given: {node!r} follows from action {label!r}, so it cannot be known before acting; leave it "
                    "out. For a case whose outcome was seen, ask counterfactual(row, do)"
                )


def _terms(
    mechanisms: DiscreteNetwork | GaussianSystem, utility: Utility, graph: CausalGraph
) -> list[tuple[tuple[str, ...], Floats]]:
    """Read a utility: node -> states' values or weight, or a Series over joint states."""
    names = [str(n) for n in (utility.index.names if isinstance(utility, pd.Series) else utility)]
    if not names:
        raise ValueError("utility: nothing is worth anything; give node -> {state: value}")
    for name in names:
        if name not in graph.nodes:
            raise ValueError(f"utility: {name!r} is no node of the model; {nearest(str(name), graph.nodes)}")
    if isinstance(mechanisms, GaussianSystem):
        if isinstance(utility, pd.Series):
            raise ValueError("utility of a linear-Gaussian model: give node -> worth of one unit")
        return [((node,), _finite(weight, node)) for node, weight in utility.items()]
    if isinstance(utility, pd.Series):
        known = mechanisms.index(names)
        if twice := utility.index[utility.index.duplicated()].tolist():
            raise ValueError(f"utility has two values for {', '.join(names)} = {twice[0]!r}")
        if absent := [state for state in known if state not in utility.index]:
            raise ValueError(f"utility has no value for {', '.join(names)} = {absent[0]!r}")
        shape = [len(mechanisms.states[n]) for n in names]
        return [(tuple(names), _finite(utility.reindex(known), ", ".join(names)).reshape(shape))]
    out: list[tuple[tuple[str, ...], Floats]] = []
    for node, values in utility.items():
        if not isinstance(values, (Mapping, pd.Series)):
            raise ValueError(f"utility of {node!r} is {values!r}; give {{state: value}} for each of its states")
        for state in values.keys():  # noqa: SIM118 (a Series too)
            mechanisms.codes({node: state}, "utility")
        if absent := [s for s in mechanisms.states[node] if s not in values]:
            raise ValueError(f"utility of {node!r} has no value for its state {absent[0]!r}")
        out.append(((node,), _finite([values[s] for s in mechanisms.states[node]], node)))
    return out


def _finite(values: Any, name: str) -> Floats:
    numbers = np.asarray(pd.to_numeric(np.ravel(values), errors="coerce"), float)
    if not np.isfinite(numbers).all():
        raise ValueError(
            f"utility of {name!r} holds {np.ravel(values)[~np.isfinite(numbers)].tolist()[0]!r}; give finite numbers"
        )
    return numbers.reshape(np.shape(values))
