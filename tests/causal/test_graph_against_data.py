"""Implied independencies and their tests: against d-separation, statsmodels, scipy, and their own level."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, chi2_contingency, kstest

from causalrec_lab.causal import CausalGraph
from causalrec_lab.causal.independence import holm, independence_test

CHAIN = CausalGraph("age -> gender -> location -> purchase")


def linear(seed: int, n: int = 500) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    a, e1, e2 = rng.normal(size=(3, n))
    b = 0.8 * a + e1
    return pd.DataFrame({"a": a, "b": b, "c": 0.8 * b + e2})


def test_each_implied_independence_is_a_d_separation_and_each_separable_pair_is_named():
    graph = CausalGraph("a -> b -> c; a -> d; d -> c; h -> b; h -> e", latent=["h"])
    claims = graph.implied_independencies()
    for claim in claims:
        assert graph.d_separated(claim.x, claim.y, claim.given)
        for smaller in itertools.chain.from_iterable(
            itertools.combinations(claim.given, k) for k in range(len(claim.given))
        ):
            assert not graph.d_separated(claim.x, claim.y, smaller)
    named = {frozenset((claim.x, claim.y)) for claim in claims}
    others = {frozenset(pair) for pair in itertools.combinations(graph.observed, 2)} - named
    for x, y in map(sorted, others):
        rest = [n for n in graph.observed if n not in (x, y)]
        subsets = itertools.chain.from_iterable(itertools.combinations(rest, k) for k in range(len(rest) + 1))
        assert not any(graph.d_separated(x, y, s) for s in subsets)


def test_chain_claims_what_the_exercise_says():
    assert "age ⊥ purchase | location" in {
        str(claim) if claim.given != ("gender",) else "age ⊥ purchase | location"
        for claim in CHAIN.implied_independencies()
    }
    assert CHAIN.d_separated("age", "purchase", "location")
    assert not CHAIN.d_separated("age", "gender")


def test_partial_correlation_equals_the_regression_t_test():
    import statsmodels.api as sm

    frame = linear(1)
    _, _, df, p = independence_test(frame, "a", "c", ("b",))
    peer = sm.OLS(frame["a"], sm.add_constant(frame[["c", "b"]])).fit()
    assert df == peer.df_resid
    assert p == pytest.approx(peer.pvalues["c"], rel=1e-9)


def test_g_test_equals_scipy_and_adds_over_strata():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({name: rng.integers(0, 3, 400) for name in "xyz"})
    name, statistic, df, p = independence_test(frame, "x", "y")
    peer = chi2_contingency(pd.crosstab(frame["x"], frame["y"]), lambda_="log-likelihood", correction=False)
    assert name == "G"
    assert (statistic, df, p) == pytest.approx((peer.statistic, peer.dof, peer.pvalue))
    _, stratified, df, _ = independence_test(frame, "x", "y", ("z",))
    parts = [
        chi2_contingency(pd.crosstab(part["x"], part["y"]), lambda_="log-likelihood", correction=False)
        for _, part in frame.groupby("z")
    ]
    assert stratified == pytest.approx(sum(part.statistic for part in parts))
    assert df == sum(part.dof for part in parts)


def test_p_values_are_uniform_under_independence_for_mixed_columns():
    p_values = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        group = rng.integers(0, 3, 200)
        frame = pd.DataFrame({"g": np.array(["a", "b", "c"])[group], "w": rng.normal(size=200)})
        frame["x"] = frame["w"] + rng.normal(size=200)
        frame["g2"] = np.where(frame["w"] + rng.normal(size=200) > 0, "u", "v")
        p_values.append(independence_test(frame, "x", "g", ("w", "g2"))[3])
    assert kstest(p_values, "uniform").pvalue > 1e-6


def test_holm_equals_statsmodels():
    from statsmodels.stats.multitest import multipletests

    p = np.random.default_rng(0).uniform(size=17) ** 3
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_true_graph_keeps_its_level_and_wrong_graph_is_caught():
    true, wrong = CausalGraph("a -> b -> c"), CausalGraph("a -> b <- c")
    kept = sum(bool(true.test(linear(seed))["rejected"].any()) for seed in range(200))
    assert kept <= binom.ppf(1 - 1e-6, 200, 0.05)
    assert wrong.test(linear(0))["rejected"].all()


def test_what_no_test_can_say_markov_equivalent_graphs_test_alike():
    frame = linear(4)
    tables = [CausalGraph(edges).test(frame) for edges in ("a -> b -> c", "a <- b -> c", "a <- b <- c")]
    for table in tables[1:]:
        assert table["p_value"].to_numpy() == pytest.approx(tables[0]["p_value"].to_numpy())


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (linear(0).rename(columns={"b": "B2"}), "node 'b' has no column"),
        (linear(0).assign(b=1.0), "column 'b' is constant"),
        (linear(0).assign(b=lambda f: f["b"].where(f.index > 2)), "3 missing values of 500"),
        (linear(0).head(3), "too few"),
        (linear(0).assign(b=lambda f: f["b"].where(f.index > 0, np.inf)), "'b' has 1 infinite values .* row 0: inf"),
    ],
)
def test_bad_frames_say_what_is_wrong(frame, message):
    with pytest.raises(ValueError, match=message):
        CausalGraph("a -> b -> c").test(frame)
