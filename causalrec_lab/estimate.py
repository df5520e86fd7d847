"""What every estimator and the platform return: `Estimate` and `Truth`.

Both are frozen. A truth carries its own Monte-Carlo error: a simulated truth is never taken for an exact one.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import NormalDist
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Estimate", "Truth", "compare", "normal_interval"]


@dataclass(frozen=True)
class Truth:
    """The right answer, as the platform knows it.

    Parameters
    ----------
    value
        The estimand's value.
    std_error
        Monte-Carlo standard error of `value`; 0 where it is a closed form.

    Raises
    ------
    ValueError
        If `std_error` is negative or not a number.
    """

    value: float
    std_error: float = 0.0

    def __post_init__(self) -> None:
        """Refuse an error that is no error."""
        if not self.std_error >= 0:
            raise ValueError(f"Truth(std_error={self.std_error}): a Monte-Carlo error is >= 0; 0 means exact")

    def __float__(self) -> float:
        """Give the value."""
        return float(self.value)


def normal_interval(value: float, std_error: float, level: float = 0.95) -> tuple[float, float]:
    r"""Wald interval :math:`\hat\theta \pm z_{(1+\text{level})/2}\,\widehat{se}`.

    Parameters
    ----------
    value, std_error
        Estimate and its standard error, in the same unit; a `nan` error gives a `nan` interval.
    level
        Confidence level in (0, 1).
    """
    half = z_value(level) * std_error
    return value - half, value + half


def z_value(level: float) -> float:
    """Two-sided standard-normal quantile of a confidence level in (0, 1)."""
    if not 0 < level < 1:
        raise ValueError(f"level={level} is no confidence level; give a number in (0, 1), such as 0.95")
    return NormalDist().inv_cdf((1 + level) / 2)


@dataclass(frozen=True)
class Estimate:
    r"""One estimated quantity with its uncertainty and its conditions.

    Parameters
    ----------
    value
        Point estimate :math:`\hat\theta`.
    std_error
        Standard error in the same unit; `nan` where the method has no valid one, and then `notes` says why.
    interval
        `(low, high)` at `level`; left out, it is :math:`\hat\theta \pm z\,\widehat{se}`.
    level
        Confidence level in (0, 1).
    estimand
        What is estimated: "ATE", "ATT", "ATO", "CATE", "LATE", "policy value", "path effect", …
    method
        How, in the field's words ("AIPW, 5-fold cross-fitted").
    n
        Rows used.
    diagnostics
        Named figures on which the estimate can be trusted or not (overlap, effective sample size, …).
    assumptions
        What must hold for the interval to mean what it says.
    notes
        Warnings and remarks in plain words.

    Raises
    ------
    ValueError
        If `level` is outside (0, 1), `std_error` is negative, the interval is reversed, or `std_error` is `nan`
        without a note that says why.
    """

    value: float
    std_error: float
    interval: tuple[float, float] | None = None
    level: float = 0.95
    estimand: str = "ATE"
    method: str = ""
    n: int = 0
    diagnostics: Mapping[str, float] = field(default_factory=dict, hash=False)
    assumptions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Fill the interval and refuse what cannot be an estimate."""
        settle = object.__setattr__  # the dataclass is frozen: this is its one moment of change
        settle(self, "value", float(self.value))
        settle(self, "std_error", float(self.std_error))
        if self.std_error < 0:
            raise ValueError(f"Estimate(std_error={self.std_error}): a standard error is >= 0, or nan with a note")
        if math.isnan(self.std_error) and not self.notes:
            raise ValueError("Estimate(std_error=nan) needs a note that says why there is no valid standard error")
        low, high = (
            self.interval if self.interval is not None else normal_interval(self.value, self.std_error, self.level)
        )
        z_value(self.level)
        if low > high:
            raise ValueError(f"Estimate(interval=({low}, {high})): the lower end lies above the upper one")
        settle(self, "interval", (float(low), float(high)))
        settle(self, "diagnostics", MappingProxyType({str(k): float(v) for k, v in self.diagnostics.items()}))
        settle(self, "assumptions", tuple(self.assumptions))
        settle(self, "notes", tuple(self.notes))

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return self._ends[0]

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return self._ends[1]

    @property
    def _ends(self) -> tuple[float, float]:
        assert self.interval is not None  # __post_init__ fills it
        return self.interval

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and send between processes by value (a mapping proxy cannot travel by itself)."""
        return Estimate.from_dict, (self.to_dict(),)

    def covers(self, truth: Truth | float) -> bool:
        r"""Tell whether the interval contains the truth.

        A truth's own Monte-Carlo error widens each half of the interval in quadrature:
        :math:`\sqrt{h^2 + (z\,se_{truth})^2}`. A `nan` interval covers nothing.
        """
        truth = truth if isinstance(truth, Truth) else Truth(float(truth))
        extra = z_value(self.level) * truth.std_error
        below, above = math.hypot(self.value - self.low, extra), math.hypot(self.high - self.value, extra)
        if extra == 0:  # no rounding through the square root
            return self.low <= truth.value <= self.high
        return self.value - below <= truth.value <= self.value + above

    def summary(self) -> pd.DataFrame:
        """One-row table: method, estimand, value, standard error, interval, n, then every diagnostic."""
        row: dict[str, Any] = {
            "method": self.method,
            "estimand": self.estimand,
            "value": self.value,
            "std_error": self.std_error,
            "low": self.low,
            "high": self.high,
            "level": self.level,
            "n": self.n,
        }
        return pd.DataFrame([row | dict(self.diagnostics)])

    def to_latex(self) -> str:
        """LaTeX table of `summary()` for a paper."""
        return str(self.summary().to_latex(index=False, float_format="%.4g", escape=True))

    def to_csv(self) -> str:
        """CSV text of `summary()`."""
        return str(self.summary().to_csv(index=False))

    def plot(self, ax: Axes | None = None, *, truth: Truth | float | None = None) -> Axes:
        """Draw the estimate with its interval, and the truth as a dashed line where one is given."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(5, 1.4))
        error = [[max(self.value - self.low, 0.0)], [max(self.high - self.value, 0.0)]]  # a set need not hold the value
        ax.errorbar([self.value], [self.method or self.estimand], xerr=error, fmt="o", capsize=4)
        if truth is not None:
            ax.axvline(float(truth), linestyle="--", color="0.35", label="truth")
            ax.legend(loc="best")
        ax.set_xlabel(f"{self.estimand} ({self.level:.0%} interval)")
        return ax

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary that JSON can hold; `from_dict` reads it back."""
        plain = {k: v for k, v in self.__dict__.items() if k != "diagnostics"}
        return plain | {
            "interval": list(self._ends),
            "diagnostics": dict(self.diagnostics),
            "assumptions": list(self.assumptions),
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Estimate:
        """Read what `to_dict` wrote.

        Raises
        ------
        ValueError
            If a key is unknown or `value` / `std_error` is missing.
        """
        known = set(cls.__dataclass_fields__)
        if unknown := sorted(set(values) - known):
            raise ValueError(f"Estimate.from_dict: unknown keys {unknown}; known are {sorted(known)}")
        if missing := sorted({"value", "std_error"} - set(values)):
            raise ValueError(f"Estimate.from_dict: {missing} missing")
        interval = values.get("interval")
        ends = None if interval is None else (float(interval[0]), float(interval[1]))
        lists = {k: tuple(values[k]) for k in ("assumptions", "notes") if k in values}
        return cls(**{**values, **lists, "interval": ends})

    def _repr_html_(self) -> str:
        """Small deterministic table: the estimate, what it assumes, what to know."""
        rows = "".join(
            f"<tr><th>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>" for name, text in self._lines() if text
        )
        return f'<table class="estimate"><tbody>{rows}</tbody></table>'

    def __str__(self) -> str:
        """One line: method, estimand, value, interval, n."""
        interval = f"[{self.low:.4g}, {self.high:.4g}]"
        return f"{self.method or 'estimate'}: {self.estimand} {self.value:.4g} {interval}, n = {self.n:,}"

    def _lines(self) -> list[tuple[str, str]]:
        return [
            ("estimand", self.estimand),
            ("method", self.method),
            (f"value [{self.level:.0%} interval]", f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"),
            ("standard error", f"{self.std_error:.4g}"),
            ("rows", f"{self.n:,}"),
            ("diagnostics", "; ".join(f"{k} = {v:.4g}" for k, v in self.diagnostics.items())),
            ("assumes", "; ".join(self.assumptions)),
            ("notes", "; ".join(self.notes)),
        ]


def compare(
    estimates: Mapping[str, Estimate], truth: Truth | float | Mapping[str, Truth | float], *, digits: int | None = None
) -> pd.DataFrame:
    """Set estimates beside the truth: the table that ends every chapter.

    Parameters
    ----------
    estimates
        Label -> estimate; each label is a row.
    truth
        One truth for all rows, or label -> truth where estimands differ.
    digits
        Decimals to round to (None: leave as they are).

    Returns
    -------
    DataFrame with columns estimate, low, high, truth, error, covered; one row a label.

    Raises
    ------
    ValueError
        If `truth` is a mapping that lacks a label.
    """
    truths = truth if isinstance(truth, Mapping) else dict.fromkeys(estimates, truth)
    if missing := [label for label in estimates if label not in truths]:
        raise ValueError(f"compare: no truth for {missing}; give one truth a label, or a single one for all")
    rows = {
        label: {
            "estimate": estimate.value,
            "low": estimate.low,
            "high": estimate.high,
            "truth": float(truths[label]),
            "error": estimate.value - float(truths[label]),
            "covered": estimate.covers(truths[label]),
        }
        for label, estimate in estimates.items()
    }
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table if digits is None else table.round(digits)
