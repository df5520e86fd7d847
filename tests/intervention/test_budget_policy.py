"""Whom to treat with a budget: greedy against enumeration, gains against truth, and what is refused."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.intervention import learning
from causalrec_lab.intervention.learning import saving
from causalrec_lab.intervention.learning.spending import best_purchase, price_of, treated_share
from causalrec_lab.world import Platform


def drawn(n, seed=0):
    """Effects of .6 x on a coin-flip treatment, at costs of 1 or 2."""
    rng = np.random.default_rng(seed)
    x, cost = rng.uniform(-1, 1, size=n), rng.choice([1.0, 2.0], size=n)
    t = rng.random(n) < 0.5
    y = 0.3 * x + 0.6 * x * t + rng.normal(scale=0.5, size=n)
    return pd.DataFrame({"x": x, "z": rng.normal(size=n), "price": cost, "t": t.astype(int), "y": y, "e": 0.5})


def test_spending_by_effect_for_cost_is_the_best_that_money_buys():
    rng = np.random.default_rng(0)
    for _ in range(20):
        effect, cost = rng.normal(size=9), rng.integers(1, 4, size=9).astype(float)
        money = float(rng.integers(1, 12))
        price, margin = price_of(effect, cost, money / 9, None)
        rule = treated_share(effect, cost, price, None, margin)
        assert (rule * cost).sum() <= money * (1 + 1e-12)
        sets = [np.array(s, dtype=bool) for s in itertools.product((False, True), repeat=9)]
        best = max(float((s * effect).sum()) for s in sets if (s * cost).sum() <= money)
        assert best_purchase(effect, cost, money) >= best - 1e-12  # the last one in part: never less than whole ones
        assert (rule * effect).sum() == pytest.approx(best_purchase(effect, cost, money))
        assert ((rule == 1) * effect).sum() <= best + 1e-12
        same = treated_share(effect, np.ones(9), price_of(effect, np.ones(9), money / 9, None)[0], None)
        assert (same * effect).sum() == pytest.approx(np.sort(np.maximum(effect, 0))[::-1][: int(money)].sum())


def test_gain_spending_and_price_are_those_of_the_law():
    """Costs 1, budget .25: treat x > .5, gain .6 E[x; x > .5] = .1125, price .3; without budget .15."""
    found = learning.budget_policy(drawn(12_000), "t", "y", ["x", "z"], budget=0.25, propensity="e")
    assert found.gain.covers(0.1125)
    assert found.spent.value == pytest.approx(0.25, abs=0.03)
    assert found.shadow_price == pytest.approx(0.3, abs=0.06)
    assert found.forgone.covers(0.0375)
    held = found.held_out.frame
    table = found.against(0.6 * held["x"])
    assert (table["truth"] <= table["best"] + 1e-9).all()
    assert table["truth"].iloc[-1] == pytest.approx(0.15, abs=0.02)
    assert table["spent"].is_monotonic_increasing
    np.testing.assert_array_equal(found.probabilities(held)[:, 1] == 1, found.treat(held))
    assert found.plot(effects=0.6 * held["x"]).get_xlabel() == "money spent a row"
    assert "shadow price" in found._repr_html_()


@pytest.mark.parametrize("learner", ["dr_learner", "r_learner", "t_learner"])
def test_a_rule_under_a_budget_travels_without_pickle_and_without_rows(tmp_path, learner):
    data = drawn(1_500).assign(kind=lambda f: np.where(f["z"] > 0, "p", "q"))
    found = learning.budget_policy(
        data, "t", "y", ["x", "z", "kind"], budget=0.3, costs="price", propensity="e", learner=learner
    )
    new = drawn(400, 1).assign(kind="p")
    folder = found.save(tmp_path / "rule")
    if learner == "t_learner":
        with pytest.raises(ValueError, match=r"not written .*load\(folder, effects=\.\.\.\)"):
            learning.load(folder)
    back = learning.load(folder, effects=found.effects if learner == "t_learner" else None)
    assert isinstance(back, learning.BudgetRule)
    np.testing.assert_array_equal(back.probabilities(new), found.probabilities(new))
    np.testing.assert_array_equal(back.treat(new, 3), found.treat(new, 3))
    assert (back.shadow_price, back.margin, back.worth) == (found.shadow_price, found.margin, None)
    assert (folder / "policy.safetensors").stat().st_size < 5_000  # coefficients, and no rows
    if learner != "t_learner":
        again = learning.load(saving.save(back, tmp_path / "again"))
        np.testing.assert_array_equal(again.probabilities(new), found.probabilities(new))
        with pytest.raises(ValueError, match="not met when learning"):
            back.probabilities(new.assign(kind="r"))


def test_costs_of_rows_and_the_worth_of_the_outcome_move_whom_to_treat():
    data = drawn(6_000)
    by_cost = learning.budget_policy(data, "t", "y", ["x", "z"], budget=0.3, costs="price", propensity="e")
    rows = data.assign(x=0.6)
    told = pd.Series(by_cost.treat(rows)).groupby(rows["price"]).mean()
    assert told[1.0] > told[2.0]
    free = learning.budget_policy(data, "t", "y", ["x", "z"], budget=math.inf, costs="price", propensity="e")
    paying = learning.budget_policy(
        data, "t", "y", ["x", "z"], budget=math.inf, costs="price", worth=4.0, propensity="e"
    )
    assert free.shadow_price == paying.shadow_price == 0.0
    assert free.forgone.value == 0.0
    assert paying.treat(data).sum() < free.treat(data).sum()


def test_intervals_of_the_gain_cover_the_rule_s_own_truth():
    inside = 0
    for seed in range(40):
        found = learning.budget_policy(drawn(600, seed), "t", "y", ["x"], budget=0.3, propensity="e", seed=seed)
        new = drawn(20_000, 10_000 + seed)
        inside += found.gain.covers(float((found.treat(new) * 0.6 * new["x"]).mean()))
    assert inside >= 29  # binomial(40, .95): P(< 29) < 1e-6


def test_on_the_platform_the_budget_goes_to_those_who_gain():
    platform = Platform.make(seed=5, n_users=1_500, n_items=60, base_rate="common")
    decisions = platform.log(9_000, seed=1).decisions
    found = learning.budget_policy(
        decisions, "treated", "click", platform.covariates, budget=0.3, propensity="propensity", learner="r_learner"
    )
    true = platform.truth.cate(found.held_out.frame, "click")["value"].to_numpy()
    treated = found.treat(found.held_out.frame)
    assert found.gain.covers(float((treated * true).mean()))
    assert true[treated].mean() > true.mean()


def test_equals_share_what_money_is_left():
    """A covariate of two values: effects of 1 and .3 for half each. All the money is spent, on the first first."""
    rng = np.random.default_rng(0)
    g, t = rng.integers(0, 2, size=6_000), rng.random(6_000) < 0.5
    data = pd.DataFrame({"g": g, "t": t.astype(int), "y": rng.normal(size=6_000) + t * np.where(g == 1, 1.0, 0.3)})
    for budget, gain in ((0.1, 0.1), (0.3, 0.3), (0.7, 0.5 + 0.2 * 0.3)):
        found = learning.budget_policy(data.assign(e=0.5), "t", "y", ["g"], budget=budget, propensity="e")
        assert found.spent.value == pytest.approx(budget, abs=0.03)
        assert found.gain.covers(gain)
        treated = found.treat(data, seed=1)
        assert treated.mean() == pytest.approx(budget, abs=0.03)
        np.testing.assert_allclose(found.probabilities(data)[:, 1].mean(), treated.mean(), atol=0.03)
        assert budget > 0.5 or not treated[g == 0].any()
        np.testing.assert_allclose(found.curve["spent"], found.curve.index, atol=0.03)
    effect, cost = np.full(6, 0.3), np.full(6, 0.1)
    effect[::2] *= 1 + 1e-13  # ties up to rounding are ties
    price, margin = price_of(effect, cost, 0.025, None)
    np.testing.assert_allclose(treated_share(effect, cost, price, None, margin), 0.25)


DATA = drawn(200)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budget": 0.0}, "budget=0"),
        ({"budget": math.nan}, "budget=nan"),
        ({"costs": 0.0}, "not positive, first at row 0: 0"),
        ({"costs": "prices"}, r"no column 'prices' of costs.*'price'"),
        ({"worth": -1.0}, "worth=-1"),
        ({"learner": "drlearner"}, r"unknown learner 'drlearner'.*dr_learner"),
        ({"cluster": "user"}, "no column 'user' of clusters"),
        ({"held_out": 0.0}, "held_out=0"),
    ],
)
def test_wrong_budgets(options, message):
    with pytest.raises(ValueError, match=message):
        learning.budget_policy(DATA, "t", "y", ["x"], **({"budget": 0.2} | options))


def test_missing_costs_and_truths_of_another_length_are_named():
    with pytest.raises(ValueError, match="1 values that are missing"):
        learning.budget_policy(DATA.assign(price=[np.nan, *[1.0] * 199]), "t", "y", ["x"], budget=0.2, costs="price")
    with pytest.raises(ValueError, match="one finite number for each"):
        learning.budget_policy(DATA, "t", "y", ["x"], budget=0.2).against([1.0])
