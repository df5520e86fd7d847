"""Panels under hostile input: bands, copies of the treatment, odd times, weights of zero, flat outcomes."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.causal import effects

KEYS = {"unit": "unit", "time": "time", "cohort": "cohort"}


def tiny(seed=0, units=24, periods=6):
    rng = np.random.default_rng(seed)
    start = np.resize([3.0, 5.0, math.nan], units)
    frame = pd.DataFrame(list(itertools.product(range(units), range(1, periods + 1))), columns=["unit", "time"])
    frame = frame.assign(cohort=start[frame["unit"]], moving=rng.standard_normal(len(frame)))
    return frame.assign(y=rng.standard_normal(len(frame)) + frame["time"] + (frame["time"] >= frame["cohort"]))


def test_a_band_is_never_narrower_than_the_interval_of_one_effect():
    frame = tiny().query("time in (2, 3) and cohort != 5")
    for seed in range(8):
        only = effects.did(frame, "y", seed=seed, **KEYS).att().iloc[0]
        assert (only["band_low"], only["band_high"]) == (only["low"], only["high"])
    table = effects.did(tiny(), "y", **KEYS).att()
    assert (table["band_low"] < table["low"]).all()


def test_weights_of_two_way_effects_are_de_chaisemartin_and_d_haultfoeuille_s():
    import statsmodels.formula.api as smf

    early = tiny(1, periods=9).assign(cohort=lambda f: f["cohort"].where(f["unit"] % 3 < 2, 8.0))  # nobody is never
    for frame in (early, early.sample(frac=0.7, random_state=1)):
        rows = frame.assign(d=(frame["time"] >= frame["cohort"]).astype(float))
        rows["left"] = smf.ols("d ~ C(unit) + C(time)", rows).fit().resid
        cells = rows[rows["d"] == 1].groupby(["cohort", "time"])["left"].sum()
        found = effects.two_way_weights(frame, **KEYS)["weight"]
        assert found.to_numpy() == pytest.approx((cells / cells.sum()).to_numpy(), abs=1e-9)
        assert (found < 0).any()


def test_covariates_that_say_nothing_new_to_two_way_effects_change_nothing_and_the_treatment_itself_is_refused():
    frame = tiny(2)
    for rows in (frame, frame.sample(frac=0.8, random_state=0)):
        plain = effects.two_way(rows, "y", ["moving"], **KEYS)
        more = rows.assign(clock=0.1 * rows["time"] + rows["unit"], always=0.1)
        found = effects.two_way(more, "y", ["moving", "clock", "always"], **KEYS)
        assert (found.value, found.std_error) == (pytest.approx(plain.value), pytest.approx(plain.std_error))
        copy = rows.assign(treated=(rows["time"] >= rows["cohort"]).astype(float))
        with pytest.raises(ValueError, match="covariates determine the treatment"):
            effects.two_way(copy, "y", ["treated"], **KEYS)


def test_units_of_weight_zero_are_no_units():
    frame = tiny(3).assign(w=lambda f: (f["unit"] > 3).astype(float))
    weighed, dropped = effects.did(frame, "y", weights="w", **KEYS), effects.did(frame.query("unit > 3"), "y", **KEYS)
    pd.testing.assert_frame_equal(weighed.att(), dropped.att())
    assert weighed.average().std_error == pytest.approx(dropped.average().std_error)
    assert any("weight zero" in note for note in weighed.notes)
    both = [effects.two_way(rows, "y", weights="w", **KEYS) for rows in (frame, frame.query("unit > 3"))]
    assert both[0].std_error == pytest.approx(both[1].std_error)


def test_a_flat_outcome_has_bounds_too():
    found = effects.did(tiny().assign(y=1.0), "y", **KEYS)
    table = found.sensitivity()
    assert (table[["low", "high"]] == 0).all(axis=None)
    assert not table["excludes_zero"].any()
    assert found.breakdown() == 0.0
    assert (found.event_study()[["band_low", "band_high"]] == 0).all(axis=None)


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        (lambda f: f, {"anticipation": 10}, r"anticipation=10.*6 periods"),
        (lambda f: f, {"anticipation": math.nan}, r"anticipation=nan"),
        (lambda f: f.assign(time=f["time"].astype(float).replace(2, math.inf)), {}, "'time' is infinite.*row 1"),
        (lambda f: pd.concat([f, f[["time"]]], axis=1), {}, "'time' stands 2 times"),
        (lambda f: f.assign(time="2025-01-0" + f["time"].astype(str)), {}, r"numbers or dates \(pd.to_datetime"),
        (lambda f: f.assign(time=f["time"] - 1, cohort=(f["cohort"] - 1).fillna(0)), {}, "0 is a period here"),
        (lambda f: f.sample(frac=1, random_state=0).drop_duplicates("unit"), {}, "seen both in a period and in"),
        (lambda f: f.assign(w=f["cohort"].notna() * 1.0), {"weights": "w"}, "no unit is never treated"),
    ],
)  # fmt: skip
def test_odd_panels_are_refused_with_a_way_out(change, options, words):
    with pytest.raises(ValueError, match=words):
        effects.did(change(tiny()), "y", **{**KEYS, **options})
