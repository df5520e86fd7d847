"""Rounds in which a policy chooses what goes with a recommendation, with exact propensities."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from causalrec_lab.policy import BanditLog, Policy
from causalrec_lab.world.law.law import Law
from causalrec_lab.world.law.outcomes import check_outcome
from causalrec_lab.world.lists.slates import drawn_actions
from causalrec_lab.world.logging.decisions import draw_randomness
from causalrec_lab.world.people.population import Floats, Ints
from causalrec_lab.world.touches.choosing import offer_contexts

__all__ = ["drawn_touches", "touch_log"]


def drawn_touches(
    law: Law, policy: Policy, contexts: pd.DataFrame, users: Ints, items: Ints, rng: np.random.Generator
) -> tuple[Ints, Floats, pd.DataFrame]:
    """One touch a recommendation, its exact probability, and what the policy saw."""
    seen = offer_contexts(law.population, contexts, users, items)
    rounds = np.arange(len(users))
    touch, propensity = drawn_actions(policy, seen, rounds, len(law.funnel.touches) + 1, rng)
    return touch, propensity, seen


def touch_log(
    law: Law, policy: Policy, ranking: Policy, contexts: pd.DataFrame, n: int, seed: int, reward: str | None
) -> BanditLog:
    """Log n rounds: user uniform, item by the ranking, touch by the policy, reward of the item with its touch."""
    reward = check_outcome(law.funnel, reward, law.funnel.scenario.attention)
    rng = law.stream("touches", seed)
    users = rng.integers(law.population.n_users, size=n)
    items, _ = drawn_actions(ranking, contexts, users, law.population.n_items, rng)
    touch, propensity, seen = drawn_touches(law, policy, contexts, users, items, rng)
    draw = draw_randomness(law, users, items, rng, position=0, shown=True)
    earned = replace(draw, touch=touch).outcomes(1)[reward]
    return BanditLog(
        contexts=seen,
        action=touch,
        reward=np.asarray(earned, dtype=np.float64),
        propensity=propensity,
        n_actions=len(law.funnel.touches) + 1,
        position=np.zeros(n, dtype=np.int64),
    )
