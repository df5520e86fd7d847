"""Twin networks: what happened and what would have happened, side by side on the same background.

Balke & Pearl 1994, Probabilistic evaluation of counterfactual queries; Pearl 2009, section 7.1.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causalrec_lab.causal.scm.couplings import Coupling, coupling_of
from causalrec_lab.causal.scm.discrete import DiscreteNetwork
from causalrec_lab.causal.scm.elimination import Factor, contract
from causalrec_lab.causal.scm.inference import ancestors, posterior

__all__ = ["Settled", "Twin", "Undecided"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Settled:
    """A part of the twin network that the tables determine; `own` are the variables of its node."""

    factor: Factor
    own: tuple[int, ...]


@dataclass(frozen=True)
class Undecided:
    r"""A node that has two values, before and after, whose joint law the tables leave open.

    Parameters
    ----------
    node
        Its name.
    axes
        Unknown variables among its causes, in both worlds.
    own
        Its own unknown variables: before (unless observed) and after.
    p, q
        Laws before and after, shape (settings of `axes`…, states); an axis of length 1 where a law does not depend on
        it.
    before, after
        Number of the setting of the node's causes in either world, shape as p without states; where they agree, so do
        the node's values.
    seen
        Code of its observed value, None where it was not observed.
    """

    node: str
    axes: tuple[int, ...]
    own: tuple[int, ...]
    p: Floats
    q: Floats
    before: Floats
    after: Floats
    seen: int | None

    @property
    def same(self) -> NDArray[np.bool_]:
        """Where the causes agree in both worlds."""
        return np.asarray(self.before == self.after)

    def kernel(self, coupling: Coupling) -> Factor:
        """Joint law of both values under a coupling."""
        shape = np.broadcast_shapes(self.p.shape, self.q.shape)
        joint = coupling(np.broadcast_to(self.p, shape), np.broadcast_to(self.q, shape))
        kept = self.p[..., :, None] * np.eye(shape[-1])
        joint = np.where(self.same[..., None, None], kept, joint)
        return Factor((*self.axes, *self.own), joint if self.seen is None else joint[..., self.seen, :])


@dataclass(frozen=True)
class Twin:
    """A discrete network beside its copy after an intervention, with evidence about the world before it.

    Parameters
    ----------
    network
        The tables.
    row, do
        Codes of the states observed and of those set.
    """

    network: DiscreteNetwork
    row: Mapping[str, int]
    do: Mapping[str, int]

    @property
    def evidence(self) -> float:
        """Probability of the row."""
        return float(posterior(self.network.parents, self.network.tables, [], {}, self.row))

    @property
    def changed(self) -> set[str]:
        """Nodes whose value may differ between the two worlds: effects of what is set."""
        found: set[str] = set()
        for node, above in self.network.parents.items():
            if node not in self.do and any(n in self.do or n in found for n in above):
                found.add(node)
        return found

    def after(self, node: str) -> int:
        """Number of a node's variable in the changed world."""
        number = self.network.nodes.index(node)
        return number + (len(self.network.nodes) if node in self.changed else 0)

    def parts(self, target: str) -> list[Settled | Undecided]:
        """Give all that matters for the target in the changed world and the evidence in the old one, causes first."""
        parents, changed = self.network.parents, self.changed
        before = ancestors(parents, self.row)
        after = ancestors({n: () if n in self.do else p for n, p in parents.items()}, [target])
        out: list[Settled | Undecided] = []
        for node in self.network.nodes:
            if node in changed and node in before and node in after:
                out.append(self._undecided(node))
            elif node in before or (node in after and node not in changed and node not in self.do):
                out.append(self._settled(node, self._before((*parents[node], node))))
            elif node in after and node not in self.do:
                out.append(self._settled(node, self._after((*parents[node], node))))
        return out

    def answer(self, target: str, coupling: str | Coupling | Mapping[str, str | Coupling]) -> Floats:
        """Law of the target in the changed world given the row, under a declared coupling."""
        parts = self.parts(target)
        factors = [
            part.factor if isinstance(part, Settled) else part.kernel(coupling_of(coupling, part.node))
            for part in parts
        ]
        if target not in self.changed and target in self.row:
            return np.asarray(np.eye(len(self.network.states[target]))[self.row[target]])
        joint = contract(factors, [self.after(target)])
        return np.asarray(joint / joint.sum())

    def _before(self, family: Sequence[str]) -> dict[str, tuple[int, int | None]]:
        """Variable and observed code of each node in the old world."""
        return {n: (self.network.nodes.index(n), self.row.get(n)) for n in family}

    def _after(self, family: Sequence[str]) -> dict[str, tuple[int, int | None]]:
        """Variable and known code of each node in the changed world."""
        changed = self.changed
        known: dict[str, int | None] = {n: self.do.get(n, None if n in changed else self.row.get(n)) for n in family}
        return {n: (self.after(n), known[n]) for n in family}

    def _settled(self, node: str, family: Mapping[str, tuple[int, int | None]]) -> Settled:
        factor = _factor(self.network.tables[node], family)
        return Settled(factor, tuple(axis for axis in factor.axes if axis == family[node][0]))

    def _undecided(self, node: str) -> Undecided:
        causes = self.network.parents[node]
        worlds = self._before(causes), self._after(causes)
        laws = [_factor(self.network.tables[node], {**world, node: (-1, None)}) for world in worlds]
        axes = tuple(sorted({a for law in laws for a in law.axes} - {-1}))
        p, q = (_aligned(law, (*axes, -1)) for law in laws)
        settings = [self._numbered(causes, world, axes) for world in worlds]
        seen = self.row.get(node)
        own = (self.after(node),) if seen is not None else (self.network.nodes.index(node), self.after(node))
        return Undecided(node, axes, own, p, q, settings[0], settings[1], seen)

    def _numbered(
        self, causes: Sequence[str], world: Mapping[str, tuple[int, int | None]], axes: Sequence[int]
    ) -> Floats:
        """Number of the causes' setting in one world."""
        number = np.zeros([1] * len(axes))
        for cause in causes:
            size, (variable, code) = len(self.network.states[cause]), world[cause]
            step = (
                float(code)
                if code is not None
                else _aligned(Factor((variable,), np.arange(size, dtype=np.float64)), axes)
            )
            number = number * size + step
        return number


def _factor(table: Floats, family: Mapping[str, tuple[int, int | None]]) -> Factor:
    known = {i: code for i, (_, code) in enumerate(family.values()) if code is not None}
    part = Factor(tuple(range(table.ndim)), table).slice(known)
    return Factor(tuple(list(family.values())[i][0] for i in part.axes), part.table)


def _aligned(factor: Factor, axes: Sequence[int]) -> Floats:
    """Table with one axis for each of `axes`, of length 1 where the factor does not have it."""
    order = [factor.axes.index(a) for a in axes if a in factor.axes]
    shape = [factor.table.shape[factor.axes.index(a)] if a in factor.axes else 1 for a in axes]
    return np.asarray(factor.table.transpose(order).reshape(shape))
