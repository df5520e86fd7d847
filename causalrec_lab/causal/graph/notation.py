"""The text form of a causal graph: ``a -> b; b <-> c``, and names as error messages and maths want them."""

from __future__ import annotations

import difflib
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["BETWEEN", "Edges", "latex_name", "markdown_text", "nearest", "read_edges", "sorted_by_cause", "written"]

BETWEEN = "\u2194"  # in the name of the common cause that a <-> b stands for
_ARROW = re.compile(r"(<->|->|<-)")
_SIGNS = {"\u2192": "->", "\u2190": "<-", BETWEEN: "<->"}
_QUOTED = re.compile(r'"((?:[^"]|"")+)"|#[^\n]*')  # a name in double quotes, or a remark, whichever starts first
_TAKEN = re.compile(
    r'[<>{}"\0]|--|\s[-\u2013\u2014]\s'
)  # in a name without quotes: a slip, or another program's text form


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
        a name alone is a node without edges), or an iterable of ``(cause, effect)`` pairs and such texts. A name that
        holds such signs stands in double quotes (``"age, group" -> b``), as `written` puts it; in pairs names are taken
        as they are. The arrow signs \u2192, \u2190 and \u2194 are read too.

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
    quoted: list[str] = []

    def kept(match: re.Match[str]) -> str:
        if match[1] is None:
            return ""
        quoted.append(match[1].replace('""', '"'))
        return f"\0{len(quoted) - 1}\0"

    plain = _QUOTED.sub(kept, text.replace("\0", ""))
    for sign, arrow in _SIGNS.items():
        plain = plain.replace(sign, arrow)
    for statement in filter(None, (part.strip() for line in plain.splitlines() for part in line.split(";"))):
        parts = _ARROW.split(statement)
        sides = [[_name(side, quoted, statement) for side in part.split(",")] for part in parts[::2]]
        nodes += [name for side in sides for name in side]
        for left, arrow, right in zip(sides, parts[1::2], sides[1:], strict=False):
            pairs = [(a, b) for a in left for b in right]
            if arrow == "<->":
                bidirected += [(min(pair), max(pair)) for pair in pairs]
            else:
                directed += pairs if arrow == "->" else [(b, a) for a, b in pairs]


def _name(piece: str, quoted: Sequence[str], statement: str) -> str:
    """Name that stands in a piece of text, taken out of its quotes."""
    piece = piece.strip()
    if re.fullmatch(r"\0\d+\0", piece):
        return quoted[int(piece.strip("\0"))]
    if piece and not _TAKEN.search(piece):
        return piece
    shown = re.sub(r"\0(\d+)\0", lambda match: f'"{quoted[int(match[1])]}"', statement)
    raise ValueError(
        f"cannot read {shown!r} as edges; write 'a -> b', 'a <- b', 'a <-> b' or 'a, b -> c', "
        "and a name that holds such signs in double quotes"
    )


def written(name: str) -> str:
    """Name as `read_edges` reads it back: in double quotes where it holds a sign that the text form uses."""
    taken = _TAKEN.search(name) or re.search(r"[,;#]|->|" + "|".join(_SIGNS), name)
    if taken or name != name.strip() or len(name.splitlines()) != 1:
        return '"' + name.replace('"', '""') + '"'
    return name


def nearest(name: str, known: Iterable[str]) -> str:
    """Words for an error message: the nearest known names, or all of them."""
    names = [str(k) for k in known]
    if close := difflib.get_close_matches(str(name), names, n=3, cutoff=0.6):
        return f"did you mean {' or '.join(map(repr, close))}?"
    return f"known are {', '.join(map(repr, names[:20]))}{', …' if len(names) > 20 else ''}"


def latex_name(name: str) -> str:
    r"""Name of a column as maths, with nothing in it that could be read as a command: ``\mathrm{log\_popularity}``.

    Letters and signs of every script stay as they are; a sign that maths or a page could read otherwise becomes a dot,
    so that two names seldom look the same and none vanishes.
    """
    plain = re.sub(r"[^0-9A-Za-z_ .()+=/:@!?&%#\u00a1-\U0010ffff-]", "\u00b7", name)
    return r"\mathrm{" + re.sub("([_&%# ])", r"\\\1", plain) + "}"


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
