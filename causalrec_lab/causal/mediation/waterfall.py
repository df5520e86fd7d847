"""The decomposition of an effect as a waterfall: each path's part on top of those before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from causalrec_lab.causal.mediation.result import PathEffects

__all__ = ["draw"]

_UP, _DOWN, _SUM = "#0072B2", "#D55E00", "#7F7F86"


def draw(effects: PathEffects, ax: Axes | None = None, *, truth: pd.DataFrame | None = None, unit: str = "") -> Axes:
    """Draw the effects through each mediator, the rest and their sum.

    Parameters
    ----------
    effects
        The decomposition.
    ax
        Axes to draw into.
    truth
        As the platform's `truth.path_effects`: dashed marks at the true heights of the steps.
    unit
        Of the outcome, for the axis.
    """
    if ax is None:
        from matplotlib import pyplot as plt

        _, ax = plt.subplots(figsize=(7, 3.4))
    names = [*(f"through {name}" for name in effects.names[1:]), "total"]
    values = np.array([effects[name].value for name in names])
    starts = np.append(np.cumsum(values[:-1]) - values[:-1], 0.0)
    colours = [*(_UP if value >= 0 else _DOWN for value in values[:-1]), _SUM]
    places = np.arange(len(names))
    ax.bar(places, values, bottom=starts, color=colours, width=0.6, alpha=0.85)
    spread = [
        [v - effects[n].low for n, v in zip(names, values, strict=True)],
        [effects[n].high - v for n, v in zip(names, values, strict=True)],
    ]
    ax.errorbar(places, starts + values, yerr=spread, fmt="none", ecolor="0.15", capsize=4)
    for place in places[:-2]:
        ax.plot([place + 0.3, place + 0.7], [starts[place] + values[place]] * 2, color="0.6", linewidth=0.8)
    if truth is not None:
        known = truth["value"].reindex(names).to_numpy(dtype=float)
        ends = np.append(np.cumsum(known[:-1]), known[-1])
        ax.hlines(ends, places - 0.42, places + 0.42, linestyles="--", colors="0.1", label="truth")
        ax.legend(loc="best")
    ax.axhline(0, color="0.5", linewidth=0.8)
    labels = [*(f"through\n{name}" for name in effects.names[1:-1]), f"straight to\n{effects.names[-1]}", "total"]
    ax.set_xticks(places, labels)
    ax.set_ylabel(f"effect on {effects.names[-1]}" + (f" ({unit})" if unit else ""))
    return ax
