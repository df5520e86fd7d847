"""The glossary: two languages, no double, every term in a chapter that uses it, one source for page and file."""

import re
from collections import Counter
from pathlib import Path

import nbformat
import pytest

from causalrec_lab.lab.course import OPENING
from causalrec_lab.lab.glossary import Term, glossary_markdown, terms
from causalrec_lab.lab.report.glossary_page import glossary_page
from causalrec_lab.lab.report.markdown import MarkdownPage
from causalrec_lab.lab.report.page import Site

ROOT = Path(__file__).parents[2]
HAN = re.compile(r"[\u4e00-\u9fff]")
ONE = pytest.mark.parametrize("one", terms(), ids=lambda one: one.anchor)


def written_in(chapter: str) -> str:
    """All a chapter says, but for the list of terms itself."""
    notebook = nbformat.read(ROOT / "notebooks" / f"{chapter}.ipynb", as_version=4)
    return " ".join("\n".join(cell.source for cell in notebook.cells if cell.id != OPENING).split()).lower()


def test_there_are_enough_and_none_twice() -> None:
    assert len(terms()) >= 120
    for kind in ("term", "anchor", "definition", "definition_zh"):
        twice = [name for name, count in Counter(getattr(one, kind).lower() for one in terms()).items() if count > 1]
        assert twice == [], kind


@ONE
def test_a_term_has_both_languages(one: Term) -> None:
    assert re.search(r"[A-Za-z]", one.term)
    assert HAN.search(one.zh)
    assert HAN.search(one.definition_zh)
    assert not HAN.search(one.term + one.definition)
    assert one.definition.endswith(".")
    assert one.definition_zh.endswith("。")


def test_the_chapter_of_a_term_uses_it() -> None:
    texts = {chapter: written_in(chapter) for chapter in {one.chapter for one in terms()}}
    assert [one.term for one in terms() if (one.written or one.term).lower() not in texts[one.chapter]] == []


def test_every_chapter_has_terms() -> None:
    assert {one.chapter[:2] for one in terms()} >= {f"{number:02}" for number in range(10)}


def test_the_file_is_made_from_the_data() -> None:
    assert (ROOT / "GLOSSARY.md").read_text(encoding="utf-8") == glossary_markdown()


def test_the_page_says_the_same_as_the_file() -> None:
    page = glossary_page(Site((("04_causal_graphs", "Causal graphs"),), "", has_decision=False))
    assert re.findall(r'<dt id="([^"]+)"', page) == re.findall(r'<a id="([^"]+)"', glossary_markdown())
    assert page.count("<dt ") == page.count("<dd>") == len(terms())
    used = sum(one.chapter == "04_causal_graphs" for one in terms())
    assert page.count('chapter <a href="04_causal_graphs.html">04</a>') == used
    assert "01_data_preparation.html" not in page, "a chapter that was not run has no page"


def test_a_link_to_a_term_leads_to_the_page() -> None:
    words = MarkdownPage().render("[back door](../GLOSSARY.md#back-door-criterion)")
    assert '<a href="glossary.html#back-door-criterion">back door</a>' in words
