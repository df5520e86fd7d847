"""Effects within each value of a column, by any of the estimators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.averages.scores import check_arms, fit, terms, to_estimate
from causalrec_lab.causal.effects.columns import check_columns, nearest
from causalrec_lab.causal.effects.inference import ratio
from causalrec_lab.causal.effects.nuisances.ridge import one_thread
from causalrec_lab.causal.effects.sample import Embeddings, read_sample
from causalrec_lab.estimate import Estimate

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["by_group"]

ESTIMATORS = ("aipw", "dml", "ipw", "matching", "regression", "tmle")


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
    estimator: str = "aipw",
    graph: CausalGraph | None = None,
    **options: Any,
) -> dict[str, Estimate]:
    """Effect within each value of a column.

    By AIPW, the scores of one cross-fit on all rows are averaged by group (Semenova and Chernozhukov 2021); any other
    estimator is run in each group alone, which needs groups large enough for its nuisances.

    Parameters
    ----------
    by
        Column of groups fixed before treatment (a category, a segment).
    frame, treatment, outcome, covariates, embeddings, cluster, weights, estimand, level, seed, folds, groups,
    propensity, nuisance, clip, graph
        As in `aipw`; of these `regression` and `matching` take no propensity and no clip.
    estimator
        "aipw", "dml", "ipw", "matching", "regression" or "tmle".
    options
        Further arguments of an estimator other than AIPW.

    Returns
    -------
    Group -> estimate, in sorted order of the group's name.

    Raises
    ------
    ValueError
        As the estimator, or if a group lacks one of the two arms.
    """
    if estimator not in ESTIMATORS:
        raise ValueError(f"unknown estimator {estimator!r}; {nearest(estimator, ESTIMATORS)}")
    shared: dict[str, Any] = {
        "cluster": cluster, "weights": weights, "estimand": estimand, "level": level, "seed": seed, "folds": folds,
        "groups": groups, "nuisance": nuisance, "graph": graph,
    }  # fmt: skip
    if estimator in ("aipw", "dml", "ipw", "tmle"):
        shared |= {"propensity": propensity, "clip": clip}
    elif propensity is not None:
        raise ValueError(f"{estimator} takes no propensity={propensity!r}; leave it, or use aipw, ipw or tmle")
    named = (frame, treatment, outcome, covariates)
    if estimator == "aipw":
        if options:
            wrong = next(iter(options))
            raise ValueError(
                f"by_group by AIPW takes no {wrong}={options[wrong]!r}; options belong to other estimators"
            )
        return _by_score(named, by, embeddings, shared)
    return _one_by_one(named, by, embeddings, estimator, shared | options)


Named = tuple[pd.DataFrame, str, str, Sequence[str]]


def _by_score(named: Named, by: str, embeddings: Embeddings | None, options: dict[str, Any]) -> dict[str, Estimate]:
    ways = ("nuisance", "folds", "seed", "clip", "estimand")
    of_sample = {k: v for k, v in options.items() if k not in ("nuisance", "folds", "seed", "clip", "level")}
    sample = read_sample(*named, embeddings=embeddings, **of_sample)
    labels = _labels(named[0], by)
    whole = fit(sample, **{way: options[way] for way in ways})
    estimand, known = options["estimand"], ", logged propensity" if options["propensity"] else ""
    method = f"AIPW, {options['nuisance']}, {options['folds']}-fold cross-fitted{known}"

    def one(inside: npt.NDArray[np.bool_], words: str) -> Estimate:
        value, influence = ratio(*(term[inside] for term in scores))
        return to_estimate(
            whole.take(inside), value, influence, estimand=estimand, level=options["level"], method=f"{method}, {words}"
        )

    scores = terms(whole, estimand)
    return _each(labels, by, sample.treatment, one)


def _one_by_one(
    named: Named, by: str, embeddings: Embeddings | None, estimator: str, options: dict[str, Any]
) -> dict[str, Estimate]:
    from causalrec_lab.causal import effects

    frame, treatment, outcome, covariates = named
    check_columns(frame, [treatment, outcome])
    labels = _labels(frame, by)
    blocks = [] if embeddings is None else [embeddings] if isinstance(embeddings, np.ndarray) else list(embeddings)

    def one(inside: npt.NDArray[np.bool_], words: str) -> Estimate:
        part = [block[inside] for block in blocks] or None
        found: Estimate = getattr(effects, estimator)(
            frame[inside], treatment, outcome, covariates, embeddings=part, **options
        )
        return Estimate.from_dict({**found.to_dict(), "method": f"{found.method}, {words}"})

    arms = pd.to_numeric(frame[treatment], errors="coerce").to_numpy(dtype=np.float64)
    return _each(labels, by, arms, one)


def _each(
    labels: npt.NDArray[np.object_],
    by: str,
    treatment: npt.NDArray[np.float64],
    one: Callable[[npt.NDArray[np.bool_], str], Estimate],
) -> dict[str, Estimate]:
    found = {}
    for label in sorted(set(labels)):
        inside = np.asarray(labels == label)
        ones = int((treatment[inside] == 1).sum())
        way_out = "; merge it with another, or leave it out" if min(ones, int(inside.sum()) - ones) < 2 else ""
        try:
            check_arms(treatment[inside], f"its {int(inside.sum()):,} rows")
            found[label] = one(inside, f"{by} = {label}")
        except ValueError as error:
            raise ValueError(f"group {by} = {label!r}: {error}{way_out}") from error
    return found


def _labels(frame: pd.DataFrame, by: str) -> npt.NDArray[np.object_]:
    check_columns(frame, [by])
    missing = frame[by].isna().to_numpy()
    if missing.any():
        raise ValueError(
            f"column {by!r} has {int(missing.sum()):,} missing values, first at row {int(np.argmax(missing))}; give "
            "them a group of their own"
        )
    return np.asarray(frame[by].astype(str).to_numpy(), dtype=object)
