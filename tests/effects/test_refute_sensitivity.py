"""Sensitivity to hidden confounding against published figures and against confounders that can be put in."""

import math

import numpy as np
import pandas as pd
import pytest

from causalrec_lab import Estimate
from causalrec_lab.causal import refute

# Violence in Darfur: Cinelli and Hazlett (2020), section 5; digits from the tests of the R package sensemakr
DARFUR = refute.Robustness(0.09731582, 0.02325654, 783)
ONE_FEMALE = 0.00916428667504862, 0.12464092303637


def test_darfur_s_robustness_values_are_the_published_ones():
    assert DARFUR.t == pytest.approx(4.18445, abs=1e-5)
    assert DARFUR.partial_r2 == pytest.approx(0.02187309, abs=1e-7)
    assert DARFUR.value == pytest.approx(0.138776, abs=1e-6)
    assert DARFUR.at_level == pytest.approx(0.07625797, abs=1e-7)
    assert all(figure in str(DARFUR) for figure in ("13.9%", "7.6%"))


def test_a_confounder_as_strong_as_being_female_leaves_what_is_published():
    r2_treatment = ONE_FEMALE[0] / (1 + ONE_FEMALE[0])
    shared = r2_treatment**2 / (1 - r2_treatment) ** 2
    odds = ONE_FEMALE[1] * (1 - shared) / (1 + math.sqrt(shared)) ** 2
    table = DARFUR.bound("female", r2_treatment, odds / (1 + odds))
    assert table["r2_treatment"].to_numpy() == pytest.approx([0.0091643, 0.0183286, 0.0274929], abs=1e-7)
    assert table["r2_outcome"].to_numpy() == pytest.approx([0.1246409, 0.2493241, 0.3740505], abs=1e-7)
    assert table["estimate"].to_numpy() == pytest.approx([0.0752203, 0.0529152, 0.0303960], abs=1e-6)
    assert table["std_error"].to_numpy() == pytest.approx([0.0218733, 0.0203501, 0.0186701], abs=1e-6)
    assert table["low"].to_numpy() == pytest.approx([0.0322830, 0.0129680, -0.0062533], abs=1e-6)
    assert table["high"].to_numpy() == pytest.approx([0.1181576, 0.0928623, 0.0670453], abs=1e-6)


def test_the_robustness_values_are_where_the_estimate_and_its_interval_reach_zero():
    assert DARFUR.adjusted(DARFUR.value, DARFUR.value).value == pytest.approx(0, abs=1e-12)
    assert DARFUR.adjusted(DARFUR.partial_r2, 1.0).value == pytest.approx(0, abs=1e-12)
    assert DARFUR.adjusted(DARFUR.at_level, DARFUR.at_level).low == pytest.approx(0, abs=1e-12)
    half = refute.Robustness(0.09731582, 0.02325654, 783, q=0.5)
    assert half.adjusted(half.value, half.value).value == pytest.approx(0.09731582 / 2, abs=1e-12)
    against = refute.Robustness(-0.09731582, 0.02325654, 783)
    assert against.value == DARFUR.value
    assert against.adjusted(0.3, 0.3).value > 0


def linear_world(n=3_000, seed=0):
    rng = np.random.default_rng(seed)
    x, z, shop = rng.normal(size=n), rng.normal(size=n), rng.integers(0, 4, size=n)
    t = 0.7 * x + 0.5 * z + 0.3 * shop + rng.normal(size=n)
    y = 0.5 * t + x + 0.8 * z - 0.2 * shop + rng.normal(size=n)
    return pd.DataFrame({"t": t, "y": y, "x": x, "z": z, "shop": [f"s{k}" for k in shop]})


def test_the_adjusted_estimate_is_the_regression_with_the_confounder_put_in():
    frame = linear_world()
    short = refute.robustness_value(frame, "t", "y", ["x", "shop"])
    long = refute.robustness_value(frame, "t", "y", ["x", "shop", "z"])
    design = pd.get_dummies(frame[["x", "shop"]], drop_first=True).astype(float).assign(one=1.0).to_numpy()

    def left(target, columns):
        return target - columns @ np.linalg.lstsq(columns, target, rcond=None)[0]

    z, t, y = (frame[name].to_numpy() for name in "zty")
    r2_treatment = np.corrcoef(left(z, design), left(t, design))[0, 1] ** 2
    with_t = np.column_stack([design, t])
    r2_outcome = np.corrcoef(left(z, with_t), left(y, with_t))[0, 1] ** 2
    found = short.adjusted(r2_treatment, r2_outcome)
    assert found.value == pytest.approx(long.estimate, abs=1e-9)
    assert found.std_error == pytest.approx(long.std_error, abs=1e-9)
    assert short.estimate > 0.6 > long.estimate


def test_the_benchmark_of_a_category_takes_all_its_levels_and_bounds_what_an_equal_confounder_does():
    frame = linear_world()
    found = refute.robustness_value(frame, "t", "y", ["x", "shop"], multiples=[1])
    assert list(found.bounds.index) == ["1 x x", "1 x shop"]
    assert found.bounds.loc["1 x x", "estimate"] < refute.robustness_value(frame, "t", "y", ["x", "shop", "z"]).estimate
    with pytest.raises(ValueError, match="benchmark 'xx' is no covariate; did you mean 'x'"):
        refute.robustness_value(frame, "t", "y", ["x"], benchmarks=["xx"])


def test_it_agrees_with_ordinary_least_squares_elsewhere_and_does_not_mind_units():
    statsmodels = pytest.importorskip("statsmodels.api")
    frame = linear_world(400)
    fit = statsmodels.OLS(frame["y"], statsmodels.add_constant(frame[["t", "x", "z"]])).fit()
    found = refute.robustness_value(frame, "t", "y", ["x", "z"])
    assert (found.estimate, found.std_error) == pytest.approx((fit.params["t"], fit.bse["t"]), rel=1e-9)
    assert found.freedom == fit.df_resid
    scaled = refute.robustness_value(frame.assign(y=frame["y"] * 1e6 + 1e7, x=frame["x"] * 1e-5), "t", "y", ["x", "z"])
    assert scaled.value == pytest.approx(found.value, abs=1e-6)


@pytest.mark.parametrize(
    ("given", "options", "value", "at_interval"),
    [
        ((3.9, 1.8, 8.7), {}, 7.26, 3.0),  # maternal smoking example of VanderWeele and Ding (2017)
        ((0.80, 0.71, 0.91), {}, 1.81, 1.43),  # leukaemia, the same paper
        ((1 / 0.80, 1 / 0.91, 1 / 0.71), {}, 1.81, 1.43),
        ((1.2, 0.9, 1.6), {}, 1.2 + math.sqrt(1.2 * 0.2), 1.0),
        ((4.0, 2.25, 9.0), {"scale": "odds ratio"}, 2 + math.sqrt(2), 1.5 + math.sqrt(0.75)),
        ((3.9, 1.8, 8.7), {"scale": "hazard ratio", "rare": True}, 7.26, 3.0),
    ],
)
def test_e_values_are_the_published_ones(given, options, value, at_interval):
    found = refute.e_value(*given, **options)
    assert found.value == pytest.approx(value, abs=6e-3)
    assert found.at_interval == pytest.approx(at_interval, abs=6e-3)


def test_the_e_value_of_an_estimate_knows_its_scale():
    risk = Estimate(0.2, 0.05, diagnostics={"control_mean": 0.1, "outcome_spread": 0.4})
    assert refute.e_value(risk).ratio == pytest.approx(3.0)
    assert refute.e_value(risk).value == pytest.approx(3 + math.sqrt(6))
    metres = Estimate(5.0, 1.0, diagnostics={"outcome_spread": 10.0})
    assert refute.e_value(metres).ratio == pytest.approx(math.exp(0.455))
    assert refute.e_value(metres, spread=5.0).ratio == pytest.approx(math.exp(0.91))
    with pytest.raises(ValueError, match="standard deviation"):
        refute.e_value(Estimate(1.0, 0.1))
    with pytest.raises(ValueError, match="did you mean 'odds ratio'"):
        refute.e_value(2.0, scale="odd ratio")


def test_a_confounder_as_strong_as_the_e_value_just_explains_the_effect_away():
    target = refute.e_value(2.5).value
    assert target * target / (2 * target - 1) == pytest.approx(2.5)  # the bounding factor of Ding and VanderWeele


def test_sensitivity_figures_draw_the_zero_line_and_the_benchmarks():
    found = refute.robustness_value(linear_world(500), "t", "y", ["x"])
    for what in ("estimate", "t", "nearest end"):
        ax = refute.contour(found, what=what)
        assert {"1 x x", "as estimated"} <= {text.get_text() for text in ax.texts}
    with pytest.raises(ValueError, match="unknown what"):
        refute.contour(found, what="estimates")
    assert len(refute.e_value(3.9, 1.8, 8.7).plot().lines) == 4
