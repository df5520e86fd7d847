"""Contrasts against tea-tasting, statsmodels, enumeration and known truth."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.intervention import experiment


def draw(n, seed, effect=0.2):
    rng = np.random.default_rng(seed)
    arm = np.where(rng.uniform(size=n) < 0.4, "control", "new")
    before = rng.normal(size=n)
    views = rng.poisson(3, n) + (rng.uniform(size=n) < 0.5)
    orders = rng.binomial(views, 0.2 + 0.05 * (arm == "new"))
    sales = np.exp(0.5 * rng.normal(size=n) + 0.4 * before) + effect * (arm == "new")
    return pd.DataFrame(
        {"user_id": np.arange(n), "arm": arm, "before": before, "views": views, "orders": orders, "sales": sales}
    )


def peer(frame, metric, **options):
    tt = pytest.importorskip("tea_tasting")
    data = frame.assign(variant=(frame["arm"] != "control").astype(int))[
        ["variant", "views", "orders", "sales", "before"]
    ]
    asked = tt.RatioOfMeans(*metric) if len(metric) > 1 else tt.Mean(metric[0], **options)
    return tt.Experiment(x=asked).analyze(data)["x"]


def same(found, value, low, high, p, rel=1e-9):
    assert found.value == pytest.approx(value, rel=rel)
    assert found.interval == pytest.approx((low, high), rel=rel)
    assert found.diagnostics["p_value"] == pytest.approx(p, rel=rel)


def test_means_and_ratios_are_tea_tastings_to_many_digits():
    frame = draw(900, 1)
    for metric in (("sales",), ("orders", "views")):
        theirs = peer(frame, metric)
        options = {"denominator": metric[1]} if len(metric) > 1 else {}
        found = experiment.analyse(frame, metric[0], **options)["new"]
        same(found, theirs.effect_size, theirs.effect_size_ci_lower, theirs.effect_size_ci_upper, theirs.pvalue)
        assert found.diagnostics["control_mean"] == pytest.approx(theirs.control)
        relative = experiment.analyse(frame, metric[0], lift="log", **options)["new"]
        assert relative.value == pytest.approx(theirs.rel_effect_size)
        ends = (theirs.rel_effect_size_ci_lower, theirs.rel_effect_size_ci_upper)
        assert relative.interval == pytest.approx(
            ends, abs=2e-4
        )  # theirs has other degrees of freedom on the log scale


def test_cuped_is_tea_tastings_but_for_where_the_slope_is_learned():
    frame = draw(20_000, 2)
    theirs = peer(frame, ("sales",), covariate="before")
    found = experiment.analyse(frame, "sales", cuped="before")["new"]
    assert found.value == pytest.approx(theirs.effect_size, rel=1e-3)
    assert found.interval == pytest.approx((theirs.effect_size_ci_lower, theirs.effect_size_ci_upper), rel=2e-3)


def test_sample_ratio_and_power_are_tea_tastings():
    tt = pytest.importorskip("tea_tasting")
    frame = draw(900, 3)
    data = frame.assign(variant=(frame["arm"] != "control").astype(int))[["variant", "sales"]]
    theirs = tt.Experiment(x=tt.SampleRatio({0: 0.4, 1: 0.6}, method="norm", correction=False)).analyze(data)["x"]
    counts = frame["arm"].value_counts().to_dict()
    assert experiment.srm(counts, {"control": 0.4, "new": 0.6}).p_value == pytest.approx(theirs.pvalue, rel=1e-9)
    plan = experiment.design(1.0, 0.1, std=float(frame["sales"].std()))
    asked = tt.Mean("sales", effect_size=0.1, use_t=False, equal_var=False, alpha=0.05, power=0.8)
    n = tt.Experiment(x=asked).solve_power(data, "n_obs")["x"][0].n_obs
    assert plan.n == pytest.approx(n, abs=2)


def test_regression_in_each_arm_is_the_interacted_ols_with_hc2():
    api = pytest.importorskip("statsmodels.api")
    frame = draw(400, 4)
    rng = np.random.default_rng(5)
    frame["age"] = rng.normal(size=len(frame))
    x = frame[["before", "age"]].to_numpy()
    centred, t = x - x.mean(axis=0), (frame["arm"] == "new").to_numpy().astype(float)
    D = np.column_stack([np.ones(len(t)), t, centred, centred * t[:, None]])
    fit = api.OLS(frame["sales"].to_numpy(), D).fit(cov_type="HC2")
    found = experiment.analyse(frame, "sales", covariates=["before", "age"])["new"]
    assert found.value == pytest.approx(fit.params[1])
    extra = fit.params[4:] @ (centred.T @ centred / len(t) ** 2 * len(t) / (len(t) - 1)) @ fit.params[4:]
    assert found.std_error == pytest.approx(np.sqrt(fit.bse[1] ** 2 + extra), rel=1e-9)


def test_text_that_foretells_takes_variance_away_and_noise_takes_none():
    rng = np.random.default_rng(6)
    frame = draw(4_000, 6)
    text = np.column_stack([frame["before"], rng.normal(size=(len(frame), 20))]) @ rng.normal(size=(21, 21))
    plain = experiment.analyse(frame, "sales")["new"]
    read = experiment.analyse(frame, "sales", embeddings=text)["new"]
    noise = experiment.analyse(frame, "sales", embeddings=rng.normal(size=(len(frame), 20)))["new"]
    assert read.diagnostics["variance_left"] < 0.85
    assert noise.std_error == pytest.approx(plain.std_error, rel=0.01)
    assert abs(read.value - 0.2) < 4 * read.std_error


def test_fieller_holds_where_its_test_does_and_says_when_it_has_no_ends():
    frame = draw(300, 7)
    found = experiment.analyse(frame, "sales", lift="fieller", level=0.9)["new"]
    mean, var, n = (frame.groupby("arm")["sales"].agg(how) for how in ("mean", "var", "size"))
    low, high = found.interval
    for end in (low, high):  # at an end the test of mu_t = (1 + end) mu_c is just at the critical value
        z = (mean["new"] - (1 + end) * mean["control"]) / np.sqrt(
            var["new"] / n["new"] + (1 + end) ** 2 * var["control"] / n["control"]
        )
        assert abs(z) == pytest.approx(1.65, abs=0.01)
    assert low < found.value < high
    nought = frame.assign(sales=np.random.default_rng(1).normal(size=len(frame)))
    nought["sales"] += 0.01 - nought.loc[nought["arm"] == "control", "sales"].mean()
    endless = experiment.analyse(nought, "sales", lift="fieller")["new"]
    assert np.isinf(endless.low)
    assert any("no ends" in note for note in endless.notes)


def test_clusters_err_together_and_a_unit_s_rows_are_the_same_as_clusters_of_them():
    rng = np.random.default_rng(8)
    shop = np.repeat(np.arange(60), 30)
    arm = np.where(shop % 2, "new", "control")
    frame = pd.DataFrame({"shop": shop, "arm": arm, "y": rng.normal(size=60)[shop] + rng.normal(size=len(shop))})
    rows, found = (experiment.analyse(frame, "y", cluster=c)["new"] for c in (None, "shop"))
    means = experiment.analyse(frame, "y", unit="shop")["new"]
    assert found.std_error > 3 * rows.std_error
    assert found.value == pytest.approx(means.value)  # equal sizes: mean of means
    assert found.std_error == pytest.approx(means.std_error)
    assert found.interval == pytest.approx(means.interval)


def test_the_median_has_the_error_it_should():
    rng = np.random.default_rng(9)
    values, covered = [], 0
    for _ in range(300):
        frame = pd.DataFrame({"arm": np.repeat(["control", "new"], 400), "y": rng.exponential(size=800)})
        frame.loc[frame["arm"] == "new", "y"] += 0.5
        found = experiment.analyse(frame, "y", quantile=0.5)["new"]
        values.append(found.value)
        covered += found.covers(0.5)
    assert found.std_error == pytest.approx(np.sqrt(2 / 400), rel=0.35)  # 1 / (2 f(m)) = 1: sd of a median is 1/sqrt(n)
    assert np.std(values) == pytest.approx(np.sqrt(2 / 400), rel=0.2)
    assert 264 <= covered <= 300  # binomial(300, .95), p < 1e-6


def test_one_huge_user_is_named_and_can_be_cut():
    frame = draw(2_000, 10)
    frame.loc[5, "sales"] = 10_000.0
    found = experiment.analyse(frame, "sales")["new"]
    assert any("one unit carries" in note and "winsorise" in note for note in found.notes)
    cut = experiment.analyse(frame, "sales", winsorise=0.999)["new"]
    assert not any("carries" in note for note in cut.notes)
    assert cut.std_error < found.std_error / 20
    assert any("cut metric" in note for note in cut.notes)


def test_few_events_and_few_clusters_are_said():
    frame = draw(400, 13).assign(rare=0, shop=np.arange(400) // 50)
    frame["arm"] = np.where(frame["shop"] % 2, "new", "control")
    frame.loc[[0, 60], "rare"] = 1
    assert any("only 1 events in arm 'new'" in note for note in experiment.analyse(frame, "rare")["new"].notes)
    assert any("fewer than 10 clusters" in n for n in experiment.analyse(frame, "sales", cluster="shop")["new"].notes)


def test_a_linearised_ratio_has_the_ratio_s_sign_and_test():
    frame = draw(2_000, 11)
    frame.loc[:20, ["views", "orders"]] = 0
    line = experiment.linearise(frame, "orders", "views")
    assert line[frame["arm"] == "control"].mean() == pytest.approx(0, abs=1e-12)
    found = experiment.analyse(frame.assign(line=line), "line")["new"]
    ratio = experiment.analyse(frame, "orders", denominator="views")["new"]
    assert found.value / found.std_error == pytest.approx(ratio.value / ratio.std_error, rel=0.03)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: experiment.analyse(f.assign(views=0), "orders", denominator="views"), "0 throughout arm"),
        (lambda f: experiment.analyse(f.assign(views=-1), "orders", denominator="views"), "negative in row 0"),
        (lambda f: experiment.analyse(f.assign(shop=f["arm"]), "sales", cluster="shop"), "has 1 cluster"),
        (lambda f: experiment.analyse(f.assign(shop=1), "sales", cluster="shop"), "more than one arm"),
        (lambda f: experiment.analyse(f, "sales", winsorise=99), "winsorise=99"),
        (lambda f: experiment.analyse(f, "sales", quantile=0.9999), "too few values"),
        (lambda f: experiment.analyse(f, "sales", quantile=2), "quantile=2"),
        (lambda f: experiment.analyse(f, "sales", lift="relative"), "unknown lift"),
        (lambda f: experiment.analyse(f, "sales", cuped="before", covariates=["views"]), "in one of them"),
        (lambda f: experiment.analyse(f.assign(sales="high"), "sales"), "column of numbers"),
        (
            lambda f: experiment.analyse(f.assign(sales=np.where(f["arm"] == "new", 1.0, 0.0)), "sales", lift="delta"),
            "mean of 0",
        ),
        (lambda f: experiment.analyse(f, "sales", sequential="asymptotic"), "fixed before the data"),
        (lambda f: experiment.analyse(f, "sales", sequential="exact"), "metric of 0 and 1"),
        (lambda f: experiment.analyse(f, "sales", sequential="any"), "unknown sequential"),
    ],
)
def test_wrong_contrasts(call, message):
    with pytest.raises(ValueError, match=message):
        call(draw(200, 12))
