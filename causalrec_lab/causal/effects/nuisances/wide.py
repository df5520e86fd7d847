r"""Ridge with more columns than rows, answered from the rows: the dual form.

A ridge estimate lies in the span of the rows, so with :math:`E E' = L L'` regressing on the n columns of L gives the
fit of the d columns of E: :math:`\beta = E' L^{-\top} \gamma` (Saunders, Gammerman and Vovk 1998). The cost is of
order :math:`n^2 d + n^3` where the primal form takes :math:`n d^2 + d^3`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import linalg

from causalrec_lab.causal.effects.columns import Floats

__all__ = ["folded", "spectrum"]

_JITTER = 1e-13  # of the mean diagonal of EE': rows that repeat one another have a factor too


def folded(design: Floats, penalty: Floats) -> tuple[Floats, Floats, Callable[[Floats], Floats]] | None:
    """A problem with as many columns as rows that has the same fit, or None where columns are no more than rows.

    Parameters
    ----------
    design
        (n, m) columns.
    penalty
        (m,) ridge penalties; the columns that share the commonest one are folded.

    Returns
    -------
    Columns, their penalties, and what turns their coefficients into the (m,) coefficients of `design`.
    """
    n = len(design)
    if design.shape[1] <= n:
        return None
    strengths, counts = np.unique(penalty, return_counts=True)
    strength = strengths[int(np.argmax(counts))]
    alike = penalty == strength
    if counts.max() <= n or strength <= 0:
        return None
    E, few = design[:, alike], int((~alike).sum())
    gram = E @ E.T
    np.fill_diagonal(gram, gram.diagonal() + _JITTER * max(float(gram.diagonal().mean()), 1e-300))
    factor = linalg.cholesky(gram, lower=True, check_finite=False)

    def unfold(found: Floats) -> Floats:
        beta = np.empty(design.shape[1])
        beta[~alike] = found[:few]
        inner = linalg.solve_triangular(factor, found[few:], lower=True, trans="T", check_finite=False)
        beta[alike] = E.T @ inner
        return beta

    columns = np.column_stack([design[:, ~alike], factor])
    return columns, np.concatenate([penalty[~alike], np.full(n, strength)]), unfold


def spectrum(E: Floats, y: Floats) -> tuple[Floats, Floats, Callable[[Floats], Floats]]:
    r"""Eigenvalues s of :math:`E'E`, the projections :math:`V'E'y`, and the map V from them to coefficients.

    From whichever of :math:`E'E` and :math:`EE'` is smaller; with fewer rows than columns the eigenvalues left out
    are 0, and coefficients of :math:`E'y / (s + \lambda)` have no part along them.

    Parameters
    ----------
    E, y
        (n, d) columns and (n,) target.
    """
    if E.shape[1] <= len(E):
        values, vectors = linalg.eigh(E.T @ E)
        return np.maximum(values, 0.0), vectors.T @ (E.T @ y), lambda found: np.asarray(vectors @ found)
    values, vectors = linalg.eigh(E @ E.T)
    root = np.sqrt(np.maximum(values, 0.0))
    inverse = np.divide(1.0, root, out=np.zeros_like(root), where=root > 1e-9 * max(float(root.max()), 1e-300))
    return root**2, root * (vectors.T @ y), lambda found: np.asarray(E.T @ (vectors @ (inverse[:, None] * found)))
