"""How strong a hidden confounder would have to be to explain a linear regression's effect away."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.columns import as_list, nearest
from causalrec_lab.causal.effects.nuisances.cross_fitting import embedding_indices
from causalrec_lab.causal.effects.sample import Embeddings, Floats, Sample, read_sample
from causalrec_lab.causal.refute.benchmarks import benchmark_bound, check_share, partial_r2
from causalrec_lab.estimate import Estimate, z_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Robustness", "robustness_value"]


_EXACT = 1e-20  # of a sum of squares: what rounding leaves where nothing is left


@dataclass(frozen=True)
class Robustness:
    r"""Sensitivity of one regression coefficient to a hidden confounder Z, after Cinelli and Hazlett (2020).

    A published regression is enough to make one: `Robustness(coefficient, std_error, freedom)`.

    Parameters
    ----------
    estimate, std_error, freedom
        Coefficient of the treatment, its classical standard error, residual degrees of freedom.
    q
        Share of the estimate that has to be explained away; 1 is all of it.
    level
        Confidence level in (0, 1).
    bounds
        One row a benchmark and multiple: what a Z that many times as strong as the covariate would leave
        (r2_treatment, r2_outcome, estimate, std_error, t, low, high).
    treatment, outcome
        Their names, for the sentence.

    Raises
    ------
    ValueError
        If the estimate is not finite, the standard error or q not positive, the degrees of freedom not above 1, or the
        level outside (0, 1).
    """

    estimate: float
    std_error: float
    freedom: float
    q: float = 1.0
    level: float = 0.95
    bounds: pd.DataFrame = field(default_factory=pd.DataFrame, compare=False, repr=False)
    treatment: str = "the treatment"
    outcome: str = "the outcome"

    def __post_init__(self) -> None:
        """Refuse what cannot be a regression's coefficient."""
        if not math.isfinite(self.estimate):
            raise ValueError(f"Robustness(estimate={self.estimate}): give a finite coefficient")
        z_value(self.level)
        for name, value, least in (("std_error", self.std_error, 0), ("freedom", self.freedom, 1), ("q", self.q, 0)):
            if not value > least:
                raise ValueError(f"Robustness({name}={value}): give a number above {least}")

    @property
    def t(self) -> float:
        """The coefficient over its standard error."""
        return self.estimate / self.std_error

    @property
    def partial_r2(self) -> float:
        r"""Share of the outcome's residual variance that the treatment explains, :math:`t^2 / (t^2 + df)`.

        Also the share of the *treatment's* residual variance that a Z explaining all of the outcome would have to
        explain.
        """
        return self.t**2 / (self.t**2 + self.freedom)

    @property
    def value(self) -> float:
        r"""Robustness value :math:`RV_q = \tfrac12 (\sqrt{f_q^4 + 4 f_q^2} - f_q^2)`, :math:`f_q = q |t| / \sqrt{df}`.

        A Z that explains this share of the residual variance of treatment *and* outcome takes q of the estimate away
        (Cinelli and Hazlett 2020).
        """
        return _robustness(self.q * abs(self.t) / math.sqrt(self.freedom))

    @property
    def at_level(self) -> float:
        """Robustness value at which the interval reaches the point that q leaves; 0 where it already does."""
        from scipy.stats import t as student

        rest = self.freedom - 1
        critical = float(student.ppf((1 + self.level) / 2, rest)) / math.sqrt(rest)
        f = self.q * abs(self.t) / math.sqrt(self.freedom)
        if f <= critical:
            return 0.0
        extreme = (f**2 - critical**2) / (1 + f**2)  # where the outcome's share would exceed 1
        return extreme if f > 1 / critical else _robustness(f - critical)

    def adjusted(self, r2_treatment: float, r2_outcome: float) -> Estimate:
        r"""What would be left had a Z of this strength been in the regression, in the worst direction.

        .. math:: |bias| = se \sqrt{df \, \frac{R^2_{Y \sim Z|T,X} R^2_{T \sim Z|X}}{1 - R^2_{T \sim Z|X}}}, \quad
            se' = se \sqrt{\frac{1 - R^2_{Y \sim Z|T,X}}{1 - R^2_{T \sim Z|X}} \frac{df}{df - 1}}

        Parameters
        ----------
        r2_treatment
            Share of the treatment's residual variance that Z explains, in [0, 1).
        r2_outcome
            Share of the outcome's residual variance, given treatment and covariates, in [0, 1].

        Raises
        ------
        ValueError
            If a share is outside its range.
        """
        from scipy.stats import t as student

        check_share("r2_treatment", r2_treatment, open_above=True)
        check_share("r2_outcome", r2_outcome)
        bias = self.std_error * math.sqrt(r2_outcome * r2_treatment / (1 - r2_treatment) * self.freedom)
        value = math.copysign(1.0, self.estimate) * (abs(self.estimate) - bias)
        shrink = (1 - r2_outcome) / (1 - r2_treatment) * self.freedom / (self.freedom - 1)
        error = self.std_error * math.sqrt(shrink)
        half = error * float(student.ppf((1 + self.level) / 2, self.freedom - 1))
        return Estimate(
            value, error, (value - half, value + half), self.level, "effect had Z been adjusted for",
            method=f"omitted variable bias, R2 {r2_treatment:.3g} with the treatment and {r2_outcome:.3g} with the "
            "outcome", assumptions=("the outcome is linear in treatment and covariates", "Z acts in one direction"),
        )  # fmt: skip

    def bound(
        self, name: str, r2_treatment: float, r2_outcome: float, multiples: Sequence[float] = (1, 2, 3)
    ) -> pd.DataFrame:
        """What a Z some times as strong as an observed covariate would leave; see `benchmarks.benchmark_bound`.

        Parameters
        ----------
        name
            The covariate.
        r2_treatment, r2_outcome
            Its own partial R2 with treatment (given the other covariates) and outcome (given these and treatment).
        multiples
            How many times as strong, towards treatment and outcome alike; one that would explain all of the
            treatment is left out.

        Returns
        -------
        DataFrame indexed by benchmark ("2 x age"), columns as in `bounds`.
        """
        rows = {}
        for k in (k for k in multiples if k * r2_treatment < 1 - r2_treatment):
            with_treatment, with_outcome = benchmark_bound(r2_treatment, r2_outcome, k, k)
            left = self.adjusted(with_treatment, with_outcome)
            rows[f"{k:g} x {name}"] = {
                "r2_treatment": with_treatment, "r2_outcome": with_outcome,
                "estimate": left.value, "std_error": left.std_error,
                "t": left.value / left.std_error if left.std_error > 0 else math.nan,
                "low": left.low, "high": left.high,
            }  # fmt: skip
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("benchmark")

    def plot(self, ax: Axes | None = None, *, what: str = "estimate") -> Axes:
        """Contours of what is left over both strengths, with the benchmarks; see `contours.contour`."""
        from causalrec_lab.causal.refute.contours import contour

        return contour(self, ax, what=what)

    def __str__(self) -> str:
        """Say how strong, beside what is known, and what this cannot tell."""
        if self.estimate == 0:
            return f"The effect of {self.treatment} on {self.outcome} is 0 already: there is nothing to explain away."
        share = "all" if self.q == 1 else f"{self.q:.0%}"
        at_level = f"{self.at_level:.1%} would take away its significance at level {self.level:.0%}. "
        if self.at_level == 0:
            at_level = f"its {self.level:.0%} interval reaches that far without any. "
        said = (
            f"A hidden confounder that explains {self.value:.1%} of what is left of both {self.treatment} and "
            f"{self.outcome} would take away {share} of the effect of {self.estimate:.3g}; "
            f"{at_level}"
        )
        return f"{said}{self._beside()}Whether such a confounder exists, no column of this table can say."

    def _beside(self) -> str:
        if self.bounds.empty:
            return ""
        worst = int(np.argmin(self.bounds["estimate"].to_numpy() * np.sign(self.estimate)))
        row, left = self.bounds.index[worst], self.bounds.iloc[worst]
        verdict = "still excludes 0" if left["low"] * left["high"] > 0 else "holds 0"
        verdict = verdict if left["estimate"] * self.estimate > 0 else "lies on the other side of 0"
        return (
            f"The worst benchmark, {row}, would leave {left['estimate']:.3g} [{left['low']:.3g}, "
            f"{left['high']:.3g}], which {verdict}. "
        )


def robustness_value(
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    covariates: Sequence[str],
    *,
    embeddings: Embeddings | None = None,
    weights: str | None = None,
    q: float = 1.0,
    level: float = 0.95,
    benchmarks: Sequence[str] | None = None,
    multiples: Sequence[float] = (1, 2, 3),
    seed: int = 0,
    folds: int = 5,
) -> Robustness:
    r"""Least strength of a hidden confounder that explains an effect away, beside the covariates that were seen.

    The effect is the coefficient of the treatment in a linear regression without interactions, with its classical
    error: the algebra of omitted variables is exact there. For AIPW and its kin see `bias_bounds`.
    Source: Cinelli and Hazlett (2020), "Making sense of sensitivity: extending omitted variable bias".

    Parameters
    ----------
    frame, treatment, outcome, covariates, embeddings, weights, seed, folds
        As in `effects.regression`; the treatment may be any number.
    q, level
        As in `Robustness`.
    benchmarks
        Covariates to measure the hidden one by; all of them by default.
    multiples
        How many times as strong as a benchmark.

    Raises
    ------
    ValueError
        On the bad input that `effects.regression` refuses, an unknown benchmark, more columns than rows, a treatment
        that the covariates decide, or an outcome that they and the treatment do.
    """
    sample = read_sample(frame, treatment, outcome, covariates, embeddings=embeddings, weights=weights, binary=False)
    chosen = list(covariates) if benchmarks is None else as_list(benchmarks)
    if unknown := [name for name in chosen if name not in covariates]:
        raise ValueError(f"benchmark {unknown[0]!r} is no covariate; {nearest(unknown[0], list(covariates))}")
    root = np.sqrt(sample.weights)
    X, t, y = _columns(sample, folds, seed) * root[:, None], sample.treatment * root, sample.outcome * root
    rows, rank = int((root > 0).sum()), int(np.linalg.matrix_rank(X))  # what weighs nothing or repeats counts nothing
    freedom = rows - rank - 1
    if freedom < 2:
        raise ValueError(f"{rows} rows leave {freedom} degrees of freedom to {rank + 1} columns; add rows")
    value, error = _coefficient(X, t, y, freedom, treatment, outcome)
    bare = Robustness(value, error, freedom, q, level, treatment=treatment, outcome=outcome)
    tables = [bare.bound(name, *_strength(X, t, y, sample, name), multiples) for name in chosen]
    bounds = pd.concat(tables) if tables else pd.DataFrame()
    return Robustness(value, error, freedom, q, level, bounds, treatment, outcome)


def _columns(sample: Sample, folds: int, seed: int) -> Floats:
    centred = sample.covariates - sample.covariates.mean(axis=0) if sample.covariates.size else sample.covariates
    read = [embedding_indices(sample, folds=folds, seed=seed)] if sample.embeddings.shape[1] else []
    return np.column_stack([np.ones(sample.n), centred, *read])


def _coefficient(X: Floats, t: Floats, y: Floats, freedom: int, treatment: str, outcome: str) -> tuple[float, float]:
    t_left, y_left = (v - X @ np.linalg.lstsq(X, v, rcond=None)[0] for v in (t, y))
    if not t_left @ t_left > _EXACT * (t @ t):
        raise ValueError(f"the covariates decide {treatment!r}: nothing of it is left to compare; leave out what does")
    value = float(t_left @ y_left / (t_left @ t_left))
    rest = y_left - value * t_left
    if not rest @ rest > _EXACT * (y @ y):
        raise ValueError(
            f"treatment and covariates leave nothing of {outcome!r} to explain, so no confounder can move its "
            "regression; give an outcome that varies, without those computed from it"
        )
    return value, math.sqrt(float(rest @ rest) / freedom / float(t_left @ t_left))


def _strength(X: Floats, t: Floats, y: Floats, sample: Sample, name: str) -> tuple[float, float]:
    """Partial R2 of a covariate (all levels of a category) with treatment and outcome."""
    mine = np.array([False, *(n == name or n.startswith(f"{name}=") for n in sample.names)])
    mine = np.concatenate([mine, np.zeros(X.shape[1] - len(mine), dtype=bool)])
    with_t = np.column_stack([X, t])
    keep = np.append(~mine, True)
    return partial_r2(X, X[:, ~mine], t), partial_r2(with_t, with_t[:, keep], y)


def _robustness(f: float) -> float:
    return 0.5 * (math.sqrt(f**4 + 4 * f**2) - f**2)
