"""Models from data: missing values, posterior prediction, intervals; each against a closed form or a peer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta

from causalrec_lab.causal import CausalGraph, StructuralCausalModel
from causalrec_lab.causal.scm.discrete import DiscreteNetwork
from causalrec_lab.causal.scm.gaussian import GaussianSystem
from causalrec_lab.world import Platform

PAIR = CausalGraph("x -> y", treatment="x", outcome="y")


def pairs(n: int = 600, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.random(n) < 0.4
    return pd.DataFrame({"x": np.where(x, "b", "a"), "y": np.where(rng.random(n) < 0.2 + 0.5 * x, "on", "off")})


def test_em_with_a_missing_effect_is_the_factored_likelihood():
    whole = pairs()
    frame = whole.assign(y=whole["y"].where((whole["x"] == "a") | (np.arange(600) % 3 > 0)))
    model = StructuralCausalModel(PAIR).fit(frame, missing="em")
    seen = frame.dropna()
    assert model.query("x")["b"] == pytest.approx((frame["x"] == "b").mean(), abs=1e-6)
    for x in "ab":
        share = (seen.loc[seen["x"] == x, "y"] == "on").mean()
        assert model.query("y", do={"x": x})["on"] == pytest.approx(share, abs=1e-6)
    dropped = StructuralCausalModel(PAIR).fit(frame, missing="drop")
    assert abs(dropped.query("x")["b"] - (frame["x"] == "b").mean()) > 0.02


def test_em_with_a_missing_cause_is_the_factored_likelihood_the_other_way():
    whole = pairs(seed=1)
    frame = whole.assign(x=whole["x"].where((whole["y"] == "on") | (np.arange(600) % 2 > 0)))
    model = StructuralCausalModel(PAIR).fit(frame, missing="em")
    seen = frame.dropna()
    on = (frame["y"] == "on").mean()
    given = {y: (seen.loc[seen["y"] == y, "x"] == "b").mean() for y in ("on", "off")}
    assert model.query("x")["b"] == pytest.approx(on * given["on"] + (1 - on) * given["off"], abs=1e-5)
    assert model.query("y")["on"] == pytest.approx(on, abs=1e-5)


def test_em_of_a_network_climbs_above_its_complete_rows():
    model = StructuralCausalModel.example("asia")
    frame = model.sample(400, seed=2)
    holes = frame.mask(np.random.default_rng(3).random(frame.shape) < 0.1)
    blank, options = StructuralCausalModel(model.graph), {"states": model.mechanisms.states, "pseudo_count": 0.5}
    em, drop = (blank.fit(holes, missing=way, **options) for way in ("em", "drop"))
    full = blank.fit(frame, **options)

    def distance(other: StructuralCausalModel) -> float:
        nodes = [n for n in model.graph.nodes if n not in ("either", "smoke")]
        return sum(abs(other.query(n, {"smoke": "yes"}) - full.query(n, {"smoke": "yes"})).iloc[0] for n in nodes)

    assert distance(em) < distance(drop)


def test_gaussian_em_is_anderson_s_factored_likelihood():
    rng = np.random.default_rng(0)
    x = rng.normal(50, 10, 400)
    frame = pd.DataFrame({"x": x, "y": 3 + 0.5 * x + rng.normal(size=400)})
    frame["y"] = frame["y"].where(x < 55)
    system = StructuralCausalModel(PAIR).fit(frame, missing="em").mechanisms
    seen = frame.dropna()
    slope, level = np.polyfit(seen["x"], seen["y"], 1)
    assert system.coefficients[1, 0] == pytest.approx(slope, rel=1e-5)
    assert system.intercepts[1] == pytest.approx(level, rel=1e-4)
    assert system.variances[1] == pytest.approx(np.mean((seen["y"] - level - slope * seen["x"]) ** 2), rel=1e-4)
    assert system.intercepts[0] == pytest.approx(x.mean())
    assert system.variances[0] == pytest.approx(x.var())
    assert system.filled == pytest.approx(frame.isna().to_numpy().mean())


@pytest.mark.parametrize("name", ["asia", "sachs"])
def test_prediction_of_a_table_is_the_query_of_each_row(name):
    model = StructuralCausalModel.example(name)
    frame = model.sample(60, seed=1)
    frame = frame.mask(np.random.default_rng(1).random(frame.shape) < 0.25)
    for target in model.graph.nodes[:4]:
        found = model.predict(frame, target)
        for i, row in frame.drop(columns=target).iterrows():
            assert found.loc[i].to_numpy() == pytest.approx(
                model.query(target, given=row.dropna().to_dict()).to_numpy()
            )
    assert model.predict(frame.iloc[:0], target).shape == (0, len(found.columns))


def test_prediction_in_a_changed_world_and_of_a_gaussian_model():
    model = StructuralCausalModel.example("asia")
    frame = model.sample(20, seed=1)[["xray", "dysp"]]
    found = model.predict(frame, "lung", do={"smoke": "yes"})
    for i, row in frame.iterrows():
        asked = model.query("lung", do={"smoke": "yes"}, given=row.to_dict())
        assert found.loc[i].to_numpy() == pytest.approx(asked.to_numpy())
    graph = CausalGraph("u -> x -> y; u -> y")
    B = np.array([[0, 0, 0], [0.7, 0, 0], [0.9, 0.3, 0]])
    linear = StructuralCausalModel(graph, GaussianSystem(graph.nodes, B, np.ones(3), np.ones(3)))
    rows = linear.sample(10, seed=2)
    rows.iloc[3, 0] = np.nan
    answers = linear.predict(rows, "u" if graph.nodes[0] != "u" else "y")
    for i, row in rows.drop(columns="y").iterrows():
        asked = linear.query("y", given=row.dropna().to_dict())
        assert answers.loc[i].to_numpy() == pytest.approx(asked.to_numpy())


def test_interval_of_one_table_is_the_beta_posterior():
    frame = pairs()
    model = StructuralCausalModel(PAIR).fit(frame, pseudo_count=1)
    found = model.interval("y", do={"x": "b"}, draws=20_000, level=0.9).loc["on"]
    inside = frame.loc[frame["x"] == "b", "y"] == "on"
    law = beta(inside.sum() + 1, (~inside).sum() + 1)
    assert found["value"] == pytest.approx(law.mean())
    assert found["std_error"] == pytest.approx(law.std(), rel=0.04)
    assert found[["low", "high"]].tolist() == pytest.approx(law.ppf([0.05, 0.95]), abs=0.003)


def test_effect_of_a_gaussian_model_has_the_regression_s_interval():
    import statsmodels.api as sm

    rng = np.random.default_rng(0)
    z = rng.normal(size=300)
    x = z + rng.normal(size=300)
    frame = pd.DataFrame({"z": z, "x": x, "y": 2 * x - z + rng.normal(size=300)})
    model = StructuralCausalModel(CausalGraph("z -> x, y; x -> y", treatment="x", outcome="y")).fit(frame)
    found = model.effect(draws=8_000, level=0.95)
    peer = sm.OLS(frame["y"], sm.add_constant(frame[["z", "x"]])).fit()
    assert found.value == pytest.approx(peer.params["x"])
    assert found.std_error == pytest.approx(peer.bse["x"], rel=0.06)
    assert found.interval == pytest.approx(peer.conf_int().loc["x"].tolist(), abs=0.02)


def test_given_mechanisms_have_no_interval_and_an_exact_effect():
    model = StructuralCausalModel.example("asia")
    found = model.effect("smoke", "lung", contrast=("no", "yes"), state="yes")
    assert found.value == pytest.approx(0.09)
    assert found.std_error == 0
    with pytest.raises(ValueError, match="given, not estimated"):
        model.interval("lung")


def test_the_platform_s_truth_by_strata_of_its_propensity():
    platform = Platform.make(seed=5, n_users=1_000, n_items=400, base_rate="common")
    log = platform.log(20_000, seed=5).decisions
    chance = platform.truth.propensity(log)
    frame = pd.DataFrame({"chance": pd.qcut(chance, 25, labels=False), "shown": log["treated"].astype(int)})
    frame["bought"] = log["purchase"].astype(int)
    graph = CausalGraph("chance -> shown, bought; shown -> bought", treatment="shown", outcome="bought")
    frame["chance"] = frame["chance"].map("bin {:02d}".format)
    model = StructuralCausalModel(graph).fit(frame)
    truth = platform.truth.ate("purchase")
    found = model.effect()
    seen = model.query("bought", given={"shown": 1})[1] - model.query("bought", given={"shown": 0})[1]
    assert abs(found.value - truth.value) < 5.5 * found.std_error
    assert abs(seen - truth.value) > 5.5 * found.std_error


SHOP = CausalGraph("taste -> shown, bought; shown -> bought")


def shop() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.integers(0, 2, (300, 3)), columns=["taste", "shown", "bought"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, f: m.fit(f.mask(f["taste"] == 1)), "has .* missing values .* missing='em'"),
        (lambda m, f: m.fit(f, missing="emm"), "missing='emm'; did you mean 'em'"),
        (lambda m, f: m.fit(f.assign(taste=np.nan), missing="em"), "no value at all"),
        (lambda m, f: m.fit(f, states={"taste": [0, 2]}), "'taste' holds 1 .* no state"),
        (lambda m, f: m.fit(f, states={"tast": [0, 1]}), "did you mean 'taste'"),
        (lambda m, f: m.fit(f).predict(f.assign(shown=5), "bought"), "'shown' holds 5 .* no state"),
        (lambda m, f: m.fit(f).predict(f, "bougth"), "did you mean 'bought'"),
        (lambda m, f: m.fit(f).effect("taste", "bought", state=3), "state: 'bought' has no state 3"),
        (lambda m, f: m.fit(f.assign(shown=f.index % 3)).effect("shown", "bought"), r"contrast=\(from, to\)"),
        (
            lambda m, f: m.fit(f.assign(bought=f.index % 3 * 1.0).astype({"bought": str})).effect("shown", "bought"),
            "state=…",
        ),
        (lambda m, f: m.fit(f).interval("bought", draws=0), "draws=0"),
        (lambda m, f: m.fit(f).interval("bought", level=95), "level=95"),
    ],
)
def test_bad_input_says_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call(StructuralCausalModel(SHOP), shop())


def test_rows_of_probability_zero_are_named():
    model = StructuralCausalModel.example("asia")
    frame = model.sample(5, seed=0).assign(either="no", tub=["no", "no", "yes", "no", "no"])
    with pytest.raises(ValueError, match=r"1 of 5 rows have probability 0 .* row 2"):
        model.predict(frame, "lung")


def test_declared_states_and_categories_keep_their_order_and_may_be_unseen():
    frame = shop().assign(taste="low")
    model = StructuralCausalModel(SHOP).fit(frame, pseudo_count=1, states={"taste": ["low", "mid", "high"]})
    assert list(model.query("taste").index) == ["low", "mid", "high"]
    assert model.query("taste")["high"] == pytest.approx(1 / 303)
    ordered = shop().assign(taste=lambda f: pd.Categorical(f["taste"].map({0: "low", 1: "high"}), ["low", "high"]))
    assert StructuralCausalModel(SHOP).fit(ordered).mechanisms.states["taste"] == ("low", "high")


def test_a_table_without_counts_is_still_a_network():
    net = DiscreteNetwork({"a": (0, 1)}, {"a": ()}, {"a": np.array([0.5, 0.5])})
    assert not net.estimated


def line(n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    x = rng.normal(size=n)
    return pd.DataFrame({"x": x, "y": 2 * x + rng.normal(size=n)})


def test_intervals_after_do_are_those_of_the_question_with_do():
    model = StructuralCausalModel(PAIR).fit(line())
    asked, changed = model.interval("y", do={"x": 3.0}), model.do({"x": 3.0}).interval("y")
    pd.testing.assert_frame_equal(asked, changed)
    assert asked.loc["mean", "low"] < 6 < asked.loc["mean", "high"]


def test_a_slope_of_exactly_zero_is_as_uncertain_as_any_other():
    x = np.tile([-1.0, 0.0, 1.0], 40)
    frame = pd.DataFrame({"x": x, "y": x**2 + 0.5 * np.tile([1, 1, 1, -1, -1, -1], 20)})
    found = StructuralCausalModel(PAIR).fit(frame, kind="gaussian").effect(draws=2_000)
    residual = frame["y"] - frame["y"].mean()
    assert found.value == 0
    assert found.std_error == pytest.approx(np.sqrt((residual @ residual) / 118 / (x @ x)), rel=0.1)
    assert found.n == len(frame)


@pytest.mark.parametrize("holes", [False, True])
def test_units_far_apart_change_no_answer(holes):
    graph = CausalGraph("p -> r, y; r -> y", treatment="r", outcome="y")
    rng = np.random.default_rng(0)
    plain = pd.DataFrame(rng.normal(size=(600, 2)), columns=["p", "r"])
    plain["y"] = plain["p"] + 0.5 * plain["r"] + rng.normal(size=600)
    if holes:
        plain = plain.mask(rng.random(plain.shape) < 0.05)
    scale = {"p": 1e7, "r": 1e-5, "y": 1.0}  # seconds beside a rate
    one, other = (StructuralCausalModel(graph).fit(f, missing="em") for f in (plain, plain * pd.Series(scale)))
    given = {"p": 0.4, "r": -1.0}
    far = {n: v * scale[n] for n, v in given.items()}
    assert other.query("y", given=far).to_numpy() == pytest.approx(one.query("y", given=given).to_numpy())
    assert other.effect().value == pytest.approx(one.effect().value * 1e5)
    assert other.effect().std_error == pytest.approx(one.effect().std_error * 1e5)
    there = other.predict(pd.DataFrame([far]), "y")
    assert there.to_numpy() == pytest.approx(one.predict(pd.DataFrame([given]), "y").to_numpy())
    was = {"p": 1e7, "r": 2e-5, "y": 3.0}
    assert other.counterfactual(was, {"r": 2e-5})["mean"].to_dict() == pytest.approx(was)


def test_a_row_that_a_fixed_node_excludes_has_probability_zero():
    model = StructuralCausalModel(PAIR).fit(line()).do({"x": 1.0})
    with pytest.raises(ValueError, match=r"probability 0 .* 'x'"):
        model.counterfactual({"x": 2.0, "y": 0.0}, {"x": 3.0})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, f: m.fit(f, states={"taste": [0, 1, 1]}), "different values, none of them missing"),
        (lambda m, f: m.fit(f, states={"taste": [0, 1, np.nan]}), "different values, none of them missing"),
        (lambda m, f: m.fit(f, states={"taste": []}), "different values, none of them missing"),
        (lambda m, f: m.fit(f.astype(str), states={"taste": "01"}), "different values, none of them missing"),
        (lambda m, f: m.fit(f, pseudo_count=-1), "pseudo_count=-1"),
        (lambda m, f: m.fit(f, pseudo_count=np.nan), "pseudo_count=nan"),
        (lambda m, f: m.fit(pd.concat([f, f[["taste"]]], axis=1)), "two columns 'taste'"),
        (lambda m, f: m.fit(f).query("bought", do={"shown": pd.NA}), "'shown' has no state <NA>"),
        (lambda m, f: m.fit(f).query("bought", do={"shown": np.array([0, 1])}), "'shown' has no state"),
        (
            lambda m, f: StructuralCausalModel.example("alarm").query(
                StructuralCausalModel.example("alarm").graph.nodes
            ),
            "ask for fewer nodes",
        ),
    ],
)
def test_more_bad_input_says_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call(StructuralCausalModel(SHOP), shop())
