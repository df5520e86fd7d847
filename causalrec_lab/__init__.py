"""Causal inference and intervention in Transformer recommender systems: the library under the notebooks.

A platform whose truth is known, a log of it, an estimate, and whether its interval holds the truth:

>>> from causalrec_lab.causal import effects
>>> from causalrec_lab.world import Platform
>>> shop = Platform.make("ecommerce", seed=1, n_users=400, n_items=100, base_rate="common")
>>> log = shop.log(4_000, seed=1).decisions
>>> drawn_by = ["user_id", "item_id"]
>>> estimate = effects.aipw(log, "treated", "click", shop.covariates, cluster=drawn_by)
>>> estimate.covers(shop.truth.ate("click"))
True

Rooms, from the ground up: `data`, `world`, `recommender`, `causal`, `intervention`, `explain`, `lab`. Everything heavy
is imported when first used: ``import causalrec_lab`` costs no more than ``import pandas``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

__version__ = "0.1.0"

if TYPE_CHECKING:
    from causalrec_lab import causal, data, explain, intervention, lab, recommender, world
    from causalrec_lab.estimate import Estimate, Truth, compare
    from causalrec_lab.policy import BanditLog, Policy

_HOME = {
    "Estimate": "causalrec_lab.estimate",
    "Truth": "causalrec_lab.estimate",
    "compare": "causalrec_lab.estimate",
    "BanditLog": "causalrec_lab.policy",
    "Policy": "causalrec_lab.policy",
}
_ROOMS = ("causal", "data", "explain", "intervention", "lab", "recommender", "world")

__all__ = [
    "BanditLog",
    "Estimate",
    "Policy",
    "Truth",
    "causal",
    "compare",
    "data",
    "explain",
    "intervention",
    "lab",
    "recommender",
    "world",
]

__getattr__, __dir__ = doors(__name__, _HOME, _ROOMS)
