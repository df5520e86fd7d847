"""`PartialGraph`: a Markov equivalence class as one graph, with arrows where data could decide and lines where not."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from causalrec_lab.causal.discovery.knowledge import Knowledge
from causalrec_lab.causal.discovery.orientation import Adjacency, count_members, cpdag, extension, members
from causalrec_lab.causal.graph.causal_graph import CausalGraph
from causalrec_lab.causal.graph.notation import nearest, written

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["PartialGraph", "equivalence_class"]

MANY = 10_000  # a class is counted up to here


@dataclass(frozen=True)
class PartialGraph:
    """A completed partially directed acyclic graph (CPDAG): the graphs that no test on the same columns can tell apart.

    Parameters
    ----------
    nodes
        Names, in the order of `matrix`.
    directed
        ``(cause, effect)``: every graph of the class has this arrow.
    undirected
        Pairs that are joined in every graph of the class, one way in some and the other way in others.

    Raises
    ------
    ValueError
        If a node is named twice, a pair holds an unknown node or one node twice, or two nodes are joined twice.
    """

    nodes: tuple[str, ...]
    directed: tuple[tuple[str, str], ...]
    undirected: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        if len(set(self.nodes)) < len(self.nodes):
            raise ValueError(f"nodes {self.nodes} name one twice")
        met = set()
        for a, b in (*self.directed, *self.undirected):
            if odd := [name for name in (a, b) if name not in self.nodes]:
                raise ValueError(f"{odd[0]!r} is no node of the graph; {nearest(odd[0], self.nodes)}")
            if a == b or frozenset((a, b)) in met:
                raise ValueError(f"{a!r} and {b!r} are {'one node' if a == b else 'joined twice'}; a pair has one edge")
            met.add(frozenset((a, b)))

    @classmethod
    def from_matrix(cls, nodes: Sequence[str], matrix: Adjacency) -> PartialGraph:
        """Read a boolean matrix: `matrix[i, j]` alone is an arrow, both ways a line."""
        pairs = [(nodes[i], nodes[j], bool(matrix[j, i])) for i, j in np.argwhere(matrix)]
        lines = tuple((a, b) for a, b, loose in pairs if loose and nodes.index(a) < nodes.index(b))
        return cls(tuple(nodes), tuple((a, b) for a, b, loose in pairs if not loose), lines)

    @property
    def matrix(self) -> Adjacency:
        """(p, p) boolean matrix; see `orientation`."""
        number = {name: i for i, name in enumerate(self.nodes)}
        out = np.zeros((len(self.nodes), len(self.nodes)), dtype=bool)
        for a, b in (*self.directed, *self.undirected, *((b, a) for a, b in self.undirected)):
            out[number[a], number[b]] = True
        return out

    @property
    def size(self) -> int:
        """How many DAGs the class holds; counting stops at 10,000."""
        return count_members(self.matrix, MANY)

    def graphs(self, limit: int = 100) -> list[CausalGraph]:
        """At most `limit` members of the class."""
        return [self._graph(dag) for dag in members(self.matrix, limit)]

    def to_graph(self) -> CausalGraph:
        """One member of the class; no better than any other.

        Raises
        ------
        ValueError
            If there is none: contradicting orientations, as noisy tests give them.
        """
        dag = extension(self.matrix)
        if dag is None:
            raise ValueError(
                "no acyclic graph has this skeleton and these arrows: the orientations contradict each other; "
                "take more rows, a stricter level or a score-based method"
            )
        return self._graph(dag)

    def _graph(self, dag: Adjacency) -> CausalGraph:
        return CausalGraph([*map(written, self.nodes), *((self.nodes[i], self.nodes[j]) for i, j in np.argwhere(dag))])

    def edge(self, a: str, b: str) -> str:
        """The edge between two nodes as text: ``"->"``, ``"<-"``, ``"--"``, or nothing.

        Raises
        ------
        ValueError
            If a name is no node.
        """
        for name in (a, b):
            if name not in self.nodes:
                raise ValueError(f"{name!r} is no node of the graph; {nearest(name, self.nodes)}")
        marks = {(a, b): "->", (b, a): "<-"}
        found = [marks[pair] for pair in self.directed if pair in marks]
        return found[0] if found else "--" if {(a, b), (b, a)} & set(self.undirected) else ""

    def plot(self, ax: Axes | None = None, *, title: str | None = None, **options: Any) -> Axes:
        """Draw it: arrows that every member has, lines where members differ; see `drawing.draw_partial`."""
        from causalrec_lab.causal.discovery.drawing import draw_partial

        return draw_partial(self, ax, title=title, **options)

    def __str__(self) -> str:
        """Text form: ``a -> b; b -- c``."""
        name = {n: written(n) for n in self.nodes}
        joined = {n for pair in (*self.directed, *self.undirected) for n in pair}
        pairs = [f"{name[a]} -> {name[b]}" for a, b in self.directed]
        pairs += [f"{name[a]} -- {name[b]}" for a, b in self.undirected]
        return "; ".join([name[n] for n in self.nodes if n not in joined] + pairs)

    def _repr_html_(self) -> str:
        """Small deterministic table."""
        size = self.size
        rows = {
            "every member has": "; ".join(f"{a} \u2192 {b}" for a, b in self.directed) or "no arrow",
            "either way": "; ".join(f"{a} \u2014 {b}" for a, b in self.undirected) or "nothing",
            "graphs in the class": f"{MANY:,} or more" if size >= MANY else f"{size:,}",
        }
        cells = "".join(f"<tr><th>{k}</th><td>{html.escape(v)}</td></tr>" for k, v in rows.items())
        return f'<table class="causal-graph"><tbody>{cells}</tbody></table>'


def equivalence_class(graph: CausalGraph, background: Knowledge | None = None) -> PartialGraph:
    """What no test can say: the Markov equivalence class of a graph without latent nodes, as its CPDAG.

    With `background`, arrows that follow from it are drawn too: the class among graphs that respect it (Meek 1995).

    Raises
    ------
    ValueError
        If the graph has latent nodes (its class then is one of ancestral graphs, which is not computed here), or
        contradicts the background.
    """
    if graph.latent or graph.bidirected:
        hidden = graph.latent[0] if graph.latent else f"{graph.bidirected[0][0]} <-> {graph.bidirected[0][1]}"
        raise ValueError(
            f"the graph has a latent node ({hidden}): graphs with latent nodes that agree on every test form a class "
            "of ancestral graphs (Richardson & Spirtes 2002), which is not computed here; leave the latent nodes out"
        )
    number = {name: i for i, name in enumerate(graph.nodes)}
    dag = np.zeros((len(number), len(number)), dtype=bool)
    for a, b in graph.edges:
        dag[number[a], number[b]] = True
    matrix = cpdag(dag)
    if background is not None:
        if against := background.contradictions(graph):
            raise ValueError(f"the graph contradicts the background: {against[0]}")
        matrix, _ = background.bind(graph.nodes).orient(matrix)
    return PartialGraph.from_matrix(graph.nodes, matrix)
