"""Where the project lies, which chapters and cases it has, and what their notebooks are called."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from pathlib import Path

__all__ = [
    "CASE_STUDY",
    "PROFILES",
    "REPORTED",
    "UnknownNameError",
    "cases",
    "chapter",
    "chapters",
    "home",
    "nearest",
    "notebook_path",
    "run_names",
    "scenario_of",
    "solutions",
]

PROFILES = ("smoke", "full")
CASE_STUDY = "case_study"  # the notebook that is run once a scenario, as case_ecommerce, case_music, …
REPORTED = ("ecommerce", "music", "video")  # the scenarios it is run for unless one is named


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
        also = cases()
        raise nearest("chapter or case" if also else "chapter", name, (*known, *also))
    return meant[0]


def cases() -> tuple[str, ...]:
    """Names of the cases a report has, in order: `case_ecommerce`, … of the case study, then the other notebooks there.

    A notebook put into `notebooks/cases/` is a case of its own, run and shown under its file's name.
    """
    found = _case_notebooks()
    studies = [f"case_{scenario}" for scenario in REPORTED] if CASE_STUDY in found else []
    return (*studies, *(name for name in found if name != CASE_STUDY))


def scenario_of(name: str) -> str | None:
    """Scenario that a run of the case study is about ("music" of "case_music"), None for everything else."""
    found = _case_notebooks()
    study = CASE_STUDY in found and name not in found and name.startswith("case_")
    return name.removeprefix("case_") if study else None


def run_names(asked: str, scenario: str | None = None) -> tuple[str, ...]:
    """Names of the runs that are meant by one word of a reader.

    Parameters
    ----------
    asked
        A chapter as `chapter` takes it, a case ("case_music", "my_case"), or a case's notebook: "cases/case_study".
    scenario
        For the case study named without one: the scenario to run; None means all that a report has.

    Raises
    ------
    UnknownNameError
        If the word or the scenario is unknown, with the nearest names.
    ValueError
        If the word names one scenario and `scenario` another.
    """
    name = Path(asked).stem if asked.endswith(".ipynb") or "/" in asked else asked
    found = _case_notebooks()
    if name == CASE_STUDY and name in found:
        return tuple(n for n in cases() if scenario_of(n)) if scenario is None else (_study(scenario),)
    if about := scenario_of(name):
        if scenario not in (None, about):
            raise ValueError(f"{name} is of scenario {about!r}, not {scenario!r}; run {_study(scenario)}")
        return (_study(about),)
    return (name,) if name in found else (chapter(name),)


def notebook_path(name: str) -> Path:
    """Path of the committed notebook of a chapter, its solutions ("06_treatment_effects_solutions") or a case."""
    folder, stem = home() / "notebooks", Path(name).stem
    if stem in solutions():
        return folder / "solutions" / f"{stem}.ipynb"
    if stem in (found := _case_notebooks()) or (CASE_STUDY in found and scenario_of(stem)):
        return folder / "cases" / f"{stem if stem in found else CASE_STUDY}.ipynb"
    return folder / f"{chapter(name)}.ipynb"


def _case_notebooks() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in (home() / "notebooks" / "cases").glob("*.ipynb")))


def _study(scenario: str) -> str:
    """Name of the case study's run for a scenario."""
    from causalrec_lab.world.scenarios.presets import SCENARIOS

    if scenario not in SCENARIOS:
        if difflib.get_close_matches(f"case_{scenario}", [CASE_STUDY], cutoff=0.8):
            raise nearest("case", f"case_{scenario}", [CASE_STUDY, *(f"case_{known}" for known in SCENARIOS)])
        raise nearest("scenario", str(scenario), SCENARIOS)
    return f"case_{scenario}"
