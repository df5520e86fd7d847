r"""Is a graph better than chance? Its violated claims beside those of the same graph with the names permuted.

With real data and many rows some claim of every graph is rejected. Eulig et al. (2023), "Toward Falsifying Causal
Graphs Using a Permutation-Based Test" (arXiv 2305.09565), therefore ask how many claims a graph with the same shape but
shuffled node names would violate. Two fractions of permutations answer:

- *informative*: how many permuted graphs claim nothing that the given graph does not (for a graph without latent nodes:
  lie in its Markov equivalence class). Where that is many, violations cannot tell the graph from its permutations.
- *better than chance*: how many permuted graphs violate no more claims than the given one.
"""

from __future__ import annotations

import html
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causalrec_lab.causal.graph.separation import bits
from causalrec_lab.causal.independence.ci_tests import suited_test
from causalrec_lab.causal.independence.claims import implied_independencies
from causalrec_lab.causal.independence.columns import checked, is_discrete
from causalrec_lab.causal.independence.contingency import Codes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["Falsification", "falsify"]

Claims = NDArray[np.int64]  # (claims, 3): x, y, mask of the given set, over the observed nodes


@dataclass(frozen=True)
class Falsification:
    """How a graph's violated claims compare with those of its permutations.

    `violated` of `claims` independencies of the graph are rejected at `level`, each by itself;
    `permuted` holds that number for each permuted graph, `equivalent` says which permuted graphs claim nothing new.
    `exact` says that every permutation was tried.
    """

    claims: int
    violated: int
    permuted: NDArray[np.int64]
    equivalent: NDArray[np.bool_]
    level: float
    exact: bool
    method: str
    n: int

    @property
    def p_value(self) -> float:
        """Share of permuted graphs that violate no more claims than the graph; the graph itself counts as one."""
        return self._share(self.permuted <= self.violated)

    @property
    def p_uninformative(self) -> float:
        """Share of permuted graphs that say the same as the graph; the graph itself counts as one."""
        return self._share(self.equivalent)

    def _share(self, hits: NDArray[np.bool_]) -> float:
        return float(hits.mean()) if self.exact else float((1 + hits.sum()) / (1 + len(hits)))

    @property
    def informative(self) -> bool:
        """Whether permutations could be told from the graph at all."""
        return self.p_uninformative <= self.level

    @property
    def falsified(self) -> bool:
        """Whether the graph is informative and yet no better than chance."""
        return self.informative and self.p_value > self.level

    def __str__(self) -> str:
        """Tell the finding in words."""
        of = f"all {len(self.permuted)}" if self.exact else f"{len(self.permuted)} drawn"
        first = (
            f"The graph violates {self.violated} of its {self.claims} claims; {self.p_value:.1%} of {of} permutations "
            "of its names violate no more"
        )
        if not self.informative:
            return (
                f"{first}. But {self.p_uninformative:.1%} of them say the same as the graph, so that violations cannot "
                "tell it from chance: this test has no verdict."
            )
        if self.falsified:
            return f"{first}: it explains the data no better than chance, and is falsified at level {self.level}."
        return f"{first}: it is better than chance. That does not prove it; equivalent graphs would do as well."

    def summary(self) -> pd.DataFrame:
        """One row: claims, violated, mean of the permutations, both p-values, verdict."""
        verdict = "no verdict" if not self.informative else "falsified" if self.falsified else "better than chance"
        row = {
            "claims": self.claims,
            "violated": self.violated,
            "permuted_mean": float(self.permuted.mean()) if len(self.permuted) else math.nan,
            "p_value": self.p_value,
            "p_uninformative": self.p_uninformative,
            "verdict": verdict,
            "permutations": len(self.permuted),
            "n": self.n,
        }
        return pd.DataFrame([row])

    def _repr_html_(self) -> str:
        """Words and the one-row table."""
        return f"<p>{html.escape(str(self))}</p>" + self.summary().to_html(index=False, float_format="{:.3g}".format)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Histogram of the permutations' violations with the graph's own as a dashed line."""
        from matplotlib import pyplot as plt

        axes = ax if ax is not None else plt.subplots(figsize=(5.2, 2.8))[1]
        bins = np.arange(min(self.permuted.min(initial=self.violated), self.violated), self.claims + 2) - 0.5
        axes.hist(self.permuted, bins=bins.tolist(), color="C0", alpha=0.75, label="the graph with its names permuted")
        axes.axvline(self.violated, color="C1", linestyle="--", linewidth=2, label="the graph")
        axes.set(xlabel=f"violated claims of {self.claims}", ylabel="permutations")
        axes.legend()
        return axes


def falsify(
    graph: CausalGraph,
    frame: pd.DataFrame,
    *,
    permutations: int = 1000,
    level: float = 0.05,
    method: str = "auto",
    seed: int = 0,
) -> Falsification:
    """Set a graph's violated claims beside those of the same graph with its observed names permuted.

    A graph without latent nodes claims that each node is independent of each non-descendant given its parents (the
    local Markov condition, as in Eulig et al. 2023); one with latent nodes claims its `implied_independencies`. Claims
    of a permuted graph are the permuted claims, so that no graph but the first is ever read, and every test is made
    once. All permutations are tried where `permutations` or fewer exist. Single tests are not corrected: of a true
    graph's claims a share of `level` fails. With few claims the counts are coarse and the verdict is weak: many
    permutations then violate no more than a true graph, which is called falsified, or a wrong graph passes.

    Parameters
    ----------
    graph
        The causal graph.
    frame
        One column for each observed node.
    permutations
        How many permutations are drawn.
    level
        Level of every single test (they are not corrected, as in the paper) and of the two verdicts.
    method
        As in `independence_test`.
    seed
        Seed of the permutations.

    Raises
    ------
    ValueError
        If the graph claims nothing, or the table does not fit: see `graph_test`.
    """
    if permutations < 1:
        raise ValueError(f"permutations={permutations}: give at least 1, better 100 or more")
    if not 0 < level < 1:
        raise ValueError(f"level={level}: give an error rate in (0, 1), such as 0.05")
    if len(graph.observed) > 62:
        raise ValueError(
            f"{len(graph.observed)} observed nodes are more than falsify takes (62); test a part of the graph"
        )
    columns = checked(frame, graph.observed)
    claims = _claims(graph)
    if not len(claims):
        raise ValueError("the graph claims no independence among its observed nodes: data cannot contradict it")
    orders, exact = _orders(len(graph.observed), permutations, np.random.default_rng(seed))
    moved = _permuted(claims, orders)
    distinct, place = np.unique(np.vstack([claims, moved.reshape(-1, 3)]), axis=0, return_inverse=True)
    rejected = _p_values(columns, graph.observed, distinct, method, seed) < level
    implied = _implied(graph, distinct)
    own, others = place[: len(claims)], place[len(claims) :].reshape(moved.shape[:2])
    violations = rejected[others].sum(axis=1)
    says_same = np.asarray(implied[others].all(axis=1))
    own_violations = int(rejected[own].sum())
    return Falsification(len(claims), own_violations, violations, says_same, level, exact, method, len(columns))


def _claims(graph: CausalGraph) -> Claims:
    names = {name: i for i, name in enumerate(graph.observed)}
    if graph.latent or graph.bidirected:
        found = [(names[c.x], names[c.y], sum(1 << names[g] for g in c.given)) for c in implied_independencies(graph)]
    else:
        dag, everyone = graph.dag, (1 << len(names)) - 1
        found = [
            (i, j, dag.parents[i])
            for i in range(len(names))
            for j in bits(everyone & ~(dag.descendants(1 << i) | dag.parents[i]))
        ]
    rows = {(min(x, y), max(x, y), given) for x, y, given in found}
    return np.array(sorted(rows), dtype=np.int64).reshape(-1, 3)


def _orders(count: int, permutations: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], bool]:
    if math.factorial(count) <= permutations:
        return np.array(list(itertools.permutations(range(count)))), True
    return np.array([rng.permutation(count) for _ in range(permutations)]), False


def _permuted(claims: Claims, orders: NDArray[np.int64]) -> Claims:
    """(permutations, claims, 3): the claims with every node i renamed orders[p, i]."""
    x, y = orders[:, claims[:, 0]], orders[:, claims[:, 1]]
    given = np.zeros_like(x)
    for node in range(orders.shape[1]):
        given |= (claims[:, 2] >> node & 1) << orders[:, node, None]
    return np.stack([np.minimum(x, y), np.maximum(x, y), given], axis=2)


def _implied(graph: CausalGraph, claims: Claims) -> NDArray[np.bool_]:
    number = [graph.mask(name) for name in graph.observed]
    sets = {int(g): sum(number[i] for i in bits(int(g))) for g in np.unique(claims[:, 2])}
    reached: dict[tuple[int, int], int] = {}
    out = np.empty(len(claims), dtype=bool)
    for row, (x, y, given) in enumerate(claims.tolist()):
        if (x, given) not in reached:
            reached[x, given] = graph.dag.connected(number[x], sets[given])
        out[row] = not reached[x, given] & number[y]
    return out


def _p_values(
    columns: pd.DataFrame, names: Sequence[str], claims: Claims, method: str, seed: int
) -> NDArray[np.float64]:
    numeric = all(pd.api.types.is_numeric_dtype(columns[name]) for name in names)
    discrete = all(is_discrete(columns[name]) for name in names)
    if numeric and (method == "linear" or (method == "auto" and not any(is_discrete(columns[n]) for n in names))):
        return _partial_correlations(columns[list(names)], claims)
    if discrete and method in ("auto", "g"):
        codes = Codes(columns[list(names)])
        return np.array([codes.g(x, y, given)[2] for x, y, given in claims.tolist()])
    found = [
        suited_test(columns, names[x], names[y], [names[i] for i in bits(given)], method, seed)[3]
        for x, y, given in claims.tolist()
    ]
    return np.array(found)


def _partial_correlations(columns: pd.DataFrame, claims: Claims) -> NDArray[np.float64]:
    """p-values of many partial correlations: one stacked inverse for each size of the conditioning set."""
    from scipy.stats import t as student

    correlation = np.asarray(np.corrcoef(columns.to_numpy(float), rowvar=False))
    sizes = np.array([int(g).bit_count() for g in claims[:, 2]])
    out = np.empty(len(claims))
    for size in np.unique(sizes):
        rows = np.flatnonzero(sizes == size)
        index = np.array([[x, y, *bits(given)] for x, y, given in claims[rows].tolist()])
        df = len(columns) - size - 2
        if df < 1:
            raise ValueError(f"{len(columns)} rows are too few for a test with {size} conditioning columns")
        stacked = correlation[index[:, :, None], index[:, None, :]]
        exact = np.linalg.eigvalsh(stacked)[:, 0] < 1e-9  # some column follows from others: one at a time
        stacked[exact] = np.eye(size + 2)
        precision = np.linalg.inv(stacked)
        r = -precision[:, 0, 1] / np.sqrt(precision[:, 0, 0] * precision[:, 1, 1])
        out[rows] = 2 * student.sf(np.abs(r) * np.sqrt(df / np.maximum(1 - r**2, 1e-300)), df)
        names = [[str(columns.columns[i]) for i in row] for row in index[exact].tolist()]
        out[rows[exact]] = [suited_test(columns, row[0], row[1], row[2:], "linear", 0)[3] for row in names]
    return out
