"""The whole report from runs that are made by hand: it opens offline, shows failures, hides secrets."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from causalrec_lab.lab.provenance import masked
from causalrec_lab.lab.report.build import build_report
from causalrec_lab.lab.report.chapter import opening
from causalrec_lab.lab.report.index import covered
from causalrec_lab.lab.report.interval_plot import Scale, interval_plot, number
from causalrec_lab.lab.status import ChapterStatus, build_folder

EVIL = r"<script>alert(1)</script> $x$ \text{<script>}"
HEADLINE = {
    "label": EVIL,
    "value": 0.1,
    "low": 0.08,
    "high": 0.12,
    "level": 0.95,
    "truth": 0.11,
    "truth_std_error": 0.0,
}


class Opened(HTMLParser):
    """What a page asks for when it is opened, and what it says."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.stack: list[str] = []
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.stack and self.stack.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not {"style", "code", "pre"} & set(self.stack):
            self.text += data


@pytest.fixture
def built(write_chapter: Callable[..., Path], project: Path) -> Path:
    """Report of three chapters: one finished, one failed, one never run."""
    for name in ("01_one", "02_two", "03_three"):
        write_chapter(name, text="[next](02_two.ipynb), [later](09_nine.ipynb): $x^2$")
    finished(project, "01_one")
    error = {"name": "ValueError", "value": f"bad {EVIL}", "traceback": "Traceback", "source": "x"}
    status("02_two", ok=False, error=error, findings={"real_data": {"coat": False}}).write()
    return build_report("smoke").parent


def status(name: str, **values: Any) -> ChapterStatus:
    filled = {"parameters": {}, "ok": True, "seconds": 65.0, "begun": "2026-01-01 10:00 UTC", "error": {}} | values
    return ChapterStatus(chapter=name, profile="smoke", git={"commit": "abc", "dirty": True}, **filled)


def finished(project: Path, name: str) -> None:
    notebook = nbformat.read(project / "notebooks" / f"{name}.ipynb", as_version=4)
    table = f"<table><tr><td>{EVIL.replace('<', '&lt;')}</td></tr></table>"
    outputs = [new_output("display_data", {"text/html": table}), new_output("display_data", {"text/markdown": EVIL})]
    outputs.append(new_output("display_data", {"image/png": "iVBORw0KGgo="}, metadata={"image/png": {"alt": "a dot"}}))
    notebook.cells.append(new_markdown_cell("## Part\n\n$$\\frac{a}{b}$$"))
    notebook.cells.append(new_code_cell("1 + 1", outputs=outputs))
    build_folder("smoke").mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=notebook.cells), build_folder("smoke") / f"{name}.ipynb")
    rows = [HEADLINE | {"intervention": EVIL, "chosen": True, "estimand": "gain"}, HEADLINE | {"intervention": "none"}]
    found = {"headline": HEADLINE, "decision": rows, "parameters": {"seed": 7}, "real_data": {"sachs": True}}
    status(name, findings=found, parameters=masked({"password": "hunter2", "n": 5})).write()


def pages(built: Path) -> list[Path]:
    found = sorted(built.glob("*.html"))
    assert [page.stem for page in found] == ["01_one", "02_two", "decision", "glossary", "index", "manifest", "reading"]
    return found


def test_every_page_opens_without_a_network(built: Path) -> None:
    for path in pages(built):
        for tag, attributes in Opened(path).tags:
            for name in ("src", "href", "srcset", "data", "poster"):
                link = attributes.get(name)
                if name in attributes and tag != "a":
                    assert link, (path.name, tag)
                    assert link.startswith("data:"), (path.name, tag, link)
                elif link and not re.match(r"[a-z]+:|#", link):
                    assert (built / unquote(link.split("#")[0])).exists(), (path.name, link)
        style = path.read_text()
        assert "@import" not in style
        assert not re.search(r"url\(\s*['\"]?(https?:)?//", style)


def test_the_first_page_leads_to_the_reference_where_it_was_built(built: Path, project: Path) -> None:
    assert "The reference" not in Opened(built / "index.html").text
    reference = project / "reports" / "reference" / "index.html"
    reference.parent.mkdir(parents=True)
    reference.touch()
    page = Opened(build_report("smoke"))
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a" and attributes.get("href")]
    found = [link for link in links if "reference" in link]
    assert [(built / link).resolve() for link in found] == [reference.resolve()]


def test_every_picture_has_words(built: Path) -> None:
    for path in pages(built):
        for tag, attributes in Opened(path).tags:
            if tag == "img":
                assert (attributes["alt"] or "").strip()
            if tag == "svg":
                assert attributes.get("aria-label") or attributes.get("aria-hidden") == "true"


def test_text_from_data_comes_out_as_text(built: Path) -> None:
    for path in pages(built):
        assert not {"script", "iframe", "object", "embed"} & {tag for tag, _ in Opened(path).tags}
    for name in ("index", "decision"):
        assert EVIL in Opened(built / f"{name}.html").text
    assert "<script>alert(1)</script>" in Opened(built / "01_one.html").text


def test_no_raw_tex_is_left(built: Path) -> None:
    assert "\\frac" not in Opened(built / "01_one.html").text
    assert "<mfrac>" in (built / "01_one.html").read_text()


def test_the_index_shows_what_failed_and_what_is_missing(built: Path) -> None:
    text = Opened(built / "index.html").text
    assert "1/3" in text
    assert f"bad {EVIL}" in text
    assert "real data not at hand: coat" in text
    assert "has not been run to its end" in text
    assert "covered" in text
    assert "estimate 0.100, 95% interval from 0.080 to 0.120, truth 0.110" in (built / "index.html").read_text()


def test_a_failed_chapter_has_a_page_with_its_error(built: Path) -> None:
    assert "Traceback" in Opened(built / "02_two.html").text


def test_a_killed_run_counts_as_not_run(built: Path, project: Path) -> None:
    (build_folder("smoke") / "01_one.ipynb").unlink()
    build_report("smoke")
    assert not (built / "01_one.html").exists()
    assert not (built / "decision.html").exists()


def test_the_manifest_hides_secrets_and_names_the_rest(built: Path, project: Path) -> None:
    text = Opened(built / "manifest.html").text
    assert "hunter2" not in text
    assert "password = ***, n = 5" in text
    assert "abc (changed)" in text
    assert "pandas" in text
    assert re.search(r"sachs.*[0-9a-f]{64}", text, re.DOTALL)


def test_no_page_names_a_folder_of_this_machine(built: Path, project: Path) -> None:
    for path in pages(built):
        for private in (str(project), str(Path.home()) + "/", str(Path(__file__).parents[2])):
            assert private not in path.read_text(), path.name


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"password": "x"}, {"password": "***"}),
        ({"db_passwd": "x", "api_key": "y", "TOKEN": "z"}, {"db_passwd": "***", "api_key": "***", "TOKEN": "***"}),
        ({"url": "postgres://me:pw@host/db"}, {"url": "postgres://***@host/db"}),
        ({"folder": "/home/me/data/x.csv"}, {"folder": "(a folder)"}),
        ({"deep": {"secret": 1, "n": [1, "/home/me/a"]}}, {"deep": {"secret": "***", "n": [1, "(a folder)"]}}),
        ({"ratio": "1/2", "seed": 7, "monkey": "chi"}, {"ratio": "1/2", "seed": 7, "monkey": "chi"}),
    ],
)
def test_secrets_and_folders_are_masked(given: dict[str, Any], shown: dict[str, Any]) -> None:
    assert masked(given) == shown


def test_an_unknown_profile_offers_the_nearest(project: Path) -> None:
    with pytest.raises(ValueError, match="did you mean 'smoke'"):
        build_report("smok")


@pytest.mark.parametrize(
    ("row", "held"),
    [
        ({"value": 1, "low": 0, "high": 2, "truth": 2}, True),
        ({"value": 1, "low": 0, "high": 2, "truth": 2.1}, False),
        ({"value": 1, "low": 0, "high": 2, "truth": 2.1, "truth_std_error": 1.0}, True),
        ({"value": 1, "low": None, "high": None, "truth": 2.1}, None),
        ({"value": 1, "low": 0, "high": 2, "truth": None}, None),
        ({"value": 1, "low": float("nan"), "high": float("nan"), "truth": 1}, None),
    ],
)
def test_covered_is_the_estimate_s_own_judgement(row: dict[str, Any], held: bool | None) -> None:
    assert covered(row) is held


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.12345, "0.123"),
        (-0.5, "−0.5"),
        (1234567.0, "1,234,567"),
        (0, "0"),
        (float("nan"), "–"),
        (1.2e-6, "1.2e−06"),
        (None, "–"),
    ],
)
def test_numbers_are_written_for_readers(value: float | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("unit", "text"), [(0.047, "0.104"), (0.102, "0.104"), (12.0, "0.1"), (0.004, "0.1040"), (0.0, "0.104")]
)
def test_an_estimate_and_its_ends_are_written_alike(unit: float, text: str) -> None:
    assert number(0.104, unit) == text


def test_what_rounds_to_nought_has_no_sign() -> None:
    assert [number(-0.004, 10.0), number(-0.0), number(-0.06, 1.0)] == ["0.0", "0", "−0.06"]


@pytest.mark.parametrize(
    ("source", "title", "question"),
    [
        ("# 06 Treatment effects\n\n**How much?** Long words.", "Treatment effects", "How much?"),
        ("# 06 Effects of `do`\n\nA [link](01_one.ipynb) & $x$.", "Effects of do", "A link &amp; <math"),
        ("no heading", "06 effects", ""),
    ],
)
def test_a_chapter_opens_with_its_title_and_question(tmp_path: Path, source: str, title: str, question: str) -> None:
    path = tmp_path / "06_effects.ipynb"
    nbformat.write(new_notebook(cells=[new_markdown_cell(source)]), path)
    found = opening(path)
    assert found.title == title.removeprefix("06 ")
    assert found.question.startswith(question)


def test_an_interval_plot_puts_values_in_their_order() -> None:
    row = {"value": 0.1, "low": 0.05, "high": 0.15, "truth": 0.3}
    scale = Scale.around([row])
    places = [scale.at(value) for value in (scale.low, 0.0, 0.05, 0.1, 0.15, 0.3, scale.high)]
    assert places == sorted(places)
    assert all(scale.low <= tick <= scale.high for tick in scale.ticks())
    assert f'cx="{scale.at(0.1):.1f}"' in interval_plot(row)


@pytest.mark.parametrize("value", [0.0, 1e-9, -3.0, 1e9, float("nan")])
def test_a_bare_number_can_be_plotted(value: float) -> None:
    assert interval_plot({"value": value, "low": None, "high": None, "truth": None}).startswith("<svg")


def test_changing_nothing_is_what_the_others_are_measured_against(project: Path) -> None:
    from causalrec_lab.lab.report.decision import Decided, decision_page
    from causalrec_lab.lab.report.page import Site

    nothing = {"intervention": "today", "value": 0.0, "low": 0.0, "high": 0.0, "truth": 0.0, "chosen": True}
    nothing |= {"note": "No gain is clear.", "cost": 0.0}
    other = {"intervention": "mail", "value": 0.4, "low": -0.1, "high": 0.9, "truth": 0.5, "chosen": False}
    site = Site(chapters=(("01_one", "One"),), foot="", has_decision=True)
    bare = {"intervention": "nothing yet", "value": 0.0, "low": None, "high": None, "truth": None, "chosen": True}
    told = {"case_a": [other, nothing], "case_b": [other, nothing], "case_c": [bare]}
    page = decision_page([Decided(name, name, rows) for name, rows in told.items()], site)
    assert "<strong>nothing yet</strong></li>" in page
    assert "<strong>today</strong>: No gain is clear." in page
    assert "The others are measured against it. No gain is clear." in page
    assert "from 0 to 0" not in page
    assert page.count("<dt>off by</dt>") == 2  # of the mail, once a case
