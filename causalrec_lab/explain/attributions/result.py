"""`Attributions`: how much of a model's output each of its inputs accounts for, whatever the method."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Attributions"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Attributions:
    """What a model's output rests on.

    Parameters
    ----------
    table
        One row an input: feature, attribution (signed, in units of the output), low and high (nan where the method has
        no sampling error), and what else the method tells.
    method
        How ("SHAP, interventional, trees", "attention rollout", …).
    output, baseline
        What the model gives, and what it gives for the baseline; means over rows where many were explained; nan where
        the method compares with none.
    unit
        Of the output ("logit of the next item", "probability of purchase", …).
    adds_up
        Whether the method promises that attributions sum to output less baseline (completeness).
    gap
        What completeness leaves unexplained, at its worst row; nan without that promise.
    by_row, data
        (n, d) attributions of each row and the inputs they belong to, where many rows were explained; else None.
    notes
        Limits of the method, and warnings.
    """

    table: pd.DataFrame
    method: str
    output: float
    baseline: float
    unit: str
    adds_up: bool = True
    gap: float = float("nan")
    by_row: Floats | None = None
    data: pd.DataFrame | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def features(self) -> list[object]:
        """Names of the inputs, in the order of the table."""
        return self.table["feature"].tolist()

    @property
    def importance(self) -> pd.Series[float]:
        """How much each input counts: the mean absolute attribution over rows, or the absolute one of one row."""
        if self.by_row is not None and self.data is not None:
            return pd.Series(np.abs(self.by_row).mean(axis=0), index=pd.Index(self.data.columns, name="feature"))
        index = pd.Index(self.table["feature"], name="feature")
        return pd.Series(self.table["attribution"].abs().to_numpy(), index=index)

    def plot(self, ax: Axes | None = None, *, most: int = 15) -> Axes:
        """Bars of the attributions, the largest first (those of a history in time order), with intervals if any."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(5, 3.2))
        shown = self.table
        if len(shown) > most:
            places = np.sort(np.argsort(-shown["attribution"].abs().to_numpy(), kind="stable")[:most])
            shown = shown.iloc[places]
        shown = shown.iloc[::-1]
        place = np.arange(len(shown))
        value = shown["attribution"].to_numpy(dtype=np.float64)
        ax.barh(place, value, color=["C0" if v >= 0 else "C1" for v in value])
        ends = shown[["low", "high"]].to_numpy(dtype=np.float64)
        if np.isfinite(ends).all() and len(ends):
            ax.errorbar(value, place, xerr=np.abs(ends - value[:, None]).T, fmt="none", ecolor="0.35", capsize=3)
        ax.set_yticks(place, [str(name) for name in shown["feature"]])
        ax.axvline(0, color="0.35", linewidth=0.8)
        ax.set_xlabel(f"attribution ({self.unit})")
        return ax

    def _repr_html_(self) -> str:
        """Method, table, completeness, limits."""
        told = f"{self.method}; {self.unit}"
        if self.adds_up:
            told += f"; output {self.output:.4g}, baseline {self.baseline:.4g}, unexplained {self.gap:.2g}"
        lines = "".join(f"<p><small>{html.escape(line)}</small></p>" for line in (told, *self.notes))
        return (
            f'<div class="attributions">{self.table.to_html(index=False, border=0, float_format="{:.3g}".format)}'
            f"{lines}</div>"
        )
