"""Effects by segment: whether they differ, and what is left of the differences once chance is taken out."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from causalrec_lab.estimate import Estimate, z_value
from causalrec_lab.intervention.experiment.contrast import analyse
from causalrec_lab.intervention.experiment.units import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SegmentEffects", "by_segment"]


@dataclass(frozen=True, eq=False)
class SegmentEffects:
    r"""Effects of one arm by segment.

    Parameters
    ----------
    table
        One row a segment: value, std_error, low, high, n; shrunken, shrunken_low, shrunken_high.
    q, p_value
        Cochran's statistic of equal effects, and Welch's p of it.
    spread
        :math:`\tau`, standard deviation of the true effects between segments.
    mean
        Precision-weighted mean effect under that spread.
    contrast, level
        Who is compared with whom, on what; confidence level.
    notes
        What to know.
    """

    table: pd.DataFrame
    q: float
    p_value: float
    spread: float
    mean: Estimate
    contrast: str
    level: float
    notes: tuple[str, ...] = ()

    def sentence(self) -> str:
        """Whether segments differ."""
        if self.p_value < 1 - self.level:
            return f"{self.contrast}: effects differ between segments (interaction p = {self.p_value:.2g})"
        return (
            f"{self.contrast}: no sign that effects differ between segments (interaction p = {self.p_value:.2g}); take "
            f"the mean, {self.mean.value:+.4g} [{self.mean.low:.4g}, {self.mean.high:.4g}]"
        )

    def plot(self, ax: Axes | None = None, *, truth: Mapping[str, float] | None = None) -> Axes:
        """Draw raw and shrunken effects with intervals, the mean as a line; the truths as crosses where given."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(5, 0.5 * len(self.table) + 1))
        t, at = self.table, np.arange(len(self.table))
        for column, low, high, shift, label in (
            ("value", "low", "high", 0.12, "segment alone"),
            ("shrunken", "shrunken_low", "shrunken_high", -0.12, "shrunken"),
        ):
            errors = [t[column] - t[low], t[high] - t[column]]
            ax.errorbar(t[column], at + shift, xerr=errors, fmt="o", capsize=3, label=label)
        if truth is not None:
            ax.plot([truth[name] for name in t.index], at, "x", color="0.2", label="truth")
        ax.axvline(self.mean.value, linestyle=":", color="0.35", label="mean")
        ax.set_yticks(at, [str(name) for name in t.index])
        ax.set_xlabel(f"effect ({self.level:.0%} intervals)")
        ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncol=4, frameon=False)
        return ax

    def __str__(self) -> str:
        """The sentence."""
        return self.sentence()

    def _repr_html_(self) -> str:
        """The sentence, the table, the notes."""
        words = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        return f"<p>{html.escape(self.sentence())}</p>{self.table.round(4).to_html()}<ul>{words}</ul>"


def by_segment(
    frame: pd.DataFrame,
    metric: str,
    segment: str,
    arm: str = "arm",
    control: object = "control",
    *,
    level: float = 0.95,
    **options: Any,
) -> dict[str, SegmentEffects]:
    r"""Contrast in every segment, a test that they are equal, and each shrunken to the mean.

    With estimates :math:`d_s` of variance :math:`v_s`: Cochran's :math:`Q = \sum (d_s - \bar d)^2 / v_s` is chi-square
    where effects are equal and segments large; Welch's (1951) F is used, for variances that are estimated.
    :math:`\tau^2` is that of DerSimonian and Laird (1986); shrunken are :math:`\bar d_\tau + B_s (d_s - \bar d_\tau)`
    with :math:`B_s = \tau^2 / (\tau^2 + v_s)` (empirical Bayes, Morris 1983; the interval adds the error of the mean,
    not that of :math:`\tau`).

    Parameters
    ----------
    frame, metric, arm, control, level
        As in `analyse`.
    segment
        Column of groups known before the assignment.
    options
        Further arguments of `analyse`: denominator, cuped, unit, cluster, winsorise, shares.

    Returns
    -------
    Arm -> effects by segment.

    Raises
    ------
    ValueError
        If the column is unknown or has a single segment, or as `analyse` does within a segment.
    """
    if segment not in frame.columns:
        raise ValueError(f"no column {segment!r} in the experiment; it has {list(frame.columns)}")
    groups = {str(name): part for name, part in frame.groupby(frame[segment].astype(str).where(frame[segment].notna()))}
    if len(groups) < 2:
        raise ValueError(f"column {segment!r} has {len(groups)} segment; differences need at least 2")
    if frame[segment].isna().any():
        raise ValueError(f"column {segment!r} has missing values; give them a segment of their own")
    found: dict[str, dict[str, Estimate]] = {}
    for name, part in groups.items():
        try:
            found[name] = analyse(part, metric, arm, control, level=level, **options)
        except ValueError as error:
            raise ValueError(f"segment {name!r}: {error}") from error
    arms = list(dict.fromkeys(name for by_arm in found.values() for name in by_arm))
    return {name: _compared({s: f[name] for s, f in found.items() if name in f}, segment, level) for name in arms}


def _compared(found: Mapping[str, Estimate], segment: str, level: float) -> SegmentEffects:
    d, v = np.array([e.value for e in found.values()]), np.array([e.std_error**2 for e in found.values()])
    if not (v > 0).all():
        raise ValueError(
            f"segment {list(found)[int(np.argmin(v))]!r} has no variation in the metric; merge it with another"
        )
    q, tau2 = _heterogeneity(d, v)
    p = _equal_effects(q, v, np.array([max(e.n - 2, 1) for e in found.values()], dtype=np.float64))
    weight = 1 / (v + tau2)
    mean, mean_error = float(weight @ d / weight.sum()), math.sqrt(1 / weight.sum())
    own = tau2 / (tau2 + v)
    shrunken = mean + own * (d - mean)
    error = np.sqrt(own * v + (1 - own) ** 2 * mean_error**2)
    z = z_value(level)
    table = pd.DataFrame(
        {
            "value": d, "std_error": np.sqrt(v), "low": [e.low for e in found.values()],
            "high": [e.high for e in found.values()], "n": [e.n for e in found.values()],
            "shrunken": shrunken, "shrunken_low": shrunken - z * error, "shrunken_high": shrunken + z * error,
        },
        index=pd.Index(found, name=segment),
    )  # fmt: skip
    first = next(iter(found.values()))
    notes = tuple(dict.fromkeys(note for e in found.values() for note in e.notes if note.startswith("warning")))
    centre = Estimate(
        mean, mean_error, level=level, method=f"{first.method}, mean of segments", n=int(table["n"].sum())
    )
    return SegmentEffects(table, q, p, math.sqrt(tau2), centre, first.method, level, notes)


def _equal_effects(q: float, v: Floats, freedom: Floats) -> float:
    """P-value of Q by Welch's F."""
    from scipy.special import fdtrc

    k, w = len(v), 1 / v
    if k < 2:
        return 1.0
    apart = float(((1 - w / w.sum()) ** 2 / freedom).sum())
    return float(fdtrc(k - 1, (k * k - 1) / (3 * apart), q / (k - 1) / (1 + 2 * (k - 2) * apart / (k * k - 1))))


def _heterogeneity(d: Floats, v: Floats) -> tuple[float, float]:
    w = 1 / v
    q = float(w @ (d - w @ d / w.sum()) ** 2)
    below = float(w.sum() - (w @ w) / w.sum())
    return q, max((q - (len(d) - 1)) / below, 0.0) if below > 0 else 0.0
