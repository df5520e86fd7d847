"""Discrete networks from BIF files, the interchange format of the Bayesian network repository."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import numpy as np

from causalrec_lab.causal.scm.discrete import DiscreteNetwork

__all__ = ["read_bif"]

_VARIABLE = re.compile(r"variable\s+(\S+)\s*\{[^}]*?type\s+discrete\s*\[\s*\d+\s*\]\s*\{([^}]*)\}", re.DOTALL)
_TABLE = re.compile(r"probability\s*\(\s*([^)|]+?)\s*(?:\|\s*([^)]*?)\s*)?\)\s*\{(.*?)\}", re.DOTALL)
_ROW = re.compile(r"\(([^)]*)\)\s*([^;]*);")


def read_bif(path: str | Path) -> DiscreteNetwork:
    """Read a network from a ``.bif`` or ``.bif.gz`` file.

    Raises
    ------
    ValueError
        If the file holds no variables, or a table lacks rows.
    """
    raw = Path(path).read_bytes()
    text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode()
    states = {m[1]: tuple(s.strip() for s in m[2].split(",")) for m in _VARIABLE.finditer(text)}
    if not states:
        raise ValueError(f"{path}: no 'variable … {{ type discrete … }}' found; is this a BIF file?")
    parents, tables = {}, {}
    for match in _TABLE.finditer(text):
        node, above, body = match[1], tuple(filter(None, re.split(r"[\s,]+", match[2] or ""))), match[3]
        table = np.full([len(states[n]) for n in (*above, node)], np.nan)
        for row in _ROW.finditer(body):
            names = [s.strip() for s in row[1].split(",")]
            index = tuple(states[n].index(s) for n, s in zip(above, names, strict=True))
            table[index] = [float(v) for v in row[2].split(",")]
        if not above:
            table[...] = [float(v) for v in body.split("table", 1)[1].strip(" ;\n\r\t").split(",")]
        if np.isnan(table).any():
            raise ValueError(f"{path}: the table of {node!r} lacks rows")
        parents[node], tables[node] = above, table / table.sum(-1, keepdims=True)
    return _sorted(DiscreteNetwork(states, parents, tables))


def _sorted(network: DiscreteNetwork) -> DiscreteNetwork:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

    edges = [(parent, node) for node, above in network.parents.items() for parent in above]
    order = CausalGraph([*network.tables, *edges]).nodes
    parents = {n: network.parents[n] for n in order}
    return DiscreteNetwork({n: network.states[n] for n in order}, parents, {n: network.tables[n] for n in order})
