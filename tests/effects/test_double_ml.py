"""Double machine learning: the interactive and the partially linear model, one split and many."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.causal import effects


def draw(n, seed, linear=False):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    e = np.clip(1 / (1 + np.exp(-(x[:, 0] - 0.5 * x[:, 1]))), 0.1, 0.9)
    t = (rng.uniform(size=n) < e).astype(int)
    tau = np.ones(n) if linear else 1 + x[:, 0] ** 2
    y = x @ [1.0, 1.0, 0.5] + tau * t + rng.normal(size=n)
    return pd.DataFrame(x, columns=["a", "b", "c"]).assign(t=t, y=y, e=e), tau, e


@pytest.mark.parametrize("nuisance", ["spline", "boosted"])
def test_each_model_meets_its_own_estimand_and_misses_the_other(nuisance):
    frame, tau, e = draw(10_000 if nuisance == "spline" else 4_000, 1)
    arguments = (frame, "t", "y", ["a", "b", "c"])
    interactive = effects.dml(*arguments, nuisance=nuisance)
    linear = effects.dml(*arguments, nuisance=nuisance, model="partially linear")
    ate, ato = tau.mean(), np.average(tau, weights=e * (1 - e))
    assert (interactive.estimand, linear.estimand) == ("ATE", "ATO")
    assert abs(interactive.value - ate) < 4 * interactive.std_error
    assert abs(linear.value - ato) < 4 * linear.std_error
    assert abs(linear.value - ate) > 3 * linear.std_error
    assert any("averages effects" in note for note in linear.notes)


def test_the_interactive_model_is_aipw_and_knows_the_att():
    frame, _, _ = draw(2_000, 2)
    for estimand in ("ATE", "ATT"):
        ours = effects.dml(frame, "t", "y", ["a", "b"], estimand=estimand)
        other = effects.aipw(frame, "t", "y", ["a", "b"], estimand=estimand)
        assert (ours.value, ours.std_error) == (other.value, other.std_error)


def test_the_partially_linear_model_with_linear_nuisances_is_least_squares():
    frame, _, _ = draw(20_000, 3, linear=True)
    frame = frame.assign(t=frame["a"] - frame["b"] + np.random.default_rng(0).normal(size=len(frame)))
    frame["y"] += 1.5 * frame["t"]
    design = np.column_stack([np.ones(len(frame)), frame[["t", "a", "b", "c"]]])
    line = np.linalg.lstsq(design, frame["y"], rcond=None)[0][1]
    found = effects.dml(frame, "t", "y", ["a", "b", "c"], model="partially linear", nuisance="linear")
    assert abs(found.value - line) < 0.2 * found.std_error
    assert found.estimand == "partially linear slope"
    assert found.diagnostics["treatment_r2"] > 0.5


def test_a_logged_propensity_and_an_overlap_cut():
    frame, tau, e = draw(10_000, 4)
    found = effects.dml(frame, "t", "y", ["a", "b", "c"], model="partially linear", propensity="e", trim=0.2)
    inside = (e >= 0.2) & (e <= 0.8)
    truth = np.average(tau[inside], weights=(e * (1 - e))[inside])
    assert abs(found.value - truth) < 4 * found.std_error
    assert found.n == inside.sum()


def test_many_splits_give_their_median_and_the_error_of_definition_3_3():
    frame, _, _ = draw(600, 5)
    arguments = (frame, "t", "y", ["a", "b", "c"])
    seeds = [7, *np.random.default_rng(7).integers(2**31, size=4).tolist()]
    single = [effects.dml(*arguments, seed=seed) for seed in seeds]
    several = effects.dml(*arguments, seed=7, repetitions=5)
    values = np.array([found.value for found in single])
    errors = np.array([found.std_error for found in single])
    assert several.value == pytest.approx(np.median(values))
    assert several.std_error == pytest.approx(np.sqrt(np.median(errors**2 + (values - np.median(values)) ** 2)))
    assert several.diagnostics["sd_over_splits"] == pytest.approx(values.std(ddof=1))


def test_embeddings_close_the_back_door():
    rng = np.random.default_rng(6)
    h = rng.normal(size=3_000)
    t = (rng.uniform(size=3_000) < 1 / (1 + np.exp(-h))).astype(int)
    frame = pd.DataFrame({"t": t, "y": 1.0 * t + h + rng.normal(size=3_000), "x": rng.normal(size=3_000)})
    text = h[:, None] * rng.normal(size=20) + rng.normal(size=(3_000, 20))
    for model in ("interactive", "partially linear"):
        assert abs(effects.dml(frame, "t", "y", ["x"], model=model).value - 1) > 0.6
        assert abs(effects.dml(frame, "t", "y", ["x"], model=model, embeddings=text).value - 1) < 0.2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "partial linear"}, "did you mean 'partially linear'"),
        ({"estimand": "ATO"}, "interactive model has no estimand 'ATO'"),
        ({"model": "partially linear", "estimand": "ATE"}, "averages them by"),
        ({"repetitions": 0}, "repetitions=0"),
        ({"nuisance": "forest", "model": "partially linear"}, "unknown nuisance"),
        ({"treatment": "b", "model": "partially linear", "covariates": ["a"], "trim": 0.1}, "cuts propensities"),
        ({"treatment": "b", "covariates": ["a"]}, "treatments other than 0 and 1"),
    ],
)
def test_what_the_models_do_not_have_is_refused(options, message):
    frame, _, _ = draw(200, 7)
    named = {"treatment": "t", "outcome": "y", "covariates": ["a", "b", "c"]} | options
    with pytest.raises(ValueError, match=message):
        effects.dml(frame, **named)
