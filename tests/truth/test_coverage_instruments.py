"""Coverage of instrumental-variables intervals: the platform's LATE, and instruments too weak for the usual one.

The bands are exact binomial: a right 95 % interval leaves them by chance less than once in a million runs.
"""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from causalrec_lab import world
from causalrec_lab.causal import effects

REPLICATIONS, ROWS = 60, 2_000
LOW, HIGH = binom.ppf([5e-7, 1 - 5e-7], REPLICATIONS, 0.95)


def platform(**dials):
    return world.Platform.make(seed=11, n_users=ROWS, n_items=ROWS, base_rate="common", confounding=1.0, **dials)


@pytest.mark.parametrize("method", ["2sls", "doubly-robust"])
def test_the_lottery_covers_the_late_that_a_hidden_confounder_hides_from_aipw(method):
    shop = platform(instrument=2.0)
    truth, logs = shop.truth.late("click"), [shop.log(ROWS, seed).decisions for seed in range(REPLICATIONS)]
    found = [effects.iv(log, "treated", "click", shop.covariates, instrument="z", method=method) for log in logs]
    assert LOW <= sum(estimate.covers(truth) for estimate in found) <= HIGH
    values = np.array([estimate.value for estimate in found])
    assert abs(values.mean() - truth.value) < (0.15 + 5 / np.sqrt(REPLICATIONS)) * values.std(ddof=1)
    share = np.mean([estimate.diagnostics["complier_share"] for estimate in found])
    assert share > 0.2
    assert not any("warning" in note for estimate in found for note in estimate.notes)


def test_a_lottery_that_reaches_the_outcome_by_itself_misleads_and_nothing_warns():
    shop = platform(instrument=2.0, exclusion=1.0)
    truth = shop.truth.late("click")
    found = [
        effects.iv(shop.log(ROWS, s).decisions, "treated", "click", shop.covariates, instrument="z") for s in range(30)
    ]
    assert sum(estimate.covers(truth) for estimate in found) < 20
    assert not any("warning" in note for estimate in found for note in estimate.notes)


def weak(seed, n=500, strength=0.02):
    """Strong endogeneity and an instrument that hardly moves the treatment; the effect is 1."""
    rng = np.random.default_rng(seed)
    z, hidden = rng.standard_normal((2, n))
    t = strength * z + hidden + 0.1 * rng.standard_normal(n)
    return pd.DataFrame({"z": z, "t": t, "y": t + 2 * hidden + 0.1 * rng.standard_normal(n)})


def test_with_a_weak_instrument_the_usual_interval_fails_and_anderson_rubin_s_holds():
    runs = 100
    low, high = binom.ppf([5e-7, 1 - 5e-7], runs, 0.95)
    logs = [weak(seed) for seed in range(runs)]
    covered = {
        kind: sum(effects.iv(log, "t", "y", [], instrument="z", interval=kind).covers(1.0) for log in logs)
        for kind in ("wald", "anderson-rubin")
    }
    assert low <= covered["anderson-rubin"] <= high
    assert covered["wald"] < low
