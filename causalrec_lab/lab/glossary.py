"""The field's terms in English and Chinese: one file of data, from which the page and GLOSSARY.md are made."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path

__all__ = ["Term", "by_letter", "glossary_markdown", "terms", "terms_line"]

ABOUT = (
    "The field's terms as this course uses them, in English and Chinese, each with the chapter in which it is put to "
    "work. 本课程所用术语的中英对照，每条附有使用它的章节。"
)


@dataclass(frozen=True)
class Term:
    """A term of the field.

    Parameters
    ----------
    term, zh
        Its name in English and in Chinese.
    definition, definition_zh
        One sentence in each language.
    chapter
        Full name of the chapter that puts it to work.
    written
        How that chapter writes it; empty if as in `term`.
    """

    term: str
    zh: str
    definition: str
    definition_zh: str
    chapter: str
    written: str = ""

    @property
    def anchor(self) -> str:
        """Name of the term's place on the glossary's page: "back-door-criterion"."""
        return re.sub(r"[^a-z0-9]+", "-", self.term.lower()).strip("-")


@cache
def terms() -> tuple[Term, ...]:
    """All terms, in the order of the English alphabet."""
    kept = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return tuple(sorted((Term(**entry) for entry in kept), key=lambda term: term.term.lower()))


def by_letter(some: Iterable[Term]) -> list[tuple[str, list[Term]]]:
    """Terms gathered under their first letter.

    Parameters
    ----------
    some
        Terms in alphabetical order.
    """
    return [(letter, list(group)) for letter, group in groupby(some, key=lambda term: term.term[0].upper())]


def terms_line(chapter: str) -> str:
    """Markdown links to the terms that a chapter puts to work, as its opening shows them.

    Parameters
    ----------
    chapter
        Full name of the chapter.
    """
    return ", ".join(f"[{one.term}](../GLOSSARY.md#{one.anchor})" for one in terms() if one.chapter == chapter)


def glossary_markdown() -> str:
    """Text of GLOSSARY.md; `python -m causalrec_lab.lab.glossary` writes it."""
    parts = [f"# Glossary · 术语表\n\n{ABOUT}\n"]
    for letter, group in by_letter(terms()):
        parts.append(f"\n## {letter}\n\n" + "\n".join(map(_entry, group)) + "\n")
    return "".join(parts)


def _entry(one: Term) -> str:
    where = f"[{one.chapter[:2]}](notebooks/{one.chapter}.ipynb)"
    names = f'<a id="{one.anchor}"></a>**{one.term}** · **{one.zh}**'
    return f"- {names}<br>{one.definition}<br>{one.definition_zh} ({where})"


if __name__ == "__main__":
    from causalrec_lab.lab.artefacts import write_whole
    from causalrec_lab.lab.project import home

    write_whole(home() / "GLOSSARY.md", glossary_markdown().encode("utf-8"))
