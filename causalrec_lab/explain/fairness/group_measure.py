"""What is measured group by group: `GroupMeasure`, with every group's gap to the others."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.data.registry import nearest
from causalrec_lab.estimate import Estimate
from causalrec_lab.explain.fairness.groups import Floats, Ints
from causalrec_lab.explain.fairness.ratios import Ratios

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["GroupMeasure", "Reading", "measured"]

SCALES = ("difference", "ratio")
_SMALL = ("warn", "suppress")


@dataclass(frozen=True)
class Reading:
    """How groups are read: level, all intervals at once or one at a time, and what to do with small groups.

    Parameters
    ----------
    level
        Confidence level.
    simultaneous
        Whether all intervals hold together with that level.
    least
        Clusters below which a group is small.
    small
        "warn", or "suppress": no figure of a small group is shown.
    seed
        Of the simulation behind simultaneous intervals.

    Raises
    ------
    ValueError
        If `small` is another word.
    """

    level: float = 0.95
    simultaneous: bool = False
    least: int = 30
    small: str = "warn"
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse another word."""
        if self.small not in _SMALL:
            raise ValueError(f"small={self.small!r}; {nearest(self.small, _SMALL)}")


@dataclass(frozen=True, eq=False)
class GroupMeasure:
    """One figure for every group, and its gap to a reference.

    Parameters
    ----------
    table
        One row a group: n (clusters with something of the group), value, std_error, low, high, reference, gap,
        gap_std_error, gap_low, gap_high. The gap is a difference, or on the ratio scale a quotient, whose standard
        error is that of its logarithm.
    estimand
        What is measured, with its unit.
    by
        Attribute that makes the groups.
    scale
        "difference" or "ratio".
    against
        What the reference is.
    method
        How, and which clusters err together.
    reading
        Level and manner of the intervals.
    assumptions, notes
        What must hold, and what to know.
    """

    table: pd.DataFrame
    estimand: str
    by: str
    scale: str
    against: str
    method: str
    reading: Reading
    assumptions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def estimates(self) -> Mapping[str, Estimate]:
        """Group -> estimate of its value."""
        return {str(g): self._estimate(row, "", self.estimand) for g, row in self.table.iterrows()}

    @property
    def gaps(self) -> Mapping[str, Estimate]:
        """Group -> estimate of its gap to the reference."""
        word = f"{self.scale} to {self.against}"
        return {str(g): self._estimate(row, "gap_", f"{self.estimand}, {word}") for g, row in self.table.iterrows()}

    @property
    def widest(self) -> Estimate:
        """Gap that is farthest from none; its group stands in the estimand."""
        none = 1.0 if self.scale == "ratio" else 0.0
        far = (np.log(self.table["gap"]) if self.scale == "ratio" else self.table["gap"] - none).abs()
        if far.isna().all():
            raise ValueError(f"no gap of {self.estimand} could be computed; see the notes")
        group = self.table.index[int(np.nanargmax(far.to_numpy()))]
        found = self._estimate(
            self.table.iloc[int(np.nanargmax(far.to_numpy()))], "gap_", f"{self.estimand}: {group}, {self.scale}"
        )
        said = "the widest of several gaps: chance favours it" if len(self.table) > 2 else ""
        return Estimate(**{**found.__dict__, "notes": (*found.notes, *([said] if said else []))})

    def sentence(self) -> str:
        """Which group is farthest from the reference, and whether the interval leaves room for none."""
        widest, none = self.widest, 1.0 if self.scale == "ratio" else 0.0
        verdict = "no gap is within the interval" if widest.low <= none <= widest.high else "the interval excludes none"
        if np.isnan(widest.low):
            return f"{widest.estimand} {widest.value:.3g} to {self.against}: no interval is known"
        return (
            f"{widest.estimand} {widest.value:.3g} [{widest.low:.3g}, {widest.high:.3g}] to {self.against}: {verdict}"
        )

    def plot(self, ax: Axes | None = None, *, truth: Mapping[str, float] | None = None) -> Axes:
        """Draw every group's value with its interval; true values as dashed marks where they are given."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(5.5, 0.45 * len(self.table) + 1.2))
        t, at = self.table, np.arange(len(self.table))
        sides = np.clip([t["value"] - t["low"], t["high"] - t["value"]], 0, None)
        ax.errorbar(t["value"], at, xerr=sides, fmt="o", capsize=3, label=f"{self.reading.level:.0%} interval")
        if len(t["reference"].dropna().unique()) == 1:
            ax.axvline(float(t["reference"].dropna().iloc[0]), linestyle=":", color="0.35", label=self.against)
        if truth is not None:
            known = [float(truth[str(name)]) for name in t.index]
            ax.vlines(known, at - 0.3, at + 0.3, linestyle="--", color="0.35", label="truth")
        ax.set_yticks(at, [str(name) for name in t.index])
        ax.invert_yaxis()
        ax.set_xlabel(self.estimand)
        ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncol=3, frameon=False)
        return ax

    def _estimate(self, row: pd.Series, side: str, estimand: str) -> Estimate:
        value, error = float(row[f"{side}value" if not side else "gap"]), float(row[f"{side}std_error"])
        said = self.notes if np.isfinite(error) else (*self.notes, "nothing to compare, or suppressed: see the notes")
        if side and self.scale == "ratio" and np.isfinite(error):
            error *= value  # delta method, from the logarithm
        ends = (float(row[f"{side}low"]), float(row[f"{side}high"]))
        return Estimate(
            value, error, ends, self.reading.level, estimand, self.method, int(row["n"]), {}, self.assumptions,
            said or ("",),
        )  # fmt: skip

    def __str__(self) -> str:
        """The sentence."""
        return self.sentence()

    def _repr_html_(self) -> str:
        """Table, how it was found, what to know; deterministic."""
        head = f"{self.estimand} by {self.by}, gap as {self.scale} to {self.against}; {self.method}"
        said = "".join(f"<li>{html.escape(text)}</li>" for text in (*self.assumptions, *self.notes) if text)
        return f"<p>{html.escape(head)}</p>{self.table.round(4).to_html(border=0, escape=True)}<ul>{said}</ul>"


def measured(
    labels: tuple[str, ...],
    n: Ints,
    value: Ratios,
    reference: Ratios,
    reading: Reading,
    *,
    estimand: str,
    by: str,
    scale: str,
    against: str,
    method: str,
    assumptions: tuple[str, ...],
    notes: tuple[str, ...],
) -> GroupMeasure:
    """Put values, references and gaps of groups into a `GroupMeasure`, small groups warned of or suppressed.

    Raises
    ------
    ValueError
        If the scale is unknown.
    """
    if scale not in SCALES:
        raise ValueError(f"scale={scale!r}; {nearest(scale, SCALES)}")
    gap = value.minus(reference) if scale == "difference" else value.log_over(reference)
    columns = {"n": n, **_ends(value, "", reading), "reference": reference.value, **_ends(gap, "gap_", reading)}
    table = pd.DataFrame(columns, index=pd.Index(labels, name=by)).rename(columns={"gap_value": "gap"})
    if scale == "ratio":
        table[["gap", "gap_low", "gap_high"]] = np.exp(table[["gap", "gap_low", "gap_high"]])
    few = n < reading.least
    if few.any() and reading.small == "suppress":
        table.loc[few, table.columns[1:]] = np.nan
    said = (*notes, *_said(labels, n, few, value, reading))
    words = method + (", simultaneous intervals" if reading.simultaneous else "")
    return GroupMeasure(table, estimand, by, scale, against, words, reading, assumptions, said)


def _ends(found: Ratios, side: str, reading: Reading) -> dict[str, Floats]:
    half = found.half(reading.level, reading.simultaneous, reading.seed)
    parts = {"value": found.value, "std_error": found.std_error}
    parts |= {"low": found.value - half, "high": found.value + half}
    return {f"{side}{name}": column for name, column in parts.items()}


def _said(labels: tuple[str, ...], n: Ints, few: npt.NDArray[np.bool_], value: Ratios, reading: Reading) -> list[str]:
    said = []
    named = [f"{label} ({count})" for label, count, small in zip(labels, n, few, strict=True) if small]
    if named:
        told = "are not shown" if reading.small == "suppress" else "have intervals that are rough"
        said.append(f"warning: groups of fewer than {reading.least} {told}: {', '.join(named)}")
    if alone := [label for label, count in zip(labels, value.clusters, strict=True) if count == 1]:
        said.append(f"warning: no interval is known for {', '.join(alone)}: one alone tells of no spread")
    if none := [label for label, x in zip(labels, value.value, strict=True) if x == 0]:
        said.append(f"warning: nothing at all for {', '.join(none)}; no interval is known for a group that gets none")
    return said
