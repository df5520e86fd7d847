r"""How many of each group the first j places must hold: plain quotas, and those of a test (FA*IR).

A ranking is fair by FA*IR (Zehlike et al. 2017, "FA*IR: A Fair Top-k Ranking Algorithm", CIKM) if in
no prefix the number of protected items is so small that coin tosses of probability p would hardly give it:

.. math:: m(j) = \min\{m : F(m; j, p) > \alpha_c\}

with the binomial distribution function F. That is k tests, so :math:`\alpha_c` is lowered until lists drawn by such
tosses fail any of them with probability :math:`\alpha` at most.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from causalrec_lab.explain.fairness.groups import Groups, Ints
from causalrec_lab.explain.fairness.targets import checked_least

__all__ = ["corrected_alpha", "failure_probability", "fair_star_minimums", "share_minimums"]

_STEPS = 40


def share_minimums(least: Mapping[str, float], groups: Groups, k: int) -> Ints:
    r"""(groups, k) items that the first 1, 2, …, k places must hold: :math:`\lfloor s_g j \rfloor`.

    Raises
    ------
    ValueError
        As `checked_least`, or if a group has fewer items than its quota.
    """
    shares = checked_least(least, groups.labels)
    found = np.floor(shares[:, None] * np.arange(1, k + 1) + 1e-9).astype(np.int64)
    for label, wanted, count in zip(groups.labels, found[:, -1], groups.counts, strict=True):
        if wanted > count:
            raise ValueError(
                f"{label!r} should have {wanted} of {k} places and has {count} items; feasible is a share below "
                f"{(count + 1) / k:.4g}"
            )
    return found


def fair_star_minimums(p: float, k: int, alpha: float = 0.1, *, correct: bool = True) -> Ints:
    """(k,) protected items that the first 1, 2, …, k places must hold by FA*IR.

    Parameters
    ----------
    p
        Least share of protected items, in (0, 1).
    alpha
        Chance that a list drawn with that share is called unfair, in (0, 1).
    correct
        Whether that chance is of the whole list, or of each prefix by itself.

    Raises
    ------
    ValueError
        If p or alpha is outside (0, 1), or k is less than 1.
    """
    if not (0 < p < 1 and 0 < alpha < 1 and k >= 1):
        raise ValueError(f"p={p}, alpha={alpha}, k={k}: p and alpha lie inside (0, 1), k is at least 1")
    return _minimums(p, k, corrected_alpha(p, k, alpha) if correct else alpha)


def corrected_alpha(p: float, k: int, alpha: float = 0.1) -> float:
    """Largest level of the single tests at which a list drawn with share p fails any with chance `alpha` at most."""
    low, high = 0.0, alpha
    if failure_probability(_minimums(p, k, high), p) <= alpha:
        return high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if failure_probability(_minimums(p, k, middle), p) <= alpha:
            low = middle
        else:
            high = middle
    return low


def failure_probability(minimums: Ints, p: float) -> float:
    """Chance that independent tosses of probability p fall below the minimums at some prefix: exact, by recursion."""
    alive = np.zeros(len(minimums) + 2)
    alive[0] = 1.0
    for least in minimums:
        alive[1:] = alive[1:] * (1 - p) + alive[:-1] * p
        alive[0] *= 1 - p
        alive[:least] = 0.0
    return float(1 - alive.sum())


def _minimums(p: float, k: int, alpha: float) -> Ints:
    from scipy.special import bdtr

    places = np.arange(1, k + 1)
    chance = np.asarray(bdtr(np.arange(k + 1)[None, :], places[:, None], p), dtype=np.float64)
    chance[np.arange(k + 1)[None, :] > places[:, None]] = 1.0
    return np.asarray(np.argmax(chance > alpha, axis=1), dtype=np.int64)
