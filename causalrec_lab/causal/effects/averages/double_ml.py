"""Double machine learning: orthogonal scores, cross-fitted, over one split of the rows or many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.averages.scores import Fitted, fit, terms, to_estimate
from causalrec_lab.causal.effects.averages.trimming import keep
from causalrec_lab.causal.effects.columns import Floats, nearest
from causalrec_lab.causal.effects.diagnostics import check_overlap, r_squared
from causalrec_lab.causal.effects.inference import IGNORABILITY, SUTVA, ratio, report, standard_error
from causalrec_lab.causal.effects.nuisances.cross_fitting import Nuisances, clipped
from causalrec_lab.causal.effects.nuisances.means import cross_fit_means
from causalrec_lab.causal.effects.nuisances.ridge import one_thread
from causalrec_lab.causal.effects.sample import Embeddings, Sample, read_sample
from causalrec_lab.estimate import Estimate

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["dml"]

MODELS = ("interactive", "partially linear")
_DECIDED, _NEARLY = 1e-6, 0.01  # share of a dose's variance that the covariates leave: none; little
Split = tuple[float, Floats, Fitted]  # value and influence of one split of the rows, and what it was fitted on


@one_thread()
def dml(
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    covariates: Sequence[str],
    *,
    embeddings: Embeddings | None = None,
    cluster: str | Sequence[str] | None = None,
    weights: str | None = None,
    estimand: str | None = None,
    level: float = 0.95,
    seed: int = 0,
    folds: int = 5,
    groups: str | Sequence[str] | None = None,
    propensity: str | None = None,
    nuisance: str = "spline",
    clip: float = 0.01,
    trim: float | str | None = None,
    model: str = "interactive",
    repetitions: int = 1,
    graph: CausalGraph | None = None,
) -> Estimate:
    r"""Effect by double machine learning.

    The *interactive* model lets effects differ with X; its score for the ATE and the ATT is that of `aipw`
    (Chernozhukov et al. 2018, The Econometrics Journal, on the interactive model). The *partially linear* model says
    :math:`Y = \theta T + g(X) + \varepsilon` and regresses residuals on residuals:

    .. math:: \hat\theta = \frac{\sum (T - \hat e)(Y - \hat l)}{\sum (T - \hat e)^2}, \qquad
        \hat e = E[T | X], \quad \hat l = E[Y | X]

    Where effects differ with X, :math:`\theta` is their average weighted by :math:`\mathrm{Var}(T | X)`; for a
    treatment that is 0 or 1 that is the ATO. The treatment may then also be a number (a dose, a price): the effect is
    that of one unit more.

    A split of the rows is arbitrary. With `repetitions` the median over so many splits is given, and
    :math:`\widehat{se}^2` is the median of :math:`\widehat{se}_s^2 + (\hat\theta_s - \hat\theta)^2`.

    Parameters
    ----------
    frame, treatment, outcome, covariates, embeddings, cluster, weights, level, seed, folds, groups, propensity,
    nuisance, clip, trim, graph
        As in `aipw`.
    estimand
        "ATE" (default) or "ATT" for the interactive model; "ATO" for the partially linear one, its default.
    model
        "interactive" or "partially linear".
    repetitions
        Splits of the rows.

    Raises
    ------
    ValueError
        On the bad input that `aipw` refuses, an unknown model, or an estimand that the model does not have.
    """
    estimand = _estimand(model, estimand, repetitions)
    sample = read_sample(
        frame, treatment, outcome, covariates,
        embeddings=embeddings, cluster=cluster, weights=weights, estimand=estimand, groups=groups,
        propensity=propensity, graph=graph, binary=model == "interactive",
    )  # fmt: skip

    def interactive(split: int) -> Split:
        fitted = fit(sample, nuisance=nuisance, folds=folds, seed=split, clip=clip, estimand=estimand, trim=trim)
        return *ratio(*terms(fitted, estimand)), fitted

    def partially_linear(split: int) -> Split:
        return _residuals_on_residuals(sample, nuisance, folds, split, trim)

    runs = _repeated(interactive if model == "interactive" else partially_linear, repetitions, seed)
    return _aggregated(runs, model, estimand, level, f"{nuisance}, {folds}-fold cross-fitted")


def _estimand(model: str, estimand: str | None, repetitions: int) -> str:
    if model not in MODELS:
        raise ValueError(f"unknown model {model!r}; {nearest(model, MODELS)}")
    if repetitions < 1:
        raise ValueError(f"repetitions={repetitions}; give 1 or more splits of the rows")
    if model == "interactive" and estimand == "ATO":
        raise ValueError("the interactive model has no estimand 'ATO' here: use model='partially linear', or aipw")
    if model != "interactive" and estimand not in (None, "ATO"):
        raise ValueError(
            f"the partially linear model does not estimate the {estimand!r} where effects differ: it averages them by "
            "Var(T | X), which is estimand='ATO'; for the ATE or ATT use model='interactive'"
        )
    return estimand or ("ATE" if model == "interactive" else "ATO")


def _repeated(run: Callable[[int], Split], repetitions: int, seed: int) -> list[Split]:
    seeds = [seed, *np.random.default_rng(seed).integers(2**31, size=repetitions - 1).tolist()]
    return [run(split) for split in seeds]


def _residuals_on_residuals(sample: Sample, nuisance: str, folds: int, seed: int, trim: float | str | None) -> Split:
    t, y = sample.treatment, sample.outcome
    wanted = [y] if sample.propensity is not None else [y, t]
    found = cross_fit_means(sample, np.column_stack(wanted), nuisance=nuisance, folds=folds, seed=seed)
    line, e = found[:, 0], found[:, 1] if sample.propensity is None else sample.propensity
    binary = _is_binary(t)
    if binary:
        check_overlap(sample, e)
        e = clipped(e, 0.0, "ATO")
    elif trim is not None:
        raise ValueError(f"trim={trim!r} cuts propensities; a treatment that is not 0 or 1 has none")
    elif r_squared(t, e, sample.weights) > 1 - _DECIDED:
        raise ValueError(
            "the covariates tell the treatment without error, so nothing of it is left to vary and no effect is "
            "identified: drop the covariate that decides the treatment"
        )
    kept = keep(e, trim)
    v, w = t - e, sample.weights * kept.rows
    value, influence = ratio(w * v * (y - line), w * v * v)
    # the line is the same in both arms, so that residuals of the outcome are judged by E[Y | X]
    whole = Fitted(sample, Nuisances(e, line, line), kept)
    if kept.rows.all():
        return value, influence, whole
    return value, influence[kept.rows] * float(np.mean(kept.rows)), whole.take(kept.rows)


def _is_binary(treatment: Floats) -> bool:
    return bool(np.isin(treatment, (0.0, 1.0)).all())


def _aggregated(runs: list[Split], model: str, estimand: str, level: float, how: str) -> Estimate:
    values = np.array([value for value, _, _ in runs])
    errors = np.array([standard_error(influence, fitted.sample.clusters) for _, influence, fitted in runs])
    value = float(np.median(values))
    error = float(np.sqrt(np.median(errors**2 + (values - value) ** 2)))
    nearest_run = int(np.argmin(np.abs(values - value)))  # its diagnostics stand for all
    _, influence, fitted = runs[nearest_run]
    splits = f", median of {len(runs)} splits" if len(runs) > 1 else ""
    known = ", logged propensity" if fitted.sample.propensity is not None else ""
    method = f"DML, {model}, {how}{splits}{known}"
    notes = [] if model == "interactive" else [_weighted_note(fitted.sample)]
    if len(runs) > 1:
        notes.append(f"over {len(runs)} splits the value has a standard deviation of {values.std(ddof=1):.3g}")
    if _is_binary(fitted.sample.treatment):
        found = to_estimate(
            fitted, value, influence, estimand=estimand, level=level, method=method, notes=notes, std_error=error
        )
        return _with_splits(found, values)
    return _with_splits(_dose_estimate(fitted, value, influence, error, level, method, notes), values)


def _weighted_note(sample: Sample) -> str:
    what = "e(1 - e), the ATO" if _is_binary(sample.treatment) else "the variance of the dose given the covariates"
    return f"the partially linear model averages effects that differ by {what}; it is the ATE where one effect fits all"


def _dose_estimate(
    fitted: Fitted, value: float, influence: Floats, error: float, level: float, method: str, notes: list[str]
) -> Estimate:
    sample, found = fitted.sample, fitted.nuisances
    diagnostics = {
        "treatment_r2": r_squared(sample.treatment, found.propensity, sample.weights),
        "outcome_r2": r_squared(sample.outcome, found.control, sample.weights),
    }
    if diagnostics["treatment_r2"] > 1 - _NEARLY:
        told = f"warning: the covariates tell {diagnostics['treatment_r2']:.2%} of the treatment's variance; the effect"
        notes = [*notes, f"{told} rests on what little is left, and on the nuisances being that exact"]
    return report(
        sample, value, influence, std_error=error,
        level=level, estimand="partially linear slope", method=method, diagnostics=diagnostics, notes=notes,
        assumptions=(IGNORABILITY, "the treatment still varies where the covariates are the same", SUTVA),
    )  # fmt: skip


def _with_splits(found: Estimate, values: Floats) -> Estimate:
    if len(values) == 1:
        return found
    return replace(found, diagnostics={**found.diagnostics, "sd_over_splits": float(values.std(ddof=1))})
