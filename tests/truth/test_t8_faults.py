"""Detectable faults raise their diagnostic, sound runs hardly ever do; what cannot be seen is bounded (a small T8).

The bands are exact binomial: a diagnostic with power .90 and false alarms of 7 % leaves them by chance less than once
in a million runs.
"""

import numpy as np
import pytest
from scipy.stats import binom

from causalrec_lab import world
from causalrec_lab.causal import effects, refute
from causalrec_lab.intervention import experiment

RUNS, ROWS = 40, 2_000
LEAST, MOST = binom.ppf(1e-6, RUNS, 0.90), binom.ppf(1 - 1e-6, RUNS, 0.07)


@pytest.fixture(scope="module")
def platforms():
    dials = {"sound": {}, "no overlap": {"overlap": 0.1}, "weak": {"instrument": 0.15}}
    made = {"seed": 11, "n_users": ROWS, "n_items": ROWS, "base_rate": "common"}
    return {name: world.Platform.make(**made, **dial) for name, dial in dials.items()}


@pytest.fixture(scope="module")
def logs(platforms):
    return {name: [p.log(ROWS, seed).decisions for seed in range(RUNS)] for name, p in platforms.items()}


def alarms(runs, estimator, words, **options):
    covariates = ["affinity_hat", "log_popularity", "activity", "log_exposures"]
    found = [estimator(log, "treated", "click", covariates, **options) for log in runs]
    return sum(any(n.startswith("warning") and words in n for n in estimate.notes) for estimate in found)


def test_missing_overlap_is_warned_of(logs):
    options = {"estimator": effects.ipw, "words": "overlap is poor", "nuisance": "linear"}
    assert alarms(logs["no overlap"], **options) >= LEAST
    assert alarms(logs["sound"], **options) <= MOST


def test_a_weak_instrument_is_warned_of(logs):
    options = {"estimator": effects.iv, "words": "weak instrument", "instrument": "z"}
    assert alarms(logs["weak"], **options) >= LEAST
    assert alarms(logs["sound"], **options) <= MOST


def test_wrong_propensities_are_warned_of(logs):
    options = {"estimator": effects.ipw, "words": "contradicts its propensities", "propensity": "propensity"}
    misread = [log.assign(propensity=flattened(log["propensity"])) for log in logs["sound"]]
    assert alarms(misread, **options) >= LEAST
    assert alarms(logs["sound"], **options) <= MOST


def flattened(propensity):
    """Propensities with half the log-odds."""
    return 1 / (1 + np.sqrt((1 - propensity) / propensity))


@pytest.mark.parametrize(("slope", "low", "high"), [(0.3, LEAST, RUNS), (0.0, 0, MOST)])
def test_trends_that_are_not_parallel_are_seen_before_treatment(slope, low, high):
    seen = 0
    for seed in range(RUNS):
        panel = world.rollout(seed, n_units=400, broken_trends=slope).panel(seed)
        found = effects.did(panel, "outcome", unit="unit", time="time", cohort="cohort", cluster="region")
        seen += found.pretrend().p_value < 0.05
    assert low <= seen <= high


@pytest.mark.parametrize(("lost", "low", "high"), [(0.10, LEAST, RUNS), (0.0, 0, MOST)])
def test_arms_of_the_wrong_size_are_seen(lost, low, high):
    rng = np.random.default_rng(5)
    treated = rng.binomial(10_000, 0.5, size=RUNS)
    kept = rng.binomial(treated, 1 - lost)
    alarms = sum(experiment.srm([10_000 - int(t), int(k)]).mismatch for t, k in zip(treated, kept, strict=True))
    assert low <= alarms <= high


def test_a_hidden_confounder_is_not_seen_but_bounded_and_shown_by_a_negative_control():
    made = {"seed": 11, "n_users": ROWS, "n_items": ROWS, "base_rate": "common", "confounding": 1.0}
    platform, twin = world.Platform.make(**made), world.Platform.make(**made, effect=0.0)
    truth, strength, runs = platform.truth.ate("click").value, true_strength(platform), 30
    covered = held = shown = 0
    for seed in range(runs):
        log = platform.log(ROWS, seed).decisions
        other = twin.log(ROWS, seed).decisions  # the same decisions where nothing has an effect
        assert (other["treated"].to_numpy() == log["treated"].to_numpy()).all()
        covered += effects.aipw(log, "treated", "click", platform.covariates).covers(truth)
        held += refute.bias_bounds(log, "treated", "click", platform.covariates, **strength).contains(truth)
        control = log.assign(earlier=other["click"].to_numpy())
        shown += refute.placebo_outcome(effects.aipw, control, "treated", "earlier", platform.covariates).failed
    assert covered < binom.ppf(1e-6, runs, 0.95)
    assert held >= binom.ppf(1e-6, runs, 0.95)
    assert shown >= binom.ppf(1e-6, runs, 0.80)


def true_strength(platform):
    """Strength of the hidden trait beyond the columns, by putting it in; worst correlation."""
    log = platform.log(40_000, 10_000_019).decisions
    pairs = platform.population.at(log["user_id"].to_numpy(), log["item_id"].to_numpy())
    log = log.assign(h=pairs.hidden)
    short, long = (
        refute.bias_bounds(log, "treated", "click", columns).short
        for columns in (platform.covariates, [*platform.covariates, "h"])
    )
    found = refute.confounder_strength(short, long)
    return {"r2_treatment": found["r2_treatment"], "r2_outcome": found["r2_outcome"]}
