"""Figures of a quality report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_arms", "draw_novelty", "draw_positions", "draw_rates"]


def _axes(ax: Axes | None, width: float = 5.4) -> Axes:
    if ax is not None:
        return ax
    from matplotlib.figure import Figure

    return Figure(figsize=(width, 3.4), layout="constrained").subplots()


def draw_positions(curve: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw rates by position with their intervals."""
    ax = _axes(ax, 4.6)
    error = [curve["rate"] - curve["low"], curve["high"] - curve["rate"]]
    ax.errorbar(curve.index.astype(str), curve["rate"], yerr=error, fmt="o", capsize=4)
    ax.set(xlabel="position", ylabel="rate (95 % Wilson interval)", ylim=(0, None))
    return ax


def draw_rates(steps: pd.DataFrame, measures: list[str], ax: Axes | None = None) -> Axes:
    """Draw each measure over the ten parts, as a multiple of its mean."""
    ax = _axes(ax)
    for name in measures:
        ax.plot(steps.index, steps[name] / steps[name].mean(), "o-", label=name)
    ax.axhline(1, color="0.6", linewidth=0.8)
    ax.set(xlabel="tenth of the log, in time order", ylabel="rate / its mean")
    ax.legend(loc="best")
    return ax


def draw_novelty(steps: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the share of rows by new users and of new items over the ten parts."""
    ax = _axes(ax)
    for name, label in (("new_users", "by users not met before"), ("new_items", "of items not met before")):
        if name in steps:
            ax.plot(steps.index, steps[name], "o-", label=label)
    ax.set(xlabel="tenth of the log, in time order", ylabel="share of its rows", ylim=(0, 1))
    ax.legend(loc="best")
    return ax


def draw_arms(missing: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw missing shares of the shown and the unshown, one pair of bars a column."""
    ax = _axes(ax)
    place = range(len(missing))
    for shift, name in ((-0.2, "shown"), (0.2, "unshown")):
        ax.barh([k + shift for k in place], missing[name], 0.4, label=name)
    ax.set_yticks(list(place), missing["column"])
    ax.set(xlabel="share of rows in which it is missing", xlim=(0, None))
    ax.legend(loc="best")
    return ax
