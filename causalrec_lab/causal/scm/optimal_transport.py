"""Couplings of two distributions that pay most: greedy fills and transport programmes, many at once."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["TIGHT", "best_coupling", "scaled", "vertices"]

Floats = NDArray[np.float64]
TIGHT: Any = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}  # the least HiGHS takes
MOST = 6  # states whose orders are still gone through


def best_coupling(gain: Floats, p: Floats, q: Floats, same: NDArray[np.bool_], seen: int | None) -> Floats:
    r"""Coupling K of p and q that maximises :math:`\sum_{x, x'} K(x, x')\,gain(x, x')`, one a cell.

    Parameters
    ----------
    gain
        Shape (…, states or 1, states): rows x before, columns x' after; one row where x was observed, the others then
        pay nothing.
    p, q
        Laws before and after, shape (…, states), broadcast against the cells.
    same
        Cells whose two values must agree.
    seen
        The observed x.

    Returns
    -------
    Array of the shape of `gain`, broadcast with the laws.
    """
    cells = np.broadcast_shapes(gain.shape[:-2], p.shape[:-1], q.shape[:-1])
    gain = np.broadcast_to(gain, (*cells, *gain.shape[-2:]))
    p, q = (np.broadcast_to(law, (*cells, law.shape[-1])) for law in (p, q))
    if seen is not None:
        kernel = _filled(gain[..., 0, :], p[..., seen], q)[..., None, :]
        kept = (p[..., seen, None] * (np.arange(p.shape[-1]) == seen))[..., None, :]
    else:
        kernel = _two(gain, p, q) if p.shape[-1] == 2 else _transported(gain, p, q)
        kept = p[..., :, None] * np.eye(p.shape[-1])
    return np.where(same[..., None, None], kept, kernel)


def vertices(p: Floats, q: Floats, seen: int | None) -> list[Floats]:
    """Corners of the couplings of two laws, as far as the observed row is concerned; empty where there are too many."""
    size = len(p)
    if seen is None:
        return [_two(sign * np.eye(2), p, q) for sign in (1.0, -1.0)] if size == 2 else []
    if size > MOST:
        return []
    orders = itertools.permutations(range(size))
    corners = np.stack([_filled(-np.argsort(np.array(order)).astype(float), p[seen], q) for order in orders])
    return [corner[None, :] for corner in np.unique(corners.round(15), axis=0)]


def scaled(gain: Floats) -> Floats:
    """Gains over the largest of them: solvers take differences below their tolerance for none."""
    largest = float(np.abs(gain).max())
    return gain / largest if largest > 0 else gain


def _filled(gain: Floats, mass: Floats, caps: Floats) -> Floats:
    """Put the mass on what pays most, each up to its cap."""
    order = np.argsort(-gain, -1, kind="stable")
    room = np.take_along_axis(caps, order, -1)
    before = np.cumsum(room, -1) - room
    fill = np.clip(np.asarray(mass)[..., None] - before, 0.0, room)
    return np.asarray(np.take_along_axis(fill, np.argsort(order, -1, kind="stable"), -1))


def _two(gain: Floats, p: Floats, q: Floats) -> Floats:
    """Two states: one number, P(1, 1), between the Fréchet bounds."""
    low, high = np.maximum(p[..., 1] + q[..., 1] - 1, 0.0), np.minimum(p[..., 1], q[..., 1])
    both = np.where(gain[..., 1, 1] + gain[..., 0, 0] >= gain[..., 0, 1] + gain[..., 1, 0], high, low)
    ends = [[1 - p[..., 1] - q[..., 1] + both, q[..., 1] - both], [p[..., 1] - both, both]]
    return np.stack([np.stack(row, -1) for row in ends], -2)


def _transported(gain: Floats, p: Floats, q: Floats) -> Floats:
    """Three states or more, nothing observed: a transport programme a cell."""
    from scipy.optimize import linprog

    size = p.shape[-1]
    rows = np.kron(np.eye(size), np.ones(size))
    columns = np.kron(np.ones(size), np.eye(size))
    out = np.empty((*p.shape, size))
    for cell in np.ndindex(p.shape[:-1]):
        found = linprog(
            -scaled(gain[cell].ravel()),
            A_eq=np.vstack([rows, columns[:-1]]),
            b_eq=np.concatenate([p[cell], q[cell][:-1]]),
            options=TIGHT,
        )
        assert found.x is not None  # couplings of two laws always exist
        out[cell] = found.x.reshape(size, size)
    return out
