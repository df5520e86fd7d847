"""Expected utilities and the value of information, exactly and over draws of the parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causalrec_lab.causal.graph import CausalGraph
from causalrec_lab.causal.notation import nearest
from causalrec_lab.causal.scm.decision import Decision, named_actions
from causalrec_lab.causal.scm.discrete import DiscreteNetwork
from causalrec_lab.causal.scm.gaussian import GaussianSystem
from causalrec_lab.causal.scm.gaussian_draws import GaussianDraws
from causalrec_lab.causal.scm.inference import posterior
from causalrec_lab.estimate import z_value

__all__ = ["Problem", "Utility", "decide"]

Floats = NDArray[np.float64]
Utility = Mapping[str, Any] | pd.Series
EVERYTHING = "everything before the action"
PARAMETERS = "the parameters"
BLOCK = 250  # parameter draws in one contraction
LARGEST = 1_000_000  # joint states of what could be observed at once


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


def decide(
    mechanisms: DiscreteNetwork | GaussianSystem,
    graph: CausalGraph,
    actions: str | Mapping[str, Mapping[str, Any]],
    utility: Utility,
    *,
    given: Mapping[str, Any],
    observe: Sequence[str] | None,
    costs: Mapping[str, float],
    level: float,
    draws: int,
    seed: int,
) -> Decision:
    """Solve the influence diagram; see `StructuralCausalModel.decide`."""
    z_value(level)
    named = named_actions(actions, mechanisms.states if isinstance(mechanisms, DiscreteNetwork) else {})
    for label in costs:
        if label not in named:
            raise ValueError(f"costs: no action {label!r}; {nearest(label, named)}")
    for label, do in named.items():
        if both := sorted(set(do) & set(given)):
            raise ValueError(f"action {label!r} sets {both[0]!r}, which is also given; a node has one role")
    problem = Problem(named, _terms(mechanisms, utility, graph), costs, given)
    number = draws if mechanisms.estimated else 0
    point, drawn = _worth(mechanisms, problem, (), number, seed)
    table = _table(problem, point[:, 0], drawn[..., 0], level)
    information, rules = {}, {}
    if isinstance(mechanisms, DiscreteNetwork):
        for name, nodes in _observable(mechanisms, graph, problem, observe).items():
            split, splits = _worth(mechanisms, problem, nodes, number, seed)
            gains = _gain(splits, drawn)
            ends = np.quantile(gains, [(1 - level) / 2, (1 + level) / 2])
            information[name] = [float(_gain(split[None], point[None])[0]), *map(float, ends)]
            if len(nodes) == 1:
                best = [list(named)[i] for i in split.argmax(0)]
                rules[name] = pd.Series(best, index=mechanisms.index(nodes), name="best action")
    if mechanisms.estimated:
        means = drawn[..., 0]
        information[PARAMETERS] = [max(float(means.max(1).mean() - means.mean(0).max()), 0.0), np.nan, np.nan]
    frame = pd.DataFrame.from_dict(information, orient="index", columns=["value", "low", "high"])
    notes = () if mechanisms.estimated else ("the mechanisms are given, not estimated: no intervals",)
    return Decision(table, frame.rename_axis("known before acting"), rules, level, dict(given), notes)


def _worth(
    mechanisms: DiscreteNetwork | GaussianSystem, problem: Problem, nodes: tuple[str, ...], draws: int, seed: int
) -> tuple[Floats, Floats]:
    """Utility of each action at each observation of `nodes` times its chance: (actions, observations), and of draws."""
    rng = np.random.default_rng(seed)
    if isinstance(mechanisms, GaussianSystem):
        point = _linear(mechanisms, problem)
        drawn = _linear(mechanisms.drawn(draws, rng), problem) if draws else point
        return point.T, drawn[..., None]
    point = _split(mechanisms, problem, nodes, mechanisms.tables, 0)[0]
    if not draws:
        return point, point[None]
    sizes = [min(BLOCK, draws - start) for start in range(0, draws, BLOCK)]
    blocks = [_split(mechanisms, problem, nodes, mechanisms.drawn(size, rng), size) for size in sizes]
    return point, np.concatenate(blocks)


def _linear(system: GaussianSystem | GaussianDraws, problem: Problem) -> Floats:
    """Expected utility of each action, (draws or 1, actions)."""
    out = []
    for label, do in problem.actions.items():
        total: Floats = np.array([-float(problem.costs.get(label, 0.0))])
        for (node,), weight in problem.terms:
            if node in do:
                total = total + weight * float(do[node])
                continue
            found = system.query([node], do, problem.given)
            mean = found[:, 0, 0] if isinstance(found, np.ndarray) else found.to_numpy(float).ravel()[0]
            total = np.asarray(total + weight * mean)
        out.append(total)
    return np.stack(out, -1)


def _split(
    network: DiscreteNetwork, problem: Problem, nodes: tuple[str, ...], tables: Mapping[str, Floats], draws: int
) -> Floats:
    """Utilities of the tables given, one set or a batch: (draws or 1, actions, observations)."""
    given = network.codes(problem.given, "given")
    out = []
    for label, do in problem.actions.items():
        fixed = network.codes(do, "do")
        total: Floats | float = 0.0
        for family, weights in (*problem.terms, ((), np.array(-float(problem.costs.get(label, 0.0))))):
            left = tuple(n for n in family if n not in fixed)
            worth = weights[tuple(fixed.get(n, slice(None)) for n in family)]
            target = tuple(dict.fromkeys((*nodes, *left)))
            joint = posterior(network.parents, tables, target, fixed, given, draws)
            joint = joint if draws else joint[None]
            mass = joint.sum(tuple(range(1, joint.ndim)), keepdims=True)
            if not (mass > 0).all():
                raise ValueError(f"given={dict(problem.given)!r} has probability 0 under {label!r}: nothing follows")
            letter = dict(zip(target, ascii_lowercase, strict=False))
            axes, mine, kept = ("".join(letter[n] for n in names) for names in (target, left, nodes))
            total = total + np.einsum(f"Z{axes},{mine}->Z{kept}", joint / mass, worth)
        out.append(np.asarray(total).reshape(max(draws, 1), -1))
    return np.stack(out, 1)


def _gain(split: Floats, plain: Floats) -> Floats:
    """Best choice at each observation less the best single choice: (draws,)."""
    return np.asarray(np.maximum(split.max(1).sum(-1) - plain[..., 0].max(-1), 0.0))


def _table(problem: Problem, point: Floats, drawn: Floats, level: float) -> pd.DataFrame:
    ends = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    columns = {
        "expected_utility": point,
        "std_error": drawn.std(0),
        "low": np.minimum(ends[0], point),
        "high": np.maximum(ends[1], point),
        "probability_best": np.bincount(drawn.argmax(1), minlength=len(point)) / len(drawn),
    }
    table = pd.DataFrame(columns, index=pd.Index(list(problem.actions), name="action"))
    return table.sort_values("expected_utility", ascending=False, kind="stable")


def _terms(
    mechanisms: DiscreteNetwork | GaussianSystem, utility: Utility, graph: CausalGraph
) -> list[tuple[tuple[str, ...], Floats]]:
    """Read a utility: node -> states' values or weight, or a Series over joint states."""
    names = [str(n) for n in (utility.index.names if isinstance(utility, pd.Series) else utility)]
    for name in names:
        if name not in graph.nodes:
            raise ValueError(f"utility: {name!r} is no node of the model; {nearest(str(name), graph.nodes)}")
    if isinstance(mechanisms, GaussianSystem):
        if isinstance(utility, pd.Series):
            raise ValueError("utility of a linear-Gaussian model: give node -> worth of one unit")
        return [((node,), np.array(float(weight))) for node, weight in utility.items()]
    if isinstance(utility, pd.Series):
        known = mechanisms.index(names)
        if absent := [state for state in known if state not in utility.index]:
            raise ValueError(f"utility has no value for {', '.join(names)} = {absent[0]!r}")
        shape = [len(mechanisms.states[n]) for n in names]
        return [(tuple(names), utility.reindex(known).to_numpy(float).reshape(shape))]
    out: list[tuple[tuple[str, ...], Floats]] = []
    for node, values in utility.items():
        mechanisms.codes({node: next(iter(values))}, "utility")
        if absent := [s for s in mechanisms.states[node] if s not in values]:
            raise ValueError(f"utility of {node!r} has no value for its state {absent[0]!r}")
        out.append(((node,), np.array([float(values[s]) for s in mechanisms.states[node]])))
    return out


def _observable(
    network: DiscreteNetwork, graph: CausalGraph, problem: Problem, observe: Sequence[str] | None
) -> dict[str, tuple[str, ...]]:
    """What could be looked at before acting: each node asked for, and all of them at once."""
    acted = sorted({n for do in problem.actions.values() for n in do})
    later = {*acted, *graph.descendants(acted)}
    before = [n for n in graph.nodes if n not in later and n not in problem.given]
    for node in observe or ():
        if node not in graph.nodes:
            raise ValueError(f"observe: {node!r} is no node of the model; {nearest(node, graph.nodes)}")
        if node not in before:
            why = "is given already" if node in problem.given else "is set by an action, or follows from one"
            raise ValueError(f"observe: {node!r} {why}; it cannot be news before acting. Others: {', '.join(before)}")
    outcomes = [n for family, _ in problem.terms for n in family if n not in acted]
    cut = CausalGraph([*graph.nodes, *((a, b) for a, b in graph.edges if b not in acted)])
    matter = list(before)
    for node in before:
        rest = [n for n in matter if n != node]
        seen = [*rest, *acted, *problem.given]
        if all(y == node or y in rest or cut.d_separated(y, node, [n for n in seen if n != y]) for y in outcomes):
            matter = rest
    sets: dict[str, tuple[str, ...]] = {n: (n,) for n in (observe if observe is not None else matter)}
    if matter and math.prod(len(network.states[n]) for n in matter) <= LARGEST:
        sets[EVERYTHING] = tuple(matter)
    return sets
