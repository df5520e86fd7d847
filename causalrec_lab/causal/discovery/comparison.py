"""How far a found graph is from the true one: structural Hamming distance and F1, for CPDAGs."""

from __future__ import annotations

import math

import pandas as pd

from causalrec_lab.causal.discovery.partial import PartialGraph, equivalence_class
from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["compare_structures", "compared_edges"]

KINDS = ("right", "in another direction", "not in the truth", "missing")


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
    one, two = _alike(found, truth)
    told = {kind: len(edges) for kind, edges in compared_edges(one, two).items()}
    missing, extra, turned = told["missing"], told["not in the truth"], told["in another direction"]
    counts = {"shd": missing + extra + turned, "missing": missing, "extra": extra, "misoriented": turned}
    both, arrows, true_arrows = told["right"] + turned, set(one.directed), set(two.directed)
    shares = _shares("skeleton", both, both + extra, both + missing)
    shares |= _shares("arrow", len(arrows & true_arrows), len(arrows), len(true_arrows))
    return pd.Series(counts | shares, dtype=float)


def compared_edges(
    found: PartialGraph | CausalGraph, truth: PartialGraph | CausalGraph
) -> dict[str, list[tuple[str, str, str]]]:
    """Edges of two classes by what is said of them.

    Returns
    -------
    "right", "in another direction", "not in the truth" (each as found) and "missing" (as in the truth) -> a list of
    (node, node, ``"->"`` or ``"--"``).

    Raises
    ------
    ValueError
        As `compare_structures`.
    """
    one, two = _alike(found, truth)
    marks, expected = _marks(one), _marks(two)
    out: dict[str, list[tuple[str, str, str]]] = {kind: [] for kind in KINDS}
    for pair, edge in marks.items():
        kind = "not in the truth" if pair not in expected else "in another direction"
        out["right" if expected.get(pair) == edge else kind].append(edge)
    out["missing"] = [edge for pair, edge in expected.items() if pair not in marks]
    return out


def _alike(found: PartialGraph | CausalGraph, truth: PartialGraph | CausalGraph) -> tuple[PartialGraph, PartialGraph]:
    one, two = (equivalence_class(g) if isinstance(g, CausalGraph) else g for g in (found, truth))
    if set(one.nodes) != set(two.nodes):
        extra, absent = (
            ", ".join(sorted(set(a.nodes) - set(b.nodes))) or "nothing" for a, b in ((one, two), (two, one))
        )
        raise ValueError(f"the graphs have different nodes: only the found one has {extra}, only the true one {absent}")
    return one, two


def _marks(graph: PartialGraph) -> dict[frozenset[str], tuple[str, str, str]]:
    lines = {frozenset(pair): (min(pair), max(pair), "--") for pair in graph.undirected}
    return lines | {frozenset((a, b)): (a, b, "->") for a, b in graph.directed}


def _shares(name: str, right: int, found: int, true: int) -> dict[str, float]:
    precision = right / found if found else math.nan
    recall = right / true if true else math.nan
    f1 = 2 * right / (found + true) if found + true else math.nan
    return {f"{name}_precision": precision, f"{name}_recall": recall, f"{name}_f1": f1}
