"""Marginalised IPS: clusters of actions, their choice, and the bias of what clusters do not tell."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.intervention import BanditLog, ope

GROUPS, MEMBERS = 8, 25
ACTIONS = GROUPS * MEMBERS
GROUP = np.repeat(np.arange(GROUPS), MEMBERS)


def world(direct, seed=0):
    """Worth of each action: of its group, and its own part."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0.2, 0.7, GROUPS)[GROUP] + direct * rng.choice([-0.2, 0.2], ACTIONS)


def draw(q, n=1_500, seed=0, strength=6.0):
    """A target that likes what is good, logged by one that likes it not; each has whims of its own besides."""
    rng, whims = np.random.default_rng(seed), np.random.default_rng(99).normal(size=(2, ACTIONS))
    logging, target = np.exp(-strength * q + whims[0]), np.exp(strength * q + whims[1])
    logging, target = logging / logging.sum(), target / target.sum()
    action = rng.choice(ACTIONS, n, p=logging)
    log = BanditLog(np.zeros((n, 1)), action, rng.binomial(1, q[action]), logging[action], ACTIONS)
    return log, np.tile(target, (n, 1)), np.tile(logging, (n, 1)), float(target @ q)


def test_clusters_that_tell_all_cost_no_bias_and_save_much_variance():
    q, errors = world(0.0), []
    for seed in range(60):
        log, target, logging, truth = draw(q, 600, seed)
        mips = ope.evaluate(log, target, "mips", embeddings=GROUP, logging=logging)
        errors.append([mips.value - truth, ope.evaluate(log, target, "ips").value - truth])
    rmse = np.sqrt((np.array(errors) ** 2).mean(axis=0))
    assert rmse[0] < rmse[1]
    assert abs(np.mean(errors, axis=0)[0]) < 4 * rmse[0] / np.sqrt(60)
    assert ope.direct_effect_bias(target, logging, np.tile(q, (600, 1)), GROUP) == pytest.approx(0, abs=1e-12)


def test_the_bias_of_direct_effects_is_shown():
    q = world(1.0)
    log, target, logging, truth = draw(q, 20_000, 1)
    found = ope.evaluate(log, target, "mips", embeddings=GROUP, logging=logging)
    bias = ope.direct_effect_bias(target, logging, np.tile(q, (20_000, 1)), GROUP)
    assert bias < -0.05
    assert found.value - truth == pytest.approx(bias, abs=4 * found.std_error)
    assert abs(bias) < found.diagnostics["bias_bound"]
    assert not found.covers(truth)
    assert any("mips is biased by what actions earn beyond their cluster" in note for note in found.notes)


def test_text_embeddings_are_clustered_the_same_each_time():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(GROUPS, 16)) * 3
    embeddings = centres[GROUP] + rng.normal(size=(ACTIONS, 16))
    labels = ope.cluster_actions(embeddings, GROUPS, seed=3)
    np.testing.assert_array_equal(labels, ope.cluster_actions(embeddings, GROUPS, seed=3))
    assert len(np.unique(np.column_stack([labels, GROUP]), axis=0)) == GROUPS  # the true groups, renamed
    np.testing.assert_array_equal(ope.cluster_actions(embeddings, ACTIONS), np.arange(ACTIONS))
    with pytest.raises(ValueError, match="clusters=0; give a number between 1 and the 200 actions"):
        ope.cluster_actions(embeddings, 0)


def test_the_number_of_clusters_is_chosen_from_the_log():
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(GROUPS, 4))[GROUP] * 4 + rng.normal(size=(ACTIONS, 4)) * 0.2
    log, target, logging, _ = draw(world(0.0), 3_000, 2)
    chosen = ope.tune(log, target, "mips", embeddings=embeddings, logging=logging)
    assert chosen.parameter == "clusters"
    assert 4 <= chosen.chosen < ACTIONS
    found = ope.evaluate(log, target, "mips", embeddings=embeddings, logging=logging)
    assert found.diagnostics["parameter"] == chosen.chosen
    assert found.std_error < ope.evaluate(log, target, "ips").std_error
    fixed = ope.evaluate(log, target, "mips", embeddings=embeddings, logging=logging, parameter=ACTIONS)
    assert fixed.value == ope.evaluate(log, target, "ips").value


def test_columns_that_tell_nothing_are_dropped():
    q = world(0.0)
    log, target, logging, truth = draw(q, 4_000, 3)
    table = pd.DataFrame({"group": GROUP, "shelf": np.arange(ACTIONS) % 5, "code": np.arange(ACTIONS)})
    found = ope.evaluate(log, target, "mips", embeddings=table, logging=logging)
    assert any("told apart by group" in note for note in found.notes)
    assert found.diagnostics["parameter"] <= 2
    assert abs(found.value - truth) < 4 * found.std_error
    with pytest.raises(ValueError, match="parameter=7 columns of the embeddings; there are 3"):
        ope.evaluate(log, target, "mips", embeddings=table, logging=logging, parameter=7)


def test_an_action_never_logged_is_valued_by_its_cluster():
    q = world(0.0)
    log, target, logging, _ = draw(q, 400, 4)
    assert (np.bincount(log.action, minlength=ACTIONS) == 0).any()
    assert ope.evaluate(log, target, "ips").diagnostics["unsupported_mass"] > 0
    found = ope.evaluate(log, target, "mips", embeddings=GROUP, logging=logging)
    assert found.diagnostics["unsupported_mass"] == 0


def test_clusters_need_no_logging_policy_where_propensities_are_estimated():
    q, kinds = np.array([0.2, 0.2, 0.7, 0.7]), np.array([0, 0, 1, 1])
    rng = np.random.default_rng(0)
    action = rng.choice(4, 4_000, p=[0.4, 0.3, 0.2, 0.1])
    log = BanditLog(rng.normal(size=(4_000, 1)), action, rng.binomial(1, q[action]), None, 4)
    target = np.tile([0.1, 0.1, 0.2, 0.6], (4_000, 1))
    found = ope.evaluate(log, target, "mips", embeddings=kinds, propensity="estimate")
    assert abs(found.value - 0.6) < 4.5 * found.std_error
    assert found.std_error < ope.evaluate(log, target, "ips", propensity="estimate").std_error


def test_what_mips_lacks_is_said():
    log, target, logging, _ = draw(world(0.0))
    with pytest.raises(ValueError, match="needs embeddings="):
        ope.evaluate(log, target, "mips")
    with pytest.raises(ValueError, match="logging policy's chance of every action"):
        ope.evaluate(log, target, "mips", embeddings=GROUP)
    with pytest.raises(ValueError, match="3 rows for 200 actions"):
        ope.evaluate(log, target, "mips", embeddings=np.arange(3), logging=logging)
    with pytest.raises(ValueError, match="missing for 1 actions, first 5"):
        ope.evaluate(log, target, "mips", embeddings=np.where(np.arange(ACTIONS) == 5, np.nan, GROUP), logging=logging)
    with pytest.raises(ValueError, match="embeddings= go with method='mips'"):
        ope.evaluate(log, target, "ips", embeddings=GROUP)
