r"""The retention preset: decisions in sequence, whose best policy and values are exact by dynamic programming.

Each day an active user gets one of four intensities of recommendation. More earns more clicks **today** and tires;
tired users click less tomorrow, and unsatisfied or tired ones do not come back. So the policy that is best today is not
the one that is best over weeks.

.. math::
    P(click | f, s, a) &= \sigma(-1.6 + 0.25\,s + tempt \cdot a - 0.2\,f) \\
    P(f \text{ up} | a) &= tire \cdot a^2 / 10, \quad P(f \text{ down} | a) = 0.6\,(1 - a^2 / 9) \\
    P(s \text{ up} | click) &= 0.3\,(1 - f / 4), \quad P(s \text{ down} | no\ click) = 0.1 + 0.25\,f / 4 \\
    P(returns | f, s) &= \sigma(1.2 + 0.45\,s - 0.6\,f)

with fatigue f and satisfaction s in 0 to 4, both seen by the policy, intensity a in 0 to 3; whoever does not return is
gone. Clicks of a whole window, from users whose return hangs on what they were shown, are the objective of Wu, Wang,
Hong and Shi (2017, "Returning is Believing: Optimizing Long-term User Engagement in Recommender Systems", CIKM).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.estimate import Truth
from causalrec_lab.policy import Policy, checked_probabilities
from causalrec_lab.world.arguments import one_of, real, whole
from causalrec_lab.world.people.population import Floats, Ints, stream

__all__ = ["INTENSITIES", "Retention", "RetentionTruth", "StatePolicy", "retention"]

LEVELS = 5  # of fatigue and of satisfaction
STATES = LEVELS * LEVELS
INTENSITIES = ("nothing", "a little", "a lot", "everything")
OUTCOMES = ("click", "active")


@dataclass(frozen=True, eq=False)
class StatePolicy:
    """Probabilities for each day and state, looked up.

    Parameters
    ----------
    table
        (days, 25, 4): day, 5 x fatigue + satisfaction, intensity.
    """

    table: Floats

    def probabilities(self, contexts: pd.DataFrame) -> Floats:
        """(n, 4) probabilities; contexts have the columns day, fatigue, satisfaction."""
        day = np.minimum(contexts["day"].to_numpy(), len(self.table) - 1)
        return np.asarray(
            self.table[day, LEVELS * contexts["fatigue"].to_numpy() + contexts["satisfaction"].to_numpy()]
        )


@dataclass(frozen=True)
class Retention:
    """A platform of daily decisions.

    Parameters
    ----------
    days
        How long users are followed.
    tempt
        Logit that a step of intensity adds to today's click.
    tire
        How strongly intensity tires; at 0 nobody tires of it.
    seed
        The preset's seed.
    """

    days: int
    tempt: float
    tire: float
    seed: int

    @property
    def actions(self) -> tuple[str, ...]:
        """Names of the actions, in order."""
        return INTENSITIES

    @property
    def truth(self) -> RetentionTruth:
        """Exact values and policies."""
        return RetentionTruth(self)

    def log(self, n: int, seed: int = 0, policy: Policy | None = None) -> pd.DataFrame:
        """Follow n new users, each from the first day on.

        Parameters
        ----------
        n, seed
            Users, and the log's own seed.
        policy
            Reads day, fatigue, satisfaction; None chooses each intensity with the same chance.

        Returns
        -------
        DataFrame, one row a decision: user_id, day, fatigue, satisfaction, action, propensity, click, returned.

        Raises
        ------
        ValueError
            If n is not positive, or the policy gives no distributions over the four intensities.
        """
        rng, n = stream("retention", self.seed, seed), whole("n", n)
        user = np.arange(n)
        state = self._first(n, rng)
        days = []
        for day in range(self.days):
            rows, state, returned = self._day(day, state, policy, rng)
            days.append(rows.assign(user_id=user))
            user, state = user[returned], state[returned]
            if not len(user):
                break
        names = ["user_id", "day", "fatigue", "satisfaction", "action", "propensity", "click", "returned"]
        table = pd.concat(days, ignore_index=True)[names]
        return table.sort_values(["user_id", "day"], ignore_index=True)

    def click_chance(self) -> Floats:
        """(25, 4) chance of a click today."""
        f, s, a = _grid()
        return np.asarray(_expit(-1.6 + 0.25 * s + self.tempt * a - 0.2 * f))

    def return_chance(self) -> Floats:
        """(25,) chance to come back tomorrow, by tomorrow's state."""
        f, s, _ = _grid()
        return np.asarray(_expit(1.2 + 0.45 * s - 0.6 * f)[:, 0])

    @cached_property
    def start(self) -> Floats:
        """(25,) where users start: rested, with satisfaction 1, 2 or 3."""
        shares = np.zeros(STATES)
        shares[[1, 2, 3]] = 1 / 3
        return shares

    def moves(self, clicked: int) -> Floats:
        """(25, 4, 25) chance of each next state, before it is known whether the user returns."""
        f, s, a = _grid()
        up, down = self.tire * a**2 / 10, 0.6 * (1 - a**2 / 9)
        better = 0.3 * (1 - f / 4) * np.ones_like(a) if clicked else np.zeros((STATES, 4))
        worse = np.zeros((STATES, 4)) if clicked else (0.1 + 0.25 * f / 4) * np.ones_like(a)
        found = np.zeros((STATES, 4, STATES))
        rows, columns = np.indices((STATES, 4))
        for step_f, chance_f in ((1, up), (-1, down * (1 - up)), (0, 1 - up - down * (1 - up))):
            for step_s, chance_s in ((1, better), (-1, worse), (0, 1 - better - worse)):
                to = LEVELS * np.clip(f + step_f, 0, LEVELS - 1) + np.clip(s + step_s, 0, LEVELS - 1)
                np.add.at(found, (rows, columns, to * np.ones_like(a)), chance_f * chance_s)
        return found

    def _first(self, n: int, rng: np.random.Generator) -> Ints:
        return np.asarray(rng.choice(STATES, size=n, p=self.start), dtype=np.int64)

    def _day(
        self, day: int, state: Ints, policy: Policy | None, rng: np.random.Generator
    ) -> tuple[pd.DataFrame, Ints, npt.NDArray[np.bool_]]:
        """One day's rows, tomorrow's states, and who comes back."""
        seen = states_table(state, day)
        given = np.full((len(state), 4), 0.25) if policy is None else policy.probabilities(seen)
        chances = checked_probabilities(given, n=len(state), n_actions=4)
        action = _drawn(chances, rng)
        click = rng.random(len(state)) < self.click_chance()[state, action]
        after = np.where(click[:, None], self.moves(1)[state, action], self.moves(0)[state, action])
        following = _drawn(after, rng)
        returned = rng.random(len(state)) < self.return_chance()[following]
        told = seen.assign(
            action=action, propensity=chances[np.arange(len(state)), action], click=click.astype(np.int64),
            returned=returned.astype(np.int64),
        )  # fmt: skip
        return told, following, returned


@dataclass(frozen=True)
class RetentionTruth:
    """Exact values over the window, by dynamic programming over 25 states."""

    model: Retention

    def policy_value(self, policy: Policy, outcome: str = "click") -> Truth:
        """Expected total of a user over the window: clicks, or days on which the user is active.

        Raises
        ------
        ValueError
            If the outcome is neither "click" nor "active".
        """
        one_of("outcome", outcome, OUTCOMES)
        reward = self.model.click_chance() if outcome == "click" else np.ones((STATES, 4))
        value, here = np.zeros(STATES), np.arange(STATES)
        for day in reversed(range(self.model.days)):
            chances = checked_probabilities(policy.probabilities(states_table(here, day)), n=STATES, n_actions=4)
            value = np.einsum("sa,sa->s", chances, reward + self._onwards @ value)
        return Truth(float(self.model.start @ value))

    def action_values(self) -> Floats:
        """(days, 25, 4) clicks from a day on, of an intensity today and the best ones after."""
        found, value = np.empty((self.model.days, STATES, 4)), np.zeros(STATES)
        for day in reversed(range(self.model.days)):
            found[day] = self.model.click_chance() + self._onwards @ value
            value = found[day].max(axis=1)
        return found

    def best_policy(self) -> StatePolicy:
        """The policy with the most clicks over the window."""
        return _greedy(self.action_values())

    def myopic_policy(self) -> StatePolicy:
        """The policy with the most clicks today."""
        return _greedy(np.repeat(self.model.click_chance()[None], self.model.days, axis=0))

    @cached_property
    def _onwards(self) -> Floats:
        """(25, 4, 25) chance to be active tomorrow in each state."""
        click = self.model.click_chance()[:, :, None]
        return (click * self.model.moves(1) + (1 - click) * self.model.moves(0)) * self.model.return_chance()


def retention(seed: int = 0, *, days: int = 14, tempt: float = 0.5, tire: float = 0.9) -> Retention:
    """Make the retention preset.

    Parameters
    ----------
    seed
        Of its logs.
    days
        Of the window, 1 to 365.
    tempt
        Logit that a step of intensity adds to today's click, 0 to 2.
    tire
        How strongly intensity tires, 0 to 1.

    Raises
    ------
    ValueError
        If one lies outside its range.
    """
    seed, days = whole("seed", seed, least=0), whole("days", days)
    return Retention(int(real("days", days, 1, 365)), real("tempt", tempt, 0, 2), real("tire", tire, 0, 1), seed)


def states_table(state: Ints, day: int) -> pd.DataFrame:
    """States as the contexts that policies read."""
    return pd.DataFrame({"day": np.full(len(state), day), "fatigue": state // LEVELS, "satisfaction": state % LEVELS})


def _grid() -> tuple[Ints, Ints, Ints]:
    """Fatigue (25, 1), satisfaction (25, 1) and intensity (1, 4)."""
    here = np.arange(STATES)[:, None]
    return here // LEVELS, here % LEVELS, np.arange(4)[None, :]


def _greedy(values: Floats) -> StatePolicy:
    return StatePolicy((np.arange(4) == values.argmax(axis=2)[:, :, None]).astype(np.float64))


def _drawn(chances: Floats, rng: np.random.Generator) -> Ints:
    edges = np.cumsum(chances, axis=1)
    return np.asarray((rng.random((len(chances), 1)) * edges[:, -1:] >= edges).sum(axis=1), dtype=np.int64)


def _expit(eta: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-eta)))
