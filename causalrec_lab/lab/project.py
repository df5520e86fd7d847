"""Where the project lies and which chapters it has."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from pathlib import Path

__all__ = ["PROFILES", "UnknownNameError", "chapter", "chapters", "home", "nearest", "notebook_path", "solutions"]

PROFILES = ("smoke", "full")


class UnknownNameError(ValueError):
    """A name that is not among the valid ones; its message offers the nearest."""


def nearest(kind: str, name: str, valid: Iterable[str]) -> UnknownNameError:
    """Build the error for a name that is not among `valid`, with the nearest valid names.

    Parameters
    ----------
    kind
        What is named: "chapter", "profile", "parameter", …
    name
        The name that was given.
    valid
        The names that would have been right.

    Returns
    -------
    UnknownNameError, to be raised by the caller.
    """
    names = sorted(valid)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    offer = f"did you mean {', '.join(map(repr, close))}? " if close else ""
    return UnknownNameError(f"unknown {kind} {name!r}: {offer}valid are {', '.join(names) or '(none)'}")


def home() -> Path:
    """Project folder: `CAUSALREC_HOME`, else the nearest folder from here upwards that holds `notebooks/`.

    Raises
    ------
    FileNotFoundError
        If neither names a project folder.
    """
    if named := os.environ.get("CAUSALREC_HOME"):
        folder = Path(named).expanduser().resolve()
        if not (folder / "notebooks").is_dir():
            raise FileNotFoundError(f"CAUSALREC_HOME={named} has no notebooks/; set it to the project's folder")
        return folder
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        if (folder / "notebooks").is_dir():
            return folder
    raise FileNotFoundError(
        f"no folder from {here} upwards holds notebooks/; change into the project's folder, or set CAUSALREC_HOME to it"
    )


def chapters() -> tuple[str, ...]:
    """Names of the chapters, in order: the notebooks in `notebooks/` whose file name starts with two digits."""
    return tuple(sorted(path.stem for path in (home() / "notebooks").glob("[0-9][0-9]_*.ipynb")))


def solutions() -> tuple[str, ...]:
    """Names of the notebooks of solutions, in order: "06_treatment_effects_solutions" is one."""
    return tuple(sorted(path.stem for path in (home() / "notebooks/solutions").glob("[0-9][0-9]_*_solutions.ipynb")))


def chapter(name: str) -> str:
    """Full name of a chapter given as "06", "6", "treatment_effects", "06_treatment_effects" or a path to its notebook.

    Raises
    ------
    UnknownNameError
        If no chapter is meant, with the nearest names.
    """
    known = chapters()
    asked = Path(name).stem if name.endswith(".ipynb") else name
    meant = [c for c in known if asked == c or asked == c[3:] or (asked.isdigit() and asked.zfill(2) == c[:2])]
    if len(meant) != 1:
        raise nearest("chapter", name, known)
    return meant[0]


def notebook_path(name: str) -> Path:
    """Path of the committed notebook of a chapter or of its solutions ("06_treatment_effects_solutions")."""
    if (stem := Path(name).stem) in solutions():
        return home() / "notebooks" / "solutions" / f"{stem}.ipynb"
    return home() / "notebooks" / f"{chapter(name)}.ipynb"
