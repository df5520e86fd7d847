"""Every independence a graph claims, tested on a table, with a correction for asking many times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from causalrec_lab.causal.graph.notation import nearest
from causalrec_lab.causal.independence.ci_tests import suited_test
from causalrec_lab.causal.independence.claims import implied_independencies
from causalrec_lab.causal.independence.columns import checked
from causalrec_lab.causal.independence.multiplicity import benjamini_hochberg, holm

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["CORRECTIONS", "graph_test"]

CORRECTIONS = {"holm": "p_holm", "bh": "p_bh", "none": "p_value"}


def graph_test(
    graph: CausalGraph,
    frame: pd.DataFrame,
    *,
    level: float = 0.05,
    method: str = "auto",
    correction: str = "holm",
    seed: int = 0,
) -> pd.DataFrame:
    """Test every implied independence against data.

    The test suits the columns: see `independence_test`. By Holm's step-down procedure a true graph loses any
    test with probability at most `level`; by Benjamini and Hochberg's the expected share of false rejections is at most
    `level`. A graph that passes is not proved: graphs with the same independencies (Markov equivalent ones) pass alike,
    and a small sample passes anything.

    Parameters
    ----------
    graph
        The causal graph.
    frame
        One column for each observed node (others are ignored).
    level
        Error rate.
    method
        "auto", "linear", "g" or "gcm".
    correction
        "holm" (familywise), "bh" (false discovery rate) or "none".
    seed
        Seed of the tests that draw.

    Returns
    -------
    DataFrame with columns independence, x, y, given, test, statistic, df, p_value, p_holm, p_bh, rejected, n; smallest
    p-value first.

    Raises
    ------
    ValueError
        If a node has no column, a column is constant or holds missing or infinite values, there are too few rows, or
        an option is unknown.
    """
    if correction not in CORRECTIONS:
        raise ValueError(f"correction={correction!r} is unknown; {nearest(correction, CORRECTIONS)}")
    if not 0 < level < 1:
        raise ValueError(f"level={level}: give an error rate in (0, 1), such as 0.05")
    columns = checked(frame, graph.observed)
    rows = []
    for claim in implied_independencies(graph):
        found = suited_test(columns, claim.x, claim.y, claim.given, method, seed)
        rows.append((str(claim), claim.x, claim.y, claim.given, *found))
    names = ["independence", "x", "y", "given", "test", "statistic", "df", "p_value"]
    table = pd.DataFrame(rows, columns=names)
    p_values = table["p_value"].to_numpy(float)
    table["p_holm"], table["p_bh"] = holm(p_values), benjamini_hochberg(p_values)
    table["rejected"] = table[CORRECTIONS[correction]] < level
    table["n"] = len(columns)
    return table.sort_values(["p_value", "independence"], ignore_index=True)
