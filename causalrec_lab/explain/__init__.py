"""May we trust it and show it: attributions beside effects, reasons, counterfactuals, fairness, privacy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.explain import attributions, counterfactuals, fairness, privacy, reasons
    from causalrec_lab.explain.attributions.effects import against_effects
    from causalrec_lab.explain.attributions.face import attribute
    from causalrec_lab.explain.counterfactuals.explaining import counterfactual

_HOME: dict[str, str] = {
    "against_effects": "attributions.effects",
    "attribute": "attributions.face",
    "counterfactual": "counterfactuals.explaining",
}
_ROOMS: tuple[str, ...] = ("attributions", "counterfactuals", "fairness", "privacy", "reasons")

__all__: list[str] = [
    "against_effects",
    "attribute",
    "attributions",
    "counterfactual",
    "counterfactuals",
    "fairness",
    "privacy",
    "reasons",
]

__getattr__, __dir__ = doors(__name__, _HOME, _ROOMS)
