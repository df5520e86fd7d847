"""Randomised experiments: how large, whether the arms are what was planned, and what they differ by.

>>> from causalrec_lab.intervention import experiment
>>> experiment.design(0.10, 0.02, power=0.8).n
7678
>>> experiment.srm({"control": 5_000, "treatment": 5_400}).mismatch
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.intervention.experiment.contrast import analyse
    from causalrec_lab.intervention.experiment.delays import conversion_curve, delayed
    from causalrec_lab.intervention.experiment.linearising import linearise
    from causalrec_lab.intervention.experiment.looks import Boundary, crossing, group_sequential, peeking_error
    from causalrec_lab.intervention.experiment.many_arms import dunnett
    from causalrec_lab.intervention.experiment.missing_outcomes import attrition, lee_bounds
    from causalrec_lab.intervention.experiment.pilot import Pilot, measure
    from causalrec_lab.intervention.experiment.plan import Design
    from causalrec_lab.intervention.experiment.reporting import ExperimentReport, Metric, adjusted_p, report
    from causalrec_lab.intervention.experiment.sample_ratio import SampleRatio, sequential_srm, srm, srm_by
    from causalrec_lab.intervention.experiment.segments import SegmentEffects, by_segment
    from causalrec_lab.intervention.experiment.size import design
    from causalrec_lab.intervention.experiment.watching import Monitor, follow, monitor

_HOME = {
    "Boundary": "looks",
    "Design": "plan",
    "ExperimentReport": "reporting",
    "Metric": "reporting",
    "Monitor": "watching",
    "Pilot": "pilot",
    "SampleRatio": "sample_ratio",
    "SegmentEffects": "segments",
    "adjusted_p": "reporting",
    "analyse": "contrast",
    "attrition": "missing_outcomes",
    "by_segment": "segments",
    "conversion_curve": "delays",
    "crossing": "looks",
    "delayed": "delays",
    "design": "size",
    "dunnett": "many_arms",
    "follow": "watching",
    "group_sequential": "looks",
    "lee_bounds": "missing_outcomes",
    "linearise": "linearising",
    "measure": "pilot",
    "monitor": "watching",
    "peeking_error": "looks",
    "report": "reporting",
    "sequential_srm": "sample_ratio",
    "srm": "sample_ratio",
    "srm_by": "sample_ratio",
}

__all__ = [
    "Boundary",
    "Design",
    "ExperimentReport",
    "Metric",
    "Monitor",
    "Pilot",
    "SampleRatio",
    "SegmentEffects",
    "adjusted_p",
    "analyse",
    "attrition",
    "by_segment",
    "conversion_curve",
    "crossing",
    "delayed",
    "design",
    "dunnett",
    "follow",
    "group_sequential",
    "lee_bounds",
    "linearise",
    "measure",
    "monitor",
    "peeking_error",
    "report",
    "sequential_srm",
    "srm",
    "srm_by",
]

__getattr__, __dir__ = doors(__name__, _HOME)
