"""The works that library and course rest on: one list, against which docstrings, chapters and READING.md are held."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["Reference", "citations", "cites", "reading", "reading_markdown", "references", "unlisted"]

_NAME = r"(?:(?:van der|van den|van|von|de|den|Di|Le)\s+)*[A-ZÀ-ŽŁØ][^\W\d_]*(?:[’'-][^\W\d_]+)*"
_JOIN = r"(?:,\s+(?:and\s+|&\s+)?|\s+and\s+|\s+&\s+)"
_YEAR = r"\(?\b((?:1[89]|20)\d\d)\b(?!\.\d)"
_CITED = re.compile(rf"({_NAME}(?:(?:{_JOIN}|\s+){_NAME})*)((?:\s+et al\.|\s+and others)?),?\s*{_YEAR}")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_NO_AUTHOR = frozenset([*_MONTHS, "Python", "NeurIPS", "WSDM", "KDD", "ICML", "UAI", "RecSys", "In", "From", "Since"])
_LETTERS = str.maketrans({"œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "’": "'"})


@dataclass(frozen=True)
class Reference:
    """A published work.

    Parameters
    ----------
    authors
        Family names, in the order of the title page.
    year
        Of publication.
    title
        As printed.
    venue
        Journal and volume, proceedings, or publisher.
    where
        "doi:…", "arXiv:…" or an address; None where none is known for sure.
    chapters
        Chapters ("06") whose readers are sent to it; none for works that only docstrings cite.
    why
        A sentence that says why to read it.
    """

    authors: tuple[str, ...]
    year: int
    title: str
    venue: str
    where: str | None = None
    chapters: tuple[str, ...] = ()
    why: str = ""

    @property
    def key(self) -> str:
        """First author, year, and the first long word of the title: "rubin1974estimating"."""
        words = [word for word in re.findall(r"[a-z]+", _plain(self.title).lower()) if len(word) > 3]
        return re.sub(r"[^a-z]", "", _plain(self.authors[0]).lower()) + f"{self.year}{words[0] if words else ''}"

    @property
    def names(self) -> str:
        """Authors as a text cites them: all up to three, else the first "and others"."""
        if len(self.authors) > 3:
            return f"{self.authors[0]} and others"
        return " and ".join(filter(None, (", ".join(self.authors[:-1]), self.authors[-1])))

    @property
    def link(self) -> str | None:
        """Address, where one is known."""
        if self.where is None or self.where.startswith("http"):
            return self.where
        kind, _, number = self.where.partition(":")
        return {"doi": "https://doi.org/", "arXiv": "https://arxiv.org/abs/"}[kind] + number


@cache
def references() -> tuple[Reference, ...]:
    """All works, by first author and year."""
    rows = json.loads(Path(__file__).with_name("bibliography.json").read_text(encoding="utf-8"))
    lists = [{name: tuple(row.get(name, ())) for name in ("authors", "chapters")} for row in rows]
    return tuple(Reference(**row | parts) for row, parts in zip(rows, lists, strict=True))


def reading() -> dict[str, tuple[Reference, ...]]:
    """The reading list: chapter ("00" …) -> its works. A work may stand under several."""
    numbers = sorted({chapter for work in references() for chapter in work.chapters})
    return {chapter: tuple(work for work in references() if chapter in work.chapters) for chapter in numbers}


def reading_markdown(titles: dict[str, str]) -> str:
    """READING.md: the reading list as Markdown, by chapter; `python -m causalrec_lab.lab.bibliography` writes it.

    Parameters
    ----------
    titles
        Title of each chapter, by number; one that is not named stands as its number.
    """
    head = (
        "# Reading list\n\nWhat to read beside each chapter, and why. Authors by family name; a star marks what is "
        "free to read at the address given. Written from `causalrec_lab/lab/bibliography.json`, which also holds every "
        "work that a docstring cites; a test keeps them in step."
    )
    parts = [head]
    for chapter, works in reading().items():
        parts.append(f"## {chapter} {titles.get(chapter, '')}".rstrip())
        parts.append("\n".join(f"- {_line(work)}" for work in works))
    return "\n\n".join(parts) + "\n"


def citations(text: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """Works that a text cites in the form "Author and Author (year)", as (family names, year).

    Parameters
    ----------
    text
        A docstring, or a cell's Markdown.
    """
    for names, _, year in _CITED.findall(" ".join(text.split())):
        parts = [re.sub(r"'s?$", "", part) for part in re.split(_JOIN, names.replace("’", "'")) if part]
        if parts and not _NO_AUTHOR & set(parts[-1].split()):
            yield tuple(parts), int(year)


def cites(names: tuple[str, ...], year: int, work: Reference) -> bool:
    """Whether (names, year) is this work: the last name is one of its authors, and so is every other but the first.

    The first may be a word of the sentence ("Source"), which no rule of spelling tells from a name.
    """
    authors = [_plain(author).lower() for author in work.authors]
    asked = [_plain(name).lower() for name in names]

    def written(name: str) -> bool:
        return any(name == author or name.endswith(f" {author}") or author.endswith(f" {name}") for author in authors)

    return year == work.year and written(asked[-1]) and all(map(written, asked[1:]))


def unlisted(text: str) -> list[str]:
    """Citations of a text for which there is no reference, as text."""
    return [
        f"{', '.join(names)} {year}"
        for names, year in citations(text)
        if not any(cites(names, year, work) for work in references())
    ]


def _line(work: Reference) -> str:
    title = f"[{work.title}]({work.link})" if work.link else work.title
    star = " \\*" if work.where and not work.where.startswith("doi") else ""
    return f"{work.names} ({work.year}). *{title}*. {work.venue}.{star} {work.why}"


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return "".join(letter for letter in folded if not unicodedata.combining(letter))


if __name__ == "__main__":
    from causalrec_lab.lab.artefacts import write_whole
    from causalrec_lab.lab.project import chapters, home, notebook_path
    from causalrec_lab.lab.report.chapter import opening

    titles = {name[:2]: opening(notebook_path(name)).title for name in chapters()}
    write_whole(home() / "READING.md", reading_markdown(titles).encode("utf-8"))
