"""Refutation: what must not move an effect, and how strong a hidden confounder would have to be to explain it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.causal.refute.contours import contour
    from causalrec_lab.causal.refute.e_values import EValue, e_value
    from causalrec_lab.causal.refute.negative_controls import NegativeControl, placebo_exposure, placebo_outcome
    from causalrec_lab.causal.refute.omitted import BiasBounds, bias_bounds, confounder_strength
    from causalrec_lab.causal.refute.placebos import Placebo, placebo
    from causalrec_lab.causal.refute.robustness import Robustness, robustness_value
    from causalrec_lab.causal.refute.stability import Stability, random_cause, subset

_HOME = {
    "BiasBounds": "omitted",
    "EValue": "e_values",
    "NegativeControl": "negative_controls",
    "Placebo": "placebos",
    "Robustness": "robustness",
    "Stability": "stability",
    "bias_bounds": "omitted",
    "confounder_strength": "omitted",
    "contour": "contours",
    "e_value": "e_values",
    "placebo": "placebos",
    "placebo_exposure": "negative_controls",
    "placebo_outcome": "negative_controls",
    "random_cause": "stability",
    "robustness_value": "robustness",
    "subset": "stability",
}

__all__ = [
    "BiasBounds",
    "EValue",
    "NegativeControl",
    "Placebo",
    "Robustness",
    "Stability",
    "bias_bounds",
    "confounder_strength",
    "contour",
    "e_value",
    "placebo",
    "placebo_exposure",
    "placebo_outcome",
    "random_cause",
    "robustness_value",
    "subset",
]

__getattr__, __dir__ = doors(__name__, _HOME)
