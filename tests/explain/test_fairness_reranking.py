"""Rankings that keep a promise: met where feasible, best among all by enumeration, and priced by the truth."""

import math
from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalrec_lab.explain import fairness
from causalrec_lab.explain.fairness.doubly_stochastic import best_matrix, birkhoff
from causalrec_lab.explain.fairness.groups import Groups
from causalrec_lab.explain.fairness.prefixes import with_quotas
from causalrec_lab.explain.fairness.quotas import corrected_alpha, failure_probability, fair_star_minimums
from causalrec_lab.intervention import ope
from causalrec_lab.world import Platform

V = 1 / np.log2(np.arange(10) + 2)


def best_by_enumeration(scores: np.ndarray, codes: np.ndarray, minimums: np.ndarray) -> float:
    best, k = -math.inf, minimums.shape[1]
    for ranking in permutations(range(len(scores)), k):
        held = np.cumsum(np.eye(len(minimums))[codes[list(ranking)]], axis=0).T
        if (held >= minimums).all():
            best = max(best, float(scores[list(ranking)] @ V[:k]))
    return best


def some_groups(rng: np.random.Generator, items: int, many: int) -> Groups:
    codes = rng.integers(0, many, items)
    codes[:many] = np.arange(many)
    return Groups("group", tuple("abc"[:many]), codes)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(4, 7), st.integers(2, 4), st.integers(2, 3))
def test_lists_with_quotas_are_the_best_of_all_that_keep_them(seed: int, items: int, k: int, many: int) -> None:
    rng = np.random.default_rng(seed)
    groups, scores = some_groups(rng, items, many), rng.normal(size=(1, items)).round(1)
    minimums = np.sort(rng.integers(0, 3, (many, k)), axis=1)
    best = best_by_enumeration(scores[0], groups.codes, minimums)
    if best == -math.inf:
        with pytest.raises(ValueError, match="should"):
            with_quotas(scores, groups, minimums)
        return
    ranking = with_quotas(scores, groups, minimums)[0]
    held = np.cumsum(np.eye(many)[groups.codes[ranking]], axis=0).T
    assert (held >= minimums).all()
    assert len(set(ranking.tolist())) == k
    assert scores[0, ranking] @ V[:k] == pytest.approx(best)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.floats(0.0, 0.4), st.booleans())
def test_amortised_shares_are_met_at_the_least_price(seed: int, share: float, exact: bool) -> None:
    """The mixture's mean score is the linear programme's over all lists of all users, written out."""
    from scipy.optimize import linprog

    rng = np.random.default_rng(seed)
    users, items, k = 2, 4, 2
    groups, scores = some_groups(rng, items, 2), rng.normal(size=(users, items))
    demand = {"target": {"a": share, "b": 1 - share}} if exact else {"least_share": {"a": share}}
    reach = V[: min(2, groups.counts[1])].sum() / V[:2].sum()
    if exact and 1 - share > reach:
        with pytest.raises(ValueError, match="at most"):
            fairness.rerank(scores, groups, k, method="amortised", **demand)
        return
    found = fairness.rerank(scores, groups, k, method="amortised", **demand)
    lists = list(permutations(range(items), k))
    worth = np.array([scores[u, list(ranking)] @ V[:k] for u, ranking in product(range(users), lists)])
    gives = np.tile([V[:k][groups.codes[list(ranking)] == 0].sum() / V[:k].sum() for ranking in lists], users)
    rows = np.kron(np.eye(users), np.ones(len(lists)))
    options = {"A_ub": -gives[None] / users, "b_ub": [-share]}
    if exact:
        rows, options = np.vstack([rows, gives / users]), {}
    right = [1.0] * users + ([share] if exact else [])
    best = -linprog(-worth / users, A_eq=rows, b_eq=right, method="highs", **options).fun
    after = found.table.loc["a", "after"]
    assert after == pytest.approx(share, abs=1e-6) if exact else after >= share - 1e-6
    assert found.score == pytest.approx(best, abs=1e-5)


@pytest.mark.parametrize("method", ["prefix", "fair_star", "amortised", "lp"])
def test_a_promise_that_is_kept_already_changes_nothing(method: str) -> None:
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=(20, 8)), ["a", "b"] * 4
    scores[:, ::2] += 5  # a leads everywhere
    found = fairness.rerank(scores, labels, 3, least_share={"a": 0.5}, method=method)
    plain = np.argsort(-scores, axis=1)[:, :3]
    assert (found.draw(seed=1) == plain).all()
    assert found.price == pytest.approx(0, abs=1e-9)


def test_list_by_list_the_programme_and_its_rankings_agree_with_the_mixture_of_one_user() -> None:
    rng = np.random.default_rng(1)
    labels = np.array(["a", "a", "b", "b", "b", "b"])
    for _ in range(5):
        scores = rng.normal(size=(1, 6))
        two = [
            fairness.rerank(scores, labels, 4, target={"a": 0.5, "b": 0.5}, method=method)
            for method in ("lp", "amortised")
        ]
        assert two[0].score == pytest.approx(two[1].score, abs=1e-5)
        assert two[0].table["after"].tolist() == pytest.approx([0.5, 0.5], abs=1e-6)


def test_birkhoff_s_rankings_mix_to_the_matrix() -> None:
    rng = np.random.default_rng(0)
    chances = rng.dirichlet(np.ones(6))
    rankings = [rng.permutation(5) for _ in chances]
    matrix = np.zeros((5, 5))
    for chance, ranking in zip(chances, rankings, strict=True):
        matrix[ranking, np.arange(5)] += chance
    chance, found = birkhoff(matrix)
    again = np.zeros((5, 5))
    for part, ranking in zip(chance, found, strict=True):
        again[ranking, np.arange(5)] += part
    assert again == pytest.approx(matrix, abs=1e-6)
    assert len(chance) <= 17
    with pytest.raises(ValueError, match="sum to 1"):
        birkhoff(matrix * 0.9)
    groups = Groups("g", ("a", "b"), np.array([0, 0, 1, 1, 1]))
    best = best_matrix(rng.normal(size=5), groups, V[:3], np.array([0.5, 0.5]), exact=True)
    assert best.sum(axis=0) == pytest.approx(np.ones(5))


def test_fair_star_s_minimums_are_the_binomial_s_by_hand() -> None:
    """The smallest m whose binomial chance of at most m exceeds alpha; for p = 1/2 counted on paper too."""

    def at_most(m: int, j: int, p: float) -> float:
        return sum(math.comb(j, i) * p**i * (1 - p) ** (j - i) for i in range(m + 1))

    for p in (0.1, 0.3, 0.5, 0.7):
        by_hand = [next(m for m in range(j + 1) if at_most(m, j, p) > 0.1) for j in range(1, 13)]
        assert fair_star_minimums(p, 12, correct=False).tolist() == by_hand
    assert fair_star_minimums(0.5, 12, correct=False).tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 4]


def test_the_correction_keeps_the_whole_list_s_level() -> None:
    minimums = fair_star_minimums(0.4, 20, correct=False)
    tossed = np.random.default_rng(0).random((40_000, 20)) < 0.4
    failed = (np.cumsum(tossed, axis=1) < minimums).any(axis=1).mean()
    assert failure_probability(minimums, 0.4) == pytest.approx(failed, abs=0.013)  # 5 standard errors
    assert failure_probability(minimums, 0.4) > 0.1
    assert failure_probability(fair_star_minimums(0.4, 20), 0.4) <= 0.1
    assert corrected_alpha(0.4, 1) == pytest.approx(0.1)


def test_the_controller_brings_a_stream_to_its_shares() -> None:
    rng = np.random.default_rng(0)
    labels, scores = np.array(["a", "b"] * 10), rng.random((4_000, 20))
    scores[:, ::2] += 1
    found = fairness.rerank(scores, labels, 5, target={"a": 0.5, "b": 0.5}, method="controller", batch=10)
    plain = fairness.rerank(scores, labels, 5, target={"a": 0.5, "b": 0.5}, method="controller", gain=0.0)
    assert found.course is not None
    early, late = (abs(found.course[at, 0] - 0.5) for at in (100, -1))
    assert late < 0.01
    assert late < early
    assert plain.table.loc["a", "after"] > 0.95


def test_the_policy_s_truth_is_that_of_the_list_over_its_places() -> None:
    """Sum of v times the policy's value equals the mean reward of lists enumerated place by place."""
    platform = Platform.make("ecommerce", seed=2, n_users=60, n_items=30)
    k = 4
    v = platform.truth.examination(k)["value"].to_numpy()
    scores = np.random.default_rng(0).normal(size=(60, 30))
    found = fairness.rerank(
        scores, platform.items["category"], k, least_share={"shoes": 0.4}, method="amortised", weights=v
    )
    true = float(platform.truth.policy_value(found.policy)) * v.sum()
    everything = pd.DataFrame(list(product(range(60), range(30))), columns=["user_id", "item_id"])
    everything["position"] = 0
    y1 = platform.truth.potential_outcomes(everything, "click")["y1"].to_numpy().reshape(60, 30)
    by_hand = 0.0
    for chance, lists in zip(found.chance, found.lists, strict=True):
        for place in range(k):
            by_hand += float((chance * v[place] * y1[np.arange(60), lists[:, place]]).mean())
    assert true == pytest.approx(by_hand, rel=1e-9)
    assert found.policy.probabilities(platform.contexts()).sum(axis=1) == pytest.approx(np.ones(60))
    log = platform.slates(_Uniform(30), 2_000, seed=1)
    read = ope.evaluate(log, found.policy, method="ips")
    assert abs(read.value - true / v.sum()) < 4.9 * read.std_error
    assert read.std_error < 0.1


def test_exposure_of_the_lists_is_what_the_table_says() -> None:
    rng = np.random.default_rng(0)
    labels = np.array(["a", "b", "b", "c"] * 3)
    found = fairness.rerank(rng.normal(size=(50, 12)), labels, 4, target={"a": 0.3, "b": 0.4, "c": 0.3})
    measured = fairness.exposure_by_group(found.exposure, labels, measure="share", against="all")
    assert measured.table["value"].tolist() == pytest.approx(found.table["after"].tolist())
    assert found.table["after"].tolist() == pytest.approx([0.3, 0.4, 0.3], abs=1e-6)
    drawn = found.draw(seed=1)
    assert drawn.shape == (50, 4)
    assert all(len(set(row)) == 4 for row in drawn.tolist())


def test_the_price_is_paired_over_cases_and_nothing_for_nothing() -> None:
    rng, labels = np.random.default_rng(0), np.array(["a", "b"] * 5)
    cases = []
    for _ in range(4):
        scores = rng.random((30, 10)) + np.array([0.0, 0.5] * 5)

        def worth(policy: fairness.RankedPolicy, scores: np.ndarray = scores) -> float:
            return float((policy.probabilities(pd.DataFrame({"user_id": range(30)})) * scores).sum(axis=1).mean())

        cases.append(fairness.Case(scores, labels, worth))
    curve = fairness.price_of_fairness(cases, 3, "a", [0.3, 0.6])
    assert curve.table.loc[0.0, "price"] == 0
    assert (np.diff(curve.table["price"]) > 0).all()
    assert curve.table.loc[0.6, "price_low"] <= curve.table.loc[0.6, "price"] <= curve.table.loc[0.6, "price_high"]
    assert curve.plot().lines
    assert math.isnan(fairness.price_of_fairness(cases[:1], 3, "a", [0.3]).table.loc[0.3, "price_low"])


class _Uniform:
    def __init__(self, items: int) -> None:
        self.items = items

    def probabilities(self, contexts: pd.DataFrame) -> np.ndarray:
        return np.full((len(contexts), self.items), 1 / self.items)
