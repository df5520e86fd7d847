"""A causal graph drawn in layers, causes on the left, without a graph-drawing program."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from causalrec_lab.causal.identification.adjustment import open_paths

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["draw", "layout"]

GREY = "#7F7F86"
ROLES = {
    "treatment": "#0072B2",
    "outcome": "#D55E00",
    "mediator": "#009E73",
    "held fixed": "#4D4D57",
    "selected": "#CC79A7",
    "latent": GREY,
    "": GREY,
}
RED = "#CC0000"
WIDE = 18  # letters a line of a node's name
ASPECT = 0.62  # height of one unit of y in units of x
HEIGHTS = (0.0, 0.15, -0.15, 0.3, -0.3, 0.45, -0.45, 0.6, -0.6, 0.8, -0.8, 1.0, -1.0)  # bends, tried in turn


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


def draw(
    graph: CausalGraph,
    ax: Axes | None = None,
    *,
    failing: Any = (),
    given: Iterable[str] | None = None,
    title: str | None = None,
) -> Axes:
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
    given
        Covariates held fixed (none is an empty list): they are filled, and every edge of a non-causal path that stays
        open between treatment and outcome is drawn red.
    title
        Title of the axes.

    Raises
    ------
    ValueError
        If the graph has no node, or a pair in `failing` is not two nodes of it.
    """
    from matplotlib import rcParams

    if not graph.nodes:
        raise ValueError("the graph has no node: nothing to draw")
    place = layout(graph)
    spread = [(min(ends), max(ends)) for ends in zip(*place.values(), strict=True)]
    if ax is None:
        from matplotlib import pyplot as plt

        wide, tall = (high - low for low, high in spread)
        _, ax = plt.subplots(figsize=(min(1.6 + 1.7 * wide, 12), min(1.9 + 1.7 * ASPECT * tall, 8)))
    held = None if given is None else (given,) if isinstance(given, str) else tuple(given)
    boxes = _nodes(ax, graph, place, held or ())
    open_arrows, open_arcs = _open_edges(graph, held)
    pairs = _failing_pairs(graph, failing)
    joined = {frozenset(pair) for pair in (*graph.edges, *graph.bidirected)}
    ink = str(rcParams["text.color"])
    red = [edge for edge in graph.edges if frozenset(edge) in pairs or edge in open_arrows]
    lines = [(a, b, "-|>", RED if (a, b) in red else ink, "solid") for a, b in graph.edges]
    lines += [(a, b, "<|-|>", RED if (a, b) in open_arcs else GREY, "dashed") for a, b in graph.bidirected]
    lines += [(min(pair), max(pair), "-", RED, "dotted") for pair in sorted(pairs - joined, key=sorted)]
    points = [xy for line in lines for xy in _arrow(ax, boxes, *line)]
    (left, right), (bottom, top) = spread
    heights = [bottom, top, *(y for _, y in points)]
    ax.set(xlim=(left - 0.5, right + 0.5), ylim=(min(heights) - 0.45, max(heights) + 0.45), aspect=ASPECT)
    ax.set_axis_off()
    if title:
        ax.set_title(title)
    return ax


def _open_edges(graph: CausalGraph, given: Sequence[str] | None) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Arrows and arcs on non-causal paths between treatment and outcome that stay open."""
    arrows: set[tuple[str, str]] = set()
    arcs: set[tuple[str, str]] = set()
    for path in open_paths(graph, given) if given is not None else ():
        for (a, _), (b, along) in itertools.pairwise(path):
            hidden = [node - len(graph.nodes) for node in (a, b) if node >= len(graph.nodes)]
            arcs |= {graph.bidirected[i] for i in hidden}
            if not hidden:
                ends = (a, b) if along else (b, a)
                arrows.add((graph.nodes[ends[0]], graph.nodes[ends[1]]))
    return arrows, arcs


def _failing_pairs(graph: CausalGraph, failing: Any) -> set[frozenset[str]]:
    if hasattr(failing, "columns"):
        failing = failing.loc[failing["rejected"], ["x", "y"]].itertuples(index=False)
    given: Iterable[Sequence[str]] = failing
    pairs = {frozenset(map(str, pair)) for pair in given}
    for pair in pairs:
        graph.mask(pair, role="failing")
        if len(pair) != 2:
            raise ValueError(f"failing={sorted(pair)} is no pair of two nodes")
    return pairs


def _arrow(
    ax: Axes, boxes: Mapping[str, Text], a: str, b: str, style: str, colour: str, line: str
) -> list[tuple[float, float]]:
    """Draw one arrow and give points it passes, in data coordinates."""
    place = {name: (box.get_position()[0], ASPECT * box.get_position()[1]) for name, box in boxes.items()}
    bend, points = _bend(place, a, b, least=0.25 if style == "<|-|>" else 0.0)
    arrow = {
        "arrowstyle": style,
        "color": colour,
        "linestyle": line,
        "linewidth": 2.2 if colour == RED else 1.2,
        "mutation_scale": 13,
        "patchA": boxes[a].get_bbox_patch(),
        "patchB": boxes[b].get_bbox_patch(),
        "shrinkA": 1,
        "shrinkB": 1,
        "connectionstyle": f"arc3,rad={bend}",
    }
    ends = boxes[b].get_position(), boxes[a].get_position()
    ax.annotate("", xy=ends[0], xytext=ends[1], arrowprops=arrow, zorder=4)  # after the boxes, which clip it
    return [(x, y / ASPECT) for x, y in points]


def _bend(
    place: Mapping[str, tuple[float, float]], a: str, b: str, least: float
) -> tuple[float, list[tuple[float, float]]]:
    """Give the smallest bend at which an edge keeps clear of every other node, and the curve's points."""
    (x0, y0), (x1, y1) = place[a], place[b]
    length = math.hypot(x1 - x0, y1 - y0)
    best: tuple[int, float, list[tuple[float, float]]] = (1_000, 0.0, [])
    for height in HEIGHTS:
        if abs(height) < least:
            continue
        bend = 2 * height / length  # arc3: the control point lies bend x length off the middle
        middle = (x0 + x1) / 2 + bend * (y1 - y0), (y0 + y1) / 2 - bend * (x1 - x0)
        points = []
        for step in range(1, 24):
            s = step / 24
            weights = (1 - s) ** 2, 2 * s * (1 - s), s * s
            ends = zip((x0, y0), middle, (x1, y1), strict=True)
            x, y = (sum(w * c for w, c in zip(weights, corner, strict=True)) for corner in ends)
            points.append((x, y))
        crowd = sum(_inside(x, y, name, at) for x, y in points for name, at in place.items() if name not in (a, b))
        if crowd < best[0]:
            best = crowd, bend, points
        if crowd == 0:
            break
    return best[1], best[2]


def _inside(x: float, y: float, name: str, at: tuple[float, float]) -> bool:
    """Tell whether a point lies in the box of a node, with a little air."""
    lines = _label(name).split("\n")
    return abs(x - at[0]) < 0.16 + 0.022 * max(map(len, lines)) and abs(y - at[1]) < 0.16 + 0.08 * (len(lines) - 1)


def _nodes(ax: Axes, graph: CausalGraph, place: dict[str, tuple[float, float]], held: Sequence[str]) -> dict[str, Text]:
    from matplotlib import rcParams
    from matplotlib.patches import Patch

    shown, boxes = {}, {}
    for name, (x, y) in place.items():
        role = "held fixed" if name in held else _role(graph, name)
        hollow = role in ("", "latent")
        face = rcParams["axes.facecolor"] if hollow else ROLES[role]
        line: Literal["dashed", "solid"] = "dashed" if role == "latent" else "solid"
        box = {
            "boxstyle": "round,pad=0.42",
            "facecolor": face,
            "edgecolor": ROLES[role],
            "linestyle": line,
            "alpha": 1.0,
        }
        ink = rcParams["text.color"] if hollow else "white"
        boxes[name] = ax.text(x, y, _label(name), ha="center", va="center", fontsize=9.5, color=ink, bbox=box, zorder=3)
        shown[role] = Patch(facecolor=face, edgecolor=ROLES[role], linestyle=line, label=role)
    if handles := [shown[role] for role in ROLES if role and role in shown]:
        ax.legend(
            handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=len(handles), frameon=False,
            handlelength=1.4, handleheight=0.9,
        )  # fmt: skip
    return boxes


def _label(name: str) -> str:
    """Name in lines that fit between two columns, with nothing in it that would be read as maths."""
    lines = [""]
    for word in re.split(r"(?<=[\s_./-])", name):
        if lines[-1] and len(lines[-1] + word) > WIDE:
            lines.append("")
        lines[-1] += word
    return "\n".join(line.strip() for line in lines).replace("$", r"\$")


def _role(graph: CausalGraph, name: str) -> str:
    if name in graph.latent:
        return "latent"
    if name in graph.selected:
        return "selected"
    if name in (graph.treatment, graph.outcome):
        return "treatment" if name == graph.treatment else "outcome"
    if graph.treatment and graph.outcome:
        between = set(graph.descendants(graph.treatment)) & set(graph.ancestors(graph.outcome))
        return "mediator" if name in between else ""
    return ""
