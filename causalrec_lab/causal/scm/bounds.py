r"""Sharp bounds on a counterfactual of a discrete network when no coupling is declared.

Every node that the change can reach has two values, before and after; their joint law K given the causes in both worlds
is any coupling of two rows of its table. The probability sought is multilinear in these couplings, one transport
polytope each, so its extremes lie at vertices. Two facts make them cheap to find:

- *relaxation*: going backwards through the network, each coupling may be chosen anew for every history. The best such
  choice is a greedy fill, and bounds the probability. Where the choices do not use the history beyond the node's own
  causes, they are couplings, and the bound is attained.
- *branch and bound*: where they do, that coupling is set to each of its vertices in turn.

The same programme over response functions: Balke & Pearl 1994, Counterfactual probabilities; as a polynomial one:
Zhang, Tian & Bareinboim 2022, Partial counterfactual identification from observational and experimental data.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causalrec_lab.causal.scm.elimination import LARGEST, Factor, contract
from causalrec_lab.causal.scm.optimal_transport import best_coupling, vertices
from causalrec_lab.causal.scm.responses import best_response, forest
from causalrec_lab.causal.scm.twin import Settled, Twin, Undecided

__all__ = ["Bound", "bounds"]

Floats = NDArray[np.float64]
TRIES = 500  # relaxations solved before a bound is given as it stands
NEGLIGIBLE = 1e-10


@dataclass(frozen=True)
class Bound:
    """Interval for a probability; `sharp` where both ends are attained by some coupling."""

    lower: float
    upper: float
    sharp: bool


def bounds(twin: Twin, target: str) -> list[Bound]:
    """Bound the probability of each state of the target in the changed world, given the row.

    Raises
    ------
    ValueError
        If the histories would need a table of more than 50 million entries.
    """
    states = len(twin.network.states[target])
    if target not in twin.changed and target in twin.row:
        return [Bound(float(k == twin.row[target]), float(k == twin.row[target]), True) for k in range(states)]
    parts, evidence = twin.parts(target), twin.evidence
    programme = Programme(parts, twin.after(target), states)
    out = []
    for k in range(states):
        payoff = np.eye(states)[k] / evidence  # a rare row must not make every gain look negligible
        (high, top), (low, bottom) = (programme.maximum(sign * payoff) for sign in (1.0, -1.0))
        ends = np.clip([-low, high], 0.0, 1.0) + 0.0  # no negative zero
        out.append(Bound(float(ends[0]), float(ends[1]), top and bottom))
    return out


class Programme:
    """Multilinear programme over the couplings of the undecided nodes."""

    def __init__(self, parts: Sequence[Settled | Undecided], target: int, states: int) -> None:
        self.parts, self.target = parts, target
        sizes = {target: states}
        for part in parts:
            if isinstance(part, Settled):
                sizes |= dict(zip(part.factor.axes, part.factor.table.shape, strict=True))
            else:
                laws = np.broadcast_shapes(part.p.shape, part.q.shape)
                sizes |= dict(zip((*part.axes, *part.own), (*laws, laws[-1]), strict=False))
        self.place = {axis: i for i, axis in enumerate(sorted(sizes))}
        self.free = [part for part in parts if isinstance(part, Undecided)]
        self.loose = [part for part in self.free if not forest(part)]

    def maximum(self, payoff: Floats) -> tuple[float, bool]:
        """Largest expected payoff of the target's state, and whether couplings attain it."""
        start: dict[str, Floats] = {}
        value, kernels, regret = self._relaxed(payoff, start)
        heap = [(-value, 0, start, kernels, regret)]
        counter = itertools.count(1)
        for _ in range(TRIES):
            value, _, fixed, kernels, regret = heapq.heappop(heap)
            worst = max(regret, key=lambda n: float(regret[n].max()), default=None)
            settled = worst is None or regret[worst].max() <= NEGLIGIBLE
            if settled or self._relaxed(payoff, kernels)[0] >= -value - NEGLIGIBLE:
                return -value, self._attained(payoff, kernels) >= -value - NEGLIGIBLE
            assert worst is not None
            part = next(p for p in self.free if p.node == worst)
            row = np.unravel_index(int(regret[worst].argmax()), regret[worst].shape)
            corners = vertices(*self._row(part, row), part.seen)
            if not corners:
                return -value, False
            for corner in corners:
                child = dict(fixed)
                child[worst] = fixed.get(worst, np.full(kernels[worst].shape, np.nan)).copy()
                child[worst][row] = corner
                found = self._relaxed(payoff, child)
                heapq.heappush(heap, (-found[0], next(counter), child, *found[1:]))
        return -heap[0][0], False

    def _relaxed(
        self, payoff: Floats, fixed: Mapping[str, Floats]
    ) -> tuple[float, dict[str, Floats], dict[str, Floats]]:
        """Best value when couplings that are not fixed may follow the history; their averages, and what those lose."""
        worth = self._spread(Factor((self.target,), payoff))
        kernels, regret = {}, {}
        for part in reversed(self.parts):
            if isinstance(part, Settled):
                worth = self._summed(self._spread(part.factor) * worth, part.own)
                continue
            gain, p, q, same = self._around(part, worth)
            kernel = best_coupling(gain, p, q, same, part.seen)
            if part.node in fixed:
                known = self._with_own(fixed[part.node], part)
                kernel = np.where(np.isnan(known), kernel, known)
            history = tuple(i for i in range(kernel.ndim - 2) if i not in {self.place[a] for a in part.axes})
            average = kernel.mean(history, keepdims=True)
            lost = ((kernel - average) * gain).sum((-2, -1))
            shape = np.broadcast_shapes(part.p.shape, part.q.shape)[:-1]
            kernels[part.node] = average.reshape(*shape, *average.shape[-2:])
            regret[part.node] = lost.max(history).reshape(shape)
            worth = (kernel * gain).sum((-2, -1))
        return float(worth.sum()), kernels, regret

    def _attained(self, payoff: Floats, kernels: Mapping[str, Floats]) -> float:
        """Value once the couplings of each node come from one distribution of its response functions."""
        if not self.loose:
            return math.inf
        chosen = dict(kernels)
        for part in self.loose:
            others = [
                p.factor if isinstance(p, Settled) else Factor((*p.axes, *p.own), _own(chosen[p.node], p))
                for p in self.parts
                if p is not part
            ]
            gain = contract([*others, Factor((self.target,), payoff)], [*part.axes, *part.own])
            found = best_response(part, gain if part.seen is None else gain[..., None, :])
            if found is None:
                return -math.inf
            chosen[part.node] = found
        return self._relaxed(payoff, chosen)[0]

    def _row(self, part: Undecided, row: Sequence[np.intp]) -> tuple[Floats, Floats]:
        shape = np.broadcast_shapes(part.p.shape, part.q.shape)
        return np.broadcast_to(part.p, shape)[tuple(row)], np.broadcast_to(part.q, shape)[tuple(row)]

    def _around(self, part: Undecided, worth: Floats) -> tuple[Floats, Floats, Floats, NDArray[np.bool_]]:
        """Worth of each pair of the node's values, its two laws and where they agree, on all axes."""
        places = [self.place[a] for a in part.own]
        gain = np.moveaxis(worth, places, range(-len(places), 0))
        for i in sorted(places):
            gain = np.expand_dims(gain, i)
        gain = gain if part.seen is None else gain[..., None, :]
        states = part.p.shape[-1]
        gain = np.broadcast_to(gain, (*gain.shape[:-2], states if part.seen is None else 1, states))
        p, q = (self._with_own(law[..., None, :], part)[..., 0, :] for law in (part.p, part.q))
        same = self._with_own(part.same[..., None, None], part)[..., 0, 0]
        if math.prod(np.broadcast_shapes(gain.shape[:-2], p.shape[:-1])) * states**2 > LARGEST:
            raise ValueError("too many histories to bound this counterfactual; give more of the row, or a coupling")
        return gain, p, q, same

    def _with_own(self, table: NDArray, part: Undecided) -> NDArray:  # type: ignore[type-arg]
        """Table over the part's axes and two of its own as one over all axes and the same two."""
        shape = [1] * len(self.place)
        for i, axis in enumerate(part.axes):  # in the order of their places
            shape[self.place[axis]] = table.shape[i]
        return table.reshape(*shape, *table.shape[-2:])

    def _spread(self, factor: Factor) -> Floats:
        shape = [1] * len(self.place)
        for axis, size in zip(factor.axes, factor.table.shape, strict=True):
            shape[self.place[axis]] = size
        order = sorted(range(len(factor.axes)), key=lambda i: self.place[factor.axes[i]])
        return np.asarray(factor.table.transpose(order).reshape(shape))

    def _summed(self, table: Floats, axes: Sequence[int]) -> Floats:
        return np.asarray(table.sum(tuple(self.place[a] for a in axes), keepdims=True))


def _own(kernel: Floats, part: Undecided) -> Floats:
    """Kernel with one axis for each of the node's own unknown variables."""
    return kernel if part.seen is None else kernel[..., 0, :]
