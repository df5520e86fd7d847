"""The loop in bad hands: two at once, a full disk, a recommender that fails, a strategy used twice, little traffic."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from causalrec_lab.intervention import loop
from causalrec_lab.intervention.loop import durable
from causalrec_lab.intervention.loop.desk import Desk
from causalrec_lab.intervention.loop.plan import fingerprint
from causalrec_lab.policy import BanditLog, Policy
from causalrec_lab.world import Platform

SMALL: dict[str, Any] = {"days": 10, "per_day": 200, "warmup": 3, "window": 5, "seed": 5, "retry": 2, "refresh": 3}


@pytest.fixture(scope="module")
def platform() -> Platform:
    return Platform.make(seed=2, n_users=100, n_items=20, base_rate="common", shock=3.0, shock_day=5)


def told(result: loop.LoopResult) -> str:
    return json.dumps(result.to_dict())


@pytest.fixture(scope="module")
def whole(platform: Platform) -> str:
    return told(loop.run(platform, **SMALL))


def test_a_folder_is_one_run_s_at_a_time(platform: Platform, whole: str, tmp_path: Path) -> None:
    with durable.claimed(tmp_path), pytest.raises(RuntimeError, match="in use by another run"):
        loop.run(platform, folder=tmp_path, **SMALL)
    code = f"""
        import os
        from pathlib import Path
        from causalrec_lab.intervention.loop import durable
        with durable.claimed(Path({str(tmp_path)!r})):
            print("held", flush=True)
            os.read(0, 1)
    """
    other = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    assert other.stdout.readline() == b"held\n"
    with pytest.raises(RuntimeError, match="in use by another run"):
        loop.run(platform, folder=tmp_path, **SMALL)
    other.kill()  # and with it goes its hold
    other.communicate()
    assert told(loop.run(platform, folder=tmp_path, **SMALL)) == whole


def test_a_new_name_is_put_on_disk_with_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Power lost after a rename takes the new name back unless the folder was flushed as well, after the move."""
    done: list[str] = []
    real_flush, real_move = os.fsync, os.replace

    def flush(handle: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        real_flush(handle)

    def move(old: Path, new: Path) -> None:
        done.append("move")
        real_move(old, new)

    monkeypatch.setattr(durable.os, "fsync", flush)
    monkeypatch.setattr(durable.os, "replace", move)
    durable.write_whole(tmp_path / "state.json", b"{}")
    assert done == ["file", "move", "folder"]

    def unknown(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(durable.os, "fsync", unknown)
    durable.write_whole(tmp_path / "other.json", b"{}")
    assert "cannot be flushed" in caplog.text


def test_a_full_disk_loses_nothing(
    platform: Platform, whole: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, left = os.fsync, [9]

    def full(handle: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        real(handle)

    monkeypatch.setattr(durable.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        loop.run(platform, folder=tmp_path, **SMALL)
    left[0] = 10_000
    assert told(loop.run(platform, folder=tmp_path, **SMALL)) == whole


class Failing(loop.RewardModelRecommender):
    """Raises on its second training as long as it is told to."""

    broken = True

    def __repr__(self) -> str:
        return "Failing()"

    def fit(self, log: BanditLog, *, seed: int = 0, start: Policy | None = None) -> Any:
        if start is not None and Failing.broken:
            raise MemoryError("the model did not fit")
        return super().fit(log, seed=seed, start=start)


def test_a_recommender_that_fails_costs_no_event(platform: Platform, tmp_path: Path) -> None:
    Failing.broken = True
    with pytest.raises(MemoryError, match="did not fit"):
        loop.run(platform, Failing(), folder=tmp_path, **SMALL)
    served = loop.EventLog(tmp_path / "days").days
    Failing.broken = False
    again = loop.run(platform, Failing(), folder=tmp_path, **SMALL)
    assert told(again) == told(loop.run(platform, Failing(), **SMALL))
    assert served == tuple(range(len(served)))
    assert loop.EventLog(tmp_path / "days").days == tuple(range(SMALL["days"]))


class Nowhere(loop.RewardModelRecommender):
    """A policy without chances."""

    def fit(self, log: BanditLog, *, seed: int = 0, start: Policy | None = None) -> Any:
        class Nan:
            def probabilities(self, contexts: Any) -> Any:
                return np.full((len(contexts), log.n_actions), np.nan)

        return Nan()


def test_chances_that_are_none_serve_nobody(platform: Platform) -> None:
    with pytest.raises(ValueError, match="probabilities"):
        loop.run(platform, Nowhere(), strategy="daily", **SMALL)


def test_a_strategy_used_again_begins_anew(platform: Platform, whole: str) -> None:
    once = loop.RetrainOnAlarm()
    other = Platform.make(seed=7, n_users=60, n_items=20, base_rate="common")
    loop.run(other, strategy=once, **SMALL)
    found = loop.run(platform, strategy=once, **SMALL).to_dict()
    assert json.dumps(found | {"strategy": "alarm"}) == whole


def test_a_change_while_another_candidate_is_due_is_heard() -> None:
    """The shock begins on day 8 and ends on day 22; candidates after the first alarm are due until long after."""
    platform = Platform.make(seed=3, n_users=150, n_items=20, base_rate="common", shock=3.0, shock_day=8)
    numbers = {"days": 27, "per_day": 600, "warmup": 4, "retry": 20, "attempts": 3, "refresh": 0, "seed": 1}
    result = loop.run(platform, guardrail=loop.Guardrail(margin=0.05, days=2), **numbers)  # type: ignore[arg-type]
    days = result.alarms["day"]
    assert ((days >= 8) & (days <= 11)).any()
    assert ((days >= 22) & (days <= 26)).any()
    assert result.alarms["changed"].iloc[-1] >= 21


def test_no_policy_is_valued_on_rounds_it_was_trained_on(platform: Platform) -> None:
    plan = loop.LoopPlan(**{**SMALL, "refresh": 2, "days": 12})
    engine, strategy = loop.RewardModelRecommender(), loop.RetrainOnAlarm()
    desk = Desk(platform, engine, plan, fingerprint(plan, platform, engine, strategy), None)
    read: dict[int, set[float]] = {0: set()}
    for day in range(6):
        events = desk.serve(desk.guarded(desk.policy(0), day), day)
        one = (1 + day + np.arange(len(events)) / len(events)) / 10  # every round a propensity of its own
        desk.log._days[day] = replace(events, propensity=one)
    for number, (day, first, share) in enumerate([(2, 0, 1.0), (4, 1, 0.7), (5, 1, 0.7)], start=1):
        start = number - 1 or None
        desk.train(day, first, share=share, start=start)
        recipe = desk.state.trainings[-1]
        kept = desk.rounds(first, day).take(desk._kept(recipe))
        assert kept.propensity is not None
        assert recipe["rounds"] == len(kept)
        read[number] = read[start or 0] | set(kept.propensity)
        if start is not None:
            out = set(desk.held_out(number, start).propensity)
            assert not out & read[number]
            assert len(out) > 30


@pytest.mark.parametrize("per_day", [2, 7])
def test_little_traffic_is_waited_for(platform: Platform, per_day: int) -> None:
    numbers = {**SMALL, "days": 40, "warmup": 6, "per_day": per_day, "window": 28}
    result = loop.run(platform, **numbers)
    assert (result.trainings["rounds"].iloc[1:] >= 0.5 * 30).all()
    assert result.rollouts["candidate_value"].isna().any()


def test_a_run_stopped_before_it_began_says_so(platform: Platform) -> None:
    for until in (0, 2):
        summary = loop.run(platform, until=until, **SMALL).summary()
        assert summary[["value", "net", "cost"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"start": 360, "days": 10}, "ends on day 369; the platform's window on 364"),
        ({"days": 10.5}, r"days=10\.5\): give a whole number"),
        ({"bounds": (1.0, 0.0)}, "the least and the greatest reward"),
        ({"monitors": ()}, "each once"),
        ({"seed": -1}, "counted from 0"),
        ({"reward": "revenue"}, "state their bounds"),
    ],
)
def test_what_cannot_be_run_is_refused_at_once(platform: Platform, numbers: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        loop.run(platform, **{**SMALL, **numbers})


def test_numbers_of_numpy_are_numbers(platform: Platform, tmp_path: Path) -> None:
    numbers = {**SMALL, "seed": np.int64(5), "per_day": np.int32(200), "bounds": np.array([0, 1])}
    assert loop.run(platform, folder=tmp_path, until=4, **numbers).plan == loop.LoopPlan(**SMALL)


def test_costs_add_up(platform: Platform) -> None:
    result = loop.run(platform, strategy="daily", costs=loop.Costs(2.0, 0.01), **SMALL)
    rounds = result.trainings["rounds"]
    assert result.table["cost"].sum() == pytest.approx((2.0 + 0.01 * rounds).sum())
    after = (2.0 + 0.01 * rounds.iloc[1:]).sum() / (SMALL["per_day"] * 7)
    assert result.summary()["cost"].item() == pytest.approx(after)
    assert result.summary()["net"].item() == pytest.approx(result.served["value"].mean() - after)
