"""Where bandits play: arms with known means, contexts with a known law, and the platform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.intervention.bandit.adaptive_log import AdaptiveLog
from causalrec_lab.policy import BanditLog, Policy, checked_probabilities
from causalrec_lab.world import Platform
from causalrec_lab.world.law.outcomes import check_outcome
from causalrec_lab.world.truths.policies import shown_means

__all__ = ["ArmEnvironment", "ContextEnvironment", "Environment", "PlatformEnvironment"]

Floats = npt.NDArray[np.float64]


class Environment(Protocol):
    """A world whose true means are known."""

    @property
    def n_actions(self) -> int:
        """Actions."""
        ...

    def play(self, policy: Policy, n: int, step: int, seed: int) -> tuple[AdaptiveLog, Floats]:
        """Log n rounds of a policy, batch number `step`, and the (n, n_actions) true means in them."""
        ...


@dataclass(frozen=True)
class ArmEnvironment:
    """Arms without contexts.

    Parameters
    ----------
    means
        (actions,) mean rewards.
    noise
        None: rewards are 0 or 1. A number: normal, with that standard deviation.

    Raises
    ------
    ValueError
        If there are fewer than two arms, a mean of a 0/1 reward lies outside [0, 1], or the noise is negative.
    """

    means: Floats
    noise: float | None = None

    def __post_init__(self) -> None:
        """Settle the means."""
        means = np.asarray(self.means, dtype=np.float64)
        if means.ndim != 1 or len(means) < 2 or not np.isfinite(means).all():
            raise ValueError(f"ArmEnvironment(means={self.means!r}): give at least two finite means")
        _check_noise(self.noise)
        if self.noise is None and (means.min() < 0 or means.max() > 1):
            raise ValueError(
                f"ArmEnvironment(means={self.means!r}): chances lie in [0, 1]; noise= makes rewards normal"
            )
        object.__setattr__(self, "means", means)

    @property
    def n_actions(self) -> int:
        """Arms."""
        return len(self.means)

    def play(self, policy: Policy, n: int, step: int, seed: int) -> tuple[AdaptiveLog, Floats]:
        """See `Environment`."""
        rng = np.random.default_rng([seed, step])
        return _played(policy, np.empty((n, 0)), np.tile(self.means, (n, 1)), self.noise, step, rng)


@dataclass(frozen=True)
class ContextEnvironment:
    r"""Standard normal contexts x, and rewards whose means are :math:`(1, x)'\beta_a`, or its logistic function.

    Parameters
    ----------
    coefficients
        (actions, 1 + d) of each action, the intercept first.
    noise
        None: 0/1 rewards of the logistic mean. A number: normal around the linear mean.

    Raises
    ------
    ValueError
        If the coefficients are no finite matrix of two actions or more, or the noise is negative.
    """

    coefficients: Floats
    noise: float | None = None

    def __post_init__(self) -> None:
        """Settle the coefficients."""
        found = np.asarray(self.coefficients, dtype=np.float64)
        if found.ndim != 2 or len(found) < 2 or found.shape[1] < 1 or not np.isfinite(found).all():
            raise ValueError(f"ContextEnvironment: coefficients of shape {found.shape}; give (actions, 1 + d), finite")
        _check_noise(self.noise)
        object.__setattr__(self, "coefficients", found)

    @property
    def n_actions(self) -> int:
        """Actions."""
        return len(self.coefficients)

    def means(self, contexts: Floats) -> Floats:
        """(n, actions) true means."""
        linear = self.coefficients[:, 0] + contexts @ self.coefficients[:, 1:].T
        return np.asarray(linear if self.noise is not None else 1 / (1 + np.exp(-linear)))

    def play(self, policy: Policy, n: int, step: int, seed: int) -> tuple[AdaptiveLog, Floats]:
        """See `Environment`."""
        rng = np.random.default_rng([seed, step])
        contexts = rng.standard_normal((n, self.coefficients.shape[1] - 1))
        return _played(policy, contexts, self.means(contexts), self.noise, step, rng)


class PlatformEnvironment:
    """The platform: users come at random, an action is an item, the reward what its user does when shown it.

    Where the platform changes from day to day (drift, shock), each batch is the next day of the window.

    Parameters
    ----------
    platform
        With all items there from the start (`cold=0`).
    reward
        Outcome of a shown item; the scenario's attention (click) by default.
    first_day
        Day of the first batch on a platform that changes.

    Raises
    ------
    ValueError
        If the reward is unknown, or items arrive.
    """

    def __init__(self, platform: Platform, reward: str | None = None, first_day: int = 0) -> None:
        if platform.dials.cold:
            raise ValueError(f"cold={platform.dials.cold:g}: a bandit here has a fixed set of items; make it cold=0")
        self.platform, self.first_day = platform, first_day
        self.reward = check_outcome(platform.funnel, reward, platform.scenario.attention)
        self._means: tuple[int | None, Floats] | None = None

    @property
    def n_actions(self) -> int:
        """Items."""
        return int(self.platform.population.n_items)

    def means(self, step: int = 0) -> Floats:
        """(users, items) true means in a batch."""
        day = self.first_day + step if self.platform.law.changes else None
        if self._means is None or self._means[0] != day:
            law = self.platform.law if day is None else self.platform.on(day).law
            users = np.arange(self.platform.population.n_users)
            self._means = (day, shown_means(law, users, self.reward))
        return self._means[1]

    def play(self, policy: Policy, n: int, step: int, seed: int) -> tuple[AdaptiveLog, Floats]:
        """See `Environment`."""
        today = self.platform.on(self.first_day + step) if self.platform.law.changes else self.platform
        asked = _Asked(policy, np.zeros((self.platform.population.n_users, self.n_actions)))
        log = today.slates(asked, n, 100_003 * seed + step, reward=self.reward)
        users = pd.DataFrame(log.contexts)["user_id"].to_numpy()
        return AdaptiveLog(log, np.full(n, step), asked.answers[users]), self.means(step)[users]


@dataclass(frozen=True)
class _Asked:
    """A policy that keeps what it answered for each user."""

    policy: Policy
    answers: Floats

    def probabilities(self, contexts: Any) -> Floats:
        """(n, actions) chances of the policy, kept by user."""
        found = self.policy.probabilities(contexts)
        self.answers[contexts["user_id"].to_numpy()] = found
        return found


def _check_noise(noise: float | None) -> None:
    if noise is not None and not 0 <= noise < np.inf:
        raise ValueError(f"noise={noise!r}: a standard deviation is at least 0; None makes rewards 0 or 1")


def _played(
    policy: Policy, contexts: Floats, means: Floats, noise: float | None, step: int, rng: np.random.Generator
) -> tuple[AdaptiveLog, Floats]:
    """Rounds of a policy in a world of known means."""
    n, actions = means.shape
    chances = checked_probabilities(policy.probabilities(contexts), n=n, n_actions=actions)
    edges = np.cumsum(chances, axis=1)
    action = np.minimum((edges < rng.random((n, 1)) * edges[:, -1:]).sum(axis=1), actions - 1)
    mean = means[np.arange(n), action]
    reward = mean + noise * rng.standard_normal(n) if noise is not None else (rng.random(n) < mean).astype(np.float64)
    log = BanditLog(contexts, action, reward, chances[np.arange(n), action], actions)
    return AdaptiveLog(log, np.full(n, step), chances), means
