"""The loop: serve, watch, retrain, roll out or back, on a platform that moves.

>>> from causalrec_lab.intervention import loop
>>> from causalrec_lab.world import Platform
>>> shop = Platform.make(seed=1, n_users=200, n_items=6, shock=1.0, shock_day=8)
>>> week = loop.run(shop, strategy="never", plan=loop.LoopPlan(days=10, per_day=200, warmup=3))
>>> len(week.table)
10
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.intervention.loop.betting import MeanBets, ShiftBets
    from causalrec_lab.intervention.loop.conformal import OnlineRanks
    from causalrec_lab.intervention.loop.events import DayEvents, EventLog
    from causalrec_lab.intervention.loop.guardrail import Guardrail, MixedPolicy, Rollout, Verdict
    from causalrec_lab.intervention.loop.monitor import MONITORS, Monitor, Reading, Rounds
    from causalrec_lab.intervention.loop.own_log import FeedbackResult, feedback
    from causalrec_lab.intervention.loop.plan import Costs, LoopPlan
    from causalrec_lab.intervention.loop.recommenders import (
        LoopRecommender,
        RewardModelRecommender,
        SequenceRecommender,
    )
    from causalrec_lab.intervention.loop.result import LoopResult
    from causalrec_lab.intervention.loop.running import run
    from causalrec_lab.intervention.loop.strategies import (
        STRATEGIES,
        NeverRetrain,
        Oracle,
        RetrainDaily,
        RetrainOnAlarm,
    )
    from causalrec_lab.intervention.meta.new_segment import choose_for_segment
    from causalrec_lab.intervention.meta.pooling import meta_effects

_HOME = {
    "Costs": "plan",
    "DayEvents": "events",
    "EventLog": "events",
    "FeedbackResult": "own_log",
    "Guardrail": "guardrail",
    "LoopPlan": "plan",
    "LoopRecommender": "recommenders",
    "LoopResult": "result",
    "MONITORS": "monitor",
    "MeanBets": "betting",
    "MixedPolicy": "guardrail",
    "Monitor": "monitor",
    "NeverRetrain": "strategies",
    "OnlineRanks": "conformal",
    "Oracle": "strategies",
    "Reading": "monitor",
    "RetrainDaily": "strategies",
    "RetrainOnAlarm": "strategies",
    "RewardModelRecommender": "recommenders",
    "Rollout": "guardrail",
    "Rounds": "monitor",
    "STRATEGIES": "strategies",
    "SequenceRecommender": "recommenders",
    "ShiftBets": "betting",
    "Verdict": "guardrail",
    "choose_for_segment": "causalrec_lab.intervention.meta.new_segment",
    "feedback": "own_log",
    "meta_effects": "causalrec_lab.intervention.meta.pooling",
    "run": "running",
}

__all__ = [
    "MONITORS",
    "STRATEGIES",
    "Costs",
    "DayEvents",
    "EventLog",
    "FeedbackResult",
    "Guardrail",
    "LoopPlan",
    "LoopRecommender",
    "LoopResult",
    "MeanBets",
    "MixedPolicy",
    "Monitor",
    "NeverRetrain",
    "OnlineRanks",
    "Oracle",
    "Reading",
    "RetrainDaily",
    "RetrainOnAlarm",
    "RewardModelRecommender",
    "Rollout",
    "Rounds",
    "SequenceRecommender",
    "ShiftBets",
    "Verdict",
    "choose_for_segment",
    "feedback",
    "meta_effects",
    "run",
]

__getattr__, __dir__ = doors(__name__, _HOME)
