"""A class of graphs drawn: arrows all members have, plain lines where members differ, stability at the edges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from causalrec_lab.causal.discovery.orientation import Adjacency, extension
from causalrec_lab.causal.graph.causal_graph import CausalGraph
from causalrec_lab.causal.graph.drawing import layout
from causalrec_lab.causal.graph.notation import written

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from causalrec_lab.causal.discovery.partial import PartialGraph

__all__ = ["draw_partial"]


def draw_partial(
    graph: PartialGraph,
    ax: Axes | None = None,
    *,
    title: str | None = None,
    shares: Mapping[frozenset[str], float] | None = None,
) -> Axes:
    """Draw a partially directed graph, one member's causes left.

    Parameters
    ----------
    graph
        The class.
    ax
        Axes to draw into; a figure is made where left out.
    title
        Title of the axes.
    shares
        Share of resamples in which a pair was joined, written at its edge, which is drawn the wider the higher it is.
    """
    from matplotlib import pyplot as plt
    from matplotlib import rcParams

    place = _places(graph)
    wide, tall = (np.ptp(list(axis)) for axis in zip(*place.values(), strict=True))
    axes = ax if ax is not None else plt.subplots(figsize=(min(2 + 1.7 * wide, 12), min(1.9 + 1.15 * tall, 8)))[1]
    paper, ink = rcParams["axes.facecolor"], rcParams["text.color"]
    boxes = {}
    for name, (x, y) in place.items():
        box = {"boxstyle": "round,pad=0.42", "facecolor": paper, "edgecolor": "0.5"}
        text = name.replace("$", r"\$")
        boxes[name] = axes.text(x, y, text, ha="center", va="center", fontsize=9.5, color=ink, bbox=box, zorder=3)
    edges = [(a, b, "-|>", ink) for a, b in graph.directed] + [(a, b, "-", "C1") for a, b in graph.undirected]
    for a, b, style, colour in edges:
        share = None if shares is None else shares.get(frozenset((a, b)), 0.0)
        arrow = {
            "arrowstyle": style,
            "color": colour,
            "linewidth": 1.4 if share is None else 0.6 + 2.0 * share,
            "mutation_scale": 13,
            "patchA": boxes[a].get_bbox_patch(),
            "patchB": boxes[b].get_bbox_patch(),
            "connectionstyle": "arc3,rad=0.12",
        }
        axes.annotate("", xy=place[b], xytext=place[a], arrowprops=arrow, zorder=4)
        if share is not None:
            x, y = ((u + v) / 2 for u, v in zip(place[a], place[b], strict=True))
            axes.text(x, y, f"{share:.0%}", fontsize=7.5, ha="center", color=colour, zorder=5)
    xs, ys = zip(*place.values(), strict=True)
    axes.set(xlim=(min(xs) - 0.6, max(xs) + 0.6), ylim=(min(ys) - 0.6, max(ys) + 0.6))
    axes.set_axis_off()
    if title:
        axes.set_title(title)
    return axes


def _places(graph: PartialGraph) -> dict[str, tuple[float, float]]:
    matrix: Adjacency | None = extension(graph.matrix)
    if matrix is None:  # contradicting orientations: any order will do to draw them
        matrix = np.triu(graph.matrix | graph.matrix.T)
    pairs = [(graph.nodes[i], graph.nodes[j]) for i, j in np.argwhere(matrix)]
    return layout(CausalGraph([*map(written, graph.nodes), *pairs]))
