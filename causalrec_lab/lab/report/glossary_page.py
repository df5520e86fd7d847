"""The glossary's page: the field's terms in English and Chinese."""

from __future__ import annotations

import html

from causalrec_lab.lab.glossary import ABOUT, Term, by_letter, terms
from causalrec_lab.lab.report.page import Site, page

__all__ = ["glossary_page"]


def glossary_page(site: Site) -> str:
    """The page of terms, each with an anchor of its own and a link to its chapter where the report has that chapter.

    Parameters
    ----------
    site
        The report.
    """
    groups = by_letter(terms())
    shown = frozenset(name for name, _ in site.chapters)
    parts = [
        f'<section id="letter-{letter}"><h2>{letter}</h2><dl class="glossary">'
        f"{''.join(_entry(one, shown) for one in group)}</dl></section>"
        for letter, group in groups
    ]
    head = '<section class="hero"><p class="eyebrow">Glossary · <span lang="zh-Hans">术语表</span></p>'
    body = f"{head}<h1>{len(terms())} terms, English and Chinese</h1><p>{html.escape(ABOUT)}</p></section>"
    letters = " ".join(f'<a href="#letter-{letter}">{letter}</a>' for letter, _ in groups)
    body += f'<nav class="letters" aria-label="Letters">{letters}</nav>{"".join(parts)}'
    return page(site, title="Glossary", body=body, here="glossary", kind="made")


def _entry(one: Term, shown: frozenset[str]) -> str:
    number, anchor = one.chapter[:2], html.escape(one.anchor)
    where = f'<a href="{html.escape(one.chapter)}.html">{number}</a>' if one.chapter in shown else number
    zh = f'<span lang="zh-Hans">{html.escape(one.zh)}</span>'
    said = f'{html.escape(one.definition)} <span lang="zh-Hans">{html.escape(one.definition_zh)}</span>'
    return f'<dt id="{anchor}">{html.escape(one.term)} · {zh}</dt><dd>{said} <small>chapter {where}</small></dd>'
