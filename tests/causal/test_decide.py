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


def random_network(edges: str, seed: int) -> StructuralCausalModel:
    rng = np.random.default_rng(seed)
    graph = CausalGraph(edges)
    states = {n: tuple(range(int(rng.integers(2, 4)))) for n in graph.nodes}
    parents = {n: graph.parents(n) for n in graph.nodes}
    tables = {
        n: rng.dirichlet(np.full(len(states[n]), 0.5), size=[len(states[p]) for p in parents[n]] or None)
        for n in graph.nodes
    }
    return StructuralCausalModel(graph, DiscreteNetwork(states, parents, tables))


def informed(
    model: StructuralCausalModel, actions: dict, utility: pd.Series, costs: dict, known: list[str], given: dict
) -> float:
    """Best expected utility once `known` is seen, from the joint law of every node under each action."""
    nodes, worth = list(model.graph.nodes), {}
    for label, do in actions.items():
        changed = model.do(do) if do else model
        joint = changed.query(nodes).rename("p").reset_index()
        for node, state in given.items():
            joint = joint[joint[node] == state]
        pays = joint[utility.index.names].apply(tuple, axis=1).map(dict(utility)) - costs.get(label, 0.0)
        keys = joint[known].apply(tuple, axis=1) if known else pd.Series("all", joint.index)
        worth[label] = (joint["p"] / joint["p"].sum() * pays).groupby(keys).sum()
    return float(pd.DataFrame(worth).max(axis=1).sum())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "edges", ["z -> t -> y; w; u -> y", "z -> t; u -> t; u -> y; t -> m -> y; w", "t -> y; w -> z"]
)
def test_leaving_alone_costs_and_joint_utilities_by_enumeration(edges, seed):
    model = random_network(edges, seed)
    net, rng = model.mechanisms, np.random.default_rng(seed)
    utility = pd.Series(rng.normal(size=len(net.index(["w", "y"]))), net.index(["w", "y"]))
    actions = {"leave": {}, "one": {"t": 1}, "two": {"t": 0}}
    costs = {"one": 0.1, "two": 0.1}
    given = {"z": 1} if seed % 2 else {}
    found = model.decide(actions, utility, costs=costs, given=given)
    blind = informed(model, actions, utility, costs, [], given)
    assert found.value == pytest.approx(blind)
    before = [n for n in model.graph.nodes if n not in ("t", "m", "y", *given)]
    everything = informed(model, actions, utility, costs, before, given) - blind
    assert found.information.loc["everything before the action", "value"] == pytest.approx(everything, abs=1e-12)
    asked = model.decide(actions, utility, costs=costs, given=given, observe=before).information["value"]
    for node in before:
        alone = informed(model, actions, utility, costs, [node], given) - blind
        assert asked[node] == pytest.approx(alone, abs=1e-12)
        if node not in found.information.index:  # left out by default: adds nothing to the others
            rest = [n for n in before if n != node]
            assert informed(model, actions, utility, costs, rest, given) - blind == pytest.approx(everything)


def test_a_utility_of_what_is_known_already_counts_at_its_value():
    model = shop(0)
    plain = model.decide("shown", UTILITY, given={"taste": "high"})
    more = model.decide("shown", UTILITY | {"taste": {"low": 0, "middle": 1, "high": 3}}, given={"taste": "high"})
    assert more.value == pytest.approx(plain.value + 3)


def test_states_that_read_alike_are_two_actions_and_too_much_to_observe_is_said():
    frame = pd.DataFrame({"x": [1, "1", 1, "1"] * 50, "y": [0, 1, 1, 0] * 50})
    model = StructuralCausalModel(CausalGraph("x -> y")).fit(frame)
    assert set(model.decide("x", {"y": {0: 0, 1: 1}}, draws=50).table.index) == {"x = 1", "x = '1'"}
    graph = CausalGraph("; ".join(f"w{i} -> y{i % 4}" for i in range(16)) + "; t -> y0, y1, y2, y3")
    rng = np.random.default_rng(0)
    wide = StructuralCausalModel(graph).fit(pd.DataFrame({n: rng.integers(0, 2, 300) for n in graph.nodes}))
    found = wide.decide("t", {f"y{i}": {0: 0, 1: 1} for i in range(4)}, draws=1_000)
    assert "everything before the action" not in found.information.index
    assert "too many joint states" in found.notes[-1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.decide("shown", UTILITY, given={"annoyed": "yes"}), "'annoyed' follows from action 'shown = no'"),
        (lambda m: m.decide("shown", {}), "nothing is worth anything"),
        (lambda m: m.decide("shown", {"bought": {}}), "no value for its state 'no'"),
        (lambda m: m.decide("shown", {"bought": 3.0}), "give {state: value}"),
        (lambda m: m.decide("shown", {"bought": {"no": 0, "yes": 1, "yess": 2}}), "no state 'yess'"),
        (lambda m: m.decide("shown", {"bought": {"no": 0, "yes": np.nan}}), "'bought' holds nan"),
        (lambda m: m.decide("shown", {"bought": {"no": 0, "yes": "much"}}), "'bought' holds 'much'"),
        (lambda m: m.decide("shown", UTILITY, costs={"shown = yes": np.nan}), "'shown = yes' costs nan"),
        (lambda m: m.decide("shown", UTILITY, observe="moood"), "did you mean 'mood'"),
        (lambda m: m.decide({1: {"shown": "yes"}, "1": {"shown": "no"}}, UTILITY), "two labels read alike"),
    ],
)
def test_more_bad_input_says_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call(shop(0))
