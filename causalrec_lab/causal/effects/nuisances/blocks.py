"""Ridge in two blocks: a design hardly penalised, embeddings by a penalty of their own, chosen on the training rows."""

from __future__ import annotations

import numpy as np

from causalrec_lab.causal.effects.nuisances.ridge import (
    choose_penalty,
    choose_penalty_by_group,
    fit_linear,
    fit_logistic,
)
from causalrec_lab.causal.effects.sample import Floats, Integers, Sample

__all__ = ["FREE", "UNDERSMOOTHING", "fit_blocks", "penalty_of_embeddings", "thirds"]

UNDERSMOOTHING = 0.3  # of the penalty that predicts best: bias costs an effect more than variance (see `cross_fit`)
FREE = 1e-3  # ridge on straight terms


def fit_blocks(
    design: Floats,
    embeddings: Floats,
    target: Floats,
    weights: Floats,
    labels: list[Integers],
    *,
    logistic: bool,
    ridge: Floats | None = None,
    smoothing: float = UNDERSMOOTHING,
) -> Floats:
    """Coefficients (m + d,) of design and embeddings, linear or logistic.

    Parameters
    ----------
    design, embeddings
        (n, m) and (n, d) arrays; d may be 0.
    target, weights
        (n,) target and row weights.
    labels
        Thirds of the groups held out together, see `thirds`; empty: rows are independent.
    logistic
        Whether the target is a probability.
    ridge
        (m,) penalties of the design; None: next to nothing.
    smoothing
        Times the penalty of the embeddings that predicts best.
    """
    penalty, columns = np.full(design.shape[1], FREE) if ridge is None else ridge, design
    if embeddings.shape[1]:
        strength = smoothing * penalty_of_embeddings(design, embeddings, target, weights, labels, logistic=logistic)
        penalty = np.concatenate([penalty, np.full(embeddings.shape[1], strength)])
        columns = np.column_stack([design, embeddings])
    return (fit_logistic if logistic else fit_linear)(columns, target, weights, penalty)


def penalty_of_embeddings(
    design: Floats, embeddings: Floats, target: Floats, weights: Floats, labels: list[Integers], *, logistic: bool
) -> float:
    """Ridge penalty of the embeddings that predicts best: new rows, or new groups where there are any."""
    if labels:
        strength = choose_penalty_by_group(design, embeddings, target, weights, labels)
    else:
        strength = choose_penalty(design, embeddings, target, weights)
    if not logistic:
        return strength
    mean = float(weights @ target / weights.sum())  # the linear problem's penalty, on the scale of the logistic Hessian
    return strength * mean * (1 - mean)


def thirds(sample: Sample, rows: Integers) -> list[Integers]:
    """For each group column, (n,) label 0, 1 or 2 of the third that a row's group belongs to."""
    return [codes[rows] % 3 for codes in sample.groups]
