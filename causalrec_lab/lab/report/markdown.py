"""Markdown of notebooks as HTML: mathematics as MathML, headings with anchors, links that lead within the report."""

from __future__ import annotations

import base64
import html
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from causalrec_lab.lab.project import CASE_STUDY, REPORTED, scenario_of
from causalrec_lab.lab.report.code import highlighted
from causalrec_lab.lab.report.mathml import mathml

__all__ = ["Heading", "MarkdownPage"]

BARE_TAGS = (
    "br|sub|sup|kbd|b|i|em|strong|u|s|hr|small|mark|details|summary"  # HTML allowed in prose, without attributes
)
_ALLOWED = re.compile(rf"&lt;(/?(?:{BARE_TAGS}))\s*/?&gt;", re.IGNORECASE)
SHELF = {"GLOSSARY.md": "glossary", "READING.md": "reading"}  # files of the project that the report has as a page
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@dataclass(frozen=True)
class Heading:
    """A heading of the page: its level, its anchor and its text as HTML."""

    level: int
    anchor: str
    text: str


@dataclass
class MarkdownPage:
    """Render the Markdown of one page; it keeps the headings for the table of contents.

    Parameters
    ----------
    pages
        Names of the report's pages without ending: a link to another notebook becomes plain text.
    folder
        Folder of the notebook, from which pictures beside it are taken in.
    """

    pages: frozenset[str] = frozenset()
    folder: Path | None = None
    headings: list[Heading] = field(default_factory=list)
    attachments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def render(self, text: str, attachments: Mapping[str, Mapping[str, str]] | None = None) -> str:
        """HTML of a Markdown text; anything in it that is neither Markdown nor a bare tag comes out as text."""
        self.attachments = attachments or {}
        parser = _markdown_class()(renderer=_renderer_class()(self))
        return str(parser.render(text))

    def heading(self, text: str, level: int) -> str:
        """A heading with an anchor of its own."""
        words = re.sub(r"[^\w]+", "-", html.unescape(re.sub(r"<[^>]*>", "", text)).lower()).strip("-") or "section"
        taken = {heading.anchor for heading in self.headings}
        anchor = next(a for n in range(1, len(taken) + 3) if (a := words if n == 1 else f"{words}-{n}") not in taken)
        self.headings.append(Heading(level, anchor, text))
        return f'<h{level} id="{html.escape(anchor)}">{text}</h{level}>\n'

    def link(self, text: str, url: str) -> str:
        """A link within the report, to a page of the web (never fetched by itself), or plain text."""
        if re.match(r"(https?|mailto):", url) or url.startswith("#"):
            return f'<a href="{html.escape(url)}">{text}</a>'
        target, _, part = url.partition("#")
        name = Path(target).stem
        name = self._study() if name == CASE_STUDY else name
        if page := SHELF.get(Path(target).name):
            return f'<a href="{page}.html{"#" + html.escape(part) if part else ""}">{text}</a>'
        if target.endswith((".ipynb", ".html")) and name in self.pages:
            return f'<a href="{html.escape(name)}.html{"#" + html.escape(part) if part else ""}">{text}</a>'
        return text

    def image(self, alt: str, url: str) -> str:
        """A picture taken into the page, or its alt text where it cannot be."""
        source = self._attached(url) or self._beside(url)
        words = html.escape(html.unescape(re.sub(r"<[^>]*>", "", alt)) or "picture")
        return f'<img src="{source}" alt="{words}">' if source else f"<em>{words}</em>"

    def _study(self) -> str:
        """Page of the case study that a link to its notebook leads to: of the first scenario that was run."""
        runs = [f"case_{scenario}" for scenario in REPORTED]
        return next((name for name in (*runs, *sorted(self.pages)) if name in self.pages and scenario_of(name)), "")

    def _attached(self, url: str) -> str | None:
        data = self.attachments.get(url.removeprefix("attachment:"), {}) if url.startswith("attachment:") else {}
        for kind in ("image/png", "image/jpeg", "image/gif"):
            if kind in data:
                return f"data:{kind};base64,{data[kind].strip()}"
        return None

    def _beside(self, url: str) -> str | None:
        if self.folder is None or ":" in url:
            return None
        path = (self.folder / url).resolve()
        kind = mimetypes.guess_type(path.name)[0] or ""
        if not kind.startswith("image/") or not path.is_relative_to(self.folder.resolve().parent) or not path.is_file():
            return None
        return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"


def bare_tags_only(text: str) -> str:
    """Escape HTML but for a few tags without attributes; comments vanish."""
    return _ALLOWED.sub(r"<\1>", html.escape(_COMMENT.sub("", text), quote=False))


@cache
def _markdown_class() -> Any:
    from nbconvert.filters.markdown_mistune import MarkdownWithMath

    return MarkdownWithMath


@cache
def _renderer_class() -> Any:
    """Renderer of `nbconvert`'s Markdown; built here because nbconvert is heavy to import."""
    from nbconvert.filters.markdown_mistune import IPythonRenderer

    class Renderer(IPythonRenderer):
        """HTML that opens offline."""

        def __init__(self, page: MarkdownPage) -> None:
            super().__init__(escape=True)
            self.page = page

        def inline_math(self, body: str) -> str:
            return mathml(body)

        def block_math(self, body: str) -> str:
            return mathml(body, display=True)

        def latex_environment(self, name: str, body: str) -> str:
            return mathml(f"\\begin{{{name}}}{body}\\end{{{name}}}", display=True)

        def heading(self, text: str, level: int, **_: Any) -> str:
            return self.page.heading(text, level)

        def link(self, text: str, url: str, title: str | None = None) -> str:  # noqa: ARG002
            return self.page.link(text, url)

        def image(self, text: str, url: str, title: str | None = None) -> str:  # noqa: ARG002
            return self.page.image(text, url)

        def inline_html(self, html: str) -> str:
            return bare_tags_only(html)

        def block_html(self, html: str) -> str:
            return bare_tags_only(html)

        def table(self, text: str) -> str:
            return f'<div class="scroll" tabindex="0" role="region" aria-label="table"><table>{text}</table></div>\n'

        def block_code(self, code: str, info: str | None = None) -> str:
            return highlighted(code, (info or "text").split()[0] if (info or "").strip() else "text")

    return Renderer
