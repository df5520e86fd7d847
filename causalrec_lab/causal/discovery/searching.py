"""`discover`: which graphs could have made this table, under assumptions that the answer repeats."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from causalrec_lab.causal.discovery.knowledge import Bound, Knowledge
from causalrec_lab.causal.discovery.orientation import Adjacency, extension
from causalrec_lab.causal.discovery.partial import PartialGraph
from causalrec_lab.causal.discovery.result import Discovery
from causalrec_lab.causal.discovery.search import SEARCHES
from causalrec_lab.causal.discovery.statistics import Gaussian, built, statistics
from causalrec_lab.causal.graph.notation import nearest

__all__ = ["discover"]


def discover(
    frame: pd.DataFrame,
    method: str = "pc",
    *,
    bootstrap: int = 0,
    background: Knowledge | None = None,
    columns: Sequence[str] | None = None,
    kind: str = "auto",
    level: float = 0.01,
    seed: int = 0,
) -> Discovery:
    """Search the Markov equivalence class of the graph behind a table.

    The searches are pgmpy's, on tests and scores of this lab. All of them assume that **no hidden variable causes two
    of the columns**, that there is no cycle and no selection of rows, and that independencies come from the graph alone
    (faithfulness); where a hidden confounder acts they answer all the same, wrongly. Text and few-valued columns are
    categories; a table with any column of numbers is treated as jointly normal, categories as indicators.

    Parameters
    ----------
    frame
        One row a unit, without missing values.
    method
        "pc" (tests), "ges" or "hill_climb" (BIC).
    bootstrap
        Number of resampled tables on which the search is repeated (Friedman, Goldszmidt & Wyner 1999), less those that
        happen to leave a column constant; the share in which an edge returns is its stability. Resampled rows repeat
        themselves, which makes dependence look stronger: read a share as a ranking, not as a probability.
    background
        What is known before: `Knowledge`.
    columns
        Columns to search among; all where left out.
    kind
        "auto", "discrete" or "gaussian".
    level
        Level of every test of "pc".
    seed
        Seed of the resampling.

    Raises
    ------
    ValueError
        On an unknown method, column or kind, knowledge that names no column, columns whose names are no texts, and
        tables that `statistics` refuses.
    TypeError
        If the frame or the background is of another type.
    """
    if method not in SEARCHES:
        raise ValueError(f"method={method!r} is unknown; {nearest(method, SEARCHES)}")
    _refuse_types(frame, background)
    if bootstrap < 0 or not 0 < level < 1:
        raise ValueError(f"bootstrap={bootstrap}, level={level}: give a count of 0 or more and a level in (0, 1)")
    names = [*frame.columns] if columns is None else [columns] if isinstance(columns, str) else [*columns]
    if odd := [name for name in names if not isinstance(name, str) or not name.strip()]:
        raise ValueError(f"column name {odd[0]!r} is no text; rename it, as by frame.rename(columns=str)")
    if len(set(names)) < max(2, len(names)):
        raise ValueError(f"columns {names}: give at least two different ones")
    table = statistics(frame, names, kind)
    known = (background or Knowledge()).bind(names)
    search = SEARCHES[method]
    matrix = search(table, known, level)
    shares = None
    if bootstrap:
        shares, bootstrap = _stability(frame[names], method, known, table.kind, level, bootstrap, seed)
    notes = _notes(matrix, known, table)
    graph = PartialGraph.from_matrix(names, matrix)
    return Discovery(graph, method, table.kind, table.n, shares, bootstrap, notes, background)


def _refuse_types(frame: object, background: object) -> None:
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"frame is a {type(frame).__name__}; give a pandas DataFrame, one column a variable")
    if not isinstance(background, Knowledge | None):
        raise TypeError(
            f"background is a {type(background).__name__}; give Knowledge(tiers=…, forbidden=…, required=…)"
        )


def _stability(
    frame: pd.DataFrame, method: str, known: Bound, kind: str, level: float, times: int, seed: int
) -> tuple[pd.DataFrame, int]:
    rng = np.random.default_rng(seed)
    p = frame.shape[1]
    ahead, loose = np.zeros((p, p)), np.zeros((p, p))
    done = 0
    for _ in range(times):
        rows = frame.iloc[rng.integers(0, len(frame), len(frame))]
        if (rows.nunique() < 2).any():
            continue  # a rare category was not drawn: this resample has nothing to say
        matrix = SEARCHES[method](built(rows, kind), known, level)
        ahead += matrix & ~matrix.T
        loose += matrix & matrix.T
        done += 1
    if not done:
        raise ValueError("every resample left some column constant; its second value is too rare for a bootstrap")
    rows_out = []
    for i in range(p):
        for j in range(i + 1, p):
            shares = ahead[i, j] / done, ahead[j, i] / done, loose[i, j] / done
            if sum(shares):
                rows_out.append((frame.columns[i], frame.columns[j], sum(shares), *shares))
    table = pd.DataFrame(rows_out, columns=["a", "b", "joined", "a -> b", "b -> a", "a -- b"])
    return table.sort_values("joined", ascending=False, kind="stable", ignore_index=True), done


def _notes(matrix: Adjacency, known: Bound, table: object) -> tuple[str, ...]:
    out = []
    if extension(matrix) is None:
        out.append(
            "the orientations contradict each other: no acyclic graph has them all; take more rows, a stricter level, "
            "or a score-based method"
        )
    against = int((matrix & ~matrix.T & known.forbidden).sum())
    if against:
        out.append(f"{against} arrows contradict the background knowledge: the tests insist on them")
    if isinstance(table, Gaussian) and table.smallest_eigenvalue < 1e-8:
        out.append(
            "some columns follow exactly from others; faithfulness fails there, and edges among them mean little"
        )
    return tuple(out)
