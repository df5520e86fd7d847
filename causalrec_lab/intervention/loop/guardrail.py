r"""A candidate on a share of the traffic, and the sequential test that keeps it or rolls it back.

Each round of the rollout is served by the candidate with chance :math:`\rho` and else by the incumbent, so it was drawn
from :math:`\pi = (1 - \rho) \pi_0 + \rho \pi_1`. Whoever served it, the round says

.. math:: z_i = \frac{\pi_1(a_i | x_i) - \pi_0(a_i | x_i)}{\pi(a_i | x_i)} (r_i - b_i), \quad
    E[z_i] = V(\pi_1) - V(\pi_0),

because the weights have mean 0: b is any number known before the round (the mean reward so far), which takes variance
away. Where the two policies agree z is 0: that is why this needs fewer rounds than a comparison of two arms' means. The
traffic is concurrent, so a season, a shock or a drift hits both alike. z is bounded, so the two tests by betting hold
at any time and for any law (Waudby-Smith and Ramdas 2024, JRSS-B 86): proving harm of a candidate that does none, and
keeping one that is worse by more than the margin, each have a chance of at most `level` a rollout. A candidate that has
proved nothing when its days are over is rolled back too: that is no error of the test, but its patience.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from causalrec_lab.intervention.loop.betting import MeanBets
from causalrec_lab.policy import Policy

__all__ = ["Guardrail", "MixedPolicy", "Rollout", "Verdict"]

Floats = npt.NDArray[np.float64]
Decision = Literal["continue", "keep", "roll back"]


@dataclass(frozen=True)
class Guardrail:
    """How a candidate is let in.

    Parameters
    ----------
    share
        Share of the traffic it gets, in (0, 1).
    margin
        Loss of reward per round below which "no worse" is good enough to keep it, >= 0.
    level
        Chance of either wrong proof, in (0, 1).
    days
        Days after which a candidate that has proved nothing is rolled back.

    Raises
    ------
    ValueError
        If a number lies outside its range.
    """

    share: float = 0.5
    margin: float = 0.01
    level: float = 0.05
    days: int = 7

    def __post_init__(self) -> None:
        """Refuse a guardrail that guards nothing."""
        if not (0 < self.share < 1 and 0 < self.level < 1 and self.margin >= 0 and self.days >= 1):
            raise ValueError(f"{self}: share and level lie in (0, 1), margin is >= 0, days is 1 or more")

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        return asdict(self)


@dataclass(frozen=True)
class Verdict:
    """Where a rollout stands at the end of a day.

    Parameters
    ----------
    decision
        "keep", "roll back" or "continue".
    difference, std_error
        Mean of z so far, reward per round, and its standard error.
    better, worse
        Logarithms of the wealth against "worse by more than the margin" and against "no worse".
    rounds
        Rounds read.
    """

    decision: Decision
    difference: float
    std_error: float
    better: float
    worse: float
    rounds: int


@dataclass(frozen=True)
class MixedPolicy:
    """Serve each round by one of two policies, by lot.

    Parameters
    ----------
    incumbent, candidate
        Over the same actions.
    share
        Chance of the candidate.
    """

    incumbent: Policy
    candidate: Policy
    share: float

    def probabilities(self, contexts: Any) -> Floats:
        """(n, actions) mixture."""
        old, new = self.incumbent.probabilities(contexts), self.candidate.probabilities(contexts)
        return np.asarray((1.0 - self.share) * old + self.share * new)


class Rollout:
    """The test of one candidate, day by day.

    Parameters
    ----------
    guardrail
        Its terms.
    low, high
        Bounds of the reward of a round.
    """

    def __init__(self, guardrail: Guardrail, low: float = 0.0, high: float = 1.0) -> None:
        if not low < high:
            raise ValueError(f"Rollout(low={low}, high={high}): bounds of the reward, the lower one first")
        self.terms, self.low, self.high = guardrail, low, high
        self._better, self._worse = MeanBets(-guardrail.margin, above=True), MeanBets(0.0, above=False)
        self._sums, self._rewards, self.days = np.zeros(3), np.zeros(2), 0

    def read(self, reward: Floats, action: npt.NDArray[np.int64], incumbent: Floats, candidate: Floats) -> Verdict:
        """Read one day of the rollout.

        Parameters
        ----------
        reward, action
            (n,) of each round.
        incumbent, candidate
            (n, actions) what the two policies would have done.

        Raises
        ------
        ValueError
            If a reward lies outside its bounds.
        """
        if len(reward) and not (self.low <= reward.min() and reward.max() <= self.high):
            span = f"[{reward.min():g}, {reward.max():g}]"
            raise ValueError(f"rewards lie in {span}, outside [{self.low:g}, {self.high:g}]; state their bounds")
        self.days += 1
        rows, share = np.arange(len(reward)), self.terms.share
        old, new = incumbent[rows, action], candidate[rows, action]
        base = (
            float(np.clip(self._rewards[1] / self._rewards[0], self.low, self.high))
            if self._rewards[0]
            else (0.5 * (self.low + self.high))
        )
        z = (new - old) / ((1.0 - share) * old + share * new) * (reward - base)
        bound = max(1.0 / share, 1.0 / (1.0 - share)) * max(base - self.low, self.high - base)
        self._better.read(z, -bound, bound)
        self._worse.read(z, -bound, bound)
        self._sums += np.array([len(z), z.sum(), z @ z])
        self._rewards += np.array([len(reward), reward.sum()])
        return self.verdict

    @property
    def verdict(self) -> Verdict:
        """Where it stands."""
        n, total, squares = self._sums
        mean = total / n if n else 0.0
        error = math.sqrt(max(squares / n - mean**2, 0.0) / n) if n else math.nan
        proof, decision = math.log(1.0 / self.terms.level), "continue"
        better, worse = self._better.evidence, self._worse.evidence
        if worse >= proof:
            decision = "roll back"
        elif better >= proof:
            decision = "keep"
        elif self.days >= self.terms.days:
            decision = "roll back"
        return Verdict(decision, float(mean), error, better, worse, int(n))  # type: ignore[arg-type]
