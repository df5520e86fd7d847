"""Effects across segments: shrunk towards each other, predicted for a new segment, chosen between from few data."""

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
