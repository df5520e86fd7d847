"""The committed form of a notebook, and that comparing with it can fail."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from causalrec_lab.lab.committed import committed_form, kernel_environment, refresh

CHECKED = ("nbval-check-output", "keep_output")


def executed(*tags: str, text: str = "0.104") -> nbformat.NotebookNode:
    out = new_output("execute_result", {"text/plain": text}, execution_count=9)
    cell = new_code_cell(
        "x", execution_count=3, outputs=[out], metadata={"tags": list(tags), "execution": {"iopub": "now"}}
    )
    return new_notebook(
        cells=[cell],
        metadata={
            "papermill": {"input_path": "/home/me/x.ipynb"},
            "language_info": {"name": "python", "version": "3.11.7"},
        },
    )


def test_a_checked_cell_keeps_output_and_count() -> None:
    cell = committed_form(executed(*CHECKED)).cells[0]
    assert (cell.execution_count, cell.outputs[0].execution_count) == (3, 3)
    assert cell.outputs[0].data["text/plain"] == "0.104"


@pytest.mark.parametrize("tags", [(), ("nbval-check-output",), ("keep_output",)])
def test_any_other_cell_is_cleared(tags: tuple[str, ...]) -> None:
    cell = committed_form(executed(*tags)).cells[0]
    assert (cell.execution_count, cell.outputs) == (None, [])


def test_what_varies_is_removed() -> None:
    notebook = committed_form(executed(*CHECKED))
    assert notebook.metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    assert set(notebook.cells[0].metadata) == {"tags"}


def test_a_kept_output_names_no_folder() -> None:
    with pytest.raises(ValueError, match="none may name a machine"):
        committed_form(executed(*CHECKED, text="/home/me/cache"), private=("/home/me/",))


def test_a_kernel_finds_the_mirror_from_another_folder(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setenv("CAUSALREC_DATA_MIRROR", "mirror")
    assert kernel_environment("smoke")["CAUSALREC_DATA_MIRROR"] == str(project / "mirror")
    assert kernel_environment("smoke")["OMP_NUM_THREADS"] == "1"


def compare(path: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--nbval-lax",
        "--nbval-current-env",
        path.name,
    ]
    return subprocess.run(
        command, cwd=path.parent, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )


def test_a_refreshed_notebook_passes_and_a_tampered_number_fails(write_chapter: Callable[..., Path]) -> None:
    path = write_chapter("00_first", "round(0.1 * seed, 3)", tags=CHECKED)
    refresh("00")
    text = path.read_text()
    assert "0.7" in text
    assert compare(path).returncode == 0
    path.write_text(text.replace("0.7", "0.8"))
    tampered = compare(path)
    assert tampered.returncode == 1
    assert "Cell outputs differ" in tampered.stdout


def test_a_failing_chapter_is_left_as_it_was(write_chapter: Callable[..., Path]) -> None:
    from nbclient.exceptions import CellExecutionError

    path = write_chapter("00_first", "1 / 0")
    before = path.read_bytes()
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        refresh("00_first")
    assert path.read_bytes() == before
