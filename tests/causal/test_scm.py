"""StructuralCausalModel: fitting, sampling, closed forms against simulation and regression, bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from causalrec_lab.causal import CausalGraph, StructuralCausalModel
from causalrec_lab.causal.scm.discrete import DiscreteNetwork
from causalrec_lab.causal.scm.gaussian import GaussianSystem

GRAPH = CausalGraph("taste -> shown; taste -> bought; shown -> bought", treatment="shown", outcome="bought")


def logs(n: int = 4000, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    taste = rng.random(n) < 0.4
    shown = rng.random(n) < np.where(taste, 0.8, 0.2)
    bought = rng.random(n) < 0.1 + 0.2 * shown + 0.4 * taste
    return pd.DataFrame({"taste": taste, "shown": shown.astype(int), "bought": np.where(bought, "yes", "no")})


WIDE = CausalGraph([(f"c{i}", "y") for i in range(8)])


def wide() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({node: rng.integers(0, 12, 300) for node in WIDE.nodes})


def gaussian() -> StructuralCausalModel:
    graph = CausalGraph("u -> x -> m -> y; u -> y; x -> y")
    B = np.array([[0, 0, 0, 0], [0.7, 0, 0, 0], [0, 0.5, 0, 0], [0.9, 0.3, -0.8, 0]])
    return StructuralCausalModel(
        graph, GaussianSystem(graph.nodes, B, np.array([1.0, 0, 2, -1]), np.array([1, 2, 0.5, 1.5]))
    )


def test_fit_gives_relative_frequencies():
    frame = logs()
    model = StructuralCausalModel(GRAPH).fit(frame)
    assert model.kind == "discrete"
    inside = frame[(frame["taste"]) & (frame["shown"] == 1)]
    seen = model.query("bought", do={"shown": 1}, given={"taste": True})
    assert seen["yes"] == pytest.approx((inside["bought"] == "yes").mean(), abs=1e-12)


def test_do_query_is_the_adjustment_formula_and_not_the_conditional():
    frame = logs()
    model = StructuralCausalModel(GRAPH).fit(frame)
    by_taste = frame[frame["shown"] == 1].groupby("taste")["bought"].apply(lambda b: (b == "yes").mean())
    adjusted = float((by_taste * frame["taste"].value_counts(normalize=True)).sum())
    assert model.query("bought", do={"shown": 1})["yes"] == pytest.approx(adjusted, abs=1e-12)
    conditional = (frame.loc[frame["shown"] == 1, "bought"] == "yes").mean()
    assert model.query("bought", given={"shown": 1})["yes"] == pytest.approx(conditional, abs=1e-12)
    assert conditional - adjusted > 0.05


def test_do_model_answers_like_do_query():
    model = StructuralCausalModel.example("asia")
    changed = model.do({"smoke": "yes"})
    assert changed.graph.parents("smoke") == ()
    assert changed.query("xray").to_numpy() == pytest.approx(model.query("xray", do={"smoke": "yes"}).to_numpy())


def test_joint_query_sums_to_its_margins():
    model = StructuralCausalModel.example("asia")
    joint = model.query(["lung", "bronc"], do={"smoke": "yes"}, given={"dysp": "yes"})
    margin = model.query("bronc", do={"smoke": "yes"}, given={"dysp": "yes"})
    assert joint.groupby("bronc").sum().loc[margin.index].to_numpy() == pytest.approx(margin.to_numpy())


@pytest.mark.parametrize("do", [{}, {"smoke": "yes"}, {"either": "yes", "smoke": "no"}])
def test_sample_follows_the_query(do):
    model = StructuralCausalModel.example("asia")
    frame = model.sample(4000, do=do, seed=5)
    assert all((frame[node] == state).all() for node, state in do.items())
    for node in set(model.graph.nodes) - set(do):
        p = model.query(node, do=do).iloc[0]
        low, high = binom.ppf([1e-8, 1 - 1e-8], 4000, p)
        assert low <= (frame[node] == model.query(node, do=do).index[0]).sum() <= high
    pd.testing.assert_frame_equal(frame, model.sample(4000, do=do, seed=5))


def test_gaussian_do_query_equals_path_products_and_simulation():
    model = gaussian()
    low, high = (model.query("y", do={"x": x}) for x in (0.0, 1.0))
    assert high["mean"] - low["mean"] == pytest.approx(0.3 + 0.5 * -0.8)
    assert high["variance"] == pytest.approx(1.5 + 0.9**2 * 1 + 0.8**2 * 0.5)
    frame = model.sample(200_000, do={"x": 1.0}, seed=1)
    assert frame["y"].mean() == pytest.approx(high["mean"], abs=6 * np.sqrt(high["variance"] / 200_000))


def test_gaussian_evidence_is_the_regression_of_the_changed_world():
    model = gaussian()
    frame = model.sample(100_000, do={"x": 2.0}, seed=2)
    design = np.column_stack([np.ones(len(frame)), frame["u"], frame["m"]])
    fitted = np.linalg.lstsq(design, frame["y"], rcond=None)[0] @ [1, 0.5, 1.0]
    answer = model.query("y", do={"x": 2.0}, given={"u": 0.5, "m": 1.0})
    assert answer["mean"] == pytest.approx(fitted, abs=0.03)
    assert answer["variance"] == pytest.approx(1.5)


def test_gaussian_fit_recovers_the_equations():
    import statsmodels.api as sm

    frame = gaussian().sample(3000, seed=3)
    fitted = StructuralCausalModel(gaussian().graph).fit(frame)
    assert fitted.kind == "gaussian"
    system = fitted.mechanisms
    peer = sm.OLS(frame["y"], sm.add_constant(frame[["u", "x", "m"]])).fit()
    assert system.coefficients[3, :3] == pytest.approx(peer.params[["u", "x", "m"]].to_numpy())
    assert system.variances[3] == pytest.approx(peer.ssr / 3000)


def test_gaussian_fit_bears_a_large_offset_and_still_sees_collinear_causes():
    rng = np.random.default_rng(4)
    day = rng.normal(size=500)
    frame = pd.DataFrame({"time": 1.7e9 + 86_400 * day, "spent": 3 + 2 * day + rng.normal(size=500)})
    system = StructuralCausalModel(CausalGraph("time -> spent")).fit(frame).mechanisms
    slope, level = np.polyfit(day, frame["spent"], 1)
    assert system.coefficients[1, 0] * 86_400 == pytest.approx(slope)
    assert system.mean["spent"] == pytest.approx(frame["spent"].mean())
    assert system.variances[1] == pytest.approx(np.mean((frame["spent"] - level - slope * day) ** 2))
    twice = frame.assign(also=2 * frame["time"] + 1)
    with pytest.raises(ValueError, match=r"parents of 'spent' \(.*\) are collinear"):
        StructuralCausalModel(CausalGraph("time -> spent; also -> spent")).fit(twice)


def test_counterfactual_keeps_the_noise_of_the_row():
    model = gaussian()
    row = model.sample(5, seed=4).iloc[2]
    answer = model.counterfactual(row, do={"x": row["x"] + 2})
    assert answer["variance"].to_numpy() == pytest.approx(0, abs=1e-9)
    assert answer.loc["u", "mean"] == pytest.approx(row["u"])
    assert answer.loc["m", "mean"] - row["m"] == pytest.approx(0.5 * 2)
    assert answer.loc["y", "mean"] - row["y"] == pytest.approx((0.3 - 0.4) * 2)
    same = model.counterfactual(row, do={"x": row["x"]})
    assert same["mean"].to_numpy() == pytest.approx(row.to_numpy(float))


def test_partial_counterfactual_is_the_posterior_of_a_simulation():
    model = gaussian()
    system = model.mechanisms
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(400_000, 4)) * np.sqrt(system.variances)
    world = (noise + system.intercepts) @ np.linalg.inv(np.eye(4) - system.coefficients).T
    other = (noise * [1, 0, 1, 1] + system.do({"x": 3.0}).intercepts) @ np.linalg.inv(
        np.eye(4) - system.do({"x": 3.0}).coefficients
    ).T
    design = np.column_stack([np.ones(len(world)), world[:, 1], world[:, 3]])  # the row shows x and y only
    fitted, rss, *_ = np.linalg.lstsq(design, other[:, 3], rcond=None)
    answer = model.counterfactual({"x": 1.5, "y": -2.0}, do={"x": 3.0}).loc["y"]
    assert answer["mean"] == pytest.approx(fitted @ [1, 1.5, -2.0], abs=0.02)
    assert answer["variance"] == pytest.approx(rss[0] / len(world), rel=0.02)


def test_without_a_row_the_counterfactual_is_the_do_query():
    model = gaussian()
    blind = model.counterfactual({}, do={"x": 3.0}).loc["y"]
    assert blind.to_numpy() == pytest.approx(model.query("y", do={"x": 3.0}).to_numpy())


def test_pgmpy_models_are_read_and_its_wrong_do_query_is_not_repeated():
    from pgmpy.factors.continuous import LinearGaussianCPD
    from pgmpy.factors.discrete import TabularCPD
    from pgmpy.inference import VariableElimination
    from pgmpy.models import DiscreteBayesianNetwork, LinearGaussianBayesianNetwork

    peer = DiscreteBayesianNetwork([("a", "t"), ("a", "y"), ("t", "y")])
    peer.add_cpds(
        TabularCPD("a", 2, [[0.3], [0.7]], state_names={"a": ["lo", "hi"]}),
        TabularCPD("t", 2, [[0.9, 0.2], [0.1, 0.8]], ["a"], [2], state_names={"t": [0, 1], "a": ["hi", "lo"]}),
        TabularCPD(
            "y",
            2,
            [[0.9, 0.6, 0.5, 0.1], [0.1, 0.4, 0.5, 0.9]],
            ["a", "t"],
            [2, 2],
            state_names={"y": ["n", "p"], "a": ["lo", "hi"], "t": [0, 1]},
        ),
    )
    ours = StructuralCausalModel.from_pgmpy(peer)
    cut = peer.do(["t"])
    right = VariableElimination(cut).query(["a"], evidence={"y": "p", "t": 1}, show_progress=False)
    answer = ours.query("a", do={"t": 1}, given={"y": "p"})
    assert [answer[s] for s in right.state_names["a"]] == pytest.approx(np.ravel(right.values).tolist(), abs=1e-12)
    assert answer["lo"] == pytest.approx(0.3 * 0.4 / (0.3 * 0.4 + 0.7 * 0.9))
    linear = LinearGaussianBayesianNetwork([("x", "y")])
    linear.add_cpds(LinearGaussianCPD("x", [1.0], 2.0), LinearGaussianCPD("y", [0.5, 3.0], 1.0, ["x"]))
    assert StructuralCausalModel.from_pgmpy(linear).query("y", do={"x": 2.0}).tolist() == pytest.approx([6.5, 1.0])
    with pytest.raises(ValueError, match="no distribution for"):
        StructuralCausalModel.from_pgmpy(DiscreteBayesianNetwork([("a", "b")]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: StructuralCausalModel(CausalGraph("a -> b; a <-> b")), "latent causes"),
        (lambda: StructuralCausalModel(GRAPH).query("bought"), r"call \.fit"),
        (lambda: StructuralCausalModel(GRAPH).fit(logs().drop(columns="taste")), "node 'taste' has no column"),
        (lambda: StructuralCausalModel(GRAPH).fit(logs().assign(taste=1)), "constant"),
        (lambda: StructuralCausalModel(GRAPH).fit(logs().assign(taste=lambda f: f.index / 7)), "taste are continuous"),
        (lambda: StructuralCausalModel(GRAPH).fit(logs(), kind="gausian"), "did you mean 'gaussian'"),
        (lambda: StructuralCausalModel(GRAPH).fit(logs(), kind="gaussian"), "holds no numbers"),
        (lambda: StructuralCausalModel(GRAPH).fit(logs()).query("bougt"), "did you mean 'bought'"),
        (lambda: StructuralCausalModel(GRAPH).fit(logs()).query("bought", do={"shown": 2}), "no state 2"),
        (lambda: StructuralCausalModel(GRAPH).fit(logs()).query("bought", do={"bought": "yes"}), "both target and do"),
        (lambda: gaussian().counterfactual({"x": 1.0}, {"x": 0.0}, coupling="gumbel"), "leave coupling out"),
        (
            lambda: StructuralCausalModel(GRAPH).fit(logs()).query("bought", {"shown": 1}, {"shown": 0}),
            "contradicts do",
        ),
        (lambda: StructuralCausalModel(GRAPH).fit(logs()).query("bought", {"shown": 1}, {"shown": 1}), "adds nothing"),
        (lambda: StructuralCausalModel.example("asai"), "did you mean 'asia'"),
        (lambda: StructuralCausalModel(GRAPH).fit(logs().assign(taste=lambda f: f.index), "discrete"), "is continuous"),
        (lambda: StructuralCausalModel(WIDE).fit(wide()), "would have .* entries"),
        (
            lambda: StructuralCausalModel(WIDE).fit(wide().replace({"c0": {3: np.inf}}), "gaussian"),
            "'c0' has .* infinite",
        ),
        (lambda: gaussian().query("y", do={"x": np.nan}), "do: 'x' is set to nan"),
        (lambda: gaussian().query("y", given={"x": np.inf}), "given: 'x' is set to inf"),
        (lambda: gaussian().do({"x": -np.inf}), "do: 'x' is set to -inf"),
        (lambda: gaussian().counterfactual({"u": 1.0}, {"x": np.nan}), "do: 'x' is set to nan"),
        (lambda: gaussian().counterfactual({"u": np.nan}, {"x": 1.0}), "row: 'u' is set to nan"),
    ],
)
def test_bad_input_says_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_evidence_of_probability_zero_is_an_error():
    model = StructuralCausalModel.example("asia")
    with pytest.raises(ValueError, match="probability 0"):
        model.query("smoke", do={"lung": "yes", "tub": "no"}, given={"either": "no"})


def test_combinations_never_seen_are_counted_in_a_warning():
    frame = logs()
    frame = frame[~(frame["taste"] & (frame["shown"] == 0))]
    with pytest.warns(UserWarning, match=r"bought \(1 of 4\)"):
        StructuralCausalModel(GRAPH).fit(frame)


def test_tables_that_are_no_distribution_are_refused():
    with pytest.raises(ValueError, match="no distribution"):
        DiscreteNetwork({"a": (0, 1)}, {"a": ()}, {"a": np.array([0.5, 0.6])})
