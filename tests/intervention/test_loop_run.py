"""The loop: killed anywhere it goes on to the same bytes; what it gives beside the truth; what it refuses."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from causalrec_lab.intervention import loop
from causalrec_lab.intervention.loop import durable
from causalrec_lab.world import Platform

SMALL = {"days": 16, "per_day": 300, "warmup": 3, "window": 5, "seed": 5, "retry": 2, "refresh": 0}
GUARD = loop.Guardrail(margin=0.05, days=2)


def small_platform(**dials: float) -> Platform:
    return Platform.make(seed=2, n_users=100, n_items=20, base_rate="common", shock=3.0, shock_day=6, **dials)


@pytest.fixture(scope="module")
def platform() -> Platform:
    return small_platform()


def told(result: loop.LoopResult) -> str:
    return json.dumps(result.to_dict())


def go(platform: Platform, folder: Path | None = None, **numbers: object) -> loop.LoopResult:
    return loop.run(platform, folder=folder, guardrail=GUARD, **{**SMALL, **numbers})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def whole(platform: Platform) -> loop.LoopResult:
    return go(platform)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_stream_has_alarms_and_a_rollout_to_be_killed_in(whole: loop.LoopResult) -> None:
    assert len(whole.alarms) >= 1
    assert 6 <= whole.alarms["day"].iloc[0] <= 9
    assert len(whole.rollouts) >= 2
    assert {"keep"} <= set(whole.rollouts["decision"])


def test_a_loop_on_disk_tells_what_a_loop_in_memory_tells(
    platform: Platform, whole: loop.LoopResult, tmp_path: Path
) -> None:
    assert told(go(platform, tmp_path / "a")) == told(whole)
    assert told(go(platform, tmp_path / "a")) == told(whole)  # and once it has ended, again


class Killed(BaseException):
    """Not an Exception: nobody may catch it on the way."""


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_killed_at_every_write_it_goes_on_to_the_same_bytes(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Two writes a day and one at the start, each killed in turn, within one folder: every restart is killed again.

    A write flushes its file and then its folder, so that "fsync" dies four times a day, "replace" twice.
    """
    short = {"days": 12}
    reference = go(platform, tmp_path / "whole", **short)
    left, deaths = [0], 0
    real = getattr(os, call)

    def dying(*arguments: object) -> None:
        if left[0] == 0:
            raise Killed
        left[0] -= 1
        real(*arguments)

    monkeypatch.setattr(durable.os, call, dying)
    while True:
        left[0] = deaths % (4 if call == "fsync" else 2)  # die at the first call of a day, or at a later one
        try:
            found = go(platform, tmp_path / "killed", **short)
            break
        except Killed:
            deaths += 1
    assert deaths >= 2 * 12
    assert told(found) == told(reference)
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


def test_killed_by_the_system_it_goes_on_to_the_same_bytes(
    platform: Platform, whole: loop.LoopResult, tmp_path: Path
) -> None:
    """SIGKILL from within, in the middle of writing a day: no handler, no farewell."""
    code = f"""
        import os, signal
        from pathlib import Path
        from causalrec_lab.intervention import loop
        from causalrec_lab.intervention.loop import durable
        from causalrec_lab.world import Platform
        real, count = os.fsync, [0]
        def dying(handle):
            count[0] += 1
            if count[0] == 44:  # a file's; from the second on every other one is a folder's
                os.kill(os.getpid(), signal.SIGKILL)
            real(handle)
        durable.os.fsync = dying
        platform = Platform.make(seed=2, n_users=100, n_items=20, base_rate="common", shock=3.0, shock_day=6)
        loop.run(platform, folder=Path({str(tmp_path / "run")!r}),
                 guardrail=loop.Guardrail(margin=0.05, days=2), **{SMALL!r})
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert list((tmp_path / "run").rglob("*.partial"))
    assert told(go(platform, tmp_path / "run")) == told(whole)
    assert not list((tmp_path / "run").rglob("*.partial"))


def test_no_event_is_lost_and_none_is_there_twice(platform: Platform, tmp_path: Path) -> None:
    for until in (5, 8, 12, None):  # stopped and taken up three times
        go(platform, tmp_path / "run", until=until)
    log = loop.EventLog(tmp_path / "run" / "days")
    ids = np.concatenate([log.day(day).event for day in log.days])
    assert len(ids) == len(np.unique(ids)) == SMALL["days"] * SMALL["per_day"]
    assert log.days == tuple(range(SMALL["days"]))


def test_another_run_a_newer_version_and_a_changed_file_are_refused(platform: Platform, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    go(platform, folder, until=6)
    with pytest.raises(ValueError, match=r"another run: seed was 5 and is 6; take another folder"):
        go(platform, folder, seed=6)
    with pytest.raises(ValueError, match="platform was"):
        go(small_platform(drift=0.1), folder)
    state = folder / "state.json"
    written = state.read_text()
    state.write_text(written.replace('"format": 2', '"format": 99'))
    with pytest.raises(ValueError, match="format 99, this version reads 2"):
        go(platform, folder)
    state.write_text(written.replace('"current": 1', '"current": 0'))
    with pytest.raises(ValueError, match="changed after it was written"):
        go(platform, folder)
    state.write_text(written[:100])
    with pytest.raises(ValueError, match="no state of a loop"):
        go(platform, folder)
    state.write_text(written)
    day = folder / "days" / "day_0002.safetensors"
    good = day.read_bytes()
    day.write_bytes(good[:-8] + b"12345678")
    with pytest.raises(ValueError, match="checksum differs"):
        go(platform, folder)
    day.unlink()
    with pytest.raises(ValueError, match="counts on day 2"):
        go(platform, folder)


def test_a_recommender_that_does_not_repeat_itself_is_found_out(platform: Platform, tmp_path: Path) -> None:
    class Moody(loop.RewardModelRecommender):
        def fit(self, log, *, seed=0, start=None):  # type: ignore[no-untyped-def]
            policy = super().fit(log, seed=seed, start=start)
            return replace(policy, temperature=float(np.random.default_rng().uniform(0.01, 1.0)))

    loop.run(platform, Moody(), folder=tmp_path, until=6, **SMALL)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="same policy from the same log and seed"):
        loop.run(platform, Moody(), folder=tmp_path, **SMALL)  # type: ignore[arg-type]


def test_truth_of_the_day_is_the_truth_of_what_served(platform: Platform) -> None:
    result = go(platform, days=6, strategy="oracle")
    served = result.served
    assert (served["value"] == served["best"]).all()
    own = float(platform.on(0).truth.policy_value(loop_served(platform)))
    assert result.table["value"].iloc[0] == pytest.approx(own, abs=1e-12)
    error = np.sqrt(0.25 / 300)
    assert (np.abs(result.table["reward"] - result.table["value"]) < 5 * error).all()


def loop_served(platform: Platform) -> object:
    from causalrec_lab.intervention import EpsilonPolicy

    return EpsilonPolicy(platform.logging_policy(), 0.1)


def test_strategies_and_costs(platform: Platform) -> None:
    daily = go(platform, days=10, strategy="daily")
    assert list(daily.served["trainings"]) == [1] * 7
    assert daily.table["cost"].iloc[-1] == pytest.approx(5.0 + 0.001 * 300 * 5)
    never = go(platform, days=10, strategy="never")
    assert never.served["trainings"].sum() == 0
    weekly = go(platform, days=10, strategy=loop.RetrainDaily(every=3))
    assert list(weekly.served["trainings"]) == [0, 0, 1, 0, 0, 1, 0]
    assert list(never.summary()) == list(daily.summary())
    assert never.plot().get_xlabel() == "day"
    assert "never" in never._repr_html_()


def test_items_that_arrive_are_served_once_they_are_there() -> None:
    result = go(small_platform(cold=0.5), days=12, strategy="daily", start=30)
    assert (result.table["value"] <= result.table["best"] + 1e-12).all()


def test_the_transformer_can_be_plugged_in(platform: Platform, tmp_path: Path) -> None:
    engine = loop.SequenceRecommender({"dim": 8, "blocks": 1, "heads": 1, "epochs": 1, "length": 10, "device": "cpu"})
    numbers = {"days": 5, "strategy": "daily"}
    whole = loop.run(platform, engine, **{**SMALL, **numbers})  # type: ignore[arg-type]
    loop.run(platform, engine, folder=tmp_path, until=4, **{**SMALL, **numbers})  # type: ignore[arg-type]
    again = loop.run(platform, engine, folder=tmp_path, **{**SMALL, **numbers})  # type: ignore[arg-type]
    assert told(again) == told(whole)
    assert whole.table["policy"].nunique() == 3


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"strategy": "alram"}, "did you mean 'alarm'"),
        ({"days": 3}, "ends before the loop begins"),
        ({"exploration": 0.0}, "can never be valued"),
        ({"window": 0}, "at least 1"),
        ({"level": 1.5}, "both lie in"),
    ],
)
def test_what_cannot_be_run_is_refused(platform: Platform, numbers: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        go(platform, **numbers)


def test_a_recommender_that_cannot_fit_is_refused(platform: Platform) -> None:
    with pytest.raises(TypeError, match="no fit"):
        loop.run(platform, object())  # type: ignore[arg-type]


def test_a_log_that_has_grown_is_read_without_an_alarm(platform: Platform) -> None:
    result = go(platform, days=10, start=40, refresh=4)
    assert len(result.alarms) == 0
    assert result.rollouts["proposed"].iloc[0] == 46  # trained on day 42, the last of the warm-up
    assert len(go(platform, days=10, start=40, refresh=0).rollouts) == 0
