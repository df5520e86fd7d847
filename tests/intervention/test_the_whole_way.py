"""One object goes the whole way: estimate, policy, value from held-out logs, A/B test, truth."""

import pytest

from causalrec_lab import world
from causalrec_lab.causal import effects
from causalrec_lab.intervention import EffectPolicy, TiltedPolicy, choose, experiment, ope


@pytest.fixture(scope="module")
def platform():
    return world.Platform.make(seed=4, n_users=4_000, n_items=30, base_rate="common")


def test_estimate_policy_value_experiment_and_truth_agree(platform):
    today = platform.logging_policy(temperature=2.0)
    model = ope.RewardModel.fit(platform.slates(today, 6_000, seed=1), seed=1)
    policy = TiltedPolicy(today, model.predict, 4.0)
    truth, before = (platform.truth.policy_value(p).value for p in (policy, today))
    assert truth > before + 0.02  # the policy learned something
    held_out = platform.slates(today, 6_000, seed=2)
    for method in ("ips", "snips", "dr"):
        found = ope.evaluate(held_out, policy, method)
        assert abs(found.value - truth) < 4.5 * found.std_error
    people = platform.experiment({"control": today, "new": policy}, 4_000, seed=3, visits=4)
    contrast = experiment.analyse(people, "click", cuped="pre_clicks")["new"]
    assert abs(contrast.value - (truth - before)) < 4.5 * contrast.std_error
    assert choose({"new": contrast}, 0.0).loc["new", "decision"] == "adopt"
    assert choose({"new": contrast}, 1.0).loc["new", "decision"] == "reject"


def test_effects_by_category_make_a_policy_that_keeps_to_the_log(platform):
    log = platform.log(6_000, 5).decisions.merge(platform.items[["item_id", "category"]], on="item_id")
    caused = effects.by_group(log, "treated", "click", platform.covariates, "category")
    today = platform.logging_policy(temperature=2.0)
    policy = EffectPolicy(today, caused, platform.items["category"].tolist(), strength=10, caution=1.0)
    found = ope.evaluate(platform.slates(today, 5_000, seed=6), policy, "snips")
    assert found.diagnostics["unsupported_mass"] == 0
    assert not any("warning" in note for note in found.notes)
    assert abs(found.value - platform.truth.policy_value(policy).value) < 4.5 * found.std_error


def test_the_effect_under_a_policys_weights_is_what_the_policy_causes(platform):
    today = platform.logging_policy(temperature=2.0)
    chance = today.probabilities(platform.contexts())
    log = platform.log(20_000, 7).decisions
    log["w"] = chance[log["user_id"], log["item_id"]] * 30
    found = effects.aipw(log, "treated", "click", platform.covariates, weights="w")
    pairs = platform.contexts()[["user_id"]].merge(platform.items[["item_id"]], how="cross")
    means = platform.truth.potential_outcomes(pairs, "click")
    caused = ((means["y1"] - means["y0"]).to_numpy().reshape(chance.shape) * chance).sum(axis=1).mean()
    assert abs(found.value - caused) < 4.5 * found.std_error
