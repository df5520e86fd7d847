"""A causal graph drawn in layers, causes on the left, without a graph-drawing program."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

    from causalrec_lab.causal.graph import CausalGraph

__all__ = ["draw", "layout"]

ROLES = {"treatment": "#0072B2", "outcome": "#D55E00", "mediator": "#009E73", "latent": "#7F7F86", "": "#7F7F86"}
RED = "#CC0000"
CURVES = (0.0, 0.22, -0.22, 0.4, -0.4, 0.6, -0.6, 0.8)  # tried in turn until an edge passes no other node


def layout(graph: CausalGraph) -> dict[str, tuple[float, float]]:
    """Place the nodes: a layer a column (longest path from a root), neighbours at similar heights.

    Each layer is ordered by the mean height of a node's neighbours, in a few sweeps forth and back (Sugiyama, Tagawa &
    Toda 1981).

    Returns
    -------
    name -> (x, y); deterministic.
    """
    depth: dict[str, int] = {}
    for node in graph.nodes:
        depth[node] = 1 + max((depth[p] for p in graph.parents(node)), default=-1)
    for node in reversed(graph.nodes):  # a root stands just before its first effect
        if not graph.parents(node) and graph.children(node):
            depth[node] = min(depth[c] for c in graph.children(node)) - 1
    layers = [[n for n in graph.nodes if depth[n] == level] for level in range(max(depth.values()) + 1)]
    height = {n: place for layer in layers for n, place in zip(layer, _spread(len(layer)), strict=True)}
    near = {n: {*graph.parents(n), *graph.children(n)} for n in graph.nodes}
    for pair in graph.bidirected:
        near[pair[0]].add(pair[1])
        near[pair[1]].add(pair[0])
    for sweep in range(8):
        for layer in layers if sweep % 2 == 0 else layers[::-1]:
            layer.sort(key=lambda n: sum(height[m] for m in near[n]) / max(len(near[n]), 1))
            height |= dict(zip(layer, _spread(len(layer)), strict=True))
    return {n: (float(depth[n]), height[n] + 0.18 * (depth[n] % 2)) for n in graph.nodes}


def _spread(count: int) -> list[float]:
    return [(count - 1) / 2 - i for i in range(count)]


def draw(graph: CausalGraph, ax: Axes | None = None, *, failing: Any = (), title: str | None = None) -> Axes:
    """Draw the graph: roles in colour, latent nodes dashed, ``<->`` as dashed double arrows.

    Parameters
    ----------
    graph
        The causal graph.
    ax
        Axes to draw into; a figure of fitting size is made where left out.
    failing
        Pairs of nodes, or the table of `CausalGraph.test`: where the data contradict a claimed independence, a red
        dotted line joins the pair; where an edge is named, it is drawn red.
    title
        Title of the axes.
    """
    place = layout(graph)
    if ax is None:
        from matplotlib import pyplot as plt

        width = 1.5 + 1.75 * (1 + max(x for x, _ in place.values()))
        tall = 1.2 + 1.05 * (1 + max(y for _, y in place.values()) - min(y for _, y in place.values()))
        _, ax = plt.subplots(figsize=(min(width, 12), min(tall, 8)))
    from matplotlib import rcParams

    boxes = _nodes(ax, graph, place)
    pairs = _failing_pairs(failing)
    for a, b in graph.edges:
        bad = frozenset((a, b)) in pairs
        _arrow(ax, boxes, a, b, "-|>", RED if bad else str(rcParams["text.color"]), "solid")
    for a, b in graph.bidirected:
        _arrow(ax, boxes, a, b, "<|-|>", ROLES["latent"], "dashed", bend=0.3)
    joined = {frozenset(pair) for pair in (*graph.edges, *graph.bidirected)}
    for a, b in sorted(tuple(sorted(pair)) for pair in pairs - joined):
        _arrow(ax, boxes, a, b, "-", RED, "dotted")
    ax.set_axis_off()
    across, up = zip(*place.values(), strict=True)
    ax.set(xlim=(min(across) - 0.5, max(across) + 0.5), ylim=(min(up) - 0.6, max(up) + 0.6))
    if title:
        ax.set_title(title)
    return ax


def _failing_pairs(failing: Any) -> set[frozenset[str]]:
    if hasattr(failing, "columns"):
        failing = failing.loc[failing["rejected"], ["x", "y"]].itertuples(index=False)
    pairs: Iterable[Sequence[str]] = failing
    return {frozenset(map(str, pair)) for pair in pairs}


def _arrow(
    ax: Axes, boxes: Mapping[str, Text], a: str, b: str, style: str, colour: str, line: str, bend: float | None = None
) -> None:
    place = {name: box.get_position() for name, box in boxes.items()}
    arrow = {
        "arrowstyle": style,
        "color": colour,
        "linestyle": line,
        "linewidth": 2.2 if colour == RED else 1.3,
        "mutation_scale": 14,
        "patchA": boxes[a].get_bbox_patch(),
        "patchB": boxes[b].get_bbox_patch(),
        "shrinkA": 1,
        "shrinkB": 1,
        "connectionstyle": f"arc3,rad={_curve(place, a, b) if bend is None else bend}",
    }
    ax.annotate("", xy=place[b], xytext=place[a], arrowprops=arrow, zorder=4)  # after the boxes, which clip it


def _curve(place: dict[str, tuple[float, float]], a: str, b: str) -> float:
    """Give the smallest bend at which the edge keeps clear of every other node."""
    (x0, y0), (x1, y1) = place[a], place[b]
    others = [point for name, point in place.items() if name not in (a, b)]
    best = (float("inf"), 0.0)
    for curve in CURVES:
        bend = (x0 + x1) / 2 + curve * (y1 - y0), (y0 + y1) / 2 - curve * (x1 - x0)
        crowd = 0.0
        for step in range(1, 12):
            s = step / 12
            x = (1 - s) ** 2 * x0 + 2 * s * (1 - s) * bend[0] + s * s * x1
            y = (1 - s) ** 2 * y0 + 2 * s * (1 - s) * bend[1] + s * s * y1
            crowd += sum(((x - px) / 0.42) ** 2 + ((y - py) / 0.34) ** 2 < 1 for px, py in others)
        if crowd == 0:
            return curve
        best = min(best, (crowd, curve))
    return best[1]


def _nodes(ax: Axes, graph: CausalGraph, place: dict[str, tuple[float, float]]) -> dict[str, Text]:
    from matplotlib import rcParams
    from matplotlib.lines import Line2D

    shown, boxes = {}, {}
    for name, (x, y) in place.items():
        role = _role(graph, name)
        hollow = role in ("", "latent")
        box = {
            "boxstyle": "round,pad=0.42",
            "facecolor": rcParams["axes.facecolor"] if hollow else ROLES[role],
            "edgecolor": ROLES[role],
            "linestyle": "dashed" if role == "latent" else "solid",
            "alpha": 1.0,
        }
        ink = rcParams["text.color"] if hollow else "white"
        text = name.replace("$", r"\$")
        boxes[name] = ax.text(x, y, text, ha="center", va="center", fontsize=9.5, color=ink, bbox=box, zorder=3)
        shown[role] = Line2D([], [], marker="s", linestyle="", markersize=9, color=ROLES[role], label=role)
    if handles := [shown[role] for role in ROLES if role and role in shown]:
        ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.02), ncols=len(handles), frameon=False)
    return boxes


def _role(graph: CausalGraph, name: str) -> str:
    if name in graph.latent:
        return "latent"
    if name in (graph.treatment, graph.outcome):
        return "treatment" if name == graph.treatment else "outcome"
    if graph.treatment and graph.outcome:
        between = set(graph.descendants(graph.treatment)) & set(graph.ancestors(graph.outcome))
        return "mediator" if name in between else ""
    return ""
