"""Interventions: policies made from estimates, their value from logs, experiments, and the choice between them.

A policy gives each action a chance. `ope` values it from the log of another, `experiment` on people, `choose` weighs
effects against costs:

>>> from causalrec_lab.intervention import UniformPolicy, ope
>>> from causalrec_lab.world import Platform
>>> shop = Platform.make(seed=1, n_users=300, n_items=8, base_rate="common")
>>> rounds = shop.slates(shop.logging_policy(), 4_000, seed=1)
>>> at_random = ope.evaluate(rounds, UniformPolicy(8), "dr")
>>> at_random.covers(shop.truth.policy_value(UniformPolicy(8)))
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.intervention import bandit, choosing, experiment, learning, loop, meta, ope, uplift
    from causalrec_lab.intervention.choosing.verdict import choose
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
    "EffectPolicy": "policies",
    "EpsilonPolicy": "policies",
    "FixedPolicy": "causalrec_lab.policy",
    "GreedyPolicy": "policies",
    "Policy": "causalrec_lab.policy",
    "SoftmaxPolicy": "policies",
    "TiltedPolicy": "policies",
    "UniformPolicy": "causalrec_lab.policy",
    "choose": "choosing.verdict",
}
_ROOMS = ("bandit", "choosing", "experiment", "learning", "loop", "meta", "ope", "uplift")

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
    "bandit",
    "choose",
    "choosing",
    "experiment",
    "learning",
    "loop",
    "meta",
    "ope",
    "uplift",
]

__getattr__, __dir__ = doors(__name__, _HOME, _ROOMS)
