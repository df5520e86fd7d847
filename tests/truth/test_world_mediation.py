"""Effects along the funnel equal the products written out, stage by stage."""

import itertools

import numpy as np
import pytest

from causalrec_lab.world import Platform


def logistic(x):
    return 1 / (1 + np.exp(-x))


def mixed(platform, treated):
    """E[purchase] where each stage has its own treatment, over all pairs and seasons, from the stage equations."""
    pairs = platform.population.block(np.arange(platform.population.n_users))
    funnel, tau = platform.funnel, platform.funnel.effect_logit(pairs)
    total = 0.0
    for node in range(platform.scenario.nodes):
        product = 1.0
        for stage, t in zip(funnel.stages, treated, strict=True):
            season = stage.season * funnel.season(node, pairs.category)
            product = product * logistic(funnel.stage_logit(stage, pairs) + season + stage.treatment * tau * t)
        total += product.mean() / platform.scenario.nodes
    return total * platform.truth.examination(4)["value"] @ platform.scenario.positions


@pytest.mark.parametrize("base_rate", [None, "common"])
def test_path_effects_equal_the_products_written_out(base_rate):
    platform = Platform.make(seed=4, n_users=60, n_items=30, base_rate=base_rate)
    effects = platform.truth.path_effects("purchase")["value"]
    mean = {treated: mixed(platform, treated) for treated in itertools.product((0, 1), repeat=4)}
    nobody = mean[0, 0, 0, 0]
    assert effects["NIE"] == pytest.approx(mean[1, 0, 0, 0] - nobody, abs=1e-12)
    assert effects["NDE"] == pytest.approx(mean[0, 1, 1, 1] - nobody, abs=1e-12)
    assert effects["through purchase"] == pytest.approx(mean[1, 1, 1, 1] - mean[1, 1, 1, 0], abs=1e-12)
    assert effects["total"] == pytest.approx(float(platform.truth.ate("purchase")), abs=1e-12)
    steps = effects[[name for name in effects.index if name.startswith("through")]]
    assert steps.sum() == pytest.approx(effects["total"], abs=1e-12)
    assert effects["NDE"] + effects["NIE"] + effects["interaction"] == pytest.approx(effects["total"], abs=1e-12)
    by_cart = platform.truth.path_effects("purchase", mediator="cart")["value"]
    assert by_cart["NDE"] == pytest.approx(mean[0, 0, 0, 1] - nobody, abs=1e-12)


def test_a_click_is_reached_through_the_view_alone():
    platform = Platform.make(seed=4, n_users=60, n_items=30)
    effects = platform.truth.path_effects("click")["value"]
    assert effects["NDE"] == 0
    assert effects["NIE"] == effects["total"] > 0
    dwell = platform.truth.path_effects("dwell")["value"]
    assert dwell["total"] == pytest.approx(float(platform.truth.ate("dwell")))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("purchase", "purchase"), "mediator='purchase' is no stage before 'purchase'"),
        (("purchase", "viev"), "did you mean 'view'"),
        (("view",), "no stage comes before it"),
        (("purchas",), "'purchas' is unknown"),
    ],
)
def test_wrong_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        Platform.make(n_users=10, n_items=10).truth.path_effects(*arguments)
