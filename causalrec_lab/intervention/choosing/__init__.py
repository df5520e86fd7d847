"""The choice: effect, cost and gain of each intervention, in a sentence; and several aims that pull apart.

>>> from causalrec_lab import Estimate
>>> from causalrec_lab.intervention import choosing
>>> effects = {"new ranking": Estimate(0.020, 0.004, (0.012, 0.028)),
...            "nudge": Estimate(0.004, 0.004, (-0.004, 0.012))}
>>> table = choosing.choose(effects, costs={"new ranking": 0.01, "nudge": 0.03}, value=2.0)
>>> table["decision"].to_dict()
{'new ranking': 'adopt', 'nudge': 'reject'}
"""

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
