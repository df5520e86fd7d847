r"""Fairness over a stream: a controller that lifts whoever is behind (FairCo).

.. math:: \text{rank by} \quad s_{ui} + \lambda \, \tau \max_h \Big(\frac{E_h}{M_h} - \frac{E_{g(i)}}{M_{g(i)}}\Big)

with the mean attention :math:`E_g` of group g over the :math:`\tau` lists so far and its merit :math:`M_g` (Morik,
Singh, Hong and Joachims 2020, "Controlling Fairness and Bias in Dynamic Learning-to-Rank", SIGIR). What is
behind grows with time, so disparities fall like 1 / time whatever the gain.
"""

from __future__ import annotations

import numpy as np

from causalrec_lab.explain.fairness.groups import Floats, Groups, Ints
from causalrec_lab.explain.fairness.prefixes import best_of_each

__all__ = ["controlled"]


def controlled(
    scores: Floats, groups: Groups, attention: Floats, due: Floats, *, gain: float, batch: int
) -> tuple[Ints, Floats]:
    """Lists of users in the order in which they come, `batch` at a time between two looks at the account.

    Parameters
    ----------
    scores
        (users, items), finite.
    attention
        (k,) of the places.
    due
        (groups,) share of attention that each group's merit is worth.
    gain
        Lambda, in units of the score; 0 ranks by score.
    batch
        Users served between two looks.

    Returns
    -------
    (users, k) item numbers, and (users, groups) share of attention so far after each user.

    Raises
    ------
    ValueError
        If the gain is negative or not finite, the batch below 1, or a group is due nothing.
    """
    if not 0 <= gain < np.inf or batch < 1:
        raise ValueError(f"gain={gain}, batch={batch}: the gain is finite and >= 0, a batch has one user at least")
    if (due <= 0).any():
        raise ValueError(f"{groups.labels[int(np.argmin(due))]!r} is due no attention; the controller needs all > 0")
    k, many = len(attention), len(groups.labels)
    item, score = best_of_each(scores, groups, k)
    item, score, group = item.reshape(len(scores), -1), score.reshape(len(scores), -1), np.repeat(np.arange(many), k)
    lists, given = np.empty((len(scores), k), dtype=np.int64), np.zeros((len(scores), many))
    so_far = np.zeros(many)
    for start in range(0, len(scores), batch):
        rows = slice(start, start + batch)
        level = so_far / due / attention.sum()
        order = np.argsort(-(score[rows] + gain * (level.max() - level)[group]), axis=1, kind="stable")[:, :k]
        lists[rows] = np.take_along_axis(item[rows], order, axis=1)
        given[rows] = (attention[None, :, None] * (group[order][:, :, None] == np.arange(many))).sum(axis=1)
        so_far = so_far + given[rows].sum(axis=0)
    total = np.cumsum(given, axis=0)
    return lists, total / total.sum(axis=1, keepdims=True)
