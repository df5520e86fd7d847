"""Discrete counterfactuals: couplings against simulation, bounds against all response functions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import linprog

from causalrec_lab.causal import CausalGraph, StructuralCausalModel
from causalrec_lab.causal.scm.couplings import COUPLINGS, gumbel, monotone
from causalrec_lab.causal.scm.discrete import DiscreteNetwork


def network(edges: str, seed: int, states: int = 2) -> StructuralCausalModel:
    rng = np.random.default_rng(seed)
    graph = CausalGraph(edges)
    parents = {n: graph.parents(n) for n in graph.nodes}
    tables = {n: rng.dirichlet(np.ones(states), size=[states] * len(parents[n]) or None) for n in graph.nodes}
    return StructuralCausalModel(
        graph, DiscreteNetwork({n: tuple(range(states)) for n in graph.nodes}, parents, tables)
    )


@pytest.mark.parametrize("name", sorted(COUPLINGS))
@pytest.mark.parametrize("states", [2, 3, 6])
def test_couplings_keep_both_margins(name, states):
    rng = np.random.default_rng(states)
    p, q = rng.dirichlet(np.full(states, 0.4), size=(2, 500))
    p[:50, 0], q[30:80, -1] = 0, 0  # zeros are laws too
    p, q = p / p.sum(1, keepdims=True), q / q.sum(1, keepdims=True)
    joint = COUPLINGS[name](p, q)
    assert joint.min() >= 0
    assert np.abs(joint.sum(2) - p).max() < 1e-12
    assert np.abs(joint.sum(1) - q).max() < 1e-12
    if name != "independent":
        assert np.abs(COUPLINGS[name](p, p) - p[:, :, None] * np.eye(states)).max() < 1e-12


@pytest.mark.parametrize(("name", "noise"), [("gumbel", "gumbel"), ("monotone", "uniform")])
def test_couplings_are_what_their_noise_does(name, noise):
    rng = np.random.default_rng(3)
    n, p, q = 200_000, np.array([0.1, 0.0, 0.5, 0.4]), np.array([0.3, 0.2, 0.5, 0.0])
    if noise == "gumbel":
        G = rng.gumbel(size=(n, 4))
        with np.errstate(divide="ignore"):
            pair = [np.argmax(np.log(law) + G, axis=1) for law in (p, q)]
    else:
        U = rng.random(n)
        pair = [np.searchsorted(np.cumsum(law), U, side="right") for law in (p, q)]
    found = np.zeros((4, 4))
    np.add.at(found, tuple(pair), 1 / n)
    exact = COUPLINGS[name](p, q)
    assert np.abs(found - exact).max() < 5.5 * 0.5 / np.sqrt(n)
    assert (found[exact == 0] == 0).all()


def test_gumbel_is_counterfactually_stable_where_monotone_need_not_be():
    p, q = np.array([0.2, 0.4, 0.4]), np.array([0.1, 0.7, 0.2])
    joint = gumbel(p, q)
    for i, j in itertools.permutations(range(3), 2):
        if q[i] / p[i] >= q[j] / p[j]:
            assert joint[i, j] == 0
    assert monotone(p, q)[2, 1] > 0


def simulated(model: StructuralCausalModel, row: dict, do: dict, target: str, n: int = 400_000) -> tuple[float, int]:
    """Chance of the target's last state: both worlds run on the same uniforms, rows unlike the evidence thrown away."""
    rng, net = np.random.default_rng(0), model.mechanisms
    worlds: tuple[dict, dict] = {}, {}
    for node in net.nodes:
        U = rng.random(n)
        for world, cut in zip(worlds, (False, True), strict=True):
            if cut and node in do:
                world[node] = np.full(n, do[node])
            else:
                laws = net.tables[node][tuple(world[p] for p in net.parents[node])]
                world[node] = (U[:, None] >= np.cumsum(np.broadcast_to(laws, (n, laws.shape[-1])), 1)[:, :-1]).sum(1)
    kept = np.all([worlds[0][k] == v for k, v in row.items()], axis=0)
    return float((worlds[1][target][kept] == len(net.states[target]) - 1).mean()), int(kept.sum())


@pytest.mark.parametrize(
    ("edges", "row"),
    [
        ("u -> t; u -> y; t -> m -> y; t -> y", {"t": 0, "y": 2}),
        ("u -> t; u -> y; t -> m -> y; t -> y", {"u": 1, "t": 0, "y": 1}),
        ("t -> a -> y; t -> b -> y; b -> a; y -> z", {"z": 1, "a": 0}),
    ],
)
def test_monotone_counterfactual_is_the_simulation_with_shared_uniforms(edges, row):
    model = network(edges, seed=4, states=3)
    answer = model.counterfactual(row, {"t": 2}, target="y", coupling="monotone")["probability"]
    found, kept = simulated(model, row, {"t": 2}, "y")
    assert kept > 1_000
    assert answer["y", 2] == pytest.approx(found, abs=5.5 * 0.5 / np.sqrt(kept))
    assert answer.sum() == pytest.approx(1)


@pytest.mark.parametrize("coupling", sorted(COUPLINGS))
def test_consistency_and_the_empty_row(coupling):
    model = network("u -> t; u -> y; t -> m -> y; t -> y", seed=1, states=3)
    row = {"u": 0, "t": 1, "m": 2, "y": 0}
    same = model.counterfactual(row, {"t": 1}, coupling=coupling)["probability"]
    assert same["y", 0] == pytest.approx(1)
    assert same["m", 2] == pytest.approx(1)
    blind = model.counterfactual({}, {"t": 1}, target="y", coupling=coupling)["probability"]
    assert blind.to_numpy() == pytest.approx(model.query("y", do={"t": 1}).to_numpy())
    bounds = model.counterfactual({}, {"t": 1}, target="y")
    assert bounds["lower"].to_numpy() == pytest.approx(bounds["upper"].to_numpy())


def margins(table: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Response functions of a node, and the equations that tie their weights to the table."""
    rows = table.reshape(-1, table.shape[-1])
    functions = np.array(list(itertools.product(range(rows.shape[1]), repeat=len(rows))))
    equations = [(functions[:, c] == s).astype(float) for c, s in np.ndindex(*rows.shape)]
    return functions.reshape(len(functions), *table.shape[:-1]), np.array(equations), rows.ravel()


def corners(table: np.ndarray) -> list[np.ndarray]:
    """Vertices of the response polytope of a node with one binary cause: the two Fréchet couplings."""
    p, q = table[0, 1], table[1, 1]
    ends = (max(0.0, p + q - 1), min(p, q))
    return [np.array([1 - p - q + both, q - both, p - both, both]) for both in ends]


def enumerated(net: DiscreteNetwork, row: dict, do: dict, target: str) -> tuple[float, float]:
    """Bounds on P(target' = 1 | row) over every distribution of response functions.

    A linear programme over the target's, at each vertex of the mediators'; a multilinear programme needs no more.
    """
    nodes = [n for n in net.nodes if n != target] + [target]
    listed = {n: margins(net.tables[n]) for n in nodes}
    counts = [len(listed[n][0]) for n in nodes]
    event, shown = np.zeros(counts), np.zeros(counts)
    for index in np.ndindex(*counts):
        f: dict = {}
        c: dict = {}
        for n in net.nodes:
            rule = listed[n][0][index[nodes.index(n)]]
            f[n] = int(rule[tuple(f[m] for m in net.parents[n])])
            c[n] = do[n] if n in do else int(rule[tuple(c[m] for m in net.parents[n])])
        shown[index] = all(f[k] == v for k, v in row.items())
        event[index] = shown[index] and c[target] == 1
    choices = [[net.tables[n]] if not net.parents[n] else corners(net.tables[n]) for n in nodes[:-1]]
    found = []
    for combination in itertools.product(*choices):
        payoff, chance = event, shown
        for weights in combination:
            payoff, chance = np.tensordot(weights, payoff, 1), np.tensordot(weights, chance, 1)
        for sign in (1, -1):
            best = linprog(sign * payoff, A_eq=listed[target][1], b_eq=listed[target][2])
            found.append(sign * best.fun / (chance @ best.x))
    return min(found), max(found)


@pytest.mark.parametrize("edges", ["t -> y", "u -> y; t -> y", "t -> m -> y; t -> y", "t -> a -> y; t -> b -> y"])
@pytest.mark.parametrize("seed", range(3))
def test_bounds_are_those_of_all_response_functions(edges, seed):
    model = network(edges, seed)
    for row in (dict.fromkeys(model.graph.nodes, 0), {"t": 0, "y": 1}, {"y": 1}):
        found = model.counterfactual(row, {"t": 1}, target="y").loc[("y", 1)]
        low, high = enumerated(model.mechanisms, row, {"t": 1}, "y")
        assert found["lower"] <= low + 1e-7
        assert found["upper"] >= high - 1e-7
        if found["sharp"]:
            assert (found["lower"], found["upper"]) == pytest.approx((low, high), abs=1e-7)
        assert found["sharp"] or (len(row) < len(model.graph.nodes) and "a" in model.graph.nodes)


@pytest.mark.parametrize("states", [2, 3])
def test_whole_rows_have_sharp_bounds_that_hold_every_coupling(states):
    for seed in range(6):
        model = network("u -> t; u -> y; t -> a -> y; t -> b -> y; a -> b; t -> y", seed, states)
        row = dict.fromkeys(model.graph.nodes, 0)
        bounds = model.counterfactual(row, {"t": 1})
        assert bounds["sharp"].all()
        for coupling in COUPLINGS:
            inside = model.counterfactual(row, {"t": 1}, coupling=coupling)["probability"]
            assert (inside >= bounds["lower"] - 1e-9).all()
            assert (inside <= bounds["upper"] + 1e-9).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.counterfactual({"t": 0}, {"t": 1}, coupling="gumbl"), "did you mean 'gumbel'"),
        (lambda m: m.counterfactual({"t": 0, "y": 0}, {"t": 1}, coupling={"m": "gumbel"}), "declared for 'y'"),
        (lambda m: m.counterfactual({"t": 0, "y": 0}, {"t": 1}, coupling=lambda p, q: p), "shape"),
        (
            lambda m: m.counterfactual({"t": 0, "y": 0}, {"t": 1}, coupling=lambda p, q: 0 * monotone(p, q)),
            "margins: off by",
        ),
        (lambda m: m.counterfactual({"t": 7}, {"t": 1}), "row: 't' has no state 7"),
        (lambda m: m.counterfactual({"t": 0}, {"t": 7}), "do: 't' has no state 7"),
        (lambda m: m.counterfactual({"t": 0}, {"t": 1}, target="t"), "both target and do"),
        (lambda m: m.do({"t": 0}).counterfactual({"t": 1}, {"t": 0}), "probability 0"),
    ],
)
def test_bad_counterfactuals_say_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call(network("t -> m -> y; t -> y", 0))


@pytest.mark.parametrize("rare", [1.0, 1e-6, 1e-12])
def test_bounds_given_rare_evidence_are_those_given_common_evidence(rare):
    base = network("t -> y -> z", 1, states=3).mechanisms
    sign = np.random.default_rng(1).random(3) * rare
    tables = dict(base.tables) | {"z": np.column_stack([sign, (1 - sign) / 2, (1 - sign) / 2])}
    model = StructuralCausalModel(CausalGraph("t -> y -> z"), DiscreteNetwork(base.states, base.parents, tables))
    found = model.counterfactual({"t": 0, "z": 0}, {"t": 1}, target="y")
    p, q = tables["y"][:2]
    rows, columns = np.kron(np.eye(3), np.ones(3)), np.kron(np.ones(3), np.eye(3))
    for k in range(3):
        gain = np.outer(sign / rare, np.eye(3)[k]).ravel() / (sign / rare @ p)
        ends = [sign_ * linprog(sign_ * gain, A_eq=np.vstack([rows, columns]), b_eq=[*p, *q]).fun for sign_ in (1, -1)]
        assert found.loc[("y", k), ["lower", "upper"]].tolist() == pytest.approx(ends, abs=1e-7)


def test_rare_evidence_does_not_make_a_loose_bound_sharp():
    base = network("t -> a -> y; t -> b -> y; a -> b; u -> t; u -> y", 2).mechanisms
    answers = []
    for rare in (0.5, 1e-11):
        graph = CausalGraph("t -> a -> y; t -> b -> y; a -> b; u -> t; u -> y; alone")
        full = {n: (base.states.get(n, (0, 1)), base.parents.get(n, ()), base.tables.get(n)) for n in graph.nodes}
        full["alone"] = ((0, 1), (), np.array([rare, 1 - rare]))
        net = DiscreteNetwork(*({n: part[i] for n, part in full.items()} for i in range(3)))
        model = StructuralCausalModel(graph, net)
        answers.append(model.counterfactual({"t": 0, "y": 1, "alone": 0}, {"t": 1}, target="y"))
    assert (answers[0]["sharp"] == answers[1]["sharp"]).all()
    assert answers[1]["lower"].tolist() == pytest.approx(answers[0]["lower"].tolist(), abs=1e-7)
    assert answers[1]["upper"].tolist() == pytest.approx(answers[0]["upper"].tolist(), abs=1e-7)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.counterfactual({"tt": 0}, {"t": 1}), "row: none of its entries is a node"),
        (
            lambda m: m.counterfactual({"t": 0}, {"t": 1}, coupling={"m": "gumbel", "y": "gumbel", "yy": "gumbel"}),
            "coupling: 'yy' is no node",
        ),
        (lambda m: m.causation("t", "y", contrast=(1, 1)), "two different values of 't'"),
        (lambda m: m.causation("t", "y", contrast=(1, 0, 1)), "two different values of 't'"),
        (lambda m: m.effect("t", "y", contrast="10"), "two different values of 't'"),
        (lambda m: m.causation("t", "y", given={"m": 1}), "'m' follows from 't'"),
    ],
)
def test_more_bad_questions_say_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call(network("t -> m -> y; t -> y", 0))
