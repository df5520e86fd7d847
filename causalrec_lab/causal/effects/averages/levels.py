"""Treatments of several levels: each against a reference, from one joint fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.averages.multinomial import cross_fit_levels, deal
from causalrec_lab.causal.effects.columns import Floats, Integers, check_columns, nearest, with_column
from causalrec_lab.causal.effects.diagnostics import check_overlap, overlap_notes, smd
from causalrec_lab.causal.effects.few import few_notes
from causalrec_lab.causal.effects.inference import ratio, report
from causalrec_lab.causal.effects.nuisances.cross_fitting import NUISANCES, design_matrix, predict
from causalrec_lab.causal.effects.nuisances.ridge import one_thread
from causalrec_lab.causal.effects.sample import Embeddings, Sample, read_sample
from causalrec_lab.estimate import Estimate

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["contrasts"]


@one_thread()
def contrasts(
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    covariates: Sequence[str],
    *,
    reference: Any = None,
    embeddings: Embeddings | None = None,
    cluster: str | Sequence[str] | None = None,
    weights: str | None = None,
    estimand: str = "ATE",
    level: float = 0.95,
    seed: int = 0,
    folds: int = 5,
    groups: str | Sequence[str] | None = None,
    nuisance: str = "spline",
    clip: float = 0.01,
    graph: CausalGraph | None = None,
) -> dict[str, Estimate]:
    r"""Effect of each level of a treatment against a reference level, by one joint AIPW.

    .. math:: \hat\mu_k = \frac1n \sum_i m_k(x_i) + \frac{1\{T_i = k\}}{e_k(x_i)} (Y_i - m_k(x_i)), \qquad
        \hat\tau_k = \hat\mu_k - \hat\mu_0

    with :math:`e_k` from a multinomial logistic regression (or trees), :math:`m_k` a surface a level, both
    cross-fitted on the same folds (Imbens 2000, on the generalised propensity; Cattaneo 2010, the efficient
    influence function). The ATT of level k is the mean over rows that had it.

    Parameters
    ----------
    frame, outcome, covariates, embeddings, cluster, weights, level, seed, folds, groups, nuisance, clip, graph
        As in `aipw`; at most one column of groups.
    treatment
        Column of two levels or more: texts, categories or numbers.
    reference
        The level to compare with; None: the first in sorted order.
    estimand
        "ATE" or "ATT".

    Returns
    -------
    "level vs reference" -> estimate, in sorted order of the levels.

    Raises
    ------
    ValueError
        On the bad input that `aipw` refuses, a single level, an unknown reference, a level that the folds or the
        overlap with the reference leave without a comparison, or the ATO.
    """
    if estimand == "ATO":
        raise ValueError("contrasts have no estimand 'ATO'; ask for 'ATE' or 'ATT', or compare two levels by aipw")
    if nuisance not in NUISANCES:
        raise ValueError(f"unknown nuisance {nuisance!r}; {nearest(nuisance, NUISANCES)}")
    codes, names = _levels(frame, treatment, reference)
    if not 0 <= clip < 1 / len(names):
        raise ValueError(f"clip={clip}; give a small probability such as 0.01, in [0, 1/{len(names)})")
    sample = read_sample(
        with_column(frame, treatment, codes), treatment, outcome, covariates, embeddings=embeddings, cluster=cluster,
        weights=weights, estimand=estimand, groups=groups, graph=graph, binary=False,
    )  # fmt: skip
    fold = deal(sample, codes, folds, seed)
    _check_folds(codes, fold, names)
    e = np.maximum(cross_fit_levels(sample, codes, fold, nuisance=nuisance, seed=seed), max(clip, 1e-9))
    surfaces = _surfaces(sample, codes, fold, nuisance, seed)
    return {
        f"{names[k]} vs {names[0]}": _contrast(
            sample, codes, e, surfaces, k, estimand, level, f"AIPW, {len(names)} levels, {nuisance}, {folds}-fold"
        )
        for k in range(1, len(names))
    }


def _levels(frame: pd.DataFrame, treatment: str, reference: Any) -> tuple[Integers, list[str]]:
    check_columns(frame, [treatment])
    missing = frame[treatment].isna().to_numpy()
    if missing.any():
        raise ValueError(
            f"column {treatment!r} has {int(missing.sum()):,} missing values, first at row {int(np.argmax(missing))}; "
            "drop decisions whose treatment is not known"
        )
    order = sorted(frame[treatment].unique(), key=lambda one: (isinstance(one, str), one))
    words = [str(one) for one in order]
    if len(set(words)) < len(words):
        alike = next(word for word in words if words.count(word) > 1)
        raise ValueError(f"treatment {treatment!r} has two levels that both read {alike!r}; give them one type")
    if len(words) < 2:
        raise ValueError(
            f"treatment {treatment!r} is {words[0]} in all {len(frame):,} rows; an effect needs two levels"
        )
    first = words[0] if reference is None else str(reference)
    if first not in words:
        raise ValueError(f"no level {first!r} in {treatment!r}; {nearest(first, words)}")
    names = [first, *(word for word in words if word != first)]
    place = {name: code for code, name in enumerate(names)}
    return np.asarray(frame[treatment].map(lambda one: place[str(one)]).to_numpy(), dtype=np.int64), names


def _check_folds(codes: Integers, fold: Integers, names: list[str]) -> None:
    for f in range(int(fold.max()) + 1):
        seen = np.bincount(codes[fold != f], minlength=len(names))
        if not seen.all():
            raise ValueError(
                f"level {names[int(np.argmin(seen))]!r} stands in so few groups that one fold holds them all and no "
                "training row is left; use more folds, merge the level with another, or leave it out"
            )


def _surfaces(sample: Sample, codes: Integers, fold: Integers, nuisance: str, seed: int) -> Floats:
    """(n, K) out-of-fold E[Y | T = k, X, E]."""
    levels = int(codes.max()) + 1
    design, found = design_matrix(sample.covariates, nuisance), np.empty((sample.n, levels))
    for k in range(levels):
        one = replace(sample, treatment=(codes == k).astype(np.float64))
        for f in range(int(fold.max()) + 1):
            train, test = np.flatnonzero(fold != f), np.flatnonzero(fold == f)
            found[test, k] = predict(one, design, train, test, "outcome", nuisance=nuisance, seed=seed)[1]
    return found


def _contrast(
    sample: Sample, codes: Integers, e: Floats, m: Floats, k: int, estimand: str, level: float, method: str
) -> Estimate:
    y, w = sample.outcome, sample.weights
    one, zero = (codes == k).astype(np.float64), (codes == 0).astype(np.float64)
    if estimand == "ATE":
        above = m[:, k] - m[:, 0] + one * (y - m[:, k]) / e[:, k] - zero * (y - m[:, 0]) / e[:, 0]
        value, influence = ratio(w * above, w)
    else:
        value, influence = ratio(w * (one - zero * e[:, k] / e[:, 0]) * (y - m[:, 0]), w * one)
    two = np.asarray((codes == k) | (codes == 0))
    pair = replace(sample, treatment=one).take(two)
    check_overlap(pair, (e[:, k] / (e[:, k] + e[:, 0]))[two])
    diagnostics = _overlap(pair, two, codes, e, k, estimand)
    few = few_notes(pair) if e.shape[1] > 2 else ()  # of two levels the sample says it itself
    return report(
        sample, value, influence, level=level, estimand=estimand, method=f"{method} cross-fitted",
        diagnostics=diagnostics, notes=(*overlap_notes(diagnostics, estimand), *few),
    )  # fmt: skip


def _overlap(
    pair: Sample, two: npt.NDArray[np.bool_], codes: Integers, e: Floats, k: int, estimand: str
) -> dict[str, float]:
    own = np.where(codes == k, e[:, k], e[:, 0])[two]
    weight = pair.weights * (1 / own if estimand == "ATE" else e[two, k] / own)
    arms = [weight[pair.treated], weight[~pair.treated]]
    sizes = [float(arm.sum() ** 2 / (arm**2).sum()) for arm in arms]
    either = e[:, [0, k]]
    return {
        "share_extreme": float(np.mean(either.min(axis=1) < 0.05)),
        "propensity_min": float(either.min()),
        "propensity_max": float(either.max()),
        "ess_treated": sizes[0],
        "ess_control": sizes[1],
        "effective_sample_size": sum(sizes),
        "max_weight_share": max(float(arm.max() / arm.sum()) for arm in arms),
        "max_smd_before": float(np.abs(smd(pair, pair.weights)).max(initial=0.0)),
        "max_smd_after": float(np.abs(smd(pair, weight)).max(initial=0.0)),
    }
