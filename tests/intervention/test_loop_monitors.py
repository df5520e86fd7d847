"""Monitors: uniform ranks, a false-alarm rate that is kept, and alarms where something moved."""

import math

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.intervention.loop import Guardrail, MeanBets, Monitor, OnlineRanks, Rollout, Rounds, ShiftBets
from causalrec_lab.policy import BanditLog

DAYS, PER_DAY = 12, 40


def binomial_most(n: int, p: float, tail: float = 1e-6) -> int:
    from scipy.stats import binom

    return int(binom.isf(tail, n, p))


def test_ranks_are_counted_as_the_formula_says() -> None:
    rng = np.random.default_rng(0)
    scores, ties = rng.integers(4, size=1_300).astype(float), rng.random(1_300)
    ranks = OnlineRanks()
    found = np.concatenate([ranks.read(scores[:700], ties[:700]), ranks.read(scores[700:], ties[700:])])
    for i in (0, 1, 511, 512, 699, 700, 1_299):
        below, equal = (scores[:i] < scores[i]).sum(), (scores[: i + 1] == scores[i]).sum()
        assert found[i] == pytest.approx((below + ties[i] * equal) / (i + 1), abs=1e-12)


def test_ranks_within_a_season_do_not_see_the_season() -> None:
    rng = np.random.default_rng(1)
    season = np.repeat([0, 1], 2_000)
    scores = rng.normal(size=4_000) + 3.0 * season
    blind = OnlineRanks().read(scores, rng.random(4_000))
    told = OnlineRanks().read(scores, rng.random(4_000), season)
    assert blind[2_000:].mean() > 0.7
    assert told[2_000:].mean() == pytest.approx(0.5, abs=5 * math.sqrt(1 / 12 / 2_000))


def test_wealth_is_the_mean_over_starts_and_slopes() -> None:
    uniforms = np.array([[0.9, 0.8], [0.7, 0.2]])
    bets = ShiftBets(2)
    for day in uniforms:
        bets.read(day)
    slopes = np.array([-0.8, -0.4, -0.2, -0.1, 0.1, 0.2, 0.4, 0.8])
    factor = 1 + slopes[:, None, None] * (2 * uniforms - 1)
    early, late = factor.prod(axis=(1, 2)).mean(), factor[:, 1].prod(axis=1).mean()
    assert math.exp(bets.evidence) == pytest.approx((early + late) / 2)
    assert bets.since == int(np.argmax([early, late]))


def null_alarms(streams: int, seed: int, make: object) -> int:
    """Streams of exchangeable rounds in which one monitor's wealth ever reached 20."""
    count = 0
    for s in range(streams):
        rng = np.random.default_rng([seed, s])
        bets, ranks = ShiftBets(DAYS), OnlineRanks()
        scores = make(rng)  # type: ignore[operator]
        uniforms = ranks.read(scores, rng.random(len(scores)))
        top = -math.inf
        for day in np.split(uniforms, DAYS):
            bets.read(day)
            top = max(top, bets.evidence)
        count += top >= math.log(20)
    return count


@pytest.mark.parametrize(
    "make",
    [lambda rng: rng.binomial(1, 0.3, DAYS * PER_DAY).astype(float), lambda rng: rng.standard_cauchy(DAYS * PER_DAY)],
    ids=["clicks", "heavy tails"],
)
def test_a_monitor_alarms_falsely_in_at_most_one_stream_in_twenty(make: object) -> None:
    assert null_alarms(1_000, 5, make) <= binomial_most(1_000, 0.05)


def test_an_untrue_threshold_would_be_seen() -> None:
    """The same streams, tested each day at 5 % as if it were the only day: the band above is no formality."""
    count = 0
    for s in range(1_000):
        clicks = np.random.default_rng([5, s]).binomial(1, 0.3, DAYS * PER_DAY)
        seen = np.cumsum(clicks.reshape(DAYS, PER_DAY).sum(axis=1))
        n = PER_DAY * np.arange(1, DAYS + 1)
        count += bool((np.abs(seen - 0.3 * n) / np.sqrt(0.21 * n) > 1.96).any())
    assert count > binomial_most(1_000, 0.05)


class World:
    """Rounds of a softmax policy over four items; what goes wrong is turned on from a day on."""

    def __init__(self, seed: int, n: int = 400) -> None:
        self.rng, self.n = np.random.default_rng(seed), n

    def day(self, *, sold: float = 0.0, swap: float = 0.0, tilt: float = 0.0, wrong: float = 1.0, older: float = 0.0):  # type: ignore[no-untyped-def]
        rng, n = self.rng, self.n
        x = rng.normal(size=n) + older
        predicted = 0.3 + 0.1 * np.tile([1.0, 0.5, -0.5, -1.0], (n, 1))
        chances = np.tile([0.4, 0.3, 0.2, 0.1], (n, 1))
        drawn = np.tile(np.array([0.4, 0.3, 0.2, 0.1]) + tilt * np.array([1, 1, -1, -1]), (n, 1))
        action = (rng.random(n)[:, None] > np.cumsum(drawn, axis=1)).sum(axis=1)
        chance = predicted + sold + swap * np.array([1.0, -1.0, 1.0, -1.0])
        reward = (rng.random(n) < chance[np.arange(n), action]).astype(float)
        propensity = np.minimum(chances[np.arange(n), action] * wrong, 1.0)
        contexts = pd.DataFrame({"user_id": np.arange(n), "age": x, "day": 0})
        return Rounds(BanditLog(contexts, action, reward, propensity, 4), chances, predicted)


def alarms(seed: int, days: int = 20, change: int = 10, **moved: float) -> tuple[str | None, int]:
    world, monitor = World(seed), Monitor(0.05, days, np.array([0, 0, 1, 1]))
    for day in range(days):
        reading = monitor.read(world.day(**(moved if day >= change else {})), np.random.default_rng([seed, day]))
        if reading.alarm:
            return reading.alarm, day
    return None, days


@pytest.mark.parametrize(
    ("moved", "by"),
    [
        ({"sold": 0.15}, {"reward", "calibration"}),
        ({"swap": 0.15}, {"calibration"}),
        ({"tilt": 0.08}, {"propensity"}),
        ({"wrong": 0.7}, {"propensity"}),
        ({"wrong": 1.4}, {"propensity"}),
        ({"older": 0.5}, {"features"}),
    ],
)
def test_the_monitor_that_should_speaks_soon(moved: dict[str, float], by: set[str]) -> None:
    """By day 14 of a change on day 10, and not before it; the estimated day is near."""
    if "swap" in moved:
        name, day = swapped_alarm()
    else:
        name, day = alarms(3, **moved)
    assert name in by
    assert 10 <= day <= 14


def swapped_alarm() -> tuple[str | None, int]:
    """Half of the items sell more and half less: only calibration within groups of items sees it."""
    world, monitor = World(3, n=800), Monitor(0.05, 20, np.arange(4))
    for day in range(20):
        moved = {"swap": 0.15} if day >= 10 else {}
        reading = monitor.read(world.day(**moved), np.random.default_rng([3, day]))
        if reading.alarm:
            assert abs(reading.since["calibration"] - 10) <= 2
            return reading.alarm, day
    return None, 20


def test_all_monitors_together_keep_their_level() -> None:
    false = sum(alarms(100 + s, days=6, change=6)[0] is not None for s in range(150))
    assert false <= binomial_most(150, 0.05)


def test_monitors_refuse_what_they_cannot_read() -> None:
    with pytest.raises(ValueError, match="unknown monitors"):
        Monitor(0.05, 10, names=("rewards",))
    with pytest.raises(ValueError, match="chance in"):
        Monitor(0.0, 10)
    rounds = World(0).day()
    bare = BanditLog(rounds.log.contexts, rounds.log.action, rounds.log.reward, None, 4)
    with pytest.raises(ValueError, match="no propensities"):
        Monitor(0.05, 10).read(Rounds(bare, rounds.chances), np.random.default_rng(0))


def constant(rng: np.random.Generator, x: np.ndarray, season: int | None = 0) -> Rounds:
    """Rounds that earn nothing, shown by a standing coin; only the columns of the contexts are of interest."""
    n = len(x)
    chances = np.tile([0.4, 0.6], (n, 1))
    action = (rng.random(n) < 0.6).astype(np.int64)
    contexts = pd.DataFrame(np.atleast_2d(x.T).T).add_prefix("x")
    return Rounds(BanditLog(contexts, action, np.zeros(n), chances[0, action], 2), chances, None, season)


def test_missing_values_of_a_column_are_no_change() -> None:
    rng, monitor = np.random.default_rng(0), Monitor(0.05, 10)
    for day in range(10):
        x = np.where(rng.random(300) < (0.3 if day < 7 else 0.6), np.nan, rng.normal(size=300))
        reading = monitor.read(constant(rng, x), rng)
        assert (reading.alarm is None) == (day < 7)  # unless more of them are missing than before
    integers = pd.Series([1, None, 3], dtype="Int64").to_frame("count")
    log = BanditLog(integers, np.zeros(3, dtype=np.int64), np.zeros(3), np.ones(3), 1)
    assert Monitor(0.05, 3).read(Rounds(log, np.ones((3, 1))), rng).alarm is None


def test_a_day_in_which_the_season_changes_is_not_ranked() -> None:
    rng, monitor = np.random.default_rng(0), Monitor(0.05, 10, names=("reward", "features"))
    before = [monitor.read(constant(rng, rng.normal(size=400)), rng).evidence for _ in range(3)][-1]
    mixed = monitor.read(constant(rng, rng.normal(size=400) + np.linspace(0, 9, 400), season=None), rng)
    assert mixed.evidence == before
    after = monitor.read(constant(rng, rng.normal(size=400) + 9.0, season=1), rng)
    assert after.alarm is None
    assert monitor.read(constant(rng, rng.normal(size=400) + 12.0, season=1), rng).alarm == "features"


def test_the_loudest_column_pays_for_being_chosen() -> None:
    rng, both, alone = np.random.default_rng(0), Monitor(0.05, 4), Monitor(0.05, 4)
    x, seed = rng.normal(size=500) + np.repeat([0.0, 0.7], 250), np.random.default_rng
    found = [m.read(constant(seed(1), c), seed(2)) for m, c in ((alone, x), (both, np.column_stack([x, x, x, x])))]
    one, four = (reading.evidence["features"] for reading in found)
    assert four == pytest.approx(one - math.log(4), abs=1.0)  # but for other ties
    assert four > 3.0


def test_a_bound_that_is_the_mean_is_not_bet_on_to_the_last_digit() -> None:
    bets = MeanBets(1.0, above=False)
    bets.read(np.full(200, 1.0 - 1e-16), 0.0, np.full(200, np.nextafter(1.0, 2.0)))
    assert bets.evidence == 0.0


def test_monitors_are_named_each_once() -> None:
    for names in ((), ("reward", "reward")):
        with pytest.raises(ValueError, match="each once"):
            Monitor(0.05, 10, names=names)


def rollout(seed: int, gain: float, guardrail: Guardrail, n: int = 300) -> str:
    """A rollout over two items whose true difference of values is `gain` times 0.6."""
    rng, test = np.random.default_rng(seed), Rollout(guardrail)
    old, new = np.tile([0.8, 0.2], (n, 1)), np.tile([0.2, 0.8], (n, 1))
    mixed = (1 - guardrail.share) * old[0, 1] + guardrail.share * new[0, 1]
    while True:
        action = (rng.random(n) < mixed).astype(np.int64)
        reward = (rng.random(n) < 0.4 + gain * action).astype(float)
        verdict = test.read(reward, action, old, new)
        if verdict.decision != "continue":
            return verdict.decision


def test_the_guardrail_keeps_both_of_its_levels() -> None:
    """At the edge of harm a candidate is kept, and at no harm rolled back before its time, in at most 5 %."""
    terms = Guardrail(share=0.5, margin=0.03, days=8)
    kept = sum(rollout(s, -0.05, terms) == "keep" for s in range(300))
    assert kept <= binomial_most(300, 0.05)
    long = Guardrail(share=0.5, margin=0.03, days=10_000)
    back = sum(rollout(s, 0.0, long) == "roll back" for s in range(150))
    assert back <= binomial_most(150, 0.05)


def test_the_guardrail_finds_good_and_bad_candidates() -> None:
    terms = Guardrail(share=0.3, margin=0.02, days=15)
    assert [rollout(s, 0.3, terms) for s in range(20)].count("keep") >= 18
    assert [rollout(s, -0.3, terms) for s in range(20)].count("roll back") == 20


def test_the_guardrail_s_difference_is_unbiased() -> None:
    rng, n, total = np.random.default_rng(0), 200_000, Rollout(Guardrail(share=0.3))
    old, new = np.tile([0.8, 0.2], (n, 1)), np.tile([0.2, 0.8], (n, 1))
    action = (rng.random(n) < 0.7 * 0.2 + 0.3 * 0.8).astype(np.int64)
    reward = (rng.random(n) < 0.4 + 0.2 * action).astype(float)
    verdict = total.read(reward, action, old, new)
    assert verdict.difference == pytest.approx(0.2 * 0.6, abs=5 * verdict.std_error)
    assert verdict.std_error < 0.004


def test_mean_bets_stop_at_the_edge_of_their_room() -> None:
    bets = MeanBets(0.0, above=True)
    bets.read(np.zeros(3), 0.0, 1.0)  # no room below the mean: nothing can be bet
    assert bets.evidence == 0.0
    with pytest.raises(ValueError, match="outside"):
        Rollout(Guardrail()).read(np.array([2.0]), np.array([0]), np.ones((1, 1)), np.ones((1, 1)))
    with pytest.raises(ValueError, match="share"):
        Guardrail(share=1.0)
