"""A policy that a person can read: a tree of one or two questions, searched exactly on doubly robust scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.causal.effects.sample import nearest
from causalrec_lab.intervention.learning.inputs import Inputs
from causalrec_lab.intervention.learning.result import LearnedPolicy, learned
from causalrec_lab.intervention.learning.scores import action_scores, check_log, held_out_rounds
from causalrec_lab.intervention.learning.softmax import checked_costs, logging_shares
from causalrec_lab.intervention.learning.tree_search import Question, best_action_tree, decide
from causalrec_lab.policy import BanditLog, Policy, checked_probabilities

__all__ = ["TreePolicy", "tree_policy"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TreePolicy:
    """Each leaf has a group of actions; within it the base policy goes on choosing.

    Parameters
    ----------
    root
        First question, or the group for everybody.
    inputs
        How contexts become the columns asked about.
    base
        Chooses within the group.
    groups
        (actions,) group of each action; every action its own where they were not grouped.
    names
        Of the groups.
    """

    root: Question | int
    inputs: Inputs
    base: Policy
    groups: npt.NDArray[np.int64]
    names: tuple[str, ...]

    def probabilities(self, contexts: Any) -> Floats:
        """(n, actions): the base policy's probabilities within the leaf's group.

        Raises
        ------
        ValueError
            If contexts lack a column, or the base policy has no chance within a leaf's group for some context.
        """
        chosen = decide(self.root, self.inputs.matrix(contexts))
        inside = self.groups[None, :] == chosen[:, None]
        kept = np.where(inside, self.base.probabilities(contexts), 0.0)
        total = kept.sum(axis=1, keepdims=True)
        if (total <= 0).any():
            row = int(np.argmin(total))
            raise ValueError(f"row {row}: the base policy has no chance within the group {self.names[chosen[row]]!r}")
        return np.asarray(kept / total)

    def rules(self) -> str:
        """The tree as indented text."""
        return "\n".join(self._lines(self.root, ""))

    def __repr__(self) -> str:
        """The rules."""
        return self.rules()

    def _lines(self, node: Question | int, indent: str) -> list[str]:
        if isinstance(node, int):
            return [f"{indent}{self.names[node]}"]
        name = self.inputs.names[node.column]
        return [
            f"{indent}if {name} <= {node.threshold:.4g}:", *self._lines(node.left, indent + "    "),
            f"{indent}else:", *self._lines(node.right, indent + "    "),
        ]  # fmt: skip


def tree_policy(
    log: BanditLog,
    *,
    depth: int = 2,
    columns: Sequence[str] | None = None,
    base: Policy | None = None,
    groups: Sequence[str] | None = None,
    costs: npt.ArrayLike = 0.0,
    min_leaf: int | None = None,
    candidates: int | None = 15,
    held_out: float = 1 / 3,
    cluster: npt.ArrayLike | None = None,
    folds: int = 5,
    level: float = 0.95,
    seed: int = 0,
) -> LearnedPolicy:
    r"""Learn the tree that maximises :math:`\sum_i (\Gamma_{i\,g(x_i)} - cost_{g(x_i)})` and value it on the rest.

    The search is exact over the thresholds (Athey and Wager 2021, Econometrica 89; for many actions Zhou, Athey and
    Wager 2023, Operations Research 71). With `groups` a leaf chooses a group and the base policy the action within it,
    :math:`\Gamma_{ig} = \sum_{a \in g} \pi_0(a \mid x_i) \Gamma_{ia} / \pi_0(g \mid x_i)`: few choices, much support.

    Parameters
    ----------
    log
        Rounds with propensities.
    depth
        1 or 2 questions in a row.
    columns
        Context columns it may ask about; None takes all.
    base
        The policy that wrote the log; None takes the actions' shares in it.
    groups
        Group of each action, in action order (an item's category); None lets a leaf choose a single action.
    costs
        Cost of an action in the reward's unit: (actions,) or one for all.
    min_leaf
        Least training rounds of a leaf; by default one in fifty, for smaller corners win by luck.
    candidates
        Thresholds a column at most; None for all.
    held_out, cluster, folds, level, seed
        As in `softmax_policy`.

    Raises
    ------
    ValueError
        If the log is too short or has no propensities, the depth is neither 1 nor 2, a column is unknown, there is not
        one group for each action, costs have another shape, the base policy gives no distributions, or `min_leaf` or
        `candidates` are not positive.
    """
    labels = check_log(log, cluster)
    if depth not in (1, 2):
        raise ValueError(f"depth={depth!r}: the search is exact for trees of depth 1 or 2")
    kept = held_out_rounds(len(log), held_out, seed, labels)
    part, rest = log.take(~kept), log.take(kept)
    own, other = (None, None) if labels is None else (labels[~kept], labels[kept])
    min_leaf = max(len(part) // 50, 1) if min_leaf is None else min_leaf
    if min_leaf < 1 or (candidates is not None and candidates < 1):
        raise ValueError(f"min_leaf={min_leaf!r}, candidates={candidates!r}: at least 1")
    base = base or logging_shares(part)
    names, codes = _groups(groups, log.n_actions)
    scores = action_scores(part, cluster=own, folds=folds, seed=seed)
    inputs = Inputs.learn(part.contexts)
    before = checked_probabilities(base.probabilities(part.contexts), n=len(part), n_actions=log.n_actions)
    net = _grouped(scores.net(checked_costs(costs, log.n_actions)), before, codes, len(names))
    asked = _asked(inputs, columns)
    tree, total = best_action_tree(
        inputs.matrix(part.contexts)[:, asked], net, depth=depth, min_leaf=min_leaf, candidates=candidates
    )
    policy = TreePolicy(_renumbered(tree, asked), inputs, base, codes, names)
    told = {"objective": total / len(part), "leaves": float(_leaves(tree))}
    return learned(
        policy, scores, rest, other, features=tuple(inputs.names[k] for k in asked), level=level, seed=seed,
        diagnostics=told, costs=costs,
    )  # fmt: skip


def _groups(given: Sequence[str] | None, n_actions: int) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    if given is None:
        return tuple(f"action {a}" for a in range(n_actions)), np.arange(n_actions)
    if isinstance(given, str) or len(given) != n_actions:
        raise ValueError(f"groups has {len(given)} entries for {n_actions} actions; give the group of each action")
    names, codes = np.unique([str(g) for g in given], return_inverse=True)
    return tuple(names.tolist()), np.asarray(codes, dtype=np.int64)


def _grouped(scores: Floats, before: Floats, codes: npt.NDArray[np.int64], count: int) -> Floats:
    """(n, groups) scores of letting the base policy choose within a group; none where it never would."""
    member = (codes[:, None] == np.arange(count)).astype(np.float64)
    chance = before @ member
    total = (before * scores) @ member
    worst = min(float(scores.min()), 0.0) * len(scores) * 10 - 1.0
    return np.asarray(np.where(chance > 0, total / np.where(chance > 0, chance, 1.0), worst))


def _asked(inputs: Inputs, columns: Sequence[str] | None) -> list[int]:
    if columns is None:
        return list(range(len(inputs.names)))
    if isinstance(columns, str) or not len(columns):
        raise ValueError(f"columns={columns!r}: give a list of context columns that may decide, or None for all")
    found = []
    for wanted in columns:
        mine = [k for k, name in enumerate(inputs.names) if name == wanted or name.startswith(f"{wanted}=")]
        if not mine:
            raise ValueError(f"contexts have no column {wanted!r} to ask about; {nearest(wanted, inputs.names)}")
        found += mine
    return found


def _renumbered(node: Question | int, asked: list[int]) -> Question | int:
    if isinstance(node, int):
        return node
    left, right = _renumbered(node.left, asked), _renumbered(node.right, asked)
    return Question(asked[node.column], node.threshold, left, right)


def _leaves(node: Question | int) -> int:
    return 1 if isinstance(node, int) else _leaves(node.left) + _leaves(node.right)
