"""`Discovery`: the class of graphs a search found, how stable its edges are, and what was assumed."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from causalrec_lab.causal.discovery.comparison import compare_structures
from causalrec_lab.causal.discovery.knowledge import Knowledge
from causalrec_lab.causal.discovery.partial import PartialGraph, equivalence_class
from causalrec_lab.causal.graph.causal_graph import CausalGraph

if TYPE_CHECKING:
    from matplotlib.axes import Axes


__all__ = ["ASSUMPTIONS", "Discovery"]

ASSUMPTIONS = (
    "no hidden variable causes two of the columns (no hidden confounder)",
    "no cycle, and rows were not selected by their values",
    "every independence in the data comes from a missing edge (faithfulness)",
)


@dataclass(frozen=True)
class Discovery:
    """What a search found.

    `graph` is the class (CPDAG) found in `n` rows by `method` on `kind` statistics; `stability` a table of the shares
    of `bootstrap` resamples in which two columns were joined, and how (None where no resample was asked for); `notes`
    what went wrong.
    """

    graph: PartialGraph
    method: str
    kind: str
    n: int
    stability: pd.DataFrame | None = None
    bootstrap: int = 0
    notes: tuple[str, ...] = ()
    background: Knowledge | None = None

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What must hold for the graph to mean anything."""
        return ASSUMPTIONS

    def compare(self, truth: PartialGraph | CausalGraph) -> pd.Series:
        """SHD and F1 against a known graph, as far as tests and background could know it; see `compare_structures`.

        Where the background contradicts the known graph, it could tell nothing: the graph stands for its class alone.
        """
        return compare_structures(self.graph, self._knowable(truth))

    def _knowable(self, truth: PartialGraph | CausalGraph) -> PartialGraph | CausalGraph:
        if isinstance(truth, CausalGraph) and self.background is not None and set(truth.nodes) == set(self.graph.nodes):
            background = None if self.background.contradictions(truth) else self.background
            return equivalence_class(truth, background)
        return truth

    def plot(
        self, ax: Axes | None = None, *, title: str | None = None, truth: PartialGraph | CausalGraph | None = None
    ) -> Axes:
        """Draw the class; the share of resamples stands at each edge, colours tell errors beside a true graph."""
        shares = None
        if self.stability is not None:
            rows = self.stability[["a", "b", "joined"]].itertuples(index=False)
            shares = {frozenset((a, b)): float(share) for a, b, share in rows}
        return self.graph.plot(ax, title=title, shares=shares, truth=None if truth is None else self._knowable(truth))

    def __str__(self) -> str:
        """Tell the finding and its assumptions in words."""
        graph = self.graph
        size = graph.size
        text = (
            f"{self.method} on {self.n:,} rows: {len(graph.directed)} arrows and {len(graph.undirected)} edges of open "
            f"direction ({size:,}{' or more' if size >= 10_000 else ''} graphs fit alike): {graph}. "
            f"Assumed: {'; '.join(self.assumptions)}."
        )
        return text + "".join(f" Warning: {note}." for note in self.notes)

    def _repr_html_(self) -> str:
        """Class, stability, assumptions and warnings."""
        lines = "".join(f"<li>{html.escape(a)}</li>" for a in self.assumptions)
        warned = "".join(f"<p><strong>Warning:</strong> {html.escape(note)}.</p>" for note in self.notes)
        table = "" if self.stability is None else self.stability.to_html(index=False, float_format="{:.2f}".format)
        head = f"<p>{html.escape(self.method)}, {self.kind}, {self.n:,} rows. Assumed:</p><ul>{lines}</ul>"
        return head + warned + self.graph._repr_html_() + table
