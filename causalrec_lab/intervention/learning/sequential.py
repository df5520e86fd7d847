r"""Decisions in sequence: a policy learned for the long run by fitted Q, `fitted_q`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.nuisances.ridge import one_thread
from causalrec_lab.intervention.learning.action_values import Regression, backward_values
from causalrec_lab.intervention.learning.result import LearnedPolicy
from causalrec_lab.intervention.learning.scores import held_out_rounds, mean_estimate
from causalrec_lab.intervention.learning.trajectories import Trajectories
from causalrec_lab.intervention.learning.trajectory_value import checked_discount, sequential_rounds, sequential_value

__all__ = ["QPolicy", "fitted_q"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class QPolicy:
    """Prefers the actions with the largest values on their day, among those the log took often enough.

    Parameters
    ----------
    values
        One function a day, states -> (m, actions); on later days the last.
    columns
        Of the state, in order.
    allowed
        (cells, actions) whether the log took the action there often enough.
    model
        Tells the cell of a state.
    temperature
        0 takes the best action; above, all with probability in proportion to exp(value / temperature).
    """

    values: Sequence[Callable[[Floats], Floats]]
    columns: tuple[str, ...]
    allowed: npt.NDArray[np.bool_]
    model: Regression
    temperature: float = 0.0

    def action_values(self, contexts: pd.DataFrame) -> Floats:
        """(m, actions) estimated values from each row's day on; -inf for what the log hardly took.

        Raises
        ------
        ValueError
            If a column of the state, or the day, is missing.
        """
        if missing := [name for name in ("day", *self.columns) if name not in contexts]:
            raise ValueError(f"contexts lack the columns {missing} that the policy reads; add them")
        state = contexts[list(self.columns)].to_numpy(dtype=np.float64)
        day = np.clip(contexts["day"].to_numpy(), 0, len(self.values) - 1)
        found = np.empty((len(state), self.allowed.shape[1]))
        for each in np.unique(day):
            found[day == each] = self.values[int(each)](state[day == each])
        return np.where(self.allowed[self.model.cells(state)], found, -np.inf)

    def probabilities(self, contexts: pd.DataFrame) -> Floats:
        """(m, actions): 1 for the best action, the first of equals; or a softmax of the values."""
        values = self.action_values(contexts)
        if not self.temperature:
            return np.asarray(np.eye(self.allowed.shape[1])[values.argmax(axis=1)])
        lifted = np.exp((values - values.max(axis=1, keepdims=True)) / self.temperature)
        return np.asarray(lifted / lifted.sum(axis=1, keepdims=True))


@one_thread()
def fitted_q(
    data: Trajectories,
    *,
    horizon: int | None = None,
    discount: float = 1.0,
    model: str = "cells",
    min_rows: int = 10,
    temperature: float = 0.0,
    held_out: float = 1 / 3,
    level: float = 0.95,
    seed: int = 0,
) -> LearnedPolicy:
    r"""Learn the policy of the most reward over the window, on part of the users, and value it on the others.

    .. math:: Q_t(s, a) = E[r + \gamma \max_{a'} Q_{t+1}(s', a') \mid s, a], \qquad \pi_t(s) = \arg\max_a Q_t(s, a)

    from the last day back (batch-mode reinforcement learning: Ernst, Geurts and Wehenkel 2005, Journal of Machine
    Learning Research 6). An action is considered only where the log took it `min_rows` times. The largest of noisy
    values is too large, so the value that Q promises, `training_value`, is optimistic; `held_out` is the per-decision
    doubly robust value of `sequential_value`.

    Parameters
    ----------
    data
        Users followed.
    horizon
        Days looked ahead; None the whole window. 1 gives the policy that maximises today's reward.
    discount
        :math:`\gamma` in (0, 1], a day.
    model
        "cells" or "trees": see `Regression`.
    min_rows
        Training rows of an action in a cell below which it is not considered there, and of any in states nobody was in;
        what was never taken is never considered.
    temperature
        Of the policy's choice by value, in the reward's unit. A policy that is sure of each action needs users whose
        every day agrees with it, and over many days there are none: a softer one can be valued.
    held_out
        Share of users that only values the policy.
    level, seed
        Confidence level; seed of split and trees.

    Raises
    ------
    ValueError
        If there are too few users, the horizon or discount is out of range, the model unknown, or `min_rows` or
        the temperature negative.
    """
    ahead = data.horizon if horizon is None else horizon
    if not 1 <= ahead <= data.horizon:
        raise ValueError(f"horizon={horizon}: look 1 to {data.horizon} days ahead")
    if min_rows < 0 or not 0 <= temperature < np.inf:
        raise ValueError(f"min_rows={min_rows}, temperature={temperature}: give 0 or more")
    checked_discount(discount)
    kept = held_out_rounds(len(data), held_out, seed)
    part, rest = data.take(~kept), data.take(kept)
    settled = Regression.of(part, model, seed)
    policy, promised = _learned(part, ahead, discount, settled, min_rows, temperature)
    value = sequential_value(rest, policy, "dr", discount=discount, model=model, level=level, seed=seed)
    each, _ = sequential_rounds(rest, policy, "dr", discount=discount, model=model, seed=seed)
    own = np.bincount(rest.unit, weights=rest.reward * discount**rest.day, minlength=len(rest))
    gain = mean_estimate(each - own, None, level, "policy gain", "per-decision DR, paired with the users' own totals")
    flatters = "warning: the largest of noisy action values, and on the users it was learned from; read `held_out`"
    training = mean_estimate(promised, None, level, "policy value", "fitted Q", notes=(flatters,))
    chances, seen = rest.chances(policy), settled.counts(part.state, part.action) > 0
    support = float((chances * seen[settled.cells(rest.state)]).sum(axis=1).mean())
    took = chances[np.arange(len(rest.day)), rest.action].mean()
    notes = (
        ()
        if ahead == data.horizon
        else (f"it looks {ahead} of {data.horizon} days ahead; its value is of all of them",)
    )
    features = ("day", *(str(name) for name in data.contexts.columns if name != "day"))
    told = {"horizon": float(ahead), "agreement": float(took)}
    return LearnedPolicy(policy, training, value, gain, support, features, told, notes)


def _learned(
    data: Trajectories, ahead: int, discount: float, model: Regression, min_rows: int, temperature: float
) -> tuple[QPolicy, Floats]:
    counts = model.counts(data.state, data.action)
    counts[-1] = counts.sum(axis=0)  # a state nobody was in: what the log took anywhere
    allowed = counts >= np.clip(min_rows, 1, counts.max(axis=1, keepdims=True))
    inside = model.cells(data.state)

    def best(_: int, values: Floats, rows: Integers) -> Floats:
        return np.asarray(np.where(allowed[inside[rows]], values, -np.inf).max(axis=1))

    values = backward_values(data, model, best, discount)
    if ahead < data.horizon:  # every day looks equally far: what is left of the window, at most `ahead` days
        values = [values[max(day, data.horizon - ahead)] for day in range(data.horizon)]
    columns = tuple(str(name) for name in data.contexts.columns if name != "day")
    policy = QPolicy(values, columns, allowed, model, temperature)
    first = data.day == 0
    return policy, policy.action_values(data.contexts[first]).max(axis=1)
