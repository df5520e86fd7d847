"""Bias bounds against a confounder that can be put in, against the peer's formulas, and against their own algebra."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.causal import effects, refute
from causalrec_lab.causal.effects.nuisances.cross_fitting import cross_fit
from causalrec_lab.causal.effects.sample import read_sample
from causalrec_lab.causal.refute.riesz import short_parts, short_parts_from


def draw(n=4_000, seed=0, hidden=1.0):
    rng = np.random.default_rng(seed)
    x, a = rng.normal(size=(2, n))
    e = np.clip(1 / (1 + np.exp(-(0.6 * x + 0.6 * hidden * a))), 0.05, 0.95)
    t = (rng.uniform(size=n) < e).astype(float)
    return pd.DataFrame({"x": x, "a": a, "t": t, "y": 0.5 * t + x + hidden * a + rng.normal(size=n)})


@pytest.mark.parametrize("estimand", ["ATE", "ATT"])
def test_at_the_confounder_s_own_strength_the_bounds_hold_the_truth_and_at_half_of_it_not(estimand):
    frame = draw(20_000)
    options = {"nuisance": "spline", "folds": 5, "seed": 0, "clip": 0.01}
    parts = [
        short_parts(read_sample(frame, "t", "y", columns, estimand=estimand), estimand, **options)
        for columns in (["x"], ["x", "a"])
    ]
    strength = refute.confounder_strength(*parts)
    change = strength.pop("change")
    found = refute.bias_bounds(frame, "t", "y", ["x"], estimand=estimand, **strength)
    assert abs(parts[0].value - 0.5) > 10 * np.std(parts[0].influence) / np.sqrt(20_000)
    assert found.contains(0.5)
    assert found.bias == pytest.approx(abs(change), rel=1e-6)  # the formula is exact at the sample's own strength
    half = {"r2_treatment": strength["r2_treatment"] / 4, "r2_outcome": strength["r2_outcome"] / 4}
    assert not refute.bias_bounds(frame, "t", "y", ["x"], estimand=estimand, **half).contains(0.5)


def test_without_confounding_the_estimate_is_aipw_s():
    frame = draw(1_500, hidden=0.0)
    for estimand in ("ATE", "ATT"):
        ours = refute.bias_bounds(frame, "t", "y", ["x"], estimand=estimand, r2_treatment=0, r2_outcome=0)
        theirs = effects.aipw(frame, "t", "y", ["x"], estimand=estimand)
        assert ours.estimate == pytest.approx(theirs.value, abs=1e-12)
        assert (ours.low, ours.high) == (ours.estimate, ours.estimate)
        assert ours.interval[0] == pytest.approx(theirs.value - 1.6449 * theirs.std_error, abs=1e-4)


def test_the_robustness_values_are_where_bound_and_limit_reach_zero():
    found = refute.bias_bounds(draw(2_000, hidden=0.3), "t", "y", ["x"])
    at = refute.bias_bounds(draw(2_000, hidden=0.3), "t", "y", ["x"], r2_treatment=found.value, r2_outcome=found.value)
    assert at.low == pytest.approx(0, abs=1e-9)
    r = found.at_level
    assert 0 < r < found.value
    edge = refute.bias_bounds(draw(2_000, hidden=0.3), "t", "y", ["x"], r2_treatment=r, r2_outcome=r)
    assert edge.interval[0] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("estimand", ["ATE", "ATT"])
def test_bounds_and_limits_are_double_ml_s_on_the_same_nuisances(estimand):
    doubleml = pytest.importorskip("doubleml")
    from sklearn.linear_model import LinearRegression, LogisticRegression

    frame = draw(1_000)
    sample = read_sample(frame, "t", "y", ["x"], estimand=estimand)
    fitted = cross_fit(sample, nuisance="linear", folds=5, seed=0, clip=0.01, estimand=estimand)
    data = doubleml.DoubleMLData(frame.assign(y=sample.outcome), "y", "t", ["x"])
    peer = doubleml.DoubleMLIRM(
        data, LinearRegression(), LogisticRegression(), score={"ATE": "ATE", "ATT": "ATTE"}[estimand]
    )
    columns = {"ml_g0": fitted.control, "ml_g1": fitted.treated, "ml_m": fitted.propensity}
    peer.fit(external_predictions={"t": {name: values[:, None] for name, values in columns.items()}})
    peer.sensitivity_analysis(cf_y=0.05, cf_d=0.08, rho=0.7)
    theirs = peer.sensitivity_params
    ours = refute.BiasBounds(short_parts_from(sample, fitted, estimand), 0.08, 0.05, 0.7)
    assert ours.low == pytest.approx(theirs["theta"]["lower"][0], abs=1e-9)
    assert ours.high == pytest.approx(theirs["theta"]["upper"][0], abs=1e-9)
    if estimand == "ATE":  # for ATT the peer's variance takes the share treated as known
        assert ours.interval[0] == pytest.approx(theirs["ci"]["lower"][0], abs=2e-4)
        assert ours.interval[1] == pytest.approx(theirs["ci"]["upper"][0], abs=2e-4)
    worst = refute.BiasBounds(ours.short, rho=1.0)
    peer.sensitivity_analysis(cf_y=0.05, cf_d=0.08, rho=1.0)
    assert worst.value == pytest.approx(peer.sensitivity_params["rv"][0], abs=1e-3)


def test_benchmarks_say_what_leaving_a_covariate_out_does():
    frame = draw(4_000)
    found = refute.bias_bounds(frame, "t", "y", ["x", "a"], benchmarks=["a", "x"])
    assert list(found.bounds.index) == ["without a", "without x"]
    assert (found.bounds["change"] > 0.3).all()
    assert ((found.bounds["rho"] > 0.5) & (found.bounds["rho"] <= 1)).all()
    assert "these data cannot say" in str(found)
    assert {"without a", "without x"} <= {text.get_text() for text in found.plot().texts}


def test_bad_arguments_are_named():
    frame = draw(200)
    for bad, words in (
        ({"estimand": "ATO"}, "has no bounds here"),
        ({"r2_treatment": 1.0}, "a share of variance"),
        ({"rho": 0.0}, "a correlation that biases"),
        ({"benchmarks": ["z"]}, "is no covariate"),
    ):
        with pytest.raises(ValueError, match=words):
            refute.bias_bounds(frame, "t", "y", ["x"], **bad)
