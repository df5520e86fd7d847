"""What is known before the data are seen: tiers of time, arrows that must not be, arrows that must."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from causalrec_lab.causal.discovery.orientation import Adjacency, complete
from causalrec_lab.causal.graph.notation import nearest, read_edges, sorted_by_cause

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["Bound", "Knowledge"]

Edges = str | Iterable[str | Sequence[str]]


@dataclass(frozen=True)
class Bound:
    """Knowledge about numbered columns: `forbidden[i, j]` says no i -> j, `required[i, j]` says i -> j."""

    forbidden: Adjacency
    required: Adjacency
    tier: tuple[int | None, ...]

    @property
    def empty(self) -> bool:
        """Whether nothing is known."""
        return not (self.forbidden.any() or self.required.any())

    @property
    def apart(self) -> Adjacency:
        """Pairs that may not be joined at all."""
        return self.forbidden & self.forbidden.T

    def arrows(self, matrix: Adjacency) -> Adjacency:
        """Orient loose edges as known."""
        out = matrix & ~(matrix.T & (self.forbidden & ~self.forbidden.T))
        return out & ~(out & out.T & self.required.T)

    def orient(self, matrix: Adjacency) -> tuple[Adjacency, int]:
        """Orient loose edges as known and complete by Meek's rules; also count arrows that contradict what is known.

        The colliders of `matrix` must be oriented already: the rules take an edge left loose for no part of one.
        """
        out = complete(self.arrows(matrix))
        arrows = out & ~out.T
        return out, int((arrows & self.forbidden).sum())


@dataclass(frozen=True)
class Knowledge:
    """Background knowledge for discovery.

    Parameters
    ----------
    tiers
        Groups of columns, earliest first: no arrow leads from a later group to an earlier one. A column in no tier is
        free, and may stand between a later and an earlier one.
    forbidden
        Arrows that are not there: ``"purchase -> view"``, or pairs; ``"a <-> b"`` forbids both directions.
    required
        Arrows that are.

    Raises
    ------
    ValueError
        If the pieces contradict each other: a column in two tiers, an arrow both required and forbidden, required
        against the tiers (also by a chain of required arrows), a cycle of required arrows.

    Examples
    --------
    >>> known = Knowledge(tiers=[["age"], ["shown"], ["view", "purchase"]], forbidden="purchase -> view")
    """

    tiers: Sequence[Sequence[str]] = ()
    forbidden: Edges = ()
    required: Edges = ()
    _forbidden: frozenset[tuple[str, str]] = field(init=False, repr=False, compare=False)
    _required: tuple[tuple[str, str], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not _lists(self.tiers):
            raise ValueError(f"tiers={self.tiers!r}: give a list of lists of columns, earliest first")
        no, yes = read_edges(self.forbidden), read_edges(self.required)
        if yes.bidirected:
            a, b = yes.bidirected[0]
            raise ValueError(
                f"required {a} <-> {b}: a required arrow has one direction; write {a} -> {b} or {b} -> {a}"
            )
        both = [pair for a, b in no.bidirected for pair in ((a, b), (b, a))]
        object.__setattr__(self, "_forbidden", frozenset((*no.directed, *both)))
        object.__setattr__(self, "_required", yes.directed)
        self._consistent(yes.nodes)

    def _consistent(self, nodes: Sequence[str]) -> None:
        tier: dict[str, int] = {}
        for level, names in enumerate(self.tiers):
            for name in names:
                if name in tier:
                    raise ValueError(
                        f"{name!r} stands in tiers {tier[name] + 1} and {level + 1}; a column has one time"
                    )
                tier[name] = level
        for a, b in self._required:
            if (a, b) in self._forbidden:
                raise ValueError(f"{a} -> {b} is both required and forbidden; take it out of one of the two")
        try:
            order = sorted_by_cause(nodes, self._required)
        except ValueError as cycle:
            raise ValueError(f"required arrows: {cycle}") from None
        latest: dict[str, str] = {}  # the latest of a column and its causes
        for b in order:
            causes = [latest[a] for a, effect in self._required if effect == b and a in latest]
            last = max(causes, key=tier.__getitem__, default=None)
            if last is not None and b in tier and tier[last] > tier[b]:
                raise ValueError(f"required arrows lead from {last} to {b}, against the tiers: {last!r} is later")
            if b in tier or last is not None:
                latest[b] = b if b in tier else str(last)

    def contradictions(self, graph: CausalGraph) -> tuple[str, ...]:
        """What a graph has that is forbidden, and lacks that is required, in words.

        Raises
        ------
        ValueError
            If a name is no node of the graph.
        """
        bound, edges = self.bind(graph.nodes), set(graph.edges)
        number = {name: i for i, name in enumerate(graph.nodes)}
        out = [f"{a} -> {b} is forbidden" for a, b in graph.edges if bound.forbidden[number[a], number[b]]]
        return (*out, *(f"{a} -> {b} is required and absent" for a, b in self._required if (a, b) not in edges))

    def bind(self, columns: Sequence[str]) -> Bound:
        """Knowledge on the numbers of `columns`.

        Raises
        ------
        ValueError
            If a name is no column.
        """
        number = {name: i for i, name in enumerate(columns)}
        named = [
            *(n for tier in self.tiers for n in tier),
            *(n for e in (*self._forbidden, *self._required) for n in e),
        ]
        if unknown := sorted(set(named) - set(number)):
            raise ValueError(f"background names {unknown[0]!r}, which is no column; {nearest(unknown[0], columns)}")
        level = {name: place for place, names in enumerate(self.tiers) for name in names}
        tier = tuple(level.get(name) for name in columns)
        forbidden, required = (np.zeros((len(columns), len(columns)), dtype=bool) for _ in range(2))
        for a, b in self._forbidden:
            forbidden[number[a], number[b]] = True
        for a, b in self._required:
            required[number[a], number[b]] = True
            forbidden[number[b], number[a]] = True
        for i, early in enumerate(tier):
            for j, late in enumerate(tier):
                if early is not None and late is not None and early < late:
                    forbidden[j, i] = True
        return Bound(forbidden, required, tier)


def _lists(tiers: object) -> bool:
    return isinstance(tiers, Sequence | np.ndarray) and all(
        isinstance(tier, Iterable) and not isinstance(tier, str) for tier in tiers
    )
