import os
from collections.abc import Callable
from pathlib import Path

import pytest

from causalrec_lab.lab import project as places
from causalrec_lab.lab import session
from causalrec_lab.lab.project import UnknownNameError, chapters, home


def test_home_is_found_from_below(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CAUSALREC_HOME")
    monkeypatch.chdir(project / "notebooks")
    assert home() == project


def test_no_home_says_the_way_out(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "notebooks").rmdir()
    with pytest.raises(FileNotFoundError, match="set it to the project's folder"):
        home()
    monkeypatch.delenv("CAUSALREC_HOME")
    monkeypatch.chdir(project)
    with pytest.raises(FileNotFoundError, match="or set CAUSALREC_HOME to it"):
        home()


def test_chapters_are_the_numbered_notebooks_in_order(write_chapter: Callable[..., Path], project: Path) -> None:
    write_chapter("06_treatment_effects")
    write_chapter("00_tour")
    (project / "notebooks" / "scratch.ipynb").write_text("{}")
    assert chapters() == ("00_tour", "06_treatment_effects")


@pytest.mark.parametrize(
    "name", ["06", "6", "treatment_effects", "06_treatment_effects", "notebooks/06_treatment_effects.ipynb"]
)
def test_a_chapter_has_many_names(write_chapter: Callable[..., Path], name: str) -> None:
    write_chapter("00_tour")
    write_chapter("06_treatment_effects")
    assert places.chapter(name) == "06_treatment_effects"


def test_solutions_are_found_beside_the_chapters(
    write_chapter: Callable[..., Path], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_chapter("06_treatment_effects")
    (project / "notebooks" / "solutions").mkdir()
    solved = project / "notebooks" / "solutions" / "06_treatment_effects_solutions.ipynb"
    solved.write_text("{}")
    assert places.solutions() == ("06_treatment_effects_solutions",)
    assert chapters() == ("06_treatment_effects",)
    for name in ("06_treatment_effects_solutions", "notebooks/solutions/06_treatment_effects_solutions.ipynb"):
        assert places.notebook_path(name) == solved
    monkeypatch.setattr(session, "_running", [])
    for variable in session.THREAD_VARIABLES:
        monkeypatch.setenv(variable, "1")
    session.start("06_treatment_effects_solutions")
    assert session.current().chapter == "06_treatment_effects_solutions"


@pytest.mark.parametrize("name", ["06_treatment_efects", "tretment_effects", "16", ""])
def test_an_unknown_chapter_offers_the_nearest(write_chapter: Callable[..., Path], name: str) -> None:
    write_chapter("06_treatment_effects")
    with pytest.raises(UnknownNameError, match=r"unknown chapter.*06_treatment_effects"):
        places.chapter(name)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "01_on"}, r"unknown chapter '01_on': did you mean '01_one'"),
        ({"profile": "ful"}, r"unknown profile 'ful': did you mean 'full'\?"),
        ({"data": "plattform"}, r"unknown data 'plattform': did you mean 'platform'\?"),
        ({"seed": -1}, "seed=-1: a seed is a whole number >= 0"),
        ({"seed": 1.5}, "seed=1.5: a seed is a whole number >= 0"),
    ],
)
def test_start_refuses_what_it_does_not_know(chapter: session.Session, given: dict[str, object], message: str) -> None:
    name = given.pop("name", "01_one")
    with pytest.raises(ValueError, match=message):
        session.start(name, **given)  # type: ignore[arg-type]


def test_smoke_runs_on_one_thread_and_quietly(chapter: session.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    import logging

    import numpy  # noqa: F401 - loaded, so that its threads are to be capped
    from threadpoolctl import threadpool_info

    for variable in session.THREAD_VARIABLES:
        monkeypatch.setenv(variable, "4")
    monkeypatch.setenv("CAUSALREC_HEADLESS", "1")
    monkeypatch.setenv("TQDM_DISABLE", "0")
    session.start("02_two", profile="smoke")
    assert session.current().chapter == "02_two"
    assert {os.environ[variable] for variable in session.THREAD_VARIABLES} == {"1"}
    assert {pool["num_threads"] for pool in threadpool_info()} <= {1}
    assert os.environ["TQDM_DISABLE"] == "1"
    noisy = logging.getLogger("pgmpy")
    noisy.setLevel(logging.DEBUG)  # as pgmpy does when it is imported
    assert not noisy.filter(logging.LogRecord("pgmpy", logging.INFO, "", 0, "chatter", None, None))
    assert noisy.filter(logging.LogRecord("pgmpy", logging.ERROR, "", 0, "a fault", None, None))


def test_every_public_name_is_a_function_even_when_all_modules_are_loaded() -> None:
    import importlib
    import pkgutil

    from causalrec_lab import lab

    for module in pkgutil.walk_packages(lab.__path__, "causalrec_lab.lab."):
        importlib.import_module(module.name)
    assert all(callable(getattr(lab, name)) for name in lab.__all__)


def test_nothing_runs_before_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_running", [])
    with pytest.raises(RuntimeError, match=r"call lab\.start"):
        session.current()
