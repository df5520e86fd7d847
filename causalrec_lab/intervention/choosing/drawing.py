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
        ax.annotate(f"{name} ({share:.0%})", (row["value", x], row["value", y]), (6, 5), textcoords="offset points")
    on = _outline(front, wide["value"][[x, y]].to_numpy(), x, y)
    ax.plot(on[:, 0], on[:, 1], "--", color="C0", lw=1, zorder=0)
    words = {name: f"{name} ({'more' if way == 'more' else 'less'} is better)" for name, way in front.better.items()}
    ax.margins(0.12)
    ax.set(xlabel=words[x], ylabel=words[y], title="In brackets: chance of being on the front")
    return ax


def _outline(front: Front, points: Floats, x: str, y: str) -> Floats:
    from causalrec_lab.intervention.choosing.front import pareto_front

    sign = np.array([1.0 if front.better[j] == "more" else -1.0 for j in (x, y)])
    kept = points[pareto_front(points * sign)]
    return np.asarray(kept[np.argsort(kept[:, 0], kind="stable")])
