"""The frame of every page: head with the style in it, the way to the other pages, foot."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote

__all__ = ["Site", "page", "short_name"]

_MARK = (
    '<svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><circle class="m1" cx="8" cy="23" r="4.5"/>'
    '<circle class="m2" cx="24" cy="23" r="4.5"/><circle class="m3" cx="16" cy="8" r="4.5"/>'
    '<path d="M13.8 12.2 10.4 18.6M18.2 12.2l3.4 6.4M13 23h5.2"/></svg>'
)
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><g fill="none" stroke="#7f8796" stroke-width="2">'
    '<path d="M13.8 12.2 10.4 18.6M18.2 12.2l3.4 6.4M13 23h5.2"/></g><circle cx="8" cy="23" r="4.5" fill="#0072B2"/>'
    '<circle cx="24" cy="23" r="4.5" fill="#D55E00"/><circle cx="16" cy="8" r="4.5" fill="#009E73"/></svg>'
)


@dataclass(frozen=True)
class Site:
    """What every page of one report knows: its chapters and cases that have a page, and the words at its foot.

    Parameters
    ----------
    chapters
        (name, title) of each, cases last.
    foot
        HTML at the foot.
    has_decision
        Whether there is a decision page.
    alone
        Whether the page stands by itself, with no other to lead to.
    reference
        Address of the library's reference, seen from the report's folder; "" where it was not built.
    """

    chapters: tuple[tuple[str, str], ...]
    foot: str
    has_decision: bool
    alone: bool = False
    reference: str = ""


def short_name(name: str) -> str:
    """What a chapter or case is called where there is little room: "06", "music", "my case"."""
    return name[:2] if name[:2].isdigit() else name.removeprefix("case_").replace("_", " ")


def page(site: Site, *, title: str, body: str, here: str, aside: str = "", kind: str = "") -> str:
    """A whole HTML page.

    Parameters
    ----------
    site
        The report the page belongs to.
    title
        Title as text.
    body
        HTML of the page's main part.
    here
        File name without ending: what the navigation marks as current.
    aside
        HTML of the table of contents, if any.
    kind
        Class of the page, for the style.
    """
    column = f'<nav class="toc" aria-label="On this page">{aside}</nav>' if aside else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{html.escape(title)} · causalrec_lab</title>\n"
        f'<link rel="icon" href="data:image/svg+xml,{quote(_ICON)}">\n<style>\n{_style()}</style>\n</head>\n'
        f'<body class="{kind}">\n<a class="skip" href="#main">Skip to the text</a>\n{_top(site, here)}\n'
        f'<div class="frame">{column}<main id="main">\n{body}\n</main></div>\n'
        f"<footer>{site.foot}</footer>\n</body>\n</html>\n"
    )


def _top(site: Site, here: str) -> str:
    if site.alone:
        return f'<header class="top"><span class="brand">{_MARK}<span>causalrec<b>lab</b></span></span></header>'
    items = "".join(_link(name, short_name(name), title, here) for name, title in site.chapters)
    ends: Sequence[tuple[str, str]] = [("decision", "Decision")] * site.has_decision
    ends = [*ends, ("reading", "Reading"), ("glossary", "Glossary"), ("manifest", "Manifest")]
    more = "".join(_link(name, words, words, here) for name, words in ends)
    return (
        f'<header class="top"><a class="brand" href="index.html">{_MARK}<span>causalrec<b>lab</b></span></a>'
        f'<nav aria-label="Chapters"><div class="numbers">{items}</div><div class="ends">{more}</div></nav></header>'
    )


def _link(name: str, short: str, words: str, here: str) -> str:
    current = ' aria-current="page"' if name == here else ""
    label = f' aria-label="{html.escape(words)}" title="{html.escape(words)}"' if words != short else ""
    return f'<a href="{html.escape(name)}.html"{label}{current}>{html.escape(short)}</a>'


@cache
def _style() -> str:
    return Path(__file__).with_name("style.css").read_text(encoding="utf-8")
