"""Attributions set against effects that are known: exact ones, an experiment's, and none."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau
from sklearn.linear_model import LinearRegression

from causalrec_lab.causal import CausalGraph
from causalrec_lab.estimate import Estimate, Truth
from causalrec_lab.explain import against_effects, attribute
from causalrec_lab.explain.attributions import (
    history_against_effects,
    kendall,
    rank_agreement,
    refitted_attributions,
    true_effects,
)
from causalrec_lab.recommender import RecommenderConfig, TransformerRecommender
from causalrec_lab.world import Platform

COLUMNS = ["affinity", "shown", "view", "cart"]


def linear(seed=1, columns=COLUMNS, n=20_000):
    world = Platform.linear_gaussian(seed=seed)
    rows = world.sample(n, 2)
    model = LinearRegression().fit(rows[columns], rows["purchase"])
    return world, rows, attribute(model, rows[columns], resamples=20)


def test_true_effects_of_the_linear_world_are_those_of_an_experiment():
    world = Platform.linear_gaussian(seed=1)
    found = true_effects(world)["per_unit"]
    for name in COLUMNS:
        high, low = (world.sample(4_000, 3, do={name: value})["purchase"].mean() for value in (1.0, 0.0))
        assert found[name] == pytest.approx(high - low, abs=1e-9)  # common noise: exact in a linear world


def test_a_platform_needs_rows():
    with pytest.raises(ValueError, match="give decisions="):
        true_effects(Platform.make(seed=1, n_users=5, n_items=5))


def test_a_linear_model_of_all_columns_is_its_direct_effects_and_not_the_total_ones():
    world, rows, attribution = linear()
    graph = CausalGraph(list(world.edges), outcome="purchase")
    found = against_effects(attribution, true_effects(world), graph=graph)
    spread = rows[COLUMNS].std(ddof=0)
    direct = pd.Series({name: world.coefficients[name, "purchase"] for name in COLUMNS}) * spread
    np.testing.assert_allclose(found.table["attribution"][COLUMNS], direct, atol=0.03)
    np.testing.assert_allclose(found.table["effect"][COLUMNS], true_effects(world)["per_unit"][COLUMNS] * spread)
    expected = kendalltau(found.table["importance"], found.table["effect"].abs())[0]
    assert found.agreement.value == pytest.approx(expected)
    assert found.agreement.value < 0.5  # the first cause is read late
    assert "its effect runs through" in found.table.loc["affinity", "why"]
    assert found.table.loc["cart", "why"] == ""  # nothing lies between it and the outcome
    assert found.opposite == ()


def test_a_model_of_the_right_columns_has_the_total_effect():
    """Given the confounder alone, the coefficient of `shown` is its total effect."""
    world, _, attribution = linear(columns=["affinity", "shown"])
    found = against_effects(attribution, true_effects(world))
    row = found.table.loc["shown"]
    assert row["attribution"] == pytest.approx(row["effect"], rel=0.05)


def test_a_proxy_and_a_confounded_column_are_told_apart():
    rng = np.random.default_rng(0)
    hidden, cause = rng.normal(size=(2, 5_000))
    frame = pd.DataFrame(
        {"proxy": hidden + 0.3 * rng.normal(size=5_000), "cause": cause + hidden, "noise": rng.random(5_000)}
    )
    y = 2 * hidden - 0.6 * frame["cause"] + rng.normal(size=5_000)
    graph = CausalGraph("taste -> proxy, cause, y; cause -> y; noise", latent=["taste"], outcome="y")
    attribution = attribute(LinearRegression().fit(frame, y), frame, resamples=20)
    found = against_effects(attribution, {"proxy": 0.0, "cause": Truth(-0.6), "noise": 0.0}, graph=graph)
    assert "attribution without effect; a proxy: it causes nothing here" in found.table.loc["proxy", "why"]
    assert "confounded: proxy <- taste -> y" in found.table.loc["proxy", "why"]
    assert found.table.loc["noise", "why"] == ""
    alone = attribute(LinearRegression().fit(frame[["cause", "noise"]], y), frame[["cause", "noise"]], resamples=20)
    turned = against_effects(alone, {"cause": -0.6, "noise": 0.0}, graph=graph)
    assert turned.opposite == ("cause",)
    assert turned.table.loc["cause", "why"].startswith("opposite signs; confounded: cause <- taste -> y")


def test_estimates_stand_beside_and_their_errors_widen_the_agreement():
    world, _, attribution = linear(n=2_000)
    exact = true_effects(world)
    estimates = {name: Estimate(exact.loc[name, "per_unit"], 0.2) for name in COLUMNS}
    found = against_effects(attribution, exact, estimates=estimates)
    assert found.estimated_agreement.value == found.agreement.value
    assert found.estimated_agreement.high - found.estimated_agreement.low > found.agreement.high - found.agreement.low
    row = found.table.loc["cart"]
    assert row["estimated_low"] < row["estimated"] < row["estimated_high"]
    shown = found._repr_html_()
    assert shown == against_effects(attribution, exact, estimates=estimates)._repr_html_()
    from matplotlib import pyplot as plt

    ax = found.plot()
    assert [tick.get_text() for tick in ax.get_yticklabels()] == found.table.index[::-1].tolist()
    plt.close(ax.figure)


def test_fitting_again_widens_the_interval_of_the_agreement():
    """Two columns of the same effect: which the model reads more is chance, and a fixed model hides it."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(rng.normal(size=(150, 3)), columns=["a", "b", "c"])
    y = frame["a"] + frame["b"] + 2 * frame["c"] + rng.normal(size=150)
    model = LinearRegression().fit(frame, y)
    shares, effects = attribute(model, frame, resamples=2), {"a": 1.0, "b": 1.001, "c": 2.0}
    again = refitted_attributions(model, frame, y, repeats=30)
    assert len({tuple(found.importance.round(6)) for found in again}) == 30
    fixed, sampled = against_effects(shares, effects), against_effects(shares, effects, refitted=again)
    assert sampled.agreement.high - sampled.agreement.low >= fixed.agreement.high - fixed.agreement.low
    assert sampled.agreement.low == pytest.approx(1 / 3)
    assert sampled.agreement.high == 1
    assert "30 fits to resampled rows" in sampled.notes[1]
    with pytest.raises(ValueError, match="repeats=1"):
        refitted_attributions(model, frame, y, repeats=1)
    with pytest.raises(ValueError, match="150 rows and outcome 149"):
        refitted_attributions(model, frame, y.iloc[1:])


@pytest.mark.parametrize("seed", range(5))
def test_kendall_is_scipy_s(seed):
    left, right = np.random.default_rng(seed).integers(0, 6, size=(2, 9))
    assert kendall(left, right) == pytest.approx(kendalltau(left, right)[0])


def test_a_ranking_that_is_all_tied_has_no_agreement():
    tied = np.zeros(3)
    found = rank_agreement(tied, np.arange(3), np.zeros((10, 3)), np.zeros((10, 3)))
    assert np.isnan(found.value)
    assert found.notes == ("no interval: all tied",)


def test_what_cannot_be_compared_is_named():
    _, _, attribution = linear(n=200)
    with pytest.raises(ValueError, match="1 of the features"):
        against_effects(attribution, {"cart": 1.0})
    with pytest.raises(ValueError, match="lacks the column per_unit"):
        against_effects(attribution, pd.DataFrame({"value": [1.0]}))


def test_an_event_moves_the_model_and_not_the_user():
    platform = Platform.make(seed=3, n_users=60, n_items=20)
    events = platform.log(3_000, 0).decisions
    shown = events[events["treated"] == 1]
    config = RecommenderConfig(length=12, dim=16, epochs=30, tokens=1_000, learning_rate=1e-2, precision="fp32")
    model = TransformerRecommender(config).fit(shown, callbacks=())
    found = history_against_effects(model, platform, 7, 4, outcome="view")
    assert (found["effect_on_user"] == 0).all()
    assert found["deletion"].abs().max() > 0.01
    carried = history_against_effects(
        model, Platform.make(seed=3, n_users=60, n_items=20, carry_over=0.5), 7, 4, outcome="view"
    )
    assert carried["effect_on_user"].iloc[-1] > 0
    assert (carried["effect_on_user"].iloc[:-1] == 0).all()
    with pytest.raises(ValueError, match="explain one output"):
        against_effects(attribute(model, 7, item=4), {"a": 1.0, "b": 2.0})
