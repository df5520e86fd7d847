"""The figures of a trust report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from causalrec_lab.causal.trust.report import TrustReport

__all__ = ["draw"]

_MARKS = "osD^v"


def draw(report: TrustReport) -> dict[str, Figure]:
    """Estimates on the log; bias on the twins; coverage on the twins; every estimator at its place in the order."""
    from matplotlib import pyplot as plt

    drawn = {}
    for name, fill in (("estimates", _estimates), ("bias", _bias), ("coverage", _coverage)):
        figure, ax = plt.subplots(figsize=(7, 0.34 * len(report.ranking) + 1.3), layout="constrained")
        fill(report, ax)
        ax.set_yticks(range(len(report.ranking)), labels=[str(label) for label in report.ranking.index])
        ax.invert_yaxis()
        drawn[name] = figure
    return drawn


def _estimates(report: TrustReport, ax: Axes) -> None:
    table = report.ranking
    for place, (_, row) in enumerate(table.iterrows()):
        if np.isnan(row["value"]):
            ax.text(0.5, place, "could not be computed", transform=ax.get_yaxis_transform(), va="center", ha="center")
            continue
        holds = row["standing"] in ("holds", "undecided")
        ax.plot([row["low"], row["high"]], [place, place], color="C0" if holds else "0.6", linewidth=2)
        ax.plot(row["value"], place, "o", color="C0" if holds else "0.6", markerfacecolor="C0" if holds else "none")
    ax.axvline(0, color="0.4", linewidth=0.8)
    ax.set_xlabel(f"{report.question.estimand} on this log ({report.level:.0%} interval); hollow: seen to fall short")


def _bias(report: TrustReport, ax: Axes) -> None:
    _by_strength(report, ax, "bias")
    ax.axvline(0, color="0.4", linewidth=0.8)
    ax.set_xlabel("mean error on platforms like this log (95 % Monte-Carlo interval)")


def _coverage(report: TrustReport, ax: Axes) -> None:
    _by_strength(report, ax, "coverage")
    ax.axvline(report.level, color="0.4", linewidth=0.8, linestyle="--")
    ax.set_xlim(-0.02, 1.02)
    ax.set_xlabel(f"share of {report.level:.0%} intervals that held the truth (Wilson interval)")


def _by_strength(report: TrustReport, ax: Axes, what: str) -> None:
    """One point an estimator and strength, with its Monte-Carlo interval."""
    for number, twin in enumerate(report.twins):
        part = report.measured.xs(twin.strength, level="strength").loc[list(report.ranking.index)]
        places = np.arange(len(part)) + 0.22 * (number - (len(report.twins) - 1) / 2)
        error = np.clip([part[what] - part[f"{what}_low"], part[f"{what}_high"] - part[what]], 0, None)
        label = "nothing hidden" if twin.strength == 0 else f"hidden trait {twin.strength:g}"
        mark = _MARKS[number % len(_MARKS)]
        ax.errorbar(part[what], places, xerr=error, fmt=mark, color=f"C{number}", label=label, markersize=4)
    ax.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=len(report.twins), frameon=False
    )  # above: no point under it
