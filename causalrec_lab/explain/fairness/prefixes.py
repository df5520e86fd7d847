r"""The best list among those that hold enough of each group in every prefix.

The c-th item of a group is due at the first place j whose quota asks for c of them: a deadline. Place by place the best
item is taken that leaves every later deadline within reach,

.. math:: \sum_g \max(0, m_g(t) - c_g) \le t - j \quad \text{for all } t \ge j,

with :math:`c_g` items of group g placed so far (for one protected group the algorithm of Zehlike et al. 2017).
"""

from __future__ import annotations

import numpy as np

from causalrec_lab.explain.fairness.groups import Floats, Groups, Ints

__all__ = ["best_of_each", "with_quotas"]


def best_of_each(scores: Floats, groups: Groups, k: int) -> tuple[Ints, Floats]:
    """Each user's k best items of every group, best first.

    Returns
    -------
    (users, groups, k) item numbers, -1 where a group has no more, and their scores, -inf there.
    """
    n, shape = len(scores), (len(scores), len(groups.labels), k)
    item, score = np.full(shape, -1, dtype=np.int64), np.full(shape, -np.inf)
    for g, count in enumerate(groups.counts):
        own = np.flatnonzero(groups.codes == g)
        part, kept = scores[:, own], min(k, int(count))
        top = np.tile(np.arange(count), (n, 1))
        if kept < count:
            top = np.sort(np.argpartition(-part, kept - 1, axis=1)[:, :kept], axis=1)
        value = np.take_along_axis(part, top, axis=1)
        order = np.argsort(-value, axis=1, kind="stable")
        item[:, g, :kept] = own[np.take_along_axis(top, order, axis=1)]
        score[:, g, :kept] = np.take_along_axis(value, order, axis=1)
    return item, score


def with_quotas(scores: Floats, groups: Groups, minimums: Ints) -> Ints:
    """Lists of the highest score whose prefixes hold the minimums.

    Parameters
    ----------
    scores
        (users, items), finite.
    groups
        Of the items.
    minimums
        (groups, k) from `quotas`, not falling along a row.

    Returns
    -------
    (users, k) item numbers.

    Raises
    ------
    ValueError
        If the minimums ask for more than the places, or than a group has.
    """
    k = minimums.shape[1]
    _check(minimums, groups)
    item, score = best_of_each(scores, groups, k)
    n, many, rows = len(scores), len(groups.labels), np.arange(len(scores))
    score = np.concatenate([score, np.full((n, many, 1), -np.inf)], axis=2)
    placed, lists = np.zeros((n, many), dtype=np.int64), np.empty((n, k), dtype=np.int64)
    for j in range(k):
        later = minimums[:, j:]  # of the prefixes that end here or below
        due = np.maximum(later[None] - placed[:, :, None], 0)
        tight = due.sum(axis=1) > np.arange(k - j)[None]  # a prefix that needs this place
        helps = due > 0
        allowed = ~(tight[:, None] & ~helps).any(axis=2)
        head = np.take_along_axis(score, placed[:, :, None], axis=2)[:, :, 0]
        chosen = np.argmax(np.where(allowed, head, -np.inf), axis=1)
        lists[:, j] = item[rows, chosen, placed[rows, chosen]]
        placed[rows, chosen] += 1
    return lists


def _check(minimums: Ints, groups: Groups) -> None:
    places = np.arange(1, minimums.shape[1] + 1)
    if (over := minimums.sum(axis=0) > places).any():
        j = int(np.argmax(over)) + 1
        raise ValueError(
            f"the first {j} places should hold {int(minimums[:, j - 1].sum())} items by the quotas; lower them, so "
            "that they sum to the places of each prefix at most"
        )
    if (short := minimums[:, -1] > groups.counts).any():
        g = int(np.argmax(short))
        raise ValueError(
            f"{groups.labels[g]!r} has {groups.counts[g]} items and should fill {minimums[g, -1]} places; ask for "
            f"{groups.counts[g]} at most"
        )
