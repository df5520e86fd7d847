"""Posterior prediction for whole tables: what each row's evidence says about one node, all rows in one contraction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causalrec_lab.causal.graph.causal_graph import CausalGraph
from causalrec_lab.causal.scm.discrete import DiscreteNetwork
from causalrec_lab.causal.scm.gaussian import GaussianSystem
from causalrec_lab.causal.scm.inference import posterior
from causalrec_lab.causal.scm.learning import coded
from causalrec_lab.causal.scm.moments import regressed

__all__ = ["predict"]

Codes = NDArray[np.intp]
BLOCK = 4_096  # rows of evidence in one contraction


def predict(
    mechanisms: DiscreteNetwork | GaussianSystem,
    graph: CausalGraph,
    frame: pd.DataFrame,
    target: str,
    do: Mapping[str, Any],
) -> pd.DataFrame:
    r"""Give :math:`P(target \mid do, row)` for every row of a table.

    A column is evidence if it is a node and neither target nor set by `do`; a missing value is not observed in that
    row.
    Evidence that the target does not depend on, given the rest, is left out (d-separation), and equal rows are answered
    once.

    Parameters
    ----------
    mechanisms, graph
        The model's tables or equations, and its graph once mutilated.
    frame
        One row a case.
    target
        Node to predict.
    do
        Node -> value in every row.

    Returns
    -------
    DataFrame with the frame's index. Discrete: one column a state. Gaussian: mean and variance.

    Raises
    ------
    ValueError
        If a row holds a state the node does not have, or has probability 0.
    """
    evidence = [n for n in graph.nodes if n in frame.columns and n != target and n not in do]
    if isinstance(mechanisms, GaussianSystem):
        return _gaussian(mechanisms.do(do), frame, target, evidence)
    codes = {n: coded(frame[n], mechanisms.states[n], "column") for n in evidence}
    fixed = mechanisms.codes(do, "do")
    out = np.empty((len(frame), len(mechanisms.states[target])))
    for rows in _patterns(codes, len(frame)):
        shown = [n for n in evidence if codes[n][rows[0]] >= 0]
        if all(table.all() for table in mechanisms.tables.values()):  # a zero anywhere: evidence may be impossible
            shown = _needed(graph, target, shown, do)
        distinct, place = _distinct([codes[n][rows] for n in shown], len(rows))
        given = {n: distinct[:, i] for i, n in enumerate(shown)}
        weights = _answered(mechanisms, target, fixed, given, len(distinct))
        out[rows] = weights[place]
    total = out.sum(1, keepdims=True)
    if (impossible := total[:, 0] <= 0).any():
        raise ValueError(
            f"{int(impossible.sum())} of {len(frame)} rows have probability 0 under the model, first row "
            f"{frame.index[int(impossible.argmax())]!r}; fit with pseudo_count=1, or look at that row"
        )
    return pd.DataFrame(out / total, index=frame.index, columns=mechanisms.index([target]))


def _patterns(codes: Mapping[str, Codes], n: int) -> list[Codes]:
    """Row numbers in groups that show the same columns."""
    if not n:
        return []
    if not codes or all((c >= 0).all() for c in codes.values()):
        return [np.arange(n)]
    _, group = np.unique(np.column_stack([c >= 0 for c in codes.values()]), axis=0, return_inverse=True)
    return [np.flatnonzero(group == k) for k in range(int(group.max()) + 1)]


def _needed(graph: CausalGraph, target: str, shown: list[str], do: Mapping[str, Any]) -> list[str]:
    """Evidence without which the posterior would change: each piece is dropped if d-separated by what is left."""
    left = list(shown)
    for node in shown:
        rest = [n for n in left if n != node]
        if graph.d_separated(target, node, [*rest, *do]):
            left = rest
    return left


def _distinct(columns: list[Codes], n: int) -> tuple[Codes, Codes]:
    if not columns:
        return np.zeros((1, 0), np.intp), np.zeros(n, np.intp)
    rows = np.column_stack(columns)
    found, place = np.unique(rows, axis=0, return_inverse=True)
    return found, place.ravel()


def _answered(
    network: DiscreteNetwork, target: str, fixed: Mapping[str, int], given: Mapping[str, Codes], n: int
) -> NDArray[np.float64]:
    """Unnormalised posterior of each distinct row of evidence, block by block."""
    if not given:
        return posterior(network.parents, network.tables, [target], fixed, {})[None]
    blocks = [
        posterior(
            network.parents, network.tables, [target], fixed, {k: c[start : start + BLOCK] for k, c in given.items()}
        )
        for start in range(0, n, BLOCK)
    ]
    return np.concatenate(blocks)


def _gaussian(system: GaussianSystem, frame: pd.DataFrame, target: str, evidence: list[str]) -> pd.DataFrame:
    values = frame[evidence].to_numpy(float)
    mean, spread = system.mean, system.covariance
    out = np.empty((len(frame), 2))
    for rows in _patterns({n: np.where(np.isnan(c), -1, 0) for n, c in zip(evidence, values.T, strict=True)}, len(out)):
        known = [n for n, v in zip(evidence, values[rows[0]], strict=True) if not np.isnan(v)]
        gain = regressed(spread.loc[known, known].to_numpy(), spread.loc[known, [target]].to_numpy())[:, 0]
        shift = values[rows][:, [evidence.index(n) for n in known]] - mean[known].to_numpy()
        out[rows, 0] = mean[target] + shift @ gain
        out[rows, 1] = spread.loc[target, target] - gain @ spread.loc[known, target]
    return pd.DataFrame(np.column_stack([out[:, 0], np.maximum(out[:, 1], 0.0)]), frame.index, ["mean", "variance"])
