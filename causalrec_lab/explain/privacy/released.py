"""`Release`: a table of noisy counts, with what is public of how it was made and nothing else."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from causalrec_lab.explain.privacy.budget import Budget
from causalrec_lab.explain.privacy.noise import NOT_PRIVATE, Mechanism, Noise, noise_in_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Release", "paid"]


@dataclass(frozen=True, eq=False)
class Release:
    """Noisy counts of groups; nothing exact of the rows is in it.

    Parameters
    ----------
    name
        What was released.
    table
        One row a group: the group's columns, then count, low, high; each interval holds the table's own count at
        `level`. Counts may be negative: cutting them at 0 would pull sums of them up.
    mechanism
        The noise.
    delta
        What a threshold cost beside it.
    level
        Of each interval.
    private
        False for a simulation.
    notes
        What counts, and what does not.
    """

    name: str
    table: pd.DataFrame
    mechanism: Mechanism
    delta: float
    level: float
    private: bool
    notes: tuple[str, ...]

    @property
    def epsilon(self) -> float:
        """What it cost."""
        return self.mechanism.epsilon

    def plot(self, ax: Axes | None = None) -> Axes:
        """Bars with their intervals."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(6, 3))
        groups = self.table.drop(columns=["count", "low", "high"])
        names = groups.astype(str).agg(", ".join, axis=1)
        counts = self.table["count"]
        ax.bar(names, counts, yerr=[counts - self.table["low"], self.table["high"] - counts], capsize=3)
        ax.axhline(0, color="0.35", linewidth=0.8)
        ax.set(xlabel=", ".join(map(str, groups.columns)), ylabel=f"rows ({self.level:.0%} intervals of the noise)")
        if not self.private:
            ax.set_title("simulated noise: not private", fontsize="small")
        return ax

    def __str__(self) -> str:
        """One line."""
        cost = f"epsilon {self.epsilon:g}" + (f", delta {self.delta:g}" if self.delta else "")
        return f"{self.name}: {len(self.table)} groups at {cost}, {noise_in_words(self.mechanism, self.private)}"

    def _repr_html_(self) -> str:
        """The line, the table and the notes."""
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        return f"<p>{html.escape(str(self))}</p>{self.table.to_html(index=False)}<ul>{notes}</ul>"


def paid(
    budget: Budget | None, release: str, mechanism: Mechanism, noise: Noise, delta: float = 0.0
) -> tuple[str, ...]:
    """Pay for a release before its noise is drawn; gives the notes that every result carries.

    Raises
    ------
    TypeError
        If the budget is none.
    """
    if budget is not None and not isinstance(budget, Budget):
        raise TypeError(f"{release}: budget={budget!r} is no budget; give privacy.Budget(epsilon=…)")
    if budget is not None:
        budget.spend(release, mechanism, delta=delta, private=noise.private)
    uncounted = () if budget is not None else ("no budget was given: this loss adds to all others of these users",)
    return (*(() if noise.private else (NOT_PRIVATE,)), *uncounted)
