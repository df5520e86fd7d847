"""Amounts by a log's own quantiles: their mean in closed form, their bounds, and platforms made like such logs."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.data import Dataset
from causalrec_lab.world import Platform, Scenario, likeness
from causalrec_lab.world.law.amounts import amount_drawn, amount_mean
from causalrec_lab.world.scenarios.presets import scenario

CURVE = tuple(np.sort(np.r_[np.random.default_rng(1).lognormal(1, 1, 60), [90.0] * 21]).tolist())


@pytest.mark.parametrize("sigma", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("curve", [(), CURVE], ids=["log-normal", "quantiles"])
def test_the_mean_of_an_amount_is_that_of_its_draws(curve, sigma):
    amount = replace(scenario("ecommerce").amount, curve=curve, sigma=sigma)
    place, rng = np.array([-5.0, -1.2, 0.0, 0.7, 6.0]), np.random.default_rng(2)
    drawn = amount_drawn(amount, place, rng.standard_normal((400_000, 5)))
    error = drawn.std(axis=0) / np.sqrt(len(drawn))
    assert (np.abs(drawn.mean(axis=0) - amount_mean(amount, place)) <= 5 * error + 1e-4 * drawn.mean(axis=0)).all()


def test_a_normal_score_gives_back_the_quantiles_and_no_more_than_the_largest():
    amount = replace(scenario("ecommerce").amount, curve=CURVE, sigma=1.0)
    drawn = amount_drawn(amount, np.zeros(200_000), np.random.default_rng(3).standard_normal(200_000))
    assert drawn.max() == CURVE[-1]
    assert drawn.min() >= CURVE[0]
    assert (drawn > CURVE[40]).mean() == pytest.approx(0.5, abs=0.005)


def test_a_curve_that_falls_is_refused():
    base = scenario("ecommerce")
    with pytest.raises(ValueError, match="curve of amount"):
        replace(base, amount=replace(base.amount, curve=(3.0, 2.0, 1.0)))


def wages(n=12_000, seed=4):
    """Zeros, a cap that many reach, a long left tail in logs; the treated are few, and poor beforehand."""
    rng = np.random.default_rng(seed)
    skill = rng.normal(size=n)
    t = (rng.random(n) < 1 / (1 + np.exp(3 + 1.5 * skill))).astype(int)
    y = np.minimum(9_000 * np.exp(0.6 * skill) * rng.gamma(1.2, 1.0, n), 25_000.0)
    return pd.DataFrame({"treated": t, "pay": np.where(rng.random(n) < 0.15 + 0.2 * t, 0.0, y), "skill": skill})


@pytest.mark.parametrize("confounding", [0.0, 1.0])
def test_a_twin_has_the_zeros_the_cap_and_the_spread_of_a_log(confounding):
    rows = wages()
    log = Dataset("wages", decisions=rows)
    named = {"outcome": "pay", "covariates": ["skill"]}
    twin = Platform.make(Scenario.from_dataset(log, **named, confounding=confounding), seed=1)
    there = twin.log(30_000, 2).decisions
    assert there["pay"].max() <= rows["pay"].max()
    assert (there["pay"] == 0).mean() == pytest.approx((rows["pay"] == 0).mean(), abs=0.02)
    assert there["pay"].std() == pytest.approx(rows["pay"].std(), rel=0.05)  # a log-normal's is far larger
    assert there["pay"].mean() == pytest.approx(rows["pay"].mean(), rel=0.05)
    apart = [d[(d["treated"] == 1) & (d["pay"] > 0)]["pay"].mean() for d in (rows, there)]
    assert apart[1] == pytest.approx(apart[0], rel=0.15)
    table = likeness(log, twin, **named).table.set_index("statistic")
    lines = ["pay: mean", "pay: sd", "pay: mean where treated", "pay: mean where untreated"]
    assert (table.loc[lines, "matched"] == "yes").all()


def test_the_truth_of_a_twin_is_the_mean_difference_of_its_potential_outcomes():
    twin = Platform.make(
        Scenario.from_dataset(Dataset("wages", decisions=wages()), outcome="pay", covariates=["skill"]),
        seed=1, n_users=300, n_items=100,
    )  # fmt: skip
    assert twin.scenario.amount.curve
    rounds = twin.log(400_000, 5).decisions
    e = rounds["propensity"].to_numpy()
    weighted = np.where(rounds["treated"] == 1, 1 / e, -1 / (1 - e)) * rounds["pay"]
    error = weighted.std() / np.sqrt(len(weighted))
    assert abs(weighted.mean() - twin.truth.ate("pay").value) < 5 * error
