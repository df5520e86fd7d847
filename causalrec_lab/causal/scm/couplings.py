r"""Couplings: how one node's values under two different settings of its causes go together.

A table gives the law of :math:`X(pa)` for each setting pa, never the joint law of :math:`X(pa)` and :math:`X(pa')`.
Each function here takes the two laws p and q, shape (…, states), and gives a joint law, shape (…, states, states), with
these margins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from causalrec_lab.causal.graph.notation import nearest

__all__ = ["COUPLINGS", "Coupling", "coupling_of", "gumbel", "independent", "monotone"]

Floats = NDArray[np.float64]
Coupling = Callable[[Floats, Floats], Floats]


def monotone(p: Floats, q: Floats) -> Floats:
    r"""One uniform for both: :math:`X(pa) = F_p^{-1}(U),\; X(pa') = F_q^{-1}(U)`, states in the node's order.

    No unit moves against the others: for two states this is monotonicity, no prevention (Tian & Pearl 2000, section
    3.4). :math:`P(x, x') = |(F_p(x-1), F_p(x)] \cap (F_q(x'-1), F_q(x')]|`.
    """
    above, beside = np.cumsum(p, -1)[..., :, None], np.cumsum(q, -1)[..., None, :]
    top = np.minimum(above, beside)
    bottom = np.maximum(above - p[..., :, None], beside - q[..., None, :])
    return np.asarray(np.maximum(top - bottom, 0.0))


def gumbel(p: Floats, q: Floats) -> Floats:
    r"""Gumbel-max (Oberst & Sontag 2019): :math:`X(pa) = \arg\max_k \log p_k + G_k`, the same noise for both.

    *Counterfactually stable*: a value changes to j only if j has gained in odds on it. The noise is summed out in
    closed form. With :math:`r_k = p_k / q_k` and :math:`A(r) = \sum_k \max(p_k, q_k r)`,

    .. math:: P(i, i) = \Big(\sum_k \max(p_k / p_i,\, q_k / q_i)\Big)^{-1}, \qquad
              P(i, j) = p_i q_j \int_{r_j}^{r_i} A(r)^{-2}\,dr \;\text{ where } r_i > r_j, \text{ else } 0.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(p > 0, p / q, 0.0)
        raised = np.maximum(p[..., None, :] / p[..., :, None], q[..., None, :] / q[..., :, None])
        stay = np.where((p > 0) & (q > 0), 1.0 / raised.sum(-1), 0.0)
    order = np.argsort(ratio, -1, kind="stable")
    knots = np.take_along_axis(ratio, order, -1)
    height = np.maximum(p[..., None, :], q[..., None, :] * np.where(np.isfinite(knots), knots, 0.0)[..., :, None])
    level = height.sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.diff(knots, axis=-1) / (level[..., :-1] * level[..., 1:])
        last = 1.0 / (q.sum(-1, keepdims=True) * level[..., :-1])  # up to infinity, where q is 0
    steps = np.where(np.isfinite(knots[..., 1:]), steps, np.where(np.isfinite(knots[..., :-1]), last, 0.0))
    sums = np.concatenate([np.zeros((*steps.shape[:-1], 1)), np.cumsum(steps, -1)], -1)
    area = np.take_along_axis(sums, np.argsort(order, -1, kind="stable"), -1)
    move = p[..., :, None] * q[..., None, :] * np.maximum(area[..., :, None] - area[..., None, :], 0.0)
    return np.asarray(np.where(np.eye(p.shape[-1], dtype=bool), stay[..., None, :], move))


def independent(p: Floats, q: Floats) -> Floats:
    """Fresh noise for every setting: what happened under one says nothing about the other."""
    return np.asarray(p[..., :, None] * q[..., None, :])


COUPLINGS: dict[str, Coupling] = {"gumbel": gumbel, "independent": independent, "monotone": monotone}


def coupling_of(declared: str | Coupling | Mapping[str, str | Coupling], node: str) -> Coupling:
    """Coupling declared for a node: by name, as a function of two laws, or a mapping from nodes to either.

    Raises
    ------
    ValueError
        If the name is unknown, or a mapping has nothing for the node.
    """
    if isinstance(declared, Mapping):
        if node not in declared:
            raise ValueError(f"no coupling declared for {node!r}, whose value may change; give one for it too")
        declared = declared[node]
    if not isinstance(declared, str):
        return _proved(declared, node)
    if declared not in COUPLINGS:
        raise ValueError(f"coupling={declared!r}; {nearest(declared, COUPLINGS)}, or a function of two laws")
    return COUPLINGS[declared]


def _proved(function: Coupling, node: str) -> Coupling:
    """Refuse what is no joint law with the right margins."""

    def coupling(p: Floats, q: Floats) -> Floats:
        joint = np.asarray(function(p, q), float)
        if joint.shape != (*np.broadcast_shapes(p.shape, q.shape), q.shape[-1]):
            raise ValueError(f"coupling of {node!r} gave shape {joint.shape} for laws of shape {p.shape} and {q.shape}")
        off = max(float(np.abs(joint.sum(-1) - p).max()), float(np.abs(joint.sum(-2) - q).max()), -float(joint.min()))
        if not off < 1e-9:
            raise ValueError(f"coupling of {node!r} is no joint law with the table's rows as margins: off by {off:.2g}")
        return joint

    return coupling
