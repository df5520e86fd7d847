"""From an influence function to a standard error and an `Estimate`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from causalrec_lab.causal.effects.diagnosing.influence import influence_diagnostics, influence_notes
from causalrec_lab.causal.effects.diagnosing.verdicts import judgement
from causalrec_lab.causal.effects.sample import Floats, Integers, Sample
from causalrec_lab.estimate import Estimate

__all__ = ["IGNORABILITY", "OVERLAP", "SUTVA", "ratio", "report", "standard_error"]

IGNORABILITY = "no unmeasured confounding given the covariates (and what the embeddings tell)"
OVERLAP = "every kind of row could be treated and could be left untreated"
SUTVA = "one row's treatment does not change another row's outcome"


def ratio(numerator: Floats, denominator: Floats) -> tuple[float, Floats]:
    r"""Value and influence of :math:`\theta = E[a]/E[b]`: :math:`\psi_i = (a_i - \theta b_i) / \bar b`.

    Parameters
    ----------
    numerator, denominator
        (n,) terms a and b.
    """
    theta = float(numerator.sum() / denominator.sum())
    return theta, np.asarray((numerator - theta * denominator) / denominator.mean())


def standard_error(influence: Floats, clusters: Sequence[Integers] = ()) -> float:
    r"""Standard error of :math:`\hat\theta` whose error is the mean of `influence`.

    No cluster: :math:`\sqrt{\tfrac{n}{n-1} \sum \psi_i^2} / n`. One: the sums of :math:`\psi` within clusters take
    the place of :math:`\psi_i`, times :math:`G/(G-1)`. Two: the variances add and that of their intersection is taken
    off (Cameron, Gelbach and Miller 2011); where that is not positive the larger of the two stands.

    Parameters
    ----------
    influence
        (n,) influence values with mean near 0.
    clusters
        None, one or two arrays of (n,) cluster codes.

    Raises
    ------
    ValueError
        If there are more than two cluster columns, or a single cluster.
    """
    if len(clusters) == 0:
        return math.sqrt(_clustered(influence, np.arange(len(influence))))
    if len(clusters) == 1:
        return math.sqrt(_clustered(influence, clusters[0]))
    if len(clusters) > 2:
        raise ValueError(f"{len(clusters)} cluster columns; give one or two (such as user and item)")
    first, second = (_clustered(influence, codes) for codes in clusters)
    both = np.unique(np.column_stack(clusters), axis=0, return_inverse=True)[1].reshape(-1)
    variance = first + second - _clustered(influence, both)
    return math.sqrt(variance if variance > 0 else max(first, second))


def _clustered(influence: Floats, codes: Integers) -> float:
    sums = np.bincount(codes, weights=influence)
    sums = sums[np.bincount(codes) > 0]
    if len(sums) < 2:
        raise ValueError(
            "all rows are in one cluster, so nothing tells how the estimate varies; give at least 20 clusters"
        )
    return float(len(sums) / (len(sums) - 1) * (sums**2).sum() / len(influence) ** 2)


def report(
    sample: Sample,
    value: float,
    influence: Floats,
    *,
    level: float,
    estimand: str,
    method: str,
    diagnostics: Mapping[str, float],
    notes: Sequence[str],
    assumptions: Sequence[str] = (IGNORABILITY, OVERLAP, SUTVA),
    std_error: float | None = None,
) -> Estimate:
    """Put value, error, diagnostics and words into an `Estimate`; the error is that of `influence` if not given.

    What hangs on single rows or clusters joins the diagnostics, and what they all add up to ends the notes.
    """
    counted = {f"clusters_{k + 1}": float(codes.max() + 1) for k, codes in enumerate(sample.clusters)}
    single = influence_diagnostics(value, influence, sample.clusters[0] if sample.clusters else None)
    units, word = (int(counted["clusters_1"]), "cluster") if counted else (sample.n, "row")
    found = {**diagnostics, **single, **counted}
    said = (*notes, *influence_notes(single, units, word), *sample.notes)
    return Estimate(
        value=value,
        std_error=standard_error(influence, sample.clusters) if std_error is None else std_error,
        level=level,
        estimand=estimand,
        method=method + (", cluster-robust" if sample.clusters else ""),
        n=sample.n,
        diagnostics=found,
        assumptions=tuple(assumptions),
        notes=(*said, judgement(found, said)),
    )
