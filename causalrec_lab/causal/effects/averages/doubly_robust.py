"""Augmented inverse-propensity weighting: doubly robust, cross-fitted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from causalrec_lab.causal.effects.averages.scores import fit, terms, to_estimate
from causalrec_lab.causal.effects.inference import ratio
from causalrec_lab.causal.effects.nuisances.ridge import one_thread
from causalrec_lab.causal.effects.sample import Embeddings, read_sample
from causalrec_lab.estimate import Estimate

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["aipw"]


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
    trim: float | str | None = None,
    graph: CausalGraph | None = None,
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
    frame, treatment, outcome, covariates, cluster, weights, level, graph
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
    trim
        Leave out rows with a propensity outside [trim, 1 - trim], or outside the cut that estimates best what is left
        ("optimal", Crump et al. 2009); the effect is then that of the rows kept.

    Raises
    ------
    ValueError
        On the bad input that `regression` refuses, propensities outside (0, 1), groups that cannot be dealt to folds,
        or empty overlap.
    """
    sample = read_sample(
        frame, treatment, outcome, covariates,
        embeddings=embeddings, cluster=cluster, weights=weights, estimand=estimand, groups=groups,
        propensity=propensity, graph=graph,
    )  # fmt: skip
    fitted = fit(sample, nuisance=nuisance, folds=folds, seed=seed, clip=clip, estimand=estimand, trim=trim)
    value, influence = ratio(*terms(fitted, estimand))
    known = ", logged propensity" if propensity else ""
    method = f"AIPW, {nuisance}, {folds}-fold cross-fitted{known}"
    return to_estimate(fitted, value, influence, estimand=estimand, level=level, method=method)
