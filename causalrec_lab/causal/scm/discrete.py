"""A discrete causal Bayesian network: one conditional table a node, exact queries on the mutilated network."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causalrec_lab.causal.graph import CausalGraph
from causalrec_lab.causal.notation import nearest
from causalrec_lab.causal.scm.elimination import LARGEST, Factor, contract

__all__ = ["DiscreteNetwork"]


@dataclass(frozen=True)
class DiscreteNetwork:
    r"""Conditional tables :math:`P(x_i \mid pa_i)`, whose product is the joint distribution.

    Parameters
    ----------
    states
        Node -> its states.
    parents
        Node -> its parents, causes first.
    tables
        Node -> array of shape (states of the parents in that order…, states of the node); each row sums to 1.

    Raises
    ------
    ValueError
        If a table's shape does not fit or a row is no distribution.
    """

    states: Mapping[str, tuple[Any, ...]]
    parents: Mapping[str, tuple[str, ...]]
    tables: Mapping[str, NDArray[np.float64]]

    def __post_init__(self) -> None:
        """Check shapes and sums."""
        for node, table in self.tables.items():
            shape = tuple(len(self.states[n]) for n in (*self.parents[node], node))
            if table.shape != shape:
                raise ValueError(f"table of {node!r} has shape {table.shape}; its parents and states need {shape}")
            off = np.abs(table.sum(-1) - 1).max()
            if not off < 1e-6 or table.min() < 0:
                raise ValueError(f"table of {node!r} is no distribution: a row misses 1 by {off:.2g}, or is negative")

    @property
    def nodes(self) -> tuple[str, ...]:
        """Nodes, causes first."""
        return tuple(self.tables)

    @classmethod
    def fit(cls, graph: CausalGraph, frame: pd.DataFrame, pseudo_count: float = 0.0) -> DiscreteNetwork:
        r"""Estimate :math:`\hat P(x \mid pa) = (N_{x,pa} + \alpha) / (N_{pa} + \alpha |x|)`.

        :math:`\alpha = 0` is maximum likelihood; a combination of parents that never occurs is then uniform, with a
        warning that counts them.
        """
        codes, states = {}, {}
        for node in graph.observed:
            codes[node], found = pd.factorize(frame[node], sort=True)
            states[node] = tuple(found.tolist())
        parents = {node: graph.parents(node) for node in graph.observed}
        tables, unseen = {}, []
        for node in graph.observed:
            family = (*parents[node], node)
            shape = tuple(len(states[n]) for n in family)
            if math.prod(shape) > LARGEST:
                raise ValueError(
                    f"the table of {node!r} would have {math.prod(shape):,} entries, one for each combination with "
                    f"{', '.join(parents[node])}; cut the columns into fewer levels or drop a parent"
                )
            index = np.ravel_multi_index([codes[n] for n in family], shape)
            counts = np.bincount(index, minlength=math.prod(shape)).reshape(shape) + float(pseudo_count)
            total = counts.sum(-1, keepdims=True)
            if empty := int((total == 0).sum()):
                unseen.append(f"{node} ({empty} of {total.size})")
            tables[node] = np.where(total > 0, counts / np.where(total > 0, total, 1), 1 / shape[-1])
        if unseen:
            warnings.warn(
                f"combinations of parents never seen, taken as uniform: {', '.join(unseen)}; "
                "queries that rest on them are guesses. Give pseudo_count=1, or fewer or coarser parents",
                stacklevel=3,
            )
        return cls(states, parents, tables)

    def do(self, values: Mapping[str, Any]) -> DiscreteNetwork:
        """Set nodes by intervention: each loses its parents and takes its value for certain."""
        fixed = self._codes(values, "do")
        tables = {n: np.eye(len(self.states[n]))[fixed[n]] if n in fixed else table for n, table in self.tables.items()}
        parents = {n: () if n in fixed else parents for n, parents in self.parents.items()}
        return DiscreteNetwork(self.states, parents, tables)

    def query(self, target: Sequence[str], do: Mapping[str, Any], given: Mapping[str, Any]) -> pd.Series:
        r"""Give :math:`P(target \mid do, given)` on the mutilated network, exactly.

        Only ancestors of the target and the evidence matter; the rest sums to 1 and is left out.
        """
        fixed, seen = self._codes(do, "do"), self._codes(given, "given")
        parents = {n: () if n in fixed else p for n, p in self.parents.items()}
        relevant = _ancestors(parents, [*target, *seen])
        number = {n: i for i, n in enumerate(self.nodes)}
        known = {number[n]: code for n, code in (fixed | seen).items()}
        factors = [
            Factor(tuple(number[m] for m in (*self.parents[n], n)), self.tables[n]).slice(known)
            for n in self.nodes
            if n in relevant and n not in fixed
        ]
        joint = contract(factors, [number[n] for n in target])
        total = joint.sum()
        if not total > 0:
            raise ValueError(f"given={dict(given)!r} has probability 0 under do={dict(do)!r}: nothing follows from it")
        states: list[list[Any]] = [list(self.states[n]) for n in target]
        index = (
            pd.Index(states[0], name=target[0])
            if len(target) == 1
            else pd.MultiIndex.from_product(states, names=list(target))
        )
        return pd.Series((joint / total).ravel(), index=index, name="probability")

    def sample(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """Draw `n` rows, causes first."""
        codes: dict[str, NDArray[np.intp]] = {}
        for node, table in self.tables.items():
            rows = table[tuple(codes[p] for p in self.parents[node])]
            ladder = np.cumsum(np.broadcast_to(rows, (n, table.shape[-1])), axis=1)
            below = rng.random((n, 1)) * ladder[:, -1:] >= ladder
            codes[node] = below[:, :-1].sum(1).astype(np.intp)
        return pd.DataFrame({node: pd.Index(self.states[node])[code] for node, code in codes.items()})

    def _codes(self, values: Mapping[str, Any], role: str) -> dict[str, int]:
        out = {}
        for node, value in values.items():
            if value not in self.states[node]:
                known = ", ".join(map(repr, self.states[node]))
                hint = nearest(value, self.states[node]) if isinstance(value, str) else f"its states are {known}"
                raise ValueError(f"{role}: {node!r} has no state {value!r}; {hint}")
            out[node] = self.states[node].index(value)
        return out


def _ancestors(parents: Mapping[str, Sequence[str]], nodes: Sequence[str]) -> set[str]:
    seen: set[str] = set()
    todo = list(nodes)
    while todo:
        if (node := todo.pop()) not in seen:
            seen.add(node)
            todo += parents[node]
    return seen
