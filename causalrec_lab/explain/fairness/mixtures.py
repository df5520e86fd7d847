r"""The best ranking policy whose exposure, averaged over all users, gives groups their shares.

.. math:: \max_\pi \sum_u E_\pi \Big[\sum_k v_k s_{u, i_k}\Big] \quad \text{subject to} \quad
          \frac{1}{U} \sum_u E_\pi \Big[\sum_{k: i_k \in g} v_k\Big] \ge t_g \sum_k v_k,

a linear programme over all lists of all users (the constraints of Singh and Joachims 2018, section 4, amortised over
users). By duality its solution ranks by :math:`s_{ui} + \lambda_{g(i)}`, so it is found by column generation (Dantzig
and Wolfe 1960, "Decomposition Principle for Linear Programs"): a small programme mixes the rankings known so far, its
prices :math:`\lambda` give the next one, until none would gain. The solution is a mixture of at most (groups + 1)
rankings that meets the shares to rounding, with a bound on what any other policy could add.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalrec_lab.explain.fairness.groups import Floats, Groups, Ints
from causalrec_lab.explain.fairness.prefixes import best_of_each

__all__ = ["Mixture", "best_mixture", "in_unit"]

_ROUNDS = 200
_GAP = 1e-7  # of the scale of scores
_MISSED = 1e-7  # share of attention, as near as the solver goes


@dataclass(frozen=True, eq=False)
class Mixture:
    """A random choice among rankings.

    Parameters
    ----------
    chance
        (rankings,) probability of each.
    lists
        (rankings, users, k) item numbers.
    gap
        What another policy could add to the mean score of a list, at most.
    """

    chance: Floats
    lists: Ints
    gap: float


def best_mixture(scores: Floats, groups: Groups, attention: Floats, share: Floats, *, exact: bool) -> Mixture:
    """Mixture of rankings of the highest mean score that gives groups their share of attention.

    Parameters
    ----------
    scores
        (users, items), finite.
    attention
        (k,) of the places, falling.
    share
        (groups,) least shares, or with `exact` the very shares.

    Raises
    ------
    ValueError
        If the programme is not solved in 200 rounds.
    """
    from scipy.optimize import linprog

    unit, scale = in_unit(scores)
    finder = _Finder(unit, groups, attention)
    columns = [finder.ranked(np.zeros(len(share)))]
    columns += [finder.ranked(10 * row) for row in np.eye(len(share))]
    penalty = 100.0 * attention.sum()
    best = np.inf
    for _ in range(_ROUNDS):
        utility = np.array([c[0] for c in columns])
        given = np.column_stack([c[1] for c in columns])
        chance, price, total, missed = _master(linprog, utility, given, share, penalty, exact=exact)
        new = finder.ranked(price / attention.sum())
        reduced = new[0] + new[1] @ price
        best = min(best, float(reduced - share @ price))
        known = any(abs(new[0] - c[0]) <= _GAP and np.allclose(new[1], c[1], atol=1e-12) for c in columns)
        if missed < _MISSED and (known or best - total <= _GAP):  # a ranking seen before adds nothing
            kept = chance > 1e-12
            lists = np.stack([finder.lists(columns[i][2]) for i in np.flatnonzero(kept)])
            return Mixture(chance[kept] / chance[kept].sum(), lists, scale * max(best - total, 0.0))
        columns.append(new)
    raise ValueError(f"shares not met after {_ROUNDS} rounds; are they on the edge of what is feasible? Ask for less")


def in_unit(scores: Floats) -> tuple[Floats, float]:
    """Scores brought to [0, 1], where a solver's tolerances mean something, and the range that they had."""
    least, most = float(scores.min()) / 2, float(scores.max()) / 2  # halves: their difference is finite
    if most == least:
        return np.zeros_like(scores), 1.0
    return (scores / 2 - least) / (most - least), min(2 * (most - least), float(np.finfo(np.float64).max))


def _master(
    linprog: object, utility: Floats, given: Floats, share: Floats, penalty: float, *, exact: bool
) -> tuple[Floats, Floats, float, float]:
    """Best mixture of the rankings known so far: chances, prices of shares, value, by how much shares are missed."""
    many = len(share)
    below = np.eye(many)
    above = -np.eye(many) if exact else np.zeros((many, 0))
    cost = np.concatenate([-utility, np.full(many + above.shape[1], penalty)])
    mixed = np.concatenate([np.ones(len(utility)), np.zeros(many + above.shape[1])])[None]
    bound = np.column_stack([given, below, above])
    if exact:
        found = linprog(cost, A_eq=np.vstack([mixed, bound]), b_eq=np.append(1.0, share), method="highs")  # type: ignore[operator]
        price = found.eqlin.marginals[1:]
    else:
        found = linprog(cost, A_ub=-bound, b_ub=-share, A_eq=mixed, b_eq=[1.0], method="highs")  # type: ignore[operator]
        price = -found.ineqlin.marginals
    chance = found.x[: len(utility)]
    return chance, np.asarray(price), float(utility @ chance), float(found.x[len(utility) :].sum())


class _Finder:
    """Rankings by score plus a bonus a group, over the few items of each group that could be in a list."""

    def __init__(self, scores: Floats, groups: Groups, attention: Floats) -> None:
        self.k, self.attention = len(attention), attention
        item, score = best_of_each(scores, groups, self.k)
        self.many = item.shape[1]
        self.item, self.score = (a.reshape(len(scores), -1) for a in (item, score))
        self.group = np.repeat(np.arange(self.many), self.k)

    def ranked(self, bonus: Floats) -> tuple[float, Floats, Ints]:
        """Mean score of a list, (groups,) mean share of attention, and (users, k) places among the candidates."""
        order = np.argsort(-(self.score + bonus[self.group]), axis=1, kind="stable")[:, : self.k]
        value = float((np.take_along_axis(self.score, order, axis=1) @ self.attention).mean())
        weight = np.broadcast_to(self.attention, order.shape)
        given = np.bincount(self.group[order].ravel(), weight.ravel(), self.many)
        return value, given / given.sum(), order

    def lists(self, order: Ints) -> Ints:
        """(users, k) item numbers."""
        return np.asarray(np.take_along_axis(self.item, order, axis=1))
