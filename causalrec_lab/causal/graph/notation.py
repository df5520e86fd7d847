"""The text form of a causal graph: ``a -> b; b <-> c``, and names as error messages and maths want them."""

from __future__ import annotations

import difflib
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["BETWEEN", "Edges", "latex_name", "markdown_text", "nearest", "read_edges", "sorted_by_cause"]

BETWEEN = "\u2194"  # in the name of the common cause that a <-> b stands for
_ARROW = re.compile(r"(<->|->|<-)")


@dataclass(frozen=True)
class Edges:
    """Directed and bidirected edges and every node named, each in the order of its first mention."""

    directed: tuple[tuple[str, str], ...]
    bidirected: tuple[tuple[str, str], ...]
    nodes: tuple[str, ...]


def read_edges(edges: str | Iterable[str | Sequence[str]]) -> Edges:
    """Read edges from text, or from pairs and pieces of text.

    Parameters
    ----------
    edges
        ``"a -> b -> c; d, e -> b; b <-> c  # remark"`` (statements end at a semicolon or line end, commas list nodes,
        a name alone is a node without edges), or an iterable of ``(cause, effect)`` pairs and such texts.

    Raises
    ------
    ValueError
        On a statement that cannot be read, a node without a name, an edge from a node to itself.

    Warns
    -----
    UserWarning
        On an edge written twice; it counts once.
    """
    directed: list[tuple[str, str]] = []
    bidirected: list[tuple[str, str]] = []
    nodes: list[str] = []
    for piece in [edges] if isinstance(edges, str) else edges:
        if isinstance(piece, str):
            _read_text(piece, directed, bidirected, nodes)
        else:
            pair = tuple(map(str, piece))
            if len(pair) != 2 or not all(pair):
                raise ValueError(f"edge {pair!r} is no (cause, effect) pair of names")
            nodes += pair
            directed.append((pair[0], pair[1]))
    if loops := [a for a, b in directed + bidirected if a == b]:
        raise ValueError(f"edge {loops[0]!r} -> {loops[0]!r} goes from a node to itself; a cause precedes its effect")
    _say_twice(directed, " -> ")
    _say_twice(bidirected, " <-> ")
    return Edges(*(tuple(dict.fromkeys(found)) for found in (directed, bidirected, nodes)))  # type: ignore[arg-type]


def _say_twice(pairs: Sequence[tuple[str, str]], arrow: str) -> None:
    twice = [arrow.join(pair) for pair, times in Counter(pairs).items() if times > 1]
    if twice:
        warnings.warn(f"written twice, counted once: {'; '.join(twice)}", stacklevel=5)


def _read_text(text: str, directed: list[tuple[str, str]], bidirected: list[tuple[str, str]], nodes: list[str]) -> None:
    for line in text.splitlines():
        for statement in filter(None, map(str.strip, line.split("#")[0].split(";"))):
            parts = _ARROW.split(statement)
            sides = [[name.strip() for name in side.split(",")] for side in parts[::2]]
            if any(not name or re.search(r"[<>]|--", name) for side in sides for name in side):
                raise ValueError(
                    f"cannot read {statement!r} as edges; write 'a -> b', 'a <- b', 'a <-> b' or 'a, b -> c'"
                )
            nodes += [name for side in sides for name in side]
            for left, arrow, right in zip(sides, parts[1::2], sides[1:], strict=False):
                pairs = [(a, b) for a in left for b in right]
                if arrow == "<->":
                    bidirected += [(min(pair), max(pair)) for pair in pairs]
                else:
                    directed += pairs if arrow == "->" else [(b, a) for a, b in pairs]


def nearest(name: str, known: Iterable[str]) -> str:
    """Words for an error message: the nearest known names, or all of them."""
    names = [str(k) for k in known]
    if close := difflib.get_close_matches(str(name), names, n=3, cutoff=0.6):
        return f"did you mean {' or '.join(map(repr, close))}?"
    return f"known are {', '.join(map(repr, names[:20]))}{', …' if len(names) > 20 else ''}"


def latex_name(name: str) -> str:
    r"""Name of a column as maths, with nothing in it that could be read as a command: ``\mathrm{log\_popularity}``."""
    plain = re.sub(r"[^0-9A-Za-zÀ-ɏͰ-Ͽ一-鿿_ .-]", "", name)
    return r"\mathrm{" + plain.replace("_", r"\_").replace(" ", r"\ ") + "}"


def markdown_text(text: str) -> str:
    """Text that Markdown shows as it is: arrows as signs, and nothing becomes a tag, an emphasis or a formula."""
    for arrow, sign in (("<->", "\u2194"), ("<-", "\u2190"), ("->", "\u2192")):
        text = text.replace(f" {arrow} ", f" {sign} ")
    return re.sub(r"([\\`*_\[\]$#|~<>&])", r"\\\1", text)


def sorted_by_cause(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Causes before effects, otherwise in the order of first mention; a cycle is an error that shows it."""
    left = list(nodes)
    out: list[str] = []
    while left:
        ready = next((n for n in left if not any(b == n and a in left for a, b in edges)), None)
        if ready is None:
            raise ValueError(
                f"the graph has a cycle: {_cycle(left, edges)}; a causal graph orders causes before effects"
            )
        out.append(ready)
        left.remove(ready)
    return tuple(out)


def _cycle(left: Sequence[str], edges: Sequence[tuple[str, str]]) -> str:
    walk = [left[0]]
    while walk[-1] not in walk[:-1]:
        walk.append(next(a for a, b in edges if b == walk[-1] and a in left))
    return " -> ".join(walk[walk.index(walk[-1]) :][::-1])
