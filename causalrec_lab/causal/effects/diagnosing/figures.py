"""Two pictures to look at before any estimate: overlap and balance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.diagnostics import balance, checked_propensity
from causalrec_lab.causal.effects.sample import Floats, read_sample

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["love_plot", "overlap_plot"]

_NOTABLE = 0.1  # standard deviations (Austin 2009)
_POOR = (0.05, 0.95)
_LONGEST = 40  # characters of a name that leave room for the points


def overlap_plot(
    frame: pd.DataFrame, treatment: str, propensity: Floats, ax: Axes | None = None, *, bins: int = 40
) -> Axes:
    """Mirror histogram of propensities: treated rows upwards, untreated ones downwards.

    Where one side has no bars, the effect there is a guess.

    Parameters
    ----------
    propensity
        (n,) P(treated = 1), as from `propensity_scores`.

    Raises
    ------
    ValueError
        If the treatment is not 0 or 1, the propensity has another length or leaves (0, 1), or there is no bin.
    """
    sample = read_sample(frame, treatment, treatment, [])
    propensity = checked_propensity(propensity, sample.n)
    if bins < 1:
        raise ValueError(f"bins={bins}; give 1 or more")
    if ax is None:
        from matplotlib import pyplot as plt

        _, ax = plt.subplots(figsize=(6, 3))
    edges = np.linspace(0, 1, bins + 1)
    middle, width = (edges[1:] + edges[:-1]) / 2, 1 / bins
    for rows, sign, label, colour in (
        (sample.treated, 1, "treated", "#D55E00"),
        (~sample.treated, -1, "untreated", "#0072B2"),
    ):
        counts = np.histogram(propensity[rows], edges)[0]
        ax.bar(middle, sign * counts / counts.sum(), width=width, color=colour, label=f"{label} ({rows.sum():,})")
    for edge in _POOR:
        ax.axvline(edge, linestyle=":", color="0.35")
    ax.axhline(0, color="0.3", linewidth=0.8)
    ax.yaxis.set_major_formatter(lambda value, _: f"{100 * abs(value):.3g}%")
    ax.set(xlabel="propensity", ylabel="share of the arm", xlim=(0, 1))
    ax.legend(loc="best")
    return ax


def love_plot(
    frame: pd.DataFrame,
    treatment: str,
    covariates: Sequence[str],
    propensity: Floats,
    ax: Axes | None = None,
    *,
    estimand: str = "ATE",
    most: int = 25,
) -> Axes:
    """Draw how far each covariate's means are apart before and after weighting (`balance`), the farthest before on top.

    Parameters
    ----------
    frame, treatment, covariates, propensity, estimand
        As in `balance`.
    most
        Covariates drawn at most: those that are farthest apart, be it before or after.

    Raises
    ------
    ValueError
        On the bad input that `balance` refuses, no covariates, or `most` below 1.
    """
    if most < 1 or not len(covariates):
        what = "covariates is empty; give those to compare" if most >= 1 else f"most={most}; give 1 or more"
        raise ValueError(f"love_plot: {what}")
    table = balance(frame, treatment, covariates, propensity, estimand=estimand)
    everything, worst = len(table), np.argsort(table.abs().max(axis=1).to_numpy(), kind="stable")[-most:]
    table = table.iloc[worst].sort_values("before", key=np.abs, kind="stable")
    if ax is None:
        from matplotlib import pyplot as plt

        _, ax = plt.subplots(figsize=(6, 1.2 + 0.24 * len(table)))
    rows = np.arange(len(table))
    for column, marker, colour in (("before", "o", "#D55E00"), ("after", "D", "#0072B2")):
        values = table[column].abs().to_numpy()
        ax.scatter(values, rows, marker=marker, color=colour, label=f"{column} weighting", zorder=3)
    ax.hlines(rows, 0, table.abs().max(axis=1).to_numpy(), color="0.85", zorder=1)
    ax.axvline(_NOTABLE, linestyle=":", color="0.35")
    ax.set_yticks(rows, [_short(str(name)) for name in table.index], parse_math=False)
    shown = f"{len(table)} of {everything} covariates" if len(table) < everything else None
    ax.set(xlabel="difference of means (standard deviations)", ylabel=shown, xlim=(0, None), ylim=(-1, len(table)))
    ax.legend(loc="lower right")
    return ax


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
