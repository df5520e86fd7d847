"""Posterior tables of a discrete network: one contraction for all rows of evidence or all parameter draws.

The batch is one more axis of the tables, kept to the end; elimination sees it as a variable that is never summed out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from causalrec_lab.causal.scm.elimination import Factor, contract

__all__ = ["ancestors", "posterior"]

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
BATCH = -1  # number of the batch axis among the variables, which count from 0


def posterior(
    parents: Mapping[str, Sequence[str]],
    tables: Mapping[str, Floats],
    target: Sequence[str],
    do: Mapping[str, int],
    given: Mapping[str, int | Codes],
    draws: int = 0,
) -> Floats:
    r"""Give :math:`P(target, given \mid do)` on the mutilated network, not normalised.

    Parameters
    ----------
    parents, tables
        Node -> its parents, and its table of shape (states of the parents…, states); with `draws`, one more axis in
        front, (draws, …).
    target
        Nodes of the answer, one axis each.
    do, given
        Node -> code of its state; `given` may hold an array of codes a node, one a row of evidence (all of one length).
    draws
        Length of the tables' front axis, 0 where they have none.

    Returns
    -------
    Array of shape (states of ``target[0]``, …), with the rows of evidence or the draws as a first axis where there are
    such.

    Raises
    ------
    ValueError
        If some table on the way would have more than 50 million entries.
    """
    cut = {n: () if n in do else tuple(p) for n, p in parents.items()}
    relevant = ancestors(cut, [*target, *given])
    number = {n: i for i, n in enumerate(parents)}
    known: dict[str, int | Codes] = {**do, **given}
    factors = [
        _sliced(tables[n], (*parents[n], n), known, number, bool(draws))
        for n in parents
        if n in relevant and n not in do
    ]
    lengths = [np.size(codes) for codes in given.values() if np.ndim(codes)]
    batch = draws or (lengths[0] if lengths else 0)
    if not batch:
        return contract(factors, [number[n] for n in target])
    factors.append(Factor((BATCH,), np.ones(batch)))
    return contract(factors, [BATCH, *(number[n] for n in target)])


def ancestors(parents: Mapping[str, Sequence[str]], nodes: Iterable[str]) -> set[str]:
    """Give the nodes and everything upstream of them."""
    seen: set[str] = set()
    todo = list(nodes)
    while todo:
        if (node := todo.pop()) not in seen:
            seen.add(node)
            todo += parents[node]
    return seen


def _sliced(
    table: Floats, family: Sequence[str], known: Mapping[str, int | Codes], number: Mapping[str, int], drawn: bool
) -> Factor:
    """Fix the known axes; evidence in arrays turns them into one batch axis in front."""
    fixed = [i for i, n in enumerate(family) if n in known]
    free = [i for i, n in enumerate(family) if n not in known]
    front = [0] if drawn else []
    ordered = table.transpose([*front, *(len(front) + i for i in (*fixed, *free))])
    codes = tuple(known[family[i]] for i in fixed)
    batched = drawn or any(np.ndim(code) for code in codes)
    left = ordered[(slice(None), *codes)] if drawn else ordered[codes]
    return Factor(((BATCH,) if batched else ()) + tuple(number[family[i]] for i in free), np.asarray(left))
