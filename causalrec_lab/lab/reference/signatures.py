"""Signatures as people write them: arrays by what they hold, inner types by their last name."""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection
from dataclasses import dataclass

__all__ = ["readable", "shortened"]

_ARRAY = re.compile(r"numpy\.ndarray\[tuple\[(?:typing\.)?Any, \.\.\.\], numpy\.dtype\[([\w.]+)\]\]")
_DOTTED = re.compile(r"\b(?:causalrec_lab|numpy|pandas|typing|collections\.abc|matplotlib)(?:\.\w+)+")


@dataclass(frozen=True)
class _Text:
    """An annotation that is shown as it stands."""

    text: str

    def __repr__(self) -> str:
        return self.text


def readable(signature: inspect.Signature, public: Collection[str]) -> inspect.Signature:
    """Give the signature with annotations shortened.

    Parameters
    ----------
    signature
        As `inspect` gives it.
    public
        Where what has a place in the reference is written: those names stay whole, and become links.
    """

    def short(annotation: object) -> object:
        if annotation is inspect.Parameter.empty:
            return annotation
        text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
        return _Text(shortened(text, public))

    kept = [one.replace(annotation=short(one.annotation)) for one in signature.parameters.values()]
    # a subclass of Signature prints in its own way, and must stay what it is
    return type(signature)(kept, return_annotation=short(signature.return_annotation), __validate_parameters__=False)


def shortened(annotation: str, public: Collection[str]) -> str:
    """Give one annotation shortened; see `readable`."""
    text = _ARRAY.sub(lambda found: f"ndarray[{found[1].rpartition('.')[2]}]", annotation)
    return _DOTTED.sub(lambda found: _name(found[0], public), text)


def _name(dotted: str, public: Collection[str]) -> str:
    if dotted in public or dotted.startswith("pandas."):
        return dotted
    return dotted.rpartition(".")[2]
