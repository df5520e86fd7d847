"""Several metrics of one experiment: goals with their multiplicity corrected, guardrails with margins."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.columns import nearest
from causalrec_lab.estimate import Estimate
from causalrec_lab.intervention.experiment.contrast import analyse
from causalrec_lab.intervention.experiment.units import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["CORRECTIONS", "ExperimentReport", "Metric", "adjusted_p", "report"]

CORRECTIONS = ("holm", "benjamini-hochberg", "none")


@dataclass(frozen=True)
class Metric:
    """One metric and what is asked of it.

    Parameters
    ----------
    column, denominator, cuped, winsorise, lift
        As in `analyse`.
    margin
        None for a goal. For a guardrail, the harm that is still bearable, >= 0 and in the unit of `lift`.
    higher_is_better
        Direction of harm.
    """

    column: str
    denominator: str | None = None
    cuped: str | Sequence[str] | None = None
    winsorise: float | None = None
    lift: str = "difference"
    margin: float | None = None
    higher_is_better: bool = True

    def __post_init__(self) -> None:
        """Refuse a margin that allows no harm at all and asks for more.

        Raises
        ------
        ValueError
            If it is negative.
        """
        if self.margin is not None and not self.margin >= 0:
            raise ValueError(f"Metric({self.column!r}, margin={self.margin}): the bearable harm is >= 0")


@dataclass(frozen=True, eq=False)
class ExperimentReport:
    """All contrasts of an experiment.

    Parameters
    ----------
    estimates
        (metric, arm) -> estimate.
    table
        One row a metric and arm: role, value, low, high, p_value, p_adjusted (goals), verdict.
    correction, level
        How goals were corrected; confidence level.
    notes
        Warnings, each once.
    """

    estimates: Mapping[tuple[str, str], Estimate]
    table: pd.DataFrame
    correction: str
    level: float
    notes: tuple[str, ...]

    def sentence(self, arm: str | None = None) -> str:
        """What may be concluded about an arm (the only one, or named).

        Raises
        ------
        ValueError
            If there are several arms and none is named, or it is unknown.
        """
        arms = list(dict.fromkeys(self.table.index.get_level_values("arm")))
        arm = arms[0] if arm is None and len(arms) == 1 else arm
        if arm not in arms:
            raise ValueError(f"sentence(arm={arm!r}): name one of {arms}")
        part = self.table.xs(arm, level="arm")
        said = [f"{'; '.join(f'{name} {word}' for name, word in part.loc[part['role'] == role, 'verdict'].items())}"
                for role in ("goal", "guardrail") if (part["role"] == role).any()]  # fmt: skip
        return f"{arm}: " + ". Guardrails: ".join(said) + "."

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw every contrast in standard errors, so that metrics of different units share an axis."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(5, 0.4 * len(self.table) + 1))
        t, at = self.table, np.arange(len(self.table))[::-1]
        scale = t["std_error"].where(t["std_error"] > 0)
        errors = [(t["value"] - t["low"]) / scale, (t["high"] - t["value"]) / scale]
        ax.errorbar(t["value"] / scale, at, xerr=errors, fmt="o", capsize=3)
        ax.plot(-t["margin"] * t["direction"] / scale, at, "|", markersize=14, color="0.35", label="guardrail's margin")
        ax.axvline(0, color="0.2", linewidth=0.8)
        ax.set_yticks(at, [" · ".join(key) for key in t.index])
        ax.set_xlabel(f"contrast in standard errors ({self.level:.0%} intervals)")
        if t["margin"].notna().any():
            ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), frameon=False)
        return ax

    def __str__(self) -> str:
        """A sentence an arm."""
        return "\n".join(self.sentence(arm) for arm in dict.fromkeys(self.table.index.get_level_values("arm")))

    def _repr_html_(self) -> str:
        """The table and the notes."""
        shown = self.table.drop(columns=["direction"]).round(5).to_html(na_rep="")
        words = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        return f"<p>goals corrected by {html.escape(self.correction)}</p>{shown}<ul>{words}</ul>"


def report(
    frame: pd.DataFrame,
    metrics: Sequence[str | Metric] | Mapping[str, str | Metric],
    arm: str = "arm",
    control: object = "control",
    *,
    correction: str = "holm",
    level: float = 0.95,
    **options: Any,
) -> ExperimentReport:
    r"""Analyse several metrics at once.

    Goals share one error: over all goals and arms their p-values are corrected by Holm (1979; the chance of one false
    call) or Benjamini and Hochberg (1995; the share of false calls). A guardrail is passed where the harm is shown to
    be smaller than its margin (non-inferiority, one-sided at (1 - level)/2, the end of the interval); all must pass, so
    they need no correction.

    Parameters
    ----------
    frame, arm, control, level
        As in `analyse`.
    metrics
        Columns, or `Metric`; named by their column, or by the mapping's keys.
    correction
        "holm", "benjamini-hochberg" or "none".
    options
        Further arguments of `analyse` for all metrics: unit, cluster, shares, sequential with its horizon.

    Raises
    ------
    ValueError
        If there are no metrics, two share a name, the correction is unknown, or as `analyse` does.
    """
    if correction not in CORRECTIONS:
        raise ValueError(f"unknown correction {correction!r}; {nearest(correction, CORRECTIONS)}")
    asked = _named(metrics)
    found: dict[tuple[str, str], Estimate] = {}
    for name, metric in asked.items():
        contrasts = analyse(
            frame, metric.column, arm, control,
            denominator=metric.denominator, cuped=metric.cuped, winsorise=metric.winsorise, lift=metric.lift,
            level=level, **options,
        )  # fmt: skip
        found |= {(name, other): estimate for other, estimate in contrasts.items()}
    table = pd.DataFrame([_row(e, asked[name]) for (name, _), e in found.items()])
    table.index = pd.MultiIndex.from_tuples(list(found), names=["metric", "arm"])
    goals = (table["role"] == "goal").to_numpy()
    table.loc[goals, "p_adjusted"] = adjusted_p(table.loc[goals, "p_value"].to_numpy(dtype=np.float64), correction)
    table["verdict"] = [_verdict(row, 1 - level) for _, row in table.iterrows()]
    notes = tuple(dict.fromkeys(note for estimate in found.values() for note in estimate.notes))
    return ExperimentReport(found, table, correction, level, notes)


def adjusted_p(p: Floats, correction: str = "holm") -> Floats:
    """(k,) adjusted p-values: below alpha exactly where the procedure at alpha rejects.

    Parameters
    ----------
    p
        (k,) p-values.
    correction
        "holm", "benjamini-hochberg" or "none".
    """
    p = np.asarray(p, dtype=np.float64)
    k, order = len(p), np.argsort(p, kind="stable")
    adjusted = p.copy()
    if correction == "holm":
        adjusted[order] = np.maximum.accumulate(p[order] * (k - np.arange(k)))
    elif correction == "benjamini-hochberg":
        adjusted[order] = np.minimum.accumulate((p[order] * k / np.arange(1, k + 1))[::-1])[::-1]
    return np.minimum(adjusted, 1.0)


def _named(metrics: Sequence[str | Metric] | Mapping[str, str | Metric]) -> dict[str, Metric]:
    if isinstance(metrics, str):
        raise ValueError(f"metrics={metrics!r} is one string; give a list: [{metrics!r}]")
    if isinstance(metrics, Mapping):
        pairs = list(metrics.items())
    else:
        pairs = [(m if isinstance(m, str) else m.column, m) for m in metrics]
    names = [name for name, _ in pairs]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"metrics {names}: give at least one, each with its own name (a mapping names them)")
    return {name: Metric(m) if isinstance(m, str) else m for name, m in pairs}


def _row(estimate: Estimate, metric: Metric) -> dict[str, Any]:
    return {
        "role": "goal" if metric.margin is None else "guardrail",
        "value": estimate.value, "std_error": estimate.std_error, "low": estimate.low, "high": estimate.high,
        "p_value": estimate.diagnostics["p_value"], "p_adjusted": math.nan,
        "margin": math.nan if metric.margin is None else metric.margin,
        "direction": 1.0 if metric.higher_is_better else -1.0,
    }  # fmt: skip


def _verdict(row: pd.Series[Any], alpha: float) -> str:
    gain = row["value"] * row["direction"]
    if row["role"] == "goal":
        if row["p_adjusted"] >= alpha:
            return "undecided"
        return "better" if gain > 0 else "worse"
    worst = row["low"] if row["direction"] > 0 else -row["high"]
    best = row["high"] if row["direction"] > 0 else -row["low"]
    if worst > -row["margin"]:
        return "passed"
    return "broken" if best < -row["margin"] else "not shown to pass"
