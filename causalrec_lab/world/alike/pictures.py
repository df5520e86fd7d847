"""Pictures of a likeness: popularity, activity, overlap and co-occurrence, the log beside the platform."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from causalrec_lab.data.registry import nearest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from causalrec_lab.world.alike.comparison import Likeness
    from causalrec_lab.world.alike.measures import Exposed
    from causalrec_lab.world.people.population import Floats

__all__ = ["draw"]

_BINS = 30


def draw(likeness: Likeness, which: str | None) -> Figure:
    """One picture by name, or all four."""
    from matplotlib.figure import Figure

    if which is not None and which not in _PICTURES:
        raise ValueError(f"Likeness.plot({which!r}): {nearest(which, _PICTURES)}")
    names = list(_PICTURES) if which is None else [which]
    figure = Figure(figsize=(9.6, 7.0) if which is None else (5.6, 3.8), layout="constrained")
    grid = figure.subplots(2, 2).ravel() if which is None else [figure.subplots()]
    for ax, name in zip(grid, names, strict=True):
        _PICTURES[name](ax, likeness)
    return figure


def _popularity(ax: Axes, likeness: Likeness) -> None:
    """Share of all interactions by relative rank, both axes logarithmic."""
    for name, rates, style in _sides(likeness, "popularity"):
        if rates is not None:
            ordered = np.sort(rates)[::-1] / rates.sum() * len(rates)
            ax.plot((np.arange(len(ordered)) + 1) / len(ordered), ordered, style, label=name)
    ax.set(xscale="log", yscale="log", xlabel="rank of the item, as a share of all", ylabel="popularity (mean 1)")
    _finish(ax, "Popularity", likeness.log.shape.popularity, likeness.log.shape.popularity_from)


def _activity(ax: Axes, likeness: Likeness) -> None:
    """Activity of users by quantile, the median user 1."""
    for name, rates, style in _sides(likeness, "activity"):
        if rates is not None:
            ax.plot(np.linspace(0, 1, len(rates)), np.sort(rates) / np.median(rates), style, label=name)
    ax.set(yscale="log", xlabel="quantile of users", ylabel="activity (median 1)")
    _finish(ax, "Activity", likeness.log.shape.activity, likeness.log.shape.activity_from)


def _overlap(ax: Axes, likeness: Likeness) -> None:
    """Densities of the chances of treatment in each arm: treated above the axis, untreated below."""
    edges = np.linspace(0, 1, _BINS + 1)
    log, own = likeness.log.exposed, likeness.own.exposed
    if log is not None and len(log.score):
        for sign, heights in _mirrored(log, edges):
            ax.stairs(sign * heights, edges, fill=True, color="C0", alpha=0.4, label="log" if sign > 0 else None)
    if own is not None and len(own.score):
        for sign, heights in _mirrored(own, edges):
            ax.stairs(sign * heights, edges, color="C1", linewidth=1.6, label="platform" if sign > 0 else None)
    if own is not None:
        ax.axhline(0, color="0.3", linewidth=0.8)
    ax.yaxis.set_major_formatter(lambda height, _: f"{abs(height):g}")
    ax.set(xlim=(0, 1), xlabel="chance of treatment", ylabel="untreated      density      treated")
    there = None if log is None or not len(log.score) else log.score
    _finish(ax, "Overlap", there, "no untreated rows" if log is None else log.source)


def _mirrored(exposed: Exposed, edges: Floats) -> list[tuple[int, Floats]]:
    """Density of the chances in each arm, and the side of the axis it is drawn on."""
    return [
        (sign, np.histogram(exposed.score, edges, weights=weight)[0] / weight.sum() * _BINS)
        for sign, weight in ((1, exposed.positive), (-1, exposed.negative))
    ]


def _co_occurrence(ax: Axes, likeness: Likeness) -> None:
    """How often pairs of frequent items have a user in common, against chance."""
    lifts = {name: values for name, values in likeness.lifts.items() if len(values) > 1}
    if lifts:
        low, high = (np.quantile(np.concatenate(list(lifts.values())), (0.002, 0.998))).tolist()
        edges = np.linspace(low, high, _BINS + 1)
        for (name, values), color in zip(lifts.items(), ("C0", "C1", "0.6"), strict=False):
            heights, _ = np.histogram(values.clip(low, high), edges, density=True)
            ax.stairs(heights, edges, color=color, linewidth=1.6, label=name)
        ax.axvline(0, color="0.3", linewidth=0.8, linestyle="--")
    ax.set(xlabel="log2 lift of a pair of items", ylabel="density of pairs")
    _finish(ax, "Co-occurrence", lifts.get("log"), "a user takes one item")


def _sides(likeness: Likeness, what: str) -> list[tuple[str, Floats | None, str]]:
    return [
        ("log", getattr(likeness.log.shape, what), "C0-"),
        ("platform", getattr(likeness.own.shape, what), "C1--"),
    ]


def _finish(ax: Axes, title: str, log: Floats | None, why: str) -> None:
    """Title and legend; where the log lacks it, say so in the picture."""
    ax.set_title(title if log is not None else f"{title}: not in the log")
    if log is None:
        ax.text(0.5, 0.5, why, transform=ax.transAxes, ha="center", va="center", fontsize=9, color="0.4", wrap=True)
        if not ax.has_data():
            ax.set_axis_off()
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="best")


_PICTURES: dict[str, Callable[[Axes, Likeness], None]] = {
    "popularity": _popularity,
    "activity": _activity,
    "overlap": _overlap,
    "co-occurrence": _co_occurrence,
}
