"""Effects along paths against enumeration, resampling, `fit_sem` and graphs; bad input is named."""

import itertools

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.causal import CausalGraph, fit_sem, mediation
from causalrec_lab.world import Platform, linear_gaussian

MEDIATORS = ["m1", "m2"]
ESTIMATORS = (mediation.g_formula, mediation.multiply_robust)


def logistic(x):
    return 1 / (1 + np.exp(-x))


def chances(t, x, u, m1, m2, product=0.0, hidden=0.0):
    """P(m1 = 1), P(m2 = 1 | m1), P(y = 1 | m1, m2) under their own treatments t."""
    return (
        logistic(-0.6 + 0.9 * t[0] + 0.5 * x + product * x * u * (2 * t[0] - 1)),
        logistic(-0.4 + 0.3 * t[1] + 0.8 * m1 - 0.6 * x + hidden * u),
        logistic(-0.9 + 0.4 * t[2] + 0.7 * m1 + 0.9 * m2 + 0.4 * u),
    )


def cells(tilt=0.0, **law):
    """Every cell of a binary law with its chance: t decided by x and u."""
    values = np.array(list(itertools.product((0, 1), repeat=6)), dtype=float)
    x, u, t, m1, m2, y = values.T
    p1, p2, py = chances((t, t, t), x, u, m1, m2, **law)
    e = logistic(-0.3 + 1.2 * x + tilt * u)
    weight = 0.25 * np.where(t == 1, e, 1 - e)
    for one, value in ((p1, m1), (p2, m2), (py, y)):
        weight = weight * np.where(value == 1, one, 1 - one)
    frame = pd.DataFrame(values, columns=["x", "u", "t", "m1", "m2", "y"])
    return pd.concat([frame.assign(weight=weight)] * 300, ignore_index=True)


def mean(t, **law):
    """E[Y] where each stage has its own treatment, by enumeration."""
    total = 0.0
    for x, u, m1, m2 in itertools.product((0, 1), repeat=4):
        p1, p2, py = chances(t, x, u, m1, m2, **law)
        total += 0.25 * (p1 if m1 else 1 - p1) * (p2 if m2 else 1 - p2) * py
    return total


def truth(**law):
    nobody, alone, everybody = mean((0, 0, 0), **law), mean((0, 0, 1), **law), mean((1, 1, 1), **law)
    one, both = mean((1, 0, 0), **law), mean((1, 1, 0), **law)
    return {
        "through m1": one - nobody, "through m2": both - one, "through y": everybody - both, "NDE": alone - nobody,
        "NIE": both - nobody, "TIE": everybody - alone, "total": everybody - nobody,
        "interaction": everybody - alone - both + nobody,
        "proportion mediated": (everybody - alone) / (everybody - nobody),
    }  # fmt: skip


@pytest.mark.parametrize("estimate", ESTIMATORS)
def test_the_law_s_own_cells_give_the_enumerated_effects(estimate):
    found, exact = estimate(cells(), "t", MEDIATORS, "y", ["x", "u"], weights="weight", set_to={"m2": 0}), truth()
    for name, value in exact.items():
        assert found[name].value == pytest.approx(value, abs=5e-4 if name != "proportion mediated" else 5e-3), name
    controlled = np.mean([
        chances((1, 1, 1), x, u, 1, 0)[2] - chances((0, 0, 0), x, u, 1, 0)[2]
        for x, u in itertools.product((0, 1), repeat=2)
    ])  # fmt: skip
    assert found["CDE"].value == pytest.approx(controlled, abs=5e-4)
    assert found.direct.value + found.indirect.value == pytest.approx(found.total.value, abs=1e-12)
    assert sum(step.value for step in found.steps.values()) == pytest.approx(found.total.value, abs=1e-12)


def test_one_wrong_model_does_not_mislead_the_multiply_robust():
    law = {"product": 2.5}  # the first mediator's logit has a product that linear terms do not have
    frame, exact = cells(tilt=-1.2, **law), truth(**law)
    plain, robust = (f(frame, "t", MEDIATORS, "y", ["x", "u"], weights="weight") for f in ESTIMATORS)
    assert abs(plain["through m1"].value - exact["through m1"]) > 1e-3
    for name in ("through m1", "NDE", "NIE", "total"):
        assert robust[name].value == pytest.approx(exact[name], abs=3e-4), name


def simulated(n, seed):
    rng = np.random.default_rng(seed)
    x, u = rng.normal(size=(2, n))
    t = (rng.random(n) < logistic(0.5 * x)).astype(float)
    m1 = (rng.random(n) < logistic(-0.2 + 0.8 * t + 0.5 * x)).astype(float)
    m2 = m1 * (rng.random(n) < logistic(0.3 + 0.3 * t + 0.5 * u))
    y = m2 * (rng.random(n) < logistic(0.4 + 0.4 * t - 0.3 * x))
    return pd.DataFrame({"t": t, "m1": m1, "m2": m2, "y": y, "x": x, "u": u, "who": np.arange(n) // 4})


@pytest.mark.parametrize("estimate", [*ESTIMATORS, mediation.linear])
def test_standard_errors_are_those_of_resampling(estimate):
    rng, frames = np.random.default_rng(2), [simulated(800, 1)]
    frames += [frames[0].iloc[rng.integers(800, size=800)] for _ in range(80)]
    found, *runs = (estimate(frame, "t", MEDIATORS, "y", ["x", "u"]) for frame in frames)
    spread = pd.DataFrame([{name: effect.value for name, effect in run.items()} for run in runs]).std()
    for name in ("through m1", "through y", "NDE", "TIE", "total"):
        assert found[name].std_error == pytest.approx(spread[name], rel=0.4), name


def test_clusters_widen_and_repeated_rows_tell_nothing_new():
    frame = simulated(1_000, 3)
    once = mediation.g_formula(frame, "t", MEDIATORS, "y", ["x", "u"])
    twice = pd.concat([frame.assign(row=range(1_000))] * 2, ignore_index=True)
    kept = mediation.g_formula(twice, "t", MEDIATORS, "y", ["x", "u"], cluster="row")
    for name in ("NDE", "TIE", "total"):
        assert kept[name].value == pytest.approx(once[name].value, abs=1e-4)
        assert kept[name].std_error == pytest.approx(once[name].std_error, rel=0.01)


def test_a_funnel_is_seen_and_said():
    found = mediation.g_formula(simulated(1_000, 3), "t", MEDIATORS, "y", ["x", "u"])
    assert any("no row has y without m2" in note for note in found.total.notes)
    assert found.total.diagnostics["at_risk_y"] < found.total.diagnostics["at_risk_m2"] < 1_000
    backwards = mediation.g_formula(simulated(1_000, 3).assign(y=1 - simulated(1_000, 3)["u"].lt(0)), "t", ["m2", "m1"],
                                    "y", ["x"])  # fmt: skip
    assert any("'m1' seems" in note or "the second seems to come first" in note for note in backwards.total.notes)


def test_linear_effects_are_those_of_the_structural_equation_model():
    rows = linear_gaussian(3).sample(800, seed=1)
    found = mediation.linear(rows, "shown", ["view", "cart"], "purchase", ["affinity"])
    text = "view ~ shown + affinity; cart ~ view + shown + affinity; purchase ~ cart + view + shown + affinity"
    fit = fit_sem(text, rows)
    for name, effect in fit.path_effects("shown", "purchase").items():
        assert found[name].value == pytest.approx(effect.value, abs=1e-8), name
        assert found[name].std_error == pytest.approx(effect.std_error, rel=0.15), name
    assert found["TIE"].value == pytest.approx(fit.indirect("shown", "purchase").value, abs=1e-8)
    assert "interaction" not in found
    with pytest.raises(ValueError, match="differences, no means"):
        mediation.bounds(found, 1.5, 1.5)


def test_text_embeddings_take_a_hidden_confounder_s_bias_away():
    rng, n = np.random.default_rng(5), 3_000
    h = rng.normal(size=n)
    t = (rng.random(n) < logistic(h)).astype(float)
    m = (rng.random(n) < logistic(-0.2 + 0.6 * t + h)).astype(float)
    y = (rng.random(n) < logistic(-0.5 + 0.4 * t + 0.7 * m + h)).astype(float)
    frame, reading = (
        pd.DataFrame({"t": t, "m": m, "y": y, "h": h}),
        h[:, None] * rng.normal(size=20) + rng.normal(size=(n, 20)),
    )
    for estimate in (*ESTIMATORS, mediation.linear):
        bare, read, oracle = (
            estimate(frame, "t", "m", "y", columns, embeddings=E).total.value
            for columns, E in (([], None), ([], reading), (["h"], None))
        )
        assert abs(read - oracle) < 0.25 * abs(bare - oracle)


def confounded(n, seed, rho=0.5):
    rng = np.random.default_rng(seed)
    e, f = rng.normal(size=(2, n))
    t = rng.integers(2, size=n).astype(float)
    m = 0.8 * t + 1.3 * e
    return pd.DataFrame({"t": t, "m": m, "y": 0.3 * t + 0.5 * m + 0.7 * (rho * e + np.sqrt(1 - rho**2) * f)})


def test_rho_finds_the_effect_where_it_is_the_true_correlation():
    frame = confounded(200_000, 1)
    curve = mediation.rho_curve(frame, "t", "m", "y", [], rho=[0.0, 0.5])
    linear = mediation.linear(frame, "t", "m", "y", [])
    assert curve.table.loc[0.0, "indirect"] == pytest.approx(linear["TIE"].value, abs=1e-9)
    half = curve.table.loc[0.0, "indirect_high"] - curve.table.loc[0.0, "indirect"]
    assert half == pytest.approx(linear["TIE"].high - linear["TIE"].value, rel=0.01)
    assert curve.table.loc[0.5, "indirect"] == pytest.approx(0.4, abs=0.015)
    assert curve.table.loc[0.5, "direct"] == pytest.approx(0.3, abs=0.015)
    assert curve.table.loc[0.0, "indirect"] > 0.5
    vanish = mediation.rho_curve(frame, "t", "m", "y", [], rho=[curve.at_zero.value])
    assert vanish.table["indirect"].iloc[0] == pytest.approx(0.0, abs=1e-9)


def test_the_zero_of_rho_has_the_error_of_resampling():
    frame, rng = confounded(1_000, 2), np.random.default_rng(3)
    found = mediation.rho_curve(frame, "t", "m", "y", []).at_zero
    runs = [mediation.rho_curve(frame.iloc[rng.integers(1_000, size=1_000)], "t", "m", "y", [], rho=[0.0]).at_zero.value
            for _ in range(200)]  # fmt: skip
    assert found.std_error == pytest.approx(np.std(runs), rel=0.3)


def test_bounds_at_the_confounder_s_strength_hold_the_truth():
    law = {"hidden": 2.0}
    found = mediation.g_formula(cells(**law), "t", MEDIATORS, "y", ["x"], weights="weight")  # u is hidden
    exact = truth(**law)
    x, m1, m2 = (grid.ravel() for grid in np.meshgrid([0, 1], [0, 1], [0, 1]))
    share = {}
    for t in (0, 1):
        joint = []
        for u in (0, 1):
            p1, p2, _ = chances((t, t, t), x, u, m1, m2, **law)
            joint.append(np.where(m1 == 1, p1, 1 - p1) * np.where(m2 == 1, p2, 1 - p2))
        share[t] = np.array(joint) / np.sum(joint, axis=0)
    ratios = share[1] / share[0]
    rr_treatment = max(ratios.max(), (1 / ratios).max())
    py = np.array([[chances((t, t, t), x, u, m1, m2)[2] for u in (0, 1)] for t in (0, 1)])
    rr_outcome = (py.max(axis=1) / py.min(axis=1)).max()
    table = mediation.bounds(found, rr_treatment, rr_outcome)
    for name in ("NDE", "TIE"):
        assert table.loc[name, "low"] <= exact[name] <= table.loc[name, "high"]
        assert table.loc[name, "low_interval"] < table.loc[name, "low"]
    none = mediation.bounds(found, 1.0, 3.0)
    assert none.loc["NDE", "low"] == pytest.approx(found["NDE"].value) == none.loc["NDE", "high"]
    assert mediation.bounding_factor(2.0, 3.0) == pytest.approx(1.5)


def test_the_e_value_is_the_strength_at_which_the_bound_meets_no_effect():
    found = mediation.g_formula(simulated(4_000, 3), "t", MEDIATORS, "y", ["x", "u"])
    table = mediation.mediational_e_value(found)
    for name, end in (("NDE", "low"), ("TIE", "low")):
        strength = table.loc[name, "e_value"]
        assert mediation.bounds(found, strength, strength).loc[name, end] == pytest.approx(0.0, abs=1e-12)
        assert 1 <= table.loc[name, "e_value_interval"] <= strength


GRAPHS = {
    "t -> m -> y; t -> y; x -> t, m, y": "",
    "t -> m -> y; t -> y; x -> t, m, y; m <-> y": "m and y stay confounded",
    "t -> m -> y; t -> y; x -> t, m, y; t <-> m": "t and m stay confounded",
    "t -> l -> m -> y; l -> y; t -> y; x -> t": "recanting witness",
    "m -> t -> y; m -> y; x -> y": "m comes before t",
    "t -> y; x -> m -> y": "m is no mediator: no directed path leads from t",
    "t -> m; t -> y; x -> y": "no directed path leads from it to y",
    "t -> m -> y; t -> x -> y": "covariate x is moved by t",
}


@pytest.mark.parametrize(("edges", "said"), GRAPHS.items(), ids=range(len(GRAPHS)))
def test_a_graph_says_whether_paths_can_be_told_apart(edges, said):
    found = mediation.problem(CausalGraph(edges), "t", "m", "y", ["x"])
    assert said in found
    assert bool(said) == bool(found)


def test_an_intermediate_confounder_may_join_the_mediators():
    graph = CausalGraph("t -> l -> m -> y; l -> y; t -> y")
    assert mediation.problem(graph, "t", ["l", "m"], "y") == ""
    assert "list mediators in the order they happen" in mediation.problem(graph, "t", ["m", "l"], "y")
    with pytest.raises(ValueError, match="does not identify these effects: l is moved by t"):
        mediation.linear(confounded(100, 1), "t", "m", "y", [], graph=graph)
    with pytest.raises(ValueError, match="two roles"):
        mediation.problem(graph, "t", ["l", "t"], "y")
    with pytest.raises(ValueError, match="'q' is no node"):
        mediation.problem(graph, "t", ["q"], "y")


def spoiled(**columns):
    return simulated(400, 4).assign(**columns)


BAD = [
    (lambda f: f(spoiled(m1=1.0), "t", MEDIATORS, "y", ["x"]), "mediator 'm1' is 1 in all 400 rows"),
    (lambda f: f(spoiled(m1=np.arange(400.0)), "t", MEDIATORS, "y", ["x"]), "'m1' is not binary: row 2 has 2"),
    (lambda f: f(spoiled(), "t", MEDIATORS, "y", ["x", "m1"]), "'m1' is a mediator and a covariate"),
    (lambda f: f(spoiled(), "t", ["m1", "t"], "y", ["x"]), "'t' is the treatment or the outcome"),
    (lambda f: f(spoiled(), "t", ["m1", "m1"], "y", ["x"]), "'m1' is listed twice"),
    (lambda f: f(spoiled(), "t", [], "y", ["x"]), "no mediators"),
    (lambda f: f(spoiled(), "t", ["m11"], "y", ["x"]), "'m11' is no column.*did you mean 'm1'"),
    (lambda f: f(spoiled(), "t", MEDIATORS, "y", ["z"]), "no column 'z'"),
    (lambda f: f(spoiled(m2=np.r_[np.nan, np.ones(399)]), "t", MEDIATORS, "y", ["x"]), "'m2' has 1 missing"),
    (lambda f: f(spoiled(x=np.r_[np.nan, np.ones(399)]), "t", MEDIATORS, "y", ["x"]), "'x' has 1 non-finite"),
    (lambda f: f(spoiled(m1="yes"), "t", MEDIATORS, "y", ["x"]), "'m1' holds values that are not numbers"),
    (lambda f: f(spoiled(y=0.0), "t", MEDIATORS, "y", ["x"]), "outcome 'y' is 0 in all"),
    (lambda f: f(spoiled(x=spoiled()["m1"] + 0.01 * spoiled()["x"]), "t", ["m1"], "y", ["x"]), "'m1': separation"),
    (lambda f: f(spoiled(m1=spoiled()["t"] * spoiled()["m1"]), "t", ["m1"], "y", ["x"]), "all .* untreated rows"),
    (lambda f: f(spoiled(), "t", MEDIATORS, "y", ["x"], set_to={"m3": 1}), "'m3', which is no mediator"),
    (lambda f: f(spoiled(), "t", MEDIATORS, "y", ["x"], set_to={"m1": 2}), "set to 0 or 1"),
    (lambda f: f(spoiled(), "t", MEDIATORS, "y", ["x"], nuisance="forest"), "no nuisance 'forest'"),
]


@pytest.mark.parametrize("estimate", ESTIMATORS)
@pytest.mark.parametrize(("call", "message"), BAD, ids=range(len(BAD)))
def test_bad_input_is_named(call, message, estimate):
    with pytest.raises(ValueError, match=message):
        call(estimate)


def test_too_many_mediators_and_wrong_strengths_are_refused():
    many = spoiled(**{f"k{i}": np.random.default_rng(i).integers(2, size=400) for i in range(7)})
    with pytest.raises(ValueError, match="at most 6"):
        mediation.g_formula(many, "t", [f"k{i}" for i in range(7)], "y", ["x"])
    found = mediation.g_formula(spoiled(), "t", MEDIATORS, "y", ["x"])
    with pytest.raises(ValueError, match=r"rr_outcome=0.5"):
        mediation.bounds(found, 2.0, 0.5)
    with pytest.raises(ValueError, match="one mediator"):
        mediation.rho_curve(spoiled(), "t", MEDIATORS, "y", ["x"])
    with pytest.raises(ValueError, match="strictly between"):
        mediation.rho_curve(spoiled(), "t", "m1", "y", ["x"], rho=[1.0])
    with pytest.raises(KeyError, match="did you mean 'NDE'"):
        found["NDEE"]


def test_the_result_stands_beside_a_truth_and_draws_itself():
    platform = Platform.make(seed=5, n_users=300, n_items=300, base_rate="common")
    log, stages = platform.log(3_000, 1).decisions, ["view", "click", "cart"]
    found = mediation.g_formula(log, "treated", stages, "purchase", platform.covariates)
    table = found.compare(platform.truth.path_effects("purchase", stages))
    assert set(table.index) == set(found)  # every effect has a truth of its name
    assert list(found.table().columns) == ["estimate", "std_error", "low", "high"]
    axes = found.plot(truth=platform.truth.path_effects("purchase", stages), unit="share of decisions")
    assert len(axes.patches) == 5
    assert axes.patches[-1].get_height() == pytest.approx(found.total.value)
    assert sum(bar.get_height() for bar in axes.patches[:-1]) == pytest.approx(found.total.value)
    assert (
        found._repr_html_()
        == mediation.g_formula(log, "treated", stages, "purchase", platform.covariates)._repr_html_()
    )
    with pytest.raises(ValueError, match="no effect in common"):
        found.compare({"ATE": 1.0})


def test_a_share_of_nothing_has_no_ends():
    frame = spoiled(y=np.random.default_rng(0).integers(2, size=400))
    share = mediation.g_formula(frame, "t", ["m1"], "y", ["x"])["proportion mediated"]
    assert share.low == -np.inf
    assert share.high == np.inf
    assert any("not told from 0" in note for note in share.notes)
