"""What a chapter says of itself before it begins: how long it takes to read, and with which terms."""

from __future__ import annotations

import math
import re
from pathlib import Path

__all__ = ["OPENING", "reading_minutes"]

OPENING = "goals"  # id of the cell with goals, needs, minutes and terms, the same in every chapter
WORDS_A_MINUTE = 180.0  # slow, silent reading: formulas and tables stand between the words
LINES_A_MINUTE = 20.0  # of code that is followed, not learned by heart
PICTURES_A_MINUTE = 2.0


def reading_minutes(notebook: Path) -> int:
    """Minutes it takes to read a chapter, to the nearest ten.

    Words of prose, lines of code and figures, each at a steady pace (180 words, 20 lines, 2 figures a minute); running
    it is not counted. People differ by a factor of two and more: the figure sets chapters side by side.

    Parameters
    ----------
    notebook
        The chapter's notebook.
    """
    import nbformat

    read = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    words = sum(len(re.findall(r"\w+", c.source)) for c in read.cells if c.cell_type == "markdown" and c.id != OPENING)
    code = "\n".join(cell.source for cell in read.cells if cell.cell_type == "code")
    lines, pictures = len(code.splitlines()), code.count("lab.show(")
    minutes = words / WORDS_A_MINUTE + lines / LINES_A_MINUTE + pictures / PICTURES_A_MINUTE
    return max(10, 10 * math.floor(minutes / 10 + 0.5))
