"""Bandits: policies that learn while they run, what learning costs them, and what their logs can tell.

>>> from causalrec_lab.intervention import bandit
>>> arms = bandit.ArmEnvironment([0.2, 0.5, 0.4])
>>> players = {"Thompson": bandit.Thompson(3), "epsilon-greedy": bandit.EpsilonGreedy(3, 0.5)}
>>> race = bandit.run(arms, players, rounds=2_000, seed=1)
>>> regret = race.table["regret"]
>>> bool(regret["Thompson"] < regret["epsilon-greedy"])
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.intervention.bandit.adaptive_log import AdaptiveLog
    from causalrec_lab.intervention.bandit.arms import UCB1, EpsilonGreedy, Thompson
    from causalrec_lab.intervention.bandit.environments import (
        ArmEnvironment,
        ContextEnvironment,
        Environment,
        PlatformEnvironment,
    )
    from causalrec_lab.intervention.bandit.evaluating import evaluate
    from causalrec_lab.intervention.bandit.features import ContextFeatures
    from causalrec_lab.intervention.bandit.linear import LinTS, LinUCB
    from causalrec_lab.intervention.bandit.logistic import LogisticTS
    from causalrec_lab.intervention.bandit.neural_linear import NeuralLinear
    from causalrec_lab.intervention.bandit.protocol import Bandit
    from causalrec_lab.intervention.bandit.running import BanditRun, run

_HOME = {
    "AdaptiveLog": "adaptive_log",
    "ArmEnvironment": "environments",
    "Bandit": "protocol",
    "BanditRun": "running",
    "ContextEnvironment": "environments",
    "ContextFeatures": "features",
    "Environment": "environments",
    "EpsilonGreedy": "arms",
    "LinTS": "linear",
    "LinUCB": "linear",
    "LogisticTS": "logistic",
    "NeuralLinear": "neural_linear",
    "PlatformEnvironment": "environments",
    "Thompson": "arms",
    "UCB1": "arms",
    "evaluate": "evaluating",
    "run": "running",
}

__all__ = [
    "UCB1",
    "AdaptiveLog",
    "ArmEnvironment",
    "Bandit",
    "BanditRun",
    "ContextEnvironment",
    "ContextFeatures",
    "Environment",
    "EpsilonGreedy",
    "LinTS",
    "LinUCB",
    "LogisticTS",
    "NeuralLinear",
    "PlatformEnvironment",
    "Thompson",
    "evaluate",
    "run",
]

__getattr__, __dir__ = doors(__name__, _HOME)
