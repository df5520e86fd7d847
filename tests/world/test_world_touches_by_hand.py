"""The truth of touches is what the documented equations give, summed by hand a pair at a time."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.world import Platform
from causalrec_lab.world.scenarios.presets import SCENARIOS


class OnlyTheNew:
    """A nudge for items never shown before, else a reason or nothing."""

    def probabilities(self, contexts):
        new = contexts["log_exposures"].to_numpy() == 0
        return np.where(new[:, None], [0.0, 0.0, 1.0], [0.25, 0.75, 0.0])


@pytest.mark.parametrize("dials", [{}, {"effect": 2.0, "carry_over": 0.7, "exclusion": 0.4}, {"effect": 0.0}])
@pytest.mark.parametrize("name", SCENARIOS)
def test_truth_is_the_equations_summed_by_hand(name, dials):
    platform = Platform.make(name, seed=3, n_users=5, n_items=4, **dials)
    ranking, policy = platform.logging_policy(0.6), OnlyTheNew()
    for outcome, value in by_hand(platform, ranking, policy).items():
        truth = platform.truth.policy_value(ranking, outcome, touch=policy)
        assert float(truth) == pytest.approx(value, rel=1e-12), outcome


def by_hand(platform, ranking, policy):
    """Values of a ranking with touches by a policy, from the documented equations, a pair at a time."""
    people, dials, shown = platform.population, platform.dials, ranking.probabilities(platform.contexts())
    total = {}
    for u, i in np.ndindex(shown.shape):
        n = int(people.at(np.array([u]), np.array([i])).exposures[0])
        chances = policy.probabilities(pd.DataFrame({"log_exposures": [np.log1p(n)]}))[0]
        for touch, chance in zip((None, *platform.scenario.touches), chances, strict=True):
            for node in range(platform.scenario.nodes):
                for z in (0, 1):
                    means = one_by_hand(platform, u, i, n, touch, node, dials.carry_over + dials.exclusion * z)
                    weight = shown[u, i] * chance / (2 * platform.scenario.nodes * people.n_users)
                    total = {name: total.get(name, 0.0) + weight * value for name, value in means.items()}
    return total


def one_by_hand(platform, u, i, n, touch, node, first):
    """E[outcome | pair, shown, touch, season], every outcome and what the touch costs."""
    scenario, people, effect = platform.scenario, platform.population, platform.dials.effect
    rate = scenario.coefficients["realistic"]
    liking, hidden = people.theta[u] @ people.v[i], people.h_user[u] + people.h_item[i]
    popular, active, met = people.log_popularity[i], people.activity[u], np.log1p(n)
    busy, pain = active - people.activity.mean(), people.cost_sensitivity[u] * people.log_cost_gap[i]
    season = np.cos(2 * np.pi * ((node + 0.5) / scenario.nodes - scenario.categories[people.category[i]].peak))
    own = rate.effect
    tau = effect * (own.base - own.tail * popular - own.light * busy - own.fatigue * met)
    moved, beside = {}, 0.0
    if touch is not None:
        moved = dict(touch.stages) | {scenario.retention.name: touch.retention}
        beside = effect * (1 + touch.affinity * liking - touch.light * busy - touch.fatigue * met)
    means, reached = {}, 1.0
    for number, s in enumerate(rate.stages):
        logit = s.intercept + s.affinity * liking + s.hidden * hidden + s.log_popularity * popular
        logit += s.activity * active - s.cost * pain + s.season * season - s.fatigue * met + s.novelty * (n == 0)
        logit += s.treatment * tau + moved.get(s.name, 0.0) * beside + first * (number == 0)
        reached = reached / (1 + np.exp(-logit))
        means[s.name] = reached
    amount, back = scenario.amount, scenario.retention
    size = amount.intercept + amount.affinity * liking + amount.hidden * hidden + amount.sigma**2 / 2
    means[amount.name] = means[amount.after] * np.exp(size) * people.cost[i] ** amount.cost
    logit = back.intercept + back.activity * active + moved.get(back.name, 0.0) * beside
    stays = [1 / (1 + np.exp(-logit - back.reached * passed)) for passed in (0, 1)]
    means[back.name] = stays[0] + means[back.after] * (stays[1] - stays[0])
    if scenario.cost.earned:
        means[scenario.cost.earned] = reached * people.cost[i]
    return means | {"touch_cost": 0.0 if touch is None else touch.cost}
