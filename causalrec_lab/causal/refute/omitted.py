"""Bounds on the bias that an omitted confounder gives AIPW, DML and their kin."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.columns import as_list, nearest
from causalrec_lab.causal.effects.inference import standard_error
from causalrec_lab.causal.effects.nuisances.ridge import one_thread
from causalrec_lab.causal.effects.sample import Embeddings, Integers, read_sample
from causalrec_lab.causal.refute.benchmarks import check_share
from causalrec_lab.causal.refute.riesz import Short, short_parts
from causalrec_lab.estimate import Estimate, z_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["BiasBounds", "bias_bounds", "confounder_strength"]


@dataclass(frozen=True, eq=False)
class BiasBounds:
    r"""An effect that leaves out a confounder, and how far off it can be.

    .. math:: |\theta_{short} - \theta| \le |\rho| \, S \, C_Y \, C_D, \quad S^2 = E(Y - g_s)^2 \, E\alpha_s^2, \quad
        C_Y^2 = R^2_{Y - g_s \sim A}, \quad C_D^2 = \frac{1 - R^2_{\alpha \sim \alpha_s}}{R^2_{\alpha \sim \alpha_s}}

    Parameters
    ----------
    short
        Estimate, influence functions and the two moments of S without the confounder A.
    r2_treatment
        :math:`1 - R^2_{\alpha \sim \alpha_s}`: share of the variance of the long representer that A adds. For
        ATE it is how much A improves the precision of weights; in [0, 1).
    r2_outcome
        :math:`C_Y^2`: share of the outcome's residual variance that A explains, in [0, 1].
    rho
        Correlation of what A adds to the surface and to the representer; 1 is the worst case.
    bounds
        Benchmarks: what leaving out observed covariates would have been (r2_treatment, r2_outcome, rho, change).
    """

    short: Short
    r2_treatment: float = 0.03
    r2_outcome: float = 0.03
    rho: float = 1.0
    level: float = 0.95
    clusters: tuple[Integers, ...] = ()
    bounds: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)

    @property
    def estimate(self) -> float:
        """The estimate without the confounder."""
        return self.short.value

    @property
    def scale(self) -> float:
        """S, the bias of a confounder with :math:`C_Y = C_D = 1`."""
        return math.sqrt(self.short.sigma2 * self.short.nu2)

    @property
    def bias(self) -> float:
        """Largest bias at the strength given."""
        return self._factor(self.r2_treatment, self.r2_outcome) * self.scale

    @property
    def low(self) -> float:
        """Lower bound of the effect."""
        return self.estimate - self.bias

    @property
    def high(self) -> float:
        """Upper bound of the effect."""
        return self.estimate + self.bias

    @property
    def interval(self) -> tuple[float, float]:
        """One-sided confidence limits of both bounds: the effect lies between them with `level` at this strength."""
        lower, upper = (
            self._end(side, self._factor(self.r2_treatment, self.r2_outcome), 2 * self.level - 1) for side in (-1, 1)
        )
        return lower.low, upper.high

    @property
    def value(self) -> float:
        r"""Robustness value: the common :math:`r = C_Y^2 = 1 - R^2_\alpha` that moves the estimate to 0."""
        return self._robustness(abs(self.estimate) / (abs(self.rho) * self.scale))

    @property
    def at_level(self) -> float:
        """The common strength at which the confidence limit reaches 0; 0 where it already does."""
        from scipy.optimize import brentq

        side = -1 if self.estimate >= 0 else 1

        def rest(r: float) -> float:
            end = self._end(side, self._factor(r, r), 2 * self.level - 1)
            return -side * (end.low if side < 0 else end.high)

        if rest(0.0) <= 0:
            return 0.0
        return float(brentq(rest, 0.0, 0.999)) if rest(0.999) < 0 else 1.0

    def contains(self, truth: float) -> bool:
        """Whether the confidence limits of the bounds hold a value."""
        return self.interval[0] <= truth <= self.interval[1]

    def adjusted(self, r2_treatment: float, r2_outcome: float) -> Estimate:
        """The bound nearer to 0 at another strength, with its error."""
        check_share("r2_treatment", r2_treatment, open_above=True)
        check_share("r2_outcome", r2_outcome)
        side = -1 if self.estimate >= 0 else 1
        return self._end(side, self._factor(r2_treatment, r2_outcome), self.level)

    def plot(self, ax: Axes | None = None, *, what: str = "estimate") -> Axes:
        """Contours of the bound nearer to 0 over both strengths, with the benchmarks; see `contours.contour`."""
        from causalrec_lab.causal.refute.contours import contour

        return contour(self, ax, what=what)

    def __str__(self) -> str:
        """Say what the bounds are, how strong a confounder has to be, and what cannot be known."""
        low, high = self.interval
        at_level = f"both at {self.at_level:.1%} would take away its significance"
        if self.at_level == 0:
            at_level = "and its confidence limit is beyond 0 without any"
        return (
            f"Had a hidden confounder explained {self.r2_outcome:.1%} of the outcome's residual variance and added "
            f"{self.r2_treatment:.1%} of the weights' variance, the {self.short.estimand} would lie between "
            f"{self.low:.3g} and {self.high:.3g} (with sampling error [{low:.3g}, {high:.3g}]) instead of at "
            f"{self.estimate:.3g}. Both at {self.value:.1%} would move it to 0, {at_level}. How strong such a "
            "confounder is, these data cannot say."
        )

    def _factor(self, r2_treatment: float, r2_outcome: float) -> float:
        return abs(self.rho) * math.sqrt(r2_outcome * r2_treatment / (1 - r2_treatment))

    def _robustness(self, target: float) -> float:
        f2 = target**2  # r^2 / (1 - r) = f2
        return 0.5 * (math.sqrt(f2**2 + 4 * f2) - f2)

    def _end(self, side: int, factor: float, level: float) -> Estimate:
        s, scale = self.short, self.scale
        slope = factor / (2 * scale) if scale > 0 else 0.0
        influence = s.influence + side * slope * (s.sigma2 * s.nu2_influence + s.nu2 * s.sigma2_influence)
        error = standard_error(influence, self.clusters)
        value = self.estimate + side * factor * scale
        half = z_value(level) * error if level > 0 else 0.0
        return Estimate(value, error, (value - half, value + half), max(level, 1e-9), s.estimand,
                        method="bound under an omitted confounder", n=len(influence))  # fmt: skip


@one_thread()
def bias_bounds(
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    covariates: Sequence[str],
    *,
    r2_treatment: float = 0.03,
    r2_outcome: float = 0.03,
    rho: float = 1.0,
    benchmarks: Sequence[str] = (),
    embeddings: Embeddings | None = None,
    cluster: str | Sequence[str] | None = None,
    weights: str | None = None,
    estimand: str = "ATE",
    level: float = 0.95,
    seed: int = 0,
    folds: int = 5,
    groups: str | Sequence[str] | None = None,
    nuisance: str = "spline",
    clip: float = 0.01,
) -> BiasBounds:
    """Bounds of an effect by AIPW under a hidden confounder of given strength, and the strength that explains it away.

    Source: Chernozhukov, Cinelli, Newey, Sharma and Syrgkanis (2022), "Long story short: omitted variable bias in
    causal machine learning", theorem 2 for the bound and section 4 for its inference.

    Parameters
    ----------
    frame, treatment, outcome, covariates, embeddings, cluster, weights, estimand, level, seed, folds, groups, nuisance,
    clip
        As in `effects.aipw`; estimand "ATE" or "ATT".
    r2_treatment, r2_outcome, rho
        Strength of the confounder; see `BiasBounds`.
    benchmarks
        Covariates that are left out one by one, to say what such strengths mean here (`confounder_strength`).

    Raises
    ------
    ValueError
        On the bad input that `effects.aipw` refuses, another estimand, a strength or level outside its range, a
        benchmark that is no covariate, an outcome that does not vary, or overlap so poor that the weights' second
        moment cannot be told.
    """
    if estimand not in ("ATE", "ATT"):
        raise ValueError(f"estimand={estimand!r} has no bounds here; {nearest(estimand, ('ATE', 'ATT'))}")
    check_share("r2_treatment", r2_treatment, open_above=True)
    check_share("r2_outcome", r2_outcome)
    if not 0.5 < level < 1:
        raise ValueError(f"level={level}: both limits are one-sided, so give a level in (0.5, 1), such as 0.95")
    if not 0 < abs(rho) <= 1:
        raise ValueError(f"rho={rho}: a correlation that biases lies in [-1, 1] and is not 0")
    benchmarks = as_list(benchmarks)
    if unknown := [name for name in benchmarks if name not in covariates]:
        raise ValueError(f"benchmark {unknown[0]!r} is no covariate; {nearest(unknown[0], list(covariates))}")

    def short(columns: Sequence[str]) -> tuple[Short, tuple[Integers, ...]]:
        sample = read_sample(
            frame, treatment, outcome, columns,
            embeddings=embeddings, cluster=cluster, weights=weights, estimand=estimand, groups=groups,
        )  # fmt: skip
        options = {"nuisance": nuisance, "folds": folds, "seed": seed, "clip": clip}
        return short_parts(sample, estimand, **options), sample.clusters

    whole, clusters = short(list(covariates))
    rows = {f"without {name}": confounder_strength(short([c for c in covariates if c != name])[0], whole)
            for name in benchmarks}  # fmt: skip
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("benchmark")
    return BiasBounds(whole, r2_treatment, r2_outcome, rho, level, clusters, table)


def confounder_strength(short: Short, long: Short) -> dict[str, float]:
    r"""Strength of what `long` adjusts for and `short` does not, on the scale of `BiasBounds`.

    .. math:: C_Y^2 = 1 - \frac{\sigma^2_{long}}{\sigma^2_{short}}, \quad
        1 - R^2_\alpha = 1 - \frac{\nu^2_{short}}{\nu^2_{long}}, \quad
        \rho = \frac{\theta_{short} - \theta_{long}}{\sqrt{(\sigma^2_{short} - \sigma^2_{long})
        (\nu^2_{long} - \nu^2_{short})}}

    Returns
    -------
    r2_treatment, r2_outcome (0 where nothing is gained), rho (in [-1, 1], nan where nothing is) and change, the
    estimate's move.

    Raises
    ------
    ValueError
        If both are not of one estimand.
    """
    if short.estimand != long.estimand:
        raise ValueError(f"short is of the {short.estimand}, long of the {long.estimand}; give two of one estimand")
    gained_y, gained_d = short.sigma2 - long.sigma2, long.nu2 - short.nu2
    change = short.value - long.value
    both = gained_y > 0 and gained_d > 0
    return {
        "r2_treatment": max(0.0, gained_d / long.nu2),
        "r2_outcome": max(0.0, gained_y / short.sigma2),
        "rho": float(np.clip(change / math.sqrt(gained_y * gained_d), -1, 1)) if both else math.nan,
        "change": change,
    }
