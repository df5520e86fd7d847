"""Three searches for a structure: PC, GES and hill climbing, run by pgmpy on the lab's own tests and scores.

pgmpy sees column numbers only, so that no answer depends on the names or on the order of a set of texts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab.causal.discovery.knowledge import Bound
from causalrec_lab.causal.discovery.orientation import Adjacency, complete, cpdag, extension
from causalrec_lab.causal.discovery.statistics import Discrete, Gaussian

__all__ = ["SEARCHES", "ges", "hill_climb", "pc"]

Table = Discrete | Gaussian


@contextmanager
def _quiet() -> Iterator[None]:
    logger = logging.getLogger("pgmpy")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _placeholder(p: int) -> pd.DataFrame:
    """What pgmpy needs to know of the table: how many columns it has."""
    return pd.DataFrame(np.arange(2 * p).reshape(2, p))


def _pairs(matrix: Adjacency) -> set[tuple[int, int]]:
    return {(int(i), int(j)) for i, j in np.argwhere(matrix)}


def pc(table: Table, known: Bound, level: float) -> Adjacency:
    """PC-stable (Spirtes, Glymour & Scheines 2000; Colombo & Maathuis 2014): tests first, then arrows.

    pgmpy finds the skeleton. Pairs required are kept, pairs forbidden both ways are not tried, and no set that holds a
    column later than both ends is asked. Known arrows come first, then unshielded colliders, those with the clearest
    separation first, then Meek's rules. Sets hold at most four columns.
    """
    from pgmpy.causal_discovery import PC

    def independent(x: int, y: int, given: Iterable[int], significance_level: float) -> bool:
        ends = [known.tier[x], known.tier[y]]
        if None not in ends:
            last = max(t for t in ends if t is not None)
            if any((tier := known.tier[z]) is not None and tier > last for z in given):
                return False
        return table.p_value(int(x), int(y), map(int, given)) >= significance_level

    expert = _expert(_pairs(known.apart), _pairs(known.required | known.required.T))
    options: dict[str, Any] = {"expert_knowledge": expert, "enforce_expert_knowledge": True, "max_cond_vars": 4}
    p = len(known.tier)
    with _quiet():
        found = PC(variant="stable", ci_test=independent, significance_level=level, show_progress=False, **options).fit(
            _placeholder(p)
        )
    joined = np.zeros((p, p), dtype=bool)
    for i, j in found.skeleton_.edges:
        joined[i, j] = joined[j, i] = True
    separators = {key: tuple(map(int, given)) for key, given in found.separating_sets_.items()}
    return _with_colliders(joined, separators, table, known)


def _with_colliders(
    joined: Adjacency, separators: dict[frozenset[int], tuple[int, ...]], table: Table, known: Bound
) -> Adjacency:
    out = known.arrows(
        joined
    )  # what follows from them waits for the colliders: Meek's rules take all of those as known
    triples = []
    for pair, given in separators.items():
        x, y = sorted(map(int, pair))
        middle = [int(z) for z in np.flatnonzero(joined[x] & joined[y]) if z not in given]
        triples += [(-table.p_value(x, y, given), x, int(z), y) for z in middle]
    for _, x, z, y in sorted(triples):
        if out[x, z] and out[y, z] and not (known.required[z, x] or known.required[z, y]):
            out[z, x] = out[z, y] = False
    return complete(out)


def hill_climb(table: Table, known: Bound, _level: float = 0.0, start: Adjacency | None = None) -> Adjacency:
    """Hill climbing over DAGs by BIC (Koller & Friedman 2009, section 18.4.3); the CPDAG of the best."""
    from pgmpy.base import DAG
    from pgmpy.causal_discovery import HillClimbSearch

    p = len(known.tier)
    first = DAG()
    first.add_nodes_from(range(p))
    if start is not None:
        first.add_edges_from(_pairs(start))
    expert = _expert(_pairs(known.forbidden), _pairs(known.required))
    climb = HillClimbSearch(
        scoring_method=_score(table), start_dag=first, expert_knowledge=expert, return_type="dag", show_progress=False
    )
    with _quiet():
        found = climb.fit(_placeholder(p)).causal_graph_
    dag = np.zeros((p, p), dtype=bool)
    for i, j in found.edges:
        dag[i, j] = True
    return known.orient(cpdag(dag))[0]


def ges(table: Table, known: Bound, _level: float = 0.0) -> Adjacency:
    """Greedy equivalence search by BIC (Chickering 2002).

    It searches among equivalence classes and knows no constraints; where something is known, hill climbing under the
    knowledge goes on from its answer.
    """
    from pgmpy.causal_discovery import GES

    class Unbuilt:
        """A graph after a step that the step's own conditions make valid (Chickering 2002, Theorem 15)."""

        def __init__(self, make: Any) -> None:
            self.make = make

        def has_acyclic_extension(self) -> bool:
            return True

        def to_cpdag(self) -> Any:
            return self.make().to_cpdag()

    class Lazy(GES):
        """pgmpy builds and checks a graph for every step it considers; here for those it takes."""

        def insert(self, u: int, v: int, T: Any, current_model: Any) -> Any:
            return Unbuilt(lambda: GES.insert(self, u, v, T, current_model))

    p = len(known.tier)
    with _quiet():
        found = Lazy(scoring_method=_score(table)).fit(_placeholder(p)).causal_graph_
    matrix = np.zeros((p, p), dtype=bool)
    for i, j in found.edges:
        matrix[i, j] = True
    if known.empty:
        return matrix
    dag = extension(matrix)
    return hill_climb(table, known, start=_allowed(dag if dag is not None else np.zeros_like(matrix), known))


def _allowed(dag: Adjacency, known: Bound) -> Adjacency:
    """The required arrows, and of a DAG's all that may stand beside them, turned where only the turn is allowed."""
    out = known.required.copy()
    for i, j in np.argwhere(dag):
        a, b = (i, j) if not known.forbidden[i, j] else (j, i)
        if not known.forbidden[a, b] and not (out[a, b] or out[b, a]) and not _reaches(out, int(b), int(a)):
            out[a, b] = True
    return out


def _reaches(dag: Adjacency, start: int, goal: int) -> bool:
    seen = np.zeros(len(dag), dtype=bool)
    seen[start] = True
    while (grown := seen | dag[seen].any(axis=0)).sum() > seen.sum():
        seen = grown
    return bool(seen[goal])


def _expert(forbidden: set[tuple[int, int]], required: set[tuple[int, int]]) -> Any:
    from pgmpy import causal_discovery

    make: Any = causal_discovery.ExpertKnowledge
    return make(forbidden_edges=forbidden, required_edges=required)


def _score(table: Table) -> Any:
    from pgmpy.structure_score import BaseStructureScore

    class Score(BaseStructureScore):
        """The table's own score, which pgmpy asks by column numbers."""

        def __init__(self) -> None:
            """Nothing is kept: the table remembers."""

        def local_score(self, variable: Any, parents: tuple[Any, ...]) -> float:
            return table.score(int(variable), map(int, parents))

    return Score()


SEARCHES: Mapping[str, Callable[[Table, Bound, float], Adjacency]] = {"pc": pc, "ges": ges, "hill_climb": hill_climb}
