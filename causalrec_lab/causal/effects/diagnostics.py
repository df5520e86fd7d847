"""Figures that say whether an estimate can be trusted: overlap, effective sample size, balance, nuisance quality."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.diagnosing.logged import propensity_p
from causalrec_lab.causal.effects.diagnosing.tails import pareto_k
from causalrec_lab.causal.effects.nuisances.scale import standardised
from causalrec_lab.causal.effects.sample import Floats, Sample, read_sample

__all__ = [
    "arm_weights",
    "auc",
    "balance",
    "check_overlap",
    "checked_propensity",
    "overlap_diagnostics",
    "overlap_notes",
    "r_squared",
    "smd",
]

_LOW, _HIGH = 0.05, 0.95
_POOR_SHARE = 0.10  # more rows than this outside [.05, .95] and the effect rests on extrapolation
_HEAVY = 0.05  # one row holding more of an arm's weight than this speaks for everybody
_TAIL = 0.7  # Pareto shape above which an average by these weights is not to be relied on (Vehtari et al. 2024)
_FEW = 0.5  # share of the rows an average is worth, below which such a tail matters
_CONTRADICTED = 0.01  # level at which logged propensities are called wrong


def arm_weights(propensity: Floats, estimand: str) -> tuple[Floats, Floats]:
    """Weights of a treated and of a control row, each (n,).

    1/e and 1/(1-e) for ATE, 1 and e/(1-e) for ATT, 1-e and e for ATO.
    The family is Li, Morgan and Zaslavsky (2018), table 1.
    """
    e = propensity
    if estimand == "ATE":
        return 1 / e, 1 / (1 - e)
    if estimand == "ATT":
        return np.ones_like(e), e / (1 - e)
    return 1 - e, e


def check_overlap(sample: Sample, propensity: Floats) -> None:
    """Refuse a sample whose arms share no propensity.

    Raises
    ------
    ValueError
        If every treated row has a higher propensity than every control row; rows of weight zero are no rows.
    """
    there = sample.weights > 0
    lowest, highest = propensity[there & sample.treated].min(), propensity[there & ~sample.treated].max()
    if lowest >= highest and np.ptp(propensity[there]) > 1e-9:
        raise ValueError(
            f"empty overlap: every treated row has propensity >= {lowest:.3g}, every control row <= {highest:.3g}; "
            "no row has "
            "a comparable one in the other arm, so no effect is identified: drop the covariate that decides the "
            "treatment, "
            "or use data in which both could happen"
        )


def overlap_diagnostics(sample: Sample, propensity: Floats, estimand: str) -> dict[str, float]:
    """Overlap, effective sample size, weight tails, balance, propensity AUC of one weighting; scale of the outcome.

    With a logged propensity also `propensity_p`, the p-value of its being the one the log was written with.
    """
    t, w = sample.treated, sample.weights
    for_treated, for_control = arm_weights(propensity, estimand)
    there = propensity[w > 0]
    weight = np.where(t, for_treated, for_control) * w
    before, after = _differences(sample, w, weight)
    sizes = [weight[arm].sum() ** 2 / (weight[arm] ** 2).sum() for arm in (t, ~t)]
    tails = [k for arm in (t, ~t) if not np.isnan(k := pareto_k(weight[arm]))]
    return {
        "share_extreme": float(np.average((propensity < _LOW) | (propensity > _HIGH), weights=w)),
        "propensity_min": float(there.min()),
        "propensity_max": float(there.max()),
        "ess_treated": float(sizes[0]),
        "ess_control": float(sizes[1]),
        "effective_sample_size": float(sum(sizes)),
        "effective_share": float(sum(sizes)) / sample.n,
        "max_weight_share": float(max(weight[arm].max() / weight[arm].sum() for arm in (t, ~t))),
        **({"pareto_k": max(tails)} if tails else {}),
        "propensity_auc": auc(sample.treatment, propensity),
        **_of_the_log(sample),
        "max_smd_before": float(np.abs(before).max(initial=0.0)),
        "max_smd_after": float(np.abs(after).max(initial=0.0)),
    }


def _of_the_log(sample: Sample) -> dict[str, float]:
    """Scale of the outcome, its mean without treatment where it is a risk, and the test of a logged propensity."""
    y, w = sample.outcome, sample.weights
    found = {"outcome_spread": float(np.sqrt(np.average((y - np.average(y, weights=w)) ** 2, weights=w)))}
    if sample.binary_outcome:
        found["control_mean"] = float(np.average(y[~sample.treated], weights=w[~sample.treated]))
    if sample.propensity is not None:
        found["propensity_p"] = propensity_p(sample.treatment, sample.propensity, sample.covariates)
    return found


def overlap_notes(found: dict[str, float], estimand: str) -> tuple[str, ...]:
    """What a careful statistician would say about the diagnostics: warnings first word."""
    notes = []
    if found["share_extreme"] > _POOR_SHARE and estimand != "ATO":
        notes.append(
            f"warning: overlap is poor: {found['share_extreme']:.0%} of propensities lie outside [{_LOW}, {_HIGH}] "
            f"(from {found['propensity_min']:.2g} to {found['propensity_max']:.2g}); there the {estimand} is "
            "extrapolated, not "
            "observed: restrict the population, or ask for the effect where there is overlap (estimand='ATO')"
        )
    if found["max_weight_share"] > _HEAVY:
        notes.append(
            f"warning: one row carries {found['max_weight_share']:.0%} of its arm's weight "
            f"(effective sample size {found['effective_sample_size']:.0f}); the estimate hangs on single rows"
        )
    elif found.get("pareto_k", 0.0) > _TAIL and found["effective_share"] < _FEW:
        notes.append(
            f"warning: the weights have a heavy tail (Pareto shape {found['pareto_k']:.2f}, above {_TAIL}); a few rows "
            "that did not happen to be in the log would change the estimate, and its error does not say so"
        )
    if found.get("propensity_p", 1.0) < _CONTRADICTED:
        notes.append(
            f"warning: the log contradicts its propensities (p = {found['propensity_p']:.2g}): treatment was not dealt "
            "by them; estimate them instead, or find out what was logged"
        )
    if found["max_smd_after"] > 0.1:
        notes.append(
            f"warning: after weighting a covariate still differs by {found['max_smd_after']:.2f} standard deviations"
        )
    return tuple(notes)


def smd(sample: Sample, weights: Floats) -> Floats:
    r"""(p,) standardised mean differences under the given weights.

    :math:`(\bar x_1 - \bar x_0) / \sqrt{(s_1^2 + s_0^2)/2}`

    The scale is the unweighted one, so that before and after are in the same unit (Austin 2009).
    """
    return _differences(sample, weights)[0]


def _differences(sample: Sample, *several: Floats) -> list[Floats]:
    X = standardised(sample.covariates)  # the measure has no unit; this keeps its digits
    if X.shape[1] == 0:
        return [np.empty(0) for _ in several]
    arms = sample.treated.astype(np.float64), (~sample.treated).astype(np.float64)
    spreads = [(arm @ X**2) / arm.sum() - (arm @ X / arm.sum()) ** 2 for arm in arms]
    scale = np.sqrt(np.maximum(sum(spreads), 0.0) / 2)
    found = []
    for weights in several:
        treated, control = ((weights * arm) @ X / (weights * arm).sum() for arm in arms)
        found.append(np.where(scale > 1e-9, (treated - control) / np.where(scale > 1e-9, scale, 1.0), 0.0))
    return found


def balance(
    frame: pd.DataFrame, treatment: str, covariates: Sequence[str], propensity: Floats, *, estimand: str = "ATE"
) -> pd.DataFrame:
    """Standardised mean differences before and after weighting: the data of a love plot.

    Parameters
    ----------
    frame, treatment, covariates, estimand
        As for the estimators.
    propensity
        (n,) P(treated = 1), as from `propensity_scores`.

    Returns
    -------
    DataFrame indexed by covariate (categories by level) with columns before, after.

    Raises
    ------
    ValueError
        On the bad input that every estimator refuses, or if the propensity has another length or leaves (0, 1).
    """
    sample = read_sample(frame, treatment, treatment, covariates, estimand=estimand)
    propensity = checked_propensity(propensity, sample.n)
    for_treated, for_control = arm_weights(propensity, estimand)
    after = smd(sample, np.where(sample.treated, for_treated, for_control))
    return pd.DataFrame(
        {"before": smd(sample, sample.weights), "after": after}, index=pd.Index(sample.names, name="covariate")
    )


def checked_propensity(propensity: Floats, n: int) -> Floats:
    """(n,) numbers in (0, 1).

    Raises
    ------
    ValueError
        If there are not n, or one lies outside (0, 1) or is missing.
    """
    found = np.asarray(propensity, dtype=np.float64)
    if found.shape != (n,):
        raise ValueError(f"propensity has shape {found.shape}; give one value for each of the {n:,} rows")
    if (bad := ~((found > 0) & (found < 1))).any():
        row = int(np.argmax(bad))
        raise ValueError(
            f"propensity has {int(bad.sum())} values outside (0, 1), first at row {row}: {found[row]}; give "
            "P(treated = 1), as from propensity_scores"
        )
    return found


def auc(label: Floats, score: Floats) -> float:
    """Chance that a random positive scores above a random negative (ties count half)."""
    ranks = pd.Series(score).rank().to_numpy()
    positive = label == 1
    ones, zeros = int(positive.sum()), int((~positive).sum())
    return float((ranks[positive].sum() - ones * (ones + 1) / 2) / (ones * zeros)) if ones and zeros else float("nan")


def r_squared(target: Floats, prediction: Floats, weights: Floats) -> float:
    """Share of the target's variance that an out-of-fold prediction explains (negative: worse than the mean)."""
    centre = np.average(target, weights=weights)
    total = float(weights @ (target - centre) ** 2)
    return float(1 - weights @ (target - prediction) ** 2 / total) if total > 0 else float("nan")
