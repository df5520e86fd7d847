"""How much each position is examined, beside the first: `Examination`."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.estimate import z_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Examination"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Examination:
    r"""Relative examination :math:`\theta_k / \theta_0` of the positions of a list.

    Clicks tell no more than the ratio: a list that is looked at half as often, of items twice as good, is clicked
    alike. Intervals are normal on the logarithmic scale.

    Parameters
    ----------
    log_relative
        (positions - 1,) logarithms of the ratios, from the second position on.
    covariance
        (positions - 1, positions - 1) covariance of these logarithms.
    method
        How it was found.
    n
        Lists it was found from.
    level
        Confidence level of the intervals.
    assumptions, notes
        What must hold, and what to know.
    diagnostics
        Named figures on which it can be trusted or not.
    """

    log_relative: Floats
    covariance: Floats
    method: str
    n: int
    level: float = 0.95
    assumptions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    diagnostics: dict[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        """Positions."""
        return len(self.log_relative) + 1

    @property
    def relative(self) -> Floats:
        """(positions,) examination beside the first position, which is 1."""
        return np.asarray(np.exp(np.concatenate([[0.0], self.log_relative])))

    @property
    def table(self) -> pd.DataFrame:
        """Columns value, std_error, low, high, indexed by position (0 first, with value 1 and no error)."""
        value = self.relative
        error = np.concatenate([[0.0], np.sqrt(np.diag(self.covariance))])
        half = z_value(self.level) * error
        return pd.DataFrame(
            {
                "value": value,
                "std_error": value * error,
                "low": value * np.exp(-half),
                "high": value * np.exp(half),
            },
            index=pd.RangeIndex(len(self), name="position"),
        )

    def plot(self, ax: Axes | None = None, *, truth: npt.ArrayLike | None = None) -> Axes:
        """Draw the curve with its intervals, and the true one as a dashed line where it is given."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(5, 3))
        table = self.table
        sides = [table["value"] - table["low"], table["high"] - table["value"]]
        ax.errorbar(
            table.index + 1,
            table["value"],
            yerr=np.array(sides),
            fmt="o",
            capsize=3,
            label=f"{self.method}, {self.level:.0%}",
        )
        if truth is not None:
            known = np.asarray(truth, dtype=np.float64)[: len(self)]
            ax.plot(table.index + 1, known / known[0], linestyle="--", color="0.35", label="truth")
        ax.set_xlabel("position in the list")
        ax.set_ylabel("examination, first = 1")
        ax.set_xticks(table.index + 1)
        ax.set_ylim(bottom=0)
        ax.legend(loc="best")
        return ax

    def _repr_html_(self) -> str:
        """The table, what it assumes, what to know."""
        said = {"method": self.method, "lists": f"{self.n:,}", "assumes": "; ".join(self.assumptions)}
        said["notes"] = "; ".join(self.notes)
        rows = "".join(f"<tr><th>{k}</th><td>{html.escape(v)}</td></tr>" for k, v in said.items() if v)
        return f'<table class="examination"><tbody>{rows}</tbody></table>{self.table.round(4).to_html()}'
