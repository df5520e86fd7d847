r"""One list at random whose groups have their shares on average: doubly stochastic matrices.

:math:`P_{ik}`, the chance that item i stands at place k, has rows and columns that sum to 1; utility
:math:`s^\top P v` and exposure :math:`P v` are linear in it, so the best P is a linear programme (Singh and Joachims
2018, "Fairness of Exposure in Rankings", KDD, section 3), and P is a mixture of rankings (Birkhoff 1946).
"""

from __future__ import annotations

import numpy as np

from causalrec_lab.explain.fairness.groups import Floats, Groups, Ints

__all__ = ["best_matrix", "birkhoff"]

_ZERO = 1e-10


def best_matrix(scores: Floats, groups: Groups, attention: Floats, share: Floats, *, exact: bool) -> Floats:
    """(items, items) matrix of the best random list; places beyond the attention's have none.

    Parameters
    ----------
    scores
        (items,), finite.
    attention
        (k,) of the places.
    share
        (groups,) least shares of the attention, or with `exact` the very shares.

    Raises
    ------
    ValueError
        If the programme has no solution.
    """
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, kron

    m, k = len(scores), len(attention)
    full = np.zeros(m)
    full[:k] = attention
    ones, eye = np.ones((1, m)), np.eye(m)
    sums = [kron(csr_array(eye), csr_array(ones)), kron(csr_array(ones), csr_array(eye))]
    given = np.stack([np.outer(hot, full).ravel() for hot in groups.one_hot.T]) / attention.sum()
    equal, right = [one.toarray() for one in sums], [np.ones(m), np.ones(m)]
    options = {} if exact else {"A_ub": -given, "b_ub": -share}
    if exact:
        equal, right = [*equal, given], [*right, share]
    found = linprog(
        -np.outer(scores, full).ravel(), A_eq=np.vstack(equal), b_eq=np.concatenate(right), bounds=(0, 1),
        method="highs", **options,
    )  # fmt: skip
    if found.x is None:
        raise ValueError(f"no random list gives these shares: {found.message}")
    return np.asarray(found.x.reshape(m, m))


def birkhoff(matrix: Floats) -> tuple[Floats, Ints]:
    """Rankings whose mixture is a doubly stochastic matrix.

    Each step takes the ranking whose rarest place is most likely of all and as much of it as there is; one entry at
    least becomes 0, so there are at most (items - 1)^2 + 1 steps.

    Parameters
    ----------
    matrix
        (items, places) square, rows and columns summing to 1.

    Returns
    -------
    (rankings,) chances, and (rankings, places) the item at each place.

    Raises
    ------
    ValueError
        If the matrix is not doubly stochastic.
    """
    from scipy.optimize import linear_sum_assignment

    left = np.array(matrix, dtype=np.float64)
    sums = (left.sum(axis=0), left.sum(axis=1)) if left.ndim == 2 else ()
    square = left.ndim == 2 and left.shape[0] == left.shape[1]
    if not square or left.min() < -1e-7 or any(np.abs(one - 1).max() > 1e-6 for one in sums):
        raise ValueError(f"a matrix of shape {left.shape} whose rows and columns do not all sum to 1 is no mixture")
    left[left < _ZERO] = 0.0
    chance, rankings = [], []
    while left.sum() > 1e-7 * len(left):
        cost = np.where(left > 0, -np.log(np.where(left > 0, left, 1.0)), 1e6)
        item, place = linear_sum_assignment(cost)
        part = float(left[item, place].min())
        if part <= 0:  # what rounding left has no ranking in it
            break
        left[item, place] -= part
        left[left < _ZERO] = 0.0
        chance.append(part)
        rankings.append(item[np.argsort(place)])
    return np.asarray(chance) / sum(chance), np.asarray(rankings, dtype=np.int64)
