"""What results say of themselves: a judgement at the end, and no word that says nothing."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.causal import effects, refute
from causalrec_lab.causal.effects.diagnostics import check_overlap
from causalrec_lab.causal.effects.nuisances.means import cross_fit_means
from causalrec_lab.causal.effects.sample import read_sample

KEYS = {"unit": "unit", "time": "time", "cohort": "cohort"}


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    n = 600
    x, z = rng.normal(size=n), rng.integers(2, size=n)
    h = rng.normal(size=n)
    t = (rng.uniform(size=n) < 1 / (1 + np.exp(-(2.5 * z - 1.2 + h)))).astype(int)
    m = t + rng.normal(size=n)
    return pd.DataFrame({"t": t, "y": m + h + rng.normal(size=n), "x": x, "z": z, "m": m})


def panel(trend=0.0, seed=1):
    rng = np.random.default_rng(seed)
    start = np.resize([2.0, 3.0, np.nan, np.nan], 200)
    frame = pd.DataFrame({"unit": np.repeat(np.arange(200), 5), "time": np.tile(np.arange(5), 200)})
    unit, time = frame["unit"].to_numpy(), frame["time"].to_numpy()
    treated = time >= np.nan_to_num(start, nan=np.inf)[unit]
    y = treated + trend * time * np.isfinite(start[unit]) + rng.normal(size=len(frame))
    return frame.assign(cohort=start[unit], y=y)


def test_an_instrument_s_estimate_ends_with_what_it_cannot_see(frame):
    strong = effects.iv(frame, "t", "y", ["x"], instrument="z")
    assert strong.notes[-1].startswith("no alarm: first-stage F")
    assert "an instrument that reaches the outcome by another way" in strong.notes[-1]
    noise = frame.assign(z=np.random.default_rng(2).integers(2, size=600))
    weak = effects.iv(noise, "t", "y", ["x"], instrument="z")
    assert weak.notes[-1].startswith("read with care: weak instrument")


def test_a_panel_s_estimates_end_with_what_they_cannot_see():
    calm, parting = (effects.did(panel(trend), "y", **KEYS).average() for trend in (0.0, 1.0))
    assert calm.notes[-1].startswith("no alarm: no trend before treatment is seen (p = ")
    assert parting.notes[-1].startswith("read with care: cohorts moved apart before treatment")
    for found in (calm, parting, effects.two_way(panel(), "y", **KEYS)):
        assert "trends that part only once treatment begins" in found.notes[-1]
    assert "trends that part" in effects.did(panel(), "y", **KEYS)._repr_html_()


def test_a_front_door_s_estimate_ends_with_what_it_cannot_see(frame):
    assert "goes past the mediators" in effects.front_door(frame, "t", "y", "m", ["x"]).notes[-1]


@pytest.mark.parametrize("value", [0.0, 1.0, 5.0])
@pytest.mark.parametrize("name", ["regression", "ipw", "aipw", "tmle", "dml", "matching"])
def test_an_outcome_that_is_always_the_same_has_no_effect_and_says_why(frame, name, value):
    found = getattr(effects, name)(frame.assign(y=value), "t", "y", ["x"])
    assert found.value == 0.0
    assert any("the outcome is the same in every row" in note for note in found.notes)


def test_a_constant_is_not_read_as_a_share(frame):
    sample = read_sample(frame.assign(y=5.0), "t", "y", ["x"])
    assert not sample.binary_outcome
    means = cross_fit_means(sample, sample.outcome[:, None], nuisance="linear", folds=3, seed=0)
    np.testing.assert_allclose(means, 0.0, atol=1e-12)


def test_rows_of_weight_zero_neither_make_nor_break_overlap(frame):
    sample = read_sample(frame.assign(w=np.r_[0.0, np.ones(599)]), "t", "y", ["x"], weights="w")
    apart = np.where(sample.treated, 0.9, 0.1)
    apart[0] = 0.05 if sample.treated[0] else 0.95  # the one row that crosses counts for nothing
    with pytest.raises(ValueError, match="empty overlap"):
        check_overlap(sample, apart)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (1, "one group holds every row; folds keep groups whole and need two or more"),
        (2, "only 2 groups to deal to them; use 2 folds"),
        (3, "only 3 groups to deal to them; use 2 to 3 folds"),
    ],
)
def test_too_few_groups_get_a_way_out_that_works(frame, groups, message):
    table = frame.assign(g=np.arange(600) % groups, level=np.arange(600) % 3)
    with pytest.raises(ValueError, match=message):
        effects.aipw(table, "t", "y", ["x"], groups="g")
    with pytest.raises(ValueError, match=message):
        effects.contrasts(table, "level", "y", ["x"], groups="g")
    if groups > 1:
        assert effects.aipw(table, "t", "y", ["x"], groups="g", folds=groups).n == 600


def test_a_random_cause_says_when_nothing_read_it(frame):
    told = refute.random_cause(effects.naive, frame, "t", "y", [], repetitions=5)
    assert "nothing was tested" in str(told)
    assert "as it should" not in str(told)
    alone = refute.random_cause(effects.regression, frame, "t", "y", [], repetitions=5)
    assert "a random cause as the only covariate" in str(alone)
    beside = refute.random_cause(effects.regression, frame, "t", "y", ["x"], repetitions=5)
    assert "a random cause among the covariates" in str(beside)


@pytest.mark.parametrize("name", ["dr_learner", "r_learner", "t_learner"])
def test_effects_of_rows_that_bend_beyond_what_few_rows_bear_are_said(frame, name):
    few = frame.groupby("t").head(10).reset_index(drop=True)
    learner = getattr(effects, name)
    told = learner(few, "t", "y", ["x", "m"], folds=2)
    assert "rows of the smaller arm" in told.notes[0]
    assert "rows of the smaller arm" in told._repr_html_()
    assert learner(frame, "t", "y", ["x", "m"], folds=2).notes == ()
    assert learner(few, "t", "y", ["x", "m"], folds=2, learner="linear").notes == ()
