"""`fit_sem`: structural equation models by maximum likelihood."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from causalrec_lab.causal.graph.causal_graph import CausalGraph
from causalrec_lab.causal.graph.notation import nearest
from causalrec_lab.causal.sem.constraints import constrained
from causalrec_lab.causal.sem.expression import names_in
from causalrec_lab.causal.sem.functions import labelled
from causalrec_lab.causal.sem.identified import UnderidentifiedError, refuse_underidentified, undetermined
from causalrec_lab.causal.sem.improper import improper
from causalrec_lab.causal.sem.missing import patterned_sample
from causalrec_lab.causal.sem.moments import Moments
from causalrec_lab.causal.sem.result import ERRORS, SemResult
from causalrec_lab.causal.sem.robust import parameter_covariance
from causalrec_lab.causal.sem.sample import Sample, read_matrix, read_rows, refuse_degenerate, sample_of
from causalrec_lab.causal.sem.search import ConvergenceError, maximise
from causalrec_lab.causal.sem.specification import Specification, specify
from causalrec_lab.causal.sem.start import starting_values
from causalrec_lab.causal.sem.syntax import read_graph, read_model

__all__ = ["ConvergenceError", "UnderidentifiedError", "fit_sem"]

MISSING = ("listwise", "fiml", "refuse")


def fit_sem(
    model: str | CausalGraph,
    data: pd.DataFrame,
    n: int | None = None,
    *,
    means: pd.Series | None = None,
    estimator: str = "ML",
    missing: str = "listwise",
    std_lv: bool = False,
    orthogonal: bool = False,
    mean_structure: bool | None = None,
    rescale: bool = True,
    level: float = 0.95,
) -> SemResult:
    r"""Fit a structural equation model by maximum likelihood.

    Minimises :math:`F = \ln|\Sigma(\theta)| + \mathrm{tr}(S \Sigma^{-1}(\theta)) - \ln|S| - p` with analytic gradient
    (Bollen 1989, chapter 4). Conventions are lavaan's (Rosseel 2012): S divides by n, :math:`\chi^2 = n F`, observed
    covariates stay at their sample moments, exogenous latent variables covary freely, the first loading of a latent
    variable is 1.

    Parameters
    ----------
    model
        lavaan-style text (``=~``, ``~``, ``~~``, ``~ 1``, ``:=``, ``==``; see `syntax.read_model`), or a `CausalGraph`
        (every arrow an equation, ``a <-> b`` a residual covariance).
    data
        Rows with a column for each observed variable; or, with `n`, a covariance matrix whose index and columns are
        names.
    n, means
        Number of rows behind a covariance matrix, and their means where the model has intercepts.
    estimator
        "ML": errors from the expected information. "MLM", "MLR": the same estimates with robust errors and the
        Satorra-Bentler or Yuan-Bentler chi-square. For the bootstrap see `SemResult.bootstrap`.
    missing
        "listwise" leaves rows with missing values out and says how many; "fiml" uses all that is seen (right where
        values are missing at random); "refuse" raises.
    std_lv, orthogonal
        Latent variances 1 with all loadings free; exogenous latent variables that do not covary.
    mean_structure
        Whether intercepts are modelled; by default where the text, `means` or `missing` asks for them.
    rescale
        The covariance matrix divides by n - 1 (as `DataFrame.cov` does) and is brought to n.
    level
        Confidence level of the intervals.

    Raises
    ------
    UnderidentifiedError
        Naming the parameters that data cannot tell apart.
    ConvergenceError
        With what usually helps.
    TypeError
        If the data is no DataFrame or the model neither text nor graph.
    ValueError
        On a model that cannot be read, a name that is no column, a constant or collinear column, fewer rows than
        variables or parameters, or a defined parameter without a value (``log`` of a negative estimate).

    Warns
    -----
    UserWarning
        On rows left out, on a Heywood case (a negative variance, a correlation beyond 1, latent covariances that cannot
        be together), and on feedback that does not settle.

    Examples
    --------
    >>> fit = fit_sem("m ~ a*x; y ~ b*m + c*x; indirect := a*b", frame)  # doctest: +SKIP
    >>> fit.indirect("x", "y")  # doctest: +SKIP
    """
    _check_types(model, data, means)
    _check_options(estimator, missing, n, means, mean_structure)
    if repeated := data.columns[data.columns.duplicated()].tolist():
        raise ValueError(f"column {repeated[0]!r} stands in the data more than once; rename or drop one")
    statements = read_graph(model) if isinstance(model, CausalGraph) else read_model(model)
    wanted = missing == "fiml" or means is not None
    wanted = wanted if mean_structure is None else mean_structure
    spec = specify(statements, data.columns, means=wanted, unit_latents=std_lv, orthogonal=orthogonal)
    _check_defined(spec)
    if n is not None and means is None and spec.has_means:
        raise ValueError("the model has intercepts, and a covariance matrix says nothing of means; give means=")
    sample, notes = _sample(data, spec, n, means, missing, rescale)
    return _fitted(Moments(spec, sample), estimator, level, notes)


def _fitted(moments: Moments, estimator: str, level: float, notes: list[str]) -> SemResult:
    within = constrained(moments.specification)
    free = within.basis.shape[1]
    start = _started(moments)
    start = within.nearest(start)
    refuse_underidentified(moments, start, within)
    if moments.sample.n <= free:
        raise ValueError(f"{moments.sample.n} rows are too few for {free} free parameters; simplify the model")
    theta = maximise(moments, start, within)
    if loose := undetermined(moments, theta, within):
        raise UnderidentifiedError(
            f"at the solution these parameters cannot be told apart: {', '.join(loose)}; a loading or covariance near "
            "0 can cause it. Fix one of them, or add an indicator"
        )
    _refuse_valueless(moments, theta)
    covariance = parameter_covariance(moments, theta, within, estimator)
    notes = [*notes, *improper(moments, theta)]
    for note in notes:
        warnings.warn(note, stacklevel=3)
    return SemResult(moments, theta, covariance, within, estimator, level, tuple(notes))


def _refuse_valueless(moments: Moments, theta: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    """Refuse a defined parameter that has no value at the estimates."""
    values = labelled(moments, theta.astype(complex))
    for name, expression in moments.specification.defined:
        if not np.isfinite(values[name]):
            used = ", ".join(f"{label} = {values[label].real:.3g}" for label in sorted(names_in(expression)))
            raise ValueError(f"{name} := {expression} is no finite real number at the estimates ({used or 'none'})")


def _started(moments: Moments) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Starting values; where values are missing, the fit to the unrestricted moments, which is close and quick."""
    start = starting_values(moments)
    if moments.sample.complete:
        return start
    plain = Moments(moments.specification, sample_of(moments.sample.n, moments.sample.mean, moments.sample.covariance))
    try:
        return maximise(plain, start, constrained(moments.specification))
    except (ConvergenceError, np.linalg.LinAlgError):
        return start


def _check_types(model: object, data: object, means: object) -> None:
    if not isinstance(model, (str, CausalGraph)):
        raise TypeError(f"model is a {type(model).__name__}; give lavaan-style text or a CausalGraph")
    if not isinstance(data, pd.DataFrame):
        raise TypeError(
            f"data is a {type(data).__name__}; give a DataFrame, a covariance matrix as one with n= as well"
        )
    if means is not None and not isinstance(means, pd.Series):
        raise TypeError(f"means is a {type(means).__name__}; give a Series indexed by column")


def _check_options(
    estimator: str, missing: str, n: int | None, means: pd.Series | None, mean_structure: bool | None
) -> None:
    if estimator not in ERRORS:
        raise ValueError(f"unknown estimator {estimator!r}; {nearest(estimator, ERRORS)}")
    if missing not in MISSING:
        raise ValueError(f"unknown missing={missing!r}; {nearest(missing, MISSING)}")
    if n is not None and estimator != "ML":
        raise ValueError(f"estimator={estimator!r} needs rows; a covariance matrix tells nothing of their shape")
    if n is not None and missing == "fiml":
        raise ValueError("missing='fiml' needs rows; a covariance matrix has no missing values to fill")
    if n is None and means is not None:
        raise ValueError("means= belongs to a covariance matrix; rows bring their own")
    if missing == "fiml" and mean_structure is False:
        raise ValueError("missing='fiml' estimates means and covariances together; leave mean_structure out")
    if missing == "fiml" and estimator == "MLM":
        raise ValueError("estimator='MLM' needs complete rows; with missing='fiml' take 'MLR'")


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


def _sample(
    data: pd.DataFrame, spec: Specification, n: int | None, means: pd.Series | None, missing: str, rescale: bool
) -> tuple[Sample, list[str]]:
    """Moments of the data, checked, and what is to be said about them."""
    if n is not None:
        return read_matrix(data, spec.observed, n, rescale, means), []
    values, said = read_rows(data, spec.observed, missing == "fiml", spec.covariates)
    if said and missing == "refuse":
        raise ValueError(f"{said.split(' and ')[0]}; missing='listwise' drops them, 'fiml' uses what is seen")
    if missing == "fiml" and np.isnan(values).any():
        sample = patterned_sample(values)
    else:
        mean = values.mean(axis=0) if len(values) else np.zeros(len(spec.observed))
        centred = values - mean
        covariance = centred.T @ centred / max(len(values), 1)
        if len(values) <= len(spec.observed):
            refuse_degenerate(np.eye(len(spec.observed)), spec.observed, len(values))
        sample = sample_of(len(values), mean, covariance, values)
    refuse_degenerate(sample.covariance, spec.observed, sample.n)
    return sample, [said] if said else []
