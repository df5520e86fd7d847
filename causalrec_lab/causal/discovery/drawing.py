"""A class of graphs drawn on a ring: arrows all members have, plain lines where members differ, stability, errors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from causalrec_lab.causal.discovery.comparison import compared_edges
from causalrec_lab.causal.graph.causal_graph import CausalGraph

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from causalrec_lab.causal.discovery.orientation import Adjacency
    from causalrec_lab.causal.discovery.partial import PartialGraph

__all__ = ["draw_partial", "ring"]

OPEN = "#D55E00"
ERRORS = {  # colour, line
    "right": ("", "solid"),
    "in another direction": (OPEN, "solid"),
    "not in the truth": ("#CC0000", "solid"),
    "missing": ("#7F7F86", "dotted"),
}
STRAIGHT = 12  # with more nodes edges bend inwards, clear of the boxes between their ends
WIDTH = 1.7  # of the ring, in units of its height


def draw_partial(
    graph: PartialGraph,
    ax: Axes | None = None,
    *,
    title: str | None = None,
    shares: Mapping[frozenset[str], float] | None = None,
    truth: PartialGraph | CausalGraph | None = None,
) -> Axes:
    """Draw a partially directed graph on a ring, on which no edge can run through a node.

    Parameters
    ----------
    graph
        The class.
    ax
        Axes to draw into; a figure is made where left out.
    title
        Title of the axes.
    shares
        Share of resamples in which a pair was joined: at its edge, which is drawn the wider the higher it is.
    truth
        The true graph: colours then tell which edges are right, turned, wrong or missing, as `compare_structures`
        counts them. Without it lines of open direction are coloured.

    Raises
    ------
    ValueError
        If the nodes of `truth` are others.
    """
    from matplotlib import pyplot as plt
    from matplotlib import rcParams

    radius = max(1.0, 0.14 * len(graph.nodes))  # in inches, as the size of the figure is
    side = 0.25 + 0.045 * max(map(len, graph.nodes))
    axes = ax if ax is not None else plt.subplots(figsize=(2 * (WIDTH * radius + side), 2 * radius + 1.3))[1]
    place = {name: (WIDTH * radius * x, radius * y) for name, (x, y) in ring(graph).items()}
    boxes = {}
    for name, (x, y) in place.items():
        box = {"boxstyle": "round,pad=0.42", "facecolor": rcParams["axes.facecolor"], "edgecolor": "0.5"}
        text = name.replace("$", r"\$")
        ink = rcParams["text.color"]
        boxes[name] = axes.text(x, y, text, ha="center", va="center", fontsize=9.5, color=ink, bbox=box, zorder=3)
    kinds = _kinds(graph, truth)
    for (a, b, head), (_, colour, line) in kinds.items():
        share = None if shares is None or line == "dotted" else shares.get(frozenset((a, b)), 0.0)
        arrow = {
            "arrowstyle": "-|>" if head else "-",
            "color": colour or rcParams["text.color"],
            "linestyle": line,
            "linewidth": 1.3 if share is None else 0.5 + 2.0 * share,
            "mutation_scale": 13,
            "patchA": boxes[a].get_bbox_patch(),
            "patchB": boxes[b].get_bbox_patch(),
            "shrinkA": 1,
            "shrinkB": 1,
            "connectionstyle": f"arc3,rad={_bend(place[a], place[b]) if len(place) > STRAIGHT else 0.0}",
        }
        axes.annotate("", xy=place[b], xytext=place[a], arrowprops=arrow, zorder=4)  # after the boxes, which clip it
        if share is not None:
            _label(axes, place[min(a, b)], place[max(a, b)], f"{share:.0%}")
    axes.set(xlim=(-WIDTH * radius - side, WIDTH * radius + side), ylim=(-radius - 0.25, radius + 0.25))
    axes.set_axis_off()
    _legend(axes, {name: (colour, line) for name, colour, line in kinds.values()})
    if title:
        axes.set_title(title)
    return axes


def _kinds(
    graph: PartialGraph, truth: PartialGraph | CausalGraph | None
) -> dict[tuple[str, str, bool], tuple[str, str, str]]:
    """(a, b, has an arrowhead) -> name, colour and line of an edge to draw."""
    edges = {(a, b, True): ("every member has it", "", "solid") for a, b in graph.directed}
    edges |= {(a, b, False): ("open direction", OPEN, "solid") for a, b in graph.undirected}
    if truth is None:
        return edges
    found = compared_edges(graph, truth)
    told = {(a, b, mark == "->"): kind for kind, rows in found.items() for a, b, mark in rows}
    return {edge: (kind, *ERRORS[kind]) for edge, kind in told.items()}


def _bend(start: tuple[float, float], end: tuple[float, float]) -> float:
    """Bend towards the middle of the ring: arc3 puts its control point bend x (dy, -dx) off the middle of the edge."""
    across = (start[0] + end[0]) * (end[1] - start[1]) - (start[1] + end[1]) * (end[0] - start[0])
    return -math.copysign(0.22, across)


def _label(axes: Axes, start: tuple[float, float], end: tuple[float, float], text: str) -> None:
    """A small text off the middle of an edge, where fewer edges cross."""
    from matplotlib import rcParams

    x, y = (u + 0.36 * (v - u) for u, v in zip(start, end, strict=True))
    box = {"boxstyle": "round,pad=0.12", "facecolor": rcParams["axes.facecolor"], "edgecolor": "none"}
    axes.text(x, y, text, fontsize=7.5, ha="center", va="center", color=rcParams["text.color"], bbox=box, zorder=5)


def _legend(axes: Axes, kinds: Mapping[str, tuple[str, str]]) -> None:
    from matplotlib import rcParams
    from matplotlib.lines import Line2D

    order = [*ERRORS, "every member has it", "open direction"]
    names = sorted(kinds, key=order.index)
    if len(names) < 2:
        return
    handles = [
        Line2D([], [], color=kinds[n][0] or rcParams["text.color"], ls="-" if kinds[n][1] == "solid" else ":", label=n)
        for n in names
    ]
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2, frameon=False)


def ring(graph: PartialGraph) -> dict[str, tuple[float, float]]:
    """Place the nodes on a circle of radius 1 so that joined ones are near, the first on the left; deterministic.

    Pairs of places are swapped as long as that shortens the sum of all edges.
    """
    matrix = graph.matrix
    near = (matrix | matrix.T).astype(float)
    count = len(near)
    angles = math.pi - 2 * math.pi * np.arange(count) / max(count, 1)
    points = np.column_stack([np.cos(angles), np.sin(angles)])
    gaps = np.linalg.norm(points[:, None] - points[None], axis=2)
    order = _shortest(near, gaps)
    start = int(np.flatnonzero(order == 0)[0]) if count else 0
    return {graph.nodes[i]: (float(x), float(y)) for i, (x, y) in zip(np.roll(order, -start), points, strict=True)}


def _shortest(near: Adjacency | np.ndarray, gaps: np.ndarray) -> np.ndarray:
    order = np.arange(len(near))
    length = float((near[np.ix_(order, order)] * gaps).sum())
    better = True
    while better:
        better = False
        for i in range(len(near)):
            for j in range(i + 1, len(near)):
                tried = order.copy()
                tried[[i, j]] = tried[[j, i]]
                new = float((near[np.ix_(tried, tried)] * gaps).sum())
                if new < length - 1e-9:
                    order, length, better = tried, new, True
    return order
