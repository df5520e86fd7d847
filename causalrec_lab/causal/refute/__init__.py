"""Refutation: what must not move an effect, and how strong a hidden confounder would have to be to explain it.

`placebo` deals the treatment anew, `random_cause` and `subset` change what should not matter, `placebo_outcome` asks
for an effect where there is none; `robustness_value`, `bias_bounds` and `e_value` measure what a hidden cause would
need.

>>> from causalrec_lab.causal import effects, refute
>>> from causalrec_lab.world import Platform
>>> shop = Platform.make(seed=1, n_users=300, n_items=80, base_rate="common")
>>> log = shop.log(3_000, seed=1).decisions
>>> asked = (log, "treated", "click", shop.covariates)
>>> dealt = refute.placebo(effects.regression, *asked, repetitions=20, seed=1)
>>> dealt.sound
True
"""

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
