"""Every work cited exists in one list; the reading list is whole, and READING.md is made of it."""

import ast
from pathlib import Path
from typing import Any

import nbformat
import pytest

from causalrec_lab.lab.bibliography import citations, cites, reading, reading_markdown, references, unlisted
from causalrec_lab.lab.report.page import Site
from causalrec_lab.lab.report.reading_page import reading_page

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
SOLUTIONS = sorted((ROOT / "notebooks" / "solutions").glob("*.ipynb"))


def cells(path: Path) -> Any:
    notebook: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    return notebook.cells


def titles() -> dict[str, str]:
    """Title of each chapter, by number, without it."""
    first = {path.stem[:2]: cells(path)[0].source.splitlines()[0] for path in CHAPTERS}
    return {number: line.removeprefix("# ")[3:] for number, line in first.items()}


def docstrings(path: Path) -> str:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    nodes = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, kinds)]
    return "\n\n; ".join(filter(None, (ast.get_docstring(node) for node in nodes)))


def markdown(path: Path) -> str:
    return "\n\n; ".join(cell.source for cell in cells(path) if cell.cell_type == "markdown")


def test_every_reference_is_whole_and_named_once() -> None:
    keys = [work.key for work in references()]
    assert len(keys) == len(set(keys))
    for work in references():
        assert work.authors, work
        assert all(author == author.strip() and author for author in work.authors), work
        assert 1850 <= work.year <= 2026, work
        assert work.title, work
        assert work.venue, work
        assert work.where is None or work.where.startswith(("doi:10.", "arXiv:", "https://")), work
        assert bool(work.chapters) == bool(work.why), work


@pytest.mark.parametrize("floor", ["data", "world", "recommender", "causal", "intervention", "explain", "lab"])
def test_what_docstrings_cite_is_listed(floor: str) -> None:
    paths = sorted((ROOT / "causalrec_lab" / floor).rglob("*.py"))
    missing = {path.relative_to(ROOT).as_posix(): unlisted(docstrings(path)) for path in paths}
    assert {name: found for name, found in missing.items() if found} == {}


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_what_a_chapter_cites_is_listed_and_it_sends_its_readers_on(path: Path) -> None:
    assert unlisted(markdown(path)) == []
    (line,) = [line for line in cells(path)[-1].source.splitlines() if line.startswith("Read more:")]
    works, named = reading()[path.stem[:2]], list(citations(line))
    assert 3 <= len(named) <= 5
    assert all(any(cites(names, year, work) for work in works) for names, year in named)
    assert f"READING.md#{path.stem[:2]}-" in line


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_what_a_solution_cites_is_listed(path: Path) -> None:
    assert unlisted("\n\n; ".join(cell.source for cell in cells(path))) == []


def test_a_citation_that_is_not_listed_would_be_seen() -> None:
    assert unlisted("Source: Rosenbaum and Rubin (1983), Biometrika 70.") == []
    assert unlisted("as in Rosenbaum and Rubin (1984)") == ["Rosenbaum, Rubin 1984"]
    assert unlisted("the bound of Rosenbaum and Rubens (1983)") == ["Rosenbaum, Rubens 1983"]
    assert unlisted("Fieller's (1954) set; Kuenzel et al. 2019") == ["Kuenzel 2019"]
    assert (
        unlisted("Robins, Rotnitzky & Zhao 1994; van der Laan and Rubin 2006; Tchetgen Tchetgen and Cohen (2010)") == []
    )


def test_the_reading_list_serves_chapters_that_exist() -> None:
    assert {path.stem[:2] for path in CHAPTERS} == set(reading())
    works = {work.key for listed in reading().values() for work in listed}
    assert 60 <= len(works) <= 120
    assert all(3 <= len(listed) <= 25 for listed in reading().values())


def test_reading_md_is_made_of_the_list() -> None:
    assert (ROOT / "READING.md").read_text(encoding="utf-8") == reading_markdown(titles())


def test_the_page_links_the_chapters_it_has() -> None:
    site = Site((("06_treatment_effects", "06 Treatment effects"),), "", has_decision=False)
    openings = {"06_treatment_effects": "Treatment effects", "07_intervention_evaluation": "<Evaluation>"}
    text = reading_page(openings, site)
    assert '<a href="06_treatment_effects.html">06 Treatment effects</a></h2>' in text
    assert "07 &lt;Evaluation&gt;" in text
    assert 'href="07_' not in text
    assert 'id="06-treatment-effects"' in text
