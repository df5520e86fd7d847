"""What policies are worth: the part of a platform's truth that is about what is shown, and what goes beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import pandas as pd

from causalrec_lab.estimate import Truth
from causalrec_lab.policy import Policy
from causalrec_lab.world.lists.slate_values import slate_value
from causalrec_lab.world.touches.choosing import as_touch_policy
from causalrec_lab.world.touches.values import touch_effect, touch_value
from causalrec_lab.world.truths.policies import TopPolicy, best_policy, policy_value

if TYPE_CHECKING:
    from causalrec_lab.world.platform import Platform

__all__ = ["PolicyTruth"]


class PolicyTruth:
    """Values of policies on one platform; everything is shown at the first position, or in lists."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def policy_value(self, policy: Policy, reward: str | None = None, *, touch: str | Policy | None = None) -> Truth:
        """Value of showing one item by a policy; see `policies.policy_value`.

        Parameters
        ----------
        touch
            What goes with the item: the name of a touch, or a policy over touches as `Platform.touches` takes it; see
            `touches.values.touch_value`. The reward may then be "touch_cost", what the touches cost.
        """
        law, contexts = self._platform.law, self._platform.contexts()
        if touch is None:
            return policy_value(law, contexts, policy, reward)
        return touch_value(law, contexts, policy, as_touch_policy(self._platform.scenario, touch), reward)

    @overload
    def touch_effect(
        self, name: str, reward: str | None = None, by: None = None, *, ranking: Policy | None = None, bins: int = 4
    ) -> Truth: ...

    @overload
    def touch_effect(
        self,
        name: str,
        reward: str | None = None,
        *,
        by: str | Sequence[Any],
        ranking: Policy | None = None,
        bins: int = 4,
    ) -> pd.DataFrame: ...

    def touch_effect(
        self,
        name: str,
        reward: str | None = None,
        by: str | Sequence[Any] | None = None,
        *,
        ranking: Policy | None = None,
        bins: int = 4,
    ) -> Truth | pd.DataFrame:
        """Effect of a touch on what a ranking shows, against nothing beside it; see `touches.values.touch_effect`.

        Parameters
        ----------
        name, reward
            Of the touch, and the outcome: the scenario's `attention` by default.
        by
            None gives a `Truth`. A column as in `cate`, or labels, one a user, give a table by group: value, std_error,
            share.
        ranking
            Policy that chooses the item; the platform's `logging_policy()` by default.
        bins
            Groups of a numeric column.
        """
        chosen = self._platform.logging_policy() if ranking is None else ranking
        table = touch_effect(self._platform.law, self._platform.contexts(), chosen, name, reward, by, bins)
        return table if by is not None else Truth(float(table["value"].iloc[0]), float(table["std_error"].iloc[0]))

    def slate_value(
        self, policy: Policy, length: int, reward: str | None = None, *, weights: Sequence[float] | None = None
    ) -> Truth:
        """Value of a list that a policy draws, summed over its positions; see `slate_values.slate_value`."""
        return slate_value(self._platform.law, self._platform.contexts(), policy, length, reward, weights)

    def best_policy(self, k: int = 1, reward: str | None = None) -> TopPolicy:
        """Policy that knows the truth; see `policies.best_policy`."""
        return best_policy(self._platform.law, k, reward)
