"""Quantities that follow from a model's parameters: path effects, defined parameters, standardised estimates."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causalrec_lab.causal.sem.expression import evaluate
from causalrec_lab.causal.sem.moments import Moments
from causalrec_lab.causal.sem.specification import Parameter

__all__ = [
    "along",
    "around",
    "entries",
    "gradient",
    "labelled",
    "onward",
    "routes",
    "standardised",
    "standardised_definitions",
    "total",
]

Array = NDArray[np.float64]
Function = Callable[[NDArray[Any]], NDArray[Any]]
STEP = 1e-30  # of the complex step, which has no cancellation and may be this small


def gradient(function: Function, theta: Array) -> tuple[Array, Array]:
    """Values of a vector function and its derivatives, shape (values, parameters), by the complex step."""
    value = np.atleast_1d(function(theta.astype(complex))).real
    slopes = np.empty((len(value), len(theta)))
    for k in range(len(theta)):
        moved = theta.astype(complex)
        moved[k] += 1j * STEP
        slopes[:, k] = np.atleast_1d(function(moved)).imag / STEP
    return value, slopes


def routes(edges: Sequence[tuple[str, str, Parameter]], source: str, target: str) -> list[list[str]]:
    """Every directed path from source to target, the shortest first."""
    after: dict[str, list[str]] = {}
    for cause, effect, _ in edges:
        after.setdefault(cause, []).append(effect)
    out, todo = [], [[source]]
    while todo:
        route = todo.pop(0)
        for following in after.get(route[-1], []):
            if following == target:
                out.append([*route, following])
            elif following not in route:
                todo.append([*route, following])
    return out


def onward(edges: Sequence[tuple[str, str, Parameter]]) -> dict[str, frozenset[str]]:
    """For each variable at the tail of an arrow, those that a directed path leads to (itself in a loop)."""
    after: dict[str, list[str]] = {}
    for cause, effect, _ in edges:
        after.setdefault(cause, []).append(effect)
    out = {}
    for source in after:
        seen: set[str] = set()
        todo = [source]
        while todo:
            new = [name for name in after.get(todo.pop(), []) if name not in seen]
            seen.update(new)
            todo += new
        out[source] = frozenset(seen)
    return out


def around(moments: Moments, source: str, target: str, through: str | None) -> Function:
    r"""Sum over the paths with something between, as `along` has it, in a model without loops.

    There the sum over all paths is an entry of :math:`E = (I - A)^{-1}`, so that those through one variable k make up
    :math:`E_{tk} E_{ks}` and those with anything between :math:`E_{ts} - A_{ts}`: no path need be listed, of which a
    model of many arrows has more than can be.
    """
    where = {name: i for i, name in enumerate(moments.specification.variables)}
    s, t = where[source], where[target]

    def effect(theta: NDArray[Any]) -> NDArray[Any]:
        E = moments.effects(theta)
        if through is None:
            return np.array([E[t, s] - moments.matrices(theta)[0][t, s]])
        return np.array([E[t, where[through]] * E[where[through], s]])

    return effect


def along(moments: Moments, found: Sequence[Sequence[str]]) -> Function:
    """Sum over paths of the products of their coefficients, as a function of the parameters (Wright 1921)."""
    where = {name: i for i, name in enumerate(moments.specification.variables)}
    steps = [[(where[b], where[a]) for a, b in itertools.pairwise(route)] for route in found]

    def effect(theta: NDArray[Any]) -> NDArray[Any]:
        A = moments.matrices(theta)[0]
        return np.array([sum((math.prod((complex(A[step]) for step in route), start=1 + 0j) for route in steps), 0j)])

    return effect


def total(moments: Moments, source: str, target: str) -> Function:
    r"""Entry of :math:`(I - A)^{-1}`: the effect along all paths, loops included (Bollen 1989, chapter 8)."""
    i, j = (moments.specification.variables.index(name) for name in (target, source))
    return lambda theta: np.array([moments.effects(theta)[i, j]])


def labelled(moments: Moments, theta: NDArray[Any]) -> dict[str, complex]:
    """Values of the labels and of the defined parameters."""
    spec = moments.specification
    values: dict[str, complex] = {}
    for p in spec.parameters:
        if p.label:
            values[p.label] = theta[p.index] if p.index >= 0 else complex(p.fixed or 0.0)
    for name, expression in spec.defined:
        values[name] = evaluate(expression, values)
    return values


def standardised_definitions(moments: Moments, standard: NDArray[Any]) -> Array:
    """Defined parameters worked out from standardised estimates; nan where a label stands on several of them."""
    spec = moments.specification
    values: dict[str, complex] = {}
    for p, value in zip(spec.parameters, standard, strict=True):
        if p.label:
            values[p.label] = complex("nan") if p.label in values else complex(value)
    for name, expression in spec.defined:
        values[name] = evaluate(expression, values)
    return np.array([values[name].real for name, _ in spec.defined])


def entries(moments: Moments, theta: NDArray[Any]) -> NDArray[Any]:
    """Value of each of the specification's parameters, fixed ones included."""
    where = {name: i for i, name in enumerate(moments.specification.variables)}
    A, S, alpha = moments.matrices(theta)
    out = []
    for p in moments.specification.parameters:
        i, j = where[p.lhs], where.get(p.rhs, 0)
        out.append({"~": A[i, j], "=~": A[j, i], "~~": S[i, j], "~1": alpha[i]}[p.op])
    return np.array(out)


def standardised(moments: Moments, theta: NDArray[Any], latents_only: bool = False) -> NDArray[Any]:
    """Each parameter in standard deviations of its ends, lavaan's ``std.all`` (``std.lv`` with `latents_only`).

    Covariances of residuals become correlations of residuals.
    """
    spec = moments.specification
    where = {name: i for i, name in enumerate(spec.variables)}
    variance, own = np.diag(moments.all_covariances(theta)), np.diag(moments.matrices(theta)[1])
    if latents_only:
        observed = np.arange(len(variance)) < len(spec.observed)
        variance, own = np.where(observed, 1.0, variance), np.where(observed, 1.0, own)
    scale, residual = (np.sqrt(np.where(v.real < 0, -v, v)) for v in (variance, own))
    residual = np.where(residual == 0, 1.0, residual)
    out = []
    for p in spec.parameters:
        i, j = where[p.lhs], where.get(p.rhs, 0)
        if p.op == "~~":
            out.append(1 / variance[i] if i == j else 1 / (residual[i] * residual[j]))
        else:
            out.append({"~": scale[j] / scale[i], "=~": scale[i] / scale[j], "~1": 1 / scale[i]}[p.op])
    return np.asarray(entries(moments, theta) * np.array(out))
