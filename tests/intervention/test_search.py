"""Searches over strategies and what their winners are worth: coverage, median bias, exhaustive search, bad input."""

import math
from dataclasses import replace

import numpy as np
import optuna
import pandas as pd
import pytest

from causalrec_lab.causal.effects.panel.aggregation import sup_t
from causalrec_lab.intervention import FixedPolicy, learning
from causalrec_lab.intervention.learning.winners import corrected_value
from causalrec_lab.world import Platform


def races(means, covariance, method, *, handicap=0.0, repeats=300, seed=0):
    """Of repeated choices of the best: how often the interval covers, how often the value is too large."""
    rng, root = np.random.default_rng(seed), np.linalg.cholesky(covariance)
    off = np.broadcast_to(handicap, means.shape)
    reach = math.inf if method == "conditional" else sup_t(covariance, 1 - 0.05 * (0.1 if method == "hybrid" else 1), 0)
    covered = high = plain = 0
    for _ in range(repeats):
        x = means + root @ rng.normal(size=len(means))
        best, value, ends, _ = corrected_value(x, covariance, off, method, 0.95, reach)
        covered += ends[0] <= means[best] <= ends[1]
        high += value > means[best]
        plain += abs(x[best] - means[best]) < 1.96 * math.sqrt(covariance[best, best])
    return covered, high, plain


K = 12
ALIKE, SPREAD = np.zeros(K), np.linspace(0, 3, K)
OWN = np.eye(K)
SHARED = 0.6 * np.ones((K, K)) + 0.4 * np.diag(np.linspace(0.5, 2, K))


@pytest.mark.parametrize("means", [ALIKE, SPREAD], ids=["all alike", "a race"])
@pytest.mark.parametrize("covariance", [OWN, SHARED], ids=["independent", "correlated"])
def test_the_winner_s_interval_covers_and_its_value_is_too_large_half_the_time(means, covariance):
    covered, high, _ = races(means, covariance, "hybrid")
    assert covered >= 264  # binomial(300, .95): P(< 264) < 1e-6
    assert 106 <= high <= 194  # binomial(300, .5 +- .0025), two-sided 1e-6
    covered, high, _ = races(means, covariance, "conditional", seed=1)
    assert 264 <= covered <= 299
    assert 106 <= high <= 194


def test_the_usual_interval_of_the_winner_does_not_cover():
    covered, _, plain = races(ALIKE, OWN, "projection")
    assert covered >= 264
    assert plain < 264  # the largest of twelve stays below 1.96 in (1 - .025)^12, three races of four


def test_a_handicap_is_part_of_the_choice():
    """Candidates of unlike noise, chosen by a lower bound: the correction knows how they were chosen."""
    covariance = np.diag(np.linspace(0.2, 3, K) ** 2)
    covered, high, _ = races(ALIKE, covariance, "hybrid", handicap=1.645 * np.sqrt(np.diag(covariance)))
    assert covered >= 264
    assert 106 <= high <= 194


def test_a_clear_winner_needs_no_correction_and_a_close_one_does():
    clear = learning.winner([10.0, 0.0, 0.0], np.eye(3), method="conditional")
    assert clear.value == pytest.approx(10.0, abs=1e-3)
    assert clear.high - clear.low == pytest.approx(2 * 1.959964, abs=1e-2)
    close = learning.winner([1.0, 0.99, 0.0], np.eye(3))
    assert close.value < 1.0
    outer = learning.winner([1.0, 0.99, 0.0], np.eye(3), method="projection", level=0.995)
    assert outer.low - 0.05 < close.low < close.high < outer.high
    assert math.isfinite(learning.winner([1.0, 1.0 - 1e-9, 0.0], np.eye(3), method="conditional").low)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0], [[1.0]]), "two candidates at least"),
        (([1.0, 2.0], np.eye(3)), "covariance"),
        (([1.0, math.nan], np.eye(2)), "not finite"),
        (([1.0, 2.0], np.zeros((2, 2))), "no positive variance"),
    ],
)
def test_races_without_a_winner(arguments, message):
    with pytest.raises(ValueError, match=message):
        learning.winner(*arguments)
    with pytest.raises(ValueError, match="unknown method 'hybrids'"):
        learning.winner([1.0, 2.0], np.eye(2), method="hybrids")


PLATFORM = Platform.make(seed=2, n_users=800, n_items=12, base_rate="common")
TODAY = PLATFORM.logging_policy(temperature=3.0)
GROUPS = PLATFORM.items["category"].astype(str).to_list()


def searched(n=3_000, seed=0, **options):
    log = PLATFORM.slates(TODAY, n, seed=seed)
    make, space = learning.strategies(TODAY, GROUPS, log.contexts, who=["age", "activity"], strength=(0.0, 3.0))
    return learning.search(log, make, space, **({"trials": 40, "seed": seed} | options))


def test_a_search_finds_what_trying_everything_finds():
    log = PLATFORM.slates(TODAY, 3_000, seed=1)
    make, space = learning.strategies(TODAY, GROUPS, log.contexts)
    names = space["what"].options
    few = {"what": space["what"], "strength": learning.Choice((0.0, 0.5, 1.0, 2.0))}
    found = learning.search(log, make, few, trials=60, seed=0)
    tried = found.trials.drop_duplicates(["what", "strength"])
    assert len(tried) >= 0.6 * 4 * len(names)
    assert found.trials["lower"].max() == pytest.approx(
        float(found.promised.value - 1.645 * found.promised.std_error), abs=1e-9
    )
    assert found.settings == {k: tried.sort_values("lower").iloc[-1][k] for k in few}


def test_the_held_out_value_covers_the_winner_s_truth():
    inside = too_good = 0
    for seed in range(20):
        found = searched(600, seed, trials=15, sampler="random")
        truth = float(PLATFORM.truth.policy_value(found))
        inside += found.held_out.covers(truth)
        too_good += found.promised.value > truth
        assert found.corrected is not None
    assert inside >= 12  # binomial(20, .95): P(< 12) < 1e-6
    assert too_good >= 11


def test_a_search_is_the_same_again_and_says_what_it_found():
    one, two = searched(), searched()
    pd.testing.assert_frame_equal(one.trials, two.trials)
    assert one.corrected is None  # what TPE tries depends on the log
    assert np.isnan(one.summary().loc["corrected"]).all()
    assert "let the choosing rounds decide" in one.notes[0]
    assert "let the choosing rounds decide" in one._repr_html_()
    fixed = searched(sampler="random")
    assert fixed.corrected is not None
    assert fixed.summary().loc["corrected", "value"] == fixed.corrected.value
    assert fixed.notes == ()
    assert "the best of 40" in one.found.notes[0]
    assert one.plot(truth=1.0).get_ylabel() == "policy value"
    assert "held out" in one._repr_html_()
    assert one.probabilities(PLATFORM.contexts()).shape == (800, 12)


@pytest.mark.parametrize("loud", [optuna.logging.DEBUG, optuna.logging.ERROR])
def test_a_search_leaves_how_loud_optuna_is(loud):
    before = optuna.logging.get_verbosity()
    try:
        optuna.logging.set_verbosity(loud)
        searched(200, trials=np.int64(2))
        assert optuna.logging.get_verbosity() == loud
    finally:
        optuna.logging.set_verbosity(before)


def test_strategies_lean_only_where_and_when_they_should():
    log = PLATFORM.slates(TODAY, 200, seed=0)
    contexts = log.contexts.assign(day=np.arange(200) % 10)
    make, space = learning.strategies(TODAY, GROUPS, contexts, who=["age"], when="day")
    assert set(space) == {"what", "strength", "who", "who_from", "who_share", "when_from", "when_share"}
    settings = {"what": GROUPS[0], "strength": 2.0, "who": "age", "who_from": 0.5, "who_share": 0.5}
    policy = make(settings | {"when_from": 0.0, "when_share": 0.5})
    before, after = TODAY.probabilities(contexts), policy.probabilities(contexts)
    inside = policy.reached(contexts)
    assert contexts.loc[inside, "age"].min() >= contexts["age"].median()
    np.testing.assert_allclose(after[~inside], before[~inside])
    members = np.array(GROUPS) == GROUPS[0]
    assert (after[inside][:, members].sum(axis=1) > before[inside][:, members].sum(axis=1)).all()
    with pytest.raises(ValueError, match=r"no column 'ages'; .*age"):
        learning.strategies(TODAY, GROUPS, contexts, who=["ages"])
    with pytest.raises(ValueError, match="no column 'day'"):
        policy.probabilities(log.contexts)


def test_a_strategy_the_log_never_took_is_said_to_be_beyond_it():
    log = PLATFORM.slates(TODAY, 400, seed=0)
    log = log.take(log.action != 3)
    lost = learning.search(log, lambda _: FixedPolicy(np.eye(12)[3]), {"any": learning.Range(0.0, 1.0)}, trials=2)
    assert lost.found.support == 0.0
    assert any("never took" in note for note in lost.found.notes)
    assert any("never took" in note for note in lost.held_out.notes)


def test_wrong_searches():
    log = PLATFORM.slates(TODAY, 200, seed=0)
    make, space = learning.strategies(TODAY, GROUPS, log.contexts)
    for options, message in [
        ({"trials": 1}, "trials=1"), ({"sampler": "tpes"}, "unknown sampler 'tpes'"), ({"caution": -1.0}, "caution=-1"),
        ({"held_out": 0.0}, "held_out=0"), ({"trials": 5.5}, "trials=5.5: .* whole number"),
        ({"trials": "9"}, "trials='9'"), ({"trials": True}, "trials=True"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=message):
            learning.search(log, make, space, **options)
    with pytest.raises(ValueError, match="space is empty"):
        learning.search(log, make, {})
    with pytest.raises(ValueError, match="'strength' is a tuple"):
        learning.search(log, make, {"strength": (0.0, 1.0)})
    with pytest.raises(ValueError, match="no propensities"):
        learning.search(replace(log, propensity=None), make, space)
    for nothing, name in ((lambda _: None, "NoneType"), (lambda _: np.full((200, 12), 1 / 12), "ndarray")):
        with pytest.raises(TypeError, match=rf"make\(.*'strength'.* gave a {name}; return a policy"):
            learning.search(log, nothing, space, trials=2)
    with pytest.raises(TypeError, match="make is a Strategy; give a function"):
        learning.search(log, make({"what": GROUPS[0], "strength": 1.0}), space)
    with pytest.raises(ValueError, match=r"Range\(1"):
        learning.Range(1.0, 0.0)
    with pytest.raises(ValueError, match="at least one option"):
        learning.Choice(())


def test_a_strategy_as_strong_as_can_be_and_columns_that_hold_no_numbers():
    base, contexts = FixedPolicy(np.array([0.5, 0.3, 0.2])), pd.DataFrame({"x": [0.0, 1.0], "kind": ["a", "b"]})
    for strength, wanted in ((2_000.0, [0.0, 0.6, 0.4]), (-2_000.0, [1.0, 0.0, 0.0])):
        lean = learning.Strategy(base, np.array([False, True, True]), strength, {"x": (0.5, 2.0)}, {})
        np.testing.assert_allclose(lean.probabilities(contexts), [[0.5, 0.3, 0.2], wanted], atol=1e-12)
    with pytest.raises(ValueError, match=r"column 'kind' holds .* from one number to another"):
        learning.strategies(base, ["a", "b", "b"], contexts, who=["kind"])
    with pytest.raises(ValueError, match="column 'x' is not finite, first at row 1"):
        learning.strategies(base, ["a", "b", "b"], contexts.assign(x=[0.0, np.nan]), when="x")


def test_what_is_no_covariance():
    for wrong in ([[1.0, 0.9], [-0.9, 1.0]], [[1.0, 3.0], [3.0, 1.0]]):
        with pytest.raises(ValueError, match="covariance is none"):
            learning.winner([1.0, 2.0], wrong)
