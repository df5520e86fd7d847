"""Do-queries beside an einsum over the whole mutilated network (T3), and their time beside pgmpy's (S4).

Every question sets one to three nodes and may hold evidence. `right` counts answers within 1e-9 of the contraction.
pgmpy appears twice: its own `CausalInference.query(do=, evidence=)`, and its elimination on the network once mutilated.
`prediction` asks for one node of a random ten-node network in 2,000 rows that show the others; `right` counts the rows
whose likeliest state is that of the joint table. Times are CPU time.

    python benchmarks/do_queries.py --questions 100
"""

from __future__ import annotations

import argparse
import logging
import string
import time
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from recording import clock, record

from causalrec_lab.causal import CausalGraph, StructuralCausalModel
from causalrec_lab.causal.scm.discrete import DiscreteNetwork

Question = tuple[str, dict[str, str], dict[str, str]]


def contraction(network: DiscreteNetwork, target: str, do: dict[str, str], given: dict[str, str]) -> np.ndarray:
    """One einsum, order by numpy: no pruning and no elimination of ours."""
    letters = dict(zip(network.nodes, string.ascii_letters, strict=False))
    operands, terms = [], []
    for node in network.nodes:
        unit = np.eye(len(network.states[node]))
        operands.append(unit[network.states[node].index(do[node])] if node in do else network.tables[node])
        terms.append(letters[node] if node in do else "".join(letters[m] for m in (*network.parents[node], node)))
        if node in given:
            operands.append(unit[network.states[node].index(given[node])])
            terms.append(letters[node])
    weights = np.einsum(f"{','.join(terms)}->{letters[target]}", *operands, optimize="greedy")
    return np.asarray(weights / weights.sum())


def questions(model: StructuralCausalModel, count: int) -> Iterator[Question]:
    """Random questions whose evidence is possible."""
    rng = np.random.default_rng(0)
    states, asked = model.mechanisms.states, 0
    while asked < count:
        target, *rest = rng.permutation(list(model.graph.nodes)).tolist()
        set_to, seen = rest[: 1 + asked % 3], rest[3 : 3 + int(rng.integers(0, 3))]
        pick = {n: states[n][int(rng.integers(len(states[n])))] for n in (*set_to, *seen)}
        question = target, {n: pick[n] for n in set_to}, {n: pick[n] for n in seen}
        with np.errstate(invalid="ignore"):
            if np.isfinite(contraction(model.mechanisms, *question)).all():
                asked += 1
                yield question


def peers(model: StructuralCausalModel, name: str) -> dict[str, Callable[..., np.ndarray]]:
    """Answer as arrays in the order of the target's states: this library, and pgmpy in two ways."""
    with warnings.catch_warnings(action="ignore"):
        from pgmpy.inference import CausalInference, VariableElimination
        from pgmpy.readwrite import BIFReader
    folder = Path(str(find_spec("pgmpy").submodule_search_locations[0])) / "utils" / "example_models"
    import gzip

    network = BIFReader(string=gzip.decompress((folder / f"{name}.bif.gz").read_bytes()).decode()).get_model()
    for table in network.cpds:  # the files' rows miss 1 in the eighth digit
        table.normalize()

    def ordered(factor: Any, target: str) -> np.ndarray:
        return np.array([factor.get_value(**{target: s}) for s in model.mechanisms.states[target]])

    def own(target: str, do: dict[str, str], given: dict[str, str]) -> np.ndarray:
        return ordered(CausalInference(network).query([target], do=do, evidence=given, show_progress=False), target)

    def cut(target: str, do: dict[str, str], given: dict[str, str]) -> np.ndarray:
        found = VariableElimination(network.do(list(do))).query([target], evidence=given | do, show_progress=False)
        return ordered(found, target)

    return {
        "this library": lambda *q: model.query(*q).to_numpy(),
        "pgmpy CausalInference.query": own,
        "pgmpy elimination on the mutilated network": cut,
    }


def judged(answer: Callable[..., np.ndarray], asked: list[tuple[Question, np.ndarray]]) -> dict[str, float]:
    """Right answers, refusals, largest error and median time of one way to answer."""
    errors, seconds, refused = [], [], 0
    for question, truth in asked:
        start = time.process_time()
        try:
            found = answer(*question)
        except (ValueError, NotImplementedError, KeyError):
            refused += 1
            continue
        seconds.append(time.process_time() - start)
        errors.append(np.abs(found - truth).max())
    right = int(np.sum(np.array(errors) < 1e-9))
    wrong = len(asked) - refused - right
    return {
        "right": right, "wrong": wrong, "refused": refused,
        "largest error": float(np.nanmax(errors)), "median ms": 1e3 * float(np.median(seconds)),
        "slowest ms": 1e3 * float(np.max(seconds)),
    }  # fmt: skip


def ten_nodes(seed: int = 0) -> StructuralCausalModel:
    """Random network of ten nodes with three states and up to three causes each."""
    rng = np.random.default_rng(seed)
    names = [f"v{i}" for i in range(10)]
    edges = [(names[j], names[i]) for i in range(1, 10) for j in rng.permutation(i)[: rng.integers(1, 4)]]
    graph = CausalGraph([*names, *edges])
    parents = {n: graph.parents(n) for n in graph.nodes}
    tables = {n: rng.dirichlet(np.ones(3), size=[3] * len(parents[n]) or None) for n in graph.nodes}
    return StructuralCausalModel(graph, DiscreteNetwork(dict.fromkeys(graph.nodes, ("a", "b", "c")), parents, tables))


def predictions(model: StructuralCausalModel, rows: int) -> dict[str, dict[str, float]]:
    """Seconds of posterior prediction, ours beside pgmpy's `predict`, and rows they get right."""
    from pgmpy.factors.discrete import TabularCPD
    from pgmpy.models import DiscreteBayesianNetwork

    network, target = model.mechanisms, model.graph.nodes[4]
    peer = DiscreteBayesianNetwork(list(model.graph.edges))
    for node, table in network.tables.items():
        above = list(network.parents[node])
        flat = table.reshape(-1, 3).T
        states = {n: list(network.states[n]) for n in (node, *above)}
        peer.add_cpds(TabularCPD(node, 3, flat, above, [3] * len(above), state_names=states))
    frame = model.sample(rows, seed=1)
    evidence = frame.drop(columns=target)
    letters = dict(zip(network.nodes, string.ascii_letters, strict=False))
    terms = ["".join(letters[m] for m in (*network.parents[n], n)) for n in network.nodes]
    joint = np.einsum(f"{','.join(terms)}->{''.join(letters[n] for n in network.nodes)}", *network.tables.values())
    place = list(network.nodes).index(target)
    codes = [pd.Index(network.states[n]).get_indexer(evidence[n]) for n in network.nodes if n != target]
    truth = np.array(network.states[target])[np.moveaxis(joint, place, -1)[tuple(codes)].argmax(1)]
    out = {}
    for label, answer in {
        "this library": lambda: model.predict(evidence, target).idxmax(axis=1).to_numpy(),
        "pgmpy predict": lambda: peer.predict(evidence, n_jobs=1)[target].to_numpy(),
    }.items():
        start = time.process_time()
        right = int((answer() == truth).sum())
        spent = 1e3 * (time.process_time() - start)
        out[label] = {"right": right, "wrong": rows - right, "refused": 0, "median ms": spent, "slowest ms": spent}
    return out


def main() -> None:
    """Ask, compare, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=100)
    options = parser.parse_args()
    logging.getLogger("pgmpy").setLevel(logging.ERROR)
    rows = {}
    with clock() as seconds, warnings.catch_warnings(action="ignore"):
        for name in ("asia", "sachs", "alarm"):
            model = StructuralCausalModel.example(name)
            asked = [(q, contraction(model.mechanisms, *q)) for q in questions(model, options.questions)]
            for label, answer in peers(model, name).items():
                rows[name, label] = judged(answer, asked)
        for label, row in predictions(ten_nodes(), 2_000).items():
            rows["prediction, 2,000 rows of 10 nodes", label] = row
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis(["network", "by"])
    record("do_queries", table, seconds[0], questions=options.questions)


if __name__ == "__main__":
    main()
