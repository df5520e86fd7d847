"""Coverage of group-time effects and their simultaneous band; two-way fixed effects beside them.

Units are drawn from a large rollout whose truth is known. The bands are exact binomial: a right 95 % interval leaves
them by chance less than once in a million runs.
"""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from causalrec_lab import world
from causalrec_lab.causal import effects

REPLICATIONS, UNITS, POPULATION = 80, 500, 20_000
LOW, HIGH = binom.ppf([5e-7, 1 - 5e-7], REPLICATIONS, 0.95)
KEYS = {"unit": "unit", "time": "time", "cohort": "cohort"}


def drawn(model, seed):
    """Units with replacement, each day with noise of its own."""
    rng = np.random.default_rng([71, seed])
    chosen = rng.integers(0, POPULATION, UNITS)
    mean = model.untreated_means[chosen] + model.effects[chosen]
    return pd.DataFrame(
        {
            "unit": np.repeat(np.arange(UNITS), model.periods),
            "time": np.tile(model.times, UNITS),
            "cohort": np.repeat(model.unit_cohort[chosen], model.periods),
            "x": np.repeat(model.x[chosen], model.periods),
            "outcome": (mean + rng.standard_normal(mean.shape)).ravel(),
        }
    )


@pytest.fixture(scope="module")
def parallel():
    model = world.rollout(5, n_units=POPULATION, periods=6, adopt=(3, 5))
    return model, [drawn(model, seed) for seed in range(REPLICATIONS)]


def test_every_average_and_the_band_over_all_cells_cover(parallel):
    model, panels = parallel
    found = [effects.did(panel, "outcome", **KEYS) for panel in panels]
    for kind in ("simple", "group", "dynamic", "calendar"):
        assert LOW <= sum(one.average(kind).covers(model.truth.att(kind)) for one in found) <= HIGH
    truth = model.truth.att_gt()["value"]
    tables = [one.att().join(truth.rename("truth")) for one in found]
    whole = [((t["band_low"] <= t["truth"]) & (t["truth"] <= t["band_high"])).all() for t in tables]
    alone = [((t["low"] <= t["truth"]) & (t["truth"] <= t["high"])).all() for t in tables]
    assert LOW <= sum(whole) <= HIGH
    assert sum(alone) < LOW  # pointwise intervals miss somewhere far more often: what the band is for
    false = binom.ppf(1 - 1e-6, REPLICATIONS, 0.05)
    assert sum(one.pretrend().p_value < 0.05 for one in found) <= false


def test_two_way_fixed_effects_cover_next_to_never_where_effects_grow(parallel):
    model, panels = parallel
    found = [effects.two_way(panel, "outcome", **KEYS) for panel in panels[:40]]
    assert sum(one.covers(model.truth.att()) for one in found) < 10


@pytest.mark.parametrize("control", ["never", "not yet"])
def test_doubly_robust_cells_cover_where_trends_follow_a_covariate(control):
    model = world.rollout(5, n_units=POPULATION, periods=6, adopt=(3, 5), covariate_trends=0.3)
    truth = model.truth.att()
    panels = [drawn(model, seed) for seed in range(REPLICATIONS)]
    found = [effects.did(panel, "outcome", ["x"], control=control, **KEYS).average() for panel in panels]
    assert LOW <= sum(one.covers(truth) for one in found) <= HIGH
    values = np.array([one.value for one in found])
    assert abs(values.mean() - truth.value) < (0.15 + 5 / np.sqrt(REPLICATIONS)) * values.std(ddof=1)
