"""Off-policy evaluation: what a policy would earn, read from another policy's log.

`evaluate` takes one of `METHODS` (ips, snips, dm, dr, …); `tune` chooses the number a method needs from the log alone.

>>> from causalrec_lab import compare
>>> from causalrec_lab.intervention import ope
>>> from causalrec_lab.world import Platform
>>> shop = Platform.make(seed=3, n_users=300, n_items=8, base_rate="common")
>>> bolder, rounds = shop.logging_policy(0.5), shop.slates(shop.logging_policy(), 4_000, seed=3)
>>> found = {method: ope.evaluate(rounds, bolder, method) for method in ("snips", "dr")}
>>> compare(found, shop.truth.policy_value(bolder))["covered"].to_dict()
{'snips': True, 'dr': True}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.intervention.ope.checking import PropensityCheck, check_propensities
    from causalrec_lab.intervention.ope.embeddings import cluster_actions, direct_effect_bias
    from causalrec_lab.intervention.ope.exchange import from_obp, to_obp
    from causalrec_lab.intervention.ope.positions.corrected import position_corrected
    from causalrec_lab.intervention.ope.positions.curve import Examination
    from causalrec_lab.intervention.ope.positions.examining import examination
    from causalrec_lab.intervention.ope.propensities import estimated_probabilities
    from causalrec_lab.intervention.ope.reward_model import RewardModel, cross_fitted_rewards
    from causalrec_lab.intervention.ope.slates.log import SlateLog
    from causalrec_lab.intervention.ope.slates.value import SLATE_METHODS, slate
    from causalrec_lab.intervention.ope.tuning import Tuning, slope
    from causalrec_lab.intervention.ope.value import METHODS, evaluate, tune

_HOME = {
    "Examination": "positions.curve",
    "METHODS": "value",
    "PropensityCheck": "checking",
    "RewardModel": "reward_model",
    "SLATE_METHODS": "slates.value",
    "SlateLog": "slates.log",
    "Tuning": "tuning",
    "check_propensities": "checking",
    "cluster_actions": "embeddings",
    "cross_fitted_rewards": "reward_model",
    "direct_effect_bias": "embeddings",
    "estimated_probabilities": "propensities",
    "evaluate": "value",
    "examination": "positions.examining",
    "from_obp": "exchange",
    "position_corrected": "positions.corrected",
    "slate": "slates.value",
    "slope": "tuning",
    "to_obp": "exchange",
    "tune": "value",
}

__all__ = [
    "METHODS",
    "SLATE_METHODS",
    "Examination",
    "PropensityCheck",
    "RewardModel",
    "SlateLog",
    "Tuning",
    "check_propensities",
    "cluster_actions",
    "cross_fitted_rewards",
    "direct_effect_bias",
    "estimated_probabilities",
    "evaluate",
    "examination",
    "from_obp",
    "position_corrected",
    "slate",
    "slope",
    "to_obp",
    "tune",
]

__getattr__, __dir__ = doors(__name__, _HOME)
