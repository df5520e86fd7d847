"""A Pareto front as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from causalrec_lab.intervention.choosing.front import Front

__all__ = ["draw_front"]

Floats = npt.NDArray[np.float64]


def draw_front(front: Front, x: str, y: str, ax: Axes | None) -> Axes:
    """Draw two objectives with simultaneous bands, the front of the two joined, p_front as how full a point is."""
    if ax is None:
        from matplotlib import pyplot as plt

        _, ax = plt.subplots(figsize=(5.4, 3.6))
    wide = front.intervals.unstack("objective").loc[list(front.table.index)]
    for name, share in zip(front.table.index, front.table["p_front"], strict=True):
        row = wide.loc[name]
        ends = [[[row["value", j] - row["band_low", j]], [row["band_high", j] - row["value", j]]] for j in (x, y)]
        ax.errorbar(row["value", x], row["value", y], xerr=ends[0], yerr=ends[1], color="0.75", lw=1, zorder=1)
        ax.scatter(row["value", x], row["value", y], s=50, color="C0", alpha=0.15 + 0.85 * share, zorder=2)
    on = _outline(front, wide["value"][[x, y]].to_numpy(), x, y)
    ax.plot(on[:, 0], on[:, 1], "--", color="C0", lw=1, zorder=0)
    words = {name: f"{name} ({'more' if way == 'more' else 'less'} is better)" for name, way in front.better.items()}
    ax.margins(0.18)
    _name_points(ax, wide["value"][[x, y]].to_numpy(), [f"{n} ({s:.0%})" for n, s in front.table["p_front"].items()])
    ax.set(xlabel=words[x], ylabel=words[y], title="In brackets: chance of being on the front")
    return ax


def _name_points(ax: Axes, points: Floats, names: list[str]) -> None:
    """Write each name beside its point, from the lowest point up, above every name it would run into."""
    ax.autoscale_view()  # limits are otherwise set when the picture is drawn
    line, letter = 12.0, 6.0  # height of a line and width of a letter, in points of print
    at = ax.transData.transform(points) * 72.0 / ax.figure.dpi
    taken: list[tuple[float, float, float]] = []  # left, right and foot of the names written
    for k in np.argsort(at[:, 1], kind="stable"):
        left, foot = at[k, 0] + 6.0, at[k, 1] + 5.0
        right = left + letter * len(names[k])
        for other_left, other_right, other_foot in sorted(taken, key=lambda name: name[2]):
            if left < other_right and other_left < right and abs(foot - other_foot) < line:
                foot = other_foot + line
        taken.append((left, right, foot))
        ax.annotate(names[k], tuple(points[k]), (6.0, foot - at[k, 1]), textcoords="offset points")


def _outline(front: Front, points: Floats, x: str, y: str) -> Floats:
    from causalrec_lab.intervention.choosing.front import pareto_front

    sign = np.array([1.0 if front.better[j] == "more" else -1.0 for j in (x, y)])
    kept = points[pareto_front(points * sign)]
    return np.asarray(kept[np.argsort(kept[:, 0], kind="stable")])
