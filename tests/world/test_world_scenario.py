"""A new domain is a new scenario: data, not code."""

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from causalrec_lab.world import Platform
from causalrec_lab.world.presets import scenario
from causalrec_lab.world.scenario import Amount, Coefficients, Effect, Exposure, Retention, Segment, Stage

SHOP = scenario("ecommerce")


@pytest.fixture
def radio():
    """A small listening platform: other stages, other amounts, other words."""
    coefficients = Coefficients(
        exposure=Exposure(-0.5, affinity_hat=0.5, log_popularity=0.3, activity=0.2, log_exposures=0.1, lottery=0.5),
        effect=Effect(0.8, 0.1, 0.1, 0.3),
        stages=(Stage("play", -0.5, affinity=1.0, treatment=1.0), Stage("finish", 0.2, affinity=0.5, hidden=0.5)),
    )
    words = [
        replace(category, name=name, nouns=("album", "single"), materials=("acoustic", "live", "studio"))
        for name, category in zip(("jazz", "folk", "techno"), SHOP.categories, strict=False)
    ]
    return replace(
        SHOP,
        name="radio",
        coefficients=MappingProxyType({"realistic": coefficients}),
        amount=Amount("minutes", "play", "minutes", 1.2, 0.2, 0.0, 0.5),
        retention=Retention("back_in_a_week", "finish", -1.0, 0.3, 0.8),
        categories=tuple(words),
        segments=MappingProxyType({"night": Segment(("jazz", "techno")), "day": Segment(("folk",))}),
        outcome="finish",
        attention="play",
    )


def test_another_domain_runs_through_every_door(radio):
    platform = Platform.make(radio, seed=1, n_users=300, n_items=80)
    log = platform.log(100_000, seed=2)
    assert {"play", "finish", "minutes", "back_in_a_week"} <= set(log.decisions)
    assert set(log.events["event"]) == {"play", "finish"}
    for outcome in ("finish", "minutes", "back_in_a_week"):
        drawn = platform.truth.coupled_outcomes(100_000, 2, outcome).eval("y1 - y0").to_numpy(float)
        assert abs(drawn.mean() - float(platform.truth.ate(outcome))) < 4 * drawn.std() / np.sqrt(100_000)
    assert set(platform.items["category"]) == {"jazz", "folk", "techno"}
    assert platform.items["title"].str.endswith(("album", "single")).all()
    arms = {"a": platform.logging_policy(1.0), "b": platform.logging_policy(0.3)}
    assert {"pre_plays", "play", "finish"} <= set(platform.experiment(arms, 200, 1))
    assert len(platform.slates(arms["a"], 50, reward="minutes")) == 50


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"segments": {"all": Segment(("jaz",))}}, r"segment 'all' likes \['jaz'\]"),
        ({"amount": replace(SHOP.amount, after="listen")}, "'dwell' comes after 'listen'"),
        ({"categories": (replace(SHOP.categories[0], nouns=("tee",)), *SHOP.categories[1:])}, r"\[1, 4\] nouns"),
    ],
)
def test_words_and_stages_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(SHOP, **change)


def test_a_platform_shows_its_dials():
    shown = Platform.make(seed=3, confounding=0.5)._repr_html_()
    assert "<th>confounding</th><td>0.5</td>" in shown
    assert shown == Platform.make(seed=3, confounding=0.5)._repr_html_()
