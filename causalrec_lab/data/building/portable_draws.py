r"""Random draws as arithmetic on integers: the same rows from the same seed on every system.

Engines hash and shuffle each in their own way. Here keys, added up to x with coefficients drawn from the seed (sums of
different keys are equal with probability 1 / p), become a pseudo-random number by a cubic polynomial whose coefficients
are drawn from the seed as well,

.. math:: h(x) = ((c_3 x + c_2) x + c_1) x + c_0 \bmod p, \qquad p = 2^{31} - 1,

whose values at any four x are independent and uniform (Wegman and Carter 1981, "New hash functions and their use in
authentication and set equality", Journal of Computer and System Sciences 22, section 2). No product exceeds
:math:`2^{62}`, so 64-bit integers hold it.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["PRIME", "key", "portable", "scrambled"]

PRIME = 2**31 - 1
_DIGITS = "0123456789abcdef"


def portable(column: Any) -> Any:
    """Give a column to sort by: text as its MD5 sum, which collations cannot sort differently; others as they are.

    Takes a pandas Series or an Ibis column.
    """
    if isinstance(column, pd.Series):
        if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
            return column
        return column.map(lambda text: hashlib.md5(str(text).encode(), usedforsecurity=False).hexdigest())
    return _md5()(column) if column.type().is_string() else column


def key(column: Any) -> Any:
    """Turn an Ibis column of ids or times into integers in [0, p): numbers modulo p, text by 28 bits of its MD5 sum."""
    kind = column.type()
    if kind.is_timestamp() or kind.is_date():
        column = column.cast("timestamp").truncate("s").epoch_seconds() if kind.is_date() else _seconds(column)
    elif kind.is_unsigned_integer():
        return (column % PRIME).cast("int64")  # ids of 64 bits may lie beyond the signed ones
    elif kind.is_floating() or kind.is_decimal():
        column = column.floor().cast("int64")
    elif not kind.is_integer():
        return _digits(_md5()(column.cast("string")))
    return (column.cast("int64") % PRIME + PRIME) % PRIME


def scrambled(seed: int, *keys: Any) -> Any:
    """Pseudo-random integers in [0, p) from integer columns in [0, p): h of their sum with random coefficients."""
    random = np.random.default_rng([seed, len(keys)])
    (c3, c2, c1, c0), slopes = random.integers(1, PRIME, 4).tolist(), random.integers(1, PRIME, len(keys)).tolist()
    x = sum(slope * one % PRIME for slope, one in zip(slopes, keys, strict=True)) % PRIME
    return (((c3 * x + c2) % PRIME * x + c1) % PRIME * x + c0) % PRIME


def _seconds(column: Any) -> Any:
    return column.truncate("s").epoch_seconds()


def _digits(digest: Any) -> Any:
    """Read seven hexadecimal digits as a number; a digit's value is its place in the row of digits."""
    import ibis

    row: Any = ibis.literal(_DIGITS)
    number = sum(row.find(digest.substr(place, 1)) * 16**place for place in range(7))
    return number.cast("int32").cast("int64")  # PostgreSQL counts places in 32 bits, and would go on so


@cache
def _md5() -> Any:
    import ibis

    @ibis.udf.scalar.builtin
    def md5(text: str) -> str:  # type: ignore[empty-body]
        """MD5 sum as hexadecimal text, under this name in every system."""

    return md5
