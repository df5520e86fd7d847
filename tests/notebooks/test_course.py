"""The course keeps its promises: goals, needs and terms open a chapter, and every exercise is solved and checked."""

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from causalrec_lab.lab.course import OPENING, reading_minutes
from causalrec_lab.lab.glossary import terms_line

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
ANCHORS = frozenset(re.findall(r'<a id="([^"]+)">', (ROOT / "GLOSSARY.md").read_text(encoding="utf-8")))
CHECKED = {"nbval-check-output", "keep_output"}

pytestmark = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def cells(path: Path) -> list[Any]:
    return list(nbformat.read(path, as_version=4).cells)


def solutions_of(path: Path) -> Path:
    return path.parent / "solutions" / f"{path.stem}_solutions.ipynb"


def exercises(path: Path) -> str:
    """Text of the chapter's section of exercises."""
    prose = "\n\n".join(cell.source for cell in cells(path) if cell.cell_type == "markdown")
    return prose.partition("\n## Exercises\n")[2]


def titles(path: Path) -> list[tuple[str, str]]:
    return re.findall(r"^(\d)\. \*\*(.+?)[.?!]?\*\*", exercises(path), flags=re.MULTILINE)


def sections(path: Path) -> dict[str, list[Any]]:
    """Cells of every section of a solutions notebook, by its heading; the last word back to the chapter is left out."""
    found: dict[str, list[Any]] = {}
    heading = ""
    for cell in cells(path):
        if cell.cell_type == "markdown" and (titled := re.findall(r"^## (.+)", cell.source, re.MULTILINE)):
            heading = titled[-1]
        found.setdefault(heading, []).append(cell)
    return found


def can_fail(cell: Any) -> bool:
    return set(cell.metadata.get("tags", [])) >= CHECKED or bool(re.search(r"^\s*assert ", cell.source, re.MULTILINE))


def test_a_chapter_has_three_exercises_in_order(path: Path) -> None:
    assert [number for number, _ in titles(path)] == ["1", "2", "3"]


def test_every_exercise_is_solved_by_code_that_can_fail(path: Path) -> None:
    solved = sections(solutions_of(path))
    asked = [f"Exercise {number}. {title}" for number, title in titles(path)]
    assert [heading.rstrip(".?!") for heading in solved if heading.startswith("Exercise")] == asked
    for heading, held in solved.items():
        code = [cell for cell in held if cell.cell_type == "code"]
        if heading.startswith("Exercise"):
            assert len(code) > 1, f"{heading} has no code beside its check"
            assert can_fail(code[-1]), f"{heading} ends in a cell that cannot fail"


def test_the_exercise_is_told_again_where_it_is_solved(path: Path) -> None:
    for heading, held in sections(solutions_of(path)).items():
        assert not heading.startswith("Exercise") or "\n> " in held[0].source, heading


def test_the_chapter_leads_to_its_solutions_and_back(path: Path) -> None:
    there = solutions_of(path).name
    assert f"[notebooks/solutions/{there}](solutions/{there})" in exercises(path)
    opening = cells(solutions_of(path))[0].source
    assert opening.startswith(f"# {path.stem[:2]} ")
    assert f"(../{path.name}#Exercises)" in opening


def test_it_opens_with_goals_needs_minutes_and_terms(path: Path) -> None:
    second = cells(path)[1]
    assert (second.id, second.cell_type) == (OPENING, "markdown")
    goals, needs, time, words = re.split(r"\n\n(?=\*\*(?:You need|To read|Terms)\*\*)", second.source)
    assert goals.startswith("**You will be able to**\n\n- ")
    assert 3 <= goals.count("\n- ") <= 4
    assert needs.startswith("**You need** ")
    stated = re.fullmatch(r"\*\*To read\*\*: about (\d+) minutes, without the exercises\.", time)
    assert stated is not None
    assert abs(int(stated[1]) - reading_minutes(path)) <= 10, "an edit made the chapter longer or shorter: say so"
    assert words == f"**Terms** of this chapter, in the [glossary](../GLOSSARY.md): {terms_line(path.stem)}."


def test_what_the_opening_links_to_is_there(path: Path) -> None:
    source = cells(path)[1].source
    for target in re.findall(r"\]\(([^)]+)\)", source):
        file, _, anchor = target.partition("#")
        assert (path.parent / file).resolve().is_file(), target
        assert not anchor or anchor in ANCHORS, target
    earlier = re.findall(r"\]\((\d\d)_[^)]+\.ipynb", source)
    assert all(number < path.stem[:2] for number in earlier), "a chapter needs earlier chapters only"


def test_solutions_leave_the_chapters_findings_alone(path: Path) -> None:
    code = "\n".join(cell.source for cell in cells(solutions_of(path)) if cell.cell_type == "code")
    assert not re.search(r"lab\.(headline|decision)\(", code), json.dumps(solutions_of(path).name)
