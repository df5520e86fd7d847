"""Decisions in sequence: fitted Q and its value against dynamic programming, and what is refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import ExtraTreesRegressor

from causalrec_lab.intervention import FixedPolicy, UniformPolicy, learning
from causalrec_lab.intervention.learning import saving
from causalrec_lab.intervention.learning.stored_values import TreeValues
from causalrec_lab.world import Platform

STATE = ["fatigue", "satisfaction"]


def followed(world, n, seed=0, policy=None):
    log = world.log(n, seed, policy)
    return learning.Trajectories.from_frame(log, STATE, "click", n_actions=4, horizon=world.days)


class Leaning:
    """Chances that lean to more intensity, the less the more tired: near the uniform log."""

    def probabilities(self, contexts):
        lean = 0.25 * np.arange(4) * (1.0 - 0.5 * contexts["fatigue"].to_numpy()[:, None])
        return np.exp(lean) / np.exp(lean).sum(axis=1, keepdims=True)


def test_fitted_q_comes_close_to_the_best_policy_and_today_s_clicks_do_not():
    world = Platform.retention(seed=0)
    data, truth = followed(world, 8_000), world.truth
    best = float(truth.policy_value(truth.best_policy()))
    far, near = (learning.fitted_q(data, horizon=h) for h in (None, 1))
    runs = float(truth.policy_value(UniformPolicy(4)))
    assert float(truth.policy_value(far)) > best - 0.1  # the uniform log is half a click below
    assert float(truth.policy_value(near)) < runs < best
    assert float(truth.policy_value(near, "active")) < float(truth.policy_value(far, "active"))
    assert far.training_value.value == pytest.approx(best, abs=0.1)
    assert far.features == ("day", "fatigue", "satisfaction")
    assert any("users' worth of weight" in note for note in far.held_out.notes)
    assert "looks 1 of 14" in near.notes[0]


def test_without_fatigue_today_s_policy_is_the_best_one():
    truth = Platform.retention(tire=0.0).truth
    near, far = (float(truth.policy_value(p)) for p in (truth.myopic_policy(), truth.best_policy()))
    assert near == pytest.approx(far)


def test_dynamic_programming_is_what_simulation_finds():
    world = Platform.retention(seed=3, days=10)
    for policy in (UniformPolicy(4), world.truth.best_policy(), world.truth.myopic_policy()):
        log = world.log(20_000, 1, policy)
        users = log.groupby("user_id")
        for outcome, each in (("click", users["click"].sum()), ("active", users.size())):
            off = each.mean() - float(world.truth.policy_value(policy, outcome))
            assert abs(off) < 5 * each.std() / np.sqrt(len(each))


def test_the_best_of_all_policies_of_two_days_is_the_one_of_dynamic_programming():
    """Two days, enumerated: any first-day action in the start states, the best click on the second."""
    world = Platform.retention(days=2)
    truth, best = world.truth, -np.inf
    for actions in np.ndindex(4, 4, 4):
        table = truth.myopic_policy().table.copy()
        table[0, [1, 2, 3]] = np.eye(4)[list(actions)]
        best = max(best, float(truth.policy_value(type(truth.best_policy())(table))))
    assert float(truth.policy_value(truth.best_policy())) == pytest.approx(best)


@pytest.mark.parametrize("method", ["trajectory", "pdis", "dr", "wdr"])
def test_intervals_cover_the_value_of_a_policy_near_the_log(method):
    world = Platform.retention(seed=1, days=4)
    policy = Leaning()
    truth = float(world.truth.policy_value(policy))
    logs = (followed(world, 300, seed) for seed in range(40))
    covered = sum(learning.sequential_value(log, policy, method).covers(truth) for log in logs)
    assert covered >= 29  # binomial(40, .95): P(< 29) < 1e-6


def test_per_decision_and_doubly_robust_values_are_calmer_than_whole_trajectories():
    data, policy = followed(Platform.retention(seed=1, days=8), 2_000), Leaning()
    errors = {m: learning.sequential_value(data, policy, m).std_error for m in ("trajectory", "pdis", "dr")}
    assert errors["trajectory"] > errors["pdis"]
    assert errors["trajectory"] > errors["dr"]


def test_with_weights_of_one_every_method_but_the_regression_gives_the_log_s_mean():
    data = followed(Platform.retention(seed=2, days=5), 400)
    mean = data.totals.mean()
    for method in ("trajectory", "pdis"):
        assert learning.sequential_value(data, UniformPolicy(4), method).value == pytest.approx(mean)
    for method in ("dr", "wdr"):
        assert learning.sequential_value(data, UniformPolicy(4), method).value == pytest.approx(mean, abs=0.1)


def test_one_day_is_a_bandit():
    data = followed(Platform.retention(seed=2, days=1), 500)
    policy = FixedPolicy(np.array([0.1, 0.2, 0.3, 0.4]))
    weights = policy.distribution[data.action] / 0.25
    assert learning.sequential_value(data, policy, "pdis").value == pytest.approx(np.mean(weights * data.reward))


def test_trees_read_states_without_cells():
    world = Platform.retention(seed=4, days=3)
    data = followed(world, 600)
    found = learning.sequential_value(data, Leaning(), "dr", model="trees", folds=2)
    assert found.covers(world.truth.policy_value(Leaning()))
    wide = Platform.retention(days=2).log(300, 0)
    wide["mood"] = np.random.default_rng(0).normal(size=len(wide))
    cut = learning.Trajectories.from_frame(wide, [*STATE, "mood"], "click", n_actions=4, horizon=2)
    assert learning.fitted_q(cut, min_rows=3).probabilities(cut.contexts).sum() == len(cut.contexts)


def test_a_softer_policy_is_easier_to_value_and_worth_less():
    world = Platform.retention(seed=0, days=6)
    data = followed(world, 6_000, 1)
    sharp, soft = (learning.fitted_q(data, temperature=t) for t in (0.0, 0.3))
    assert soft.held_out.diagnostics["effective_users"] > 5 * sharp.held_out.diagnostics["effective_users"]
    assert soft.held_out.std_error < sharp.held_out.std_error
    assert float(world.truth.policy_value(soft)) < float(world.truth.policy_value(sharp))
    assert soft.held_out.covers(world.truth.policy_value(soft))


def test_actions_the_log_hardly_took_are_not_wanted():
    world = Platform.retention(seed=0, days=3)
    data = followed(world, 2_000, policy=FixedPolicy(np.array([0.5, 0.5, 0.0, 0.0])))
    found = learning.fitted_q(data)
    assert found.probabilities(data.contexts)[:, 2:].max() == 0
    assert found.support == 1.0


def every_course():
    """All courses of a world of two states, two actions and three days, their chances, and the value of a policy."""
    rng = np.random.default_rng(1)
    moves, earned = rng.dirichlet(np.ones(3), size=(2, 2)), rng.normal(size=(2, 2))  # the third state is gone
    logged, wanted = rng.dirichlet(np.ones(2) * 3, size=2), rng.dirichlet(np.ones(2) * 3, size=(3, 2))
    rows, chances = [], []

    def go(day, state, chance, past):
        for action in range(2):
            here, now = (
                chance * logged[state, action],
                [*past, (day, state, action, earned[state, action], logged[state, action])],
            )
            for after in range(3) if day < 2 else (2,):
                left = here * (moves[state, action, after] if day < 2 else 1.0)
                if after == 2:
                    rows.extend((len(chances), *row) for row in now)
                    chances.append(left)
                else:
                    go(day + 1, after, left, now)

    for state in (0, 1):
        go(0, state, (0.6, 0.4)[state], [])
    value = np.zeros(2)
    for day in (2, 1, 0):
        value = (wanted[day] * (earned + 0.8 * moves[:, :, :2] @ value)).sum(axis=1)
    names = ["user_id", "day", "state", "action", "earned", "propensity"]
    return pd.DataFrame(rows, columns=names), np.array(chances), wanted, np.array([0.6, 0.4]) @ value


class Table:
    def __init__(self, table):
        self.table = table

    def probabilities(self, contexts):
        return self.table[contexts["day"].to_numpy(), contexts["state"].to_numpy().astype(int)]


def test_weights_are_unbiased_over_every_course_the_world_can_take():
    """Exit, horizon and discount by enumeration."""
    frame, chance, wanted, truth = every_course()
    data = learning.Trajectories.from_frame(frame.sample(frac=1, random_state=0), ["state"], "earned", horizon=3)
    assert chance.sum() == pytest.approx(1.0)
    for method in ("trajectory", "pdis"):
        each, weights = learning.sequential_rounds(data, Table(wanted), method, discount=0.8)
        assert chance @ each == pytest.approx(truth, abs=1e-12)
        assert chance @ weights == pytest.approx(1.0)


LOG = Platform.retention(days=3).log(40, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="click"), r"lack the column 'click'"),
        (lambda f: f.drop(columns="fatigue"), r"lack the column 'fatigue'"),
        (lambda f: f.iloc[:0], "no row"),
        (lambda f: f[f["day"] != 0], r"has day 1 where day 0 comes next"),
        (lambda f: pd.concat([f, f]), "comes next"),
        (lambda f: f.assign(propensity=0.0), r"outside \(0, 1\]"),
        (lambda f: f.assign(click=np.nan), "not finite"),
        (lambda f: f.assign(action=7), "outside 0 to 3"),
        (lambda f: f.assign(fatigue="tired"), "give numbers"),
        (lambda f: f.assign(user_id=f["user_id"].where(f["user_id"] != 3)), "missing users, first at row"),
    ],
)
def test_tables_that_are_no_trajectories(change, message):
    with pytest.raises(ValueError, match=message):
        learning.Trajectories.from_frame(change(LOG), STATE, "click", n_actions=4, horizon=3)


def test_what_no_user_met_is_not_taken_for_worth_nothing():
    """Rewards below 0, an action never logged, states never met: its value of 0 must not look best."""
    log = Platform.retention(seed=0, days=3).log(300, 0, FixedPolicy(np.array([0.5, 0.5, 0.0, 0.0])))
    data = learning.Trajectories.from_frame(log.assign(cost=log["click"] - 2), STATE, "cost", n_actions=4, horizon=3)
    strange = pd.DataFrame({"day": [0, 2], "fatigue": [55.0, -9.0], "satisfaction": [-3.0, 99.0]})
    for min_rows in (0, 10):
        found = learning.fitted_q(data, min_rows=min_rows)
        assert found.probabilities(strange)[:, 2:].max() == 0
        assert found.probabilities(data.contexts)[:, 2:].max() == 0


def test_a_policy_beyond_the_log_is_said_to_be_so():
    world = Platform.retention(seed=0, days=3)
    data = followed(world, 300, policy=FixedPolicy(np.array([0.5, 0.5, 0.0, 0.0])))
    for method in ("pdis", "fqe"):
        found = learning.sequential_value(data, FixedPolicy(np.array([0.3, 0.3, 0.3, 0.1])), method)
        assert found.diagnostics["support"] == pytest.approx(0.6)
        assert np.isnan(found.std_error) == (method == "fqe")
        assert "40.0% of the policy's choices are actions the log never took" in found.notes[0]


def test_a_state_of_many_columns_is_held_by_the_cells_that_were_met():
    log = Platform.retention(days=2).log(120, 0)
    rng = np.random.default_rng(0)
    names = [f"z{k}" for k in range(14)]
    wide = pd.concat([log, pd.DataFrame(rng.normal(size=(len(log), 30)), columns=[f"z{k}" for k in range(30)])], axis=1)
    data = learning.Trajectories.from_frame(wide, names, "click", n_actions=4, horizon=2)
    assert learning.fitted_q(data, model="trees").probabilities(data.contexts).shape == (len(log), 4)
    data = learning.Trajectories.from_frame(wide, [f"z{k}" for k in range(30)], "click", n_actions=4, horizon=2)
    with pytest.raises(ValueError, match="30 columns of the state make"):
        learning.fitted_q(data)
    with pytest.raises(ValueError, match="leave it out of the state"):
        learning.Trajectories.from_frame(log, ["day", *STATE], "click")


@pytest.mark.parametrize("model", ["cells", "trees"])
def test_a_policy_by_action_values_travels_without_pickle(tmp_path, model):
    data = learning.Trajectories.from_frame(LOG, STATE, "click", n_actions=4, horizon=3)
    for k, options in enumerate(({}, {"horizon": 1, "temperature": 0.3})):
        found = learning.fitted_q(data, model=model, **options)
        back = learning.load(found.save(tmp_path / f"{model}{k}"))
        odd = data.contexts.assign(fatigue=7.0, day=9)  # states nobody was in, days nobody saw
        for contexts in (data.contexts, odd):
            np.testing.assert_array_equal(back.action_values(contexts), found.policy.action_values(contexts))
            np.testing.assert_array_equal(back.probabilities(contexts), found.probabilities(contexts))
        assert sorted(p.name for p in (tmp_path / f"{model}{k}").iterdir()) == ["policy.json", "policy.safetensors"]
    with pytest.raises(ValueError, match="cannot save action values that are a function"):
        saving.save(replace(found.policy, values=[lambda s: np.zeros((len(s), 4))]), tmp_path / "odd")


def test_trees_as_arrays_say_what_the_forest_says():
    rng = np.random.default_rng(0)
    state, action = rng.normal(size=(600, 2)), rng.integers(3, size=600)
    forest = ExtraTreesRegressor(7, min_samples_leaf=10, random_state=0)
    forest.fit(np.column_stack([state, np.eye(3)[action]]), state[:, 0] * action)
    new = rng.normal(size=(50, 2))
    wanted = [forest.predict(np.column_stack([new, np.tile(np.eye(3)[a], (50, 1))])) for a in range(3)]
    np.testing.assert_allclose(TreeValues.of(forest, 3)(new), np.column_stack(wanted), rtol=1e-12)


def test_wrong_questions():
    data = learning.Trajectories.from_frame(LOG, STATE, "click", n_actions=4, horizon=3)
    for options, message in [
        ({"method": "drs"}, "unknown method 'drs'"), ({"discount": 0.0}, "discount=0"),
        ({"model": "net"}, "unknown model"),
        ({"folds": 1}, "folds=1"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=message):
            learning.sequential_value(data, UniformPolicy(4), **options)
    for options, message in [
        ({"horizon": 4}, "horizon=4"), ({"min_rows": -1}, "min_rows=-1"), ({"temperature": -1.0}, "temperature=-1"),
        ({"held_out": 0.01}, "longer log"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=message):
            learning.fitted_q(data, **options)
    with pytest.raises(ValueError, match="lack the columns"):
        learning.fitted_q(data).probabilities(data.contexts[["day", "fatigue"]])
    with pytest.raises(ValueError, match="outcome"):
        Platform.retention().truth.policy_value(UniformPolicy(4), "cart")
    with pytest.raises(ValueError, match="days"):
        Platform.retention(days=0)
    with pytest.raises(ValueError, match="tire"):
        Platform.retention(tire=2.0)
