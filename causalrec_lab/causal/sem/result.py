"""`SemResult`: a fitted structural equation model, its parameters, its fit and the effects along its paths."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causalrec_lab.causal.notation import nearest
from causalrec_lab.causal.sem.expression import evaluate
from causalrec_lab.causal.sem.indices import fit_indices
from causalrec_lab.causal.sem.moments import Moments
from causalrec_lab.causal.sem.specification import Specification
from causalrec_lab.estimate import Estimate

__all__ = ["SemResult"]

Array = NDArray[np.float64]
STEP = 1e-30  # of the complex step, which has no cancellation and may be this small


@dataclass(frozen=True)
class SemResult:
    """A fitted structural equation model.

    Parameters
    ----------
    specification
        Variables and parameters.
    theta, covariance
        Free parameters and their estimated covariance.
    sample, n
        Sample covariance (divisor n) and number of rows.
    level
        Confidence level of the intervals.
    notes
        Warnings the fit gave.
    """

    specification: Specification
    theta: Array
    covariance: Array
    sample: Array
    n: int
    level: float = 0.95
    notes: tuple[str, ...] = ()

    @cached_property
    def _moments(self) -> Moments:
        return Moments(self.specification, self.sample)

    @cached_property
    def fit_indices(self) -> pd.Series:
        """Give chi2, df, p_value, CFI, TLI, RMSEA with 90 % interval, SRMR, AIC, BIC; see `indices.fit_indices`."""
        spec = self.specification
        covariates = [spec.observed.index(name) for name in spec.covariates]
        return fit_indices(self.sample, self._moments.implied(self.theta), covariates, self.n, len(self.theta))

    @cached_property
    def implied(self) -> pd.DataFrame:
        """Covariance of the observed variables that the model implies."""
        names = list(self.specification.observed)
        return pd.DataFrame(self._moments.implied(self.theta), index=names, columns=names)

    @cached_property
    def residuals(self) -> pd.DataFrame:
        """Sample minus implied correlations: where the model misses."""
        scale = np.sqrt(np.diag(self.sample))
        own = np.sqrt(np.diag(self.implied))
        gap = self.sample / np.outer(scale, scale) - self.implied.to_numpy() / np.outer(own, own)
        return pd.DataFrame(gap, index=self.implied.index, columns=self.implied.columns)

    @cached_property
    def r2(self) -> pd.Series:
        """Explained share of the variance of each variable that has causes."""
        spec = self.specification
        caused = list(dict.fromkeys(effect for _, effect, _ in spec.edges()))
        whole, S = self._moments.all_covariances(self.theta), self._moments.matrices(self.theta)[1]
        at = [spec.variables.index(name) for name in caused]
        return pd.Series(1 - np.diag(S)[at] / np.diag(whole)[at], index=caused, name="R2")

    @cached_property
    def paths(self) -> pd.DataFrame:
        """One row a parameter: lhs, op, rhs, label, estimate, std_error, z, p_value, low, high, standardised, free.

        `standardised` is in standard deviations of both ends (lavaan's ``std.all``). Fixed parameters have
        ``std_error`` 0, as lavaan prints them; defined ones (``:=``) get theirs by the delta method.
        """
        spec = self.specification
        rows = [
            (p.lhs, p.op, p.rhs, p.label, *self._value(p.index, p.lhs, p.op, p.rhs), p.index >= 0)
            for p in spec.parameters
        ]
        for name, expression in spec.defined:
            value, error = self._delta(self._defined(name))
            rows.append((name, ":=", expression, name, value, error, math.nan, True))
        names = ["lhs", "op", "rhs", "label", "estimate", "std_error", "standardised", "free"]
        table = pd.DataFrame(rows, columns=names)
        table["z"] = table["estimate"] / table["std_error"].where(table["std_error"] > 0)
        table["p_value"] = [2 * NormalDist().cdf(-abs(z)) if np.isfinite(z) else np.nan for z in table["z"]]
        half = NormalDist().inv_cdf((1 + self.level) / 2) * table["std_error"]
        table["low"], table["high"] = table["estimate"] - half, table["estimate"] + half
        return table[[*names[:6], "z", "p_value", "low", "high", "standardised", "free"]]

    def _value(self, index: int, lhs: str, op: str, rhs: str) -> tuple[float, float, float]:
        """Estimate, standard error and standardised estimate of a parameter."""
        i, j = (self.specification.variables.index(name) for name in (lhs, rhs))
        A, S = self._moments.matrices(self.theta)
        scale = np.sqrt(np.abs(np.diag(self._moments.all_covariances(self.theta))))
        value = {"~": A[i, j], "=~": A[j, i], "~~": S[i, j]}[op]
        unit = {"~": scale[j] / scale[i], "=~": scale[i] / scale[j], "~~": 1 / (scale[i] * scale[j])}[op]
        error = float(np.sqrt(self.covariance[index, index])) if index >= 0 else 0.0
        return float(value), error, float(value * unit)

    def _defined(self, name: str) -> Callable[[NDArray[Any]], complex]:
        return lambda theta: self._labelled(theta)[name]

    def _labelled(self, theta: NDArray[Any]) -> dict[str, complex]:
        spec = self.specification
        values: dict[str, complex] = {}
        for p in spec.parameters:
            if p.label:
                values[p.label] = theta[p.index] if p.index >= 0 else complex(p.fixed or 0.0)
        for name, expression in spec.defined:
            values[name] = evaluate(expression, values)
        return values

    def _delta(self, function: Callable[[NDArray[Any]], complex]) -> tuple[float, float]:
        """Value and standard error of a function of the parameters: delta method, complex-step gradient."""
        gradient = np.empty(len(self.theta))
        for k in range(len(self.theta)):
            moved = self.theta.astype(complex)
            moved[k] += 1j * STEP
            gradient[k] = function(moved).imag / STEP
        value = function(self.theta.astype(complex)).real
        return value, math.sqrt(max(float(gradient @ self.covariance @ gradient), 0.0))

    def path(self, text: str) -> Estimate:
        """Effect along one path, ``"shown -> view -> purchase"``: the product of its coefficients.

        Raises
        ------
        ValueError
            If an arrow is not in the model.
        """
        names = [name.strip() for name in text.split("->")]
        if len(names) < 2:
            raise ValueError(f"path {text!r}: write at least two names with an arrow, 'shown -> view'")
        self._known(names)
        arrows = {(cause, effect) for cause, effect, _ in self.specification.edges()}
        if missing := [f"{a} -> {b}" for a, b in itertools.pairwise(names) if (a, b) not in arrows]:
            raise ValueError(f"the model has no arrow {missing[0]}; path_effects(source, target) lists its paths")
        return self._effect([names], "->".join(names), "product of path coefficients")

    def direct(self, source: str, target: str) -> Estimate:
        """Effect of `source` on `target` along the single arrow between them."""
        return self.path(f"{source} -> {target}")

    def indirect(self, source: str, target: str, through: str | None = None) -> Estimate:
        """Effect of `source` on `target` along all paths with something between, or those through one variable.

        Raises
        ------
        ValueError
            If a name is unknown or there is no such path.
        """
        self._known([source, target] + ([through] if through else []))
        routes = [r for r in self._routes(source, target) if len(r) > 2 and (through is None or through in r[1:-1])]
        if not routes:
            via = f" through {through!r}" if through else ""
            raise ValueError(f"no indirect path leads from {source!r} to {target!r}{via}")
        what = f"indirect effect {source}->{target}" + (f" through {through}" if through else "")
        return self._effect(routes, what, "sum of products of path coefficients")

    def total(self, source: str, target: str) -> Estimate:
        """Effect of `source` on `target` along all paths, an entry of :math:`(I - A)^{-1}` (Bollen 1989, chapter 8)."""
        self._known([source, target])
        i, j = (self.specification.variables.index(name) for name in (target, source))

        def total(theta: NDArray[Any]) -> complex:
            A = self._moments.matrices(theta)[0]
            return complex(np.linalg.inv(np.eye(len(A)) - A)[i, j])

        return self._estimate(*self._delta(total), f"total effect {source}->{target}", "total effect")

    def path_effects(self, source: str, target: str) -> dict[str, Estimate]:
        """Effects along every path, ``"shown->view->purchase"`` -> estimate, and the ``"total"`` of them."""
        self._known([source, target])
        found = {"->".join(route): self.path("->".join(route)) for route in self._routes(source, target)}
        return found | {"total": self.total(source, target)}

    def _routes(self, source: str, target: str) -> list[list[str]]:
        after: dict[str, list[str]] = {}
        for cause, effect, _ in self.specification.edges():
            after.setdefault(cause, []).append(effect)
        out, todo = [], [[source]]
        while todo:
            route = todo.pop(0)
            for following in after.get(route[-1], []):
                if following == target:
                    out.append([*route, following])
                elif following not in route:
                    todo.append([*route, following])
        return out

    def _known(self, names: list[str]) -> None:
        for name in names:
            if name not in self.specification.variables:
                raise ValueError(f"{name!r} is no variable of the model; {nearest(name, self.specification.variables)}")

    def _effect(self, routes: list[list[str]], estimand: str, method: str) -> Estimate:
        where = {name: i for i, name in enumerate(self.specification.variables)}

        def effect(theta: NDArray[Any]) -> complex:
            A = self._moments.matrices(theta)[0]
            products = [[complex(A[where[b], where[a]]) for a, b in itertools.pairwise(route)] for route in routes]
            return sum(map(math.prod, products), 0j)

        return self._estimate(*self._delta(effect), estimand, method)

    def _estimate(self, value: float, error: float, estimand: str, method: str) -> Estimate:
        return Estimate(
            value=value,
            std_error=error,
            level=self.level,
            estimand=estimand,
            method=f"SEM, maximum likelihood, {method}, delta method",
            n=self.n,
            diagnostics={k: float(self.fit_indices[k]) for k in ("chi2", "df", "CFI", "RMSEA")},
            assumptions=(
                "linear equations with Gaussian errors",
                "errors uncorrelated unless the model says otherwise: no hidden cause of two variables",
            ),
            notes=self.notes,
        )

    def __str__(self) -> str:
        """One line: size and fit."""
        f = self.fit_indices
        return (
            f"SEM of {len(self.specification.observed)} observed and {len(self.specification.latent)} latent "
            f"variables, n = {self.n:,}: chi2 = {f['chi2']:.3f} on {f['df']:.0f} df, CFI {f['CFI']:.3f}, "
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
