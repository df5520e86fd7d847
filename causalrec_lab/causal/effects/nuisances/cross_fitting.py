"""Cross-fitted nuisances: the propensity P(T = 1 | X, E) and the outcome surfaces E[Y | T = t, X, E]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.nuisances.blocks import FREE, fit_blocks, ridge_of_bends, thirds
from causalrec_lab.causal.effects.nuisances.folds import splits
from causalrec_lab.causal.effects.nuisances.readings import embedding_indices, readings_in_fold
from causalrec_lab.causal.effects.nuisances.ridge import expit, fit_linear, fit_logistic, one_thread
from causalrec_lab.causal.effects.nuisances.scale import standardised
from causalrec_lab.causal.effects.sample import Embeddings, Floats, Integers, Sample, nearest, read_sample

__all__ = [
    "NUISANCES",
    "TREES",
    "Nuisances",
    "by_arm",
    "clipped",
    "cross_fit",
    "cross_fit_propensity",
    "design_matrix",
    "embedding_indices",
    "predict",
    "propensity_scores",
    "ridge_of_design",
    "row_weights",
]

NUISANCES = ("spline", "linear", "boosted")
_KNOTS = (0.05, 0.35, 0.65, 0.95)
TREES: dict[str, Any] = {"max_iter": 100, "learning_rate": 0.08, "max_leaf_nodes": 8, "min_samples_leaf": 30}
_TINY = 1e-9
_FAR = 2.5  # standard deviations beyond which a product of covariates stays where it is
_CROSSED = 8  # with more covariates than this, pairwise products cost more than they give


@dataclass(frozen=True)
class Nuisances:
    """Out-of-fold predictions, each (n,): propensity, outcome under control and under treatment."""

    propensity: Floats
    control: Floats
    treated: Floats


def design_matrix(covariates: Floats, nuisance: str) -> Floats:
    """Columns the linear learners see: 1, the covariates and, for "spline", natural cubic splines and products.

    The basis is fixed by the covariates alone (knots at their 5, 35, 65 and 95 % quantiles; Harrell 2015, section
    2.4.5), so it may be made once for all folds.

    Raises
    ------
    ValueError
        If `nuisance` is unknown.
    """
    if nuisance not in NUISANCES:
        raise ValueError(f"unknown nuisance {nuisance!r}; {nearest(nuisance, NUISANCES)}")
    z = standardised(covariates)
    columns = [np.ones((len(z), 1)), z]
    if nuisance == "spline":
        columns += [standardised(_natural_spline(column)) for column in z.T if len(pd.unique(column)) > 8]
        if z.shape[1] <= _CROSSED:
            near = np.clip(z, -_FAR, _FAR)
            columns += [near[:, [i]] * near[:, [j]] for i in range(z.shape[1]) for j in range(i)]
    return np.column_stack(columns)


def cross_fit(sample: Sample, *, nuisance: str, folds: int, seed: int, clip: float, estimand: str = "ATE") -> Nuisances:
    """Predict every row's propensity and two outcome surfaces by models that did not see it (nor its groups).

    Embeddings are penalised less than prediction alone would have it: the bias of a functional is that of its
    nuisances, their variance averages out (Newey, Hsieh and Robins 1998, on undersmoothing).
    """
    design = design_matrix(sample.covariates, nuisance)
    e, m0, m1 = (np.empty(sample.n) for _ in range(3))
    for train, test in splits(sample.n, folds, sample.groups, sample.treatment, seed):
        m0[test], m1[test] = predict(sample, design, train, test, "outcome", nuisance=nuisance, seed=seed)
        if sample.propensity is None:
            e[test] = predict(sample, design, train, test, "propensity", nuisance=nuisance, seed=seed)[0]
    e = sample.propensity if sample.propensity is not None else e
    return Nuisances(clipped(e, clip, estimand), m0, m1)


def cross_fit_propensity(sample: Sample, *, nuisance: str, folds: int, seed: int) -> Floats:
    """Out-of-fold propensities, not clipped."""
    design, e = design_matrix(sample.covariates, nuisance), np.empty(sample.n)
    for train, test in splits(sample.n, folds, sample.groups, sample.treatment, seed):
        e[test] = predict(sample, design, train, test, "propensity", nuisance=nuisance, seed=seed)[0]
    return e


def predict(
    sample: Sample, design: Floats, train: Integers, test: Integers, what: str, *, nuisance: str, seed: int
) -> tuple[Floats, Floats]:
    """Predictions at rows `test` of one model fitted on rows `train`.

    Parameters
    ----------
    design
        As `design_matrix` gives it for all rows.
    what
        "outcome" (the surfaces under control and under treatment) or "propensity" (the same array twice).
    """
    learner = _boosted if nuisance == "boosted" else _ridge
    return learner(sample, design, train, test, what, seed)


@one_thread()
def propensity_scores(
    frame: pd.DataFrame,
    treatment: str,
    covariates: Sequence[str],
    *,
    embeddings: Embeddings | None = None,
    groups: str | Sequence[str] | None = None,
    nuisance: str = "spline",
    folds: int = 5,
    seed: int = 0,
) -> Floats:
    """(n,) cross-fitted P(treated = 1 | covariates, embeddings): for overlap plots and weights.

    Raises
    ------
    ValueError
        On the bad input that every estimator refuses, and where covariates decide the treatment.
    """
    sample = read_sample(frame, treatment, treatment, covariates, embeddings=embeddings, groups=groups)
    return cross_fit_propensity(sample, nuisance=nuisance, folds=folds, seed=seed)


def clipped(propensity: Floats, clip: float, estimand: str = "ATE") -> Floats:
    """Propensities held inside [clip, 1 - clip] at the ends where the estimand's weights grow without bound.

    Both ends for ATE, the upper one for ATT (a control row unlike any treated one weighs next to nothing, and must),
    none for ATO.

    Raises
    ------
    ValueError
        If `clip` is outside [0, 0.5).
    """
    if not 0 <= clip < 0.5:
        raise ValueError(f"clip={clip}; give a small probability such as 0.01, in [0, 0.5)")
    low = clip if estimand == "ATE" else 0.0
    high = clip if estimand in ("ATE", "ATT") else 0.0
    return np.clip(propensity, max(low, _TINY), 1 - max(high, _TINY))


def row_weights(sample: Sample, rows: Integers) -> Floats | None:
    """Weights of some rows, None where all are alike: trees bin weighted rows ten times more slowly."""
    weights = sample.weights[rows]
    return None if np.ptp(weights) == 0 else weights


def ridge_of_design(
    sample: Sample, design: Floats, rows: Integers, target: Floats, *, logistic: bool, arms: bool = False
) -> Floats:
    """Ridge penalties of the design's columns, chosen on some rows (see `blocks.ridge_of_bends`).

    Parameters
    ----------
    design
        As `design_matrix` gives it for all rows of the sample.
    rows
        (k,) rows it is fitted on.
    target
        (n,) what is predicted.
    logistic
        Whether the target is a probability.
    arms
        Whether each arm has columns of its own; (2m,) penalties then, else (m,).
    """
    bent, columns = np.arange(design.shape[1]) > sample.covariates.shape[1], design[rows]
    if arms:
        bent, columns = np.tile(bent, 2), by_arm(design, sample.treatment)[rows]
    labels = thirds(sample, rows)
    return ridge_of_bends(columns, bent, target[rows], sample.weights[rows], labels, logistic=logistic)


def by_arm(design: Floats, treatment: Floats) -> Floats:
    """(n, 2m) the design of untreated rows beside that of treated ones."""
    return np.column_stack([design * (1 - treatment)[:, None], design * treatment[:, None]])


def _ridge(
    sample: Sample, design: Floats, train: Integers, test: Integers, what: str, _seed: int
) -> tuple[Floats, Floats]:
    t, w, E, labels = sample.treatment, sample.weights, sample.embeddings, thirds(sample, train)
    if what == "propensity":
        ridge = ridge_of_design(sample, design, train, t, logistic=True)
        link = fit_blocks(design[train], E[train], t[train], w[train], labels, logistic=True, ridge=ridge)
        m = design.shape[1]
        e = expit(design[test] @ link[:m] + E[test] @ link[m:])
        return e, e
    straight = design.shape[1] == 1 + sample.covariates.shape[1]
    if E.shape[1] == 0 and straight:  # nothing is shared: an arm at a time, a quarter of the work
        lines = [_arm(sample, design, train[t[train] == arm], test) for arm in (0, 1)]
        return lines[0], lines[1]
    # surfaces differ by arm, the reading of E is shared
    y, binary = sample.outcome, sample.binary_outcome
    ridge = ridge_of_design(sample, design, train, y, logistic=binary, arms=True)
    columns = by_arm(design, t)[train]
    beta = fit_blocks(columns, E[train], y[train], w[train], labels, logistic=binary, ridge=ridge)
    m = design.shape[1]
    shared = E[test] @ beta[2 * m :]
    surfaces = design[test] @ beta[:m] + shared, design[test] @ beta[m : 2 * m] + shared
    return (expit(surfaces[0]), expit(surfaces[1])) if sample.binary_outcome else surfaces


def _arm(sample: Sample, design: Floats, rows: Integers, test: Integers) -> Floats:
    fitter, ridge = fit_logistic if sample.binary_outcome else fit_linear, np.full(design.shape[1], FREE)
    index = design[test] @ fitter(design[rows], sample.outcome[rows], sample.weights[rows], ridge)
    return expit(index) if sample.binary_outcome else np.asarray(index)


def _boosted(
    sample: Sample, _design: Floats, train: Integers, test: Integers, what: str, seed: int
) -> tuple[Floats, Floats]:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    X = sample.covariates
    if sample.embeddings.shape[1]:
        reading = np.empty((sample.n, 2))
        reading[train], reading[test] = readings_in_fold(sample, train, test, seed)
        X = np.column_stack([X, reading])

    def predict(rows: Integers, target: Floats, classes: bool) -> Floats:
        kind: Any = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
        with one_thread():  # trees bring threads of their own, which the caller's limit came too early to see
            model = kind(random_state=seed, **TREES).fit(X[rows], target[rows], sample_weight=row_weights(sample, rows))
            return np.asarray(model.predict_proba(X[test])[:, 1] if classes else model.predict(X[test]))

    if what == "propensity":
        e = predict(train, sample.treatment, True)
        return e, e
    arms = [train[sample.treatment[train] == arm] for arm in (0, 1)]
    surfaces = [
        predict(rows, sample.outcome, sample.binary_outcome and np.ptp(sample.outcome[rows]) > 0) for rows in arms
    ]
    return surfaces[0], surfaces[1]


def _natural_spline(x: Floats) -> Floats:
    knots = np.unique(np.quantile(x, _KNOTS))
    if len(knots) < 3:
        return np.empty((len(x), 0))
    last, before = knots[-1], knots[-2]

    def cubed(knot: float) -> npt.NDArray[Any]:
        return np.maximum(x - knot, 0.0) ** 3

    return np.column_stack(
        [
            cubed(k) - cubed(before) * (last - k) / (last - before) + cubed(last) * (before - k) / (last - before)
            for k in knots[:-2]
        ]
    )
