"""Augmented inverse-propensity weighting: doubly robust, cross-fitted, by group where asked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.diagnostics import check_overlap, overlap_diagnostics, overlap_notes, r_squared
from causalrec_lab.causal.effects.inference import IGNORABILITY, OVERLAP, SUTVA, ratio, report
from causalrec_lab.causal.effects.nuisances.cross_fitting import NUISANCES, Nuisances, cross_fit
from causalrec_lab.causal.effects.nuisances.ridge import one_thread
from causalrec_lab.causal.effects.sample import Embeddings, Floats, Sample, nearest, read_sample
from causalrec_lab.estimate import Estimate

__all__ = ["aipw", "by_group"]


@one_thread()
def aipw(
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    covariates: Sequence[str],
    *,
    embeddings: Embeddings | None = None,
    cluster: str | Sequence[str] | None = None,
    weights: str | None = None,
    estimand: str = "ATE",
    level: float = 0.95,
    seed: int = 0,
    folds: int = 5,
    groups: str | Sequence[str] | None = None,
    propensity: str | None = None,
    nuisance: str = "spline",
    clip: float = 0.01,
) -> Estimate:
    r"""Effect from outcome surfaces corrected by weighted residuals: right if either nuisance is.

    Source: Robins, Rotnitzky and Zhao (1994).

    .. math:: \hat\tau_{ATE} = \frac1n \sum m_1 - m_0 + \frac{T (Y - m_1)}{e} - \frac{(1-T)(Y - m_0)}{1-e}

    .. math:: \hat\tau_{ATT} = \frac{\sum (T - (1-T) \frac{e}{1-e}) (Y - m_0)}{\sum T}, \qquad
        \hat\tau_{ATO} = \frac{\sum (T - e)(Y - e m_1 - (1-e) m_0)}{\sum (T - e)^2}

    Nuisances are cross-fitted, so the error is that of the mean of the influence function (Chernozhukov et al. 2018,
    section 5.1). The last form is the efficient score of the overlap-weighted effect (Crump et al. 2006) written as a
    residual regression.

    Parameters
    ----------
    frame, treatment, outcome, covariates, cluster, weights, level
        As in `regression`.
    embeddings
        (n, d) array or several: ridge terms in both nuisances, the penalty chosen inside each fold.
    estimand
        "ATE", "ATT" or "ATO".
    seed, folds, groups
        Cross-fitting: seed, number of folds, columns whose values no fold splits (default: `cluster`). With two (user
        and item) every training set shares neither with its test cell.
    propensity
        Column with the logged P(treated = 1); then only the outcome is modelled.
    nuisance
        "spline" (logistic or least squares with splines and products), "linear", or "boosted" (gradient-boosted trees).
    clip
        Propensities are held inside [clip, 1 - clip] where the estimand divides by them (ATT: only below 1 - clip).

    Raises
    ------
    ValueError
        On the bad input that `regression` refuses, propensities outside (0, 1), groups that cannot be dealt to folds,
        or empty overlap.
    """
    sample = read_sample(
        frame, treatment, outcome, covariates,
        embeddings=embeddings, cluster=cluster, weights=weights, estimand=estimand, groups=groups,
        propensity=propensity,
    )  # fmt: skip
    fitted = _fitted(sample, nuisance, folds, seed, clip, estimand)
    value, influence = ratio(*_terms(sample, fitted, estimand))
    return _as_estimate(sample, fitted, value, influence, estimand, level, _method(sample, nuisance, folds))


@one_thread()
def by_group(
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    covariates: Sequence[str],
    by: str,
    *,
    embeddings: Embeddings | None = None,
    cluster: str | Sequence[str] | None = None,
    weights: str | None = None,
    estimand: str = "ATE",
    level: float = 0.95,
    seed: int = 0,
    folds: int = 5,
    groups: str | Sequence[str] | None = None,
    propensity: str | None = None,
    nuisance: str = "spline",
    clip: float = 0.01,
) -> dict[str, Estimate]:
    """Effect within each value of a column: AIPW scores of one cross-fit, averaged by group.

    Source: Semenova and Chernozhukov (2021).

    Parameters
    ----------
    by
        Column of groups fixed before treatment (a category, a segment).
    frame, treatment, outcome, covariates, embeddings, cluster, weights, estimand, level, seed, folds, groups,
    propensity, nuisance, clip
        As in `aipw`.

    Returns
    -------
    Group -> estimate, in sorted order of the group's name.

    Raises
    ------
    ValueError
        As `aipw`, or if a group lacks one of the two arms.
    """
    sample = read_sample(
        frame, treatment, outcome, covariates,
        embeddings=embeddings, cluster=cluster, weights=weights, estimand=estimand, groups=groups,
        propensity=propensity,
    )  # fmt: skip
    if by not in frame.columns:
        raise ValueError(f"no column {by!r} in the table; {nearest(by, list(frame.columns))}")
    labels = _labels(frame, by)
    fitted = _fitted(sample, nuisance, folds, seed, clip, estimand)
    terms, found = _terms(sample, fitted, estimand), {}
    for label in sorted(set(labels)):
        inside = labels == label
        part = sample.take(inside)
        mine = Nuisances(fitted.propensity[inside], fitted.control[inside], fitted.treated[inside])
        method = f"{_method(sample, nuisance, folds)}, {by} = {label}"
        try:
            _check_arms(part)
            value, influence = ratio(*(term[inside] for term in terms))
            found[label] = _as_estimate(part, mine, value, influence, estimand, level, method)
        except ValueError as error:
            raise ValueError(f"group {by} = {label!r}: {error}; merge it with another, or leave it out") from error
    return found


def _labels(frame: pd.DataFrame, by: str) -> npt.NDArray[np.object_]:
    missing = frame[by].isna().to_numpy()
    if missing.any():
        raise ValueError(
            f"column {by!r} has {int(missing.sum()):,} missing values, first at row {int(np.argmax(missing))}; give "
            "them a group of their own"
        )
    return np.asarray(frame[by].astype(str).to_numpy(), dtype=object)


def _check_arms(part: Sample) -> None:
    if part.treatment.min() == part.treatment.max():
        raise ValueError(f"its {part.n:,} rows are of a single treatment class")


def _fitted(sample: Sample, nuisance: str, folds: int, seed: int, clip: float, estimand: str) -> Nuisances:
    if nuisance not in NUISANCES:
        raise ValueError(f"unknown nuisance {nuisance!r}; {nearest(nuisance, NUISANCES)}")
    fitted = cross_fit(sample, nuisance=nuisance, folds=folds, seed=seed, clip=clip, estimand=estimand)
    check_overlap(sample, fitted.propensity)
    return fitted


def _terms(sample: Sample, fitted: Nuisances, estimand: str) -> tuple[Floats, Floats]:
    t, y, w, e = sample.treatment, sample.outcome, sample.weights, fitted.propensity
    if estimand == "ATE":
        corrections = t * (y - fitted.treated) / e - (1 - t) * (y - fitted.control) / (1 - e)
        return w * (fitted.treated - fitted.control + corrections), w
    if estimand == "ATT":
        return w * (t - (1 - t) * e / (1 - e)) * (y - fitted.control), w * t
    return w * (t - e) * (y - e * fitted.treated - (1 - e) * fitted.control), w * (t - e) ** 2


def _as_estimate(
    sample: Sample, fitted: Nuisances, value: float, influence: Floats, estimand: str, level: float, method: str
) -> Estimate:
    prediction = np.where(sample.treated, fitted.treated, fitted.control)
    diagnostics = overlap_diagnostics(sample, fitted.propensity, estimand)
    diagnostics["outcome_r2"] = r_squared(sample.outcome, prediction, sample.weights)
    return report(
        sample, value, influence,
        level=level, estimand=estimand, method=method, diagnostics=diagnostics,
        notes=_notes(sample, diagnostics, estimand),
        assumptions=(IGNORABILITY, OVERLAP, "the propensity or the outcome model is right", SUTVA),
    )  # fmt: skip


def _notes(sample: Sample, found: dict[str, float], estimand: str) -> tuple[str, ...]:
    said = list(overlap_notes(found, estimand))
    if sample.propensity is not None:
        said.append(
            "the logged propensity is taken as known: if it is nominal, it knows nothing of what was not logged"
        )
    if sample.embeddings.shape[1]:
        said.append(f"{sample.embeddings.shape[1]} embedding dimensions enter both nuisances by cross-fitted ridge")
    return tuple(said)


def _method(sample: Sample, nuisance: str, folds: int) -> str:
    known = ", logged propensity" if sample.propensity is not None else ""
    return f"AIPW, {nuisance}, {folds}-fold cross-fitted{known}"
