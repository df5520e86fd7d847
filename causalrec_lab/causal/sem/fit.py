"""`fit_sem`: structural equation models by maximum likelihood."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causalrec_lab.causal.graph import CausalGraph
from causalrec_lab.causal.sem.expression import names_in
from causalrec_lab.causal.sem.moments import Moments
from causalrec_lab.causal.sem.result import SemResult
from causalrec_lab.causal.sem.sample import sample_covariance
from causalrec_lab.causal.sem.specification import Specification, specify
from causalrec_lab.causal.sem.start import starting_values
from causalrec_lab.causal.sem.syntax import read_graph, read_model

__all__ = ["ConvergenceError", "UnderidentifiedError", "fit_sem"]

Array = NDArray[np.float64]
ROUNDS = 200
SCORING = 15  # rounds of Fisher scoring before Newton's method takes over
TOLERANCE = 1e-9  # largest gradient entry, each in the unit of its own curvature
ROUNDING = 1e-6  # as much is accepted where the discrepancy no longer falls: it is flat to its last digit


class UnderidentifiedError(ValueError):
    """Different parameter values give the same covariance, so that data cannot choose among them."""


class ConvergenceError(RuntimeError):
    """The search for the maximum of the likelihood did not end."""


def fit_sem(
    model: str | CausalGraph, data: pd.DataFrame, n: int | None = None, *, level: float = 0.95, rescale: bool = True
) -> SemResult:
    r"""Fit a structural equation model by maximum likelihood.

    Minimises :math:`F = \ln|\Sigma(\theta)| + \mathrm{tr}(S \Sigma^{-1}(\theta)) - \ln|S| - p` with analytic gradient;
    standard errors come from the expected information (Bollen 1989, chapter 4). Conventions are lavaan's (Rosseel
    2012): S divides by n, :math:`\chi^2 = n F`, observed covariates stay at their sample moments, exogenous latent
    variables covary freely, the first loading of a latent variable is 1.

    Parameters
    ----------
    model
        lavaan-style text (``=~``, ``~``, ``~~``, ``:=``; see `syntax.read_model`), or a `CausalGraph` (every arrow an
        equation, ``a <-> b`` a residual covariance).
    data
        Rows with a column for each observed variable; or, with `n`, a covariance matrix whose index and columns are
        names.
    n
        Number of rows behind a covariance matrix.
    level
        Confidence level of the intervals.
    rescale
        The covariance matrix divides by n - 1 (as `DataFrame.cov` does) and is brought to n.

    Raises
    ------
    UnderidentifiedError
        Naming the parameters that data cannot tell apart.
    ConvergenceError
        With what usually helps.
    ValueError
        On a model that cannot be read, a name that is no column, missing values, a constant or collinear column, or
        fewer rows than variables.

    Warns
    -----
    UserWarning
        On a Heywood case: a negative variance, or a latent correlation beyond 1.

    Examples
    --------
    >>> fit = fit_sem("m ~ a*x; y ~ b*m + c*x; indirect := a*b", frame)  # doctest: +SKIP
    >>> fit.indirect("x", "y")  # doctest: +SKIP
    """
    statements = read_graph(model) if isinstance(model, CausalGraph) else read_model(model)
    spec = specify(statements, data.columns)
    _check_defined(spec)
    sample, rows = sample_covariance(data, spec.observed, n, rescale)
    moments = Moments(spec, sample)
    start = starting_values(moments)
    _refuse_underidentified(moments, start)
    theta = _maximise(moments, start)
    information = moments.gradient_and_information(theta)[1]
    if loose := _undetermined(moments, theta):
        raise UnderidentifiedError(
            f"at the solution these parameters cannot be told apart: {', '.join(loose)}; a loading or covariance near "
            "0 can cause it. Fix one of them, or add an indicator"
        )
    covariance = np.linalg.inv(information) * 2 / rows
    notes = _heywood(moments, theta)
    for note in notes:
        warnings.warn(note, stacklevel=2)
    return SemResult(spec, theta, covariance, sample, rows, level, tuple(notes))


def _check_defined(spec: Specification) -> None:
    """Refuse unknown labels before the fit rather than after it."""
    known = {p.label for p in spec.parameters if p.label}
    for name, expression in spec.defined:
        if name in known:
            raise ValueError(f"{name!r} is defined by := and already the label of a parameter; rename one")
        if unknown := sorted(names_in(expression) - known):
            labels = ", ".join(sorted(known)) or "none are set; write y ~ b*x"
            raise ValueError(f"{name} := {expression}: {unknown[0]!r} is no label; labels: {labels}")
        known.add(name)


def _refuse_underidentified(moments: Moments, start: Array) -> None:
    """Rank of the Jacobian at a generic point: the local rank rule (Bollen 1989, chapter 7)."""
    spec = moments.specification
    p, q = len(spec.observed), len(spec.covariates)
    df = p * (p + 1) // 2 - q * (q + 1) // 2 - len(start)
    if not len(start):
        raise ValueError("the model has no free parameter: nothing is to be estimated")
    rng = np.random.default_rng(0)
    unit = moments.units(start)
    for _ in range(50):
        point = start * rng.uniform(0.8, 1.2, len(start))
        for row in spec.free:
            if row.op == "~":
                point[row.index] += rng.uniform(0.1, 0.3) * unit[row.index]
            elif row.op == "~~" and row.lhs != row.rhs:
                point[row.index] += rng.uniform(0.02, 0.1) * unit[row.index]
        if np.isfinite(moments.discrepancy(point)):
            break
    else:
        return  # no generic point found; the solution is checked anyway
    if loose := _undetermined(moments, point):
        raise UnderidentifiedError(
            f"the model is underidentified (degrees of freedom {df}): data cannot determine {', '.join(loose)}. "
            "Fix one of them, add an indicator or an instrument, or drop an arrow"
        )


def _undetermined(moments: Moments, theta: Array) -> list[str]:
    """Names of the parameters that take part in a direction without curvature."""
    spec = moments.specification
    information = moments.gradient_and_information(theta)[1]
    scale = np.sqrt(np.diag(information))
    felt = scale * moments.units(theta)
    if dead := [p.name for p in spec.free if felt[p.index] <= 1e-8 * felt.max()]:
        return dead
    values, vectors = np.linalg.eigh(information / np.outer(scale, scale))
    involved = np.abs(vectors[:, values < 1e-9]).max(axis=1, initial=0.0) > 1e-3
    return [p.name for p in spec.free if involved[p.index]]


def _maximise(moments: Moments, start: Array) -> Array:
    """Fisher scoring, then Newton's method where that is slow, both with Levenberg's damping.

    Everything is reckoned in the units of the curvature, so that columns may have any unit.
    """
    theta, value, damping = start, moments.discrepancy(start), 1e-3
    if not np.isfinite(value):
        raise ConvergenceError("no starting point with a positive definite covariance; fix a variance or a loading")
    for rounds in range(ROUNDS):
        gradient, information = moments.gradient_and_information(theta)
        scale = np.sqrt(np.diag(information))
        slope = gradient / scale
        if np.abs(slope).max() < TOLERANCE:
            return theta
        curvature = information / np.outer(scale, scale)
        if rounds >= SCORING:
            curvature = _observed(moments, theta, scale, curvature)
        while True:
            step = np.linalg.solve(curvature + damping * np.eye(len(scale)), slope) / scale
            reached = moments.discrepancy(theta - step)
            if reached <= value:
                break
            damping *= 5
            if damping > 1e12:
                if np.abs(slope).max() < ROUNDING:
                    return theta
                raise _stuck(moments, start, theta)
        settled = value - reached < 1e-14 and np.abs(slope).max() < ROUNDING
        theta, value, damping = theta - step, reached, max(damping / 5, 1e-14)
        if settled:
            return theta
    raise _stuck(moments, start, theta)


def _observed(moments: Moments, theta: Array, scale: Array, expected: Array) -> Array:
    """Curvature of the discrepancy itself by differences of its gradient; the expected one where it is no bowl."""
    rows = []
    for k in range(len(theta)):
        step = np.zeros(len(theta))
        step[k] = 1e-4 / scale[k]
        try:
            ends = [moments.gradient_and_information(theta + s)[0] for s in (step, -step)]
        except np.linalg.LinAlgError:
            return expected
        rows.append((ends[0] - ends[1]) / 2e-4 / scale)
    found = (np.array(rows) + np.array(rows).T) / 2
    return found if np.linalg.eigvalsh(found)[0] > 1e-10 else expected


def _stuck(moments: Moments, start: Array, theta: Array) -> ConvergenceError:
    far = int(np.argmax(np.abs(theta) / moments.units(start)))
    name = moments.specification.free[far].name
    return ConvergenceError(
        f"the model did not converge; {name} has reached {theta[far]:.3g} and runs on. Give each latent variable three "
        "indicators that correlate with each other and let the strongest come first, fix a variance, or simplify"
    )


def _heywood(moments: Moments, theta: Array) -> list[str]:
    spec = moments.specification
    S = moments.matrices(theta)[1]
    notes = []
    for name, variance in zip(spec.variables, np.diag(S), strict=True):
        if variance < 0:
            kind = "latent variance" if name in spec.latent else "residual variance"
            notes.append(
                f"Heywood case: the {kind} of {name!r} is {variance:.3g}, below 0; the model may be wrong, the sample "
                "small or an indicator weak, and intervals cannot be trusted"
            )
    whole = moments.all_covariances(theta)
    first = len(spec.observed)
    for i in range(first, len(whole)):
        for j in range(first, i):
            product = whole[i, i] * whole[j, j]
            if product > 0 and abs(whole[i, j]) > np.sqrt(product) * (1 + 1e-9):
                pair = f"{spec.variables[j]!r} and {spec.variables[i]!r}"
                notes.append(f"Heywood case: the latent variables {pair} correlate beyond 1; merge them or drop one")
    return notes
