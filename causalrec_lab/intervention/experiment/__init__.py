"""Randomised experiments: how large, whether the arms are what was planned, and what they differ by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.intervention.experiment.contrast import analyse
    from causalrec_lab.intervention.experiment.sample_ratio import SampleRatio, srm
    from causalrec_lab.intervention.experiment.size import Design, design

_HOME = {
    "Design": "size",
    "SampleRatio": "sample_ratio",
    "analyse": "contrast",
    "design": "size",
    "srm": "sample_ratio",
}

__all__ = ["Design", "SampleRatio", "analyse", "design", "srm"]

__getattr__, __dir__ = doors(__name__, _HOME)
