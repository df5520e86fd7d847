"""A chapter's executed notebook as a page."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from causalrec_lab.lab.report.code import highlighted
from causalrec_lab.lab.report.markdown import Heading, MarkdownPage
from causalrec_lab.lab.report.outputs import error_html, output_html
from causalrec_lab.lab.report.page import Site, page, short_name
from causalrec_lab.lab.status import ChapterStatus

__all__ = ["Opening", "chapter_page", "opening"]

FOLDED = frozenset({"parameters", "injected-parameters"})
HIDDEN = frozenset({"remove_cell", "remove-cell"})


@dataclass(frozen=True)
class Opening:
    """A chapter's title as text, and the paragraph below it as HTML without links."""

    title: str
    question: str


def opening(notebook: Path) -> Opening:
    """Read a chapter's title and first paragraph from its first heading of level one."""
    cells = _cells(notebook)
    texts = [cell["source"] for cell in cells if cell["cell_type"] == "markdown"]
    first = next((text for text in texts if re.search(r"^# ", text, re.MULTILINE)), "")
    rendered = MarkdownPage().render(first)
    title = re.search(r"<h1[^>]*>(.*?)</h1>", rendered, re.DOTALL)
    paragraph = re.search(r"<p>(.*?)</p>", rendered, re.DOTALL)
    words = html.unescape(re.sub(r"<[^>]*>", "", title[1])).strip() if title else notebook.stem.replace("_", " ")
    question = _unlinked(paragraph[1]) if paragraph else ""
    asked = re.match(r"<strong>(.*?[?？])</strong>", question, re.DOTALL)  # a question in bold stands for its paragraph
    return Opening(re.sub(r"^\d\d[\s.:·–-]*", "", words), asked[1] if asked else question)


def chapter_page(status: ChapterStatus, title: str, site: Site, folder: Path) -> str:
    """The whole page of one chapter.

    Parameters
    ----------
    status
        The chapter's last run; of a failed one the page shows how far it came, and the error.
    title
        The chapter's title as text.
    site
        The report.
    folder
        Folder of the committed notebook: pictures beside it are taken in.
    """
    names = [name for name, _ in site.chapters]
    text = MarkdownPage(frozenset({*names, "index"}), folder)
    parts = [_cell(cell, text) for cell in _cells(status.notebook)] if status.notebook.exists() else []
    failed = "" if status.ok else error_html(status.error["name"], status.error["value"], status.error["traceback"])
    tools = '<label class="codes"><input type="checkbox" checked> Show code</label>'
    place = names.index(status.chapter)
    around = _neighbours(site, place)
    body = f'<div class="tools">{_facts(status)}{tools}</div>{failed}<article>{"".join(parts)}</article>{around}'
    return page(site, title=title, body=body, here=status.chapter, aside=_contents(text.headings), kind="chapter")


def _cells(notebook: Path) -> list[Any]:
    import nbformat

    read: Any = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    return [cell for cell in read.cells if not _tags(cell) & {*HIDDEN, "papermill-error-cell-tag"}]


def _tags(cell: Any) -> set[str]:
    return set(cell["metadata"].get("tags", []))


def _cell(cell: Any, text: MarkdownPage) -> str:
    if cell["cell_type"] == "markdown":
        return f'<section class="prose">{text.render(cell["source"], cell.get("attachments"))}</section>'
    if cell["cell_type"] != "code":
        return ""
    where = html.unescape(re.sub(r"<[^>]*>", "", text.headings[-1].text)) if text.headings else "above"
    return _source(cell) + "".join(_outputs(cell, text, where))


def _source(cell: Any) -> str:
    tags = _tags(cell)
    if "remove_input" in tags or not cell["source"].strip():
        return ""
    code = highlighted(cell["source"])
    if tags & FOLDED or _gives_prose(cell):
        named = {"parameters": "Parameters", "injected-parameters": "Parameters of this run"}
        words = next((name for tag, name in named.items() if tag in tags), "Code of the next paragraph")
        return f'<details class="input folded"><summary>{words}</summary>{code}</details>'
    return f'<div class="input">{code}</div>'


def _gives_prose(cell: Any) -> bool:
    """Tell whether a cell gives nothing but Markdown: its reader wants the paragraph, not how it was put together."""
    return bool(cell["outputs"]) and all(
        "text/markdown" in output.get("data", {}) and "text/html" not in output["data"] for output in cell["outputs"]
    )


def _outputs(cell: Any, text: MarkdownPage, where: str) -> list[str]:
    given = dict((cell["metadata"].get("alt") and {"alt": cell["metadata"]["alt"]}) or {})
    found = [_with_alt(output, given) for output in cell["outputs"]]
    return [f'<div class="output">{part}</div>' for output in found if (part := output_html(output, text, where))]


def _with_alt(output: Any, given: dict[str, str]) -> dict[str, Any]:
    """The output, with the cell's alt text where it has none of its own."""
    return {**output, "metadata": {**given, **output.get("metadata", {})}}


def _facts(status: ChapterStatus) -> str:
    seed = status.findings.get("parameters", {}).get("seed")
    scenario = status.parameters.get("scenario")
    facts = [
        f"scenario {scenario}" if scenario else "",
        f"profile {status.profile}",
        f"seed {seed}" if seed is not None else "",
        f"{duration(status.seconds)}",
        status.begun,
    ]
    return f'<p class="facts">{" · ".join(html.escape(fact) for fact in facts if fact)}</p>'


def _titled(name: str, title: str) -> str:
    """Number and title of a chapter; a case has no number."""
    return html.escape(f"{short_name(name)} {title}" if name[:2].isdigit() else title)


def duration(seconds: float) -> str:
    """Seconds as a reader wants them: "8 s", "3 min 20 s"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _contents(headings: list[Heading]) -> str:
    items = "".join(_item(heading) for heading in headings if heading.level in (2, 3))
    return f"<p>On this page</p><ol>{items}</ol>" if items else ""


def _item(heading: Heading) -> str:
    anchor = html.escape(heading.anchor)
    return f'<li class="level-{heading.level}"><a href="#{anchor}">{_unlinked(heading.text)}</a></li>'


def _unlinked(text: str) -> str:
    return re.sub(r"</?a\b[^>]*>", "", text)


def _neighbours(site: Site, place: int) -> str:
    before = site.chapters[place - 1] if place else None
    after = site.chapters[place + 1] if place + 1 < len(site.chapters) else None
    parts = []
    for found, word, kind in ((before, "Previous", "before"), (after, "Next", "after")):
        if found:
            name, title = found
            label = f"<span>{word}</span><strong>{_titled(name, title)}</strong>"
            parts.append(f'<a class="{kind}" href="{html.escape(name)}.html">{label}</a>')
    return f'<nav class="around" aria-label="Neighbouring chapters">{"".join(parts)}</nav>' if parts else ""
