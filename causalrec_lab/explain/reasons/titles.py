"""Titles as a sentence may carry them: one line, no hidden marks, not too long, in quotes of one kind."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import pandas as pd

__all__ = ["LONGEST", "quoted", "quoted_parts", "shown_title", "titles_of"]

LONGEST = 80  # characters of a title that a sentence shows
_JOINERS = "\u200c\u200d"  # shape the letters of some scripts; other hidden marks turn text round, or show nothing
_ISOLATED = ("\u2068", "\u2069")  # what stands between keeps its own direction (Unicode annex 9)
_RIGHT_TO_LEFT = {"R", "AL", "AN"}
_QUOTED = re.compile("“([^“”]*)”")


def shown_title(title: Any, item_id: Any) -> str:
    """A title on one line, without control characters, at most 80 characters; the item's id where it has none.

    Curly double quotes become single ones, since a sentence puts titles between double ones; a title with letters that
    run from right to left is isolated, so that it does not turn the figures around it.

    Parameters
    ----------
    title
        Text, or missing.
    item_id
        What stands in for a missing title.
    """
    text = "" if title is None or (not isinstance(title, str) and pd.isna(title)) else str(title)
    text = "".join(c for c in text if c in _JOINERS or unicodedata.category(c) not in ("Cf", "Co"))
    text = unicodedata.normalize("NFC", text)
    text = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs") else c for c in text)
    text = " ".join(text.replace("“", "‘").replace("”", "’").split())
    if all(c in _JOINERS or unicodedata.category(c)[0] in "MZ" for c in text):  # nothing that shows
        text = f"item {shown_title(str(item_id), '?')}"
    if len(text) > LONGEST:
        text = text[: LONGEST - 1].rstrip() + "…"
    turned = any(unicodedata.bidirectional(c) in _RIGHT_TO_LEFT for c in text)
    return text.join(_ISOLATED) if turned else text


def quoted(title: str) -> str:
    """A shown title between curly quotes."""
    return f"“{title}”"


def quoted_parts(sentence: str) -> list[str]:
    """What stands between curly quotes, in order."""
    return _QUOTED.findall(sentence)


def titles_of(items: pd.DataFrame | None, ids: pd.Index) -> pd.Series:
    """Shown title of each item, indexed by id.

    Parameters
    ----------
    items
        Columns item_id and, where there is one, title; None where there is no such table.
    ids
        Items asked for.
    """
    known = pd.Series(dtype=object)
    if items is not None and "title" in items:
        known = items.drop_duplicates("item_id").set_index("item_id")["title"]
    found = known.reindex(ids)
    return pd.Series(
        [shown_title(t, i) for t, i in zip(found.tolist(), ids.tolist(), strict=True)], index=ids, dtype=object
    )
