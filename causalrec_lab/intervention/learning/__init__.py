"""Policies learned from logs: softmax and trees, budgets, decisions in sequence, and searches over strategies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.intervention.learning.budget import BudgetPolicy, budget_policy
    from causalrec_lab.intervention.learning.result import LearnedPolicy
    from causalrec_lab.intervention.learning.saving import load
    from causalrec_lab.intervention.learning.scores import ActionScores, action_scores
    from causalrec_lab.intervention.learning.sequential import QPolicy, fitted_q
    from causalrec_lab.intervention.learning.softmax import ParametricPolicy, softmax_policy
    from causalrec_lab.intervention.learning.trajectories import Trajectories
    from causalrec_lab.intervention.learning.trajectory_value import (
        SEQUENTIAL_METHODS,
        sequential_rounds,
        sequential_value,
    )
    from causalrec_lab.intervention.learning.tree import TreePolicy, tree_policy

_HOME = {
    "ActionScores": "scores",
    "BudgetPolicy": "budget",
    "LearnedPolicy": "result",
    "ParametricPolicy": "softmax",
    "QPolicy": "sequential",
    "SEQUENTIAL_METHODS": "trajectory_value",
    "Trajectories": "trajectories",
    "TreePolicy": "tree",
    "action_scores": "scores",
    "budget_policy": "budget",
    "fitted_q": "sequential",
    "load": "saving",
    "sequential_rounds": "trajectory_value",
    "sequential_value": "trajectory_value",
    "softmax_policy": "softmax",
    "tree_policy": "tree",
}

__all__ = [
    "SEQUENTIAL_METHODS",
    "ActionScores",
    "BudgetPolicy",
    "LearnedPolicy",
    "ParametricPolicy",
    "QPolicy",
    "Trajectories",
    "TreePolicy",
    "action_scores",
    "budget_policy",
    "fitted_q",
    "load",
    "sequential_rounds",
    "sequential_value",
    "softmax_policy",
    "tree_policy",
]

__getattr__, __dir__ = doors(__name__, _HOME)
