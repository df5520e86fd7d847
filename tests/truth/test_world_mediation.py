"""Effects along the funnel equal the products written out, stage by stage."""

import itertools

import numpy as np
import pytest

from causalrec_lab.world import Platform
from causalrec_lab.world.lists.examination import examination
from causalrec_lab.world.logging.decisions import draw_decisions
from causalrec_lab.world.truths import averages


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
    assert by_cart["TIE"] == pytest.approx(mean[1, 1, 1, 1] - mean[0, 0, 0, 1], abs=1e-12)
    assert by_cart["proportion mediated"] == pytest.approx(by_cart["TIE"] / by_cart["total"], abs=1e-12)
    listed = platform.truth.path_effects("purchase", mediator=["click", "cart"])["value"]
    assert listed["through click"] == pytest.approx(mean[1, 1, 0, 0] - nobody, abs=1e-12)
    assert "through view" not in listed
    assert listed["NDE"] == by_cart["NDE"]


def test_the_controlled_effect_is_that_of_the_last_stage_alone():
    platform = Platform.make(seed=4, n_users=60, n_items=30, exclusion=0.5)
    pairs = platform.population.block(np.arange(60))
    last, tau, total = platform.funnel.stages[-1], platform.funnel.effect_logit(pairs), 0.0
    for node in range(platform.scenario.nodes):
        logit = platform.funnel.stage_logit(last, pairs) + last.season * platform.funnel.season(node, pairs.category)
        total += (logistic(logit + last.treatment * tau) - logistic(logit)).mean() / platform.scenario.nodes
    assert platform.truth.path_effects("purchase", "cart").loc["CDE", "value"] == pytest.approx(total, abs=1e-12)


def test_path_effects_are_what_decisions_do_whose_stages_have_treatments_of_their_own():
    platform = Platform.make(seed=4, n_users=80, n_items=40, base_rate="common", confounding=1.0)
    draw, names = draw_decisions(platform.law, 400_000, 1), platform.funnel.names
    funnel, pairs = platform.funnel, draw.pairs
    season, tau = funnel.season(draw.node, pairs.category), platform.funnel.effect_logit(pairs)

    def bought(treated):
        alive = examination(funnel.scenario, draw.position) > draw.u_stage[0] * 0
        for k, (stage, t) in enumerate(zip(funnel.stages, treated, strict=True)):
            chance = logistic(funnel.stage_logit(stage, pairs) + stage.season * season + stage.treatment * tau * t)
            look = examination(funnel.scenario, draw.position) if k == 0 else 1.0
            alive = alive & (draw.u_stage[k] < chance * look)
        return alive.astype(float)

    nobody, direct, everybody = bought((0, 0, 0, 0)), bought((0, 0, 0, 1)), bought((1, 1, 1, 1))
    truth = platform.truth.path_effects("purchase", mediator=names[2])
    for name, contrast in {"NDE": direct - nobody, "TIE": everybody - direct, "total": everybody - nobody}.items():
        error = contrast.std() / np.sqrt(len(contrast))
        assert abs(contrast.mean() - truth.loc[name, "value"]) < 5 * error, name


def test_where_pairs_are_drawn_each_contrast_has_an_error_of_its_own(monkeypatch):
    exact = Platform.make(seed=4, n_users=60, n_items=30).truth.path_effects("purchase", "cart")
    assert (exact["std_error"] == 0).all()
    monkeypatch.setattr(averages, "EXACT_CELLS", 0)
    monkeypatch.setattr(averages, "DRAWS", 4 * averages.BLOCK)
    drawn = Platform.make(seed=4, n_users=60, n_items=30).truth.path_effects("purchase", "cart")
    none = ["through click", "through cart"]  # the treatment does nothing there, in every draw
    assert (drawn.loc[none] == 0).all(axis=None)
    drawn, exact = drawn.drop(none), exact.drop(none)
    assert (drawn["std_error"] > 0).all()
    assert (abs(drawn["value"] - exact["value"]) < 5.5 * drawn["std_error"]).all()
    assert (drawn["std_error"] < 0.02 * abs(exact["value"])).all()  # paired: far below that of either mean


def test_no_effect_has_no_proportion():
    effects = Platform.make(seed=4, n_users=20, n_items=10, effect=0.0).truth.path_effects("purchase")["value"]
    assert effects["total"] == 0
    assert np.isnan(effects["proportion mediated"])


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
        (("purchase", ["cart", "click"]), "in the order of the funnel"),
        (("purchase", []), "in the order of the funnel"),
    ],
)
def test_wrong_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        Platform.make(n_users=10, n_items=10).truth.path_effects(*arguments)
