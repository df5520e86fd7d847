"""Arithmetic in defined parameters (``ab := a*b``) without `eval`: a small walk over the syntax tree."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping

import numpy as np

from causalrec_lab.causal.graph.notation import nearest

__all__ = ["evaluate", "names_in"]

_BINARY: dict[type[ast.operator], Callable[[complex, complex], complex]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_FUNCTIONS: dict[str, Callable[[complex], complex]] = {"exp": np.exp, "log": np.log, "sqrt": np.sqrt}


def evaluate(expression: str, values: Mapping[str, complex]) -> complex:
    """Work out an expression of names, numbers, ``+ - * / ^ ( )``, exp, log and sqrt.

    Complex arithmetic throughout, so that derivatives follow by the complex step.

    Raises
    ------
    ValueError
        On anything else, and on names that are not in `values`.
    """
    return _value(_parsed(expression), values, expression)


def names_in(expression: str) -> set[str]:
    """Names an expression uses, functions left out."""
    tree = _parsed(expression)
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} - set(_FUNCTIONS)


def _parsed(expression: str) -> ast.expr:
    try:
        return ast.parse(expression.strip().replace("^", "**"), mode="eval").body
    except SyntaxError as error:
        raise ValueError(f"cannot read {expression!r} as arithmetic: {error.msg}") from None


def _value(node: ast.expr, values: Mapping[str, complex], whole: str) -> complex:
    match node:
        case ast.Constant(value=int() | float() as number):
            return complex(number)
        case ast.Name(id=name):
            if name not in values:
                raise ValueError(
                    f"{name!r} in {whole!r} is no label; {nearest(name, values) if values else 'none is set'}"
                )
            return values[name]
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_value(inner, values, whole)
        case ast.UnaryOp(op=ast.UAdd(), operand=inner):
            return _value(inner, values, whole)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _BINARY:
            return _BINARY[type(sign)](_value(left, values, whole), _value(right, values, whole))
        case ast.Call(func=ast.Name(id=name), args=[inner], keywords=[]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](_value(inner, values, whole))
    raise ValueError(
        f"{ast.unparse(node)!r} in {whole!r} is no arithmetic; use labels, numbers, + - * / ^, exp, log, sqrt"
    )
