"""Response functions: what a node would do under every setting of its causes at once (Balke & Pearl 1994)."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from causalrec_lab.causal.scm.optimal_transport import TIGHT, scaled
from causalrec_lab.causal.scm.twin import Undecided

__all__ = ["best_response", "forest"]

Floats = NDArray[np.float64]
MOST = 5_000  # response functions of a node that are still listed


def forest(part: Undecided) -> bool:
    """Whether the node's pairwise couplings, one a pair of settings of its causes, always fit together.

    They do if the pairs form no cycle: laws can be glued along a tree. With the causes observed the pairs form a star.
    """
    root: dict[float, float] = {}

    def top(setting: float) -> float:
        while root.setdefault(setting, setting) != setting:
            setting = root[setting]
        return setting

    for before, after in _pairs(part):
        one, other = top(before), top(after)
        if before != after and one == other:
            return False
        root[one] = other
    return True


def best_response(part: Undecided, gain: Floats) -> Floats | None:
    """Joint law of the node's values before and after that one distribution of response functions gives, and pays most.

    A linear programme over all functions from settings to states whose margins are the table's rows.

    Parameters
    ----------
    part
        The node.
    gain
        Worth of each pair of values, shape (settings of `part.axes`…, states or 1, states).

    Returns
    -------
    Kernel of the shape of `gain`; None where there are more than 5,000 response functions.
    """
    from scipy.optimize import linprog

    laws = _laws(part)
    settings, states = sorted(laws), part.p.shape[-1]
    if states ** len(settings) > MOST:
        return None
    functions = np.array(list(itertools.product(range(states), repeat=len(settings))))
    margins = np.stack([functions[:, [c]] == np.arange(states)[:-1] for c in range(len(settings))])
    place = {setting: c for c, setting in enumerate(settings)}
    before, after = (np.array([place[s] for s in side]) for side in zip(*_pairs(part), strict=True))
    cells = gain.reshape(-1, *gain.shape[-2:])
    x, later = functions[:, before], functions[:, after]  # (functions, cells)
    shown = np.zeros_like(x) if part.seen is not None else x
    pays = cells[np.arange(len(cells)), shown, later] * (True if part.seen is None else x == part.seen)
    found = linprog(
        -scaled(pays.sum(1)),
        A_eq=np.vstack([np.ones((1, len(functions))), margins.transpose(0, 2, 1).reshape(-1, len(functions))]),
        b_eq=np.concatenate([[1.0], *(laws[s][:-1] for s in settings)]),
        options=TIGHT,
    )
    if found.x is None:
        return None
    kernel = np.zeros_like(cells)
    weight = found.x[:, None] * (np.ones_like(x) if part.seen is None else x == part.seen)
    np.add.at(kernel, (np.broadcast_to(np.arange(len(cells)), x.shape), shown, later), weight)
    return kernel.reshape(gain.shape)


def _pairs(part: Undecided) -> list[tuple[float, float]]:
    shape = np.broadcast_shapes(part.p.shape, part.q.shape)[:-1]
    sides = (np.broadcast_to(side, shape).ravel().tolist() for side in (part.before, part.after))
    return list(zip(*sides, strict=True))


def _laws(part: Undecided) -> dict[float, Floats]:
    """Setting of the causes -> the node's law there."""
    shape = np.broadcast_shapes(part.p.shape, part.q.shape)
    rows = [np.broadcast_to(law, shape).reshape(-1, shape[-1]) for law in (part.p, part.q)]
    pairs = _pairs(part)
    return {pair[side]: rows[side][i] for i, pair in enumerate(pairs) for side in (0, 1)}
