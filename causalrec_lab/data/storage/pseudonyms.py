"""Pseudonyms for identifiers: a keyed hash of each, the key held outside of the project."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from causalrec_lab.data.registry import nearest

__all__ = ["KEY_VARIABLE", "TOLD", "Key", "Keys", "Pseudonymise"]
__all__ += ["hidden", "keys_of", "masked_lines", "placed", "pseudonyms"]

#: Environment variable that `pseudonymise=True` reads.
KEY_VARIABLE = "CAUSALREC_PSEUDONYM_KEY"
#: What a data set says of itself afterwards.
TOLD = (
    "{columns}: pseudonyms (HMAC-SHA256, 16 bytes). Who holds the key can undo them, and the rows still tell of one "
    "person each: pseudonymised data stay personal data (GDPR, Article 4(5) and recital 26)"
)
LEAST_BYTES = 16
_LEAST_KINDS = 5  # of bytes in a key: a blank or a zero many times is none
_MASK = "<line held back: it may hold an identifier>"
_T = TypeVar("_T")
Pseudonymise = bool | Mapping[str, "str | Path | bytes"]


class Key:
    """A secret that shows itself nowhere: not in repr, str, pickles or tracebacks that print variables."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def __repr__(self) -> str:
        return "Key(***)"

    def __reduce__(self) -> Any:
        raise TypeError("a key is not stored; read it again where it is needed")

    def of(self, text: str) -> str:
        """First 16 bytes of HMAC-SHA256 (RFC 2104) of a text, in hexadecimal."""
        return hmac.digest(self._secret, text.encode("utf-8", "surrogatepass"), hashlib.sha256)[:16].hex()


Keys = dict[str, Key]


def keys_of(asked: Any) -> Keys:
    """Read the keys that `pseudonymise=` names: contract name or column -> key.

    Parameters
    ----------
    asked
        True: user_id, by the key in the variable CAUSALREC_PSEUDONYM_KEY. A mapping: column -> name of an environment
        variable (text), a file (`Path`) or the key itself (bytes). False or None: nothing.

    Raises
    ------
    ValueError
        If a variable or file is missing, or a key has fewer than 16 bytes or the same few over and over. No message
        shows a key.
    TypeError
        If it is something else.
    """
    if asked is None or asked is False:
        return {}
    if asked is True:
        asked = {"user_id": KEY_VARIABLE}
    if not isinstance(asked, Mapping):
        raise TypeError("pseudonymise= takes True, or a mapping of columns to keys: {'user_id': 'MY_KEY_VARIABLE'}")
    if not asked:
        raise ValueError("pseudonymise={}: name a column, {'user_id': 'MY_KEY_VARIABLE'}, or leave it out")
    return {str(column): _key(str(column), source) for column, source in asked.items()}


def _key(column: str, source: Any) -> Key:
    where = f"pseudonymise: the key of {column!r}"
    if isinstance(source, bytes):
        return _long_enough(source, where)
    if isinstance(source, Path):
        try:
            return _long_enough(source.expanduser().read_bytes(), f"{where} in file {source.name}")
        except OSError as error:
            raise ValueError(f"{where}: file {source.name} cannot be read ({error.strerror}); {_MAKE}") from None
    if source is True:
        source = KEY_VARIABLE
    if not isinstance(source, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", source):
        raise ValueError(
            f"{where} is named by text, an environment variable, or by a Path, a file that holds it; what was given is "
            "neither, and is not shown, for it may be the key itself: a key in code is no secret"
        )
    found = os.environ.get(source)
    if found is None:
        shown = source if source == KEY_VARIABLE else "of the name given, which is not shown: it may be the key itself"
        raise ValueError(f"{where}: there is no environment variable {shown}; {_MAKE}")
    return _long_enough(found.encode("utf-8", "surrogateescape"), f"{where} in variable {source}")


_MAKE = "make a key once, keep it apart from the data: python -c 'import secrets; print(secrets.token_hex(32))'"


def _long_enough(secret: bytes, where: str) -> Key:
    secret = secret.strip()  # the line's end in a file is no part of it
    if len(secret) < LEAST_BYTES:
        raise ValueError(f"{where} has {len(secret)} bytes; at least {LEAST_BYTES} keep it from being guessed; {_MAKE}")
    if len(set(secret)) < _LEAST_KINDS:
        raise ValueError(f"{where} repeats the same few bytes, which anybody guesses; {_MAKE}")
    return Key(secret)


def pseudonyms(frame: pd.DataFrame, keys: Keys) -> pd.DataFrame:
    """Put pseudonyms in place of identifiers: the same for the same identifier and key, in every table.

    A number and the text that writes it (7, 7.0, "7", "7.0") are one identifier; "007" is another, and missing stays
    missing. Each distinct value is hashed once.

    Raises
    ------
    ValueError
        If two identifiers of a column get one pseudonym (chance below n^2 / 2^129), or a column is of fractions, times,
        truths or lists, or of numbers so large that fractions have lost their last digits. No message shows a value.
    """
    return frame.assign(**{name: _hashed(frame[name], key) for name, key in keys.items()})


def _hashed(column: pd.Series[Any], key: Key) -> pd.Series[Any]:
    try:
        codes, distinct = pd.factorize(column)
    except TypeError:
        raise ValueError(_named(column.name, "lists or other objects")) from None
    kind = getattr(column.dtype, "numpy_dtype", column.dtype)
    exact = 2.0 ** (np.finfo(kind if kind in (np.float16, np.float32) else np.float64).nmant + 1)
    texts = [_text(value, str(column.name), exact) for value in distinct]
    told = [key.of(text) for text in texts]
    if len(set(told)) < len(set(texts)):
        raise ValueError(f"pseudonymise: two values of {column.name!r} got one pseudonym; take another key")
    values = np.array([*told, None], dtype=object)[codes]  # the code of what is missing is -1
    return pd.Series(values, index=column.index, name=column.name, dtype="str")


def _text(value: Any, column: str, exact: float) -> str:
    """One text for an identifier, however it was read; fractions tell whole numbers apart below `exact`."""
    if isinstance(value, float | np.floating | Decimal):
        if not np.isfinite(float(value)) or int(value) != value:
            raise ValueError(_named(column, "fractions"))
        if not isinstance(value, Decimal) and abs(float(value)) >= exact:
            raise ValueError(
                f"pseudonymise: column {column!r} holds whole numbers as fractions, too large for them: users would be "
                "one whose last digits differ; make them whole numbers (Int64) or text where they come from"
            )
        return str(int(value))
    if isinstance(value, bool | np.bool_):
        raise ValueError(_named(column, "truths"))
    if isinstance(value, pd.Timestamp | np.datetime64):
        raise ValueError(_named(column, "times"))
    text = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)
    return str(int(text.split(".")[0])) if _WHOLE.fullmatch(text) else text


_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,30})\.0+")


def _named(column: Any, what: str) -> str:
    return f"pseudonymise: column {str(column)!r} has {what}, which name nobody; is it the right one?"


def placed(keys: Keys, mapping: Mapping[str, str], columns: Sequence[str]) -> Keys:
    """Keys by the reader's own column names; both names of a mapped column are understood.

    Raises
    ------
    ValueError
        If a column is not there, or named twice.
    """
    found: Keys = {}
    for name, key in keys.items():
        own = mapping.get(name, name)
        if own not in columns:
            raise ValueError(f"pseudonymise: there is no column {name!r}: {nearest(name, columns)}")
        if own in found:
            raise ValueError(f"pseudonymise: column {own!r} is named twice; give it one key")
        found[own] = key
    return found


def masked_lines(lines: pd.DataFrame | None) -> pd.DataFrame | None:
    """Lines that could not be taken apart, without their text: an identifier in it cannot be found and replaced."""
    return None if lines is None else lines.assign(text=_MASK, reason="the line cannot be taken apart")


def hidden(question: Callable[[], _T], keys: Keys, passed: tuple[type[BaseException], ...]) -> _T:
    """Ask a database or a reader of files, and hold back what it says while identifiers are still raw.

    Parameters
    ----------
    question
        What is asked.
    keys
        None: then every error goes on as it is.
    passed
        Kinds of errors that quote no value and go on too.

    Raises
    ------
    ValueError
        In place of the others.
    """
    try:
        return question()
    except passed:
        raise
    except Exception as error:  # each reader has its own kinds
        if not keys:
            raise
        line = re.search(r"Line: (\d+)", str(error))
        failed = type(error).__name__ + (f", line {int(line[1]):,} of the file" if line else "")
    raise ValueError(  # out here, so that the first error does not hang on it
        f"read: the table cannot be read as it stands ({failed}); what the reader said is held back, since "
        "pseudonymise= is on and it may quote an identifier; errors='quarantine' sets broken lines apart"
    )
