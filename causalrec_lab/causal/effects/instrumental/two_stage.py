"""Effects by an instrument: two-stage least squares or doubly robust, with an interval that knows how weak it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.diagnosing.verdicts import judgement
from causalrec_lab.causal.effects.inference import SUTVA
from causalrec_lab.causal.effects.instrumental.anderson_rubin import ConfidenceSet, anderson_rubin
from causalrec_lab.causal.effects.instrumental.compliers import doubly_robust_form
from causalrec_lab.causal.effects.instrumental.reading import InstrumentSample, read_instruments
from causalrec_lab.causal.effects.instrumental.reduced_form import ReducedForm, reduced_form
from causalrec_lab.causal.effects.instrumental.words import assumptions, diagnose, notes
from causalrec_lab.causal.effects.nuisances.ridge import one_thread
from causalrec_lab.causal.effects.nuisances.scale import standardised
from causalrec_lab.causal.effects.sample import Embeddings, nearest
from causalrec_lab.estimate import Estimate, normal_interval, z_value

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["INTERVALS", "METHODS", "iv"]

METHODS = ("2sls", "liml", "doubly-robust")
_SAFE_F = 104.7  # Lee, McCrary, Moreira and Porter (2022): below it a 5 % t-test of one instrument errs more often
_NOTHING = 1e-12  # a first-stage F that only rounding makes other than zero
INTERVALS = ("auto", "wald", "anderson-rubin")


@one_thread()
def iv(
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    covariates: Sequence[str],
    *,
    instrument: str | Sequence[str],
    embeddings: Embeddings | None = None,
    cluster: str | Sequence[str] | None = None,
    weights: str | None = None,
    estimand: str = "LATE",
    level: float = 0.95,
    seed: int = 0,
    folds: int = 5,
    groups: str | Sequence[str] | None = None,
    propensity: str | None = None,
    method: str = "2sls",
    interval: str = "auto",
    nuisance: str = "spline",
    clip: float = 0.01,
    graph: CausalGraph | None = None,
) -> Estimate:
    r"""Effect on those whom an instrument moves (the LATE), hidden confounders of treatment and outcome or not.

    .. math:: \hat\beta = \frac{\tilde T' P_Z \tilde Y}{\tilde T' P_Z \tilde T}, \qquad
        \hat\beta_{DR} = \frac{\sum \psi_Y}{\sum \psi_T}

    Tildes are residuals given the covariates, :math:`P_Z` projects on the instruments, :math:`\psi` are the AIPW scores
    of the instrument's effect. With one instrument and no covariates both are Wald's ratio. Sources: Imbens and Angrist
    (1994) for the LATE; Frölich (2007) and Tan (2006) for covariates by more than a line.

    The interval is :math:`\hat\beta \pm z\,\widehat{se}` where the instrument is strong, and the Anderson-Rubin set,
    which covers however weak it is (Andrews, Stock and Sun 2019), where the effective first-stage F is below 104.7 with
    one instrument (Lee, McCrary, Moreira and Porter 2022) or below its critical value with several (Montiel Olea and
    Pflueger 2013); below that critical value, 23.1 with one instrument, a note warns. The set may be unbounded (then so
    is the interval), two rays (the interval is the whole line, the notes name the rays), or, with several instruments,
    empty (the interval is nan).

    Parameters
    ----------
    frame, covariates, cluster, weights, level
        As in `regression`. Covariates are those that instrument and outcome share as causes.
    treatment, outcome
        Columns of numbers; 0 or 1 for method="doubly-robust" (the treatment).
    instrument
        Column, or several, that moves the treatment, is as good as random given the covariates, and reaches the outcome
        by the treatment alone.
    embeddings
        (n, d) array or several. 2SLS holds fixed their cross-fitted ridge readings for treatment, outcome and
        instrument; doubly robust: ridge terms in every nuisance.
    estimand
        "LATE", the only one an instrument identifies.
    seed, folds, groups
        Cross-fitting, as in `aipw`.
    propensity
        Column with the known P(instrument = 1), for method="doubly-robust".
    method
        "2sls", "liml" (limited information maximum likelihood: nearer the middle with many weak instruments) or
        "doubly-robust" (one instrument, it and the treatment 0 or 1).
    interval
        "auto" (the rule above), "wald" or "anderson-rubin".
    nuisance, clip
        As in `aipw`, for method="doubly-robust".
    graph
        What is believed about the world: a covariate that is an effect of the treatment in it is refused.

    Raises
    ------
    ValueError
        If an instrument is constant, the treatment, the outcome or a covariate, or nothing of it is left given the
        covariates; on an unknown estimand, method or interval; and on what every estimator refuses.
    """
    _check_choices(estimand, method, interval, propensity)
    z_value(level)
    read = read_instruments(
        frame, treatment, outcome, covariates, instrument,
        embeddings=embeddings, cluster=cluster, weights=weights, groups=groups, propensity=propensity,
        folds=folds, seed=seed, graph=graph,
    )  # fmt: skip
    more: dict[str, float] = {}
    if method == "doubly-robust":
        form, more = doubly_robust_form(read, nuisance=nuisance, folds=folds, seed=seed, clip=clip)
        _check_first_stage(form)
        value, error = _wald_ratio(form)
        words = f"doubly robust LATE, {nuisance}, {folds}-fold cross-fitted"
    else:
        form = reduced_form(read)
        _check_first_stage(form)
        value, error = _k_class(read, method)
        words = method.upper() + ("" if read.sample.clusters else ", HC1")
    return _as_estimate(read, form, (value, error), words, level, interval, more)


def _check_choices(estimand: str, method: str, interval: str, propensity: str | None) -> None:
    if estimand != "LATE":
        raise ValueError(
            f"estimand={estimand!r}: an instrument tells the effect on those whom it moves alone, so only 'LATE' is "
            "identified; for the effect on all use aipw, which needs every confounder instead"
        )
    for name, value, known in (("method", method, METHODS), ("interval", interval, INTERVALS)):
        if value not in known:
            raise ValueError(f"unknown {name} {value!r}; {nearest(value, known)}")
    if propensity is not None and method != "doubly-robust":
        raise ValueError(
            f"propensity={propensity!r} is used by method='doubly-robust' only; leave it out for {method!r}"
        )


def _check_first_stage(form: ReducedForm) -> None:
    if form.effective_f < _NOTHING:
        raise ValueError(
            "the instrument does not move the treatment at all in this table (first-stage F is 0 up to rounding), so "
            "no effect is in it; use an instrument that does"
        )


def _wald_ratio(form: ReducedForm) -> tuple[float, float]:
    value = float(form.outcome[0] / form.treatment[0])
    direction = np.array([1.0, -value]) / form.treatment[0]
    return value, math.sqrt(direction @ form.covariance @ direction)


def _k_class(read: InstrumentSample, method: str) -> tuple[float, float]:
    """Value and standard error by linearmodels; a two-way sum that is not positive gives way to the larger side."""
    from linearmodels.iv import IV2SLS, IVLIML

    sample = read.sample
    kind: Any = IV2SLS if method == "2sls" else IVLIML
    treatment, instruments = (
        standardised(sample.treatment[:, None]),
        standardised(read.instruments),
    )  # unit, offset: off
    model = kind(sample.outcome, read.controls, treatment, instruments, weights=sample.weights)
    if not sample.clusters:
        fits = [model.fit(cov_type="robust", debiased=True)]
    else:
        fits = [model.fit(cov_type="clustered", debiased=True, clusters=np.column_stack(sample.clusters))]
        if not fits[0].cov.iloc[-1, -1] > 0:
            fits = [model.fit(cov_type="clustered", debiased=True, clusters=codes) for codes in sample.clusters]
    scale = float(sample.treatment.std())
    return float(fits[0].params.iloc[-1]) / scale, math.sqrt(max(float(fit.cov.iloc[-1, -1]) for fit in fits)) / scale


def _as_estimate(
    read: InstrumentSample,
    form: ReducedForm,
    found: tuple[float, float],
    words: str,
    level: float,
    interval: str,
    more: dict[str, float],
) -> Estimate:
    value, error = found
    region = anderson_rubin(form, level)
    enough = max(form.critical_f, _SAFE_F if form.count == 1 else 0.0)
    robust = interval == "anderson-rubin" or (interval == "auto" and form.effective_f < enough)
    diagnostics = diagnose(read, form, region) | more
    clusters = {f"clusters_{k + 1}": float(codes.max() + 1) for k, codes in enumerate(read.sample.clusters)}
    usual = ConfidenceSet((normal_interval(value, error, level),))
    said = (*notes(read, form, region, usual, robust, diagnostics), *read.sample.notes)
    return Estimate(
        value=value,
        std_error=error,
        interval=region.hull if robust else normal_interval(value, error, level),
        level=level,
        estimand="LATE",
        method=words + (", cluster-robust" if clusters else "") + (", Anderson-Rubin interval" if robust else ""),
        n=read.sample.n,
        diagnostics=diagnostics | clusters,
        assumptions=(*assumptions(read, words), SUTVA),
        notes=(*said, judgement(diagnostics, said)),
    )
