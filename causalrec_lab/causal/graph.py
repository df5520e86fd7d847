"""`CausalGraph`: what a researcher assumes about the world, and every question that can be put to it."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from causalrec_lab.causal.notation import BETWEEN, nearest, read_edges, sorted_by_cause
from causalrec_lab.causal.separation import Dag, bits

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from causalrec_lab.causal.identification import Identification, Instrument
    from causalrec_lab.causal.independence import Independence

__all__ = ["CausalGraph"]


class CausalGraph:
    r"""A directed acyclic graph with latent common causes, and optionally a treatment and an outcome.

    Parameters
    ----------
    edges
        Text (``"a -> b -> c; b <-> c"``: statements end at a semicolon or line end, commas list nodes, a name alone is
        a node without edges), or an iterable of ``(cause, effect)`` pairs. ``a <-> b`` stands for a latent common
        cause of a and b.
    latent
        Nodes that are never observed.
    treatment, outcome
        The effect in question; `identify` and its kin need both.

    Raises
    ------
    ValueError
        On a cycle (which is shown), a role given to a node that is not there (the nearest name is offered), a latent
        treatment or outcome, one node as both.

    Examples
    --------
    >>> graph = CausalGraph("taste -> shown -> bought; taste -> bought", treatment="shown", outcome="bought")
    >>> graph.adjustment_sets()
    [frozenset({'taste'})]
    """

    def __init__(
        self,
        edges: str | Iterable[str | Sequence[str]],
        latent: Iterable[str] = (),
        treatment: str | None = None,
        outcome: str | None = None,
    ) -> None:
        read = read_edges(edges)
        declared = (latent,) if isinstance(latent, str) else tuple(latent)
        self.edges: tuple[tuple[str, str], ...] = read.directed
        self.bidirected: tuple[tuple[str, str], ...] = read.bidirected
        for role, name in [("latent", n) for n in declared] + [("treatment", treatment), ("outcome", outcome)]:
            if name is not None and name not in read.nodes:
                raise ValueError(f"{role}={name!r} is no node of the graph; {nearest(name, read.nodes)}")
        for role, name in (("treatment", treatment), ("outcome", outcome)):
            if name in declared:
                raise ValueError(f"{role} {name!r} is declared latent; what is never observed cannot be the {role}")
        if treatment is not None and treatment == outcome:
            raise ValueError(f"{treatment!r} is treatment and outcome at once; they are two columns: shown, and bought")
        self.treatment, self.outcome = treatment, outcome
        self.nodes: tuple[str, ...] = sorted_by_cause(read.nodes, read.directed)
        self.latent: tuple[str, ...] = tuple(n for n in self.nodes if n in set(declared))
        self._hidden = [f"{a}{BETWEEN}{b}" for a, b in self.bidirected]  # the common cause that a <-> b stands for
        self._number = {name: i for i, name in enumerate((*self.nodes, *self._hidden))}
        self.dag = self._masks()

    def _masks(self) -> Dag:
        parents = [0] * len(self._number)
        for cause, effect in self.edges:
            parents[self._number[effect]] |= 1 << self._number[cause]
        for name, pair in zip(self._hidden, self.bidirected, strict=True):
            for effect in pair:
                parents[self._number[effect]] |= 1 << self._number[name]
        return Dag(tuple(parents))

    @property
    def observed(self) -> tuple[str, ...]:
        """Nodes that can be columns, causes first."""
        return tuple(n for n in self.nodes if n not in self.latent)

    def mask(self, names: str | Iterable[str], *, observed: bool = False, role: str = "node") -> int:
        """Bit mask of `names` in `dag`.

        Raises
        ------
        ValueError
            If a name is no node, or is latent where `observed` is asked for.
        """
        out = 0
        for name in (names,) if isinstance(names, str) else names:
            if name not in self.nodes:
                raise ValueError(f"{role} {name!r} is no node of the graph; {nearest(name, self.nodes)}")
            if observed and name in self.latent:
                usable = ", ".join(self.observed)
                raise ValueError(f"{role} {name!r} is latent: no column holds it; observed nodes are {usable}")
            out |= 1 << self._number[name]
        return out

    def names(self, mask: int) -> tuple[str, ...]:
        """Names of the nodes in a mask, in the graph's order."""
        all_names = (*self.nodes, *self._hidden)
        return tuple(all_names[i] for i in bits(mask))

    def parents(self, node: str) -> tuple[str, ...]:
        """Direct causes of `node`, latent common causes of ``<->`` left out."""
        mask = self.dag.parents[self.mask(node).bit_length() - 1]
        return tuple(n for n in self.names(mask) if n in self.nodes)

    def children(self, node: str) -> tuple[str, ...]:
        """Direct effects of `node`."""
        return self.names(self.dag.children[self.mask(node).bit_length() - 1])

    def ancestors(self, nodes: str | Iterable[str]) -> tuple[str, ...]:
        """Causes, direct or not, of `nodes`; the nodes themselves left out."""
        mask = self.mask(nodes)
        return tuple(n for n in self.names(self.dag.ancestors(mask) & ~mask) if n in self.nodes)

    def descendants(self, nodes: str | Iterable[str]) -> tuple[str, ...]:
        """Effects, direct or not, of `nodes`; the nodes themselves left out."""
        mask = self.mask(nodes)
        return self.names(self.dag.descendants(mask) & ~mask)

    def effect(self, treatment: str | None = None, outcome: str | None = None) -> tuple[int, int]:
        """Node numbers of treatment and outcome, the graph's own where left out.

        Raises
        ------
        ValueError
            If one is neither given nor known, or latent.
        """
        found = []
        for role, name in (("treatment", treatment or self.treatment), ("outcome", outcome or self.outcome)):
            if name is None:
                raise ValueError(
                    f"no {role}: give {role}=… here or to CausalGraph; nodes are {', '.join(self.observed)}"
                )
            found.append(self.mask(name, observed=True, role=role).bit_length() - 1)
        if found[0] == found[1]:
            raise ValueError("treatment and outcome are the same node; they are two columns: shown, and bought")
        return found[0], found[1]

    def d_separated(self, x: str | Iterable[str], y: str | Iterable[str], given: str | Iterable[str] = ()) -> bool:
        """Tell whether `x` and `y` are d-separated by `given` (Pearl 2009, Definition 1.2.3).

        Raises
        ------
        ValueError
            If a name is no node or the three sets overlap.
        """
        sets = [self.mask(names) for names in (x, y, given)]
        if sets[0] & sets[1] or sets[0] & sets[2] or sets[1] & sets[2]:
            raise ValueError(f"d_separated: x={x!r}, y={y!r} and given={given!r} must have no node in common")
        return self.dag.separated(*sets)

    def open_path(self, x: str, y: str, given: str | Iterable[str] = ()) -> str:
        """Shortest open path between two nodes as text (``"t <- h -> y"``), empty where they are d-separated."""
        ends = [self.mask(name).bit_length() - 1 for name in (x, y)]
        return self.path_text(self.dag.open_path(ends[0], ends[1], self.mask(given)))

    def path_text(self, path: Sequence[tuple[int, bool]]) -> str:
        """Write a path of `Dag.open_path` with arrows; ``a <- (a<->b) -> b`` becomes ``a <-> b``."""
        text = ""
        for position, (node, along) in enumerate(path):
            if node >= len(self.nodes):
                continue
            if position:
                hidden = path[position - 1][0] >= len(self.nodes)
                text += " <-> " if hidden else " -> " if along else " <- "
            text += self.nodes[node]
        return text

    def adjustment_sets(
        self, treatment: str | None = None, outcome: str | None = None, *, limit: int = 1000
    ) -> list[frozenset[str]]:
        """All minimal valid adjustment sets, smallest first; see `adjustment.adjustment_sets`."""
        from causalrec_lab.causal.adjustment import adjustment_sets

        return adjustment_sets(self, treatment, outcome, limit=limit)

    def adjustment_set(self, treatment: str | None = None, outcome: str | None = None) -> list[str]:
        """Smallest adjustment set, or an error with the way out; see `adjustment.adjustment_set`."""
        from causalrec_lab.causal.adjustment import adjustment_set

        return adjustment_set(self, treatment, outcome)

    def adjustment_problem(
        self, covariates: Iterable[str], treatment: str | None = None, outcome: str | None = None
    ) -> str:
        """Why these covariates must not be adjusted for, or an empty text; see `adjustment.adjustment_problem`."""
        from causalrec_lab.causal.adjustment import adjustment_problem

        return adjustment_problem(self, covariates, treatment, outcome)

    def frontdoor_sets(
        self, treatment: str | None = None, outcome: str | None = None, *, limit: int = 1000
    ) -> list[frozenset[str]]:
        """All minimal front-door sets, smallest first; see `frontdoor.frontdoor_sets`."""
        from causalrec_lab.causal.frontdoor import frontdoor_sets

        return frontdoor_sets(self, treatment, outcome, limit=limit)

    def instruments(self, treatment: str | None = None, outcome: str | None = None) -> list[Instrument]:
        """Instruments, conditional ones with their covariates; see `identification.instruments`."""
        from causalrec_lab.causal.identification import instruments

        return instruments(self, treatment, outcome)

    def identify(self, treatment: str | None = None, outcome: str | None = None) -> Identification:
        """Say whether and how the effect follows from observed data; see `identification.identify`."""
        from causalrec_lab.causal.identification import identify

        return identify(self, treatment, outcome)

    def implied_independencies(self) -> tuple[Independence, ...]:
        """Independencies among observed nodes that the graph claims; see `independence.implied_independencies`."""
        from causalrec_lab.causal.independence import implied_independencies

        return implied_independencies(self)

    def test(self, frame: pd.DataFrame, *, level: float = 0.05) -> pd.DataFrame:
        """Test what the graph claims against data; see `independence.graph_test`."""
        from causalrec_lab.causal.independence import graph_test

        return graph_test(self, frame, level=level)

    def plot(self, ax: Axes | None = None, *, failing: Any = (), title: str | None = None) -> Axes:
        """Draw the graph in layers, causes left; see `drawing.draw`."""
        from causalrec_lab.causal.drawing import draw

        return draw(self, ax, failing=failing, title=title)

    def to_pgmpy(self) -> Any:
        """`pgmpy.base.DAG` with every ``<->`` as a latent node of its own."""
        from pgmpy.base import DAG

        hidden = [(name, end) for name, pair in zip(self._hidden, self.bidirected, strict=True) for end in pair]
        graph = DAG([*self.edges, *hidden], latents={*self.latent, *self._hidden})
        graph.add_nodes_from(self.nodes)
        return graph

    @classmethod
    def from_networkx(cls, graph: Any, treatment: str | None = None, outcome: str | None = None) -> CausalGraph:
        """Take a directed networkx graph, or a pgmpy `DAG` with its latents.

        Raises
        ------
        ValueError
            If the graph is undirected.
        """
        if not graph.is_directed():
            raise ValueError("from_networkx: the graph is undirected; a causal graph needs arrows (networkx.DiGraph)")
        edges = [*map(str, graph.nodes), *((str(a), str(b)) for a, b in graph.edges)]
        return cls(edges, [str(n) for n in getattr(graph, "latents", ())], treatment, outcome)

    def __str__(self) -> str:
        """Text form, which the constructor reads."""
        alone = [n for n in self.nodes if not any(n in pair for pair in (*self.edges, *self.bidirected))]
        pairs = [f"{a} -> {b}" for a, b in self.edges] + [f"{a} <-> {b}" for a, b in self.bidirected]
        return "; ".join(alone + pairs)

    def __repr__(self) -> str:
        """Constructor call that gives this graph."""
        roles = {"latent": list(self.latent), "treatment": self.treatment, "outcome": self.outcome}
        return f"CausalGraph({str(self)!r}" + "".join(f", {k}={v!r}" for k, v in roles.items() if v) + ")"

    def _repr_html_(self) -> str:
        """Small deterministic table of the edges and roles."""
        rows = [
            ("treatment", self.treatment or ""),
            ("outcome", self.outcome or ""),
            ("latent", ", ".join(self.latent)),
            ("edges", "; ".join(f"{a} \u2192 {b}" for a, b in self.edges)),
            ("latent common cause", "; ".join(f"{a} \u2194 {b}" for a, b in self.bidirected)),
        ]
        cells = "".join(f"<tr><th>{k}</th><td>{html.escape(v)}</td></tr>" for k, v in rows if v)
        return f'<table class="causal-graph"><tbody>{cells}</tbody></table>'
