"""Randomised experiments: users to arms, each arm shows what its policy chooses."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.policy import Policy
from causalrec_lab.world.arguments import real, whole
from causalrec_lab.world.law.law import Law
from causalrec_lab.world.law.stock import WEEK
from causalrec_lab.world.lists.slates import drawn_actions
from causalrec_lab.world.logging.decisions import Draw, draw_decisions, draw_randomness
from causalrec_lab.world.people.population import Floats, Ints
from causalrec_lab.world.touches.log import drawn_touches
from causalrec_lab.world.touches.shifts import TOUCH_COST

__all__ = ["DECISIONS_BEFORE", "draw_trial", "run_experiment"]

UNITS = ("user", "decision", "week")  # what a trial may randomise as a whole
DECISIONS_BEFORE = 30  # decisions of each user in the period before the experiment


def draw_trial(law: Law, n: int, seed: int, unit: str, share: float) -> Draw:
    """Draw decisions whose treatment is randomised by unit; see `Platform.trial`."""
    if unit not in UNITS:
        near = difflib.get_close_matches(str(unit), UNITS, n=1) or UNITS
        raise ValueError(f"unit={unit!r} is not randomised here; did you mean {' or '.join(map(repr, near))}?")
    n = whole("n", n)
    draw, rng = draw_decisions(law, n, seed, purpose="decisions of a trial"), law.stream("trial", seed)
    weeks = draw.moment // WEEK
    found, week_of = np.unique(weeks, return_inverse=True)
    present, unit_of = {
        "decision": (n, np.arange(n)),
        "user": (law.population.n_users, draw.users),
        "week": (len(found), week_of),
    }[unit]
    treated = round(real("share", share) * present)
    if not 0 < treated < present:
        raise ValueError(f"share={share!r} of {present} units ({unit}) leaves an arm empty; give a share in between")
    arm = (rng.permutation(present) < treated).astype(np.int64)
    before = (rng.random(n) < share).astype(np.int64) if unit == "decision" else arm[unit_of]
    return replace(draw, assigned=arm[unit_of], before=before, chance=treated / present)


def run_experiment(
    law: Law,
    policies: Mapping[str, Policy],
    contexts: pd.DataFrame,
    n: int,
    seed: int,
    shares: Mapping[str, float] | None = None,
    visits: int = 1,
    touches: Mapping[str, Policy] = MappingProxyType({}),
) -> pd.DataFrame:
    """Randomise n users to arms; see `Platform.experiment`."""
    names, chances = _arms(policies, shares)
    _known_arms(touches, names)
    n, visits = whole("n", n), whole("visits", visits)
    if n > law.population.n_users:
        raise ValueError(
            f"n={n:,} users cannot be randomised, the platform has {law.population.n_users:,}; "
            f"make it with n_users={n} or more, or ask for several visits of each user"
        )
    rng = law.stream("experiment", seed)
    users = rng.permutation(law.population.n_users)[:n]
    arm = rng.choice(len(names), size=n, p=chances)
    before = _clicks_before(law, users, seed)
    scenario = law.funnel.scenario
    items = np.empty((visits, n), dtype=np.int64)
    for number, name in enumerate(names):
        here = np.flatnonzero(arm == number)
        action, _ = drawn_actions(policies[name], contexts, np.tile(users[here], visits), law.population.n_items, rng)
        items[:, here] = action.reshape(visits, -1)
    draw = draw_randomness(law, np.tile(users, visits), items.ravel(), rng, position=0, shown=True)
    counted = dict.fromkeys((scenario.attention, scenario.outcome, scenario.value))
    touch = _beside(law, touches, contexts, draw, np.tile(np.array(names)[arm], visits), seed)
    outcomes = replace(draw, touch=touch).outcomes(1) | {TOUCH_COST: np.array(scenario.touch_costs)[touch]}
    if touches:
        priced = scenario.case.worth if scenario.case else ()
        counted |= dict.fromkeys((scenario.retention.name, *priced, TOUCH_COST))
    frame = {"user_id": users, "arm": np.array(names)[arm], f"pre_{scenario.attention}s": before}
    for outcome in counted:
        drawn = np.asarray(outcomes[outcome]).reshape(visits, n)
        frame[outcome] = drawn[0] if visits == 1 else drawn.mean(axis=0)
    return pd.DataFrame(frame)


def _beside(
    law: Law, touches: Mapping[str, Policy], contexts: pd.DataFrame, draw: Draw, arm: npt.NDArray[np.str_], seed: int
) -> Ints:
    """What goes beside each item, by the policy of its arm; its randomness is its own, so the items stay the same."""
    rng, touch = law.stream("touches of an experiment", seed), np.zeros(len(arm), dtype=np.int64)
    for name, policy in touches.items():
        here = np.flatnonzero(arm == name)
        touch[here] = drawn_touches(law, policy, contexts, draw.users[here], draw.items[here], rng)[0]
    return touch


def _known_arms(touches: Mapping[str, Policy], names: list[str]) -> None:
    for arm in touches:
        if arm not in names:
            near = difflib.get_close_matches(str(arm), names, n=1) or names
            raise ValueError(f"touches names the arm {arm!r}, which no policy has; did you mean {', '.join(near)}?")


def _arms(policies: Mapping[str, Policy], shares: Mapping[str, float] | None) -> tuple[list[str], Floats]:
    names = list(policies)
    if len(names) < 2:
        raise ValueError(f"an experiment compares at least two arms, and policies has {names}; add a control")
    if shares is None:
        return names, np.full(len(names), 1.0 / len(names))
    if set(shares) != set(names):
        raise ValueError(f"shares are for {sorted(shares)}, the arms are {sorted(names)}; give one share an arm")
    chances = np.array([shares[name] for name in names], dtype=np.float64)
    if not (chances > 0).all() or abs(chances.sum() - 1) > 1e-9:
        raise ValueError(f"shares={dict(shares)} are no shares; give positive numbers that sum to 1")
    return names, chances


def _clicks_before(law: Law, users: Ints, seed: int) -> Ints:
    """Clicks of each user in decisions of the platform's own rule, before the experiment, spread over the window."""
    draw = draw_decisions(law, len(users) * DECISIONS_BEFORE, seed, users=np.tile(users, DECISIONS_BEFORE))
    clicks = np.asarray(draw.outcomes(draw.treated)[law.funnel.scenario.attention], dtype=np.int64)
    return np.asarray(clicks.reshape(DECISIONS_BEFORE, len(users)).sum(axis=0))
