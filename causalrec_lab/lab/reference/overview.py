"""What a package holds, at a glance: a table of its public names, each with the first sentence of its docstring."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pdoc.doc

__all__ = ["overview"]

_HEAD = "\n\n| {kind} | what it is |\n|---|---|\n"


def overview(page: pdoc.doc.Module) -> str:
    """Markdown tables of a package's rooms, then of its functions and classes, in the order of the alphabet.

    Parameters
    ----------
    page
        The package, its public names in its dictionary.
    """
    public = [(name, getattr(page.obj, name)) for name in getattr(page.obj, "__all__", ())]
    folder = page.modulename.rpartition(".")[2]
    rooms = [(f"[**{name}**]({folder}/{name}.html)", one.__doc__) for name, one in public if inspect.ismodule(one)]
    functions = [(f"`{name}`", one.__doc__) for name, one in public if inspect.isroutine(one)]
    classes = [(f"`{name}`", one.__doc__) for name, one in public if inspect.isclass(one)]
    return _table("room", rooms) + _table("function", functions) + _table("class", classes)


def _table(kind: str, rows: Iterable[tuple[str, str | None]]) -> str:
    lines = [f"| {name} | {_first_sentence(text or '')} |" for name, text in sorted(rows, key=_by_name)]
    return _HEAD.format(kind=kind) + "\n".join(lines) + "\n" if lines else ""


def _by_name(row: tuple[str, str | None]) -> str:
    return row[0].lower()


def _first_sentence(docstring: str) -> str:
    """The first paragraph up to its first full stop, on one line, with bars that a table does not read as its own."""
    paragraph = " ".join(inspect.cleandoc(docstring).partition("\n\n")[0].split())
    return re.split(r"(?<=[^.A-Z]\.)\s(?=[A-Z`:])", paragraph)[0].replace("|", "\\|")
