"""Effects across segments: shrunk towards each other, predicted for a new segment, chosen between from few data.

>>> from causalrec_lab import Estimate
>>> from causalrec_lab.intervention import meta
>>> seen = {"north": Estimate(0.05, 0.02, (0.01, 0.09)),
...         "south": Estimate(0.01, 0.02, (-0.03, 0.05)),
...         "west": Estimate(0.09, 0.04, (0.01, 0.17))}
>>> pooled = meta.meta_effects(seen)
>>> pooled.table["weight"].round(2).to_dict()
{'north': 0.78, 'south': 0.78, 'west': 0.62}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.intervention.meta.new_segment import SegmentChoice, choose_for_segment
    from causalrec_lab.intervention.meta.pooling import METHODS, MetaEffects, meta_effects
    from causalrec_lab.intervention.meta.robust import critical_value

_HOME = {
    "METHODS": "pooling",
    "MetaEffects": "pooling",
    "SegmentChoice": "new_segment",
    "choose_for_segment": "new_segment",
    "critical_value": "robust",
    "meta_effects": "pooling",
}

__all__ = ["METHODS", "MetaEffects", "SegmentChoice", "choose_for_segment", "critical_value", "meta_effects"]

__getattr__, __dir__ = doors(__name__, _HOME)
