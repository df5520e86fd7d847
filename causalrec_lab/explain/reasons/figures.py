"""Figures of an effect as a sentence writes them, and as they are read back from one."""

from __future__ import annotations

import math
import re
import unicodedata

__all__ = ["decimals", "is_written", "number_text", "numbers_in", "numbers_of"]

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:[.,]\d+)*|\d+(?:[.,]\d+)*")
_MINUS = str.maketrans({"−": "-", "–": "-", "‒": "-", "﹣": "-", "－": "-"})
_MOST = 6  # decimals that a wide interval needs at most
_TINIEST = 15  # and those that keep a small end from being written as 0


def decimals(value: float, low: float, high: float) -> int:
    """Decimals that show an interval's half-width to one figure at least and leave every sign what it is.

    An end of 0.04 beside a half-width of 2 is not written as 0, which would make of "above 0" a "perhaps 0".

    Parameters
    ----------
    value, low, high
        Estimate and interval, in the unit that is written.
    """
    half = (high - low) / 2
    places = min(max(0, math.ceil(-math.log10(half))), _MOST) if half > 0 else 2
    while places < _TINIEST and any(x != 0 and round(x, places) == 0 for x in (value, low, high)):
        places += 1
    return places


def is_written(value: float, low: float, high: float) -> bool:
    """Whether estimate and interval can be written in decimals, none of them but 0 itself as 0."""
    places = decimals(value, low, high)
    return all(x == 0 or round(x, places) != 0 for x in (value, low, high))


def number_text(number: float, places: int) -> str:
    """A number with so many decimals; never a minus before zero."""
    return f"{round(number, places) + 0.0:.{places}f}"


def numbers_in(text: str) -> list[str]:
    """Every number in a text, sorted, as plain digits: full-width, Arabic and other digits and minus signs made plain.

    Parameters
    ----------
    text
        Any language; numbers in words are not read.
    """
    return sorted(numbers_of(text))


def numbers_of(text: str) -> list[str]:
    """As `numbers_in`, in the order in which they stand."""
    plain = unicodedata.normalize("NFKC", text).translate(_MINUS)
    plain = "".join(str(unicodedata.digit(c)) if c.isdigit() and not c.isascii() else c for c in plain)
    return _NUMBER.findall(plain)
