"""Arithmetic in defined parameters (``ab := a*b``) without `eval`: a small walk over the syntax tree."""

from __future__ import annotations

import ast
import cmath
import operator
import re
from collections.abc import Callable, Mapping, Sequence

from causalrec_lab.causal.graph.notation import nearest

__all__ = ["evaluate", "names_in"]

_NAME = re.compile(r"(?<![\w.])[^\W\d][\w.]*")
_STAND_IN = re.compile(r"n(\d+)_")
_NOT_REAL = complex("nan")


def _real(function: Callable[[complex], complex], least: float) -> Callable[[complex], complex]:
    """Give the function where it is real, and nan below `least`: a complex logarithm is no estimate."""

    def given(value: complex) -> complex:
        try:
            return function(value) if value.real >= least else _NOT_REAL
        except (OverflowError, ValueError):
            return _NOT_REAL

    return given


def _divided(above: complex, below: complex) -> complex:
    return above / below if below else _NOT_REAL


def _power(base: complex, exponent: complex) -> complex:
    whole = exponent.imag == 0 and exponent.real.is_integer()
    if (base.real < 0 and not whole) or (base == 0 and exponent.real < 0):
        return _NOT_REAL
    try:
        if base.real < 0:  # far from the cut of the complex power, where the tiny imaginary part would drown
            return (-base) ** exponent * (-1 if exponent.real % 2 else 1)
        return base**exponent
    except OverflowError:
        return _NOT_REAL


_BINARY: dict[type[ast.operator], Callable[[complex, complex], complex]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: _divided,
    ast.Pow: _power,
}
_FUNCTIONS: dict[str, Callable[[complex], complex]] = {
    "exp": _real(cmath.exp, -float("inf")),
    "log": _real(cmath.log, 0.0),
    "sqrt": _real(cmath.sqrt, 0.0),
}


def evaluate(expression: str, values: Mapping[str, complex]) -> complex:
    """Work out an expression of names, numbers, ``+ - * / ^ ( )``, exp, log and sqrt.

    Complex arithmetic throughout, so that derivatives follow by the complex step. Where the real expression has no
    value (``1/0``, the logarithm or the root of a negative number) the result is nan.

    Raises
    ------
    ValueError
        On anything else, and on names that are not in `values`.
    """
    tree, names = _parsed(expression)
    return _value(tree, names, values, expression)


def names_in(expression: str) -> set[str]:
    """Names an expression uses, functions left out."""
    return set(_parsed(expression)[1])


def _parsed(expression: str) -> tuple[ast.expr, list[str]]:
    """Syntax tree with every label stood in for, so that ``a.b`` and ``lambda`` may be labels; and the labels."""
    names: list[str] = []

    def stand_in(match: re.Match[str]) -> str:
        name = match[0]
        if name in _FUNCTIONS:
            return name
        if name not in names:
            names.append(name)
        return f"n{names.index(name)}_"

    text = _NAME.sub(stand_in, expression.strip()).replace("^", "**")
    try:
        return ast.parse(text, mode="eval").body, names
    except SyntaxError as error:
        raise ValueError(f"cannot read {expression!r} as arithmetic: {error.msg}") from None


def _value(node: ast.expr, names: Sequence[str], values: Mapping[str, complex], whole: str) -> complex:
    def part(inner: ast.expr) -> complex:
        return _value(inner, names, values, whole)

    match node:
        case ast.Constant(value=int() | float() as number):
            return complex(number)
        case ast.Name(id=stand_in) if found := _STAND_IN.fullmatch(stand_in):
            name = names[int(found[1])]
            if name not in values:
                raise ValueError(
                    f"{name!r} in {whole!r} is no label; {nearest(name, values) if values else 'none is set'}"
                )
            return complex(values[name])
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -part(inner)
        case ast.UnaryOp(op=ast.UAdd(), operand=inner):
            return part(inner)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _BINARY:
            return _BINARY[type(sign)](part(left), part(right))
        case ast.Call(func=ast.Name(id=function), args=[inner], keywords=[]) if function in _FUNCTIONS:
            return _FUNCTIONS[function](part(inner))
    written = _STAND_IN.sub(lambda found: names[int(found[1])], ast.unparse(node))
    raise ValueError(f"{written!r} in {whole!r} is no arithmetic; use labels, numbers, + - * / ^, exp, log, sqrt")
