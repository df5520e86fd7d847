"""Few units, unequal clusters, empty strata, many segments: what goes wrong before samples are large."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.intervention import experiment
from causalrec_lab.intervention.experiment.segments import _equal_effects


def test_an_empty_stratum_does_not_shrink_its_arm_and_units_do_not_matter():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"arm": np.repeat(["control", "new"], 200), "y": 100 + rng.normal(size=400)})
    frame["s"] = np.where(frame["arm"] == "new", "a", rng.choice(["a", "b"], 400))
    lone = experiment.analyse(frame, "y", covariates=["s"])["new"]
    plain = experiment.analyse(frame, "y")["new"]
    assert abs(lone.value - plain.value) < 3 * plain.std_error  # a mean of 100 was shrunk by several
    moved = experiment.analyse(frame.assign(y=frame["y"] - 1e4), "y", covariates=["s"])["new"]
    assert moved.value == pytest.approx(lone.value, abs=1e-6)
    frame = frame.assign(x=rng.normal(size=400), wide=1e9 * rng.normal(size=400))
    frame["y"] += 3 * frame["x"]
    both = experiment.analyse(frame, "y", covariates=["x", "wide"])["new"]
    scaled = experiment.analyse(frame.assign(wide=frame["wide"] / 1e9), "y", covariates=["x", "wide"])["new"]
    assert both.std_error == pytest.approx(scaled.std_error)
    assert both.value == pytest.approx(scaled.value)


def test_post_stratification_is_the_weighted_mean_of_strata():
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"arm": rng.choice(["control", "new"], 900), "s": rng.choice(list("abc"), 900)})
    frame["y"] = rng.normal(size=900) + frame["s"].map({"a": 0, "b": 1, "c": 4}) * (1 + (frame["arm"] == "new"))
    found = experiment.analyse(frame, "y", covariates=["s"])["new"]
    means = frame.groupby(["s", "arm"])["y"].mean().unstack()  # noqa: PD010
    share = frame["s"].value_counts(normalize=True)
    assert found.value == pytest.approx(((means["new"] - means["control"]) * share).sum())


def test_clusters_of_unequal_size_are_jackknifed():
    rng = np.random.default_rng(3)
    size = np.ceil(8 * np.exp(rng.normal(size=24))).astype(int)
    shop = np.repeat(np.arange(24), size)
    frame = pd.DataFrame({"shop": shop, "arm": np.where(shop % 2, "new", "control")})
    frame["d"] = rng.poisson(3, len(shop)) + 1.0
    frame["y"] = rng.normal(size=len(shop)) + rng.normal(size=24)[shop]
    for below in (None, "d"):
        found = experiment.analyse(frame, "y", denominator=below, cluster="shop")["new"]
        variance = 0.0
        for arm in ("control", "new"):
            part = frame[frame["arm"] == arm]
            down = part["d"] if below else pd.Series(1.0, index=part.index)
            sums = pd.DataFrame({"y": part["y"], "d": down}).groupby(part["shop"]).sum()
            whole, without = sums["y"].sum() / sums["d"].sum(), sums.sum() - sums
            g = len(sums)
            variance += (g - 1) / g * ((without["y"] / without["d"] - whole) ** 2).sum()
        assert found.std_error == pytest.approx(np.sqrt(variance))
    assert found.diagnostics["clusters"] == 24


def test_cuped_s_error_in_small_samples_is_that_of_the_analysis_of_covariance():
    rng, ratios = np.random.default_rng(4), []
    t = np.repeat([0.0, 1.0], 8)
    for _ in range(150):
        x = rng.normal(size=(16, 3))
        frame = pd.DataFrame(x, columns=list("abc")).assign(arm=np.where(t, "new", "control"))
        frame["y"] = x.sum(axis=1) + rng.normal(size=16)
        D = np.column_stack([np.ones(16), t, x])
        beta, rss, *_ = np.linalg.lstsq(D, frame["y"].to_numpy(), rcond=None)
        exact = np.sqrt(rss[0] / 11 * np.linalg.inv(D.T @ D)[1, 1])
        found = experiment.analyse(frame, "y", cuped=["a", "b", "c"])["new"]
        assert found.value == pytest.approx(beta[1])
        ratios.append(found.std_error**2 / exact**2)
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.06)  # without the degrees of freedom: 0.60


def test_equal_effects_are_tested_by_welch_s_f():
    oneway = pytest.importorskip("statsmodels.stats.oneway")
    rng = np.random.default_rng(5)
    groups = [rng.normal(scale=s, size=n) for s, n in ((1, 8), (3, 12), (2, 30), (5, 9))]
    d, v = np.array([g.mean() for g in groups]), np.array([g.var(ddof=1) / len(g) for g in groups])
    q = float((1 / v) @ (d - (d / v).sum() / (1 / v).sum()) ** 2)
    peer = oneway.anova_oneway(groups, use_var="unequal")
    assert _equal_effects(q, v, np.array([len(g) - 1.0 for g in groups])) == pytest.approx(peer.pvalue)


def test_more_terms_than_clusters_are_refused():
    rng = np.random.default_rng(6)
    shop = np.repeat(np.arange(16), 20)
    frame = pd.DataFrame({"shop": shop, "arm": np.where(shop % 2, "new", "control"), "y": rng.normal(size=320)})
    frame["kind"] = rng.choice(list("abcdefghij"), 320)
    with pytest.raises(ValueError, match="8 clusters for 10 terms"):
        experiment.analyse(frame, "y", cluster="shop", covariates=["kind"])
    with pytest.raises(ValueError, match="give fewer of them"):
        experiment.analyse(frame.iloc[[0, 1, 20, 21]].assign(x=[0, 1, 3, 2], z=[1, 0, 0, 0]), "y", cuped=["x", "z"])


def test_a_covariate_that_treatment_moved_is_named():
    rng = np.random.default_rng(7)
    t = rng.integers(0, 2, 800)
    frame = pd.DataFrame({"arm": np.where(t, "new", "control"), "before": rng.normal(size=800)})
    frame["clicks"] = frame["before"] + 0.5 * t + 0.3 * rng.normal(size=800)
    frame["y"] = frame["clicks"] + rng.normal(size=800)
    for how in ({"cuped": ["before", "clicks"]}, {"covariates": ["before", "clicks"]}):
        notes = experiment.analyse(frame, "y", **how)["new"].notes
        assert any("covariate 'clicks' differs" in note and "before the assignment" in note for note in notes)
    assert not experiment.analyse(frame, "y", cuped="before")["new"].notes
    alarms = 0
    for _ in range(200):
        fair = frame.assign(arm=rng.permutation(frame["arm"]))
        alarms += bool(experiment.analyse(fair, "y", covariates=["before", "clicks"])["new"].notes)
    assert alarms <= 4  # binomial(200, .002), p < 1e-4


def test_relative_lifts_of_means_at_or_below_0_are_refused():
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({"arm": np.repeat(["control", "new"], 200), "y": rng.normal(size=400)})
    loss = frame.assign(y=frame["y"] - 10 - 2 * (frame["arm"] == "new"))
    for lift in ("fieller", "delta", "log"):
        with pytest.raises(ValueError, match="a rise would read as a fall"):
            experiment.analyse(loss, "y", lift=lift)
    faint = frame.assign(y=frame["y"] + 0.1 - frame.loc[:199, "y"].mean())
    assert any("standard errors of 0" in note for note in experiment.analyse(faint, "y", lift="delta")["new"].notes)


def test_a_quantile_that_jumps_has_no_error():
    rng = np.random.default_rng(9)
    frame = pd.DataFrame({"arm": np.repeat(["control", "new"], 500), "y": rng.poisson(3, 1_000)})
    with pytest.raises(ValueError, match="which jumps"):
        experiment.analyse(frame, "y", quantile=0.5)
    smooth = frame.assign(y=frame["y"] + rng.uniform(size=1_000))
    assert experiment.analyse(smooth, "y", quantile=0.5)["new"].std_error > 0


def test_sample_ratio_of_few_units_is_exact():
    stats = pytest.importorskip("scipy.stats")
    found = experiment.srm({"a": 5, "b": 95}, {"a": 0.01, "b": 0.99})
    assert found.p_value == pytest.approx(2 * stats.binom.sf(4, 100, 0.01))
    assert not found.mismatch  # chi-square said 6e-5
    tables = [experiment.srm([k, 30 - k], [0.2, 0.8], alpha=0.05) for k in range(31)]
    chance = stats.binom.pmf(np.arange(31), 30, 0.2)
    assert sum(c for table, c in zip(tables, chance, strict=True) if table.mismatch) <= 0.05
    assert experiment.srm({0: 90, 1: 110}, {0: 1, 1: 1}).p_value == pytest.approx(0.1573, abs=1e-4)
    with pytest.raises(ValueError, match="counts"):
        experiment.srm({"a": float("nan"), "b": 5})
    with pytest.raises(ValueError, match="segment of their own"):
        experiment.srm_by(pd.DataFrame({"arm": ["a", "b"], "s": ["x", None]}), "s")


def test_infinite_outcomes_are_not_missing_ones():
    frame = pd.DataFrame({"arm": ["control", "new"] * 20, "y": [np.inf, *range(39)], "x": range(40)})
    with pytest.raises(ValueError, match="infinite in row 0"):
        experiment.lee_bounds(frame, "y")


def test_a_unit_in_two_clusters_is_refused():
    frame = pd.DataFrame({"u": [0, 0, 1, 1, 2, 3], "shop": [0, 1, 2, 2, 3, 4], "arm": list("aaabbb"), "y": range(6)})
    frame.loc[3, "arm"] = "a"
    with pytest.raises(ValueError, match="1 units have rows in more than one 'shop', first 0"):
        experiment.analyse(frame, "y", control="a", unit="u", cluster="shop")
