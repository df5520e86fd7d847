r"""What a policy of decisions in sequence would earn a user over the window, from another policy's log.

With :math:`\rho_t = \pi_t(a_t|s_t) / \pi_0(a_t|s_t)`, :math:`\rho_{0:t}` its product up to day t, and Q, V action and
state values of the policy, regressed on **other** users:

============ ========================================================================== ============================
method       value of a user                                                            source
============ ========================================================================== ============================
trajectory   :math:`\rho_{0:H-1} \sum_t \gamma^t r_t`                                   Precup, Sutton and Singh 2000
pdis         :math:`\sum_t \gamma^t \rho_{0:t} r_t`                                     Precup, Sutton and Singh 2000
dr           :math:`V_t + \rho_t (r_t + \gamma\, dr_{t+1} - Q_t)`, at t = 0             Jiang and Li 2016
wdr          dr with :math:`\rho_{0:t}` divided by its mean on each day                 Thomas and Brunskill 2016
fqe          :math:`V_0(s_0)`: the regression alone                                     Le, Voloshin and Yue 2019
============ ========================================================================== ============================
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from causalrec_lab.causal.effects.nuisances.ridge import one_thread
from causalrec_lab.causal.effects.sample import nearest
from causalrec_lab.estimate import Estimate
from causalrec_lab.intervention.learning.action_values import Regression, backward_values
from causalrec_lab.intervention.learning.scores import mean_estimate
from causalrec_lab.intervention.learning.trajectories import Trajectories
from causalrec_lab.policy import Policy

__all__ = ["SEQUENTIAL_METHODS", "checked_discount", "sequential_rounds", "sequential_value"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
SEQUENTIAL_METHODS = ("trajectory", "pdis", "dr", "wdr", "fqe")
_SMALL = 100.0


@one_thread()
def sequential_value(
    data: Trajectories,
    policy: Policy,
    method: str = "dr",
    *,
    discount: float = 1.0,
    model: str = "cells",
    folds: int = 3,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Estimate a policy's mean reward of a user over the window.

    Parameters
    ----------
    data
        Users followed under the logging policy.
    policy
        Reads the columns of `data.contexts` (day and state).
    method
        "trajectory", "pdis", "dr", "wdr" or "fqe".
    discount
        A day, in (0, 1].
    model
        Of the action values: "cells" or "trees".
    folds, seed
        Users are split; each part's values are regressed on the others.
    level
        Confidence level.

    Returns
    -------
    Estimate of the "policy value"; users are the independent units. "fqe" has no standard error: its users
    differ by their first states alone. Diagnostics: effective number of users at the end of the window, the largest and
    the mean product of weights (1 in expectation), the share of the policy's choices that are actions the log took
    somewhere.

    Raises
    ------
    ValueError
        If the method or model is unknown, the discount out of range, there are fewer users than folds, or the policy
        gives no distributions.
    """
    each, weights = sequential_rounds(data, policy, method, discount=discount, model=model, folds=folds, seed=seed)
    found = mean_estimate(each, None, level, "policy value", _NAMES[method], assumptions=_assumes(method))
    total = float(weights.sum())
    told = {
        "effective_users": total**2 / float(weights @ weights) if total > 0 else 0.0,
        "max_weight": float(weights.max()),
        "mean_weight": total / len(weights),
        "support": _support(data, policy),
    }
    error = math.nan if method == "fqe" else found.std_error
    return Estimate(
        found.value, error, level=level, estimand=found.estimand, method=found.method, n=len(data),
        diagnostics=told, assumptions=found.assumptions, notes=(*found.notes, *_notes(method, told)),
    )  # fmt: skip


def sequential_rounds(
    data: Trajectories,
    policy: Policy,
    method: str = "dr",
    *,
    discount: float = 1.0,
    model: str = "cells",
    folds: int = 3,
    seed: int = 0,
) -> tuple[Floats, Floats]:
    """(n,) value of each user, whose mean is the policy's and whose spread gives the error; and (n,) final weights.

    Raises
    ------
    ValueError
        As `sequential_value`.
    """
    if method not in SEQUENTIAL_METHODS:
        raise ValueError(f"unknown method {method!r}; {nearest(method, SEQUENTIAL_METHODS)}")
    checked_discount(discount)
    chances = data.chances(policy)
    ratio = chances[np.arange(len(data.day)), data.action] / data.propensity
    before, upto, final = _products(data, ratio)
    if method == "trajectory":
        return final * _summed(data, discount**data.day * data.reward), final
    if method == "pdis":
        return _summed(data, discount**data.day * upto * data.reward), final
    q, v = _values(data, policy, chances, model, discount, folds, seed)
    if method == "fqe":
        return v[data.day == 0], final
    if method == "wdr":
        return _weighted(data, before, upto, q, v, discount, final), final
    error = discount**data.day * (before * v + upto * (data.reward - q))
    return _summed(data, error), final


def checked_discount(discount: float) -> None:
    """Refuse a discount outside (0, 1].

    Raises
    ------
    ValueError
        If it is.
    """
    if not 0 < discount <= 1:
        raise ValueError(f"discount={discount}: give a number in (0, 1]; 1 counts every day alike")


def _summed(data: Trajectories, rows: Floats) -> Floats:
    """(n,) sums over each user's days."""
    return np.asarray(np.bincount(data.unit, weights=rows, minlength=len(data)), dtype=np.float64)


def _products(data: Trajectories, ratio: Floats) -> tuple[Floats, Floats, Floats]:
    """Products of ratios before and up to each row, and of each user's whole window (nothing is chosen once gone)."""
    before, upto = np.empty(len(ratio)), np.empty(len(ratio))
    carried = np.ones(len(data))
    for day in range(data.horizon):
        rows = data.day == day
        users = data.unit[rows]
        before[rows] = carried[users]
        carried[users] *= ratio[rows]
        upto[rows] = carried[users]
    return before, upto, carried


def _values(
    data: Trajectories, policy: Policy, chances: Floats, model: str, discount: float, folds: int, seed: int
) -> tuple[Floats, Floats]:
    """(m,) action values of what was done and state values, regressed on other users."""
    if not 2 <= folds <= len(data):
        raise ValueError(f"folds={folds}: give a number from 2 to the {len(data)} users")
    fold = np.random.default_rng(seed).permutation(np.arange(len(data)) % folds)
    q, v = np.empty(len(data.day)), np.empty(len(data.day))
    for each in range(folds):
        others = data.take(fold != each)
        values = backward_values(others, Regression.of(others, model, seed), _under(others, policy), discount)
        for day in range(data.horizon):
            rows = np.flatnonzero((fold[data.unit] == each) & (data.day == day))
            if len(rows):
                table = values[day](data.state[rows])
                q[rows] = table[np.arange(len(rows)), data.action[rows]]
                v[rows] = np.einsum("ij,ij->i", chances[rows], table)
    return q, v


def _under(data: Trajectories, policy: Policy) -> Callable[[int, Floats, Integers], Floats]:
    def worth(day: int, values: Floats, rows: Integers) -> Floats:
        return np.asarray(np.einsum("ij,ij->i", data.chances(policy, day=day, rows=rows), values))

    return worth


def _weighted(
    data: Trajectories, before: Floats, upto: Floats, q: Floats, v: Floats, discount: float, final: Floats
) -> Floats:
    r"""Each day's two terms as ratios of means over all users; n-vector whose mean is the estimate, by linearisation.

    Users that are gone have no terms but keep their weight in the day's mean.
    """
    n, carried = len(data), np.ones(len(data))
    each = np.zeros(n)
    for day in range(data.horizon):
        rows = data.day == day
        users, scale = data.unit[rows], discount**day
        for weights, term in ((before[rows], v[rows]), (upto[rows], data.reward[rows] - q[rows])):
            carried[users] = weights
            mean = carried.mean()
            if mean <= 0:
                raise ValueError(f"day {day}: no logged user did what the policy wants; log its actions first")
            top = np.zeros(n)
            top[users] = weights * term
            ratio = top.mean() / mean
            each += scale * (ratio + (top - ratio * carried) / mean)
    assert np.allclose(carried, final)
    return each


def _support(data: Trajectories, policy: Policy) -> float:
    seen = np.bincount(data.action, minlength=data.n_actions) > 0
    return float(np.minimum(data.chances(policy)[:, seen].sum(axis=1), 1.0).mean()) if not seen.all() else 1.0


_NAMES = {
    "trajectory": "trajectory-level importance sampling",
    "pdis": "per-decision importance sampling",
    "dr": "per-decision doubly robust",
    "wdr": "weighted per-decision doubly robust",
    "fqe": "fitted Q evaluation",
}


def _assumes(method: str) -> tuple[str, ...]:
    shared = ("users are independent",)
    if method == "fqe":
        state = "the state holds all that the past tells of the future, and moves by the same law every day"
        return (*shared, state, "the action values are right")
    return (*shared, "propensities are those of the logging policy", "the policy wants what the log took")


def _notes(method: str, told: dict[str, float]) -> list[str]:
    lost = []
    if told["support"] < 1:
        share = f"{1 - told['support']:.1%} of the policy's choices are actions the log never took"
        lost = [f"warning: {share}; nothing tells what they would earn"]
    if method == "fqe":
        wrong = "fqe has no standard error: what the regression of the action values gets wrong is not in its spread"
        return [*lost, wrong]
    if told["effective_users"] >= _SMALL:
        return lost
    left = f"warning: by the end of the window {told['effective_users']:.0f} users' worth of weight is left"
    way_out = "take a shorter window, a policy nearer to the logging one, or more users"
    return [*lost, f"{left}; the value may be too low and the interval too short: {way_out}"]
