"""Quality figures against closed forms, and findings that appear exactly when their fault is there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, chi2

from causalrec_lab import data
from causalrec_lab.data.quality.positivity import effective_sample_size


def found(report: data.QualityReport) -> str:
    return " | ".join(report.findings["finding"])


@settings(max_examples=40, deadline=None)
@given(counts=st.lists(st.integers(0, 50), min_size=2, max_size=30).filter(any))
def test_gini_is_half_the_relative_mean_difference_and_fits_its_lorenz_curve(counts):
    c = np.array(counts, dtype=float)
    pairs = np.abs(c[:, None] - c[None, :]).mean()
    assert data.gini(c) == pytest.approx(pairs / (2 * c.mean()))
    curve = data.lorenz(c)
    area = np.trapezoid(curve["exposures"], curve["items"])
    assert data.gini(c) == pytest.approx(1 - 2 * area)
    assert (curve["exposures"] <= curve["items"] + 1e-12).all()


def test_gini_of_equal_and_of_one_taking_all():
    assert data.gini(np.full(10, 3)) == pytest.approx(0)
    assert data.gini([0, 0, 0, 0, 7]) == pytest.approx(0.8)
    with pytest.raises(ValueError, match="one above 0"):
        data.gini([0, 0])


def test_effective_sample_size_of_known_weights():
    assert effective_sample_size(np.ones(50)) == pytest.approx(50)
    assert effective_sample_size([1, 1, 1, 0, 0]) == pytest.approx(3)
    assert effective_sample_size([3, 1]) == pytest.approx(16 / 10)


def test_wilson_interval_of_a_published_example():
    """Newcombe (1998), Statistics in Medicine 17, table I: 81 of 263 gives [.2553, .3662], 0 of 20 [0, .1611]."""
    frame = pd.DataFrame({"position": [1] * 263 + [2] * 20, "click": [1] * 81 + [0] * 202})
    curve = data.position_curve(frame, "click")
    assert curve.loc[1, ["low", "high"]].tolist() == pytest.approx([0.2553, 0.3662], abs=5e-5)
    assert curve.loc[2, ["low", "high"]].tolist() == pytest.approx([0, 0.1611], abs=5e-5)


def test_exposure_bias_of_decisions(decisions):
    bias = data.exposure_bias(decisions, items=pd.Series(range(60)), covariates=["x"], outcome="click")
    shown, unshown = decisions[decisions["treated"] == 1], decisions[decisions["treated"] == 0]
    assert bias.counts.sum() == len(shown)
    assert len(bias.counts) == 60, "items never eligible count as well"
    assert bias.rates["mean"].to_dict() == {"shown": shown["click"].mean(), "unshown": unshown["click"].mean()}
    spread = np.sqrt((shown["x"].var() + unshown["x"].var()) / 2)
    assert bias.balance.loc["x", "smd"] == pytest.approx((shown["x"].mean() - unshown["x"].mean()) / spread)
    assert bias.popularity["share_of_exposures"].sum() == pytest.approx(1)
    assert bias.popularity["share_of_exposures"].is_monotonic_increasing


def test_overlap_arms_and_histogram(decisions):
    seen = data.overlap(decisions)
    assert seen.source == "stored"
    w = 1 / decisions.loc[decisions["treated"] == 1, "propensity"]
    assert seen.arms.loc["treated", "effective"] == pytest.approx(w.sum() ** 2 / (w**2).sum())
    bars = seen.histogram()
    assert bars[["treated", "untreated"]].to_numpy().sum() == len(decisions)
    e = decisions["propensity"]
    assert seen.outside == pytest.approx(((e < 0.05) | (e > 0.95)).mean())
    estimated = data.overlap(decisions.drop(columns="propensity"), covariates=["x"])
    assert "logistic" in estimated.source
    assert np.abs(estimated.propensity - decisions["propensity"]).max() < 0.05, "the rule is logistic in x"
    assert np.isnan(estimated.p_value)


def test_wrong_propensities_are_detected_and_right_ones_are_not(decisions):
    """P-values of right propensities are uniform: 200 draws stay inside an exact binomial band at level 1e-6."""
    rng = np.random.default_rng(5)
    e = decisions["propensity"].to_numpy()
    p_values = [
        data.overlap(decisions.assign(treated=(rng.uniform(size=len(e)) < e).astype(int))).p_value for _ in range(200)
    ]
    alarms = sum(p < 0.05 for p in p_values)
    assert binom.ppf(5e-7, 200, 0.05) <= alarms <= binom.ppf(1 - 5e-7, 200, 0.05)
    wrong = decisions.assign(propensity=np.clip(0.5 * e, 0.01, 1))
    assert data.overlap(wrong).gap == pytest.approx(0.5 * np.sqrt((e**2).mean()), rel=0.1), "each is half its value off"
    assert data.overlap(wrong).p_value < 1e-6
    assert "not the chances of treatment" in found(data.quality_report(data.Dataset("wrong", decisions=wrong)))
    assert "not the chances of treatment" not in found(data.quality_report(data.Dataset("right", decisions=decisions)))


def test_rows_of_one_propensity_are_judged_together_in_any_order():
    """Randomised halves, sorted by treatment: no alarm, and one p-value for every order of the rows."""
    rng = np.random.default_rng(11)
    trial = pd.DataFrame({"treated": rng.integers(0, 2, 2_000), "propensity": 0.5})
    sorted_p = data.overlap(trial.sort_values("treated")).p_value
    assert sorted_p == pytest.approx(data.overlap(trial).p_value)
    assert len(data.overlap(trial).calibration) == 1
    share = trial["treated"].mean()
    assert sorted_p == pytest.approx(chi2.sf((share - 0.5) ** 2 * 2_000 / 0.25, 1))
    assert data.overlap(trial.assign(propensity=0.4)).p_value < 1e-6


def test_few_distinct_propensities_keep_the_level_and_the_power():
    """Three chances, 500 draws sorted by treatment: alarms inside an exact binomial band; wrong ones are all found."""
    rng = np.random.default_rng(12)
    e = np.repeat([0.1, 0.5, 0.7], [500, 900, 600])
    draws = [pd.DataFrame({"treated": (rng.uniform(size=2_000) < e).astype(int), "propensity": e}) for _ in range(500)]
    alarms = sum(data.overlap(draw.sort_values("treated")).p_value < 0.05 for draw in draws)
    assert binom.ppf(5e-7, 500, 0.05) <= alarms <= binom.ppf(1 - 5e-7, 500, 0.05)
    wrong = np.repeat([0.2, 0.5, 0.6], [500, 900, 600])
    assert all(data.overlap(draw.assign(propensity=wrong)).p_value < 0.05 for draw in draws[:50])


def test_overlap_refuses_what_cannot_be_looked_at(decisions):
    with pytest.raises(ValueError, match="single class"):
        data.overlap(decisions.assign(treated=0))
    with pytest.raises(ValueError, match=r"outside \(0, 1\] in 1 of .*first at row 3: 2"):
        data.overlap(decisions.assign(propensity=decisions["propensity"].where(decisions.index != 3, 2.0)))
    with pytest.raises(ValueError, match="name the covariates"):
        data.overlap(decisions, propensity=None)
    with pytest.raises(ValueError, match="missing, first at row 7"):
        data.overlap(decisions.assign(x=decisions["x"].where(decisions.index != 7)), covariates=["x"], propensity=None)


def test_each_fault_has_its_finding(decisions):
    items = pd.DataFrame({"item_id": range(50), "text": ["warm coat"] * 30 + [""] * 20})
    whole = data.Dataset("toy", decisions=decisions, items=items)
    assert "20" not in found(data.quality_report(replace(whole, items=items.assign(text="warm coat"))))
    assert "40% of the rows have no text" in found(data.quality_report(whole))
    bare = replace(whole, decisions=decisions.drop(columns="propensity"))
    assert "no propensity is stored" in found(data.quality_report(bare))
    sharp = decisions.assign(propensity=1 / (1 + np.exp(-6 * decisions["x"])))
    report = data.quality_report(replace(whole, decisions=sharp))
    assert "lie outside [0.05, 0.95]" in found(report)
    assert "lie outside" not in found(data.quality_report(whole))
    twice = pd.concat([decisions, decisions.head(3)])
    assert "3 rows repeat a key" in found(data.quality_report(replace(whole, decisions=twice)))
    assert "events but no decisions" in found(
        data.quality_report(data.Dataset("log", events=decisions[["user_id", "item_id", "timestamp"]]))
    )
    confounded = data.quality_report(whole, covariates=["x"], outcome="click")
    assert "shown and unshown rows differ: x" in found(confounded)
    grades = confounded.findings["severity"].map(["high", "medium", "low"].index)
    assert grades.is_monotonic_increasing


def test_positions_and_rounds():
    rng = np.random.default_rng(2)
    n = 6_000
    position = rng.integers(1, 4, n)
    slates = pd.DataFrame({"item_id": rng.integers(0, 20, n), "position": position, "propensity": 0.05})
    falling = slates.assign(reward=(rng.uniform(size=n) < 0.3 / position).astype(int))
    flat = slates.assign(reward=(rng.uniform(size=n) < 0.2).astype(int))
    assert "differs by position" in found(data.quality_report(data.Dataset("falling", slates=falling)))
    assert "differs by position" not in found(data.quality_report(data.Dataset("flat", slates=flat)))
    uneven = flat.assign(propensity=np.where(rng.uniform(size=n) < 0.001, 1e-4, 0.5))
    assert "count as" in found(data.quality_report(data.Dataset("uneven", slates=uneven)))


def test_the_report_is_deterministic_escaped_and_draws(decisions):
    from matplotlib.figure import Figure

    evil = data.Dataset("<script>alert(1)</script>", decisions=decisions.assign(**{"<b>col": np.nan}))
    first, second = (data.quality_report(evil, covariates=["x"], outcome="click") for _ in range(2))
    assert first._repr_html_() == second._repr_html_()
    assert "<script>" not in first._repr_html_()
    assert "<b>col" not in first._repr_html_()
    assert "&lt;b&gt;col" in first._repr_html_()
    figures = first.plot()
    assert set(figures) == {"exposure", "overlap", "rates", "novelty"}
    assert all(isinstance(figure, Figure) for figure in figures.values())
    drawn = figures["exposure"].axes[0].lines[0].get_xydata()
    assert np.allclose(drawn, data.lorenz(first.exposure.counts).to_numpy())
    heights = sum(bar.get_height() for bar in figures["overlap"].axes[0].patches if bar.get_height() > 0)
    assert heights >= (decisions["treated"] == 1).sum()


def test_unknown_columns_and_empty_data_sets_are_errors(decisions):
    with pytest.raises(ValueError, match="did you mean 'click'"):
        data.quality_report(data.Dataset("toy", decisions=decisions), outcome="clik")
    with pytest.raises(ValueError, match="has no table"):
        data.quality_report(data.Dataset("empty"))
    with pytest.raises(KeyError, match="it has decisions"):
        data.Dataset("toy", decisions=decisions).table("events")
