"""`run`: serve, log, watch, retrain, roll out, day after day; killed at any moment it goes on where it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from causalrec_lab.intervention.loop.desk import Desk
from causalrec_lab.intervention.loop.durable import claimed
from causalrec_lab.intervention.loop.plan import LoopPlan, fingerprint
from causalrec_lab.intervention.loop.recommenders import LoopRecommender, RewardModelRecommender
from causalrec_lab.intervention.loop.result import LoopResult
from causalrec_lab.intervention.loop.strategies import Strategy, strategy_named

__all__ = ["run"]


def run(
    platform: Any,
    recommender: LoopRecommender | None = None,
    *,
    strategy: str | Strategy = "alarm",
    plan: LoopPlan | None = None,
    folder: Path | str | None = None,
    until: int | None = None,
    **numbers: Any,
) -> LoopResult:
    """Run a recommender on a stream of days.

    Each day: the current policy serves with exploration; the day's rounds are closed in the log; the strategy learns
    from them; the state is written. Beside it stands the truth of the day: the value of the policy that served, and of
    the best one under the same exploration, neither of which the loop reads.

    Parameters
    ----------
    platform
        A `Platform`; `drift`, `cold` and `shock` are what the loop has to live with.
    recommender
        Anything with `fit(log) -> Policy` (`LoopRecommender`); a reward model by default.
    strategy
        "never", "daily", "alarm", "oracle", or an object with `serve` and `learn`.
    plan
        All numbers; `numbers` replaces single ones.
    folder
        Where the run is kept. A run that was killed and is started again with the same arguments goes on and gives the
        same result, byte for byte. None keeps it in memory.
    until
        Stop before this day of the stream, to go on later; None for the end.
    **numbers
        Fields of `LoopPlan`: days, per_day, seed, exploration, ...

    Raises
    ------
    ValueError
        If the plan cannot be run, the strategy is unknown, or the folder holds another run, one of a newer version, or
        files that were changed.
    TypeError
        If a field of the plan is unknown, or the recommender cannot fit.
    RuntimeError
        If another run is at work in the folder.
    """
    chosen = replace(plan or LoopPlan(), **numbers)
    engine = RewardModelRecommender() if recommender is None else recommender
    if not isinstance(engine, LoopRecommender):
        raise TypeError(f"recommender={engine!r} has no fit(log) that gives a policy; see loop.LoopRecommender")
    decided = strategy_named(strategy)
    known = fingerprint(chosen, platform, engine, decided)
    end = chosen.stream.stop if until is None else min(until, chosen.stream.stop)
    place = None if folder is None else Path(folder)
    with claimed(place):
        desk = Desk(platform, engine, chosen, known, place)
        for day in _progress(range(desk.state.day, end)):
            _step(desk, decided, day)
    return LoopResult.of(strategy if isinstance(strategy, str) else repr(strategy), chosen, desk.state)


def _step(desk: Desk, strategy: Strategy, day: int) -> None:
    """One day: a function of the seed, the day and the state at its beginning."""
    snapshot, plan = desk.platform.on(day), desk.plan
    policy, serving = strategy.serve(desk, day), desk.state.current
    value = float(snapshot.truth.policy_value(policy, plan.reward))
    best = desk.guarded(snapshot.truth.best_policy(reward=plan.reward), day)
    trained = len(desk.state.trainings)
    events = desk.serve(policy, day)
    told = strategy.learn(desk, day)
    fresh = desk.state.trainings[trained:]
    row = {
        "day": day,
        "policy": serving,
        "value": value,
        "best": float(snapshot.truth.policy_value(best, plan.reward)),
        "reward": float(events.reward.mean()),
        "rounds": len(events),
        "trainings": len(fresh),
        "cost": sum(plan.costs.fit + plan.costs.round * recipe["rounds"] for recipe in fresh),
    }
    desk.close(events, row | told)


def _progress(days: range) -> Any:
    """Days with a bar, where somebody watches and there are enough of them."""
    from causalrec_lab.recommender.progress import progress

    return progress(days, "days", worth=len(days) > 10)
