"""A number changed by hand in a committed chapter, or in a notebook of solutions, is found."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
TRIED = ("00_tour.ipynb", "solutions/04_causal_graphs_solutions.ipynb")


def other_digit(match: re.Match[str]) -> str:
    return match[1] + str((int(match[2]) + 5) % 10)


def tampered(source: Path) -> Any:
    """The notebook with one digit changed in the output of its first checked cell."""
    notebook: Any = nbformat.read(source, as_version=4)
    cell = next(cell for cell in notebook.cells if "nbval-check-output" in cell.metadata.get("tags", []))
    data = cell.outputs[0].data
    number = re.search(r"\d\.\d+", data["text/plain"])
    assert number is not None
    changed = re.sub(r"(\d\.\d*)(\d)", other_digit, number[0], count=1)
    for kind in data:
        data[kind] = data[kind].replace(number[0], changed)
    return notebook


@pytest.mark.slow
@pytest.mark.parametrize("name", TRIED)
def test_a_changed_digit_fails_the_comparison(tmp_path: Path, name: str) -> None:
    path = tmp_path / "notebooks" / name
    path.parent.mkdir(parents=True)
    nbformat.write(tampered(NOTEBOOKS / name), path)
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
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CAUSALREC_HOME": str(tmp_path), "CAUSALREC_HEADLESS": "1"}
    done = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, env=environment)
    assert done.returncode == 1
    assert done.stdout.count("FAILED") == 1
    assert "Cell outputs differ" in done.stdout
