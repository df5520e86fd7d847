"""Plans against simulation of outcomes, a peer and algebra; what a pilot tells."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.intervention import experiment


@pytest.mark.parametrize(
    "plan",
    [
        experiment.design(0.1, 0.02),
        experiment.design(0.1, -0.03, 0.9, shares=(3, 1)),
        experiment.design(5.0, 0.5, std=4.0, shares=(2, 1, 1)),
        experiment.design(0.2, 0.03, shares=(1, 1, 1), comparisons="bonferroni"),
        experiment.design(0.1, 0.02, looks=5),
        experiment.design(5.0, 0.5, std=4.0, looks=4, spending="pocock"),
        experiment.design(0.1, 0.02, correlation=0.5, cluster_size=10, icc=0.05),
    ],
    ids=str,
)
def test_plans_have_the_promised_power_in_simulation(plan):
    assert plan.power_of() == pytest.approx(plan.power, abs=0.005)
    assert plan.simulate(20_000, seed=1) == pytest.approx(plan.power, abs=0.025)  # rates: their law is a little skew
    assert plan.finding(1e-9).simulate(20_000, seed=2) == pytest.approx(0.05, abs=0.008) or len(plan.shares) > 2


def test_the_least_detectable_effect_and_the_size_undo_each_other():
    for options in ({}, {"std": 3.0}, {"looks": 3}, {"shares": (1, 2)}):
        plan = experiment.design(0.2, 0.03, **options)
        back = experiment.design(0.2, n=plan.n, **options)
        assert back.effect == pytest.approx(0.03, rel=2e-3)
        assert experiment.design(0.2, 0.03, n=plan.n, **options).power == pytest.approx(0.8, abs=2e-3)
    assert experiment.design(0.2, 0.1, relative=True).effect == pytest.approx(0.02)


def test_power_is_statsmodels():
    power = pytest.importorskip("statsmodels.stats.power")
    plan = experiment.design(10.0, 1.0, std=4.0)
    theirs = power.NormalIndPower().solve_power(effect_size=0.25, alpha=0.05, power=0.8)
    assert plan.n_per_arm == pytest.approx(theirs, abs=1)


def test_days_follow_the_week():
    plan = experiment.design(0.1, 0.02)
    week = [100, 100, 100, 100, 100, 600, 900]
    count, days = 0, 0
    while count < plan.n:
        count, days = count + week[days % 7], days + 1
    assert plan.days(week, whole_weeks=False) == days
    assert plan.days(week) == -(-days // 7) * 7
    assert plan.days(plan.n) == 7
    assert plan.days([plan.n - 50, *week], whole_weeks=False) == 2
    for wrong in (-5, [0] * 7):
        with pytest.raises(ValueError, match="units a day >= 0"):
            plan.days(wrong)


def test_unequal_arms_cost_what_they_cost_and_dunnett_less_than_bonferroni():
    equal, unequal = experiment.design(5.0, 1.0, std=4.0), experiment.design(5.0, 1.0, std=4.0, shares=(9, 1))
    assert unequal.n / equal.n == pytest.approx((1 / 0.9 + 1 / 0.1) / 4, rel=0.01)
    ways = [
        experiment.design(5.0, 0.2, std=4.0, shares=(1,) * 4, comparisons=c).n
        for c in ("each", "dunnett", "bonferroni")
    ]
    assert ways[0] < ways[1] < ways[2]


def test_a_pilot_tells_the_spread_of_a_ratio_and_the_likeness_within_clusters():
    rng = np.random.default_rng(1)
    shops, size = 400, rng.poisson(12, 400) + 1
    shop = np.repeat(np.arange(shops), size)
    before = rng.normal(size=len(shop))
    y = 3 + 0.5 * rng.normal(size=shops)[shop] + 0.8 * before + rng.normal(size=len(shop))
    frame = pd.DataFrame({"shop": shop, "y": y, "before": before, "views": rng.poisson(4, len(shop)) + 1})
    frame["clicks"] = rng.binomial(frame["views"], 0.3)
    pilot = experiment.measure(frame, "y", cuped="before", cluster="shop")
    assert pilot.icc == pytest.approx(0.25 / 1.25, abs=0.04)  # of what CUPED leaves
    assert pilot.correlation**2 == pytest.approx(0.64 / 1.89, abs=0.04)
    assert pilot.cluster_size == pytest.approx(size.mean())
    plan = experiment.design(pilot, 0.1)
    rough = (1.96 + 0.8416) ** 2 * 2 * 1.25 * (1 + (pilot.effective_cluster_size - 1) * 0.2) / 0.01
    assert plan.n_per_arm == pytest.approx(rough, rel=0.15)
    assert plan.clusters[0] == -(-plan.sizes[0] // plan.cluster_size)
    ratio = experiment.measure(frame, "clicks", denominator="views")
    assert ratio.mean == pytest.approx(frame["clicks"].sum() / frame["views"].sum())
    halves = frame.assign(arm=np.where(rng.uniform(size=len(frame)) < 0.5, "control", "new"))
    error = experiment.analyse(halves, "clicks", denominator="views")["new"].std_error
    assert 2 * ratio.std / np.sqrt(len(frame)) == pytest.approx(error, rel=0.03)


def test_a_plan_shows_itself():
    plan = experiment.design(0.1, 0.01, looks=3, cluster_size=5, icc=0.1)
    assert "3 looks" in str(plan)
    assert "clusters" in str(plan)
    assert plan.table["power"].is_monotonic_increasing
    assert "<table" in plan._repr_html_()
    assert len(plan.plot().lines) == 5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: experiment.design(0.1), "give effect="),
        (lambda: experiment.design(0.1, n=3), "two units an arm"),
        (lambda: experiment.design(0.1, 0.01, shares=(1, 0)), "positive share"),
        (lambda: experiment.design(0.1, 0.01, icc=1.5, cluster_size=3), "icc=1.5"),
        (lambda: experiment.design(0.1, 0.01, shares=(1, 1, 1), comparisons="tukey"), "unknown comparisons"),
        (lambda: experiment.design(0.9, n=10), "take more"),
        (
            lambda: experiment.measure(pd.DataFrame({"y": [1.0, 2, 3, 4], "c": [1, 2, 3, 4]}), "y", cluster="c"),
            "intracluster",
        ),
    ],
)
def test_wrong_plans(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_clusters_of_a_pilot_are_counted_by_their_mean_size():
    rng = np.random.default_rng(21)
    shop = np.repeat(np.arange(200), rng.geometric(0.1, 200))
    frame = pd.DataFrame({"shop": shop, "y": rng.normal(size=200)[shop] + rng.normal(size=len(shop))})
    pilot = experiment.measure(frame, "y", cluster="shop")
    plan = experiment.design(pilot, 0.5)
    assert sum(plan.clusters) == pytest.approx(plan.n / pilot.cluster_size, abs=2)
    even = experiment.design(pilot.mean, 0.5, std=pilot.std, icc=pilot.icc, cluster_size=pilot.effective_cluster_size)
    assert plan.n == even.n  # uneven clusters cost as much as equal ones of the effective size


def test_several_arms_share_the_error_of_several_looks():
    plan = experiment.design(0.1, 0.02, shares=(1, 1, 1), looks=4)
    assert plan.boundary.level == pytest.approx(0.975)
    assert plan.n > experiment.design(0.1, 0.02, shares=(1, 1, 1)).n
    assert plan.simulate(4_000) == pytest.approx(0.8, abs=0.035)
    assert plan.power_of() == pytest.approx(0.8, abs=0.001)


def test_a_plan_is_shown_even_where_no_effect_or_any_is_found():
    for plan in (experiment.design(0.1, 0.3, n=100_000), experiment.design(0.97, 0.02)):
        assert "<table" in plan._repr_html_()
    assert experiment.design(1.0, 1e-9, std=1.0, n=100).table["detectable"].isna().all()
    assert experiment.design(0.1, 0.02).days(1e-3) == 7 * -(-7_678_000 // 7)
    assert experiment.design(0.1, 0.02).days([1_000, 2_000, 0, 0, 0, 0, 0], whole_weeks=False) == 16
    for bad in ({"effect": np.nan}, {"effect": np.inf}, {"effect": 0.02, "looks": 0}):
        with pytest.raises(ValueError, match="design\\("):
            experiment.design(5.0, std=1.0, **bad)
    with pytest.raises(ValueError, match="power in"):
        experiment.design(0.1, 0.02).detectable(power=0.0)
