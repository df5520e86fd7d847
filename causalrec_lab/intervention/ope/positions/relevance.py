r"""Examination from one ranker's log through a model of relevance: the regression of Wang et al.

:math:`P(c = 1 | x, a, k) = \theta_k \, \sigma(z(x, a)'\beta)` with :math:`\theta_0 = 1`, the likelihood that Wang,
Golbandi, Bendersky, Metzler and Najork (2018, WSDM) climb by EM, here by Fisher scoring: the same summit, in fewer
steps. What tells examination from relevance is the model alone; where it misses why good items stand on top, that goes
into the curve.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["regression_rates"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_RIDGE = 1e-3
_MOST = 0.999999  # a chance of a click


def regression_rates(
    features: Floats, position: Ints, clicks: Floats, cluster: Ints, positions: int
) -> tuple[Floats, Floats, float]:
    """Logarithms of the ratios to the first position, their covariance, and the steps taken.

    Parameters
    ----------
    features
        (slots, d) what relevance is read from, a constant among them.
    position, clicks, cluster
        (slots,) position, click (0 or 1) and cluster code of each slot.
    positions
        How many there are.

    Raises
    ------
    ValueError
        If clicks are not 0 or 1, the features and positions cannot be told apart, or the likelihood has no summit.
    """
    if not np.isin(clicks, (0.0, 1.0)).all():
        raise ValueError("method='regression' is of clicks, 0 or 1; take method='harvesting' for other rewards")
    at = np.eye(positions)[position][:, 1:]
    if _rank(np.column_stack([at, features])) < at.shape[1] + _rank(features):
        raise ValueError(
            "relevance and position cannot be told apart: what the model reads of an item says where it stands (one "
            "deterministic ranker?); swap positions at random, or log several rankers and take method='harvesting'"
        )
    share = float(np.clip(clicks[position == 0].mean(), 0.01, 0.99))
    parameters = np.zeros(at.shape[1] + features.shape[1])
    parameters[: at.shape[1]] = -0.1
    parameters[at.shape[1]] = np.log(share / (1 - share))
    best = _likelihood(parameters, at, features, clicks)
    for step in range(200):
        pull, information = _score(parameters, at, features, clicks)
        direction = np.linalg.solve(information, pull.sum(axis=0) - _penalty(parameters, at.shape[1]))
        scale = 1.0
        while scale > 1e-6 and (new := _likelihood(parameters + scale * direction, at, features, clicks)) < best:
            scale /= 2
        if scale <= 1e-6 or np.abs(direction).max() < 1e-8:
            steps = step
            break
        parameters, best = parameters + scale * direction, new
    else:
        raise ValueError("the likelihood found no summit in 200 steps; fewer features, or more clicks, may have one")
    pull, information = _score(parameters, at, features, clicks)
    sums = np.stack([np.bincount(cluster, weights=column) for column in pull.T], axis=1)
    bread = np.linalg.inv(information)
    groups, k = len(sums), at.shape[1]
    covariance = bread @ (sums.T @ sums) @ bread * groups / max(groups - 1, 1)
    return parameters[:k], covariance[:k, :k], float(steps)


def _rank(design: Floats) -> int:
    """Rank of the columns, from their correlations: quick where there are many rows."""
    norms = np.sqrt(np.einsum("ij,ij->j", design, design))
    gram = design.T @ design / np.outer(norms, norms).clip(min=1e-300)
    return int((np.linalg.eigvalsh(gram) > 1e-9).sum())


def _chances(parameters: Floats, at: Floats, features: Floats) -> tuple[Floats, Floats]:
    """Chance of a click, and relevance, of each slot."""
    k = at.shape[1]
    relevance = 1.0 / (1.0 + np.exp(-np.clip(features @ parameters[k:], -30, 30)))
    return np.clip(np.exp(at @ parameters[:k]) * relevance, 1e-12, _MOST), relevance


def _penalty(parameters: Floats, k: int) -> Floats:
    return np.concatenate([np.zeros(k + 1), _RIDGE * parameters[k + 1 :]])


def _likelihood(parameters: Floats, at: Floats, features: Floats, clicks: Floats) -> float:
    chance, _ = _chances(parameters, at, features)
    lost = 0.5 * float(_penalty(parameters, at.shape[1]) @ parameters)
    return float(np.log(np.where(clicks == 1, chance, 1 - chance)).sum()) - lost


def _score(parameters: Floats, at: Floats, features: Floats, clicks: Floats) -> tuple[Floats, Floats]:
    """(slots, parameters) score of each slot, and the expected information with the ridge's."""
    chance, relevance = _chances(parameters, at, features)
    design = np.column_stack([at, (1.0 - relevance)[:, None] * features])
    information = (design * (chance / (1 - chance))[:, None]).T @ design
    information += np.diag(np.concatenate([np.zeros(at.shape[1] + 1), np.full(features.shape[1] - 1, _RIDGE)]))
    return design * ((clicks - chance) / (1 - chance))[:, None], information
