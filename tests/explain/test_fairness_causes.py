"""Direct, indirect and spurious: against nested counterfactuals enumerated over noise, presets, and coverage."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.causal import CausalGraph, NotIdentifiedError, StructuralCausalModel
from causalrec_lab.causal.scm.discrete import DiscreteNetwork
from causalrec_lab.explain import fairness
from causalrec_lab.world import Platform

GRAPH = CausalGraph("z -> x; z -> r; z -> w; z -> y; x -> r; x -> w; x -> y; r -> w; r -> y; w -> y")
PARENTS = {"z": (), "x": ("z",), "r": ("z", "x"), "w": ("z", "x", "r"), "y": ("z", "x", "r", "w")}


def tables(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    chances = {node: rng.uniform(0.1, 0.9, (2,) * len(above)) for node, above in PARENTS.items()}
    return {node: np.stack([1 - p, p], axis=-1) for node, p in chances.items()}


def model(seed: int) -> StructuralCausalModel:
    return StructuralCausalModel(GRAPH, DiscreteNetwork(dict.fromkeys(PARENTS, (0, 1)), PARENTS, tables(seed)))


def by_noise(seed: int, allowed: bool) -> dict[str, float]:
    """The parts by their definitions: nested counterfactuals, each mediator's table read under its own level of x."""
    t = tables(seed)

    def expected(x_direct: int, x_r: int, x_w: int, given_x: int) -> float:
        """E[Y(x_direct, R(x_r), W(x_w, R(x_r))) | x = given_x]."""
        p_z = np.array([t["z"][z] * t["x"][z, given_x] for z in (0, 1)])
        total = 0.0
        for z, r, w in product((0, 1), repeat=3):
            chance = p_z[z] / p_z.sum() * t["r"][z, x_r, r] * t["w"][z, x_w, r, w]
            total += chance * t["y"][z, x_direct, r, w, 1]
        return total

    mixed = expected(1, 0, 1, 0)
    return {
        "direct": expected(1, 0, 0, 0) - expected(0, 0, 0, 0),
        "indirect": expected(1, 0, 1, 0) - expected(1, 0, 0, 0)
        if allowed
        else expected(1, 1, 1, 0) - expected(1, 0, 0, 0),
        "allowed": expected(1, 1, 1, 0) - mixed if allowed else 0.0,
        "spurious": expected(1, 1, 1, 1) - expected(1, 1, 1, 0),
        "total variation": expected(1, 1, 1, 1) - expected(0, 0, 0, 0),
    }


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("allowed", [(), ("r",)])
def test_a_discrete_model_s_parts_are_its_nested_counterfactuals(seed: int, allowed: tuple[str, ...]) -> None:
    found = fairness.decompose_exactly(model(seed), "x", "y", allowed=allowed)["value"]
    for name, value in by_noise(seed, bool(allowed)).items():
        assert found[name] == pytest.approx(value, abs=1e-12), name


def test_nested_counterfactuals_agree_with_drawn_units() -> None:
    """The same by brute force: units with their own noise, set to one level and given the mediators of the other."""
    t, n, rng = tables(3), 400_000, np.random.default_rng(0)
    u = {node: rng.random(n) for node in PARENTS}

    def value(node: str, *above: np.ndarray) -> np.ndarray:
        return (u[node] < t[node][(*above, 1)]).astype(int)

    z = value("z")
    x = value("x", z)
    zero, one = np.zeros(n, dtype=int), np.ones(n, dtype=int)
    r0, r1 = value("r", z, zero), value("r", z, one)
    w0 = value("w", z, zero, r0)
    y0, y1 = value("y", z, zero, r0, w0), value("y", z, one, r1, value("w", z, one, r1))
    mixed = value("y", z, one, r0, w0)
    here = x == 0
    found = fairness.decompose_exactly(model(3), "x", "y")["value"]
    assert found["direct"] == pytest.approx((mixed - y0)[here].mean(), abs=0.006)  # > 4 standard errors
    assert found["indirect"] == pytest.approx((y1 - mixed)[here].mean(), abs=0.006)
    assert found["spurious"] == pytest.approx(y1[~here].mean() - y1[here].mean(), abs=0.009)


def test_parts_sum_to_the_gap_and_keep_the_published_signs() -> None:
    found = fairness.decompose(model(1).sample(4_000, seed=1), "x", "y", graph=GRAPH, allowed=["r"])
    parts = sum(found[name].value for name in ("direct", "indirect", "allowed", "spurious"))
    assert parts == pytest.approx(found["total variation"].value)
    assert found["unexplained"].value == pytest.approx(found["direct"].value + found["indirect"].value)
    signed = found.counterfactual.to_numpy()
    assert signed[3] == pytest.approx(signed[0] - signed[1] - signed[2])


@pytest.mark.parametrize("nuisance", ["cells", "spline"])
def test_intervals_hold_the_exact_parts(nuisance: str) -> None:
    """95 % intervals on 60 samples of 1,500 rows: at least 47 hold (P < 1e-6 at 95 %)."""
    names = ("direct", "indirect", "allowed", "spurious", "total variation")
    truth = fairness.decompose_exactly(model(2), "x", "y", allowed=["r"])["value"]
    held = dict.fromkeys(names, 0)
    for seed in range(60):
        frame = model(2).sample(1_500, seed=seed)
        found = fairness.decompose(frame, "x", "y", graph=GRAPH, allowed=["r"], nuisance=nuisance, folds=3)
        for name in names:
            held[name] += found[name].covers(float(truth[name]))
    assert min(held.values()) >= 47, held


@pytest.mark.parametrize("seed", range(3))
def test_the_linear_preset_s_parts_are_products_of_its_paths(seed: int) -> None:
    preset = Platform.linear_gaussian(seed)
    graph, paths = CausalGraph(list(preset.edges)), preset.truth.path_effects()["value"]
    found = fairness.decompose(
        preset.sample(20_000, seed=1), "shown", "purchase", graph=graph, method="linear", allowed=["view"]
    )
    c, total = preset.covariance, paths["total shown=>purchase"]
    truth = {
        "direct": paths["shown->purchase"],
        "indirect": 0.0,  # all ways go through view
        "allowed": paths["indirect shown=>purchase"],
        "spurious": c.loc["shown", "purchase"] / c.loc["shown", "shown"] - total,
    }
    for name, value in truth.items():
        assert abs(found[name].value - value) < 4.9 * found[name].std_error, name


def test_a_fitted_linear_model_agrees_with_its_least_squares() -> None:
    preset = Platform.linear_gaussian(1)
    graph, frame = CausalGraph(list(preset.edges)), preset.sample(2_000, seed=2)
    fitted = StructuralCausalModel(graph).fit(frame)
    exact = fairness.decompose_exactly(fitted, "shown", "purchase", contrast=(1.0, 3.0))["value"]
    found = fairness.decompose(frame, "shown", "purchase", graph=graph, method="linear", contrast=(1.0, 3.0))
    assert found["direct"].value == pytest.approx(exact["direct"])
    assert found["total variation"].value == pytest.approx(exact["total variation"], rel=0.1)


def test_what_only_shares_a_cause_is_all_spurious() -> None:
    """Region follows from segment: nothing that region does; gender moves segment, so nothing is spurious."""
    rng, n = np.random.default_rng(0), 6_000
    gender = rng.integers(0, 2, n)
    segment = (rng.random(n) < 0.3 + 0.4 * gender).astype(int)
    region = (rng.random(n) < 0.2 + 0.5 * segment).astype(int)
    frame = pd.DataFrame({"gender": gender, "segment": segment, "region": region})
    frame["exposure"] = 0.3 + 0.2 * segment + 0.1 * rng.normal(size=n)
    graph = CausalGraph("gender -> segment -> region; segment -> exposure")
    region_s = fairness.decompose(frame, "region", "exposure", graph=graph)
    assert region_s.roles.mediators == ()
    assert abs(region_s["unexplained"].value) < 4.9 * region_s["unexplained"].std_error
    assert region_s["spurious"].low > 0.05
    gender_s = fairness.decompose(frame, "gender", "exposure", graph=graph)
    assert gender_s["spurious"].value == 0
    assert gender_s["indirect"].value == pytest.approx(0.08, abs=4.9 * gender_s["indirect"].std_error)
    assert abs(gender_s["direct"].value) < 4.9 * gender_s["direct"].std_error


@pytest.mark.parametrize(
    ("edges", "latent", "options", "named"),
    [
        ("x -> w -> y; x <-> y", (), {}, "x <-> y"),
        ("x -> w -> y; u -> w; u -> y", ("u",), {}, "w <- u -> y"),
        ("x -> y; u -> x; u -> y", ("u",), {}, "x <- u -> y"),
        ("x -> r -> w -> y; r -> y; x -> y", (), {"allowed": ["w"]}, "r is moved by x"),
        ("x -> w -> y; x -> y; z -> x; z -> y", (), {"confounders": []}, "x <- z -> y"),
        ("x -> w -> y; x -> y; x -> z", (), {"confounders": ["z"]}, "z is moved by x"),
    ],
)
def test_what_is_not_identified_is_refused_and_named(
    edges: str, latent: tuple[str, ...], options: dict[str, object], named: str
) -> None:
    graph = CausalGraph(edges, latent=latent)
    frame = pd.DataFrame(np.random.default_rng(0).integers(0, 2, (50, 5)), columns=list("xywrz"))
    with pytest.raises(NotIdentifiedError, match=named):
        fairness.decompose(frame, "x", "y", graph=graph, **options)


def test_the_decomposition_draws_and_writes_itself_and_speaks_of_groups() -> None:
    frame = model(1).sample(2_000, seed=1)
    found = fairness.decompose(frame, "x", "y", graph=GRAPH, allowed=["r"])
    truth = fairness.decompose_exactly(model(1), "x", "y", allowed=["r"])
    assert set(found.compare(truth)["covered"]) <= {True, False}
    assert len(found.plot(truth=truth).get_yticks()) == 5
    assert found._repr_html_() == fairness.decompose(frame, "x", "y", graph=GRAPH, allowed=["r"])._repr_html_()
    assert any("any one person" in text for text in found["direct"].assumptions)
    with pytest.raises(KeyError, match="'direct'"):
        _ = found["dirct"]


def test_rows_of_one_person_err_together() -> None:
    frame = model(1).sample(1_000, seed=1)
    one = fairness.decompose(frame, "x", "y", graph=GRAPH, nuisance="cells")
    copies = pd.concat([frame.assign(user=np.arange(1_000))] * 2, ignore_index=True)
    two = fairness.decompose(copies, "x", "y", graph=GRAPH, nuisance="cells", cluster="user")
    assert two["direct"].std_error == pytest.approx(one["direct"].std_error, rel=0.04)  # n - 1 in a cell is of rows
