"""Logs of decisions in sequence: `Trajectories`, one row a decision, in the order in which they happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.sample import nearest
from causalrec_lab.policy import Policy, checked_probabilities

__all__ = ["Trajectories"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Trajectories:
    """Users followed from their first day until they are gone or the window ends; make one with `from_frame`.

    Parameters
    ----------
    contexts
        What policies read, one row a decision: day and the columns of the state.
    state
        (m, d) numbers of the state, without the day.
    unit
        (m,) user, 0 to n - 1; rows are sorted by user, then day.
    day, action
        (m,) integers from 0.
    reward, propensity
        (m,) reward of the day, and the chance with which its action was chosen.
    n_actions, horizon
        Actions, and days of the window.
    """

    contexts: pd.DataFrame
    state: Floats
    unit: Integers
    day: Integers
    action: Integers
    reward: Floats
    propensity: Floats
    n_actions: int
    horizon: int

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        state: Sequence[str],
        reward: str,
        *,
        n_actions: int | None = None,
        horizon: int | None = None,
        user: str = "user_id",
        day: str = "day",
        action: str = "action",
        propensity: str = "propensity",
    ) -> Trajectories:
        """Read a table of decisions.

        Parameters
        ----------
        frame
            One row a decision. A user's days start at 0 and have no gap; after the last one the user is gone, or the
            window is over.
        state
            Columns that describe the user when the decision is made: numbers.
        reward
            Column of what the day earned.
        n_actions, horizon
            By default one more than the largest action, and day, in the table.
        user, day, action, propensity
            Names of these columns.

        Raises
        ------
        ValueError
            If a column is missing or not finite, the day is among the state, a propensity lies outside (0, 1], an
            action or day is no whole number or outside its range, or a user's days have a gap or do not start at 0.
        """
        columns = [user, day, action, propensity, reward, *state]
        for name in columns:
            if name not in frame:
                raise ValueError(f"trajectories lack the column {name!r}; {nearest(name, [str(c) for c in frame])}")
        if day in state:
            raise ValueError(f"state={list(state)}: the day {day!r} is read by itself; leave it out of the state")
        if frame.empty:
            raise ValueError("the table of decisions has no row; log some users first")
        if (lost := frame[user].isna()).any():
            raise ValueError(f"column {user!r} has {int(lost.sum())} missing users, first at row {int(lost.argmax())}")
        frame = frame.sort_values([user, day], kind="stable", ignore_index=True)
        for name in columns[1:]:
            _finite(name, frame[name])
        unit = pd.factorize(frame[user])[0]
        days = _counted(day, frame[day], horizon)
        actions = _counted(action, frame[action], n_actions)
        _unbroken(unit, days, frame[user])
        chances = frame[propensity].to_numpy(dtype=np.float64)
        if (bad := ~((chances > 0) & (chances <= 1))).any():
            row = int(np.argmax(bad))
            raise ValueError(f"column {propensity!r} has {int(bad.sum())} values outside (0, 1], first {chances[row]}")
        return cls(
            frame[[day, *state]].rename(columns={day: "day"}), frame[list(state)].to_numpy(dtype=np.float64), unit,
            days, actions, frame[reward].to_numpy(dtype=np.float64), chances,
            int(actions.max()) + 1 if n_actions is None else n_actions,
            int(days.max()) + 1 if horizon is None else horizon,
        )  # fmt: skip

    def __len__(self) -> int:
        """Users."""
        return int(self.unit[-1]) + 1

    @cached_property
    def following(self) -> Integers:
        """(m,) row of the same user's next day, -1 where there is none."""
        same = np.append(self.unit[1:] == self.unit[:-1], False)
        return np.where(same, np.arange(1, len(same) + 1), -1)

    @cached_property
    def totals(self) -> Floats:
        """(n,) what each user earned over the window."""
        return np.asarray(np.bincount(self.unit, weights=self.reward, minlength=len(self)), dtype=np.float64)

    def take(self, users: npt.NDArray[np.bool_]) -> Trajectories:
        """The users where a (n,) mask is true."""
        rows = users[self.unit]
        return Trajectories(
            self.contexts[rows].reset_index(drop=True), self.state[rows],
            np.unique(self.unit[rows], return_inverse=True)[1],
            self.day[rows], self.action[rows], self.reward[rows], self.propensity[rows], self.n_actions, self.horizon,
        )  # fmt: skip

    def chances(self, policy: Policy, *, day: int | None = None, rows: npt.NDArray[Any] | None = None) -> Floats:
        """(m, actions) probabilities of a policy in the logged states, on their own days or as if on one day.

        Raises
        ------
        ValueError
            If they are no distributions over the actions.
        """
        seen = self.contexts if rows is None else self.contexts.iloc[rows]
        seen = seen if day is None else seen.assign(day=day)
        return checked_probabilities(policy.probabilities(seen), n=len(seen), n_actions=self.n_actions)


def _finite(name: str, column: pd.Series) -> None:
    if not pd.api.types.is_numeric_dtype(column):
        raise ValueError(f"column {name!r} holds {column.dtype}; give numbers, one column an indicator where needed")
    values = column.to_numpy(dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError(
            f"column {name!r} is not finite, first at row {int(np.argmin(np.isfinite(values)))}; impute it"
        )


def _counted(name: str, column: pd.Series, count: int | None) -> Integers:
    values = column.to_numpy(dtype=np.float64)
    top = np.inf if count is None else count
    bad = (values != np.floor(values)) | (values < 0) | (values >= top)
    if bad.any():
        said = f"{int(bad.sum())} values outside 0 to {top - 1:g}, first {values[bad][0]:g}"
        raise ValueError(f"column {name!r} has {said}; give whole numbers from 0 on")
    return values.astype(np.int64)


def _unbroken(unit: Integers, day: Integers, user: pd.Series) -> None:
    first = np.append(True, unit[1:] != unit[:-1])
    expected = np.where(first, 0, np.append(0, day[:-1]) + 1)
    if (bad := day != expected).any():
        row = int(np.argmax(bad))
        raise ValueError(
            f"user {user.iloc[row]!r} has day {day[row]} where day {expected[row]} comes next; one row a day from 0 "
            "on, and none after a user is gone"
        )
