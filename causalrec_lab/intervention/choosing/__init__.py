"""The choice: effect, cost and gain of each intervention, in a sentence; and several aims that pull apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.intervention.choosing.front import Front, pareto, pareto_front
    from causalrec_lab.intervention.choosing.verdict import choose
    from causalrec_lab.intervention.choosing.words import sentence

_HOME = {
    "Front": "front",
    "choose": "verdict",
    "pareto": "front",
    "pareto_front": "front",
    "sentence": "words",
}

__all__ = ["Front", "choose", "pareto", "pareto_front", "sentence"]

__getattr__, __dir__ = doors(__name__, _HOME)
