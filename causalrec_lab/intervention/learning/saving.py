"""Learned policies on disk: JSON for what people read, safetensors for arrays, no pickle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from causalrec_lab.causal.effects.sample import nearest
from causalrec_lab.intervention.learning.budget import BudgetPolicy
from causalrec_lab.intervention.learning.budget_rule import BudgetRule, Effects
from causalrec_lab.intervention.learning.inputs import Inputs
from causalrec_lab.intervention.learning.result import LearnedPolicy
from causalrec_lab.intervention.learning.saved_rules import (
    Told,
    read_budget,
    read_q,
    told_budget,
    told_q,
)
from causalrec_lab.intervention.learning.sequential import QPolicy
from causalrec_lab.intervention.learning.softmax import ParametricPolicy
from causalrec_lab.intervention.learning.tree import TreePolicy
from causalrec_lab.intervention.learning.tree_search import Question
from causalrec_lab.policy import FixedPolicy, Policy

__all__ = ["load", "save"]

_KINDS = ("softmax", "tree", "q", "budget")
_FORMAT = 1


def save(
    policy: LearnedPolicy | ParametricPolicy | TreePolicy | QPolicy | BudgetPolicy | BudgetRule, folder: str | Path
) -> Path:
    """Write a learned policy into a folder: policy.json and policy.safetensors.

    A base policy that is no fixed distribution is not written, nor effects that are no ridge regression on covariates:
    they have a home of their own, and `load` asks for them. Rows learned from and values found are never written.

    Returns
    -------
    The folder.

    Raises
    ------
    ValueError
        If the policy is none that was learned here.
    """
    from safetensors.numpy import save_file

    inner = policy.policy if isinstance(policy, LearnedPolicy) else policy
    words, arrays = _told(inner)
    into = Path(folder)
    into.mkdir(parents=True, exist_ok=True)
    save_file({name: np.ascontiguousarray(a) for name, a in arrays.items()}, into / "policy.safetensors")
    (into / "policy.json").write_text(json.dumps({"format": _FORMAT} | words, indent=1), encoding="utf-8")
    return into


def load(
    folder: str | Path, *, base: Policy | None = None, effects: Effects | None = None
) -> ParametricPolicy | TreePolicy | QPolicy | BudgetRule:
    """Read a policy that its `save` wrote.

    Parameters
    ----------
    folder
        Where it lies.
    base
        The base policy it was learned from, where that is not in the folder.
    effects
        For a budget: the effects it was learned from, where they are not in the folder.

    Raises
    ------
    FileNotFoundError
        If there is none in the folder.
    ValueError
        If its kind is unknown, or it leans on a base policy or effects that were not given.
    """
    from safetensors.numpy import load_file

    source = Path(folder)
    if not (source / "policy.json").exists():
        raise FileNotFoundError(f"no policy in {source}: policy.json is missing; save one there first")
    words, arrays = json.loads((source / "policy.json").read_text("utf-8")), load_file(source / "policy.safetensors")
    kind = words.get("kind")
    if kind not in _KINDS or words.get("format") != _FORMAT:
        raise ValueError(f"{source}: unknown kind of policy {kind!r}; {nearest(str(kind), _KINDS)}")
    if kind == "q":
        return read_q(words, arrays)
    if kind == "budget":
        return read_budget(words, arrays, effects)
    if base is None:
        if not words["own_base"]:
            raise ValueError(f"{source}: this policy leans on the one that ran; pass it: load(folder, base=...)")
        base = FixedPolicy(arrays["base"])
    inputs = Inputs.from_dict(words["inputs"])
    if kind == "softmax":
        return ParametricPolicy(base, inputs, arrays["coefficients"], arrays["action_features"])
    return TreePolicy(_node(words["root"]), inputs, base, arrays["groups"], tuple(words["names"]))


def _told(inner: object) -> Told:
    """Words and arrays that a policy is made of."""
    if isinstance(inner, QPolicy):
        return told_q(inner)
    if isinstance(inner, BudgetPolicy | BudgetRule):
        return told_budget(inner)
    if not isinstance(inner, ParametricPolicy | TreePolicy):
        raise ValueError(
            f"cannot save a {type(inner).__name__}; softmax_policy, tree_policy, fitted_q and budget_policy give what "
            "can be saved"
        )
    words: dict[str, Any] = {"inputs": inner.inputs.to_dict(), "own_base": False}
    arrays: dict[str, Any] = {}
    if isinstance(inner, ParametricPolicy):
        words |= {"kind": "softmax"}
        arrays |= {"coefficients": inner.coefficients, "action_features": inner.action_features}
    else:
        words |= {"kind": "tree", "root": _plain(inner.root), "names": list(inner.names)}
        arrays |= {"groups": inner.groups}
    if isinstance(inner.base, FixedPolicy):
        words["own_base"], arrays["base"] = True, np.asarray(inner.base.distribution, dtype=np.float64)
    return words, arrays


def _plain(node: Question | int) -> Any:
    if isinstance(node, int):
        return node
    return [node.column, node.threshold, _plain(node.left), _plain(node.right)]


def _node(plain: Any) -> Question | int:
    if isinstance(plain, int):
        return plain
    return Question(int(plain[0]), float(plain[1]), _node(plain[2]), _node(plain[3]))
