r"""Effects of segments that learn from each other: partial pooling between each for itself and all as one.

.. math:: \hat\theta_k = (1 - B_k) y_k + B_k x_k'\hat\beta, \quad B_k = s_k^2 / (s_k^2 + \tau^2)

Reading :math:`\hat\tau` as if it were known makes intervals too short. Here their variance is

.. math:: g_{1k} + g_{2k} + 2 g_{3k}, \quad g_1 = s_k^2 (1 - B_k), \;
    g_2 = B_k^2 x_k' cov(\hat\beta) x_k, \; g_3 = s_k^4 V_k^{-3} var(\hat\tau^2)

for "reml" and "pm" (Kackar and Harville 1984, JASA 79; Prasad and Rao 1990, JASA 85; with :math:`var(\hat\tau^2)` of
Datta and Lahiri 2000, Statistica Sinica 10, and of Datta, Rao and Smith 2005, Biometrika 92), with a t quantile on
K - p degrees of freedom; for "bayes" it is the posterior's, :math:`\tau` averaged over. Morris (1983, JASA 78,
"Parametric empirical Bayes inference") has the idea of all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.estimate import Estimate
from causalrec_lab.intervention.meta.heterogeneity import fit_level, paule_mandel, posterior, restricted_maximum
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
        Standard deviation of true effects around the line; for "bayes" its posterior mean.
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
    _mixture: tuple[tuple[float, float, Floats, Floats], ...]  # (weight, tau2, beta, covariance)

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

        The interval is for the segment's own effect, not for the mean of segments, with a t quantile on K - p degrees
        of freedom (after Higgins, Thompson and Spiegelhalter 2009, JRSS-A 172). With few segments it is too short for
        "reml" and "pm", which take tau for known here; "bayes" averages over it.

        Raises
        ------
        ValueError
            If a feature the segments were given is missing, or one is unknown.
        """
        x = self._row(features)
        mean, variance = _mixed([(w, float(x @ b), t2 + float(x @ c @ x)) for w, t2, b, c in self._mixture])
        half = _quantile(self.level, self._freedom) * np.sqrt(variance)
        return Estimate(
            mean, float(np.sqrt(variance)), (mean - half, mean + half), self.level, self.estimand,
            f"prediction for a new segment ({self.method})", len(self.table), {"tau": self.tau}, _ASSUMED,
        )  # fmt: skip

    def update(self, few: Estimate, features: Mapping[str, float] | None = None) -> Estimate:
        """Effect in a new segment from what others teach and a first estimate of its own, by Bayes' rule.

        Raises
        ------
        ValueError
            As `predict`; if the first estimate has no positive standard error.
        """
        if not few.std_error > 0:
            raise ValueError(f"update: the first estimate has standard error {few.std_error}; it must be positive")
        prior = self.predict(features)
        own = 1.0 / few.std_error**2
        before = 1.0 / prior.std_error**2
        value = (own * few.value + before * prior.value) / (own + before)
        error = float((own + before) ** -0.5)
        half = _quantile(self.level, self._freedom) * error
        return Estimate(
            value, error, (value - half, value + half), self.level, self.estimand,
            f"new segment: prior of the others and {few.n:,} rounds of its own", few.n,
            {"weight": own / (own + before)}, _ASSUMED,
        )  # fmt: skip

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

    def _row(self, features: Mapping[str, float] | None) -> Floats:
        named = list(self.coefficients.index[1:])
        given = {} if features is None else dict(features)
        if set(given) != set(named):
            raise ValueError(f"a new segment is described by {named}; given were {sorted(map(str, given))}")
        return np.array([1.0, *(float(given[name]) for name in named)])


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
        "corrected" accounts for estimating it; "naive" takes it for known (too short with few segments: for teaching);
        "robust" holds on average over the segments whatever the law of the true effects (Armstrong, Kolesar and
        Plagborg-Moller 2022), and is wider.
    level
        Confidence level.

    Raises
    ------
    ValueError
        If there are fewer segments than coefficients and two more, an estimate has no positive standard error, features
        lack a segment or are not finite, or an option is unknown.
    """
    if method not in METHODS or interval not in ("corrected", "naive", "robust"):
        known = f"methods are {', '.join(METHODS)}, intervals corrected, naive, robust"
        raise ValueError(f"method={method!r}, interval={interval!r}: {known}")
    y, error = _numbers(estimates)
    X, names = _design(list(estimates), features)
    if len(y) < X.shape[1] + 2:
        raise ValueError(f"{len(y)} segments cannot tell how much segments differ around {X.shape[1]} coefficients; "
                         "give two more than these at least, or fewer features")  # fmt: skip
    variance = error**2
    mixture = _levels(y, variance, X, method)
    parts = [_shrunk(y, variance, X, tau2, method, interval) for _, tau2, _, _ in mixture]
    weights = [w for w, *_ in mixture]
    shrunk, spread = _mixed_columns(weights, [p[0] for p in parts], [p[1] for p in parts])
    tau = float(sum(w * np.sqrt(tau2) for w, tau2, _, _ in mixture))
    half = _half(spread, error, tau, interval, level, len(y) - X.shape[1], method)
    beta, cov = _mixed_line(mixture)
    table = pd.DataFrame(
        {
            "estimate": y, "std_error": error, "line": X @ beta, "shrunk": shrunk, "shrunk_se": np.sqrt(spread),
            "low": shrunk - half, "high": shrunk + half,
            "weight": sum(w * t / (variance + t) for w, t, _, _ in mixture),
        },
        index=pd.Index(list(estimates), name="segment"),
    )  # fmt: skip
    line = pd.DataFrame({"value": beta, "std_error": np.sqrt(np.diag(cov))}, index=pd.Index(names, name="feature"))
    estimand = next(iter(estimates.values())).estimand
    return MetaEffects(table, tau, line, method, level, estimand, tuple(mixture))


def _numbers(estimates: Mapping[Any, Estimate]) -> tuple[Floats, Floats]:
    for name, found in estimates.items():
        if not (found.std_error > 0 and np.isfinite(found.value)):
            raise ValueError(f"segment {name!r}: value {found.value}, standard error {found.std_error}; both must be "
                             "finite, the error positive: leave the segment out, or join it to another")  # fmt: skip
    return (np.array([f.value for f in estimates.values()]), np.array([f.std_error for f in estimates.values()]))


def _design(segments: list[Any], features: pd.DataFrame | None) -> tuple[Floats, list[str]]:
    one = np.ones((len(segments), 1))
    if features is None:
        return one, ["(intercept)"]
    if missing := [name for name in segments if name not in features.index]:
        raise ValueError(f"features lack the segments {missing[:5]}; give one row a segment, indexed by its name")
    X = features.loc[segments].to_numpy(dtype=np.float64)
    if not np.isfinite(X).all():
        raise ValueError("features hold values that are not finite; impute them and say so")
    return np.column_stack([one, X]), ["(intercept)", *map(str, features.columns)]


def _levels(y: Floats, variance: Floats, X: Floats, method: str) -> list[tuple[float, float, Floats, Floats]]:
    if method == "bayes":
        taus, weights = posterior(y, variance, X)
        chosen = [(float(w), float(t) ** 2) for t, w in zip(taus, weights, strict=True) if w > 1e-12]
    else:
        chosen = [(1.0, (restricted_maximum if method == "reml" else paule_mandel)(y, variance, X))]
    levels = [(w, fit_level(y, variance, X, tau2)) for w, tau2 in chosen]
    return [(w, level.tau2, level.beta, level.covariance) for w, level in levels]


def _shrunk(y: Floats, variance: Floats, X: Floats, tau2: float, method: str, interval: str) -> tuple[Floats, Floats]:
    level = fit_level(y, variance, X, tau2)
    line, B = X @ level.beta, variance / level.total
    spread = variance * (1 - B)
    if interval != "naive":
        spread = spread + B**2 * np.einsum("ij,jk,ik->i", X, level.covariance, X)
        if method != "bayes":
            inverse = 1.0 / level.total
            error = 2.0 / (inverse @ inverse) if method == "reml" else 2.0 * len(y) / inverse.sum() ** 2
            spread = spread + 2.0 * variance**2 * inverse**3 * error
    return line + (1 - B) * (y - line), spread


def _half(spread: Floats, error: Floats, tau: float, interval: str, level: float, freedom: int, method: str) -> Floats:
    if interval == "naive":
        return _quantile(level, None) * np.sqrt(spread)
    if interval == "corrected":
        return _quantile(level, None if method == "bayes" else freedom) * np.sqrt(spread)
    variance = error**2
    tau2 = max(tau**2, 2.0 * float((variance**2).sum()) / (len(error) * float(variance.sum())))
    own = tau2 / (tau2 + variance)
    return np.array([critical_value(v / tau2, level) for v in variance]) * own * error


def _mixed(parts: list[tuple[float, float, float]]) -> tuple[float, float]:
    """Mean and variance of a mixture of (weight, mean, variance)."""
    mean = sum(w * m for w, m, _ in parts)
    return mean, sum(w * (v + (m - mean) ** 2) for w, m, v in parts)


def _mixed_columns(weights: list[float], means: list[Floats], spreads: list[Floats]) -> tuple[Floats, Floats]:
    w, m, v = np.array(weights)[:, None], np.stack(means), np.stack(spreads)
    mean = (w * m).sum(axis=0)
    return mean, (w * (v + (m - mean) ** 2)).sum(axis=0)


def _mixed_line(mixture: list[tuple[float, float, Floats, Floats]]) -> tuple[Floats, Floats]:
    beta = np.sum([w * b for w, _, b, _ in mixture], axis=0)
    cov = np.sum([w * (c + np.outer(b - beta, b - beta)) for w, _, b, c in mixture], axis=0)
    return np.asarray(beta), np.asarray(cov)


def _quantile(level: float, freedom: int | None) -> float:
    """Two-sided quantile of a level: t with that many degrees of freedom, normal where None."""
    from scipy.stats import norm, t

    return float(norm.ppf((1 + level) / 2) if freedom is None else t.ppf((1 + level) / 2, freedom))
