"""What is known before the data are seen: tiers of time, arrows that must not be, arrows that must."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from causalrec_lab.causal.discovery.orientation import Adjacency, complete
from causalrec_lab.causal.graph.notation import nearest, read_edges, sorted_by_cause

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
        Groups of columns, earliest first: nothing in a later group causes anything in an earlier one. A column in no
        tier is free.
    forbidden
        Arrows that are not there: ``"purchase -> view"``, or pairs; ``"a <-> b"`` forbids both directions.
    required
        Arrows that are.

    Raises
    ------
    ValueError
        If the pieces contradict each other: a column in two tiers, an arrow both required and forbidden, required
        against the tiers, a cycle of required arrows.

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
        if isinstance(self.tiers, str) or any(isinstance(tier, str) for tier in self.tiers):
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
            if a in tier and b in tier and tier[a] > tier[b]:
                raise ValueError(f"required {a} -> {b} runs against the tiers: {a!r} is later than {b!r}")
        try:
            sorted_by_cause(nodes, self._required)
        except ValueError as cycle:
            raise ValueError(f"required arrows: {cycle}") from None

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
