"""Policies over touches: what they see of a recommendation, and the one a platform logs with."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from causalrec_lab.policy import FixedPolicy, Policy
from causalrec_lab.world.people.population import Floats, Ints, Population
from causalrec_lab.world.scenarios.equations import Touch
from causalrec_lab.world.scenarios.scenario import Scenario

__all__ = ["TouchPolicy", "as_touch_policy", "offer_contexts", "touch_number"]


@dataclass(frozen=True, eq=False)
class TouchPolicy:
    r"""What experience tells of touches, from observed columns, with exploration.

    .. math:: \pi(k | x) = \frac{\epsilon}{K + 1} + (1 - \epsilon) \frac{e^{s_k}}{\sum_j e^{s_j}}, \quad
              s_k = b_r \hat r_{ui} - b_a (a_u - \bar a) - b_n \log(1 + n_{ui}), \quad s_0 = 0

    A platform that logs so gives reasons to those who like an item and reminders to those seldom met, so that plain
    means of its log mislead.

    Parameters
    ----------
    touches
        Whose coefficients stand in the scores.
    activity
        Mean activity of the users.
    explore
        :math:`\epsilon`, the share of choices that is left to chance: no propensity is below :math:`\epsilon / (K+1)`.
    """

    touches: tuple[Touch, ...]
    activity: float
    explore: float = 0.3

    def probabilities(self, contexts: pd.DataFrame) -> Floats:
        """(n, touches + 1) probabilities; contexts have the columns affinity_hat, activity, log_exposures."""
        likes, active, seen = (
            contexts[name].to_numpy(dtype=np.float64) for name in ("affinity_hat", "activity", "log_exposures")
        )
        busy = active - self.activity
        scores = [one.affinity * likes - one.light * busy - one.fatigue * seen for one in self.touches]
        weights = np.exp(np.stack([np.zeros(len(contexts)), *scores], axis=1))
        shares = weights / weights.sum(axis=1, keepdims=True)
        return np.asarray(self.explore / shares.shape[1] + (1.0 - self.explore) * shares)


def offer_contexts(population: Population, contexts: pd.DataFrame, users: Ints, items: Ints) -> pd.DataFrame:
    """What a policy over touches sees of each recommendation: the user's context, and observed columns of the item.

    Parameters
    ----------
    contexts
        One row a user, in user order.
    users, items
        (n,) of each recommendation.

    Returns
    -------
    DataFrame of numbers, n rows: the columns of `contexts`, and item_id, the item's cost, log_popularity,
    affinity_hat, log_exposures.
    """
    pairs = population.at(users, items)
    return contexts.iloc[users].reset_index(drop=True).assign(
        **{
            "item_id": items,
            population.scenario.cost.name: population.cost[items],
            "log_popularity": pairs.log_popularity,
            "affinity_hat": pairs.affinity_hat,
            "log_exposures": pairs.log_exposures,
        }
    )  # fmt: skip


def touch_number(scenario: Scenario, name: str) -> int:
    """Number of a touch; 0 for "none".

    Raises
    ------
    ValueError
        If the scenario has no such touch; the message offers the nearest.
    """
    names = scenario.touch_names
    if name not in names:
        if not scenario.touches:
            raise ValueError(f"scenario {scenario.name!r} has no touches, and {name!r} is asked for; give it `touches`")
        near = difflib.get_close_matches(str(name), names, n=1) or names
        raise ValueError(f"touch {name!r} is unknown to {scenario.name!r}; did you mean {', '.join(near)}?")
    return names.index(name)


def as_touch_policy(scenario: Scenario, touch: str | Policy) -> Policy:
    """A policy over the scenario's touches: the one given, or the one that always takes the touch that is named.

    Raises
    ------
    ValueError
        If the scenario has no touches, or none of that name.
    TypeError
        If it is neither a name nor a policy.
    """
    if isinstance(touch, str):
        return FixedPolicy(np.eye(len(scenario.touch_names))[touch_number(scenario, touch)])
    if not isinstance(touch, Policy):
        raise TypeError(
            f"touch={touch!r} is no policy over {scenario.touch_names}; give one of those names, or a policy"
        )
    if not scenario.touches:
        raise ValueError(f"scenario {scenario.name!r} has no touches to choose from; give it `touches`")
    return touch
