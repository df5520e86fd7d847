"""Off-policy evaluation: what a policy would earn, read from another policy's log."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from causalrec_lab.intervention.ope.exchange import from_obp, to_obp
    from causalrec_lab.intervention.ope.reward_model import RewardModel, cross_fitted_rewards
    from causalrec_lab.intervention.ope.value import METHODS, evaluate

_HOME = {
    "METHODS": "value",
    "RewardModel": "reward_model",
    "cross_fitted_rewards": "reward_model",
    "evaluate": "value",
    "from_obp": "exchange",
    "to_obp": "exchange",
}

__all__ = ["METHODS", "RewardModel", "cross_fitted_rewards", "evaluate", "from_obp", "to_obp"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    """Public names."""
    return sorted(__all__)
