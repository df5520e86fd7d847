"""Each test of independence keeps its size and has power; falsification equals trying every permutation by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom
from statsmodels.stats.multitest import multipletests

from causalrec_lab.causal import CausalGraph, StructuralCausalModel
from causalrec_lab.causal.independence import benjamini_hochberg, g_test, gcm_test, independence_test, linear_test
from causalrec_lab.causal.independence.contingency import sparse_moments
from causalrec_lab.causal.independence.falsification import falsify
from causalrec_lab.world import linear_gaussian

RUNS = 100


def columns(seed: int, n: int, kind: str, effect: float) -> pd.DataFrame:
    """x and y follow z; y follows x by `effect` besides. kind: linear, categories, curved or mixed."""
    rng = np.random.default_rng(seed)
    z, e1, e2 = rng.normal(size=(3, n))
    bent = z**2 if kind == "curved" else z
    x = bent + e1
    y = bent + effect * e1 + e2
    if kind == "categories":
        z = np.digitize(z, [-0.5, 0.5])
        x = (z - 1 + e1 > 0).astype(int)
        y = (z - 1 + effect * (2 * x - 1) + e2 > 0).astype(int)
    if kind == "mixed":
        return pd.DataFrame({"x": x, "y": np.array(["a", "b", "c"])[np.digitize(y, [-0.7, 0.7])], "z": z})
    return pd.DataFrame({"x": x, "y": y, "z": z})


@pytest.mark.parametrize(
    ("kind", "method", "effect"),
    [("linear", "linear", 0.3), ("categories", "g", 0.5), ("curved", "gcm", 0.3), ("linear", "gcm", 0.3)],
)
def test_size_and_power(kind, method, effect):
    def rejected(size: float, start: int) -> int:
        runs = (columns(start + s, 300, kind, size) for s in range(RUNS))
        return sum(independence_test(frame, "x", "y", ("z",), method=method)[3] < 0.05 for frame in runs)

    low, high = binom.ppf([1e-6, 1 - 1e-6], RUNS, 0.05)
    slack = 6 if method == "gcm" else 0  # its law is a large-sample one
    assert low <= rejected(0.0, 0) <= high + slack
    assert rejected(effect, 10_000) >= 0.8 * RUNS


def sparse(seed: int, effect: float) -> pd.DataFrame:
    """x and y of two values follow six columns of two values: 64 strata of about five rows."""
    rng = np.random.default_rng(seed)
    z = rng.integers(0, 2, (320, 6))
    x = (rng.random(320) < 0.3 + 0.08 * z.sum(1)).astype(int)
    y = (rng.random(320) < 0.3 + 0.06 * z.sum(1) + effect * (x - 0.5)).astype(int)
    return pd.DataFrame({"x": x, "y": y}).join(pd.DataFrame(z).add_prefix("z"))


def test_sparse_tables_keep_their_size_and_have_power():
    given = [f"z{i}" for i in range(6)]
    low, high = binom.ppf([1e-6, 1 - 1e-6], RUNS, 0.05)
    assert low <= sum(g_test(sparse(s, 0.0), "x", "y", given)[2] < 0.05 for s in range(RUNS)) <= high
    assert sum(g_test(sparse(s, 0.35), "x", "y", given)[2] < 0.05 for s in range(RUNS)) >= 0.8 * RUNS


@pytest.mark.parametrize("rows", ["0011122", "01", "011", "0111", "00111111"])
def test_moments_of_a_sparse_table_are_those_of_every_shuffle(rows):
    x = np.array(list(map(int, rows)))
    shuffled = {tuple(order) for order in itertools.permutations((x * 7 + np.arange(len(x))) % 3)}
    values = []
    for y in shuffled:
        seen = np.zeros((2 if x.max() == 1 else 3, 3))
        np.add.at(seen, (x, np.array(y)), 1)
        seen = seen[seen.sum(1) > 0][:, seen.sum(0) > 0]
        expected = np.outer(seen.sum(1), seen.sum(0)) / len(x)
        values.append((len(x) - 1) / len(x) * ((seen - expected) ** 2 / expected).sum())
    mean, variance = sparse_moments(seen.sum(1)[None], seen.sum(0)[None])
    assert (mean, variance) == pytest.approx((np.mean(values), np.var(values)), abs=1e-9)


@pytest.mark.parametrize(("bend", "k"), [("sin", 1), ("abs", 4)])
def test_gcm_keeps_its_size_where_one_smooth_kernel_would_not(bend, k):
    def p_value(seed: int) -> float:
        rng = np.random.default_rng(seed)
        z = rng.normal(size=(500, k))
        common = (np.sin(5 * z) if bend == "sin" else np.abs(z)).sum(1)
        frame = pd.DataFrame(z).add_prefix("z").assign(x=common + rng.normal(size=500), y=common + rng.normal(size=500))
        return gcm_test(frame, "x", "y", [f"z{i}" for i in range(k)])[2]

    assert sum(p_value(seed) < 0.05 for seed in range(60)) <= binom.ppf(1 - 1e-6, 60, 0.05) + 2


def test_gcm_sees_through_a_curve_where_linear_tests_do_not():
    frame = columns(1, 2_000, "curved", 0.0)
    assert independence_test(frame, "x", "y", ("z",), method="linear")[3] < 1e-6
    assert independence_test(frame, "x", "y", ("z",), method="gcm")[3] > 1e-4


def test_gcm_of_categories_keeps_its_size_and_has_power():
    null = sum(gcm_test(columns(s, 200, "mixed", 0.0), "x", "y", ("z",))[2] < 0.05 for s in range(60))
    assert null <= binom.ppf(1 - 1e-6, 60, 0.05) + 2
    power = sum(gcm_test(columns(s, 300, "mixed", 0.6), "x", "y", ("z",))[2] < 0.05 for s in range(30))
    assert power >= 27


def test_benjamini_hochberg_equals_statsmodels():
    p = np.random.default_rng(1).uniform(size=23) ** 3
    assert benjamini_hochberg(p) == pytest.approx(multipletests(p, method="fdr_bh")[1])


@pytest.mark.parametrize("edges", ["a -> b -> c -> d", "a -> c <- b; c -> d", "a <-> b -> c; d"])
def test_falsification_equals_every_permutation_by_hand(edges):
    graph = CausalGraph(edges)
    rows = linear_gaussian(1).sample(300, seed=3).iloc[:, :4].set_axis(list("abcd"), axis=1)
    found = falsify(graph, rows)
    assert found.exact
    violations, same = [], []
    for order in itertools.permutations(graph.observed):
        names = dict(zip(graph.observed, order, strict=True))
        pairs = [(names[x], names[y]) for x, y in graph.edges]
        spans = [f"{names[x]} <-> {names[y]}" for x, y in graph.bidirected]
        moved = CausalGraph([*graph.nodes, *pairs, *spans])
        claims = set()
        if graph.bidirected:
            claims = {(frozenset((names[c.x], names[c.y])), frozenset(names[g] for g in c.given))
                      for c in graph.implied_independencies()}  # fmt: skip
        else:
            for node in moved.nodes:
                causes = moved.parents(node)
                others = set(moved.nodes) - {node, *causes, *moved.descendants(node)}
                claims |= {(frozenset((node, other)), frozenset(causes)) for other in others}
        tests = [independence_test(rows, *sorted(pair), sorted(given))[3] < 0.05 for pair, given in claims]
        violations.append(sum(tests))
        same.append(all(graph.d_separated(*sorted(pair), given) for pair, given in claims))
    assert sorted(violations) == sorted(found.permuted.tolist())
    assert found.p_uninformative == pytest.approx(np.mean(same))
    assert found.p_value == pytest.approx(np.mean(np.array(violations) <= found.violated))


def test_the_true_graph_is_better_than_chance_and_a_wrong_one_is_not():
    asia = StructuralCausalModel.example("asia")
    true = falsify(asia.graph, asia.sample(2_000, seed=1))
    rows = linear_gaussian(1).sample(500, seed=1)
    wrong = falsify(CausalGraph("cart -> shown -> purchase -> affinity; view"), rows)
    assert true.informative
    assert not true.falsified
    assert wrong.falsified
    assert "falsified" in str(wrong)


def test_a_graph_like_all_its_permutations_gets_no_verdict():
    rows = linear_gaussian(2).sample(200, seed=2)[["affinity", "shown"]]
    found = falsify(CausalGraph("affinity; shown"), rows)
    assert not found.informative
    assert "no verdict" in str(found)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"method": "gmc"}, "did you mean 'gcm'"), ({"method": "g"}, "needs categories")],
)
def test_tests_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        independence_test(columns(0, 100, "linear", 0.0), "x", "y", ("z",), **options)


def test_a_complete_graph_cannot_be_falsified():
    with pytest.raises(ValueError, match="claims no independence"):
        falsify(CausalGraph("x -> y"), columns(0, 100, "linear", 0.0))


def exact(seed: int) -> pd.DataFrame:
    """x follows exactly from z and w, y depends on them: nothing of x is left to depend on y."""
    rng = np.random.default_rng(seed)
    z, w, e = rng.normal(size=(3, 400))
    return pd.DataFrame({"x": z / 3 + w, "y": z + w + e, "z": z, "w": w})


@pytest.mark.parametrize("method", ["linear", "gcm"])
def test_what_follows_exactly_has_nothing_left_to_depend_on(method):
    assert all(independence_test(exact(s), "x", "y", ("z", "w"), method=method)[3] == 1 for s in range(5))


def test_a_column_given_twice_counts_once():
    frame = columns(1, 40, "linear", 0.3)
    once = independence_test(frame, "x", "y", "z")
    twice = independence_test(frame.assign(copy=2 * frame["z"] + 1), "x", "y", ("z", "copy"))
    assert twice[1:] == pytest.approx(once[1:])


def test_indicators_that_follow_exactly_leave_fewer_degrees_of_freedom():
    frame = columns(2, 300, "mixed", 0.0).assign(is_a=lambda t: (t["y"] == "a").astype(int))
    assert independence_test(frame, "x", "y", method="linear")[2] == 2
    assert independence_test(frame, "x", "y", "is_a", method="linear")[2] == 1


def test_falsify_takes_columns_that_follow_from_others():
    rows = linear_gaussian(1).sample(300, seed=3)[["affinity", "shown", "view"]]
    verdict = falsify(CausalGraph("affinity -> shown -> view -> twice"), rows.assign(twice=2 * rows["view"]))
    assert verdict.claims == 3
    assert (verdict.permuted >= 0).all()


GOOD = columns(0, 100, "linear", 0.0)


@pytest.mark.parametrize(
    ("frame", "question", "message"),
    [
        (GOOD, ("x", "q"), "'q' has no column"),
        (GOOD, ("x", "x"), "stands twice"),
        (GOOD, ("x", "y", ["x"]), "stands twice"),
        (GOOD.mask(GOOD > 2), ("x", "y"), "missing values of 100"),
        (GOOD.assign(y="same"), ("x", "y"), "constant"),
        (GOOD.assign(y=[f"u{i}" for i in range(100)]), ("x", "y"), "100 values in 100 rows"),
        (GOOD.assign(y=pd.date_range("2020", periods=100)), ("x", "y"), "neither a number nor a category"),
        (GOOD.assign(y=np.inf), ("x", "y"), "constant|infinite"),
        (pd.concat([GOOD, GOOD[["y"]]], axis=1), ("x", "y"), "in the table twice"),
    ],
)
@pytest.mark.parametrize("test", [independence_test, g_test, gcm_test, linear_test])
def test_columns_that_cannot_be_tested_are_named(test, frame, question, message):
    with pytest.raises(ValueError, match=message):
        test(frame, *question)


def test_falsify_refuses_a_level_that_is_none():
    with pytest.raises(ValueError, match="level=2"):
        falsify(CausalGraph("x; y"), GOOD, level=2)
