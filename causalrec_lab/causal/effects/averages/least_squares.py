"""Outcome regression: ordinary least squares with robust errors, and the naive difference in means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.diagnostics import check_overlap, overlap_diagnostics, overlap_notes, r_squared
from causalrec_lab.causal.effects.inference import IGNORABILITY, SUTVA, report
from causalrec_lab.causal.effects.nuisances.cross_fitting import NUISANCES, design_matrix, embedding_indices
from causalrec_lab.causal.effects.nuisances.ridge import expit, fit_linear, fit_logistic, one_thread
from causalrec_lab.causal.effects.sample import Embeddings, Floats, Sample, nearest, read_sample
from causalrec_lab.estimate import Estimate

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["logistic_index", "naive", "regression"]

ERRORS = ("HC1", "HC3")


def naive(
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    *,
    cluster: str | Sequence[str] | None = None,
    level: float = 0.95,
) -> Estimate:
    """Difference in mean outcome between treated and untreated rows: an association, causal only under randomisation.

    Raises
    ------
    ValueError
        On the bad input that every estimator refuses.
    """
    found = regression(frame, treatment, outcome, (), cluster=cluster, level=level)
    words = {"method": "difference in means", "assumptions": ("treatment was randomised", SUTVA)}
    return Estimate.from_dict({**found.to_dict(), **words})


@one_thread()
def regression(
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
    interactions: bool = True,
    nuisance: str = "linear",
    errors: str = "HC1",
    graph: CausalGraph | None = None,
) -> Estimate:
    r"""Effect by ordinary least squares, with HC1 or cluster-robust errors.

    .. math:: Y = \alpha + \tau T + (X - c)'\beta + T (X - c)'\delta + \varepsilon

    With interactions (Lin 2013) :math:`c` is the mean of X over all rows (ATE) or over the treated (ATT),
    and the error includes the sampling of :math:`c`. Without them the model says one effect fits all; where it does
    not, OLS weighs rows by the variance of treatment (Angrist 1998), which is the ATO if the propensity is linear in X.

    Parameters
    ----------
    frame
        One row an eligible decision.
    treatment, outcome
        Columns: 0 or 1; a number.
    covariates
        Columns that close every back door; text and category columns become indicators.
    embeddings
        (n, d) array or several. Two cross-fitted ridge readings of them (for treatment and outcome) join the
        covariates; their own estimation error is not in the interval.
    cluster
        Column or two whose rows err together.
    weights
        Column of sampling weights.
    estimand
        "ATE", "ATT" or "ATO" (the last fits no interactions).
    level, seed, folds, groups
        Confidence level; seed and number of folds for embeddings; columns whose values no fold splits (default:
        `cluster`).
    interactions
        Whether effects may differ with X.
    nuisance
        "linear" or "spline" terms of X.
    errors
        "HC1", or "HC3" (residuals divided by 1 - leverage; MacKinnon and White 1985), which is safer where rows are
        few beside the terms. With `cluster`, "HC1" is the cluster-robust form and there is no "HC3".
    graph
        What is believed about the world: a covariate that is an effect of the treatment in it is refused.

    Raises
    ------
    ValueError
        On an unknown column, estimand or nuisance, a single-class treatment, missing outcomes, non-finite covariates,
        embeddings of another length, or as many terms as rows.
    """
    sample = read_sample(
        frame, treatment, outcome, covariates,
        embeddings=embeddings, cluster=cluster, weights=weights, estimand=estimand, groups=groups, graph=graph,
    )  # fmt: skip
    if errors not in ERRORS or (errors == "HC3" and sample.clusters):
        way_out = "clustered errors are 'HC1'" if errors in ERRORS else nearest(errors, ERRORS)
        raise ValueError(f"regression has no errors={errors!r} here; {way_out}")
    if nuisance not in NUISANCES[:2]:
        raise ValueError(f"regression has no nuisance {nuisance!r}; {nearest(nuisance, NUISANCES[:2])}")
    X = design_matrix(sample.covariates, nuisance)[:, 1:]
    if sample.embeddings.shape[1]:
        X = np.column_stack([X, embedding_indices(sample, folds=folds, seed=seed)])
    crossed = interactions and estimand != "ATO" and X.shape[1] > 0
    value, influence, fitted = _least_squares(sample, X, estimand, crossed, errors)
    e = np.clip(expit(logistic_index(sample, X)), 1e-6, 1 - 1e-6)
    diagnostics = overlap_diagnostics(sample, e, estimand) | {
        "outcome_r2": r_squared(sample.outcome, fitted, sample.weights)
    }
    kind = f"OLS with {'interactions' if crossed else 'one effect'}{'' if sample.clusters else f', {errors}'}"
    return report(
        sample, value, influence,
        level=level, estimand=estimand, method=kind, diagnostics=diagnostics,
        notes=_notes(sample, diagnostics, estimand, crossed, X.shape[1] > 0),
        assumptions=(IGNORABILITY, "the outcome is linear in the terms given", SUTVA),
    )  # fmt: skip


def _least_squares(
    sample: Sample, X: Floats, estimand: str, crossed: bool, errors: str
) -> tuple[float, Floats, Floats]:
    t, w, n = sample.treatment, sample.weights, sample.n
    share = w * t if estimand == "ATT" else w  # rows over which the effect is averaged
    centred = X - np.average(X, axis=0, weights=share)
    D = np.column_stack([np.ones(n), t, centred, *([centred * t[:, None]] if crossed else [])])
    _check_freedom(sample, D, crossed)
    beta = fit_linear(D, sample.outcome, w, np.zeros(D.shape[1]))
    fitted = D @ beta
    gram = (D * w[:, None]).T @ D / n
    inverse = np.linalg.pinv(gram, hermitian=True)
    scores = (D @ inverse[1]) * w * (sample.outcome - fitted)
    if errors == "HC3":
        leverage = np.einsum("ij,ij->i", D @ inverse, D) * w / n
        influence = scores / np.maximum(1 - leverage, 1e-9) * np.sqrt((n - 1) / n)
    else:
        influence = scores * np.sqrt((n - 1) / max(n - D.shape[1], 1))
    if crossed:
        influence = influence + share / share.mean() * (centred @ beta[2 + X.shape[1] :])
    return float(beta[1]), np.asarray(influence), fitted


def _check_freedom(sample: Sample, D: Floats, crossed: bool) -> None:
    """Refuse a fit that meets every outcome of a table, or of an arm that has terms of its own: no error is left."""
    arms = [(sample.treated, "treated "), (~sample.treated, "untreated ")] if crossed else [(sample.weights > 0, "")]
    for rows, word in arms:
        part = D[rows & (sample.weights > 0)]
        if len(part) <= D.shape[1] and np.linalg.matrix_rank(part) >= len(part):
            raise ValueError(
                f"{D.shape[1]} regression terms fit all {len(part)} {word}rows without error, so nothing tells how far "
                "the estimate may be off; give fewer covariates, "
                + ("interactions=False, or more rows" if crossed else "or more rows")
            )


def logistic_index(sample: Sample, X: Floats) -> Floats:
    """(n,) log-odds of treatment by a logistic regression on X (no intercept among its columns), fitted on all rows.

    Raises
    ------
    ValueError
        If the arms share no propensity.
    """
    design = np.column_stack([np.ones(sample.n), X])
    penalty = np.concatenate([[0.0], np.full(X.shape[1], 1e-3)])
    index = design @ fit_logistic(design, sample.treatment, sample.weights, penalty)
    check_overlap(sample, expit(index))
    return np.asarray(index)


def _notes(sample: Sample, found: dict[str, float], estimand: str, crossed: bool, adjusted: bool) -> tuple[str, ...]:
    heavy = ["arm's weight"] if np.ptp(sample.weights) else []  # the rows' own weights; it uses no others
    said = [note for note in overlap_notes(found, estimand) if any(words in note for words in ("overlap", *heavy))]
    if not adjusted:
        said.append("nothing is adjusted for: this is an association unless treatment was randomised")
    elif not crossed:
        said.append(
            "one effect for all rows is assumed; where effects differ this is their average weighted by e(1 - e)"
        )
    if sample.embeddings.shape[1]:
        said.append(f"{sample.embeddings.shape[1]} embedding dimensions enter as two cross-fitted ridge readings")
    return tuple(said)
