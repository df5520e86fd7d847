"""What cells gave, as HTML: drawings, tables, text. Nothing from data is live, nothing is fetched."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from causalrec_lab.lab.provenance import masked
from causalrec_lab.lab.report.markdown import MarkdownPage
from causalrec_lab.lab.report.mathml import mathml
from causalrec_lab.lab.theme import GRID, INK, MUTED, PALETTE, PAPER

__all__ = ["figure_html", "output_html"]

_TAGS = (
    "table thead tbody tfoot tr th td caption colgroup col div span p pre code b i em strong u s small br hr sub sup "
    "ul ol li dl dt dd h1 h2 h3 h4 h5 h6 blockquote details summary mark kbd"
)
TAGS = frozenset(_TAGS.split())
STYLES = ("text-align", "color", "background-color", "font-weight", "font-style", "white-space", "width", "max-width")
_DROPPED = re.compile(r"<style\b.*?</style\s*>|<!--.*?-->", re.DOTALL | re.IGNORECASE)
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_SVG_STYLE = re.compile(r'<style type="text/css">\*\{[^<]*?\}</style>')
_SVG_ACTIVE = re.compile(r"<(script|foreignObject|iframe|a|animate|set|style)\b|\son\w+\s*=", re.IGNORECASE)
_SVG_OUTSIDE = re.compile(r"""href\s*=\s*["'](?!#|data:image/png;base64,)""")
_COLOURS = {INK: "var(--ink)", MUTED: "var(--muted)", GRID: "var(--line)", PAPER: "var(--figure)"}
_COLOURS |= {colour: f"var(--c{number})" for number, colour in enumerate(PALETTE, start=1)}


def output_html(output: Mapping[str, Any], page: MarkdownPage, where: str) -> str:
    """HTML of one output of a code cell.

    Parameters
    ----------
    output
        An output as `nbformat` holds it.
    page
        The page's Markdown, for outputs that are Markdown.
    where
        Heading above the cell: what stands in for an alt text that was not given.
    """
    kind = output["output_type"]
    if kind == "stream":
        return _stream(output["name"], _joined(output["text"]))
    if kind == "error":
        return error_html(
            output.get("ename", "error"), output.get("evalue", ""), "\n".join(output.get("traceback", []))
        )
    return _data(output["data"], output.get("metadata", {}), page, where)


def figure_html(bundle: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    """HTML of a figure as `lab.figures.drawn` gives it: its drawing in the page's colours, or else its picture."""
    alt = _alt(metadata, "this page")
    if "image/svg+xml" in bundle and (drawing := _svg(bundle["image/svg+xml"], alt)):
        return f'<figure class="drawing">{drawing}</figure>'
    content = base64.b64encode(bundle["image/png"]).decode("ascii")
    return f'<figure class="picture">{_picture("image/png", content, metadata.get("image/png", {}), alt)}</figure>'


def error_html(name: str, value: str, traceback: str) -> str:
    """An error: what it is and what it says, its traceback folded."""
    head = f"<strong>{html.escape(plain(name))}</strong> {html.escape(plain(value))}"
    tail = (
        f"<details><summary>Traceback</summary><pre>{html.escape(plain(traceback))}</pre></details>"
        if traceback
        else ""
    )
    return f'<div class="error" role="alert"><p>{head}</p>{tail}</div>'


def plain(text: str) -> str:
    """Text without terminal colours and without folders of this machine."""
    return str(masked({"text": _ANSI.sub("", text)})["text"])


def _stream(name: str, text: str) -> str:
    body = f"<pre>{html.escape(plain(text).rstrip())}</pre>"
    if name == "stderr":
        return f'<details class="stderr"><summary>Messages</summary>{body}</details>'
    return f'<div class="stream" tabindex="0">{body}</div>'


def _data(data: Mapping[str, Any], metadata: Mapping[str, Any], page: MarkdownPage, where: str) -> str:
    """The richest form that opens offline; a widget's view is left for its text."""
    alt = _alt(metadata, where)
    if "image/svg+xml" in data and (drawing := _svg(_joined(data["image/svg+xml"]), alt)):
        return f'<figure class="drawing">{drawing}</figure>'
    for kind in ("image/png", "image/jpeg"):
        if kind in data:
            return f'<figure class="picture">{_picture(kind, data[kind], metadata.get(kind, {}), alt)}</figure>'
    if "text/html" in data and "sk-container-id" not in (source := _joined(data["text/html"])):
        return f'<div class="scroll output-table" tabindex="0">{clean_html(source)}</div>'
    if "text/markdown" in data:
        return f'<div class="markdown">{page.render(_joined(data["text/markdown"]))}</div>'
    if "text/latex" in data:
        return mathml(_joined(data["text/latex"]).strip().strip("$").removeprefix(r"\displaystyle"), display=True)
    text = plain(_joined(data.get("text/plain", ""))).rstrip()
    return f'<div class="stream" tabindex="0"><pre>{html.escape(text)}</pre></div>' if text else ""


def _alt(metadata: Mapping[str, Any], where: str) -> str:
    for kind in ("image/png", "image/svg+xml", "image/jpeg"):
        found = metadata.get(kind, {})
        if isinstance(found, Mapping) and str(found.get("alt") or "").strip():
            return str(found["alt"])
    return str(metadata.get("alt") or f"Figure in the section {where}")


def _picture(kind: str, content: str, metadata: Mapping[str, Any], alt: str) -> str:
    width = f' width="{int(metadata["width"])}"' if str(metadata.get("width", "")).isdigit() else ""
    data = re.sub(r"[^A-Za-z0-9+/=]", "", content)
    return f'<img src="data:{kind};base64,{data}"{width} alt="{html.escape(alt)}">'


def _svg(drawing: str, alt: str) -> str | None:
    """The drawing in the page's colours, or None where it holds more than a drawing."""
    body = _SVG_STYLE.sub("", drawing[drawing.find("<svg") :])
    if not body.startswith("<svg") or _SVG_ACTIVE.search(body) or _SVG_OUTSIDE.search(body):
        return None
    body = re.sub("stroke: #000000", "stroke: var(--ink)", body)
    body = re.sub(r"#([3-9][0-9a-f])\1\1\b", "var(--muted)", body)  # matplotlib's greys "0.2" to "0.6"
    for colour, variable in _COLOURS.items():
        body = re.sub(re.escape(colour), variable, body, flags=re.IGNORECASE)
    body = re.sub(r' id="[A-Za-z0-9.]+_\d+"', "", body)  # matplotlib numbers its groups anew in every drawing
    head, _, rest = body.partition(">")
    head = re.sub(r'\s(width|height)="([\d.]+)pt"', "", head)
    width = re.search(r'viewBox="0 0 ([\d.]+)', head)
    size = f' style="max-width:{round(float(width[1]) * 1.34)}px"' if width else ""
    return f'{head} role="img" aria-label="{html.escape(alt)}"{size}>{rest}'


def clean_html(source: str) -> str:
    """HTML without anything that could act, load or restyle the page: what is not allowed comes out as text."""
    return str(_cleaner().clean(_DROPPED.sub("", source)))


@cache
def _cleaner() -> Any:
    from bleach.css_sanitizer import CSSSanitizer  # type: ignore[import-untyped]
    from bleach.sanitizer import Cleaner  # type: ignore[import-untyped]

    allowed = {"*": ["class", "style", "title"], "td": ["colspan", "rowspan"], "th": ["colspan", "rowspan", "scope"]}
    allowed = {tag: names + ([] if tag == "*" else ["class", "style", "title"]) for tag, names in allowed.items()}
    return Cleaner(tags=TAGS, attributes=allowed, css_sanitizer=CSSSanitizer(allowed_css_properties=STYLES))


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)
