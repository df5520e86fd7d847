"""Estimators against effects known by construction, by algebra and by a peer."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.causal import effects

COVARIATES = ["a", "b", "c", "d"]


def draw(n, seed):
    """Binary outcome, heterogeneous effect; gives frame, row effects, propensities."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    e = np.clip(1 / (1 + np.exp(-(0.8 * x[:, 0] - 0.6 * x[:, 1] + 0.3 * x[:, 2]))), 0.1, 0.9)
    t = (rng.uniform(size=n) < e).astype(int)
    p0, p1 = (1 / (1 + np.exp(-eta)) for eta in (-0.6 + 0.7 * x[:, 0], -0.1 + 0.9 * x[:, 0] + 0.4 * x[:, 3]))
    y = (rng.uniform(size=n) < np.where(t == 1, p1, p0)).astype(float)
    return pd.DataFrame(x, columns=COVARIATES).assign(t=t, y=y, e=e), p1 - p0, e


def true_effect(tau, e, estimand):
    weight = {"ATE": np.ones_like(e), "ATT": e, "ATO": e * (1 - e)}[estimand]
    return np.average(tau, weights=weight)


@pytest.mark.parametrize("estimand", ["ATE", "ATT", "ATO"])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("aipw", {}),
        ("aipw", {"propensity": "e"}),
        ("aipw", {"nuisance": "boosted"}),
        ("ipw", {}),
        ("ipw", {"propensity": "e"}),
    ],
)
def test_each_estimand_is_hit_within_four_standard_errors_where_the_naive_contrast_is_not(name, options, estimand):
    frame, tau, e = draw(4_000 if "nuisance" in options else 20_000, 5)
    found = getattr(effects, name)(frame, "t", "y", COVARIATES, estimand=estimand, **options)
    assert abs(found.value - true_effect(tau, e, estimand)) < 4 * found.std_error
    naive = effects.naive(frame, "t", "y")
    assert abs(naive.value - true_effect(tau, e, estimand)) > 3 * naive.std_error


def test_regression_recovers_each_estimand_of_a_linear_world():
    rng = np.random.default_rng(2)
    n = 40_000
    x = rng.normal(size=(n, 2))
    e = 0.5 + 0.2 * np.tanh(x[:, 0])
    t = (rng.uniform(size=n) < e).astype(int)
    tau = 1.0 + 0.8 * x[:, 0]
    frame = pd.DataFrame({"x0": x[:, 0], "x1": x[:, 1], "t": t, "y": x @ [1.0, -1.0] + tau * t + rng.normal(size=n)})
    for estimand in ("ATE", "ATT"):
        found = effects.regression(frame, "t", "y", ["x0", "x1"], estimand=estimand)
        assert abs(found.value - true_effect(tau, e, estimand)) < 4 * found.std_error
    assert abs(found.value - 1.0) > 4 * found.std_error  # the ATT is another number than the ATE here


def test_regression_equals_statsmodels_hc1_hc3_and_clustered():
    statsmodels = pytest.importorskip("statsmodels.api")
    frame = draw(900, 3)[0].assign(shop=np.arange(900) % 45)
    design = statsmodels.add_constant(frame[["t", *COVARIATES]].to_numpy(float))
    model = statsmodels.OLS(frame["y"], design)
    robust = model.fit(cov_type="HC1")
    ours = effects.regression(frame, "t", "y", COVARIATES, interactions=False)
    assert ours.value == pytest.approx(robust.params.iloc[1], rel=1e-5)
    assert ours.std_error == pytest.approx(robust.bse.iloc[1], rel=1e-4)
    third = effects.regression(frame, "t", "y", COVARIATES, interactions=False, errors="HC3")
    assert third.std_error == pytest.approx(model.fit(cov_type="HC3").bse.iloc[1], rel=1e-4)
    grouped = model.fit(cov_type="cluster", cov_kwds={"groups": frame["shop"]})
    clustered = effects.regression(frame, "t", "y", COVARIATES, interactions=False, cluster="shop")
    assert clustered.std_error == pytest.approx(grouped.bse.iloc[1], rel=1e-4)


def test_aipw_with_a_wrong_outcome_model_is_right_by_its_propensity():
    frame, tau, _ = draw(20_000, 8)
    wrong = frame.assign(noise=np.random.default_rng(0).normal(size=len(frame)))
    found = effects.aipw(wrong, "t", "y", ["noise"], propensity="e")
    assert abs(found.value - tau.mean()) < 4 * found.std_error


def test_aipw_with_a_wrong_propensity_is_right_by_its_outcome_model():
    frame, tau, _ = draw(20_000, 9)
    frame["half"] = 0.5
    found = effects.aipw(frame, "t", "y", COVARIATES, propensity="half")
    alone = effects.ipw(frame, "t", "y", COVARIATES, propensity="half")
    assert abs(found.value - tau.mean()) < 4 * found.std_error
    assert abs(alone.value - tau.mean()) > 6 * alone.std_error


def test_sampling_weights_turn_a_biased_sample_into_the_population():
    frame, tau, _ = draw(30_000, 10)
    keep = np.random.default_rng(1).uniform(size=len(frame)) < np.where(frame["d"] > 0, 0.9, 0.2)
    part = frame[keep].assign(w=np.where(frame["d"] > 0, 1 / 0.9, 1 / 0.2)[keep])
    weighted = effects.aipw(part, "t", "y", COVARIATES, weights="w")
    plain = effects.aipw(part, "t", "y", COVARIATES)
    assert abs(weighted.value - tau.mean()) < 4 * weighted.std_error
    assert abs(plain.value - tau.mean()) > 2 * plain.std_error


def test_the_effect_by_group_finds_each_groups_own():
    frame, tau, _ = draw(30_000, 11)
    frame["segment"] = np.where(frame["d"] > 0, "keen", "calm")
    found = effects.by_group(frame, "t", "y", COVARIATES, "segment")
    for label, estimate in found.items():
        assert abs(estimate.value - tau[frame["segment"] == label].mean()) < 4 * estimate.std_error
    assert list(found) == ["calm", "keen"]
    assert found["keen"].low > found["calm"].high


def test_an_affine_change_of_the_outcome_changes_the_effect_by_its_slope():
    frame, _, _ = draw(2_000, 12)
    frame["z"] = 3.0 * frame["y"] - 5.0
    for name in ("regression", "ipw"):
        plain, scaled = (getattr(effects, name)(frame, "t", column, COVARIATES) for column in ("y", "z"))
        assert scaled.value == pytest.approx(3 * plain.value, rel=1e-5)
        assert scaled.std_error == pytest.approx(3 * plain.std_error, rel=1e-5)


def test_categories_become_levels_and_units_of_covariates_do_not_matter():
    frame, tau, _ = draw(20_000, 13)
    frame["a_band"] = pd.cut(frame["a"], 12).astype(str)
    found = effects.aipw(frame.assign(b=frame["b"] * 1e4), "t", "y", ["a_band", "b", "c", "d"])
    assert abs(found.value - tau.mean()) < 5 * found.std_error


def test_the_same_seed_gives_the_same_numbers():
    frame, _, _ = draw(1_000, 14)
    assert effects.aipw(frame, "t", "y", COVARIATES, seed=3) == effects.aipw(frame, "t", "y", COVARIATES, seed=3)


def test_balance_after_weighting_is_what_weighting_promises():
    frame, _, e = draw(20_000, 15)
    table = effects.balance(frame, "t", COVARIATES, e)
    assert table["before"].abs().max() > 0.5
    assert table["after"].abs().max() < 0.05
    scores = effects.propensity_scores(frame, "t", COVARIATES)
    assert np.corrcoef(scores, e)[0, 1] > 0.97
