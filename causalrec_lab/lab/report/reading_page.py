"""The reading page: what to read beside each chapter, and why."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

from causalrec_lab.lab.bibliography import Reference, reading
from causalrec_lab.lab.report.page import Site, page

__all__ = ["reading_page"]

_HEAD = (
    '<section class="hero"><p class="eyebrow">The reading list</p><h1>What to read, and why</h1>'
    "<p>A few works beside each chapter, with the reason to open each. Addresses lead out of this report.</p></section>"
)


def reading_page(openings: Mapping[str, str], site: Site) -> str:
    """The page of the reading list, by chapter; nothing is fetched unless a reader follows an address.

    Parameters
    ----------
    openings
        Chapter, such as "06_treatment_effects", to its title without the number; those with a page are linked.
    site
        The report.
    """
    linked = dict(site.chapters)
    names = {name[:2]: name for name in openings}
    parts = [_HEAD]
    for number, works in reading().items():
        name = names.get(number, number)
        title = f"{number} {openings.get(name, '')}".rstrip()
        head = html.escape(title)
        head = f'<a href="{html.escape(name)}.html">{head}</a>' if name in linked else head
        items = "".join(f"<li>{_item(work)}</li>" for work in works)
        parts.append(f'<section class="prose" id="{_anchor(title)}"><h2>{head}</h2><ul>{items}</ul></section>')
    return page(site, title="Reading list", body="".join(parts), here="reading", kind="made")


def _anchor(title: str) -> str:
    """Anchor of a chapter, as the headings of READING.md have it."""
    return html.escape(re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-"))


def _item(work: Reference) -> str:
    title = f"<em>{html.escape(work.title)}</em>"
    title = f'<a href="{html.escape(work.link)}">{title}</a>' if work.link else title
    return f"{html.escape(work.names)} ({work.year}). {title}. {html.escape(work.venue)}. {html.escape(work.why)}"
