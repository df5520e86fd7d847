"""Standard errors and chi-squares that do not lean on normal rows: sandwiches and scaled statistics."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from causalrec_lab.causal.sem.constraints import Subspace
from causalrec_lab.causal.sem.moments import Moments
from causalrec_lab.causal.sem.search import observed_information
from causalrec_lab.causal.sem.specification import Parameter, Specification

__all__ = ["baseline", "parameter_covariance", "scaling_factor", "whole_theta", "widened"]

Array = NDArray[np.float64]


def parameter_covariance(moments: Moments, theta: Array, within: Subspace, estimator: str) -> Array:
    r"""Covariance of the estimates.

    "ML": the inverse expected information (of the observed one where values are missing: Kenward & Molenberghs 1998).
    "MLM": :math:`E^{-1} M E^{-1}` with the expected information E and the scores' products M, lavaan's ``robust.sem``
    (Satorra & Bentler 1994). "MLR": the observed information in its place, ``robust.huber.white`` (Huber 1967; White
    1982).

    Raises
    ------
    numpy.linalg.LinAlgError
        If the information is singular.
    """
    n = moments.sample.n
    expected = estimator == "MLM" or (estimator == "ML" and moments.sample.complete)
    curvature = moments.gradient_and_information(theta)[1] if expected else observed_information(moments, theta)
    bread = within.inverse(n / 2 * curvature)
    if estimator == "ML":
        return bread
    scores = moments.scores(theta)
    return np.asarray(bread @ (scores.T @ scores) @ bread)


def scaling_factor(moments: Moments, theta: Array, within: Subspace, estimator: str, df: int) -> float:
    r"""Factor c by which chi-square is divided.

    :math:`c = (\mathrm{tr} A_1^{-1} B_1 - \mathrm{tr} A_0^{-1} B_0) / df` with information A and scores' products B of
    the unrestricted (1) and the fitted (0) model: for "MLM" both at the fitted moments and expected (Satorra & Bentler
    1994), for "MLR" each at its own estimate and A observed (Yuan & Bentler 2000, as Mplus and lavaan compute it).
    """
    free = moments.specification.released()
    full = Moments(free, moments.sample)
    at = whole_theta(moments, theta)
    room = widened(within, len(at))
    n = moments.sample.n
    if estimator == "MLM":
        information = full.gradient_and_information(at)[1]
        unrestricted = _free_trace(full.implied(at), moments)
    else:
        information = observed_information(full, at)
        unrestricted = _unrestricted_trace(moments)
    scores = full.scores(at)
    fitted = float(np.trace(room.inverse(n / 2 * information) @ (scores.T @ scores)))
    return (unrestricted - fitted) / df


def whole_theta(moments: Moments, theta: Array) -> Array:
    """Free parameters, then the covariates' moments, as `Specification.released` numbers them."""
    released = moments.specification.released()
    where = {name: i for i, name in enumerate(released.observed)}
    out = np.zeros(len(released.free))
    out[: len(theta)] = theta
    for before, after in zip(moments.specification.parameters, released.parameters, strict=True):
        if before.exogenous:
            i, j = where[before.lhs], where.get(before.rhs, 0)
            out[after.index] = moments.sample.mean[i] if before.op == "~1" else moments.sample.covariance[i, j]
    return out


def widened(within: Subspace, size: int) -> Subspace:
    """The same constraints in a space with more, unconstrained, parameters at its end."""
    (k, m), extra = within.basis.shape, size - len(within.origin)
    basis = np.zeros((size, m + extra))
    basis[:k, :m] = within.basis
    basis[k:, m:] = np.eye(extra)
    return Subspace(basis, np.concatenate([within.origin, np.zeros(extra)]))


def _free_trace(sigma: Array, moments: Moments) -> float:
    r"""Give :math:`\mathrm{tr}(V \Gamma)` of complete rows at an implied covariance, means included where modelled."""
    sample = moments.sample
    if sample.rows is None:
        raise ValueError("a scaled chi-square needs rows; a covariance matrix has none")
    root = np.linalg.inv(np.linalg.cholesky(sigma))
    u = (sample.rows - sample.mean) @ root.T
    length = (u**2).sum(axis=1)
    centre = root @ sample.covariance @ root.T
    means = length.mean() if moments.specification.has_means else 0.0
    return float((0.5 * (length**2).mean() - 0.5 * (centre**2).sum()) + means)


def _unrestricted_trace(moments: Moments) -> float:
    sample = moments.sample
    if sample.complete:
        return _free_trace(sample.covariance, moments)
    spec = _unrestricted(moments.specification.observed)
    saturated = Moments(spec, sample)
    where = {name: i for i, name in enumerate(spec.observed)}
    theta = np.array(
        [
            sample.mean[where[p.lhs]] if p.op == "~1" else sample.covariance[where[p.lhs], where[p.rhs]]
            for p in spec.free
        ]
    )
    scores = saturated.scores(theta)
    information = sample.n / 2 * observed_information(saturated, theta)
    return float(np.trace(np.linalg.solve(information, scores.T @ scores)))


def _unrestricted(names: tuple[str, ...]) -> Specification:
    pairs = [(a, b) for i, a in enumerate(names) for b in names[: i + 1]]
    rows = [("~~", a, b) for a, b in pairs] + [("~1", a, "") for a in names]
    parameters = tuple(Parameter(a, op, b, index=k) for k, (op, a, b) in enumerate(rows))
    return Specification(names, (), (), parameters)


@dataclass(frozen=True)
class Baseline:
    """The model in which no outcome is related to anything: its moments, estimate and subspace."""

    moments: Moments
    theta: Array
    within: Subspace


def baseline(moments: Moments) -> Baseline:
    """Fit the baseline model: free variances (and means) of the outcomes, covariates as they are."""
    spec, sample = moments.specification, moments.sample
    outcomes = [name for name in spec.observed if name not in spec.covariates]
    rows = [("~~", a, a) for a in outcomes] + ([("~1", a, "") for a in outcomes] if spec.has_means else [])
    own = tuple(Parameter(a, op, b, index=k) for k, (op, a, b) in enumerate(rows))
    kept = tuple(p for p in spec.parameters if p.exogenous)
    model = replace(spec, latent=(), parameters=own + kept, defined=(), constraints=())
    where = {name: i for i, name in enumerate(spec.observed)}
    mean, variance = _marginal(moments)
    theta = np.array([mean[where[a]] if op == "~1" else variance[where[a]] for op, a, _ in rows])
    return Baseline(Moments(model, sample), theta, Subspace(np.eye(len(theta)), np.zeros(len(theta))))


def _marginal(moments: Moments) -> tuple[Array, Array]:
    """Mean and variance of each variable over the rows in which it is seen."""
    sample = moments.sample
    if sample.complete:
        return sample.mean, np.diag(sample.covariance)
    assert sample.rows is not None  # a sample with gaps has rows
    return np.nanmean(sample.rows, axis=0), np.nanvar(sample.rows, axis=0)
