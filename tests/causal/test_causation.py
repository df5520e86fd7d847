"""Probabilities of causation: Tian & Pearl's bounds against linear programming, the platform's truth, bad input."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog
from scipy.stats import binom

from causalrec_lab.causal import CausalGraph, StructuralCausalModel, probabilities_of_causation
from causalrec_lab.causal.scm.causation import causation_bounds
from causalrec_lab.causal.scm.discrete import DiscreteNetwork
from causalrec_lab.world import Platform

TYPES = list(itertools.product((0, 1), repeat=3))  # treatment taken, y untreated, y treated


def world(weights: np.ndarray) -> tuple[np.ndarray, float, float]:
    joint = np.zeros((2, 2))
    for (x, y0, y1), w in zip(TYPES, weights, strict=True):
        joint[x, (y0, y1)[x]] += w
    return joint, *(sum(w * t[k] for t, w in zip(TYPES, weights, strict=True)) for k in (2, 1))


def counted(condition) -> np.ndarray:
    return np.array([float(condition(*t)) for t in TYPES])


def test_bounds_are_the_linear_programme_over_types():
    rng = np.random.default_rng(0)
    for _ in range(60):
        joint, p1, p0 = world(rng.dirichlet(np.full(8, 0.6)))
        A = [counted(lambda x, a, b, i=i, j=j: x == i and (a, b)[x] == j) for i in (0, 1) for j in (0, 1)]
        A += [counted(lambda x, a, b: b), counted(lambda x, a, b: a)]
        equations = {"A_eq": np.array(A), "b_eq": [*joint.ravel(), p1, p0]}
        events = {
            "PN": (counted(lambda x, a, b: x and b and not a), joint[1, 1]),
            "PS": (counted(lambda x, a, b: not x and not a and b), joint[0, 0]),
            "PNS": (counted(lambda x, a, b: b and not a), 1.0),
        }
        found = causation_bounds((p1, p0), joint)
        for name, (event, mass) in events.items():
            low, high = linprog(event, **equations).fun / mass, -linprog(-event, **equations).fun / mass
            assert [float(b) for b in found[name]] == pytest.approx([low, high], abs=1e-7)


def test_monotonicity_gives_the_points_of_the_types():
    weights = np.random.default_rng(1).dirichlet(np.ones(8)) * counted(lambda x, a, b: b >= a)
    weights /= weights.sum()
    joint, p1, p0 = world(weights)
    found = causation_bounds((p1, p0), joint, monotone=True)
    pns = weights @ counted(lambda x, a, b: b and not a)
    assert float(found["PNS"][0]) == pytest.approx(pns)
    assert float(found["PN"][0]) == pytest.approx(weights @ counted(lambda x, a, b: x and b and not a) / joint[1, 1])
    assert float(found["PS"][1]) == pytest.approx(
        weights @ counted(lambda x, a, b: not x and not a and b) / joint[0, 0]
    )


def drawn(n: int, seed: int, confounded: bool) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    u = rng.random(n)
    t = (rng.random(n) < np.where(u > 0.5, 0.8, 0.3) if confounded else rng.random(n) < 0.5).astype(int)
    return pd.DataFrame({"t": t, "y": (u < np.where(t == 1, 0.6, 0.2)).astype(int)})


def test_experiment_and_log_together_are_tighter_and_hold_the_truth():
    experiment, log = drawn(20_000, 0, confounded=False), drawn(20_000, 1, confounded=True)
    alone = probabilities_of_causation("t", "y", experiment=experiment)
    blind = probabilities_of_causation("t", "y", observed=log)
    both = probabilities_of_causation("t", "y", experiment=experiment, observed=log)
    width = {k: (t["upper"] - t["lower"]) for k, t in (("alone", alone), ("blind", blind), ("both", both))}
    assert (width["both"] < width["blind"]).all()
    assert width["both"]["PNS"] <= width["alone"]["PNS"]
    point = probabilities_of_causation("t", "y", experiment=experiment, observed=log, monotone=True)
    needed, idle = 0.3 * 0.3 + 0.1 * 0.8, 0.3 * 0.7 + 0.1 * 0.2  # u in [.2, .6): the treated, the untreated
    truth = {"PNS": 0.4, "PN": needed / (needed + 0.2 * 0.3), "PS": idle / (idle + 0.4 * 0.2)}
    for name, value in truth.items():
        assert both.loc[name, "low"] <= value <= both.loc[name, "high"]
        assert point.loc[name, "lower"] == point.loc[name, "upper"]
        assert point.loc[name, "low"] <= value <= point.loc[name, "high"]
        assert point.loc[name, "high"] - point.loc[name, "low"] < 0.1


def test_exogenous_log_is_an_experiment():
    experiment = drawn(5_000, 0, confounded=False)
    pd.testing.assert_frame_equal(
        probabilities_of_causation("t", "y", experiment=experiment),
        probabilities_of_causation("t", "y", observed=experiment, exogenous=True),
        atol=0.03,
    )


def test_contradictions_are_told():
    experiment, log = drawn(5_000, 0, confounded=False), drawn(5_000, 1, confounded=True)
    with pytest.warns(UserWarning, match="contradict each other"):
        probabilities_of_causation("t", "y", experiment=experiment.assign(y=0).iloc[:4_000], observed=log)
    with pytest.warns(UserWarning, match="contradict monotonicity"):
        probabilities_of_causation("t", "y", experiment=experiment.assign(y=1 - experiment["y"]), monotone=True)


def test_a_network_s_bounds_use_its_covariates_and_agree_with_types_where_there_are_none():
    rng = np.random.default_rng(5)
    graph = CausalGraph("z -> t; z -> y; t -> y", treatment="t", outcome="y")
    tables = {"z": np.array([0.5, 0.5]), "t": rng.dirichlet([2, 2], 2), "y": rng.dirichlet([1, 1], (2, 2))}
    states = dict.fromkeys(graph.nodes, (0, 1))
    parents = {n: graph.parents(n) for n in graph.nodes}
    model = StructuralCausalModel(graph, DiscreteNetwork(states, parents, {n: tables[n] for n in graph.nodes}))
    joint = model.query(["t", "y"]).to_numpy().reshape(2, 2)
    effects = tuple(model.query("y", do={"t": t})[1] for t in (1, 0))
    plain, ours = causation_bounds(effects, joint), model.causation()
    for name in ("PN", "PS", "PNS"):
        assert float(plain[name][0]) - 1e-9 <= ours.loc[name, "lower"]
        assert ours.loc[name, "upper"] <= float(plain[name][1]) + 1e-9
    z, y = tables["z"], tables["y"]
    by_z = [y[:, 1, 1], y[:, 0, 1]] if parents["y"] == ("z", "t") else [y[1, :, 1], y[0, :, 1]]
    low, high = z @ np.maximum(by_z[0] - by_z[1], 0), z @ np.minimum(by_z[0], 1 - by_z[1])
    assert ours.loc["PNS", ["lower", "upper"]].tolist() == pytest.approx([low, high])
    assert ours["sharp"].all()
    here = model.causation(given={"z": 1})
    assert here.loc["PNS", "lower"] == pytest.approx(max(by_z[0][1] - by_z[1][1], 0))
    points = model.causation(coupling="monotone")["probability"]
    assert (points <= ours["upper"] + 1e-9).all()
    assert (points >= ours["lower"] - 1e-9).all()


def test_the_platform_s_own_coupling_lies_within_the_bounds():
    platform = Platform.make(seed=3, n_users=4_000, n_items=4_000, base_rate="common", confounding=1.0)
    log = platform.log(8_000, seed=4).decisions
    coupled = platform.truth.coupled_outcomes(8_000, seed=4, outcome="purchase")
    side = platform.truth.coupled_outcomes(8_000, seed=5, outcome="purchase")
    rng = np.random.default_rng(0)
    arm = rng.integers(0, 2, len(side))
    trial = pd.DataFrame({"treated": arm, "purchase": np.where(arm == 1, side["y1"], side["y0"])})
    found = probabilities_of_causation("treated", "purchase", experiment=trial, observed=log, level=0.999999)
    t, y0, y1 = (coupled[c].to_numpy() > 0.5 for c in ("treated", "y0", "y1"))
    truth = {"PNS": (y1 & ~y0).mean(), "PN": (~y0)[t & y1].mean(), "PS": y1[~t & ~y0].mean()}
    for name, value in truth.items():
        assert found.loc[name, "low"] <= value <= found.loc[name, "high"], name


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: probabilities_of_causation("t", "y"), "needs an experiment="),
        (lambda f: probabilities_of_causation("t", "yy", observed=f), "no column 'yy'; did you mean"),
        (lambda f: probabilities_of_causation("t", "y", observed=f.assign(y=2.5)), "holds 2.5"),
        (lambda f: probabilities_of_causation("t", "y", observed=f.assign(t=1)), "one arm is empty"),
        (lambda f: probabilities_of_causation("t", "y", observed=f, level=1.5), "no confidence level"),
    ],
)
def test_bad_input_says_what_is_wrong(call, message):
    frame = drawn(50, 0, confounded=True)
    with pytest.raises(ValueError, match=message):
        call(frame.assign(yes=1))


@pytest.mark.parametrize("monotone", [False, True])
def test_shares_of_nobody_are_left_open(monotone):
    frame = drawn(400, 0, confounded=False)
    for y in (frame["y"] * (1 - frame["t"]), 0 * frame["y"]):
        if monotone and y.any():
            continue  # preventing all: no monotone world
        found = probabilities_of_causation("t", "y", experiment=frame.assign(y=y), monotone=monotone)
        assert found.loc["PN", ["lower", "upper"]].tolist() == [0, 1]
        assert found.loc["PNS", ["lower", "upper"]].tolist() == [0, 0]


def test_an_outcome_that_the_treatment_excludes_has_pns_zero_and_no_pn():
    graph = CausalGraph("t -> y", treatment="t", outcome="y")
    tables = {"t": np.array([0.5, 0.5]), "y": np.array([[0.7, 0.3], [1.0, 0.0]])}
    model = StructuralCausalModel(graph, DiscreteNetwork({"t": (0, 1), "y": (0, 1)}, {"t": (), "y": ("t",)}, tables))
    bounds, points = model.causation(), model.causation(coupling="monotone")
    assert np.isnan(bounds.loc["PN", "lower"])
    assert bounds.loc["PS", ["lower", "upper"]].tolist() == [0, 0]
    assert bounds.loc["PNS", ["lower", "upper"]].tolist() == [0, 0]
    assert points.loc["PNS", "probability"] == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: probabilities_of_causation("t", "y", experiment=f.iloc[:0]), "without rows"),
        (lambda f: probabilities_of_causation("t", "y", experiment=f, draws=0), "draws=0"),
        (lambda f: probabilities_of_causation("t", "t", experiment=f), "both treatment and outcome"),
        (lambda f: probabilities_of_causation("t", "y", experiment=f.astype(str)), "holds '[01]'"),
    ],
)
def test_more_bad_input_says_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call(drawn(50, 0, confounded=True))


def test_intervals_hold_the_whole_bound_where_four_numbers_tie_for_its_end():
    """All types equally common: the plain quantiles of the drawn bounds hold the bound in hardly more than half."""
    hits = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        types = np.array(TYPES)[rng.integers(0, 8, 2_000)]
        x = np.where(np.arange(2_000) < 1_000, rng.integers(0, 2, 2_000), types[:, 0])
        frame = pd.DataFrame({"t": x, "y": np.where(x == 1, types[:, 2], types[:, 1])})
        found = probabilities_of_causation(
            "t", "y", experiment=frame[:1_000], observed=frame[1_000:], draws=1_000, seed=seed
        ).loc["PNS"]
        hits += found["low"] <= 0 and found["high"] >= 0.5
    assert binom.cdf(hits, 150, 0.95) > 1e-6


@pytest.fixture(scope="module")
def strata() -> StructuralCausalModel:
    graph = CausalGraph("z -> t; z -> y; t -> y", treatment="t", outcome="y")
    tables = {"z": np.array([0.5, 0.5]), "t": np.array([[0.7, 0.3], [0.4, 0.6]])}
    parents = {n: graph.parents(n) for n in graph.nodes}
    buys = np.array([[0.2, 0.5], [0.3, 0.6]])  # rows z, columns t
    buys = buys if parents["y"] == ("z", "t") else buys.T
    network = DiscreteNetwork(
        dict.fromkeys(graph.nodes, (0, 1)), parents, tables | {"y": np.stack([1 - buys, buys], -1)}
    )
    return StructuralCausalModel(graph, network)


def test_a_fitted_network_s_intervals_hold_its_bounds_and_the_truth_s(strata):
    truth, hits = strata.causation(), 0
    for seed in range(5):
        fitted = StructuralCausalModel(strata.graph).fit(strata.sample(500, seed=seed))
        found = fitted.causation(draws=30, seed=seed)
        assert (found["low"] <= found["lower"]).all()
        assert (found["high"] >= found["upper"]).all()
        hits += bool(found.loc["PNS", "low"] <= truth.loc["PNS", "lower"]) and bool(
            found.loc["PNS", "high"] >= truth.loc["PNS", "upper"]
        )
    assert binom.cdf(hits, 5, 0.95) > 1e-6
    large = StructuralCausalModel(strata.graph).fit(strata.sample(50_000, seed=1)).causation(draws=30)
    slack = [((f["lower"] - f["low"]) + (f["high"] - f["upper"]))["PNS"] for f in (found, large)]
    assert 4 < slack[0] / slack[1] < 25  # a hundred times the rows: a tenth of the slack
    again = fitted.causation(draws=30, seed=4)
    pd.testing.assert_frame_equal(found, again)


def test_draws_of_a_coupled_answer_and_of_tables_that_were_given(strata):
    fitted = StructuralCausalModel(strata.graph).fit(strata.sample(500, seed=0))
    found = fitted.causation(coupling="monotone", draws=60)
    assert (found["low"] < found["probability"]).all()
    assert (found["high"] > found["probability"]).all()
    assert list(fitted.causation()) == ["lower", "upper", "sharp"]
    with pytest.raises(ValueError, match="given, not estimated"):
        strata.causation(draws=10)
    with pytest.raises(ValueError, match="draws=-1"):
        fitted.causation(draws=-1)
    with pytest.raises(ValueError, match="level"):
        fitted.causation(draws=10, level=95)
