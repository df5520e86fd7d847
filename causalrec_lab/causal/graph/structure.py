"""A directed acyclic graph by name: nodes, edges, latent nodes, paths and d-separation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from causalrec_lab.causal.graph.notation import BETWEEN, nearest, read_edges, sorted_by_cause, written
from causalrec_lab.causal.graph.separation import Dag, bits

__all__ = ["Structure"]


class Structure:
    """What `CausalGraph` knows before anything is asked of it: names on `Dag`.

    Parameters
    ----------
    edges
        As `notation.read_edges` takes them.
    latent
        Nodes that are never observed.
    selected
        Nodes all rows of the data agree on, because rows were selected by them.
    """

    def __init__(self, edges: str | Iterable[str | Sequence[str]], latent: Iterable[str], selected: Iterable[str]):
        read = read_edges(edges)
        hidden, chosen = ((n,) if isinstance(n, str) else tuple(map(str, n)) for n in (latent, selected))
        for role, name in [("latent", n) for n in hidden] + [("selected", n) for n in chosen]:
            if name not in read.nodes:
                raise ValueError(f"{role}={name!r} is no node of the graph; {nearest(name, read.nodes)}")
        if both := sorted(set(hidden) & set(chosen)):
            raise ValueError(f"{both[0]!r} is latent and selected at once; what rows are selected by was seen")
        self.edges: tuple[tuple[str, str], ...] = read.directed
        self.bidirected: tuple[tuple[str, str], ...] = read.bidirected
        self.nodes: tuple[str, ...] = sorted_by_cause(read.nodes, read.directed)
        self.latent: tuple[str, ...] = tuple(n for n in self.nodes if n in hidden)
        self.selected: tuple[str, ...] = tuple(n for n in self.nodes if n in chosen)
        self._hidden = self._common_causes()
        self._number = {name: i for i, name in enumerate((*self.nodes, *self._hidden))}
        self.dag = self._masks()

    def _common_causes(self) -> list[str]:
        """Name of the common cause that each ``a <-> b`` stands for; never a name that is taken."""
        found: list[str] = []
        for a, b in self.bidirected:
            name = f"{a}{BETWEEN}{b}"
            while name in self.nodes or name in found:
                name += "\u2032"
            found.append(name)
        return found

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
        """Nodes that can be columns that vary, causes first: neither latent nor selected."""
        return tuple(n for n in self.nodes if n not in self.latent and n not in self.selected)

    def mask(self, names: str | Iterable[str], *, observed: bool = False, role: str = "node") -> int:
        """Bit mask of `names` in `dag`.

        Raises
        ------
        ValueError
            If a name is no node, or is latent or selected where `observed` is asked for.
        """
        out = 0
        for name in (names,) if isinstance(names, str) else names:
            if name not in self.nodes:
                raise ValueError(f"{role} {name!r} is no node of the graph; {nearest(name, self.nodes)}")
            if observed and name not in self.observed:
                why = "latent: no column holds it" if name in self.latent else "selected: the same in every row"
                raise ValueError(f"{role} {name!r} is {why}; observed nodes are {', '.join(self.observed)}")
            out |= 1 << self._number[name]
        return out

    def number(self, name: str, *, observed: bool = False, role: str = "node") -> int:
        """Number of one node in `dag`.

        Raises
        ------
        ValueError
            As `mask`, and if several names are given.
        """
        if not isinstance(name, str):
            raise ValueError(
                f"{role}={name!r} must be one name; several at once: ask for each, or make them one column"
            )
        return self.mask(name, observed=observed, role=role).bit_length() - 1

    def names(self, mask: int) -> tuple[str, ...]:
        """Names of the nodes in a mask, in the graph's order."""
        all_names = (*self.nodes, *self._hidden)
        return tuple(all_names[i] for i in bits(mask))

    def parents(self, node: str) -> tuple[str, ...]:
        """Direct causes of `node`, latent common causes of ``<->`` left out."""
        mask = self.dag.parents[self.number(node)]
        return tuple(n for n in self.names(mask) if n in self.nodes)

    def children(self, node: str) -> tuple[str, ...]:
        """Direct effects of `node`."""
        return self.names(self.dag.children[self.number(node)])

    def ancestors(self, nodes: str | Iterable[str]) -> tuple[str, ...]:
        """Causes, direct or not, of `nodes`; the nodes themselves left out."""
        mask = self.mask(nodes)
        return tuple(n for n in self.names(self.dag.ancestors(mask) & ~mask) if n in self.nodes)

    def descendants(self, nodes: str | Iterable[str]) -> tuple[str, ...]:
        """Effects, direct or not, of `nodes`; the nodes themselves left out."""
        mask = self.mask(nodes)
        return self.names(self.dag.descendants(mask) & ~mask)

    def d_separated(self, x: str | Iterable[str], y: str | Iterable[str], given: str | Iterable[str] = ()) -> bool:
        """Tell whether `x` and `y` are d-separated by `given` (Pearl 2009, Definition 1.2.3).

        Selected nodes are not added to `given`: name them where the data's rows, not the world, are meant.

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
        """Shortest open path between two nodes as text (``"t <- h -> y"``), empty where they are d-separated.

        Raises
        ------
        ValueError
            If a name is no node, x is y, or one of them is given.
        """
        ends, held = [self.number(name) for name in (x, y)], self.mask(given)
        if ends[0] == ends[1] or held >> ends[0] & 1 or held >> ends[1] & 1:
            raise ValueError(f"open_path: x={x!r}, y={y!r} and given={given!r} must have no node in common")
        return self.path_text(self.dag.open_path(ends[0], ends[1], held))

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

    def to_pgmpy(self) -> Any:
        """`pgmpy.base.DAG` with every ``<->`` as a latent node of its own."""
        from pgmpy.base import DAG

        hidden = [(name, end) for name, pair in zip(self._hidden, self.bidirected, strict=True) for end in pair]
        graph = DAG()
        graph.add_nodes_from([*self.nodes, *self._hidden])
        graph.add_edges_from([*self.edges, *hidden])
        graph.latents = {*self.latent, *self._hidden}
        return graph

    def to_networkx(self) -> Any:
        """`networkx.DiGraph` with every ``<->`` as a node of its own; nodes carry the attribute ``latent``."""
        from networkx import DiGraph

        graph = DiGraph()
        graph.add_nodes_from(self.nodes, latent=False)
        graph.add_nodes_from([*self.latent, *self._hidden], latent=True)
        graph.add_edges_from(self.edges)
        for name, pair in zip(self._hidden, self.bidirected, strict=True):
            graph.add_edges_from((name, end) for end in pair)
        return graph

    def __str__(self) -> str:
        """Text form, which the constructor reads."""
        alone = [n for n in self.nodes if not any(n in pair for pair in (*self.edges, *self.bidirected))]
        arrows = [(self.edges, " -> "), (self.bidirected, " <-> ")]
        return "; ".join(
            [*map(written, alone), *(sign.join(map(written, pair)) for pairs, sign in arrows for pair in pairs)]
        )
