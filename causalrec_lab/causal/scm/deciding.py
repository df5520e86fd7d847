"""Expected utilities and the value of information, exactly and over draws of the parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from string import ascii_lowercase
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causalrec_lab.causal.graph.causal_graph import CausalGraph
from causalrec_lab.causal.graph.notation import nearest
from causalrec_lab.causal.scm.decision import Decision
from causalrec_lab.causal.scm.discrete import DiscreteNetwork
from causalrec_lab.causal.scm.gaussian import GaussianSystem
from causalrec_lab.causal.scm.gaussian_draws import GaussianDraws
from causalrec_lab.causal.scm.inference import posterior
from causalrec_lab.causal.scm.problem import Problem, Utility, problem_of
from causalrec_lab.estimate import z_value

__all__ = ["Utility", "decide"]

Floats = NDArray[np.float64]
EVERYTHING = "everything before the action"
PARAMETERS = "the parameters"
BLOCK = 250  # parameter draws in one contraction
LARGEST = 50_000_000  # joint states of what could be observed at once, times draws (50 at least)


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
    observe = (observe,) if isinstance(observe, str) else observe
    if isinstance(mechanisms, GaussianSystem) and observe is not None:
        raise ValueError(
            "observe: values of information are given for discrete models; cut the columns into bins (pandas.qcut)"
        )
    problem = problem_of(mechanisms, graph, actions, utility, given, costs)
    number = draws if mechanisms.estimated else 0
    point, drawn = _worth(mechanisms, problem, (), number, seed)
    table = _table(problem, point[:, 0], drawn[..., 0], level)
    notes: tuple[str, ...] = () if mechanisms.estimated else ("the mechanisms are given, not estimated: no intervals",)
    information: dict[str, list[float]] = {}
    rules: dict[str, pd.Series] = {}
    if isinstance(mechanisms, DiscreteNetwork):
        sets, left_out = _observable(mechanisms, graph, problem, observe, LARGEST / max(number, 50))
        if left_out:
            notes += (f"{EVERYTHING!r} is left out: too many joint states; name nodes in observe=",)
        for name, nodes in sets.items():
            split, bests = _worth(mechanisms, problem, nodes, number, seed, _chosen)
            information[name] = _valued(split, point, _gain(bests, drawn), level)
            if len(nodes) == 1:
                best = [list(problem.actions)[i] for i in split.argmax(0)]
                rules[name] = pd.Series(best, index=mechanisms.index(nodes), name="best action")
    if mechanisms.estimated:
        means = drawn[..., 0]
        information[PARAMETERS] = [max(float(means.max(1).mean() - means.mean(0).max()), 0.0), np.nan, np.nan]
    frame = pd.DataFrame.from_dict(information, orient="index", columns=["value", "low", "high"])
    return Decision(table, frame.rename_axis("known before acting"), rules, level, dict(given), notes)


def _worth(
    mechanisms: DiscreteNetwork | GaussianSystem,
    problem: Problem,
    nodes: tuple[str, ...],
    draws: int,
    seed: int,
    reduce: Callable[[Floats], Floats] = np.asarray,
) -> tuple[Floats, Floats]:
    """Utility of each action at each observation of `nodes` times its chance: (actions, observations), and of draws.

    Draws come in blocks, each reduced at once: all of them need not fit into memory.
    """
    rng = np.random.default_rng(seed)
    if isinstance(mechanisms, GaussianSystem):
        point = _linear(mechanisms, problem)
        drawn = _linear(mechanisms.drawn(draws, rng), problem) if draws else point
        return point.T, drawn[..., None]
    point = _split(mechanisms, problem, nodes, mechanisms.tables, 0)[0]
    if not draws:
        return point, reduce(point[None])
    sizes = [min(BLOCK, draws - start) for start in range(0, draws, BLOCK)]
    return point, np.concatenate(
        [reduce(_split(mechanisms, problem, nodes, mechanisms.drawn(size, rng), size)) for size in sizes]
    )


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
            left = tuple(n for n in family if n not in fixed and n not in given)
            worth = weights[tuple({**given, **fixed}.get(n, slice(None)) for n in family)]
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


def _chosen(split: Floats) -> Floats:
    """Expected utility of the best choice at each observation: (draws,)."""
    return np.asarray(split.max(1).sum(-1))


def _valued(split: Floats, point: Floats, gains: Floats, level: float) -> list[float]:
    """Value of one observation with the ends of its interval."""
    value = float(_gain(_chosen(split[None]), point[None])[0])
    ends = np.quantile(gains, [(1 - level) / 2, (1 + level) / 2])
    return [value, min(float(ends[0]), value), max(float(ends[1]), value)]


def _gain(informed: Floats, plain: Floats) -> Floats:
    """What that is worth beyond the best single choice: (draws,)."""
    return np.asarray(np.maximum(informed - plain[..., 0].max(-1), 0.0))


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


def _observable(
    network: DiscreteNetwork, graph: CausalGraph, problem: Problem, observe: Sequence[str] | None, most: float
) -> tuple[dict[str, tuple[str, ...]], bool]:
    """What could be looked at before acting: each node asked for, and all at once, or whether those are too many."""
    acted = sorted({n for do in problem.actions.values() for n in do})
    later = {*acted, *graph.descendants(acted)}
    before = [n for n in graph.nodes if n not in later and n not in problem.given]
    for node in observe or ():
        if node not in graph.nodes:
            raise ValueError(f"observe: {node!r} is no node of the model; {nearest(node, graph.nodes)}")
        if node not in before:
            why = "is given already" if node in problem.given else "is set by an action, or follows from one"
            raise ValueError(f"observe: {node!r} {why}; it cannot be news before acting. Others: {', '.join(before)}")
    matter = _matter(graph, problem, before)
    sets: dict[str, tuple[str, ...]] = {n: (n,) for n in (observe if observe is not None else matter)}
    if matter and math.prod(len(network.states[n]) for n in matter) <= most:
        sets[EVERYTHING] = tuple(matter)
    return sets, len(matter) > 0 and EVERYTHING not in sets


def _matter(graph: CausalGraph, problem: Problem, before: Sequence[str]) -> list[str]:
    """Nodes known before acting on which the best action may depend, given the others.

    What an action cannot change matters where it enters a utility jointly with what it can; else only as news of that.
    """
    outcomes = {n for family, _ in problem.terms if len(family) > 1 or family[0] not in before for n in family}
    worlds = {}
    for do in problem.actions.values():
        edges = [(a, b) for a, b in graph.edges if b not in do]
        worlds[tuple(sorted(do))] = CausalGraph([*graph.nodes, *edges])
    matter = list(before)
    for node in before:
        rest = [n for n in matter if n != node]
        known = {*rest, *problem.given}
        if not any(
            y == node or not world.d_separated(y, node, [*known, *do])
            for do, world in worlds.items()
            for y in outcomes - known - set(do)
        ):
            matter = rest
    return matter
