"""Numbers chosen from the log: SLOPE on candidates whose bias is known, and what the choice is worth."""

import numpy as np
import pytest

from causalrec_lab.intervention import BanditLog, ope

ACTIONS = 20


def heavy(n=2_000, seed=0, world=7):
    """A log in which the policy's favourites are rare: few rounds carry most of the weight."""
    q = np.random.default_rng(world).uniform(0.1, 0.6, ACTIONS)
    rng = np.random.default_rng(seed)
    logging, target = np.exp(-8 * q), np.exp(12 * q)
    logging, target = logging / logging.sum(), target / target.sum()
    action = rng.choice(ACTIONS, n, p=logging)
    log = BanditLog(np.zeros((n, 1)), action, rng.binomial(1, q[action]), logging[action], ACTIONS)
    return log, np.tile(target, (n, 1)), np.tile(logging, (n, 1)), q, float(target @ q)


def test_slope_takes_the_last_of_the_first_run_that_agrees():
    values, widths = [1.0, 1.02, 0.95, 0.4, 1.0], [0.2, 0.15, 0.1, 0.05, 0.01]
    assert ope.slope(values, widths) == 2  # the fourth lies apart; the fifth agrees again, too late
    assert ope.slope(values[::-1], widths[::-1]) == 2
    assert ope.slope([1.0], [0.3]) == 0
    paired = np.full((5, 5), 0.01)
    assert ope.slope(values, widths, paired) == 0  # differences are seen more sharply than intervals
    with pytest.raises(ValueError, match="0 values and 0 half-widths"):
        ope.slope([], [])


def test_slope_bounds_are_those_of_the_published_constant():
    edge = 0.1 + (np.sqrt(6) - 1) * 0.2
    assert ope.slope([0.0, edge - 1e-6], [0.2, 0.1]) == 1
    assert ope.slope([0.0, edge + 1e-6], [0.2, 0.1]) == 0


@pytest.mark.parametrize("method", ["clipped", "switch", "dros"])
@pytest.mark.parametrize("rule", ["slope", "slope++", "mse"])
def test_the_choice_is_among_the_candidates_and_is_said(method, rule):
    log, target, _, q, _ = heavy()
    model = None if method == "clipped" else np.tile(q, (len(log), 1))
    chosen = ope.tune(log, target, method, model, rule=rule)
    found = ope.evaluate(log, target, method, model, parameter=rule)
    assert found.diagnostics["parameter"] == chosen.chosen
    assert chosen.chosen in set(chosen.table["parameter"])
    assert found.diagnostics["candidates"] == len(chosen.table)
    assert found.value == chosen.table.loc[chosen.table["chosen"], "value"].item()
    assert any(f"= {chosen.chosen:.4g} was chosen by" in note for note in found.notes)
    assert any("is biased by" in note and "at most" in note for note in found.notes)
    widths = chosen.table["half_width"]
    assert (widths.diff().dropna() <= 1e-12).all()
    assert chosen._repr_html_() == ope.tune(log, target, method, model, rule=rule)._repr_html_()
    chosen.plot(truth=0.3)


def test_a_perfect_model_lets_the_weights_go_and_a_wrong_one_keeps_them():
    log, target, _, q, truth = heavy(4_000, 1)
    right, wrong = np.tile(q, (len(log), 1)), np.full((len(log), ACTIONS), 0.9)
    left = {
        name: ope.evaluate(log, target, "dros", m).diagnostics["max_weight"]
        for name, m in (("right", right), ("wrong", wrong))
    }
    assert left["right"] < 0.5 * left["wrong"]
    found = ope.evaluate(log, target, "dros", wrong)
    assert abs(found.value - truth) < abs(ope.evaluate(log, target, "dm", wrong).value - truth) / 3


def test_a_chosen_shrinkage_beats_none_where_weights_are_heavy_and_the_model_good():
    errors = []
    for seed in range(60):
        log, target, _, q, truth = heavy(300, seed)
        model = np.tile(q + 0.03, (len(log), 1))
        errors.append([ope.evaluate(log, target, m, model).value - truth for m in ("dr", "dros", "switch")])
    dr, dros, switch = (np.array(errors) ** 2).mean(axis=0)
    assert dros < dr
    assert switch < dr


def contextual(n, seed, actions=30):
    """A log by a policy unlike the target, whose contexts a linear reward model reads only in part."""
    world, rng = np.random.default_rng(777), np.random.default_rng(seed)
    slopes, levels = world.normal(size=(5, actions)), world.normal(size=actions)
    squares, X = 0.4 * world.normal(size=(5, actions)), rng.normal(size=(n, 5))
    q = 1 / (1 + np.exp(0.5 - X @ slopes - levels - (X**2 - 1) @ squares))
    logging, target = (np.exp(c * q) / np.exp(c * q).sum(axis=1, keepdims=True) for c in (-4, 4))
    action = (logging.cumsum(axis=1) < rng.uniform(size=(n, 1))).sum(axis=1).clip(max=actions - 1)
    rows = np.arange(n), action
    log = BanditLog(X, action, rng.binomial(1, q[rows]), logging[rows], actions)
    return log, target, float((target * q).sum(axis=1).mean())


def test_a_chosen_shrinkage_costs_little_where_none_is_right():
    errors = []
    for seed in range(60):
        log, target, value = contextual(500, seed)
        model = ope.cross_fitted_rewards(log, seed=seed)
        models = {"ips": None, "clipped": None, "dr": model, "switch": model, "dros": model}
        errors.append([ope.evaluate(log, target, m, q).value - value for m, q in models.items()])
    ips, clipped, dr, switch, dros = np.sqrt((np.array(errors) ** 2).mean(axis=0))
    assert clipped < 1.1 * ips
    assert switch < 1.2 * dr  # 95 % intervals of differences, instead of 80 %, make it half as large again
    assert dros < 1.15 * dr


def test_the_bias_bound_holds_the_true_bias():
    inside = 0
    for seed in range(200):
        log, target, logging, q, truth = heavy(1_000, seed)
        found = ope.evaluate(log, target, "clipped", parameter=5.0)
        weight = target[0] / logging[0]
        bias = float((logging[0] * np.minimum(weight, 5.0) * q).sum() - truth)
        inside += abs(bias) <= found.diagnostics["bias_bound"]
    assert inside >= 174  # of 200 at 95 % or more, fewer by chance once in a million


def test_given_candidates_are_the_ones_tried():
    log, target, _, _, _ = heavy()
    table = ope.tune(log, target, "clipped", candidates=[3.0, 30.0]).table
    assert set(table["parameter"]) == {3.0, 30.0}
    with pytest.raises(ValueError, match="no candidates for lambda"):
        ope.tune(log, target, "clipped", candidates=[])
    with pytest.raises(ValueError, match="'dr' has nothing to choose"):
        ope.tune(log, target, "dr")
