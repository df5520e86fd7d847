"""What is known from before taken out of a metric: CUPED, and regression adjustment with text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.columns import covariate_matrix
from causalrec_lab.causal.effects.nuisances.cross_fitting import embedding_indices
from causalrec_lab.causal.effects.sample import Embeddings, read_sample
from causalrec_lab.intervention.experiment.arm_means import ArmMeans, clustered, from_influence, summed
from causalrec_lab.intervention.experiment.units import Floats, Trial

__all__ = ["covariates_of", "cuped_means", "regression_means"]


def cuped_means(trial: Trial, values: Floats, columns: Sequence[str]) -> ArmMeans:
    r"""Arm means of the values that CUPED leaves, k slopes having been learned from the same N units or clusters.

    Variances are multiplied by :math:`\frac{(N - A)(N - A - 1)}{(N - A - k)(N - A - k - 1)}` with A arms: k degrees of
    freedom are gone, and the slopes err (the mean variance of the analysis of covariance with normal covariates).

    Raises
    ------
    ValueError
        If a covariate does not vary within arms, or there are too few units for so many.
    """
    left, k = cuped_values(trial, values, columns), len(columns)
    found = from_influence(trial.arm, left, len(trial.arms), trial.cluster, trial.denominator)
    free = sum(trial.sizes.values()) - len(trial.arms)
    if free - k - 1 <= 0:
        raise ValueError(f"{free + len(trial.arms)} units or clusters for {k} CUPED covariates; give fewer of them")
    factor = free * (free - 1) / ((free - k) * (free - k - 1))
    return ArmMeans(found.means, factor * found.covariance, 1 + (found.units - 1) * (free - k) / free, found.largest)


def cuped_values(trial: Trial, values: Floats, columns: Sequence[str]) -> Floats:
    r"""(n,) :math:`v_i - \theta'(x_i - \bar x)` with one :math:`\theta` for all arms, least squares within arms.

    Source: Deng, Xu, Kohavi and Walker (2013), section 3; several covariates as in their section 3.4.

    Raises
    ------
    ValueError
        If a covariate does not vary within arms.
    """
    x = trial.table[list(columns)].to_numpy(dtype=np.float64)
    n = np.bincount(trial.arm)
    centres = np.column_stack([np.bincount(trial.arm, weights=column) / n for column in x.T])
    within = x - centres[trial.arm]
    for name, column in zip(columns, within.T, strict=True):
        if not (column @ column > 1e-18 * len(x) * max(1.0, float(np.abs(x).max()) ** 2)):
            raise ValueError(f"the CUPED covariate {name!r} does not vary within arms; leave it out of cuped=")
    theta = np.linalg.lstsq(within, values - (np.bincount(trial.arm, weights=values) / n)[trial.arm], rcond=None)[0]
    return np.asarray(values - (x - x.mean(axis=0)) @ theta)


def regression_means(trial: Trial, values: Floats, X: Floats) -> ArmMeans:
    r"""Arm means at the covariates' overall mean, a regression in each arm.

    .. math:: \hat\mu_a = \bar v_a - (\bar x_a - \bar x)'\hat\beta_a

    Differences of these are the coefficient of treatment in the regression with all interactions (Lin 2013), whose
    variance is estimated by HC2 (MacKinnon and White 1985); to it comes
    :math:`(\beta_a - \beta_b)' S_x (\beta_a - \beta_b) / n`, the sampling of :math:`\bar x`. Clusters: the jackknife's
    of their summed influence.

    Raises
    ------
    ValueError
        If an arm has no more units than the regression has terms.
    """
    centred = X - X.mean(axis=0)
    arms, n, sizes = len(trial.arms), len(values), trial.sizes
    means, influence, slopes = np.empty(arms), np.empty(n), np.empty((X.shape[1], arms))
    for k, name in enumerate(trial.arms):
        rows = trial.arm == k
        if sizes[name] <= X.shape[1] + 2:
            what = "units" if trial.cluster is None else "clusters"
            raise ValueError(f"arm {name!r} has {sizes[name]} {what} for {X.shape[1] + 1} terms; give fewer covariates")
        means[k], influence[rows], slopes[:, k] = _at_mean(centred[rows], values[rows], trial.cluster is None)
    found = summed(trial.arm, influence, means, trial.cluster, correct=False, weight=trial.denominator)
    shared, g = clustered(centred @ slopes / n, trial.cluster), np.array(list(sizes.values()), dtype=np.float64)
    units = 1 + (found.units - 1) * (g - 1 - X.shape[1]) / (g - 1)
    return ArmMeans(means, found.covariance + shared, units, found.largest)


def _at_mean(x: Floats, values: Floats, hc2: bool) -> tuple[float, Floats, Floats]:
    """Mean at x = 0, influence of each unit and slopes; what does not vary within the arm has slope 0."""
    gap, mean, n = x.mean(axis=0), float(values.mean()), len(values)
    within = x - gap
    scale = np.sqrt(np.mean(within**2, axis=0))
    within = np.divide(within, scale, out=np.zeros_like(within), where=scale > 1e-9 * np.abs(x).max(axis=0, initial=0))
    inverse = np.linalg.pinv(within.T @ within / n, rcond=1e-10, hermitian=True)
    beta = inverse @ (within.T @ (values - mean)) / n
    residual = values - mean - within @ beta
    if hc2:
        leverage = (1 + np.einsum("ij,ij->i", within @ inverse, within)) / n
        residual = residual / np.sqrt(np.maximum(1 - leverage, 1e-9))
    slope = np.divide(beta, scale, out=np.zeros_like(beta), where=scale > 0)
    away = np.divide(gap, scale, out=np.zeros_like(gap), where=(scale > 0) & within.any(axis=0))
    return mean - float(gap @ slope), np.asarray((1 - within @ (inverse @ away)) * residual / n), slope


def covariates_of(
    trial: Trial, values: Floats, columns: Sequence[str], embeddings: Embeddings | None, folds: int, seed: int
) -> Floats:
    """(n, p) covariates as numbers, categories as indicators; embeddings as one cross-fitted ridge reading.

    Each unit's reading comes from units of other folds (clusters are not split), so that it foretells without having
    seen the outcome it is set against.

    Raises
    ------
    ValueError
        On covariates that are not finite, or embeddings of another length.
    """
    X = covariate_matrix(trial.table, columns)[0] if columns else np.empty((len(values), 0))
    if embeddings is None:
        return X
    frame = pd.DataFrame({"values": values, "treated": (trial.arm > 0).astype(np.int64)})
    groups = None
    if trial.cluster is not None:
        frame["cluster"], groups = trial.cluster, "cluster"
    read = frame.assign(**{f"x{k}": column for k, column in enumerate(X.T)})
    blocks = [embeddings] if isinstance(embeddings, np.ndarray) else list(embeddings)
    sample = read_sample(
        read, "treated", "values", [f"x{k}" for k in range(X.shape[1])],
        embeddings=[_of_units(block, trial) for block in blocks], groups=groups,
    )  # fmt: skip
    return np.column_stack([X, embedding_indices(sample, folds=folds, seed=seed)[:, 1]])


def _of_units(block: Floats, trial: Trial) -> Floats:
    """Embeddings of a frame's rows, averaged within units where they are fewer."""
    if trial.rows is None or len(block) != len(trial.rows):
        return block
    count = np.bincount(trial.rows)[:, None]
    total = np.zeros((len(count), block.shape[1]))
    np.add.at(total, trial.rows, block)
    return np.asarray(total / count)
