"""Policies learned from logs: softmax and trees, budgets, decisions in sequence, and searches over strategies.

What is learned is valued on rows that learning has not seen:

>>> from causalrec_lab.intervention import learning
>>> from causalrec_lab.world import Platform
>>> shop = Platform.make(seed=1, n_users=300, n_items=6, base_rate="common")
>>> today = shop.logging_policy()
>>> learned = learning.softmax_policy(shop.slates(today, 4_000, seed=1), base=today)
>>> gain = shop.truth.policy_value(learned.policy).value - shop.truth.policy_value(today).value
>>> gain > 0
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.intervention.learning.budget import BudgetPolicy, budget_policy
    from causalrec_lab.intervention.learning.budget_rule import BudgetRule
    from causalrec_lab.intervention.learning.result import LearnedPolicy
    from causalrec_lab.intervention.learning.saving import load
    from causalrec_lab.intervention.learning.scores import ActionScores, action_scores
    from causalrec_lab.intervention.learning.searching import Search, search
    from causalrec_lab.intervention.learning.sequential import QPolicy, fitted_q
    from causalrec_lab.intervention.learning.softmax import ParametricPolicy, softmax_policy
    from causalrec_lab.intervention.learning.strategy import Choice, Range, Strategy, strategies
    from causalrec_lab.intervention.learning.trajectories import Trajectories
    from causalrec_lab.intervention.learning.trajectory_value import (
        SEQUENTIAL_METHODS,
        sequential_rounds,
        sequential_value,
    )
    from causalrec_lab.intervention.learning.tree import TreePolicy, tree_policy
    from causalrec_lab.intervention.learning.winners import winner

_HOME = {
    "ActionScores": "scores",
    "BudgetPolicy": "budget",
    "BudgetRule": "budget_rule",
    "Choice": "strategy",
    "LearnedPolicy": "result",
    "ParametricPolicy": "softmax",
    "QPolicy": "sequential",
    "Range": "strategy",
    "SEQUENTIAL_METHODS": "trajectory_value",
    "Search": "searching",
    "Strategy": "strategy",
    "Trajectories": "trajectories",
    "TreePolicy": "tree",
    "action_scores": "scores",
    "budget_policy": "budget",
    "fitted_q": "sequential",
    "load": "saving",
    "search": "searching",
    "sequential_rounds": "trajectory_value",
    "sequential_value": "trajectory_value",
    "softmax_policy": "softmax",
    "strategies": "strategy",
    "tree_policy": "tree",
    "winner": "winners",
}

__all__ = [
    "SEQUENTIAL_METHODS",
    "ActionScores",
    "BudgetPolicy",
    "BudgetRule",
    "Choice",
    "LearnedPolicy",
    "ParametricPolicy",
    "QPolicy",
    "Range",
    "Search",
    "Strategy",
    "Trajectories",
    "TreePolicy",
    "action_scores",
    "budget_policy",
    "fitted_q",
    "load",
    "search",
    "sequential_rounds",
    "sequential_value",
    "softmax_policy",
    "strategies",
    "tree_policy",
    "winner",
]

__getattr__, __dir__ = doors(__name__, _HOME)
