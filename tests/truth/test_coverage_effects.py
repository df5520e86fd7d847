"""Coverage and bias of every effect estimator with a standard error, each against its own estimand (a small T1).

The bands are exact binomial: a right 95 % interval leaves them by chance less than once in a million runs.
"""

import numpy as np
import pytest
from scipy.stats import binom

from causalrec_lab import Truth, world
from causalrec_lab.causal import effects

REPLICATIONS, ROWS = 120, 2_000
LOW, HIGH = binom.ppf([5e-7, 1 - 5e-7], REPLICATIONS, 0.95)


@pytest.fixture(scope="module")
def platform():
    return world.Platform.make(seed=11, n_users=ROWS, n_items=ROWS, base_rate="common")


@pytest.fixture(scope="module")
def logs(platform):
    return [platform.log(ROWS, seed).decisions for seed in range(REPLICATIONS)]


def assert_covered(estimates, truth):
    """Covered within the band, and bias small beside what the replications can tell."""
    covered = sum(found.covers(truth) for found in estimates)
    assert LOW <= covered <= HIGH
    values = np.array([found.value for found in estimates])
    spread = values.std(ddof=1)
    assert abs(values.mean() - truth.value) < (0.15 + 5 / np.sqrt(REPLICATIONS)) * spread


@pytest.mark.parametrize("estimand", ["ATE", "ATT", "ATO"])
def test_aipw_covers_its_estimand(platform, logs, estimand):
    truth = {"ATE": platform.truth.ate, "ATT": platform.truth.att, "ATO": platform.truth.ato}[estimand]("click")
    assert_covered(
        [effects.aipw(log, "treated", "click", platform.covariates, estimand=estimand) for log in logs], truth
    )


@pytest.mark.parametrize("known", [None, "propensity"])
def test_ipw_covers_the_ate_with_a_fitted_and_a_logged_propensity(platform, logs, known):
    options = {"propensity": known}
    estimates = [effects.ipw(log, "treated", "click", platform.covariates, **options) for log in logs]
    assert_covered(estimates, platform.truth.ate("click"))


def test_the_naive_contrast_covers_almost_never_where_exposure_follows_affinity(platform, logs):
    truth = platform.truth.ate("click")
    assert sum(effects.naive(log, "treated", "click").covers(truth) for log in logs) < LOW / 2


def test_a_hidden_confounder_breaks_the_promise_and_nothing_in_the_data_says_so():
    platform = world.Platform.make(seed=11, n_users=ROWS, n_items=ROWS, base_rate="common", confounding=1.0)
    truth, logs = platform.truth.ate("click"), [platform.log(ROWS, seed).decisions for seed in range(40)]
    found = [effects.aipw(log, "treated", "click", platform.covariates) for log in logs]
    assert sum(estimate.covers(truth) for estimate in found) < 25
    assert not any("warning" in note for estimate in found for note in estimate.notes)


def test_regression_covers_the_total_effect_on_the_linear_preset():
    preset = world.linear_gaussian(seed=3)
    truth = Truth(preset.truth.path_effects("shown", "purchase").loc["total shown=>purchase", "value"])
    assert_covered(
        [effects.regression(exposed(preset, s), "shown", "purchase", ["affinity"]) for s in range(REPLICATIONS)], truth
    )


def exposed(preset, seed):
    """Rows of the linear preset whose exposure is set to 0 or 1, more often to 1 where affinity is high."""
    off, on = (preset.sample(ROWS, seed, do={"shown": value}) for value in (0.0, 1.0))
    rng = np.random.default_rng([17, seed])
    treated = rng.uniform(size=ROWS) < 1 / (1 + np.exp(-off["affinity"]))
    return on.where(treated, off, axis=0)
