"""How far a found graph is from the true one: structural Hamming distance and F1, for CPDAGs."""

from __future__ import annotations

import math

import pandas as pd

from causalrec_lab.causal.discovery.partial import PartialGraph, equivalence_class
from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["compare_structures"]


def compare_structures(found: PartialGraph | CausalGraph, truth: PartialGraph | CausalGraph) -> pd.Series:
    r"""Compare two graphs as equivalence classes; a DAG stands for its CPDAG.

    - `shd`: pairs of nodes whose edge differs (missing, extra, or with another mark: ``->``, ``<-``, ``--``), each
      counted once, as Tsamardinos, Brown & Aliferis (2006, section 4.3) define it for partially directed graphs;
    - `skeleton_*`: precision, recall and :math:`F_1 = 2PR/(P+R)` of the pairs that are joined;
    - `arrow_*`: the same of directed edges; a line where the truth has an arrow is a missed arrow, not a wrong one.

    Parameters
    ----------
    found, truth
        Over the same nodes, in any order.

    Returns
    -------
    Series: shd, missing, extra, misoriented, skeleton_precision, skeleton_recall, skeleton_f1, arrow_precision,
    arrow_recall, arrow_f1. NaN where a share has nothing to be a share of.

    Raises
    ------
    ValueError
        If the nodes differ, or a `CausalGraph` has latent nodes.
    """
    one, two = (equivalence_class(g) if isinstance(g, CausalGraph) else g for g in (found, truth))
    if set(one.nodes) != set(two.nodes):
        extra, absent = (
            ", ".join(sorted(set(a.nodes) - set(b.nodes))) or "nothing" for a, b in ((one, two), (two, one))
        )
        raise ValueError(f"the graphs have different nodes: only the found one has {extra}, only the true one {absent}")
    marks, expected = _marks(one), _marks(two)
    pairs, true_pairs = {frozenset(pair) for pair in marks}, {frozenset(pair) for pair in expected}
    arrows, true_arrows = set(one.directed), set(two.directed)
    both = pairs & true_pairs
    differing = sum(any(marks.get(p) != expected.get(p) for p in _ways(pair)) for pair in both)
    counts = {
        "shd": len(pairs ^ true_pairs) + differing,
        "missing": len(true_pairs - pairs),
        "extra": len(pairs - true_pairs),
        "misoriented": differing,
    }
    shares = _shares("skeleton", len(both), len(pairs), len(true_pairs))
    shares |= _shares("arrow", len(arrows & true_arrows), len(arrows), len(true_arrows))
    return pd.Series(counts | shares, dtype=float)


def _ways(pair: frozenset[str]) -> tuple[tuple[str, str], tuple[str, str]]:
    a, b = sorted(pair)
    return (a, b), (b, a)


def _marks(graph: PartialGraph) -> dict[tuple[str, str], str]:
    lines = {way: "--" for pair in graph.undirected for way in (pair, pair[::-1])}
    return lines | dict.fromkeys(graph.directed, "->")


def _shares(name: str, right: int, found: int, true: int) -> dict[str, float]:
    precision = right / found if found else math.nan
    recall = right / true if true else math.nan
    f1 = 2 * right / (found + true) if found + true else math.nan
    return {f"{name}_precision": precision, f"{name}_recall": recall, f"{name}_f1": f1}
