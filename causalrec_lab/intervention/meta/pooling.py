r"""Effects of segments that learn from each other: partial pooling between each for itself and all as one.

.. math:: \hat\theta_k = (1 - B_k) y_k + B_k x_k'\hat\beta, \quad B_k = s_k^2 / (s_k^2 + \tau^2)

Reading :math:`\hat\tau` as if it were known makes intervals too short. Here their variance is

.. math:: g_{1k} + g_{2k} + 2 g_{3k}, \quad g_1 = s_k^2 (1 - B_k), \;
    g_2 = B_k^2 x_k' cov(\hat\beta) x_k, \; g_3 = s_k^4 V_k^{-3} var(\hat\tau^2)

for "reml" and "pm" (Kackar and Harville 1984, JASA 79; Prasad and Rao 1990, JASA 85; with :math:`var(\hat\tau^2)` of
Datta and Lahiri 2000, Statistica Sinica 10, and of Datta, Rao and Smith 2005, Biometrika 92, whose further term, minus
B squared times the upward bias of "pm", is left out: errs on the long side), with a t quantile on K - p degrees of
freedom; for "bayes" it is the posterior, :math:`\tau` averaged over, and its own quantiles. Morris (1983, JASA 78,
"Parametric empirical Bayes inference") has the idea of all of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.estimate import Estimate
from causalrec_lab.intervention.meta.described import described, measured, row_of
from causalrec_lab.intervention.meta.heterogeneity import (
    Levels,
    fit_levels,
    paule_mandel,
    posterior,
    restricted_maximum,
)
from causalrec_lab.intervention.meta.mixture import Mixture
from causalrec_lab.intervention.meta.robust import critical_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["METHODS", "MetaEffects", "meta_effects"]

Floats = npt.NDArray[np.float64]
METHODS = ("reml", "pm", "bayes")
_ASSUMED = (
    "segments are alike but for their features: before looking, any could have had any of the effects",
    "each segment's estimate is unbiased and normal with its standard error",
)


@dataclass(frozen=True, eq=False)
class MetaEffects:
    """Effects of segments, pooled as far as the data say.

    Parameters
    ----------
    table
        One row a segment: estimate, std_error (each for itself), line (what its features predict), shrunk, shrunk_se,
        low, high, weight (share of its own estimate in `shrunk`).
    tau
        Standard deviation of true effects around the line; for "bayes" its posterior median.
    coefficients
        Of the line: value, std_error.
    method, level
        As asked for.
    estimand
        Of the segments' estimates.
    """

    table: pd.DataFrame
    tau: float
    coefficients: pd.DataFrame
    method: str
    level: float
    estimand: str
    _weight: Floats  # (G,) of each level
    _levels: Levels

    @property
    def shrunk(self) -> dict[Any, Estimate]:
        """Segment -> pooled estimate."""
        how, n = f"partial pooling ({self.method})", len(self.table)
        found = {}
        for name, row in self.table.to_dict("index").items():
            ends, told = (row["low"], row["high"]), {"weight": row["weight"], "tau": self.tau}
            found[name] = Estimate(
                row["shrunk"], row["shrunk_se"], ends, self.level, self.estimand, how, n, told, _ASSUMED
            )
        return found

    def predict(self, features: Mapping[str, float] | None = None) -> Estimate:
        r"""Effect in a segment never seen: :math:`x'\hat\beta`, error :math:`\sqrt{\tau^2 + x' cov(\hat\beta) x}`.

        The interval is for the segment's own effect, not for the mean of segments. "reml" and "pm" take tau for known
        here and use a t quantile on K - p degrees of freedom (Higgins, Thompson and Spiegelhalter 2009, JRSS-A 172,
        have K - 2 for a common mean): too short where segments are few, or where their errors hide what tau there is
        and its estimate is 0. "bayes" averages over tau; with 3 degrees of freedom or fewer it has quantiles but no
        standard deviation.

        Raises
        ------
        ValueError
            If a feature the segments were given is missing, or one is unknown.
        """
        known = self.method != "bayes" or self._freedom > 3
        how = f"prediction for a new segment ({self.method})"
        return self._told(self.distribution(features), how, len(self.table), {"tau": self.tau}, known)

    def update(self, few: Estimate, features: Mapping[str, float] | None = None) -> Estimate:
        """Effect in a new segment from what others teach and a first estimate of its own, by Bayes' rule.

        Raises
        ------
        ValueError
            As `predict`; if the first estimate is not finite or has no positive standard error.
        """
        found = self.distribution(features, few)
        share = {"weight": float(found.weight @ found.variance[:, 0]) / few.std_error**2}  # of its own estimate
        return self._told(found, f"new segment: prior of the others and {few.n:,} rounds of its own", few.n, share)

    def distribution(self, features: Mapping[str, float] | None = None, few: Estimate | None = None) -> Mixture:
        """What is believed of a new segment's effect, with a first estimate of its own or without.

        Raises
        ------
        ValueError
            As `predict` and `update`.
        """
        x = row_of(features, list(self.coefficients.index[1:]))
        levels = self._levels
        variance = levels.tau2 + np.einsum("i,gij,j->g", x, levels.covariance, x)
        freedom = math.inf if self.method == "bayes" else self._freedom
        prior = Mixture(self._weight, (levels.beta @ x)[:, None], variance[:, None], freedom)
        if few is None:
            return prior
        if not (0 < few.std_error < math.inf and math.isfinite(few.value)):
            given = f"{few.value} with standard error {few.std_error}"
            raise ValueError(f"update: the first estimate is {given}; both must be finite, the error positive")
        return prior.updated(few.value, few.std_error)

    def _told(self, found: Mixture, how: str, n: int, extra: dict[str, float], known: bool = True) -> Estimate:
        low, high = (float(end[0]) for end in found.ends(self.level))
        error = float(found.std_error[0]) if known else math.nan
        why = () if known else ("so few segments bound the spread of effects too little for a standard error",)
        value = float(found.value[0])
        return Estimate(value, error, (low, high), self.level, self.estimand, how, n, extra, _ASSUMED, why)

    def plot(self, ax: Axes | None = None, *, truth: Mapping[Any, float] | None = None) -> Axes:
        """Draw each segment's own estimate, the pooled one with its interval, and the truth where it is known."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(6, 0.5 + 0.35 * len(self.table)))
        table, place = self.table, np.arange(len(self.table))
        errors = np.stack([table["shrunk"] - table["low"], table["high"] - table["shrunk"]])
        ax.errorbar(table["shrunk"], place, xerr=errors, fmt="o", capsize=3, label="pooled in part")
        ax.plot(table["estimate"], place, "x", color="0.5", label="each for itself")
        if truth is not None:
            ax.plot([truth[name] for name in table.index], place, "|", color="0.1", markersize=14, label="truth")
        ax.set_yticks(place, [str(name) for name in table.index])
        ax.set_xlabel(f"{self.estimand} ({self.level:.0%} interval)")
        ax.legend(loc="best")
        return ax

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary that JSON can hold."""
        rows = self.table.reset_index(names="segment").to_dict("records")
        line = self.coefficients.reset_index(names="feature").to_dict("records")
        return {"segments": rows, "tau": self.tau, "coefficients": line, "method": self.method, "level": self.level}

    def _repr_html_(self) -> str:
        """The table of segments."""
        return str(self.table.to_html(float_format=lambda v: f"{v:.4g}", classes="meta", border=0))

    @property
    def _freedom(self) -> int:
        return len(self.table) - len(self.coefficients)


def meta_effects(
    estimates: Mapping[Any, Estimate],
    features: pd.DataFrame | None = None,
    *,
    method: str = "bayes",
    interval: str = "corrected",
    level: float = 0.95,
) -> MetaEffects:
    """Pool the effects of segments as far as the data say.

    Parameters
    ----------
    estimates
        Segment -> estimate from that segment's own data, each with a standard error.
    features
        One row a segment, numeric columns: what is known of segments, which the line reads; None for a common mean.
    method
        How the variance between segments is dealt with: "reml" and "pm" estimate it, "bayes" averages over it.
    interval
        "corrected" accounts for estimating it; "naive" takes `tau` for known (too short with few segments: for
        teaching);
        "robust" holds on average over the segments whatever the law of the true effects (Armstrong, Kolesar and
        Plagborg-Moller 2022), and is wider.
    level
        Confidence level.

    Raises
    ------
    ValueError
        If there are fewer segments than coefficients and two more, an estimate has no positive standard error, features
        lack a segment, are no finite numbers or follow from each other, or an option is unknown.
    """
    if method not in METHODS or interval not in ("corrected", "naive", "robust"):
        known = f"methods are {', '.join(METHODS)}, intervals corrected, naive, robust"
        raise ValueError(f"method={method!r}, interval={interval!r}: {known}")
    y, error = measured(estimates)
    X, names = described(list(estimates), features)
    freedom = len(y) - X.shape[1]
    if freedom < 2:
        raise ValueError(f"{len(y)} segments cannot tell how much segments differ around {X.shape[1]} coefficients; "
                         "give two more than these at least, or fewer features")  # fmt: skip
    weight, levels, tau = _levels(y, error**2, X, method)
    if interval == "robust":
        tau = max(tau, _least(error**2))
    plugged = (np.ones(1), fit_levels(y, error**2, X, tau**2))
    used = (weight, levels) if interval == "corrected" else plugged
    found = _shrunk(y, error**2, X, *used, method, interval)
    low, high = found.ends(level) if interval != "robust" else _robust_ends(found.value, error, tau, level)
    share = used[0] @ (used[1].tau2[:, None] / used[1].total)
    told = {"estimate": y, "std_error": error, "line": X @ (weight @ levels.beta), "shrunk": found.value,
            "shrunk_se": found.std_error, "low": low, "high": high, "weight": share}  # fmt: skip
    table = pd.DataFrame(told, index=pd.Index(list(estimates), name="segment"))
    line = pd.DataFrame(_line(weight, levels, method, freedom), index=pd.Index(names, name="feature"))
    estimand = next(iter(estimates.values())).estimand
    return MetaEffects(table, tau, line, method, level, estimand, weight, levels)


def _levels(y: Floats, variance: Floats, X: Floats, method: str) -> tuple[Floats, Levels, float]:
    """Weights of levels of the variance between segments, the levels, and the one number to say for it."""
    if method == "bayes":
        taus, weights = posterior(y, variance, X)
        kept = weights > 1e-9
        middle = float(np.interp(0.5, np.cumsum(weights) - weights / 2.0, taus))
        return weights[kept] / weights[kept].sum(), fit_levels(y, variance, X, taus[kept] ** 2), middle
    tau2 = (restricted_maximum if method == "reml" else paule_mandel)(y, variance, X)
    return np.ones(1), fit_levels(y, variance, X, tau2), math.sqrt(tau2)


def _shrunk(
    y: Floats, variance: Floats, X: Floats, weight: Floats, levels: Levels, method: str, interval: str
) -> Mixture:
    line, B = levels.beta @ X.T, variance / levels.total
    spread = variance * (1 - B)
    if interval != "naive":
        spread = spread + B**2 * np.einsum("ki,gij,kj->gk", X, levels.covariance, X)
    if interval != "corrected" or method == "bayes":
        return Mixture(weight, line + (1 - B) * (y - line), spread)
    inverse = 1.0 / levels.total[0]
    error = 2.0 / (inverse @ inverse) if method == "reml" else 2.0 * len(y) / inverse.sum() ** 2
    spread = spread + 2.0 * variance**2 * inverse**3 * error
    return Mixture(weight, line + (1 - B) * (y - line), spread, float(len(y) - X.shape[1]))


def _least(variance: Floats) -> float:
    """Least tau of the robust intervals (Armstrong, Kolesar and Plagborg-Moller 2022, section 4): never quite 0."""
    return math.sqrt(2.0 * float((variance**2).sum()) / (len(variance) * float(variance.sum())))


def _robust_ends(centre: Floats, error: Floats, tau: float, level: float) -> tuple[Floats, Floats]:
    own = tau**2 / (tau**2 + error**2)
    half = np.array([critical_value((e / tau) ** 2, level) for e in error]) * own * error
    return centre - half, centre + half


def _line(weight: Floats, levels: Levels, method: str, freedom: int) -> dict[str, Floats]:
    """Coefficients; the posterior has no variance where segments are few."""
    found = Mixture(weight, levels.beta, np.diagonal(levels.covariance, axis1=1, axis2=2))
    error = found.std_error if method != "bayes" or freedom > 3 else np.full(len(found.value), np.nan)
    return {"value": found.value, "std_error": error}
