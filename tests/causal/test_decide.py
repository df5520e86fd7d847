"""Influence diagrams: expected utilities and values of information against enumeration, by hand and by draws."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.causal import CausalGraph, StructuralCausalModel
from causalrec_lab.causal.scm.discrete import DiscreteNetwork
from causalrec_lab.causal.scm.gaussian import GaussianSystem

GRAPH = CausalGraph("taste -> shown, bought; shown -> bought; mood -> bought; shown -> annoyed")


def shop(seed: int = 0) -> StructuralCausalModel:
    rng = np.random.default_rng(seed)
    states = dict.fromkeys(GRAPH.nodes, ("no", "yes")) | {"taste": ("low", "middle", "high")}
    parents = {n: GRAPH.parents(n) for n in GRAPH.nodes}
    tables = {}
    for n in GRAPH.nodes:
        shape = [len(states[m]) for m in parents[n]]
        tables[n] = rng.dirichlet(np.ones(len(states[n])), size=shape or None)
    return StructuralCausalModel(GRAPH, DiscreteNetwork(states, parents, tables))


UTILITY = {"bought": {"no": 0.0, "yes": 10.0}, "annoyed": {"no": 0.0, "yes": -4.0}}


def enumerated(model: StructuralCausalModel, observe: tuple[str, ...], costs: dict) -> float:
    """Best expected utility when `observe` is seen first, by the sum over every state of the mutilated network."""
    net = model.mechanisms
    worth: dict = {}
    for action in ("no", "yes"):
        for values in itertools.product(*(net.states[n] for n in net.nodes)):
            world = dict(zip(net.nodes, values, strict=True))
            if world["shown"] != action:
                continue
            p = 1.0
            for n in net.nodes:
                if n != "shown":
                    at = tuple(net.states[m].index(world[m]) for m in (*net.parents[n], n))
                    p *= net.tables[n][at]
            gain = sum(UTILITY[n][world[n]] for n in UTILITY) - costs.get(f"shown = {action}", 0.0)
            key = tuple(world[n] for n in observe), action
            worth[key] = worth.get(key, 0.0) + p * gain
    seen = {key[0] for key in worth}
    return sum(max(worth[o, a] for a in ("no", "yes")) for o in seen)


@pytest.mark.parametrize("seed", range(5))
def test_utilities_and_values_of_information_are_the_sums_over_all_states(seed):
    model, costs = shop(seed), {"shown = yes": 0.7}
    found = model.decide("shown", UTILITY, costs=costs, observe=["taste", "mood"])
    blind = enumerated(model, (), costs)
    assert found.value == pytest.approx(blind)
    for name, nodes in {
        "taste": ("taste",),
        "mood": ("mood",),
        "everything before the action": ("taste", "mood"),
    }.items():
        assert found.information.loc[name, "value"] == pytest.approx(enumerated(model, nodes, costs) - blind, abs=1e-12)
    assert (found.table["low"] == found.table["expected_utility"]).all()
    assert "given, not estimated" in found.notes[0]


def test_joint_utility_and_evidence_and_named_actions():
    model = shop(1)
    index = pd.MultiIndex.from_product([["no", "yes"]] * 2, names=["bought", "annoyed"])
    joint = pd.Series([UTILITY["bought"][b] + UTILITY["annoyed"][a] for b, a in index], index=index)
    actions = {"show": {"shown": "yes"}, "hide": {"shown": "no"}, "leave": {}}
    one, other = (model.decide(actions, u, given={"taste": "high"}) for u in (UTILITY, joint))
    pd.testing.assert_frame_equal(one.table, other.table)
    for label, do in actions.items():
        p = model.query("bought", do=do, given={"taste": "high"})["yes"]
        q = model.query("annoyed", do=do, given={"taste": "high"})["yes"]
        assert one.table.loc[label, "expected_utility"] == pytest.approx(10 * p - 4 * q)


def test_rule_is_the_best_action_at_each_observation():
    model = shop(2)
    found = model.decide("shown", UTILITY, observe=["taste"])
    for state, action in found.rules["taste"].items():
        assert model.decide("shown", UTILITY, given={"taste": state}).best == action


def test_intervals_shrink_with_data_and_hold_the_truth():
    model = shop(3)
    truth = model.decide("shown", UTILITY)
    widths = []
    for n in (500, 20_000):
        fitted = StructuralCausalModel(GRAPH).fit(model.sample(n, seed=1), pseudo_count=0.5)
        found = fitted.decide("shown", UTILITY, draws=400, level=0.999)
        for label in truth.table.index:
            low, high = found.table.loc[label, ["low", "high"]]
            assert low <= truth.table.loc[label, "expected_utility"] <= high
        widths.append((found.table["high"] - found.table["low"]).max())
        assert found.table["probability_best"].sum() == pytest.approx(1)
        assert found.information.loc["the parameters", "value"] >= 0
    assert widths[1] < widths[0] / 3
    assert found.best == truth.best


def test_close_calls_are_worth_an_experiment_and_clear_ones_are_not():
    rng = np.random.default_rng(0)
    graph = CausalGraph("shown -> bought")
    worth = []
    for effect in (0.0, 0.6):
        shown = rng.integers(0, 2, 200)
        bought = (rng.random(200) < 0.2 + effect * shown).astype(int)
        model = StructuralCausalModel(graph).fit(pd.DataFrame({"shown": shown, "bought": bought}))
        found = model.decide("shown", {"bought": {0: 0.0, 1: 1.0}})
        worth.append(found.information.loc["the parameters", "value"])
    assert worth[0] > 10 * worth[1]


def test_gaussian_utilities_are_linear():
    graph = CausalGraph("taste -> spent; shown -> spent")
    B = np.zeros((3, 3))
    B[2] = [0.5, 2.0, 0.0] if graph.nodes[0] == "taste" and graph.nodes[1] == "shown" else [0.0, 0.5, 0.0]
    order = list(graph.nodes)
    B[2] = 0
    B[order.index("spent"), [order.index("taste"), order.index("shown")]] = [0.5, 2.0]
    model = (
        StructuralCausalModel(graph, GaussianSystem(graph.nodes, B, np.zeros(3), np.ones(3)))
        if order[2] == "spent"
        else None
    )
    assert model is not None
    actions = {"none": {"shown": 0.0}, "much": {"shown": 3.0}}
    found = model.decide(actions, {"spent": 1.5, "shown": -1.0}, costs={"much": 1.0})
    assert found.table.loc["much", "expected_utility"] == pytest.approx(1.5 * 6 - 3 - 1)
    fitted = StructuralCausalModel(graph).fit(model.sample(300, seed=1)).decide(actions, {"spent": 1.5}, draws=200)
    assert fitted.table.loc["much", "low"] < 9 < fitted.table.loc["much", "high"]


def test_html_is_the_same_twice_and_escaped():
    model = shop(0)
    actions = {"<b>show</b>": {"shown": "yes"}, "hide": {"shown": "no"}}
    first, second = (model.decide(actions, UTILITY)._repr_html_() for _ in range(2))
    assert first == second
    assert "<b>show" not in first


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.decide("show", UTILITY), "did you mean 'shown'"),
        (lambda m: m.decide({"show": {"shown": "yes"}}, UTILITY), "two actions or more"),
        (lambda m: m.decide({"a": {"shown": "yes"}, "b": {"shown": "maybe"}}, UTILITY), "no state 'maybe'"),
        (lambda m: m.decide("shown", {"bougt": {}}), "utility: 'bougt' .* did you mean 'bought'"),
        (lambda m: m.decide("shown", {"bought": {"yes": 1.0}}), "no value for its state 'no'"),
        (lambda m: m.decide("shown", UTILITY, costs={"shown=yes": 1.0}), "costs: no action 'shown=yes'"),
        (lambda m: m.decide("shown", UTILITY, observe=["annoyed"]), "cannot be news before acting"),
        (lambda m: m.decide("shown", UTILITY, observe=["moood"]), "did you mean 'mood'"),
        (lambda m: m.decide("shown", UTILITY, given={"shown": "yes"}), "which is also given"),
        (lambda m: m.decide("shown", UTILITY, given={"taste": "hihg"}), "did you mean 'high'"),
    ],
)
def test_bad_input_says_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call(shop(0))
