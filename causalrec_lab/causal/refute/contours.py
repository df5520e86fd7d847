"""Contours of what hidden confounding of every strength would leave of an effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.columns import nearest
from causalrec_lab.estimate import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["contour"]

_WHAT = ("estimate", "t", "nearest end")
_STEPS = 61
_CROWDED = 0.06  # share of the axes near the origin where points stay without a name


class Adjustable(Protocol):
    """A sensitivity result: an estimate, benchmarks, and what a confounder of given strength leaves."""

    @property
    def estimate(self) -> float:
        """The estimate without the hidden confounder."""

    @property
    def bounds(self) -> pd.DataFrame:
        """Benchmarks: r2_treatment, r2_outcome."""

    @property
    def value(self) -> float:
        """Robustness value."""

    def adjusted(self, r2_treatment: float, r2_outcome: float) -> Estimate:
        """What is left."""


def contour(result: Adjustable, ax: Axes | None = None, *, what: str = "estimate", limit: float | None = None) -> Axes:
    """Draw what is left of the effect over both strengths of a hidden confounder.

    Parameters
    ----------
    result
        From `robustness_value` or `bias_bounds`.
    what
        "estimate", "t" (estimate over its error), or "nearest end" (the end of the interval nearer to 0).
    limit
        Largest share of variance drawn; by default the benchmarks and the robustness value fit in.

    Raises
    ------
    ValueError
        If `what` is unknown, or the limit is not above 0.
    """
    if what not in _WHAT:
        raise ValueError(f"unknown what={what!r}; {nearest(what, _WHAT)}")
    if limit is not None and not limit > 0:
        raise ValueError(f"limit={limit}; give a share of variance above 0, such as 0.3")
    if ax is None:
        from matplotlib import pyplot as plt

        _, ax = plt.subplots(figsize=(6, 4.2))
    right, top = _limits(result, limit)
    x, y = np.linspace(0, right, _STEPS), np.linspace(0, top, _STEPS)
    z = np.array([[_left(result.adjusted(float(a), float(b)), what, result.estimate) for a in x] for b in y])
    lines = ax.contour(x, y, z, levels=8, colors="0.6", linewidths=0.8)
    ax.clabel(lines, fmt="%.3g", fontsize=8)
    if z.min() < 0 < z.max():
        ax.contour(x, y, z, levels=[0.0], colors="#D55E00", linewidths=1.8, linestyles="--")
    _benchmarks(ax, result)
    ax.set(xlabel="share of the treatment's residual variance", ylabel="share of the outcome's residual variance")
    ax.set_title({"estimate": "effect left", "t": "t-value left", "nearest end": "interval's nearer end"}[what])
    return ax


def _limits(result: Adjustable, limit: float | None) -> tuple[float, float]:
    if limit is not None:
        return min(limit, 0.99), min(limit, 1.0)
    seen = result.bounds if len(result.bounds) else pd.DataFrame({"r2_treatment": [0.0], "r2_outcome": [0.0]})
    least = min(0.9, max(0.02, 1.6 * result.value))
    reach = [max(least, 1.25 * float(seen[column].max())) for column in ("r2_treatment", "r2_outcome")]
    return min(reach[0], 0.95), min(reach[1], 1.0)


def _left(found: Estimate, what: str, estimate: float) -> float:
    if what == "estimate":
        return found.value
    if what == "t":
        return found.value / max(found.std_error, 1e-12)
    return found.low if estimate >= 0 else found.high


def _benchmarks(ax: Axes, result: Adjustable) -> None:
    ax.scatter(0, 0, marker="^", color="0.2", zorder=3)
    ax.annotate("as estimated", (0, 0), xytext=(5, 4), textcoords="offset points", fontsize=8)
    for name, row in result.bounds.iterrows():
        where = float(row["r2_treatment"]), float(row["r2_outcome"])
        ax.scatter(*where, marker="D", s=22, color="#0072B2", zorder=3)
        if where[0] < _CROWDED * ax.get_xlim()[1] and where[1] < _CROWDED * ax.get_ylim()[1]:
            continue  # names of covariates that change nothing would lie on top of each other
        ax.annotate(str(name), where, xytext=(5, 4), textcoords="offset points", fontsize=8, parse_math=False)
