"""Text from data within Markdown: a title is words, whatever signs stand in it."""

from __future__ import annotations

import re

__all__ = ["quote"]

_SIGNS = re.compile(r"([\\`*_{}\[\]<>()#+.!|$~=:\"'&^@-])")


def quote(text: object) -> str:
    r"""Escape a text so that Markdown shows it as it is: no emphasis, no formula, no HTML, no link.

    Parameters
    ----------
    text
        Anything from data; line breaks become spaces.

    Examples
    --------
    >>> from causalrec_lab.lab.quoting import quote
    >>> print(quote("from $5 to $10"))
    from \$5 to \$10
    """
    return _SIGNS.sub(r"\\\1", " ".join(str(text).split()))
