"""Interventions: policies made from estimates, their value from logs, experiments, and the choice between them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from causalrec_lab.intervention import experiment, ope
    from causalrec_lab.intervention.choice import choose
    from causalrec_lab.intervention.policies import (
        EffectPolicy,
        EpsilonPolicy,
        GreedyPolicy,
        SoftmaxPolicy,
        TiltedPolicy,
    )
    from causalrec_lab.policy import BanditLog, FixedPolicy, Policy, UniformPolicy

_HOME = {
    "BanditLog": "causalrec_lab.policy",
    "EffectPolicy": "causalrec_lab.intervention.policies",
    "EpsilonPolicy": "causalrec_lab.intervention.policies",
    "FixedPolicy": "causalrec_lab.policy",
    "GreedyPolicy": "causalrec_lab.intervention.policies",
    "Policy": "causalrec_lab.policy",
    "SoftmaxPolicy": "causalrec_lab.intervention.policies",
    "TiltedPolicy": "causalrec_lab.intervention.policies",
    "UniformPolicy": "causalrec_lab.policy",
    "choose": "causalrec_lab.intervention.choice",
}
_ROOMS = ("experiment", "ope")

__all__ = [
    "BanditLog",
    "EffectPolicy",
    "EpsilonPolicy",
    "FixedPolicy",
    "GreedyPolicy",
    "Policy",
    "SoftmaxPolicy",
    "TiltedPolicy",
    "UniformPolicy",
    "choose",
    "experiment",
    "ope",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    """Public names."""
    return sorted(__all__)
