"""What a loop is asked to do, down to the last number: it is also what a loop on disk is known by."""

from __future__ import annotations

import hashlib
import json
import math
import operator
import re
from dataclasses import asdict, dataclass, field
from typing import Any

from causalrec_lab.intervention.loop.guardrail import Guardrail
from causalrec_lab.intervention.loop.monitor import MONITORS

__all__ = ["Costs", "LoopPlan", "fingerprint"]


@dataclass(frozen=True)
class Costs:
    """What training costs, in the unit of the reward.

    Parameters
    ----------
    fit
        Each training.
    round
        Each round trained on.

    Raises
    ------
    ValueError
        If a cost is negative.
    """

    fit: float = 5.0
    round: float = 0.001

    def __post_init__(self) -> None:
        """Refuse a training that pays by itself."""
        if not (self.fit >= 0 and self.round >= 0):
            raise ValueError(f"{self}: costs are >= 0, in the unit of the reward")


@dataclass(frozen=True)
class LoopPlan:
    """A loop's numbers.

    Parameters
    ----------
    days, per_day
        Length of the stream, rounds a day.
    start
        First day of the stream within the platform's window.
    warmup
        Days at the beginning on which the platform's own logging policy serves; the first training reads them.
    exploration
        Share of rounds in which any item is shown, so that every propensity is known and positive.
    window
        Days a training reads at most.
    level
        Chance of any false alarm in the whole run.
    horizon
        Days a deployment may last, for the monitors.
    least
        Days after the estimated change before a candidate is trained.
    retry, attempts
        Days between candidates after one alarm, and how many there may be.
    refresh
        Days after which the alarm strategy proposes a candidate although nothing changed, because the log has grown; 0
        for never.
    held_out
        Share of the rounds on which a candidate is valued before it meets traffic, instead of trained. A round's lot is
        drawn once: what is held out from one candidate is held out from all.
    monitors
        Which of `MONITORS` watch.
    guardrail
        Terms of a rollout.
    costs
        Of training.
    reward
        Outcome that counts; None for the platform's attention (click, play).
    bounds
        Least and greatest reward of a round.
    seed
        Of everything random in the loop, together with the day.

    Raises
    ------
    ValueError
        If a number lies outside its range.
    """

    days: int = 60
    per_day: int = 1_000
    start: int = 0
    warmup: int = 7
    exploration: float = 0.1
    window: int = 28
    level: float = 0.05
    horizon: int = 60
    least: int = 2
    retry: int = 4
    attempts: int = 3
    refresh: int = 7
    held_out: float = 0.3
    monitors: tuple[str, ...] = MONITORS
    guardrail: Guardrail = field(default_factory=Guardrail)
    costs: Costs = field(default_factory=Costs)
    reward: str | None = None
    bounds: tuple[float, float] = (0.0, 1.0)
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a plan that cannot be run."""
        counts = ("per_day", "warmup", "window", "least", "retry", "attempts", "horizon")
        for name in ("days", "start", "refresh", "seed", *counts):
            object.__setattr__(self, name, _whole(name, getattr(self, name)))
        ends = [float(end) for end in self.bounds]
        object.__setattr__(self, "bounds", tuple(ends))
        object.__setattr__(self, "monitors", tuple(self.monitors))
        if few := {name: getattr(self, name) for name in counts if getattr(self, name) < 1}:
            raise ValueError(f"LoopPlan: {few}; give whole numbers of at least 1")
        if self.days <= self.warmup:
            raise ValueError(
                f"LoopPlan(days={self.days}, warmup={self.warmup}): the stream ends before the loop begins"
            )
        if self.start < 0 or self.refresh < 0 or self.seed < 0:
            told = f"start={self.start}, refresh={self.refresh}, seed={self.seed}"
            raise ValueError(f"LoopPlan({told}): days and seeds are counted from 0")
        if len(ends) != 2 or not -math.inf < ends[0] < ends[1] < math.inf:
            raise ValueError(f"LoopPlan(bounds={self.bounds}): the least and the greatest reward of a round, finite")
        if not 0 < self.exploration <= 1:
            raise ValueError(
                f"LoopPlan(exploration={self.exploration}): a share in (0, 1]; without exploration an item never shown "
                "can never be valued"
            )
        if not (0 < self.level < 1 and 0 < self.held_out < 1):
            raise ValueError(f"LoopPlan(level={self.level}, held_out={self.held_out}): both lie in (0, 1)")

    @property
    def stream(self) -> range:
        """Days of the stream."""
        return range(self.start, self.start + self.days)

    @property
    def first(self) -> int:
        """First day after the warm-up."""
        return self.start + self.warmup

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary that JSON can hold."""
        return asdict(self) | {"monitors": list(self.monitors), "bounds": list(self.bounds)}


def _whole(name: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise ValueError(f"LoopPlan({name}={value!r}): give a whole number") from None


def fingerprint(plan: LoopPlan, platform: Any, recommender: Any, strategy: Any) -> dict[str, Any]:
    """What a loop on disk is known by: plan, platform, recommender and strategy in words, and their checksum.

    Raises
    ------
    ValueError
        If a recommender or strategy says nothing of itself but its address in memory.
    """
    words = {"platform": repr(platform), "recommender": repr(recommender), "strategy": repr(strategy)}
    if vague := [name for name, text in words.items() if re.search(r" at 0x[0-9a-f]+>", text)]:
        raise ValueError(f"{vague} have no repr that says what they are; make them dataclasses, or give a __repr__")
    known = {"plan": plan.to_dict(), **words}
    return known | {"sha256": hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()}
