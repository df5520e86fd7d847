"""Off-policy evaluation: what a policy would earn, read from another policy's log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

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

__getattr__, __dir__ = doors(__name__, _HOME)
