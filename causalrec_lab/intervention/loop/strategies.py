"""When a loop retrains: never, every day, when a monitor alarms; and an oracle that need not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

from causalrec_lab.intervention.loop.desk import Desk
from causalrec_lab.intervention.loop.guardrail import MixedPolicy, Rollout
from causalrec_lab.intervention.loop.monitor import Monitor, Reading
from causalrec_lab.policy import Policy

__all__ = ["STRATEGIES", "NeverRetrain", "Oracle", "RetrainDaily", "RetrainOnAlarm", "Strategy", "strategy_named"]

_FEWEST = 30  # rounds below which nothing is trained or valued


class Strategy(Protocol):
    """What serves a day, and what is learned at its end; everything it remembers stands in `desk.state.strategy`."""

    def serve(self, desk: Desk, day: int) -> Policy:
        """The policy of the day, exploration included."""

    def learn(self, desk: Desk, day: int) -> dict[str, Any]:
        """Close the day; gives what is to stand in the day's row."""


@dataclass(frozen=True)
class NeverRetrain:
    """Train once, on the warm-up."""

    def serve(self, desk: Desk, day: int) -> Policy:
        """The current policy."""
        return desk.guarded(desk.policy(desk.state.current), day)

    def learn(self, desk: Desk, day: int) -> dict[str, Any]:
        """Train on the last day of the warm-up."""
        if day == desk.plan.first - 1:
            desk.state.current = desk.train(day, desk.plan.start)
        return {}


@dataclass(frozen=True)
class RetrainDaily:
    """Train every night on the last `window` days and serve it in the morning, unwatched.

    Parameters
    ----------
    every
        Nights between trainings.
    """

    every: int = 1

    def serve(self, desk: Desk, day: int) -> Policy:
        """The newest policy."""
        return desk.guarded(desk.policy(desk.state.current), day)

    def learn(self, desk: Desk, day: int) -> dict[str, Any]:
        """Train if it is the night for it."""
        since = day - (desk.plan.first - 1)
        if since >= 0 and since % self.every == 0:
            desk.state.current = desk.train(day, day - desk.plan.window + 1)
        return {}


@dataclass(frozen=True)
class Oracle:
    """Know each day's best item of every user; explore like the others."""

    def serve(self, desk: Desk, day: int) -> Policy:
        """The true best policy of the day; the platform's own in the warm-up."""
        if day < desk.plan.first:
            return desk.guarded(desk.policy(0), day)
        return desk.guarded(desk.platform.on(day).truth.best_policy(reward=desk.plan.reward), day)

    def learn(self, desk: Desk, day: int) -> dict[str, Any]:  # noqa: ARG002
        """Nothing to learn."""
        return {}


class RetrainOnAlarm:
    r"""Watch; on an alarm estimate when the change began, train on the rounds since, and let the candidate in by test.

    A candidate whose value on held-out rounds is surely below the running policy's meets no traffic. What the guardrail
    keeps serves on, is watched anew, and is improved `attempts` times as rounds of the new world come in. Where nothing
    alarms for `refresh` days, a candidate that has read the grown log is proposed in the same way.

    The k-th deployment is watched at level :math:`\alpha / (k (k + 1))`: over all of them :math:`\alpha`.
    """

    def __init__(self) -> None:
        self._desk: Desk | None = None  # whose monitor and rollout these are
        self._monitor: Monitor | None = None
        self._rollout: Rollout | None = None

    def __repr__(self) -> str:
        return "RetrainOnAlarm()"

    def serve(self, desk: Desk, day: int) -> Policy:
        """The current policy; in a rollout, it and the candidate by lot."""
        memory = desk.state.strategy
        incumbent = desk.guarded(desk.policy(desk.state.current), day)
        if memory.get("phase") != "rollout":
            return incumbent
        candidate = desk.guarded(desk.policy(memory["candidate"]), day)
        return MixedPolicy(incumbent, candidate, desk.plan.guardrail.share)

    def learn(self, desk: Desk, day: int) -> dict[str, Any]:
        """Read the monitors or the guardrail, and act."""
        memory, plan = desk.state.strategy, desk.plan
        if self._desk is not desk:
            self._desk, self._monitor, self._rollout = desk, None, None
        _check_bounds(desk, day)
        if day < plan.first - 1:
            return {}
        if day == plan.first - 1:
            desk.state.current = desk.train(day, plan.start)
            memory.update(phase="watch", epoch=1, since=day + 1, candidate=None, due=None, heard=False)
            memory.update(changed=plan.start, attempts=plan.attempts, trained=day)
            return {}
        if memory["phase"] == "rollout":
            return self._read_guardrail(desk, day)
        reading = self._read_monitors(desk, day)
        row: dict[str, Any] = {f"evidence_{name}": value for name, value in reading.evidence.items()}
        if reading.alarm is not None and not memory["heard"]:
            self._alarm(desk, day, reading)
            row["alarm"] = reading.alarm
        due = memory["due"] or (memory["trained"] + plan.refresh if plan.refresh else day + 1)
        if due <= day:
            self._propose(desk, day)
        return row

    def _read_monitors(self, desk: Desk, day: int) -> Reading:
        memory, plan = desk.state.strategy, desk.plan
        unread = [day]
        if self._monitor is None:
            k = memory["epoch"]
            self._monitor = Monitor(plan.level / (k * (k + 1)), plan.horizon, desk.groups, plan.monitors)
            unread = list(range(memory["since"], day + 1))  # after a kill: what the dead one had read
        for each in unread:
            reading = self._monitor.read(desk.watched(desk.state.current, each), desk.rng(each, 2))
        return reading

    def _alarm(self, desk: Desk, day: int, reading: Reading) -> None:
        memory, name = desk.state.strategy, reading.alarm
        assert name is not None  # asked for only where there is one
        changed = memory["since"] + reading.since[name]
        evidence = reading.evidence[name]
        desk.state.alarms.append({"day": day, "monitor": name, "changed": changed, "evidence": evidence})
        memory.update(changed=changed, attempts=0, due=max(day, changed + desk.plan.least - 1), heard=True)

    def _propose(self, desk: Desk, day: int) -> None:
        memory, plan = desk.state.strategy, desk.plan
        first = max(memory["changed"], day - plan.window + 1)
        if (day - first + 1) * plan.per_day < _FEWEST:
            memory["due"] = day + 1
            return
        number = desk.train(day, first, share=1.0 - plan.held_out, start=desk.state.current)
        memory.update(attempts=memory["attempts"] + 1, trained=day)
        found = _valued(desk, number)
        entry = {"candidate": number, "proposed": day, **found, "ended": day, "decision": "not tried"}
        if found["candidate_high"] < found["incumbent_value"]:
            desk.state.rollouts.append(entry)
            self._next(desk, day)
            return
        desk.state.rollouts.append(entry | {"ended": None, "decision": "continue"})
        memory.update(phase="rollout", candidate=number, begun=day + 1, due=None)
        self._rollout = None

    def _read_guardrail(self, desk: Desk, day: int) -> dict[str, Any]:
        memory, plan = desk.state.strategy, desk.plan
        unread = [day]
        if self._rollout is None:
            self._rollout = Rollout(plan.guardrail, *plan.bounds)
            unread = list(range(memory["begun"], day + 1))
        incumbent, candidate = desk.policy(desk.state.current), desk.policy(memory["candidate"])
        for each in unread:
            log = desk.rounds(each, each)
            served = (desk.guarded(policy, each).probabilities(log.contexts) for policy in (incumbent, candidate))
            verdict = self._rollout.read(log.reward, log.action, *served)
        told = {"decision": verdict.decision, "difference": verdict.difference, "std_error": verdict.std_error}
        if verdict.decision != "continue":
            desk.state.rollouts[-1].update(told, ended=day)
            if verdict.decision == "keep":
                desk.state.current = memory["candidate"]
            self._next(desk, day)
        return {"rollout": verdict.decision}

    def _next(self, desk: Desk, day: int) -> None:
        """Watch anew, and set the day of the next candidate if the change may have one."""
        memory, plan = desk.state.strategy, desk.plan
        due = day + plan.retry if memory["attempts"] < plan.attempts else None
        memory.update(phase="watch", epoch=memory["epoch"] + 1, since=day + 1, candidate=None, due=due, heard=False)
        self._monitor = self._rollout = None


def _valued(desk: Desk, number: int) -> dict[str, float]:
    """Value of a candidate and of the incumbent on rounds that neither was trained on, by DR; nan where too few."""
    from causalrec_lab.intervention.ope import evaluate

    log = desk.held_out(number, desk.state.current)
    if len(log) < _FEWEST:
        return dict.fromkeys(("candidate_value", "candidate_high", "incumbent_value"), math.nan)
    day = desk.state.trainings[number - 1]["day"]
    new, old = (evaluate(log, desk.guarded(desk.policy(k), day), "dr", folds=2) for k in (number, desk.state.current))
    return {"candidate_value": new.value, "candidate_high": new.high, "incumbent_value": old.value}


def _check_bounds(desk: Desk, day: int) -> None:
    reward, (low, high) = desk.log.day(day).reward, desk.plan.bounds
    if len(reward) and not (low <= reward.min() and reward.max() <= high):
        span = f"[{reward.min():g}, {reward.max():g}]"
        raise ValueError(f"rewards of day {day} lie in {span}, outside bounds=({low:g}, {high:g}); state their bounds")


STRATEGIES = {"never": NeverRetrain, "daily": RetrainDaily, "alarm": RetrainOnAlarm, "oracle": Oracle}


def strategy_named(strategy: str | Strategy) -> Strategy:
    """A strategy by its name, or the one given.

    Raises
    ------
    ValueError
        If there is no such name.
    """
    if not isinstance(strategy, str):
        return strategy
    if strategy not in STRATEGIES:
        import difflib

        near = difflib.get_close_matches(strategy, STRATEGIES, n=1) or list(STRATEGIES)
        raise ValueError(f"unknown strategy {strategy!r}; did you mean {' or '.join(map(repr, near))}?")
    made: Strategy = STRATEGIES[strategy]()
    return made
