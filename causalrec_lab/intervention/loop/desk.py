"""Where a loop works: its log, its policies, its state; every step can be done again and gives the same."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.intervention.loop.durable import read_sealed, remove_partial, write_sealed
from causalrec_lab.intervention.loop.events import DayEvents, EventLog
from causalrec_lab.intervention.loop.monitor import Rounds
from causalrec_lab.intervention.loop.plan import LoopPlan
from causalrec_lab.intervention.loop.recommenders import LoopRecommender
from causalrec_lab.intervention.policies import EpsilonPolicy
from causalrec_lab.policy import BanditLog, Policy
from causalrec_lab.world.law.days import DAY, HORIZON

__all__ = ["Desk", "LoopState"]

Floats = npt.NDArray[np.float64]
_SHOWN = 32  # users whose probabilities a refitted policy is recognised by


@dataclass
class LoopState:
    """Where a loop stands at the end of a day: all of it JSON.

    Parameters
    ----------
    day
        Next day to serve.
    current
        Number of the policy that serves.
    trainings
        Recipe of every trained policy: day, first and last day read, share of the rounds, policy built on.
    rows, alarms, rollouts
        What happened, one mapping each.
    strategy
        What the strategy remembers.
    checksums
        Day -> checksum of its events.
    """

    day: int
    current: int = 0
    trainings: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    alarms: list[dict[str, Any]] = field(default_factory=list)
    rollouts: list[dict[str, Any]] = field(default_factory=list)
    strategy: dict[str, Any] = field(default_factory=dict)
    checksums: dict[str, str] = field(default_factory=dict)


class Desk:
    """The work place of one run.

    Parameters
    ----------
    platform
        A `Platform`, its truth included.
    recommender
        What is retrained.
    plan
        Numbers.
    known
        Fingerprint of the run.
    folder
        Where the run is kept; None keeps it in memory.

    Raises
    ------
    ValueError
        If the stream leaves the platform's window, or the folder holds another run, one of another version, or files
        that were changed.
    """

    def __init__(
        self, platform: Any, recommender: LoopRecommender, plan: LoopPlan, known: dict[str, Any], folder: Path | None
    ) -> None:
        self.platform, self.recommender, self.plan, self.folder = platform, recommender, plan, folder
        self.known = known
        if plan.stream.stop > HORIZON:
            raise ValueError(f"the stream ends on day {plan.stream.stop - 1}; the platform's window on {HORIZON - 1}")
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            remove_partial(folder)
            self._same_run(folder / "run.json")
        self.log = EventLog(None if folder is None else folder / "days")
        self.state = self._stand()
        self.contexts: pd.DataFrame = platform.contexts()
        self.groups = np.unique(platform.items["category"], return_inverse=True)[1].astype(np.int64)
        self._policies: dict[int, Policy] = {}

    def rng(self, day: int, purpose: int) -> np.random.Generator:
        """Generator of one purpose on one day: the same whenever it is asked for."""
        return np.random.default_rng([self.plan.seed, day, purpose])

    def season(self, day: int) -> int | None:
        """Number of the known season a day is in; None where it changes within the day."""
        nodes = self.platform.scenario.nodes
        first, last = day * nodes // HORIZON, ((day + 1) * nodes - 1) // HORIZON
        return int(first) if first == last else None

    def guarded(self, policy: Policy, day: int) -> Policy:
        """A policy as it is served: with exploration, kept to the items that have arrived."""
        mixed = EpsilonPolicy(policy, self.plan.exploration)
        served: Policy = self.platform.on(day).eligible(mixed) if self.platform.dials.cold else mixed
        return served

    def policy(self, number: int) -> Policy:
        """A policy by its number: 0 is the platform's own, others are trained as their recipe says."""
        if number == 0:
            own: Any = self.platform.logging_policy()
            return cast(
                Policy, own.policy if self.platform.dials.cold else own
            )  # `guarded` keeps it to what has arrived
        if number not in self._policies:
            recipe = self.state.trainings[number - 1]
            self._policies[number] = self._fitted(recipe)
            if self._digest(self._policies[number], recipe["day"]) != recipe["sha256"]:
                raise ValueError(
                    f"policy {number}, trained again on the rounds of days {recipe['first']} to {recipe['last']}, is "
                    "another one: the recommender must give the same policy from the same log and seed"
                )
        return self._policies[number]

    def train(self, day: int, first: int, *, share: float = 1.0, start: int | None = None) -> int:
        """Train on the rounds from day `first` to `day`, a random `share` of them; gives the policy's number."""
        recipe = {"day": day, "first": max(first, self.plan.start), "last": day, "share": share, "start": start}
        rows = int(self._kept(recipe).sum())
        policy = self._fitted(recipe)
        self.state.trainings.append(recipe | {"rounds": rows, "sha256": self._digest(policy, day)})
        number = len(self.state.trainings)
        self._policies[number] = policy
        return number

    def held_out(self, number: int, other: int) -> BanditLog:
        """Rounds of a training's days that neither it nor another policy has read, nor what these are built on."""
        recipe = self.state.trainings[number - 1]
        days = range(recipe["first"], recipe["last"] + 1)
        read = [max(self._share(number, day), self._share(other, day)) for day in days]
        unread = [self._lottery(day) >= share for day, share in zip(days, read, strict=True)]
        return self.rounds(days[0], days[-1]).take(np.concatenate(unread))

    def rounds(self, first: int, last: int) -> BanditLog:
        """Rounds of some days of the log, contexts with the column day."""
        return self._bandit_log([self.log.day(day) for day in range(first, last + 1)])

    def watched(self, number: int, day: int) -> Rounds:
        """A day's rounds as monitors read them, under a policy that served it."""
        log, policy = self.rounds(day, day), self.policy(number)
        predict = getattr(policy, "predict", None)
        predicted = None if predict is None else np.asarray(predict(log.contexts))
        return Rounds(log, self.guarded(policy, day).probabilities(log.contexts), predicted, self.season(day))

    def serve(self, policy: Policy, day: int) -> DayEvents:
        """Serve a day and close it in the log; a day that is closed already is read."""
        if day in self.log:
            return self.log.day(day)
        plan, n = self.plan, self.plan.per_day
        log = self.platform.on(day).stream(day, n, plan.seed, policy=policy, reward=plan.reward)
        moment = day * DAY + (2 * np.arange(n) + 1) * DAY // (2 * n)
        users = log.contexts["user_id"].to_numpy()
        return self.log.append(
            DayEvents(day, day * 10_000_000 + np.arange(n), moment, users, log.action, log.reward, log.propensity)
        )

    def close(self, events: DayEvents, row: dict[str, Any]) -> None:
        """Write down where the loop stands at the end of a day: the one moment at which the day counts as done."""
        state = self.state
        state.rows.append(row)
        state.checksums[str(events.day)] = events.checksum
        state.day = events.day + 1
        if self.folder is not None:
            write_sealed(self.folder / "state.json", {"run": self.known["sha256"], **state.__dict__})

    def _same_run(self, path: Path) -> None:
        if not path.exists():
            if (path.parent / "state.json").exists():
                raise ValueError(f"{path.parent} holds a state and no run.json that says whose; restore it")
            write_sealed(path, self.known)
            return
        found = read_sealed(path)
        if found["sha256"] != self.known["sha256"]:
            raise ValueError(f"{path.parent} holds another run: {_differences(found, self.known)}; take another folder")

    def _stand(self) -> LoopState:
        path = None if self.folder is None else self.folder / "state.json"
        if path is None or not path.exists():
            return LoopState(self.plan.start)
        body = read_sealed(path)
        if body.pop("run") != self.known["sha256"]:
            raise ValueError(f"{path} is the state of another run; restore the one that belongs to run.json")
        state = LoopState(**body)
        for day, seal in state.checksums.items():
            if int(day) not in self.log or self.log.day(int(day)).checksum != seal:
                raise ValueError(f"{path} counts on day {day}, which is missing or another one; restore its file")
        return state

    def _fitted(self, recipe: dict[str, Any]) -> Policy:
        log = self.rounds(recipe["first"], recipe["last"]).take(self._kept(recipe))
        start = None if recipe["start"] is None else self.policy(recipe["start"])
        return self.recommender.fit(log, seed=self.plan.seed, start=start)

    def _kept(self, recipe: dict[str, Any]) -> npt.NDArray[np.bool_]:
        days = range(recipe["first"], recipe["last"] + 1)
        return np.concatenate([self._lottery(day) < recipe["share"] for day in days])

    def _lottery(self, day: int) -> Floats:
        """A round's lot decides once and for all which trainings read it: those with a greater share."""
        return self.rng(day, 1).random(len(self.log.day(day)))

    def _share(self, number: int, day: int) -> float:
        """Share of a day's rounds that a policy, or one it is built on, was trained on."""
        share = 0.0
        while number:
            recipe = self.state.trainings[number - 1]
            share = max(share, recipe["share"] if recipe["first"] <= day <= recipe["last"] else 0.0)
            number = recipe["start"] or 0
        return share

    def _digest(self, policy: Policy, day: int) -> str:
        chances = policy.probabilities(self.contexts.head(_SHOWN).assign(day=day))
        return hashlib.sha256(np.round(chances, 6).tobytes()).hexdigest()

    def _bandit_log(self, days: list[DayEvents]) -> BanditLog:
        user = np.concatenate([events.user for events in days])
        when = np.repeat([events.day for events in days], [len(events) for events in days])
        return BanditLog(
            self.contexts.iloc[user].reset_index(drop=True).assign(day=when),
            np.concatenate([events.action for events in days]),
            np.concatenate([events.reward for events in days]),
            np.concatenate([events.propensity for events in days]),
            self.platform.dials.n_items,
        )


def _differences(found: dict[str, Any], asked: dict[str, Any]) -> str:
    """Where two fingerprints part."""
    one, other = ({**f["plan"], **{k: v for k, v in f.items() if k not in ("plan", "sha256")}} for f in (found, asked))
    parts = [name for name in sorted({*one, *other}) if _text(one.get(name)) != _text(other.get(name))]
    return ", ".join(f"{name} was {one.get(name)} and is {other.get(name)}" for name in parts[:3])


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
