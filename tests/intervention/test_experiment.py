"""Experiments against algebra, published formulas and a peer."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.intervention import experiment


def draw(n, seed, effect=0.2, shares=(0.5, 0.5)):
    rng = np.random.default_rng(seed)
    before = rng.normal(size=n)
    arm = np.where(rng.uniform(size=n) < shares[0], "control", "boost")
    sales = 1.0 + 0.9 * before + effect * (arm == "boost") + 0.5 * rng.normal(size=n)
    return pd.DataFrame({"user_id": np.arange(n), "arm": arm, "pre_clicks": before, "sales": sales})


def test_the_plain_contrast_is_welchs():
    stats = pytest.importorskip("scipy.stats")
    frame = draw(800, 1)
    found = experiment.analyse(frame, "sales")["boost"]
    a, b = (frame.loc[frame["arm"] == arm, "sales"] for arm in ("boost", "control"))
    peer = stats.ttest_ind(a, b, equal_var=False)
    assert found.value == pytest.approx(a.mean() - b.mean())
    assert found.value / found.std_error == pytest.approx(peer.statistic)


def test_cuped_keeps_the_effect_and_takes_the_foretold_variance_away():
    frame = draw(20_000, 2)
    plain, cuped = (
        experiment.analyse(frame, "sales")["boost"],
        experiment.analyse(frame, "sales", cuped="pre_clicks")["boost"],
    )
    assert abs(cuped.value - 0.2) < 4 * cuped.std_error
    left = 0.25 / (0.25 + 0.81)
    assert cuped.diagnostics["variance_left"] == pytest.approx(left, rel=0.05)
    assert cuped.std_error == pytest.approx(plain.std_error * np.sqrt(left), rel=0.03)


def test_several_arms_and_repeated_rows_of_a_unit():
    frame = draw(600, 3)
    frame.loc[frame.index % 5 == 0, "arm"] = "other"
    assert set(experiment.analyse(frame, "sales")) == {"boost", "other"}
    twice = pd.concat([frame, frame])
    once, again = (
        experiment.analyse(frame, "sales")["boost"],
        experiment.analyse(twice, "sales", unit="user_id")["boost"],
    )
    assert again.std_error == pytest.approx(once.std_error)
    assert experiment.analyse(twice, "sales")["boost"].std_error < 0.75 * once.std_error


def test_arms_that_are_numbers_are_named_by_them():
    frame = draw(1_000, 4)
    coded = frame.assign(arm=(frame["arm"] != "control").astype(int))
    found = experiment.analyse(coded, "sales", control=0, shares={0: 0.5, 1: 0.5})
    (plain,) = experiment.analyse(frame, "sales").values()
    assert list(found) == ["1"]
    assert found["1"].value == plain.value


def test_sample_ratio_is_pearsons_chi_square():
    stats = pytest.importorskip("scipy.stats")
    found = experiment.srm({"control": 5_100, "boost": 4_900})
    assert found.p_value == pytest.approx(stats.chisquare([5_100, 4_900]).pvalue)
    assert experiment.srm([700, 300], [0.7, 0.3]).p_value == pytest.approx(1.0)
    assert not found.mismatch
    assert experiment.srm({"control": 821_588, "boost": 815_482}).mismatch


def test_a_lost_arm_is_said_in_the_estimate():
    frame = draw(6_000, 4)
    lost = frame[(frame["arm"] == "control") | (frame.index % 4 != 0)]
    assert any("sample-ratio mismatch" in note for note in experiment.analyse(lost, "sales")["boost"].notes)
    assert not experiment.analyse(frame, "sales")["boost"].notes
    planned = draw(6_000, 5, shares=(0.8, 0.2))
    assert not experiment.analyse(planned, "sales", shares={"control": 0.8, "boost": 0.2})["boost"].notes


def test_the_design_is_statsmodels_formula_and_cuped_saves_its_share():
    power = pytest.importorskip("statsmodels.stats.proportion")
    plan = experiment.design(0.10, 0.01)
    peer = power.samplesize_proportions_2indep_onetail
    assert plan.n_per_arm == pytest.approx(peer(0.01, 0.10, 0.8), rel=0.02)
    assert experiment.design(0.10, 0.01, correlation=0.6).n_per_arm == pytest.approx(0.64 * plan.n_per_arm, abs=1)
    assert experiment.design(5.0, 1.0, std=4.0).n_per_arm == pytest.approx((1.959964 + 0.841621) ** 2 * 32, abs=1)
    assert "with power 80%" in str(plan)


def test_the_designed_size_has_the_promised_power():
    plan = experiment.design(0.3, 0.05)
    rng = np.random.default_rng(6)
    hits = 0
    for _ in range(400):
        a, b = rng.binomial(plan.n_per_arm, [0.3, 0.35]) / plan.n_per_arm
        hits += abs(b - a) > 1.959964 * np.sqrt((a * (1 - a) + b * (1 - b)) / plan.n_per_arm)
    assert 0.70 < hits / 400 < 0.90  # 5 standard errors around .80


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: experiment.analyse(f, "sale"), "no column 'sale'.*'sales'"),
        (lambda f: experiment.analyse(f, "sales", control="ctrl"), "no arm 'ctrl'"),
        (lambda f: experiment.analyse(f[f["arm"] == "control"], "sales"), "holds the control alone"),
        (lambda f: experiment.analyse(f.assign(sales=np.nan), "sales"), "100 missing values"),
        (lambda f: experiment.analyse(f.assign(pre_clicks=1.0), "sales", cuped="pre_clicks"), "does not vary"),
        (lambda f: experiment.analyse(f.assign(user_id=0), "sales", unit="user_id"), "stand in more than one arm"),
        (lambda f: experiment.analyse(f.replace({"sales": {f["sales"][4]: np.inf}}), "sales"), "'sales' .* row 4: inf"),
        (
            lambda f: experiment.analyse(f.assign(pre_clicks=-np.inf), "sales", cuped="pre_clicks"),
            "'pre_clicks' has 100 infinite values",
        ),
        (lambda f: experiment.srm([5]), "at least two arms"),
        (lambda f: experiment.srm({"a": 5, "b": 6}, {"a": 1.0, "c": 1.0}), "name the same arms"),
        (lambda f: experiment.design(0.1, 0.0), "finds nothing"),
        (lambda f: experiment.design(0.98, 0.05), "not both in"),
        (lambda f: experiment.design(0.1, 0.01, power=1.0), "power=1.0"),
    ],
)
def test_wrong_experiments(call, message):
    with pytest.raises(ValueError, match=message):
        call(draw(100, 7))
