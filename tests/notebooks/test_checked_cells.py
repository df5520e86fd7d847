"""The comparison of committed notebooks is not vacuous: every one has a checked cell that can fail."""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
CASES = sorted((ROOT / "notebooks" / "cases").glob("*.ipynb"))
SOLUTIONS = sorted((ROOT / "notebooks" / "solutions").glob("[0-9][0-9]_*_solutions.ipynb"))
CHECKED = {"nbval-check-output", "keep_output"}

pytestmark = pytest.mark.parametrize("path", [*CHAPTERS, *CASES, *SOLUTIONS], ids=lambda path: path.stem)


def code_cells(path: Path) -> list[Any]:
    notebook: Any = nbformat.read(path, as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags(cell: Any) -> set[str]:
    return set(cell.metadata.get("tags", []))


def test_a_checked_cell_has_numbers_and_a_count(path: Path) -> None:
    checked = [cell for cell in code_cells(path) if tags(cell) >= CHECKED]
    assert checked, "no cell is compared: tag one with nbval-check-output and keep_output, then causalrec refresh"
    for cell in checked:
        assert cell.execution_count is not None, "without a count nbval skips the cell"
        printed = [
            output for output in cell.outputs if output.output_type in {"execute_result", "display_data", "stream"}
        ]
        assert re.search(r"\d", "".join(str(output.get("data", output.get("text"))) for output in printed))


def test_no_other_cell_keeps_an_output(path: Path) -> None:
    assert [
        cell.id for cell in code_cells(path) if not tags(cell) >= CHECKED and (cell.outputs or cell.execution_count)
    ] == []


def test_numbers_are_rounded_to_three_decimals(path: Path) -> None:
    for cell in code_cells(path):
        for output in cell.outputs:
            text = output.get("data", {}).get("text/plain", output.get("text", ""))
            assert not re.findall(r"\d\.\d{4,}", text), text


def test_the_notebook_is_in_its_committed_form(path: Path) -> None:
    notebook: Any = nbformat.read(path, as_version=4)
    assert notebook.metadata.kernelspec.name == "python3"
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.language_info == {"name": "python"}
    assert all(not {"execution", "papermill"} & set(cell.metadata) for cell in notebook.cells)


def test_cells_are_short_and_hold_no_class(path: Path) -> None:
    for cell in code_cells(path):
        assert len(cell.source.splitlines()) <= 15, cell.source
        assert not re.search(r"^class ", cell.source, re.MULTILINE), cell.source


def test_the_chapter_opens_as_chapters_do(path: Path) -> None:
    notebook: Any = nbformat.read(path, as_version=4)
    assert notebook.cells[0].cell_type == "markdown"
    numbered = path not in CASES
    assert notebook.cells[0].source.startswith(f"# {path.stem[:2]} " if numbered else "# ")
    parameters = [cell.source for cell in notebook.cells if "parameters" in tags(cell)]
    assert len(parameters) == 1
    for line in ('profile = "smoke"', "seed = 7", 'data = "platform"'):
        assert line in parameters[0]
    started = f'lab.start("{path.stem}"' if numbered else "lab.start("
    assert started in "".join(cell.source for cell in code_cells(path))


def test_links_lead_to_chapters_that_exist(path: Path) -> None:
    notebook: Any = nbformat.read(path, as_version=4)
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    linked = re.findall(r"\]\(([^)#]+\.ipynb)", "\n".join(texts))
    assert [name for name in linked if not (path.parent / name).exists()] == []
