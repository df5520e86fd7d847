"""lavaan's model syntax (Rosseel 2012): ``=~``, ``~``, ``~~``, ``~ 1``, ``:=``, ``==`` and its modifiers."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["Statement", "read_graph", "read_model"]

_NAME = re.compile(r"[^\W\d][\w.]*")
_STATEMENT = re.compile(r"^(.*?)(:=|=~|<~|~\*~|~~|~|==|<|>|\|)(.*)$", re.DOTALL)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_CALL = re.compile(r"(start|label)\(\s*[\"']?([^\"')]*)[\"']?\s*\)")
_ELSEWHERE = {
    "<": "bounds are not kept here; a parameter that runs out of its range is said as a Heywood case",
    ">": "bounds are not kept here; a parameter that runs out of its range is said as a Heywood case",
    "<~": "formative latent variables are not kept here; add the columns up first",
    "~*~": "ordered columns are not kept here; score them as numbers first",
    "|": "ordered columns are not kept here; score them as numbers first",
}


@dataclass(frozen=True)
class Statement:
    """One relation: ``lhs op rhs`` with a fixed value, a label, a starting value, or freed by ``NA*``.

    For ``~1`` (an intercept) `rhs` is empty; for ``:=`` `lhs` is the new name and `rhs` the expression; for ``==``
    both are expressions of labels.
    """

    lhs: str
    op: str
    rhs: str
    fixed: float | None = None
    label: str = ""
    freed: bool = False
    start: float | None = None


def read_model(text: str) -> tuple[Statement, ...]:
    """Read a model.

    Parameters
    ----------
    text
        Statements on lines of their own or parted by semicolons; ``#`` and ``!`` begin remarks. ``f =~ x1 + x2``
        (f is measured by), ``y ~ x`` (is regressed on), ``y ~~ z`` (covaries with), ``y ~ 1`` (has an intercept),
        ``ab := a*b`` (defined), ``a + b == 1`` (linear constraint on labels). Factors before a name fix (``1*x``),
        label (``a*x``, ``label("a")*x``; equal labels are one parameter), free (``NA*x``) or start (``start(0.8)*x``);
        a term may carry several (``a*start(0.8)*x``), or be named twice in a statement as lavaan has it.

    Raises
    ------
    ValueError
        On what cannot be read, and on parts of lavaan's language that are not kept here; with the number of the line.
    """
    out: list[Statement] = []
    for number, line in _lines(text):
        try:
            out += _read(line)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
    if not any(s.op not in (":=", "==") for s in out):
        raise ValueError("the model is empty; write 'f =~ x1 + x2', 'y ~ x' or 'y ~~ z'")
    return tuple(out)


def _lines(text: str) -> list[tuple[int, str]]:
    """Numbered statements, remarks removed; a line that ends or begins with an operator belongs to its neighbour."""
    out: list[tuple[int, str]] = []
    for number, whole in enumerate(text.splitlines(), 1):
        bare = re.split(r"[#!]", whole)[0].strip()
        if not bare:
            continue
        first, *others = bare.split(";")
        if out and (out[-1][1].endswith(("+", "~", "=", "*")) or bare.startswith(("+", "*"))):
            out[-1] = out[-1][0], f"{out[-1][1]} {first.strip()}".strip()
        else:
            others = [first, *others]
        out += [(number, part.strip()) for part in others]
    return [(number, line) for number, line in out if line]


def _read(line: str) -> list[Statement]:
    if re.match(r"(group|level|block)\s*:", line, re.IGNORECASE):
        raise ValueError(f"{line!r}: several groups or levels are not kept here; fit one group at a time")
    match = _STATEMENT.match(line)
    if match is None:
        raise ValueError(f"cannot read {line!r}; write 'f =~ x1 + x2', 'y ~ x', 'y ~~ z', 'y ~ 1' or 'ab := a*b'")
    left, op, right = (part.strip() for part in match.groups())
    if op in _ELSEWHERE:
        raise ValueError(f"{line!r}: {_ELSEWHERE[op]}")
    if op == "==":
        return [Statement(left, op, right)]
    if op == ":=":
        return [Statement(_name(left, line), op, right)]
    return _merged([_term(lhs, op, term, line) for lhs in left.split("+") for term in right.split("+")], line)


def _name(text: str, line: str) -> str:
    name = text.strip()
    if ":" in name:
        raise ValueError(f"{name!r} in {line!r}: products are no columns; make one, df['x_z'] = df['x'] * df['z']")
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} in {line!r} is no name; names are letters, digits, '_' and '.', as in x_1")
    return name


def _term(lhs: str, op: str, term: str, line: str) -> Statement:
    *modifiers, name = (part.strip() for part in term.split("*"))
    if op == "~" and name in ("0", "1"):
        found = Statement(_name(lhs, line), "~1", "", fixed=0.0 if name == "0" else None)
    else:
        found = Statement(_name(lhs, line), op, _name(name, line))
    for modifier in modifiers:
        found = _modified(found, modifier, line)
    return found


def _modified(statement: Statement, modifier: str, line: str) -> Statement:
    call = _CALL.fullmatch(modifier)
    if _NUMBER.fullmatch(modifier):
        change: dict[str, object] = {"fixed": float(modifier)}
        if not math.isfinite(float(modifier)):
            raise ValueError(f"{modifier!r} in {line!r} is too large a number")
    elif modifier == "NA":
        change = {"freed": True}
    elif call and call[1] == "start" and _NUMBER.fullmatch(call[2].strip()):
        change = {"start": float(call[2])}
    elif call and call[1] == "label":
        change = {"label": _name(call[2], line)}
    elif modifier.startswith("c(") or "," in modifier:
        raise ValueError(f"{modifier!r} in {line!r}: several groups are not kept here; fit one group at a time")
    elif "(" in modifier:
        raise ValueError(f"{modifier!r} in {line!r} is not kept here; give a number, NA, a label or start(number)")
    else:
        change = {"label": _name(modifier.strip("\"'"), line)}
    if taken := [key for key in change if getattr(statement, key) not in (None, "", False)]:
        raise ValueError(f"{modifier!r} in {line!r}: the term has a {taken[0]} value already; give it once")
    return replace(statement, **change)  # type: ignore[arg-type]


def _merged(terms: Sequence[Statement], line: str) -> list[Statement]:
    """Terms named twice in a statement, with different modifiers, are one (``y ~ a*x + start(1)*x``)."""
    kept: dict[tuple[str, str, str], Statement] = {}
    for term in terms:
        key = term.lhs, term.op, term.rhs
        if key not in kept:
            kept[key] = term
            continue
        changes = {
            name: value
            for name in ("fixed", "label", "freed", "start")
            if (value := getattr(term, name)) not in (None, "", False)
        }
        if not changes or any(getattr(kept[key], name) not in (None, "", False) for name in changes):
            raise ValueError(f"{term.lhs} {term.op} {term.rhs} is stated twice in {line!r}; state it once")
        kept[key] = replace(kept[key], **changes)
    return list(kept.values())


def read_graph(graph: CausalGraph) -> tuple[Statement, ...]:
    """Turn a causal graph into a model: an equation a node with causes.

    ``a <-> b``, and a latent node without causes that has exactly two effects, become a covariance ``a ~~ b``; any
    other latent node is measured by its observed effects (``=~``).

    Raises
    ------
    ValueError
        If a latent node has no observed effect.
    """
    pairs = list(graph.bidirected)
    out: list[Statement] = []
    folded = [n for n in graph.latent if not graph.parents(n) and len(graph.children(n)) == 2]
    for node in graph.latent:
        effects = graph.children(node)
        if node in folded:
            pairs.append((effects[0], effects[1]))
            continue
        seen = [n for n in effects if n not in graph.latent]
        if not seen:
            raise ValueError(f"latent node {node!r} has no observed effect: nothing measures it")
        out += [Statement(node, "=~", n) for n in seen]
    joined = {frozenset(pair): pair for pair in reversed(pairs)}  # two hidden causes of the same two are one covariance
    out += [Statement(a, "~~", b) for a, b in reversed(joined.values())]
    for a, b in graph.edges:
        if a not in folded and not (a in graph.latent and b not in graph.latent):
            out.append(Statement(b, "~", a))
    return tuple(out)
