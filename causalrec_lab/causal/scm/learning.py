"""Tables of a discrete network from data: relative frequencies, smoothing, and missing values by EM."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causalrec_lab.causal.graph.causal_graph import CausalGraph
from causalrec_lab.causal.graph.notation import nearest
from causalrec_lab.causal.scm.elimination import LARGEST
from causalrec_lab.causal.scm.inference import posterior

__all__ = ["coded", "learn", "states_of"]

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
ROUNDS = 500  # of expectation and maximisation before the fit is called unconverged


def learn(
    graph: CausalGraph,
    frame: pd.DataFrame,
    states: Mapping[str, tuple[Any, ...]],
    pseudo_count: float = 0.0,
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    r"""Give tables :math:`\hat P(x \mid pa) = (N_{x,pa} + \alpha) / (N_{pa} + \alpha |x|)` and the counts :math:`N`.

    Missing values are filled by expectation and maximisation (Lauritzen 1995, The EM algorithm for graphical
    association models with missing data): the counts are then expected counts given what each row shows, which is right
    if values are missing at random.

    Parameters
    ----------
    graph, frame
        The causal graph and a column a node; `nan` or None where a value is missing.
    states
        Node -> its states.
    pseudo_count
        :math:`\alpha`: 0 is maximum likelihood, 1 Laplace's rule, 0.5 Jeffreys' prior mean.

    Returns
    -------
    Tables and counts, node -> array of shape (states of the parents…, states of the node).

    Raises
    ------
    ValueError
        If a table would have more than 50 million entries, or a column holds a state not among its states.
    """
    parents = {node: graph.parents(node) for node in graph.observed}
    for node, causes in parents.items():
        if (size := math.prod(len(states[n]) for n in (*causes, node))) > LARGEST:
            raise ValueError(
                f"the table of {node!r} would have {size:,} entries, one for each combination with "
                f"{', '.join(causes)}; cut the columns into fewer levels or drop a parent"
            )
    codes = {node: coded(frame[node], states[node], "column") for node in graph.observed}
    patterns = _patterns(codes)
    tables = {n: np.full([len(states[m]) for m in (*parents[n], n)], 1.0 / len(states[n])) for n in parents}
    for _ in range(ROUNDS):
        counts = _expected(patterns, parents, tables)
        updated = {n: _shares(counts[n], pseudo_count) for n in counts}
        change = max(float(np.abs(updated[n] - tables[n]).max()) for n in tables)
        tables = updated
        if change < 1e-7 or all((column >= 0).all() for column in codes.values()):
            break
    else:
        warnings.warn(f"EM moved a probability by {change:.1g} after {ROUNDS} rounds: not converged", stacklevel=4)
    _tell_unseen(counts, pseudo_count)
    return tables, counts


def states_of(column: pd.Series, declared: Sequence[Any] | None = None) -> tuple[Any, ...]:
    """States of a node: those declared, a categorical column's categories in their order, or the sorted values."""
    if declared is not None:
        named = tuple(declared)
        if (
            isinstance(declared, str)
            or not named
            or pd.Index(named, dtype=object).hasnans
            or len(set(named)) < len(named)
        ):
            raise ValueError(
                f"states of {column.name!r} are {declared!r}; give a list of different values, none of them missing"
            )
        return named
    if isinstance(column.dtype, pd.CategoricalDtype):
        return tuple(column.cat.categories.tolist())
    return tuple(pd.factorize(column.dropna(), sort=True)[1].tolist())


def coded(column: pd.Series, states: Sequence[Any], role: str) -> Codes:
    """Number of each value's state, -1 where it is missing.

    Raises
    ------
    ValueError
        If a value is no state of the node.
    """
    codes = np.asarray(pd.Index(states, dtype=object).get_indexer(pd.Index(column, dtype=object)), dtype=np.intp)
    strange = (codes < 0) & column.notna().to_numpy()
    if strange.any():
        value = column[strange].tolist()[0]
        raise ValueError(
            f"{role} {column.name!r} holds {value!r} ({int(strange.sum())} of {len(column)} rows), no state of that "
            f"node; {nearest(str(value), [str(s) for s in states])}"
        )
    return codes


def _patterns(codes: Mapping[str, Codes]) -> list[tuple[dict[str, Codes], Floats]]:
    """Distinct rows with their numbers, in groups that show the same nodes."""
    matrix = np.column_stack(list(codes.values()))
    rows, numbers = np.unique(matrix, axis=0, return_counts=True)
    _, group = np.unique(rows >= 0, axis=0, return_inverse=True)
    out = []
    for k in range(int(group.max()) + 1):
        part = rows[group == k]
        shown = {node: part[:, i] for i, node in enumerate(codes) if part[0, i] >= 0}
        out.append((shown, numbers[group == k].astype(float)))
    return out


def _expected(
    patterns: Sequence[tuple[dict[str, Codes], Floats]],
    parents: Mapping[str, tuple[str, ...]],
    tables: Mapping[str, Floats],
) -> dict[str, Floats]:
    """Expected number of rows of each family's combinations, given what the rows show."""
    counts = {node: np.zeros(table.shape) for node, table in tables.items()}
    for shown, weight in patterns:
        for node, total in counts.items():
            family = (*parents[node], node)
            seen, hidden = [n for n in family if n in shown], [n for n in family if n not in shown]
            share = np.ones(len(weight))
            if hidden:
                share = posterior(parents, tables, hidden, {}, shown)
                share = share if shown else share[None]
                axes = tuple(range(1, share.ndim))
                share = share / share.sum(axes, keepdims=True)
            place = total.transpose([family.index(n) for n in (*seen, *hidden)])
            amount = share * weight.reshape(-1, *[1] * (share.ndim - 1))
            np.add.at(place, tuple(shown[n] for n in seen) if seen else (), amount if seen else amount.sum(0))
    return counts


def _shares(counts: Floats, pseudo_count: float) -> Floats:
    raised = counts + float(pseudo_count)
    total = raised.sum(-1, keepdims=True)
    return np.where(total > 0, raised / np.where(total > 0, total, 1), 1 / counts.shape[-1])


def _tell_unseen(counts: Mapping[str, Floats], pseudo_count: float) -> None:
    empty = {n: c.sum(-1) <= 1e-9 for n, c in counts.items()}
    unseen = [f"{n} ({int(e.sum())} of {e.size})" for n, e in empty.items() if e.any()]
    if unseen and not pseudo_count:
        warnings.warn(
            f"combinations of parents never seen, taken as uniform: {', '.join(unseen)}; "
            "queries that rest on them are guesses. Give pseudo_count=1, or fewer or coarser parents",
            stacklevel=5,
        )
