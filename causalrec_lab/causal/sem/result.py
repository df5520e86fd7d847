"""`SemResult`: a fitted structural equation model, its parameters, its fit and the effects along its paths."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import NormalDist

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causalrec_lab.causal.graph.notation import nearest
from causalrec_lab.causal.sem import functions
from causalrec_lab.causal.sem.bootstrap import INTERVALS, bootstrap_draws, bootstrap_interval, refuse_few
from causalrec_lab.causal.sem.constraints import Subspace
from causalrec_lab.causal.sem.indices import fit_indices
from causalrec_lab.causal.sem.modification import modification_indices
from causalrec_lab.causal.sem.moments import Moments
from causalrec_lab.causal.sem.path_effects import PathEffects
from causalrec_lab.causal.sem.sample import Sample
from causalrec_lab.causal.sem.specification import Specification
from causalrec_lab.estimate import Estimate, z_value

__all__ = ["ERRORS", "SemResult"]

Array = NDArray[np.float64]
ERRORS = {
    "ML": "expected information",
    "MLM": "robust, expected information (MLM)",
    "MLR": "robust, observed information (MLR)",
}


@dataclass(frozen=True)
class SemResult(PathEffects):
    """A fitted structural equation model.

    Parameters
    ----------
    moments
        Specification and sample, with what they imply.
    theta, covariance
        Free parameters and their estimated covariance.
    within
        Subspace of the equality constraints.
    estimator
        "ML", "MLM" or "MLR".
    level
        Confidence level of the intervals.
    notes
        Warnings the fit gave.
    draws, interval
        Bootstrap estimates, shape (draws, parameters), and the kind of interval taken from them.
    """

    moments: Moments
    theta: Array
    covariance: Array
    within: Subspace
    estimator: str = "ML"
    level: float = 0.95
    notes: tuple[str, ...] = ()
    draws: Array | None = None
    interval: str = "percentile"

    @property
    def specification(self) -> Specification:
        """Variables and parameters."""
        return self.moments.specification

    @property
    def sample(self) -> Sample:
        """Moments the model was fitted to."""
        return self.moments.sample

    @property
    def n(self) -> int:
        """Rows used."""
        return self.sample.n

    @cached_property
    def fit_indices(self) -> pd.Series:
        """Give chi2, df, CFI, TLI, RMSEA with 90 % interval and p_close, SRMR, AIC, BIC, scaled ones where robust.

        See `indices.fit_indices`.
        """
        return fit_indices(self.moments, self.theta, self.within, self.estimator)

    @cached_property
    def implied(self) -> pd.DataFrame:
        """Covariance of the observed variables that the model implies."""
        return self._square(self.moments.implied(self.theta))

    @cached_property
    def residuals(self) -> pd.DataFrame:
        """Sample minus implied correlations: where the model misses."""
        sample, implied = self.sample.covariance, self.implied.to_numpy()
        scale, own = np.sqrt(np.diag(sample)), np.sqrt(np.diag(implied))
        return self._square(sample / np.outer(scale, scale) - implied / np.outer(own, own))

    @cached_property
    def normalised_residuals(self) -> pd.DataFrame:
        r"""Sample minus implied covariances, in standard errors; beyond 2 is a miss worth a look.

        The error is that of a normal sample, :math:`\sqrt{(\sigma_{ii} \sigma_{jj} + \sigma_{ij}^2) / n}` (Bollen 1989,
        chapter 7).
        """
        implied = self.implied.to_numpy()
        variance = np.diag(implied)
        error = np.sqrt((np.outer(variance, variance) + implied**2) / self.n)
        return self._square((self.sample.covariance - implied) / error)

    def _square(self, matrix: Array) -> pd.DataFrame:
        names = list(self.specification.observed)
        return pd.DataFrame(matrix, index=names, columns=names)

    @cached_property
    def r2(self) -> pd.Series:
        """Explained share of the variance of each variable that has causes."""
        spec = self.specification
        caused = list(dict.fromkeys(effect for _, effect, _ in spec.edges()))
        whole, S = self.moments.all_covariances(self.theta), self.moments.matrices(self.theta)[1]
        at = [spec.variables.index(name) for name in caused]
        return pd.Series(1 - np.diag(S)[at] / np.diag(whole)[at], index=caused, name="R2")

    @cached_property
    def paths(self) -> pd.DataFrame:
        """One row a parameter: lhs, op, rhs, label, estimate, std_error, z, p_value, low, high, standardised, free.

        `standardised` is in standard deviations of both ends (lavaan's ``std.all``); defined parameters (``:=``) are
        worked out from those. Fixed parameters have ``std_error`` 0, as lavaan prints them; defined ones get theirs by
        the delta method, or the bootstrap.
        """
        spec = self.specification
        rows = [(p.lhs, p.op, p.rhs, p.label, p.index >= 0) for p in spec.parameters]
        rows += [(name, ":=", expression, name, True) for name, expression in spec.defined]
        table = pd.DataFrame(rows, columns=["lhs", "op", "rhs", "label", "free"])
        whole = self._inferred(
            lambda theta: np.concatenate([functions.entries(self.moments, theta), self._named(theta)])
        )
        table = pd.concat([table, whole], axis=1)
        standard = functions.standardised(self.moments, self.theta)
        defined = functions.standardised_definitions(self.moments, standard)
        table["standardised"] = np.concatenate([standard, defined])
        return table[[*table.columns[:4], *whole.columns, "standardised", "free"]]

    def _named(self, theta: Array) -> NDArray[np.complex128]:
        values = functions.labelled(self.moments, theta)
        return np.array([values[name] for name, _ in self.specification.defined], dtype=complex)

    def standardised(self, latents_only: bool = False) -> pd.DataFrame:
        """Standardised solution with its own standard errors: lhs, op, rhs, estimate, std_error, z, p_value, low, high.

        Parameters
        ----------
        latents_only
            Standardise latent variables only (lavaan's ``std.lv``); both ends otherwise (``std.all``).
        """
        spec = self.specification
        table = pd.DataFrame([(p.lhs, p.op, p.rhs) for p in spec.parameters], columns=["lhs", "op", "rhs"])
        values = self._inferred(lambda theta: functions.standardised(self.moments, theta, latents_only))
        return pd.concat([table, values], axis=1)

    def modification_indices(self, least: float = 0.0) -> pd.DataFrame:
        """What the model leaves out and what letting it in would change; see `modification.modification_indices`.

        Parameters
        ----------
        least
            Smallest index shown; 3.84 is the 5 % point of one free parameter.

        Notes
        -----
        A large index says that data and model disagree there, not which arrow is true: a search along indices fits
        noise (MacCallum, Roznowski & Necowitz 1992).
        """
        table = modification_indices(self.moments, self.theta, self.within)
        return table[table["index"] >= least].reset_index(drop=True)

    def _inferred(self, function: functions.Function) -> pd.DataFrame:
        """Table of a function of the parameters: estimate, std_error, z, p_value, low, high."""
        value, error, low, high = self._with_errors(function)
        z = np.full(len(value), np.nan)
        known = error > 1e-14 * (1 + np.abs(value))
        z[known] = value[known] / error[known]
        p_value = [2 * NormalDist().cdf(-abs(v)) if math.isfinite(v) else math.nan for v in z]
        columns = {"estimate": value, "std_error": error, "z": z, "p_value": p_value, "low": low, "high": high}
        return pd.DataFrame(columns)

    def _with_errors(self, function: functions.Function) -> tuple[Array, Array, Array, Array]:
        """Values, errors and ends of the intervals of a function of the parameters, delta method or bootstrap."""
        if self.draws is None:
            value, slopes = functions.gradient(function, self.theta)
            error = np.sqrt(np.maximum(((slopes @ self.covariance) * slopes).sum(axis=1), 0.0))
            half = z_value(self.level) * error
            return value, error, value - half, value + half
        value = np.atleast_1d(function(self.theta.astype(complex))).real
        drawn = np.array([np.atleast_1d(function(draw.astype(complex))).real for draw in self.draws])
        ends = [bootstrap_interval(d, v, self.level, self.interval) for d, v in zip(drawn.T, value, strict=True)]
        low, high = np.array(ends).reshape(-1, 2).T
        return value, drawn.std(axis=0, ddof=1), low, high

    def bootstrap(self, draws: int = 1000, seed: int = 0, interval: str = "percentile") -> SemResult:
        """Give the same fit with standard errors and intervals from the bootstrap, indirect effects' included.

        Parameters
        ----------
        draws, seed
            Resamples of the rows, and the seed they are drawn with.
        interval
            "percentile" or "bias-corrected"; see `bootstrap.bootstrap_interval`.

        Raises
        ------
        ValueError
            If the model was fitted to a covariance matrix, or the kind of interval is unknown.
        ConvergenceError
            If more than half of the resamples do not converge, or leave a defined parameter without a value.
        """
        if interval not in INTERVALS:
            raise ValueError(f"unknown interval {interval!r}; {nearest(interval, INTERVALS)}")
        found, failed = bootstrap_draws(self.moments, self.theta, self.within, draws, seed)
        said: tuple[str, ...] = ()
        if failed:
            said += (f"{failed} of {draws} bootstrap samples did not converge and are left out",)
        sound = np.array([np.isfinite(self._named(draw)).all() for draw in found])
        if not sound.all():
            said += (f"{(~sound).sum()} of {draws} bootstrap samples gave a := no real value and are left out",)
            found = refuse_few(found[sound], draws)
        spread = np.atleast_2d(np.cov(found.T, ddof=1))
        return replace(self, covariance=spread, draws=found, interval=interval, notes=self.notes + said)

    def _estimate(self, function: functions.Function, estimand: str, how: str) -> Estimate:
        value, error, low, high = (float(part[0]) for part in self._with_errors(function))
        errors = f"{self.interval} bootstrap" if self.draws is not None else f"delta method, {ERRORS[self.estimator]}"
        gaussian = " with Gaussian errors" if self.estimator == "ML" and self.draws is None else ""
        return Estimate(
            value=value,
            std_error=error,
            interval=(low, high),
            level=self.level,
            estimand=estimand,
            method=f"SEM, maximum likelihood{how}, {errors}",
            n=self.n,
            diagnostics=self._diagnostics,
            assumptions=(
                f"linear equations{gaussian}",
                "errors uncorrelated unless the model says otherwise: no hidden cause of two variables",
            ),
            notes=self.notes,
        )

    @cached_property
    def _diagnostics(self) -> dict[str, float]:
        return {k: float(self.fit_indices[k]) for k in ("chi2", "df", "CFI", "RMSEA")}

    def __str__(self) -> str:
        """One line: size and fit."""
        f = self.fit_indices
        scaled = f" ({f['chi2_scaled']:.3f} scaled)" if "chi2_scaled" in f and math.isfinite(f["chi2_scaled"]) else ""
        return (
            f"SEM of {len(self.specification.observed)} observed and {len(self.specification.latent)} latent "
            f"variables, n = {self.n:,}: chi2 = {f['chi2']:.3f}{scaled} on {f['df']:.0f} df, CFI {f['CFI']:.3f}, "
            f"RMSEA {f['RMSEA']:.3f}"
        )

    def _repr_html_(self) -> str:
        """Fit and free parameters; deterministic."""
        import html

        columns = ["lhs", "op", "rhs", "estimate", "std_error", "z", "p_value", "standardised"]
        shown = self.paths.loc[self.paths["free"], columns].round(3)
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self.notes)
        table = shown.to_html(index=False, border=0, escape=True)
        return f'<div class="sem"><p>{html.escape(str(self))}</p>{notes}{table}</div>'
