"""E-values: how strong, as risk ratios, a hidden confounder would have to be to explain an effect away."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from causalrec_lab.causal.effects.columns import nearest
from causalrec_lab.estimate import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["EValue", "e_value"]

SCALES = ("risk ratio", "odds ratio", "hazard ratio", "risk difference", "mean difference")
_WIDEST = 100  # standard deviations: beyond, a ratio by the rule below is no number worth saying
_PER_SPREAD = 0.91  # log risk ratio of one standard deviation (VanderWeele & Ding 2017, table 2)


@dataclass(frozen=True)
class EValue:
    """E-value of an effect and of the end of its interval nearer to no effect.

    Parameters
    ----------
    value
        E-value of the estimate: 1 is no robustness at all.
    at_interval
        Of the interval's end nearer to `null`; 1 where the interval holds it, nan without an interval.
    ratio, low, high
        The effect as a risk ratio (perhaps an approximate one) with its interval.
    null
        Risk ratio that the estimate would be moved to.
    scale
        What the effect was given as.
    """

    value: float
    at_interval: float
    ratio: float
    low: float
    high: float
    null: float = 1.0
    scale: str = "risk ratio"

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw every pair of strengths that would just do, and the E-value where both are equal."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(5, 3.6))
        for target, label in ((self.ratio / self.null, "the estimate"), (self._end / self.null, "the interval's end")):
            target = max(target, 1 / target) if target > 0 else math.nan
            if math.isfinite(target) and target > 1:
                with_treatment = np.linspace(target * 1.02, 3 * max(self.value, _e_value(target)), 200)
                ax.plot(with_treatment, target * (with_treatment - 1) / (with_treatment - target), label=label)
                ax.plot(_e_value(target), _e_value(target), "o", color="0.2")
        ax.set(xlabel="risk ratio confounder - treatment", ylabel="risk ratio confounder - outcome")
        ax.set(xlim=(1, 3 * self.value), ylim=(1, 3 * self.value))
        if ax.lines:
            ax.legend(title="explains away", loc="best")
        return ax

    @property
    def _end(self) -> float:
        if self.ratio >= self.null:
            return max(self.low, self.null)  # nan first: it stays
        return min(self.high, self.null)

    def __str__(self) -> str:
        """Say what it takes, and what that means."""
        target = "no effect" if self.null == 1 else f"{self.null:.2f}"
        if math.isnan(self.at_interval):
            end = ""
        elif self.at_interval == 1:
            end = f" Its interval already holds {target}, so nothing is needed to move that."
        else:
            end = f" For its interval to hold {target}, {self.at_interval:.2f} would do."
        article = "an" if self.scale[0] in "aeiou" else "a"
        exact = "" if self.scale == "risk ratio" else f" (from {article} {self.scale}, approximately)"
        aim = f"To explain away a risk ratio of {self.ratio:.2f}{exact}"
        if self.null != 1:
            aim = f"To move a risk ratio of {self.ratio:.2f}{exact} to {self.null:.2f}"
        return (
            f"{aim}, a hidden confounder would need a risk ratio of "
            f"at least {self.value:.2f} with both treatment and outcome, beyond the covariates.{end} "
            "Whether one of that strength exists is for those who know the subject to say."
        )


def e_value(
    effect: Estimate | float,
    low: float = math.nan,
    high: float = math.nan,
    *,
    scale: str | None = None,
    baseline: float | None = None,
    spread: float | None = None,
    rare: bool = False,
    null: float | None = None,
) -> EValue:
    r"""Least risk ratio with treatment and with outcome by which a hidden confounder explains an effect away.

    .. math:: E = RR + \sqrt{RR (RR - 1)}, \qquad RR \ge 1 \text{ (else turned over)}

    for the estimate and for the end of its interval nearer to no effect.
    Source: VanderWeele and Ding (2017), "Sensitivity analysis in observational research: introducing the E-value",
    whose table 2 has the conversions: common odds ratios by :math:`\sqrt{OR}`, common hazard ratios by
    :math:`(1 - 0.5^{\sqrt{HR}})/(1 - 0.5^{\sqrt{1/HR}})`, differences of means by :math:`\exp(0.91 d)`.

    Parameters
    ----------
    effect
        An `Estimate` of a difference, or a number on `scale`.
    low, high
        Ends of the interval where `effect` is a number; one alone will do.
    scale
        "risk ratio" (a number's default), "odds ratio", "hazard ratio", "risk difference", "mean difference". An
        `Estimate` is a risk difference where the outcome's risk without treatment is known, else a mean difference.
    baseline
        Risk without treatment, for a risk difference: the ratio is (baseline + effect) / baseline, with the baseline
        taken as known. By default the estimate's diagnostic `control_mean`.
    spread
        Standard deviation of the outcome, for a mean difference. By default the diagnostic `outcome_spread`.
    rare
        Whether an outcome is rarer than about 15 %, so that odds and hazard ratios are risk ratios.
    null
        Effect, on `scale`, that the estimate would be moved to; no effect by default.

    Raises
    ------
    ValueError
        If the scale is unknown, baseline or spread is needed and unknown, a number is missing, a ratio not positive, a
        risk outside (0, 1], a mean difference beyond all ratios, or if the interval does not hold the estimate.
    """
    found, ends, scale, baseline, spread = _read(effect, low, high, scale, baseline, spread)
    if not math.isfinite(found):
        raise ValueError(f"effect={found}: an E-value needs a finite effect")
    if found < ends[0] or found > ends[1]:  # never true of an end left out
        raise ValueError(f"the interval [{ends[0]}, {ends[1]}] does not hold the estimate {found}; give its own ends")
    to_ratio = _conversion(scale, baseline, spread, rare)
    none = to_ratio(null if null is not None else (0.0 if "difference" in scale else 1.0))
    ratio, below, above = to_ratio(found), *(_end(end, scale, baseline, to_ratio) for end in ends)
    near = max(below, none) if ratio >= none else min(above, none)  # nan first: it stays
    at_interval = math.nan if math.isnan(near) else _e_value(near / none)
    return EValue(_e_value(ratio / none), at_interval, ratio, below, above, none, scale)


def _read(
    effect: Estimate | float, low: float, high: float, scale: str | None, baseline: float | None, spread: float | None
) -> tuple[float, tuple[float, float], str, float | None, float | None]:
    if not isinstance(effect, Estimate):
        return float(effect), (low, high), scale or "risk ratio", baseline, spread
    known = effect.diagnostics
    baseline = known.get("control_mean") if baseline is None and spread is None else baseline
    spread = known.get("outcome_spread") if spread is None else spread
    settled = scale or ("risk difference" if baseline is not None else "mean difference")
    return effect.value, (effect.low, effect.high), settled, baseline, spread


def _conversion(scale: str, baseline: float | None, spread: float | None, rare: bool) -> Callable[[float], float]:
    if scale not in SCALES:
        raise ValueError(f"unknown scale {scale!r}; {nearest(scale, SCALES)}")
    if scale == "risk difference":
        if baseline is None or not 0 < baseline <= 1:
            raise ValueError(f"baseline={baseline}: a risk difference needs the risk without treatment, in (0, 1]")
        return lambda value: _risk(baseline, value) / baseline
    if scale == "mean difference":
        if spread is None or not spread > 0:
            raise ValueError(f"spread={spread}: a mean difference needs the outcome's standard deviation, above 0")
        return lambda value: _of_means(value, spread)
    kept = scale == "risk ratio" or rare
    common = math.sqrt if scale == "odds ratio" else _hazard
    return lambda value: _positive(value) if kept else common(_positive(value))


def _end(end: float, scale: str, baseline: float | None, to_ratio: Callable[[float], float]) -> float:
    """An interval's end as a ratio; one beyond every possible risk stays at the last."""
    if math.isnan(end) or math.isinf(end):
        return end if end != -math.inf else 0.0
    if scale == "risk difference" and baseline is not None:
        end = min(max(end, -baseline * (1 - 1e-9)), 1 - baseline)
    return 0.0 if end == 0 and "ratio" in scale else to_ratio(end)


def _risk(baseline: float, difference: float) -> float:
    risk = baseline + difference
    if not 0 < risk <= 1 + 1e-9:
        raise ValueError(
            f"effect {difference:g} on baseline {baseline:g} is a risk of {risk:g}, which none can be; give the "
            "baseline of the rows that the effect is for"
        )
    return risk


def _of_means(difference: float, spread: float) -> float:
    if abs(difference) > _WIDEST * spread:
        raise ValueError(
            f"effect {difference:g} is {abs(difference) / spread:.3g} times spread={spread:g}: no risk ratio stands "
            "for that; give the outcome's standard deviation, in the effect's unit"
        )
    return math.exp(_PER_SPREAD * difference / spread)


def _positive(ratio: float) -> float:
    if not ratio > 0:
        raise ValueError(f"ratio {ratio}: a ratio is positive; for differences say scale='risk difference'")
    return float(ratio)


def _hazard(ratio: float) -> float:
    return float((1 - 0.5 ** math.sqrt(ratio)) / (1 - 0.5 ** math.sqrt(1 / ratio)))


def _e_value(ratio: float) -> float:
    larger = max(ratio, 1 / ratio)
    return larger + math.sqrt(larger * (larger - 1))
