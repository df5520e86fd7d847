"""T5: is the effect identified? 500 random graphs with latents, each answer beside brute force over paths and sets.

The reference shares no code with the library: it lists paths one by one, blocks them by the definition of d-separation
and tries every set of observed nodes. `wrong` counts effects called identified that the reference does not identify,
`missed` the reverse, `sets equal` the graphs on which all minimal sets agree (empty where no sets are listed). pgmpy
stands beside it where installed.
Formulas are computed on exact tables and least-squares variances on random linear models in the tests of the same id.

    python benchmarks/identification.py --graphs 500
"""

from __future__ import annotations

import argparse
import itertools
import logging
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from recording import clock, commit, record

from causalrec_lab.causal import CausalGraph

Sets = set[frozenset[str]]


def random_graph(seed: int, selected: bool = False) -> CausalGraph:
    """Between four and seven nodes, some latent, some latent common causes; one node may select the rows."""
    rng = np.random.default_rng(seed)
    names = [f"v{i}" for i in range(int(rng.integers(4, 8)))]
    density = rng.uniform(0.2, 0.6)
    pairs = [(a, b) for a, b in itertools.combinations(names, 2) if rng.random() < density]
    both = [f"{a} <-> {b}" for a, b in itertools.combinations(names, 2) if rng.random() < 0.12]
    ends = sorted(rng.choice(len(names), 2, replace=False).tolist())
    others = [n for i, n in enumerate(names) if i not in ends]
    chosen = [str(rng.choice(others))] if selected else []
    hidden = [n for n in others if n not in chosen and rng.random() < 0.2]
    return CausalGraph([*names, *pairs, *both], hidden, names[ends[0]], names[ends[1]], chosen)


class Reference:
    """Arrows alone: children and parents by name, paths by walking, separation by looking at every path."""

    def __init__(self, arrows: Iterable[tuple[str, str]]):
        self.arrows = set(arrows)

    @classmethod
    def of(cls, graph: CausalGraph) -> Reference:
        """The graph, with a node for each latent common cause."""
        hidden = [(f"{a}&{b}", end) for a, b in graph.bidirected for end in (a, b)]
        return cls([*graph.edges, *hidden])

    def without(self, cut: Callable[[str, str], bool]) -> Reference:
        """Leave out some arrows."""
        return Reference((a, b) for a, b in self.arrows if not cut(a, b))

    def below(self, node: str) -> set[str]:
        """A node and its effects."""
        found, todo = {node}, [node]
        while todo:
            here = todo.pop()
            new = {b for a, b in self.arrows if a == here} - found
            found |= new
            todo += new
        return found

    def paths(self, x: str, y: str, trail: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
        """Every path that visits no node twice."""
        trail = (*trail, x)
        if x == y:
            yield trail
            return
        for near in sorted({b for a, b in self.arrows if a == x} | {a for a, b in self.arrows if b == x}):
            if near not in trail:
                yield from self.paths(near, y, trail)

    def blocked(self, path: tuple[str, ...], given: set[str]) -> bool:
        """Pearl (2009), Definition 1.2.3."""
        for a, b, c in zip(path, path[1:], path[2:], strict=False):
            if (a, b) in self.arrows and (c, b) in self.arrows:
                if not self.below(b) & given:
                    return True
            elif b in given:
                return True
        return False

    def separated(self, xs: Iterable[str], ys: Iterable[str], given: set[str]) -> bool:
        """Whether every path is blocked."""
        pairs = [(x, y) for x in xs for y in ys]
        return all(self.blocked(path, given) for x, y in pairs for path in self.paths(x, y))

    def directed(self, path: tuple[str, ...]) -> bool:
        """Whether every arrow points on."""
        return all(pair in self.arrows for pair in itertools.pairwise(path))


def adjusts(reference: Reference, t: str, y: str, given: set[str]) -> bool:
    """Shpitser, VanderWeele & Robins (2010)."""
    paths = list(reference.paths(t, y))
    causal = [path for path in paths if reference.directed(path)]
    forbidden = set().union(*(reference.below(n) for path in causal for n in path[1:]))
    return not given & forbidden and all(reference.blocked(path, given) for path in paths if path not in causal)


def frontdoor(reference: Reference, t: str, y: str, through: set[str], given: set[str]) -> bool:
    """Pearl (2009), Definition 3.3.3, within strata of `given` (Fulcher et al. 2020)."""
    if any(reference.directed(p) and not through & set(p[1:-1]) for p in reference.paths(t, y)):
        return False
    no_t, no_z = reference.without(lambda a, _: a == t), reference.without(lambda a, _: a in through)
    return no_t.separated([t], through, given) and no_z.separated(through, [y], given | {t})


def selects(reference: Reference, t: str, y: str, given: set[str], rows: set[str], external: set[str]) -> bool:
    """Correa, Tian & Bareinboim (2018), Definition 4."""
    return (
        adjusts(reference, t, y, given)
        and reference.separated(rows, [y], given | {t})
        and reference.separated(given - external, rows, given & external)
    )


def carries(reference: Reference, t: str, y: str, given: set[str], differs: set[str]) -> bool:
    """Pearl & Bareinboim (2014): S-admissible, no effect of the treatment."""
    marked = Reference([*reference.without(lambda _, b: b == t).arrows, *(("S!", v) for v in differs)])
    return not given & reference.below(t) and marked.separated(["S!"], [y], given | {t})


def instrument(reference: Reference, t: str, y: str, z: str, before: list[str]) -> bool:
    """Brito & Pearl (2002): dependent on t, but without the arrows out of t separated from y, given nodes before t."""
    cut = reference.without(lambda a, _: a == t)
    others = subsets(n for n in before if n != z)
    return any(cut.separated([z], [y], w) and not reference.separated([z], [t], w) for w in others)


def subsets(names: Iterable[str]) -> Iterator[set[str]]:
    """Every subset, smallest first."""
    names = list(names)
    return (set(some) for k in range(len(names) + 1) for some in itertools.combinations(names, k))


def minimal(sets: Iterable[set[str]]) -> Sets:
    """Sets that hold no other one, given smallest first."""
    found: list[frozenset[str]] = []
    for candidate in sets:
        if not any(smaller <= candidate for smaller in found):
            found.append(frozenset(candidate))
    return set(found)


class Tally:
    """Counts and seconds of one method."""

    def __init__(self) -> None:
        self.row = dict.fromkeys(("graphs", "identified", "wrong", "missed"), 0)
        self.equal: list[bool] = []
        self.seconds = 0.0

    def add(self, ask: Callable[[], Any], truth: bool, sets: Sets | None = None) -> None:
        """Ask, take the time, compare."""
        start = time.process_time()
        answer = ask()
        self.seconds += time.process_time() - start
        self.row["graphs"] += 1
        self.row["identified"] += truth
        self.row["wrong"] += bool(answer) and not truth
        self.row["missed"] += truth and not answer
        if sets is not None:
            self.equal.append(set(answer) == sets)

    def summary(self) -> dict[str, float]:
        """The row of the table."""
        equal = float(sum(self.equal)) if self.equal else float("nan")
        return self.row | {"sets equal": equal, "CPU ms a graph": 1e3 * self.seconds / max(self.row["graphs"], 1)}


def plain(seed: int, tallies: dict[str, Tally]) -> None:
    """Adjustment, front doors, instruments and transport on one graph."""
    graph = random_graph(seed)
    t, y, reference = str(graph.treatment), str(graph.outcome), Reference.of(graph)
    usable = [n for n in graph.observed if n not in (t, y)]
    by_adjustment = minimal(z for z in subsets(usable) if adjusts(reference, t, y, z))
    reaches = y in reference.below(t)
    doors = minimal(z for z in subsets(usable) if reaches and frontdoor(reference, t, y, z, set()))
    tallies["adjustment sets"].add(graph.adjustment_sets, bool(by_adjustment), by_adjustment)
    tallies["front-door sets"].add(graph.frontdoor_sets, bool(doors), doors)
    before = [n for n in usable if n not in reference.below(t)]
    middle = list(_middle(reference, t, y, usable))
    strata = any(frontdoor(reference, t, y, z, w) for w in subsets(before) for z in middle) and reaches
    tallies["identify"].add(graph.identify, not reaches or bool(by_adjustment or doors) or strata)
    differs = {n for n in graph.nodes if np.random.default_rng([seed, 1]).random() < 0.3} or {graph.nodes[0]}
    moved = y not in differs and any(carries(reference, t, y, z, differs - {t}) for z in subsets(before))
    tallies["transport of an experiment"].add(lambda: graph.transport(differs), moved or not reaches)
    logged = any(
        carries(reference, t, y, z, differs - {t}) and any(adjusts(reference, t, y, z | w) for w in subsets(before))
        for z in subsets(before)
    )
    moved = (y not in differs and logged) or not reaches
    tallies["transport of a log"].add(lambda: graph.transport(differs, source="log"), moved)
    tallies["instruments"].add(graph.instruments, any(instrument(reference, t, y, z, before) for z in before))
    peers(graph, tallies, bool(by_adjustment), bool(doors))


def _middle(reference: Reference, t: str, y: str, usable: list[str]) -> Iterator[set[str]]:
    return subsets(n for n in usable if n in reference.below(t) and y in reference.below(n))


def in_selected_rows(seed: int, tallies: dict[str, Tally]) -> None:
    """Adjustment where one node selected the rows, with and without columns known for everyone."""
    graph = random_graph(seed, selected=True)
    t, y, reference = str(graph.treatment), str(graph.outcome), Reference.of(graph)
    usable = [n for n in graph.observed if n not in (t, y)]
    rows = set(graph.selected)
    valid = minimal(z for z in subsets(usable) if selects(reference, t, y, z, rows, set()))
    tallies["adjustment sets, selected rows"].add(graph.adjustment_sets, bool(valid), valid)
    for name, external in (("selected rows", set()), ("selected rows, half known outside", set(usable[::2]))):
        truth = any(selects(reference, t, y, z, rows, external) for z in subsets(usable))
        truth = truth or y not in reference.below(t)
        tallies[name].add(lambda known=external: graph.identify(external=known), truth)


def peers(graph: CausalGraph, tallies: dict[str, Tally], by_adjustment: bool, doors: bool) -> None:
    """Pgmpy's own answers to the same questions."""
    from pgmpy.identification import Adjustment, Frontdoor

    asked = graph.to_pgmpy()
    for role in ("exposures", "outcomes"):
        asked.with_role(role, graph.treatment if role == "exposures" else graph.outcome, inplace=True)
    reaches = graph.treatment in graph.ancestors(str(graph.outcome))
    both = {"adjustment": (Adjustment(variant="minimal"), by_adjustment), "front door": (Frontdoor(), doors)}
    for name, (method, truth) in both.items():
        if reaches or name == "adjustment":
            tallies[f"pgmpy: {name}"].add(lambda how=method: _answer(how, asked), truth)


def _answer(method: Any, dag: Any) -> bool:
    try:
        return bool(method.identify(dag)[1])
    except ValueError:  # pgmpy's word for "no set exists"
        return False


def main() -> None:
    """Run and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--graphs", type=int, default=500)
    graphs = parser.parse_args().graphs
    logging.disable(logging.WARNING)
    names = ["adjustment sets", "front-door sets", "adjustment sets, selected rows", "identify", "instruments"]
    names += ["transport of an experiment", "transport of a log", "selected rows", "selected rows, half known outside"]
    names += ["pgmpy: adjustment", "pgmpy: front door"]
    tallies = {name: Tally() for name in names}
    with warnings.catch_warnings(action="ignore"), clock() as spent:
        for seed in range(graphs):
            plain(seed, tallies)
            in_selected_rows(seed, tallies)
    table = pd.DataFrame.from_dict({name: tally.summary() for name, tally in tallies.items()}, orient="index")
    table = table.rename_axis("method")
    record("identification", table, spent[0], graphs=graphs, commit=commit("causal"))


if __name__ == "__main__":
    main()
