"""Policies learned from logs: softmax and trees, budgets, decisions in sequence, and searches over strategies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.intervention.learning.result import LearnedPolicy
    from causalrec_lab.intervention.learning.saving import load
    from causalrec_lab.intervention.learning.scores import ActionScores, action_scores
    from causalrec_lab.intervention.learning.softmax import ParametricPolicy, softmax_policy
    from causalrec_lab.intervention.learning.tree import TreePolicy, tree_policy

_HOME = {
    "ActionScores": "scores",
    "LearnedPolicy": "result",
    "ParametricPolicy": "softmax",
    "TreePolicy": "tree",
    "action_scores": "scores",
    "load": "saving",
    "softmax_policy": "softmax",
    "tree_policy": "tree",
}

__all__ = [
    "ActionScores",
    "LearnedPolicy",
    "ParametricPolicy",
    "TreePolicy",
    "action_scores",
    "load",
    "softmax_policy",
    "tree_policy",
]

__getattr__, __dir__ = doors(__name__, _HOME)
