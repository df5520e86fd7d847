"""A discrete causal Bayesian network: one conditional table a node, exact queries on the mutilated network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causalrec_lab.causal.graph.causal_graph import CausalGraph
from causalrec_lab.causal.graph.notation import nearest
from causalrec_lab.causal.scm.inference import posterior
from causalrec_lab.causal.scm.learning import learn, states_of

__all__ = ["DiscreteNetwork"]


@dataclass(frozen=True)
class DiscreteNetwork:
    r"""Conditional tables :math:`P(x_i \mid pa_i)`, whose product is the joint distribution.

    Parameters
    ----------
    states
        Node -> its states; their order is what a monotone coupling goes by.
    parents
        Node -> its parents, causes first.
    tables
        Node -> array of shape (states of the parents in that order…, states of the node); each row sums to 1.
    counts
        Node -> numbers of rows the table was estimated from, of the same shape; None where it was given. Expected
        numbers where values were missing.
    pseudo_count
        What was added to each count.
    filled
        Share of the values that were missing and filled by expectation and maximisation.

    Raises
    ------
    ValueError
        If a table's shape does not fit or a row is no distribution.
    """

    states: Mapping[str, tuple[Any, ...]]
    parents: Mapping[str, tuple[str, ...]]
    tables: Mapping[str, NDArray[np.float64]]
    counts: Mapping[str, NDArray[np.float64]] | None = None
    pseudo_count: float = 0.0
    filled: float = 0.0

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

    @property
    def estimated(self) -> bool:
        """Whether the tables come from data."""
        return self.counts is not None

    @property
    def rows(self) -> int:
        """Number of rows the tables were estimated from."""
        return round(max((float(c.sum()) for c in (self.counts or {}).values()), default=0.0))

    @classmethod
    def fit(
        cls,
        graph: CausalGraph,
        frame: pd.DataFrame,
        pseudo_count: float = 0.0,
        states: Mapping[str, Sequence[Any]] | None = None,
    ) -> DiscreteNetwork:
        """Estimate the tables; see `learning.learn` for the equation, for smoothing and for missing values."""
        known = {node: states_of(frame[node], (states or {}).get(node)) for node in graph.observed}
        tables, counts = learn(graph, frame, known, pseudo_count)
        filled = float(frame[list(graph.observed)].isna().to_numpy().mean())
        parents = {node: graph.parents(node) for node in graph.observed}
        return cls(known, parents, tables, counts, pseudo_count, filled)

    def do(self, values: Mapping[str, Any]) -> DiscreteNetwork:
        """Set nodes by intervention: each loses its parents and takes its value for certain."""
        fixed = self.codes(values, "do")
        tables = {n: np.eye(len(self.states[n]))[fixed[n]] if n in fixed else table for n, table in self.tables.items()}
        parents = {n: () if n in fixed else parents for n, parents in self.parents.items()}
        counts = None if self.counts is None else {n: c for n, c in self.counts.items() if n not in fixed}
        return DiscreteNetwork(self.states, parents, tables, counts, self.pseudo_count, self.filled)

    def query(self, target: Sequence[str], do: Mapping[str, Any], given: Mapping[str, Any]) -> pd.Series:
        r"""Give :math:`P(target \mid do, given)` on the mutilated network, exactly.

        Only ancestors of the target and the evidence matter; the rest sums to 1 and is left out.
        """
        joint = posterior(self.parents, self.tables, target, self.codes(do, "do"), self.codes(given, "given"))
        total = joint.sum()
        if not total > 0:
            raise ValueError(f"given={dict(given)!r} has probability 0 under do={dict(do)!r}: nothing follows from it")
        return pd.Series((joint / total).ravel(), index=self.index(target), name="probability")

    def sample(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """Draw `n` rows, causes first."""
        codes: dict[str, NDArray[np.intp]] = {}
        for node, table in self.tables.items():
            rows = table[tuple(codes[p] for p in self.parents[node])]
            ladder = np.cumsum(np.broadcast_to(rows, (n, table.shape[-1])), axis=1)
            below = rng.random((n, 1)) * ladder[:, -1:] >= ladder
            codes[node] = below[:, :-1].sum(1).astype(np.intp)
        return pd.DataFrame({node: pd.Index(self.states[node])[code] for node, code in codes.items()})

    def index(self, target: Sequence[str]) -> pd.Index:
        """States of one node, or all combinations of several nodes' states."""
        states: list[list[Any]] = [list(self.states[n]) for n in target]
        if len(target) == 1:
            one: pd.Index = pd.Index(states[0], name=target[0])
            return one
        return pd.MultiIndex.from_product(states, names=list(target))

    def codes(self, values: Mapping[str, Any], role: str) -> dict[str, int]:
        """Number of each node's state.

        Raises
        ------
        ValueError
            If a node has no such state; its states are named.
        """
        out = {}
        for node, value in values.items():
            if not _among(value, self.states[node]):
                known = ", ".join(map(repr, self.states[node]))
                hint = nearest(value, self.states[node]) if isinstance(value, str) else f"its states are {known}"
                raise ValueError(f"{role}: {node!r} has no state {value!r}; {hint}")
            out[node] = self.states[node].index(value)
        return out

    def drawn(self, draws: int, rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
        r"""Draw tables from their posterior, row by row :math:`\mathrm{Dirichlet}(N_{pa,\cdot} + \alpha)`.

        :math:`\alpha` is the pseudo-count, or Jeffreys' 1/2 where the fit was maximum likelihood: without a prior a
        state that was not seen would be impossible for certain.

        Returns
        -------
        Node -> array of shape (draws, …table).

        Raises
        ------
        ValueError
            If the tables were not estimated from data.
        """
        if self.counts is None:
            raise ValueError(
                "these tables were given, not estimated, so they carry no uncertainty; fit the model to data for "
                "intervals"
            )
        out = {}
        for node, table in self.tables.items():
            if node not in self.counts:  # set by intervention
                out[node] = np.broadcast_to(table, (draws, *table.shape))
                continue
            gamma = rng.standard_gamma(self.counts[node] + (self.pseudo_count or 0.5), size=(draws, *table.shape))
            out[node] = gamma / gamma.sum(-1, keepdims=True)
        return out


def _among(value: Any, states: Sequence[Any]) -> bool:
    try:
        return value in states
    except (TypeError, ValueError):  # a missing value or an array compares to neither yes nor no
        return False
