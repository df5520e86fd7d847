r"""Which arrows follow from which: Meek's rules, the CPDAG of a DAG, a DAG of a CPDAG, the size of the class.

A partially directed graph over p nodes is a (p, p) boolean matrix A: ``A[i, j] and not A[j, i]`` is i -> j,
``A[i, j] and A[j, i]`` is i - j.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["Adjacency", "complete", "count_members", "cpdag", "extension", "members", "undirected"]

Adjacency = NDArray[np.bool_]


def undirected(matrix: Adjacency) -> Adjacency:
    """Symmetric matrix of the edges without arrowhead."""
    return matrix & matrix.T


def complete(matrix: Adjacency) -> Adjacency:
    """Orient every edge whose direction follows: the closure under rules R1 to R4 of Meek (1995), section 2.1.

    An edge is oriented where the other direction would make a new unshielded collider or a cycle.
    """
    out = matrix.copy()
    while True:
        forced = _forced(out)
        if not forced.any():
            return out
        for b, c in np.argwhere(forced):
            if out[b, c] and out[c, b]:  # two contradicting orders in one sweep: the first stands
                out[c, b] = False


def _forced(matrix: Adjacency) -> Adjacency:
    near = matrix | matrix.T
    far = ~near & ~np.eye(len(matrix), dtype=bool)
    loose = matrix & matrix.T
    arrows = matrix & ~matrix.T
    first = (arrows.T.astype(int) @ far) > 0  # R1: a -> b - c, a and c not adjacent
    second = (arrows.astype(int) @ arrows) > 0  # R2: a -> b -> c, a - c
    forced = loose & (first | second)
    for a, b in np.argwhere(loose & ~forced & ~forced.T):
        third = loose[a] & arrows[:, b]  # R3: a - c -> b, a - d -> b, c and d not adjacent
        if far[np.ix_(third, third)].any():
            forced[a, b] = True
            continue
        ends = near[a] & arrows[:, b]  # R4: a - c -> d -> b, c and b not adjacent, a and d adjacent
        starts = loose[a] & far[:, b]
        forced[a, b] = bool(arrows[np.ix_(starts, ends)].any())
    return np.asarray(forced)


def cpdag(dag: Adjacency) -> Adjacency:
    """Completed partially directed graph of a DAG's Markov equivalence class.

    Two DAGs are equivalent where they share skeleton and unshielded colliders (Verma & Pearl 1990); the rest of the
    compelled arrows follows by Meek's rules.
    """
    near = dag | dag.T
    far = ~near & ~np.eye(len(dag), dtype=bool)
    collider = dag & ((far.astype(int) @ dag) > 0)
    return complete(near & ~collider.T)


def extension(matrix: Adjacency) -> Adjacency | None:
    """Find a DAG with the same skeleton and unshielded colliders that keeps every arrow (Dor & Tarsi 1992), or None."""
    out, left = matrix & ~matrix.T, matrix.copy()
    alive = np.ones(len(matrix), dtype=bool)
    while alive.any():
        sink = next((i for i in np.flatnonzero(alive) if _may_end(left, int(i))), None)
        if sink is None:
            return None
        out[:, sink] |= left[:, sink]
        left[sink], left[:, sink], alive[sink] = False, False, False
    return np.asarray(out)


def _may_end(matrix: Adjacency, node: int) -> bool:
    """Whether a node has no arrow out, and its loose neighbours are adjacent to all its other neighbours."""
    if (matrix[node] & ~matrix[:, node]).any():
        return False
    near = (matrix | matrix.T)[node]
    loose = np.flatnonzero(matrix[node] & matrix[:, node])
    joined = matrix | matrix.T | np.eye(len(matrix), dtype=bool)
    return bool(joined[np.ix_(loose, near)].all())


def members(matrix: Adjacency, limit: int) -> Iterator[Adjacency]:
    """Every DAG of the class, at most `limit`.

    Each loose edge is tried both ways and the rest completed: in a graph closed under the four rules each way leads to
    a member (Meek 1995, Theorem 4).
    """
    todo, given = [complete(matrix)], 0
    while todo and given < limit:
        graph = todo.pop()
        loose = np.argwhere(np.triu(graph & graph.T))
        if not len(loose):
            given += 1
            yield graph
            continue
        a, b = loose[0]
        for head, tail in ((a, b), (b, a)):
            fixed = graph.copy()
            fixed[head, tail] = False
            todo.append(complete(fixed))


def count_members(matrix: Adjacency, limit: int) -> int:
    """How many DAGs the class holds: the product over its loosely connected parts; `limit` where a part holds more."""
    product, seen = 1, np.zeros(len(matrix), dtype=bool)
    loose = matrix & matrix.T
    for start in range(len(matrix)):
        if seen[start] or not loose[start].any():
            continue
        part = np.zeros(len(matrix), dtype=bool)
        part[start] = True
        while (grown := part | loose[part].any(axis=0)).sum() > part.sum():
            part = grown
        seen |= part
        product *= sum(1 for _ in members(matrix[np.ix_(part, part)], limit))
        if product >= limit:
            return limit
    return product
