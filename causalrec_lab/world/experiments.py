"""Randomised experiments: users to arms, each arm shows what its policy chooses."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from causalrec_lab.policy import Policy
from causalrec_lab.world.decisions import Law, check_count, draw_decisions, draw_randomness
from causalrec_lab.world.population import Floats, Ints, stream
from causalrec_lab.world.slates import drawn_actions

__all__ = ["DECISIONS_BEFORE", "run_experiment"]

DECISIONS_BEFORE = 30  # decisions of each user in the period before the experiment


def run_experiment(
    law: Law,
    policies: Mapping[str, Policy],
    contexts: pd.DataFrame,
    n: int,
    seed: int,
    shares: Mapping[str, float] | None = None,
    visits: int = 1,
) -> pd.DataFrame:
    """Randomise n users to arms; see `Platform.experiment`."""
    names, chances = _arms(policies, shares)
    check_count(n)
    check_count(visits)
    if n > law.population.n_users:
        raise ValueError(
            f"n={n:,} users cannot be randomised, the platform has {law.population.n_users:,}; "
            f"make it with n_users={n} or more, or ask for several visits of each user"
        )
    rng = stream("experiment", law.seed, seed)
    users = rng.permutation(law.population.n_users)[:n]
    arm = rng.choice(len(names), size=n, p=chances)
    before = _clicks_before(law, users, seed)
    scenario = law.funnel.scenario
    items = np.empty((visits, n), dtype=np.int64)
    for number, name in enumerate(names):
        here = np.flatnonzero(arm == number)
        action, _ = drawn_actions(policies[name], contexts, np.tile(users[here], visits), law.population.n_items, rng)
        items[:, here] = action.reshape(visits, -1)
    outcomes = draw_randomness(law, np.tile(users, visits), items.ravel(), rng, position=0).outcomes(1)
    frame = {"user_id": users, "arm": np.array(names)[arm], f"pre_{scenario.attention}s": before}
    for outcome in (scenario.attention, scenario.outcome, scenario.value):
        drawn = np.asarray(outcomes[outcome]).reshape(visits, n)
        frame[outcome] = drawn[0] if visits == 1 else drawn.mean(axis=0)
    return pd.DataFrame(frame)


def _arms(policies: Mapping[str, Policy], shares: Mapping[str, float] | None) -> tuple[list[str], Floats]:
    names = list(policies)
    if len(names) < 2:
        raise ValueError(f"an experiment compares at least two arms, and policies has {names}; add a control")
    if shares is None:
        return names, np.full(len(names), 1.0 / len(names))
    if set(shares) != set(names):
        raise ValueError(f"shares are for {sorted(shares)}, the arms are {sorted(names)}; give one share an arm")
    chances = np.array([shares[name] for name in names], dtype=np.float64)
    if (chances <= 0).any() or abs(chances.sum() - 1) > 1e-9:
        raise ValueError(f"shares={dict(shares)} are no shares; give positive numbers that sum to 1")
    return names, chances


def _clicks_before(law: Law, users: Ints, seed: int) -> Ints:
    """Clicks of each user in decisions of the platform's own rule, before the experiment, spread over the window."""
    draw = draw_decisions(law, len(users) * DECISIONS_BEFORE, seed, users=np.tile(users, DECISIONS_BEFORE))
    clicks = np.asarray(draw.outcomes(draw.treated)[law.funnel.scenario.attention], dtype=np.int64)
    return np.asarray(clicks.reshape(DECISIONS_BEFORE, len(users)).sum(axis=0))
