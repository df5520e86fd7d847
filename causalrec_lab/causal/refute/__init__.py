"""Refutation: what must not move an effect, and how strong a hidden confounder would have to be to explain it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.causal.refute.contours import contour
    from causalrec_lab.causal.refute.e_values import EValue, e_value
    from causalrec_lab.causal.refute.robustness import Robustness, robustness_value

_HOME = {
    "EValue": "e_values",
    "Robustness": "robustness",
    "contour": "contours",
    "e_value": "e_values",
    "robustness_value": "robustness",
}

__all__ = [
    "EValue",
    "Robustness",
    "contour",
    "e_value",
    "robustness_value",
]

__getattr__, __dir__ = doors(__name__, _HOME)
