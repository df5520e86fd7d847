"""Discovery measured: methods x data, SHD and F1 of equivalence classes, stability, CPU seconds.

Each graph is compared as far as it can be known: as its CPDAG, oriented by the background knowledge where some is
given. The platform appears with its confounder as a column and without it; the truth of the second is the graph among
what is left, so that `extra` and `misoriented` count what the hidden cause made. Sachs' rows pool interventions without
saying which: its row is an illustration, beside the published 20 edges.

    python benchmarks/discovery.py --rows 2000 --bootstrap 20
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from recording import clock, commit, record

from causalrec_lab.causal import CausalGraph, Knowledge, StructuralCausalModel, discover
from causalrec_lab.data import load
from causalrec_lab.world import linear_gaussian


class Case(NamedTuple):
    """A table, its graph, what may be known of it, and how often it is resampled."""

    name: str
    rows: pd.DataFrame
    truth: CausalGraph
    known: Knowledge | None
    bootstrap: int


def tiers(graph: CausalGraph, parts: int) -> Knowledge:
    """Cut the causal order into a few groups: what a calendar of measurements would tell."""
    cuts = np.array_split(np.array(graph.nodes), parts)
    return Knowledge(tiers=[part.tolist() for part in cuts])


def cases(n: int, bootstrap: int, seed: int) -> Iterator[Case]:
    """Platform with and without its confounder, two networks, Sachs."""
    preset = linear_gaussian(seed)
    rows, truth = preset.sample(n, seed=seed), CausalGraph(list(preset.edges))
    hidden = [pair for pair in preset.edges if "affinity" not in pair]
    less = rows.drop(columns="affinity")
    platforms = ("platform", rows, truth), ("platform, affinity hidden", less, CausalGraph(hidden))
    for name, table, graph in platforms:
        yield Case(name, table, graph, None, bootstrap)
        yield Case(f"{name} + tiers", table, graph, Knowledge(tiers=[[node] for node in graph.nodes]), bootstrap)
    for name, times in (("asia", bootstrap), ("alarm", min(bootstrap, 3))):
        model = StructuralCausalModel.example(name)
        table = model.sample(n, seed=seed)
        yield Case(name, table, model.graph, None, times)
        yield Case(f"{name} + 3 tiers", table, model.graph, tiers(model.graph, 3), times)
    try:
        dataset = load("sachs")
    except (OSError, ValueError):
        return
    proteins = np.log(dataset.extra["measurements"])
    graph = CausalGraph([*proteins.columns, *map(tuple, dataset.extra["edges"])])
    yield Case("sachs (pooled)", proteins, graph, None, min(bootstrap, 5))


def measured(case: Case, method: str) -> dict[str, float | str | int]:
    """One row of the table."""
    times = 0 if method == "ges" and len(case.truth.nodes) > 20 else case.bootstrap
    start = time.process_time()
    plain = discover(case.rows, method, background=case.known)
    seconds = time.process_time() - start
    scores = plain.compare(case.truth)
    edges = len(plain.graph.directed) + len(plain.graph.undirected)
    row: dict[str, float | str | int] = {"data": case.name, "method": method, "n": plain.n, "edges": edges}
    row |= {k: float(scores[k]) for k in ("shd", "missing", "extra", "misoriented", "skeleton_f1", "arrow_f1")}
    row |= {"stable_true": np.nan, "stable_false": np.nan, "cpu_seconds": seconds}
    if times:
        table = discover(case.rows, method, background=case.known, bootstrap=times).stability
        true = {frozenset(pair) for pair in case.truth.edges}
        right = np.array([frozenset(pair) in true for pair in table[["a", "b"]].itertuples(index=False, name=None)])
        row["stable_true"] = float(table["joined"][right].sum() / len(true))
        row["stable_false"] = float(table["joined"][~right].mean()) if (~right).any() else 0.0
    return row


def main() -> None:
    """Print and record the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--bootstrap", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    before = time.process_time()
    with clock() as seconds:
        found = cases(args.rows, args.bootstrap, args.seed)
        rows = [measured(case, m) for case in found for m in ("pc", "ges", "hill_climb")]
    table = pd.DataFrame(rows).set_index(["data", "method"])
    facts = {
        "cpu_seconds": round(time.process_time() - before, 1),
        "bootstrap": args.bootstrap,
        "commit": commit("causal"),
    }
    record("discovery", table, seconds[0], **facts)


if __name__ == "__main__":
    main()
