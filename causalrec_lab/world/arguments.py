"""Numbers as callers give them: whole ones and real ones, numpy's too; what is none is named, with the way out."""

from __future__ import annotations

import difflib
import math
from numbers import Real
from typing import Any

import numpy as np

__all__ = ["is_number", "one_of", "real", "whole"]


def is_number(value: Any) -> bool:
    """Whether it is a number: Python's or numpy's, True and False are none."""
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def one_of(name: str, value: Any, known: tuple[str, ...]) -> None:
    """Refuse a word that is none of the known ones, and offer the nearest.

    Raises
    ------
    ValueError
        If it is none of them.
    """
    if value not in known:
        near = difflib.get_close_matches(str(value), known, n=1) or known
        raise ValueError(f"{name}={value!r} is none here; did you mean {' or '.join(map(repr, near))}?")


def whole(name: str, value: Any, least: int = 1) -> int:
    """A whole number, as Python's own: 5, 5.0 and numpy's integers are 5.

    Parameters
    ----------
    name, value
        Of the argument.
    least
        The smallest that is taken.

    Raises
    ------
    ValueError
        If it is no whole number (True is none), or too small.
    """
    if not is_number(value) or not math.isfinite(value) or value != int(value) or value < least:
        raise ValueError(f"{name}={value!r}: give a whole number of at least {least}")
    return int(value)


def real(name: str, value: Any, low: float = -math.inf, high: float = math.inf) -> float:
    """A finite number in [low, high].

    Raises
    ------
    ValueError
        If it is no number, not finite, or outside.
    """
    if not is_number(value) or not math.isfinite(value):
        raise ValueError(f"{name}={value!r}: give a finite number")
    if not low <= value <= high:
        raise ValueError(f"{name}={value!r} is outside [{low:g}, {high:g}]; give a number in that range")
    return float(value)
