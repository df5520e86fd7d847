"""The event-study figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from causalrec_lab.causal.effects.panel.result import PanelEffects

__all__ = ["draw_event_study"]


def draw_event_study(found: PanelEffects, ax: Axes | None, truth: pd.DataFrame | pd.Series | None) -> Axes:
    """Effects by time since treatment: points with intervals, a shaded simultaneous band, truth dashed.

    Parameters
    ----------
    truth
        Effects indexed by time since treatment (a Series, or a table with a column `value`).
    """
    from matplotlib.ticker import MaxNLocator

    if ax is None:
        from matplotlib import pyplot as plt

        _, ax = plt.subplots(figsize=(6.5, 3.6))
    study = found.event_study()
    time = study.index.to_numpy(dtype=np.float64)
    ax.axhline(0.0, color="0.6", linewidth=0.8)
    ax.axvline(-0.5, color="0.6", linewidth=0.8, linestyle=":")
    for after, colour, label in ((False, "C1", "before treatment"), (True, "C0", "after treatment")):
        part, x = study[(time >= 0) == after], time[(time >= 0) == after]
        if len(part):
            ax.fill_between(x, part["band_low"], part["band_high"], color=colour, alpha=0.15, linewidth=0)
            error = [part["value"] - part["low"], part["high"] - part["value"]]
            ax.errorbar(x, part["value"], yerr=error, fmt="o", capsize=3, color=colour, label=label)
    if truth is not None:
        line = truth["value"] if isinstance(truth, pd.DataFrame) else truth
        line = line[(line.index >= time.min()) & (line.index <= time.max())]
        ax.plot(line.index, line.to_numpy(), linestyle="--", color="0.35", label="truth")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.set_xlabel("periods since treatment")
    ax.set_ylabel(f"effect ({found.level:.0%} interval; shaded: all at once)")
    ax.legend(loc="best")
    return ax
