"""May we trust it and show it: attributions beside effects, reasons, counterfactuals, fairness, privacy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.explain import counterfactuals, privacy
    from causalrec_lab.explain.counterfactuals.explaining import counterfactual

_HOME: dict[str, str] = {
    "counterfactual": "counterfactuals.explaining",
}
_ROOMS: tuple[str, ...] = ("counterfactuals", "privacy")

__all__: list[str] = [
    "counterfactual",
    "counterfactuals",
    "privacy",
]

__getattr__, __dir__ = doors(__name__, _HOME, _ROOMS)
