"""Evaluation of predicted effects and policy trees: against truth, brute force and the nominal error rates."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, kstest

from causalrec_lab.causal import effects
from causalrec_lab.causal.effects.cate.tree_search import Split, best_tree

COLUMNS = ["a", "b", "c"]


def draw(n: int, seed: int, *, slope: float = 0.0) -> tuple[pd.DataFrame, np.ndarray]:
    """Confounded rows whose effect is 0.5 + slope * b."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    treated, effect = rng.random(n) < 1 / (1 + np.exp(-0.5 * X[:, 0])), 0.5 + slope * X[:, 1]
    y = X[:, 0] + treated * effect + rng.normal(size=n)
    return pd.DataFrame(X, columns=COLUMNS).assign(t=treated.astype(int), y=y), effect


def scored(n: int, seed: int, **options: float) -> effects.EffectScores:
    return effects.effect_scores(draw(n, seed, **options)[0], "t", "y", COLUMNS, nuisance="linear")


def toc_areas(score: np.ndarray, priority: np.ndarray) -> tuple[float, float]:
    """AUTOC and Qini straight from the definition, ties aside."""
    ranked = score[np.argsort(-priority)]
    n = len(ranked)
    toc = np.array([ranked[:k].mean() - ranked.mean() for k in range(1, n + 1)])
    return toc.mean(), (toc * np.arange(1, n + 1) / n).mean()


def test_rate_is_its_definition_and_ties_share_their_mean() -> None:
    scores = scored(300, 1, slope=0.5)
    priority = np.random.default_rng(0).normal(size=300)
    for kind, wanted in zip(("autoc", "qini"), toc_areas(scores.row_scores, priority), strict=True):
        assert effects.rate(scores, priority, kind=kind).estimate.value == pytest.approx(wanted, abs=1e-12)
    tied = np.repeat([2.0, 1.0, 0.0], 100)
    smoothed = np.repeat([scores.row_scores[tied == k].mean() for k in (2, 1, 0)], 100)
    wanted = toc_areas(smoothed, np.arange(300)[::-1])[0]
    assert effects.rate(scores, tied).estimate.value == pytest.approx(wanted, abs=1e-12)
    assert effects.rate(scores, np.exp(priority)).estimate.value == effects.rate(scores, priority).estimate.value
    flat = effects.rate(scores, np.zeros(300))
    assert (flat.estimate.value, flat.p_value) == (0.0, 1.0)


def test_rate_covers_the_area_of_a_known_rule() -> None:
    # ranking by b, effect 0.5 + b / 2: TOC(u) = phi(z_u) / (2 u); AUTOC 1/2, Qini 1 / (4 sqrt(pi))
    runs, truth = 200, {"autoc": 0.5, "qini": 0.25 / np.sqrt(np.pi)}
    hits = dict.fromkeys(truth, 0)
    for seed in range(runs):
        scores = scored(600, 100 + seed, slope=0.5)
        for kind, value in truth.items():
            hits[kind] += effects.rate(scores, scores.frame["b"], kind=kind, resamples=100).estimate.covers(value)
    for kind in truth:
        assert binom.cdf(hits[kind], runs, 0.93) > 1e-6
        assert binom.sf(hits[kind] - 1, runs, 0.97) > 1e-6


def test_a_constant_effect_is_found_constant_as_often_as_claimed() -> None:
    runs, found = 250, []
    for seed in range(runs):
        rows = draw(500, 2_000 + seed)[0]
        learned = effects.r_learner(rows, "t", "y", COLUMNS, learner="linear", nuisance="linear")
        scores = scored(500, 9_000 + seed)
        found.append(
            (
                effects.rate(scores, learned, resamples=100).p_value,
                effects.best_linear_projection(scores, COLUMNS).p_value,
                effects.heterogeneity_test(scores, learned).p_value,
                effects.gates(scores, learned, groups=3).p_equal,
            )
        )
    for p in np.array(found).T:
        assert binom.sf(np.sum(p < 0.05) - 1, runs, 0.065) > 1e-6
        assert binom.cdf(np.sum(p < 0.05), runs, 0.035) > 1e-6
        assert kstest(p, "uniform").pvalue > 1e-6


def test_real_differences_are_found_and_calibrated() -> None:
    learned = effects.dr_learner(draw(4_000, 1, slope=0.5)[0], "t", "y", COLUMNS, learner="linear")
    rows, effect = draw(4_000, 2, slope=0.5)
    scores = effects.effect_scores(rows, "t", "y", COLUMNS)
    groups = effects.gates(scores, learned)
    order = pd.qcut(learned.effect(rows), 5, labels=False)
    truth = pd.Series(effect).groupby(order).mean().to_numpy()
    inside = (groups.table["low"] <= truth) & (truth <= groups.table["high"])
    assert inside.sum() >= 4
    assert groups.p_equal < 1e-10
    assert groups.p_calibrated > 1e-3
    assert groups.difference.covers(truth[-1] - truth[0])
    spoiled = effects.gates(scores, 3 * learned.effect(rows))
    assert spoiled.p_calibrated < 1e-10
    assert spoiled.calibration_error > 0.5
    slope = effects.heterogeneity_test(scores, learned).slope
    assert slope.covers(1.0)
    tripled = effects.heterogeneity_test(scores, 3 * learned.effect(rows)).slope
    assert tripled.value == pytest.approx(slope.value / 3)
    line = effects.best_linear_projection(scores, COLUMNS).table
    for name, value in {"average effect": 0.5, "a": 0.0, "b": 0.5, "c": 0.0}.items():
        assert abs(line.loc[name, "coefficient"] - value) < 4 * line.loc[name, "std_error"]


def test_the_projection_is_ordinary_least_squares_with_a_sandwich() -> None:
    import statsmodels.api as sm

    scores = scored(400, 1, slope=0.5)
    V = scores.frame[COLUMNS] - scores.frame[COLUMNS].mean()
    peer = sm.OLS(scores.row_scores, sm.add_constant(V.to_numpy())).fit(cov_type="HC1")
    table = effects.best_linear_projection(scores, COLUMNS).table
    assert np.allclose(table["coefficient"], peer.params)
    assert np.allclose(table["std_error"], peer.bse, rtol=3e-3)  # n / (n - 1) beside


def test_the_r_loss_ranks_truth_before_error() -> None:
    rows, effect = draw(4_000, 3, slope=0.5)
    scores = effects.effect_scores(rows, "t", "y", COLUMNS)
    table = effects.r_loss(scores, {"wrong": 1 - effect, "true": effect, "flat": np.full(4_000, 0.5)})
    assert list(table.index) == ["true", "flat", "wrong"]
    assert table.loc["true", "low"] > 0 > table.loc["wrong", "high"]
    by_hand = np.mean((scores.outcome_residual - scores.treatment_residual * effect) ** 2)
    assert table.loc["true", "loss"] == pytest.approx(by_hand)


def test_training_rows_are_known_again() -> None:
    rows, new = draw(500, 1)[0], draw(500, 2)[0]
    learned = effects.r_learner(rows, "t", "y", COLUMNS)
    warned = effects.rate(effects.effect_scores(rows, "t", "y", COLUMNS), learned, resamples=20).estimate.notes
    assert any("100% of these rows trained" in note for note in warned)
    held = effects.rate(effects.effect_scores(new, "t", "y", COLUMNS), learned, resamples=20).estimate.notes
    assert not any("trained" in note for note in held)


def brute(matrix: np.ndarray, gains: np.ndarray, depth: int, min_leaf: int) -> float:
    """Best value over every tree, by trying them."""
    best = max(gains.sum(), 0.0)
    if depth:
        for column in matrix.T:
            for cut in np.unique(column)[:-1]:
                low = column <= cut
                if min(low.sum(), (~low).sum()) >= min_leaf:
                    parts = (brute(matrix[side], gains[side], depth - 1, min_leaf) for side in (low, ~low))
                    best = max(best, sum(parts))
    return best


def leaves(node: Split | bool, matrix: np.ndarray) -> list[tuple[bool, np.ndarray]]:
    if isinstance(node, bool):
        return [(node, np.arange(len(matrix)))]
    low = matrix[:, node.column] <= node.threshold
    sides = ((node.left, np.flatnonzero(low)), (node.right, np.flatnonzero(~low)))
    return [(act, rows[inner]) for child, rows in sides for act, inner in leaves(child, matrix[rows])]


@pytest.mark.parametrize(("depth", "min_leaf"), itertools.product((1, 2), (1, 4)))
def test_the_tree_is_the_best_of_all(depth: int, min_leaf: int) -> None:
    for seed in range(12):
        rng = np.random.default_rng(seed)
        matrix, gains = rng.normal(size=(25, 3)), rng.normal(size=25)
        matrix[:, 1] = np.round(matrix[:, 1])
        root, value = best_tree(matrix, gains, depth=depth, min_leaf=min_leaf, candidates=None)
        assert value == pytest.approx(brute(matrix, gains, depth, min_leaf))
        found = leaves(root, matrix)
        assert sum(gains[rows].sum() for act, rows in found if act) == pytest.approx(value)
        assert min(len(rows) for _, rows in found) >= min_leaf


def test_a_policy_tree_finds_a_known_region_and_its_gain_is_covered() -> None:
    def world_of(n: int, seed: int) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(n, 3))
        treated = rng.random(n) < 0.5
        effect = np.where((X[:, 1] > 0) & (X[:, 2] > 0), 1.0, -0.5)
        y = X[:, 0] + treated * effect + rng.normal(size=n)
        return pd.DataFrame(X, columns=COLUMNS).assign(t=treated.astype(int), y=y)

    tree = effects.policy_tree(effects.effect_scores(world_of(4_000, 1), "t", "y", COLUMNS), COLUMNS)
    new = world_of(4_000, 2)
    best = ((new["b"] > 0) & (new["c"] > 0)).to_numpy()
    assert np.mean(tree.treat(new) == best) > 0.97
    scores = effects.effect_scores(new, "t", "y", COLUMNS)
    truth = np.mean(np.where(best, 1.0, -0.5) * tree.treat(new))
    everybody = np.mean(np.where(best, 1.0, -0.5))
    for over, value in {"none": truth, "all": truth - everybody}.items():
        gain = tree.gain(scores, over=over)
        assert abs(gain.value - value) < 4 * gain.std_error
    assert any("grew the tree" in note for note in tree.gain(tree.scores).notes)
    assert "if b <= " in tree.rules() or "if c <= " in tree.rules()
    assert len(tree.plot().texts) >= 5
    dear = effects.policy_tree(tree.scores, COLUMNS, cost=5.0)
    assert dear.rules() == "do not treat"


def test_categories_are_asked_as_levels() -> None:
    rows = draw(2_000, 4)[0]
    rng = np.random.default_rng(0)
    rows["shop"] = rng.choice(["east", "north"], 2_000)
    rows["y"] += rows["t"] * np.where(rows["shop"] == "north", 2.0, -2.0)
    tree = effects.policy_tree(effects.effect_scores(rows, "t", "y", [*COLUMNS, "shop"]), ["shop"], depth=1)
    assert tree.rules().splitlines() == [
        "if shop is not north:", "    do not treat", "if shop is north:", "    treat"
    ]  # fmt: skip


def test_what_no_evaluation_takes() -> None:
    scores = scored(200, 1)
    with pytest.raises(ValueError, match="did you mean 'qini'"):
        effects.rate(scores, np.arange(200), kind="qinni")
    with pytest.raises(ValueError, match=r"shape \(3,\) for 200"):
        effects.rate(scores, np.arange(3))
    with pytest.raises(ValueError, match="20 half-samples"):
        effects.rate(scores, np.arange(200), resamples=3)
    with pytest.raises(ValueError, match="10 rows a group"):
        effects.gates(scores, np.arange(200), groups=50)
    with pytest.raises(ValueError, match="same for every row"):
        effects.heterogeneity_test(scores, np.ones(200))
    with pytest.raises(ValueError, match="same for every row"):
        effects.gates(scores, np.ones(200))
    with pytest.raises(ValueError, match="collinear"):
        effects.best_linear_projection(scores, ["a", "a"])
    with pytest.raises(ValueError, match="needs predictions"):
        effects.r_loss(scores, {})
    for options, words in (
        ({"depth": 3}, "depth 1 or 2"),
        ({"cost": np.nan}, "cost=nan"),
        ({"min_leaf": 0}, "min_leaf"),
    ):
        with pytest.raises(ValueError, match=words):
            effects.policy_tree(scores, COLUMNS, **options)
    with pytest.raises(ValueError, match="no column 'zz'"):
        effects.policy_tree(scores, ["zz"])


def test_figures() -> None:
    scores = scored(300, 1, slope=0.5)
    for kind in ("autoc", "qini"):
        assert effects.rate(scores, scores.frame["b"], kind=kind, resamples=20).plot().get_xlabel().startswith("share")
    groups = effects.gates(scores, 0.5 + 0.5 * scores.frame["b"])
    assert groups.plot(truth=groups.table["predicted"]).get_ylabel() == "effect"
