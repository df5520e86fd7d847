"""A project of its own for every test: a folder with `notebooks/`, named by `CAUSALREC_HOME`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from causalrec_lab.lab import session

START = 'from causalrec_lab import lab\nlab.start("{name}", profile=profile, seed=seed, data=data)'
PARAMETERS = 'profile = "smoke"\nseed = 7\ndata = "platform"'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "notebooks").mkdir()
    monkeypatch.setenv("CAUSALREC_HOME", str(tmp_path))
    monkeypatch.delenv("CAUSALREC_DATA_MIRROR", raising=False)
    return tmp_path


@pytest.fixture
def write_chapter(project: Path) -> Callable[..., Path]:
    """Write a notebook of `notebooks/`: a title, parameters, `lab.start`, then the given code cells."""

    def write(name: str, *sources: str, tags: tuple[str, ...] = (), text: str = "") -> Path:
        cells: list[Any] = [new_markdown_cell(f"# {name[:2]} {name[3:].title()}\n\nWhat is it?\n\n{text}")]
        cells.append(new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}))
        cells.append(new_code_cell(START.format(name=name)))
        cells += [new_code_cell(source, metadata={"tags": list(tags)}) for source in sources]
        path = project / "notebooks" / f"{name}.ipynb"
        nbformat.write(new_notebook(cells=cells), path)
        return path

    return write


@pytest.fixture
def chapter(write_chapter: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> session.Session:
    """A running chapter, without the theme's and the threads' effects on the tests around it."""
    write_chapter("01_one")
    write_chapter("02_two")
    running = session.Session("01_one", "smoke", 7, "platform", 1)
    monkeypatch.setattr(session, "_running", [running])
    return running
