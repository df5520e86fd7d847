"""Linear equations out of means and covariances: point values, missing values by EM."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Moments", "dependent", "equations", "moments_of", "regressed"]

Floats = NDArray[np.float64]
Equations = tuple[Floats, Floats, Floats]
ROUNDS = 2_000  # of expectation and maximisation before the fit is called unconverged


@dataclass(frozen=True)
class Moments:
    """Mean, covariance (dividing by n) and number of rows, with the share of values that were missing."""

    mean: Floats
    covariance: Floats
    n: int
    filled: float = 0.0


def equations(
    mean: Floats, covariance: Floats, causes: Sequence[Sequence[int]], names: Sequence[str] = ()
) -> Equations:
    """Coefficients, intercepts and residual variances of every node on its causes.

    Raises
    ------
    ValueError
        If the causes of a node are collinear.
    """
    p = len(mean)
    B, a, v = np.zeros((p, p)), np.zeros(p), np.zeros(p)
    for i, above in enumerate(causes):
        inner = covariance[np.ix_(above, above)]
        if dependent(inner):
            name = repr(names[i]) if names else f"node number {i}"
            raise ValueError(f"the causes of {name} are collinear in the data; drop one")
        B[i, above] = regressed(inner, covariance[np.ix_(above, [i])])[:, 0]
        a[i] = mean[i] - B[i, above] @ mean[above]
        v[i] = max(covariance[i, i] - B[i, above] @ covariance[above, i], 0.0)
    return B, a, v


def dependent(covariance: Floats) -> bool:
    """Whether some variable is a linear function of the others, whatever their units."""
    return bool(np.linalg.matrix_rank(_correlation(covariance)[0], hermitian=True) < len(covariance))


def regressed(inner: Floats, across: Floats) -> Floats:
    """Coefficients of the least-squares fit, ``inner`` inverted, times ``across``; units as far apart as they like."""
    correlation, scale = _correlation(inner)
    return np.asarray(np.linalg.pinv(correlation, hermitian=True) @ (across / scale[:, None]) / scale[:, None])


def _correlation(covariance: Floats) -> tuple[Floats, Floats]:
    scale = np.sqrt(np.diag(covariance))
    scale = np.where(scale > 0, scale, 1.0)
    return covariance / np.outer(scale, scale), scale


def moments_of(data: Floats, causes: Sequence[Sequence[int]]) -> Moments:
    r"""Maximum-likelihood moments under the graph from rows with missing values (Little & Rubin 2019, section 11.2).

    Each round fills a row by its conditional mean, adds the conditional covariance of what was filled, and refits the
    equations, until no mean and no covariance moves by more than :math:`10^{-8}` standard deviations. Right if values
    are missing at random.

    Parameters
    ----------
    data
        Rows, (n, nodes), `nan` where missing.
    causes
        Numbers of each node's causes.
    """
    middle, scale = np.nanmean(data, 0), np.nanstd(data, 0)
    scale[scale == 0] = 1.0
    rows = (data - middle) / scale
    seen = ~np.isnan(rows)
    masks, group = np.unique(seen, axis=0, return_inverse=True)
    mean, spread = np.zeros(rows.shape[1]), np.eye(rows.shape[1])
    for _ in range(ROUNDS):
        new_mean, new_spread = _round(rows, masks, group.ravel(), mean, spread)
        new_mean, new_spread = _implied(equations(new_mean, new_spread, causes))
        moved = max(np.abs(new_mean - mean).max(), np.abs(new_spread - spread).max())
        mean, spread = new_mean, new_spread
        if moved < 1e-8:
            break
    else:
        warnings.warn(f"EM moved a moment by {moved:.1g} after {ROUNDS} rounds: not converged", stacklevel=5)
    return Moments(middle + scale * mean, spread * np.outer(scale, scale), len(data), float((~seen).mean()))


def _implied(found: Equations) -> tuple[Floats, Floats]:
    B, a, v = found
    total = np.linalg.inv(np.eye(len(a)) - B)
    return total @ a, total * v @ total.T


def _round(
    rows: Floats, masks: NDArray[np.bool_], group: NDArray[np.intp], mean: Floats, spread: Floats
) -> tuple[Floats, Floats]:
    """Expected first and second moments of the completed rows."""
    full, extra = np.empty_like(rows), np.zeros_like(spread)
    for k, mask in enumerate(masks):
        here = group == k
        gain = np.linalg.pinv(spread[np.ix_(mask, mask)], hermitian=True) @ spread[np.ix_(mask, ~mask)]
        part = rows[here]
        part[:, ~mask] = mean[~mask] + (part[:, mask] - mean[mask]) @ gain
        full[here] = part
        left = spread[np.ix_(~mask, ~mask)] - spread[np.ix_(~mask, mask)] @ gain
        extra[np.ix_(~mask, ~mask)] += here.sum() * left
    centre = full.mean(0)
    return centre, (full - centre).T @ (full - centre) / len(rows) + extra / len(rows)
