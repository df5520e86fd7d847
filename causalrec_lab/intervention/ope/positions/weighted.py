r"""Ratios of click rates between positions where the logging policy is known: every position is given the same items.

Weighted by :math:`h_k(x, a) = \mu(x, a) / P(a \text{ at } k | x)`, the clicks at k have mean
:math:`\theta_k \sum_a \mu(x, a) \gamma(x, a)`: the same sum for every position. With

.. math:: \mu(x, a) = 1 / \sum_j \frac{1}{P(a \text{ at } j | x)}

no weight exceeds 1, and items that one position never shows count for none (the generalised overlap weights of Li and
Li 2019, Annals of Applied Statistics 13). Strata of one slot are enough: contexts need not repeat.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from causalrec_lab.intervention.ope.slates.log import SlateLog
from causalrec_lab.world.lists.rankings import item_at_position

__all__ = ["weighted_rates"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def weighted_rates(log: SlateLog, logging: Floats, cluster: Ints) -> tuple[Floats, Floats, float]:
    """Logarithms of the ratios to the first position, their covariance, and the smallest effective sample size.

    Parameters
    ----------
    logging
        (n, n_actions) probabilities of the policy that wrote the log.
    cluster
        (n,) cluster codes of the lists.

    Raises
    ------
    ValueError
        If lists differ in length, or a position gets no weighted click.
    """
    if not log.shown.all():
        raise ValueError(
            "lists differ in length, and items above decide what a longer one shows; take the lists of one length"
        )
    at = item_at_position(logging, log.length)  # (n, positions, items)
    chance = np.take_along_axis(at, np.broadcast_to(log.action[:, None, :], (*at.shape[:2], log.length)), axis=2)
    with np.errstate(divide="ignore"):
        inverse = 1.0 / chance  # (n, position of the chance, slot)
    own = np.einsum("nkk->nk", inverse)
    weight = own / inverse.sum(axis=1)
    clicks = weight * log.reward
    mean = clicks.mean(axis=0)
    if (none := mean <= 0).any():
        raise ValueError(
            f"position {int(np.argmax(none))} has no click on an item that every position may show, so nothing tells "
            "how much it is examined; log more lists, or a policy that moves items more"
        )
    influence = clicks / mean - 1.0
    relative = influence[:, 1:] - influence[:, :1]
    sums = np.stack([np.bincount(cluster, weights=column) for column in relative.T], axis=1)
    groups = len(sums)
    effective = float((weight.sum(axis=0) ** 2 / (weight**2).sum(axis=0)).min())
    return np.log(mean[1:] / mean[0]), sums.T @ sums / len(log) ** 2 * groups / max(groups - 1, 1), effective
