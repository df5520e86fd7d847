r"""The chance that each of several independent quantities is the largest: what Thompson sampling plays.

.. math:: P(a \text{ is best}) = \int \prod_{b \ne a} F_b(x)\, dF_a(x)

as a Stieltjes sum over nodes that are quantiles of all of them, so that no distribution is too narrow to be seen.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

__all__ = ["chance_of_best", "levels"]

Floats = npt.NDArray[np.float64]
_CELLS = 2_000_000
_NODES = 480  # of all quantities together, at least
_EVEN, _LEADERS, _EACH = 64, 4, 8  # nodes of each of many rows: spread evenly, and quantiles of those in the lead
_REACH = 4.0  # standard deviations beyond which an end has no mass to speak of
_TINY = 1e-300


def levels(count: int) -> Floats:
    """Quantile levels of each of `count` quantities: the more there are, the fewer each needs."""
    inner = max(_NODES // count, 11)
    return np.concatenate([[1e-9, 1e-6, 1e-4], (np.arange(inner) + 0.5) / inner, [1 - 1e-4, 1 - 1e-6, 1 - 1e-9]])


def chance_of_best(quantiles: Floats, cdf: Callable[[Floats], Floats]) -> Floats:
    """(count,) chance of each quantity to be the largest.

    Parameters
    ----------
    quantiles
        (count, levels) quantiles at `levels(count)`.
    cdf
        (nodes,) -> (count, nodes) distribution functions.
    """
    found = _stieltjes(cdf(np.sort(quantiles.ravel()))[None])[0]
    return np.asarray(found / found.sum())


def chance_of_best_by_row(mean: Floats, spread: Floats, cdf: Callable[[Floats], Floats]) -> Floats:
    """(n, count) chance of each quantity to be the largest of its row.

    Parameters
    ----------
    mean, spread
        (n, count) location and scale of each.
    cdf
        (rows, count, nodes) standardised values -> distribution functions.
    """
    found, width = np.empty(mean.shape), np.maximum(spread, 1e-12)
    step = max(1, _CELLS // (mean.shape[1] * (_EVEN + _LEADERS * _EACH)))
    for start in range(0, len(mean), step):
        m, s = mean[start : start + step], width[start : start + step]
        nodes = _nodes(m, s)[:, None, :]
        found[start : start + step] = _stieltjes(cdf((nodes - m[:, :, None]) / s[:, :, None]))
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def _nodes(mean: Floats, spread: Floats) -> Floats:
    """(n, nodes) values between which the best of a row lies, closer where the leaders do."""
    low, high = (mean - _REACH * spread).max(axis=1), (mean + _REACH * spread).max(axis=1)
    even = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, _EVEN)
    lead = np.argsort(-mean, axis=1)[:, :_LEADERS]
    m, s = (np.take_along_axis(part, lead, axis=1)[:, :, None] for part in (mean, spread))
    near = (m + s * np.linspace(-2.5, 2.5, _EACH)).reshape(len(mean), -1)
    return np.sort(np.column_stack([even, near]), axis=1)


def _stieltjes(below: Floats) -> Floats:
    """(rows, count) sums over nodes of each quantity's mass times the chance that all others lie below."""
    log = np.log(np.maximum(below, _TINY))
    others = np.exp(np.minimum(log.sum(axis=1, keepdims=True) - log, 0.0))
    mass = np.diff(below, axis=2)
    inner = (mass * (others[..., 1:] + others[..., :-1])).sum(axis=2) / 2
    return np.asarray(np.maximum(inner, 0.0) + (1 - below[..., -1]) * others[..., -1] + below[..., 0] * others[..., 0])
