"""lavaan's model syntax (Rosseel 2012) as far as covariance structures go: ``=~``, ``~``, ``~~``, ``:=``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from causalrec_lab.causal.graph import CausalGraph

__all__ = ["Statement", "read_graph", "read_model"]

_NAME = re.compile(r"[^\W\d][\w.]*")
_STATEMENT = re.compile(r"^(.*?)(:=|=~|~~|~|==|<|>)(.*)$", re.DOTALL)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


@dataclass(frozen=True)
class Statement:
    """One relation: ``lhs op rhs``, with a fixed value, a label, or freed by ``NA*``.

    For ``:=`` `lhs` is the new name and `rhs` the expression.
    """

    lhs: str
    op: str
    rhs: str
    fixed: float | None = None
    label: str = ""
    freed: bool = False


def read_model(text: str) -> tuple[Statement, ...]:
    """Read a model.

    Parameters
    ----------
    text
        Statements on lines of their own or parted by semicolons; ``#`` and ``!`` begin remarks. ``f =~ x1 + x2``
        (f is measured by), ``y ~ x`` (is regressed on), ``y ~~ z`` (covaries with), ``ab := a*b`` (defined). A factor
        before a name fixes (``1*x``), labels (``a*x``; equal labels are one parameter) or frees (``NA*x``).

    Raises
    ------
    ValueError
        On what cannot be read, and on parts of lavaan's language that are not kept here.
    """
    out: list[Statement] = []
    for line in _lines(text):
        match = _STATEMENT.match(line)
        if match is None:
            raise ValueError(f"cannot read {line!r}; write 'f =~ x1 + x2', 'y ~ x', 'y ~~ z' or 'ab := a*b'")
        left, op, right = (part.strip() for part in match.groups())
        if op in ("==", "<", ">"):
            raise ValueError(f"constraint {line!r} is not kept here; give equal parameters one label: y ~ a*x1 + a*x2")
        if op == ":=":
            out.append(Statement(_name(left, line), op, right))
            continue
        out += [_term(lhs, op, term, line) for lhs in left.split("+") for term in right.split("+")]
    if not any(s.op != ":=" for s in out):
        raise ValueError("the model is empty; write 'f =~ x1 + x2', 'y ~ x' or 'y ~~ z'")
    return tuple(out)


def _lines(text: str) -> list[str]:
    """Statements, remarks removed; a line that ends or begins with an operator belongs to its neighbour."""
    bare = "\n".join(re.split(r"[#!]", line)[0].rstrip() for line in text.splitlines())
    joined = re.sub(r"([+~=*])\s*\n\s*", r"\1 ", bare)
    joined = re.sub(r"\n\s*([+*])", r" \1", joined)
    return [line.strip() for line in re.split(r"[;\n]", joined) if line.strip()]


def _name(text: str, line: str) -> str:
    name = text.strip()
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} in {line!r} is no name; names are letters, digits, '_' and '.', as in x_1")
    return name


def _term(lhs: str, op: str, term: str, line: str) -> Statement:
    *modifiers, name = (part.strip() for part in term.split("*"))
    if name in ("0", "1") and op == "~":
        raise ValueError(f"{line!r}: intercepts are not modelled; means stay free and drop out of the likelihood")
    target = _name(name, line)
    if not modifiers:
        return Statement(_name(lhs, line), op, target)
    if len(modifiers) > 1:
        raise ValueError(f"{term.strip()!r} in {line!r} has two factors; give one: a number, NA or a label")
    value = modifiers[0]
    if _NUMBER.fullmatch(value):
        return Statement(_name(lhs, line), op, target, fixed=float(value))
    if value == "NA":
        return Statement(_name(lhs, line), op, target, freed=True)
    if "(" in value:
        raise ValueError(f"{value!r} in {line!r} is not kept here; give a number, NA or a label")
    return Statement(_name(lhs, line), op, target, label=_name(value, line))


def read_graph(graph: CausalGraph) -> tuple[Statement, ...]:
    """Turn a causal graph into a model: an equation a node with causes.

    ``a <-> b``, and a latent node without causes that has exactly two effects, become a covariance ``a ~~ b``; any
    other latent node is measured by its observed effects (``=~``).

    Raises
    ------
    ValueError
        If a latent node has no observed effect.
    """
    out = [Statement(a, "~~", b) for a, b in graph.bidirected]
    folded = [n for n in graph.latent if not graph.parents(n) and len(graph.children(n)) == 2]
    for node in graph.latent:
        effects = graph.children(node)
        if node in folded:
            out.append(Statement(effects[0], "~~", effects[1]))
            continue
        seen = [n for n in effects if n not in graph.latent]
        if not seen:
            raise ValueError(f"latent node {node!r} has no observed effect: nothing measures it")
        out += [Statement(node, "=~", n) for n in seen]
    for a, b in graph.edges:
        if a not in folded and not (a in graph.latent and b not in graph.latent):
            out.append(Statement(b, "~", a))
    return tuple(out)
