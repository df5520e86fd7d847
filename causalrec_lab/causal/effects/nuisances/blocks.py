"""Ridge in two blocks: a design hardly penalised, embeddings by a penalty of their own, chosen on the training rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from causalrec_lab.causal.effects.nuisances.ridge import (
    choose_penalty,
    choose_penalty_by_group,
    fit_linear,
    fit_logistic,
)
from causalrec_lab.causal.effects.sample import Floats, Integers, Sample

__all__ = ["FREE", "UNDERSMOOTHING", "fit_blocks", "penalty_of_embeddings", "ridge_of_bends", "thirds"]

UNDERSMOOTHING = 0.3  # of the penalty that predicts best: bias costs an effect more than variance (see `cross_fit`)
FREE = 1e-3  # ridge on straight terms
BENT = 1.0  # ridge on splines and products, at least


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


def ridge_of_bends(
    design: Floats,
    bent: npt.NDArray[np.bool_],
    target: Floats,
    weights: Floats,
    labels: list[Integers],
    *,
    logistic: bool,
) -> Floats:
    """(m,) penalties of a design's columns: next to none on straight ones, one chosen by prediction on bent ones.

    In a few hundred rows splines and products fit noise, and a surface that bends with noise is far off where it is
    asked; in thousands their penalty hardly binds. Like that of embeddings it is smaller than prediction would have it.

    Parameters
    ----------
    bent
        (m,) mask of splines and products.
    design, target, weights, labels, logistic
        As in `fit_blocks`.
    """
    if not bent.any():
        return np.full(len(bent), FREE)
    found = penalty_of_embeddings(design[:, ~bent], design[:, bent], target, weights, labels, logistic=logistic)
    return np.where(bent, max(BENT, UNDERSMOOTHING * found), FREE)


def thirds(sample: Sample, rows: Integers) -> list[Integers]:
    """For each group column, (n,) label 0, 1 or 2 of the third that a row's group belongs to."""
    return [codes[rows] % 3 for codes in sample.groups]
