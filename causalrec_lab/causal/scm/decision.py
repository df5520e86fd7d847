"""Influence diagrams: the action with the highest expected utility, and what it is worth to know more."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Decision"]


@dataclass(frozen=True)
class Decision:
    """The actions with their expected utilities, and what information would add.

    Parameters
    ----------
    table
        One row an action, best first: expected_utility, std_error, low, high (in the utility's unit) and
        probability_best, the share of parameter draws in which it is best.
    information
        One row for each thing that could be known before acting: its value (gain in expected utility of the best
        choice, in the same unit), low and high.
    rules
        Node -> the best action for each of its states.
    level
        Level of the intervals.
    given
        What is known already.
    notes
        Remarks in plain words.
    """

    table: pd.DataFrame
    information: pd.DataFrame
    rules: Mapping[str, pd.Series] = field(default_factory=dict, hash=False)
    level: float = 0.95
    given: Mapping[str, Any] = field(default_factory=dict, hash=False)
    notes: tuple[str, ...] = ()

    @property
    def best(self) -> str:
        """Action with the highest expected utility."""
        return str(self.table.index[0])

    @property
    def value(self) -> float:
        """Its expected utility."""
        return float(self.table["expected_utility"].iloc[0])

    def summary(self) -> pd.DataFrame:
        """Table of the actions."""
        return self.table.copy()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw expected utilities with their intervals, best on top."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(6, 0.5 * len(self.table) + 1))
        rows = self.table.iloc[::-1]
        errors = [rows["expected_utility"] - rows["low"], rows["high"] - rows["expected_utility"]]
        ax.errorbar(rows["expected_utility"], range(len(rows)), xerr=errors, fmt="o", capsize=4)
        ax.set_yticks(range(len(rows)), list(rows.index))
        ax.set_xlabel(f"expected utility ({self.level:.0%} interval)")
        return ax

    def __str__(self) -> str:
        """One line: best action, its utility, by how much it leads."""
        second, lead = self.table.index[1], self.value - float(self.table["expected_utility"].iloc[1])
        ahead = f", {lead:.4g} ahead of {second}" if lead > 1e-9 * (1 + abs(self.value)) else f", level with {second}"
        return f"best action: {self.best} (expected utility {self.value:.4g}{ahead})"

    def _repr_html_(self) -> str:
        """Both tables, deterministic."""
        parts = [f"<p>{html.escape(str(self))}</p>", self.table.round(4).to_html(border=0)]
        if len(self.information):
            parts.append(self.information.round(4).to_html(border=0))
        parts += [f"<p>{html.escape(note)}</p>" for note in self.notes]
        return '<div class="decision">' + "".join(parts) + "</div>"
